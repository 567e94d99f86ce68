/* exit_code.h: exit codes by which a process tells the one that started it why it ended; those of commands stand in
 * runtime/cli/cli.h. The two of limits are 128 and the signal of a like limit, as a shell would report it. */
#ifndef REELYARD_RUNTIME_PROCESS_EXIT_CODE_H
#define REELYARD_RUNTIME_PROCESS_EXIT_CODE_H

/* Its node is gone, which is not its own fault; another try may be better. */
#define RY_EXIT_ORPHAN 75
/* A sandboxed process used more CPU time for one mail than it may (SIGXCPU). */
#define RY_EXIT_CPU 152
/* A sandboxed process sent a message that is larger than a message may be (SIGXFSZ). */
#define RY_EXIT_MESSAGE 153

#endif
