/* signals.h: signals as data: blocked, and read from a descriptor (signalfd). */
#ifndef REELYARD_RUNTIME_PROCESS_SIGNALS_H
#define REELYARD_RUNTIME_PROCESS_SIGNALS_H

#include <signal.h>

#include "runtime/base/error.h"

/* What asks a process to end. */
#define RY_STOP_SIGNALS ((const int[]){SIGINT, SIGTERM, 0})

/* Blocks the signals (0 behind the last) in this thread and those that it will start, and makes a descriptor that
 * becomes readable when one has come. before: what was blocked before; may be NULL. On an error *fd is -1. */
int ry_signals_open(int *fd, const int *signals, sigset_t *before, struct ry_error *err);

/* The next one that has come, 0: none. Does not block. */
int ry_signals_take(int fd);

/* Blocks the stop signals, for a ry_signals_open that comes later. */
void ry_signals_hold_stop(void);

/* Gives the stop signals their usual effect again: the next one ends the process. */
void ry_signals_let_stop(void);

#endif
