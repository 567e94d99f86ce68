/* exit_code.h: exit codes by which a process tells the one that started it why it ended. The two of limits are 128 and
 * the signal of a like limit, as a shell would report it. */
#ifndef REELYARD_RUNTIME_PROCESS_EXIT_CODE_H
#define REELYARD_RUNTIME_PROCESS_EXIT_CODE_H

enum ry_exit {
    RY_EXIT_DONE = 0,
    RY_EXIT_FAILED = 1,
    RY_EXIT_USAGE = 2,
    RY_EXIT_AWAY = 69,    /* it could not open, for what it needs (a database) was away; another try may be better */
    RY_EXIT_ORPHAN = 75,  /* its node is gone, which is not its own fault; another try may be better */
    RY_EXIT_CONFIG = 78,  /* bad configuration; another try is no better */
    RY_EXIT_CPU = 152,    /* sandboxed: it used more CPU time for one mail than it may (SIGXCPU) */
    RY_EXIT_MESSAGE = 153 /* sandboxed: it sent a message that is larger than a message may be (SIGXFSZ) */
};

#endif
