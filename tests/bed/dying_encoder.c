/* dying_encoder.c: a broken installation: preloaded (LD_PRELOAD), `reelyard actor encoder` dies before it is ready.
 *
 * How, MALLOC_DYING_ENCODER says (a name that reaches encoders): without it, by the exit code of a program whose
 * libraries are missing; SIGSYS: by the signal of a system call that a sandbox denies; FORK: only a process that it
 * forks dies, by the same signal. Every other command of the program is left alone. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_NO_LIBRARY 127

static void die_denied(void)
{
    (void)raise(SIGSYS);
}

/* glibc hands these to every constructor. */
__attribute__((constructor)) static void die(int argc, char **argv)
{
    const char *how = getenv("MALLOC_DYING_ENCODER");
    if (argc < 3 || strcmp(argv[1], "actor") != 0 || strcmp(argv[2], "encoder") != 0)
        return;
    if (how == NULL)
        _exit(EXIT_NO_LIBRARY);
    if (strcmp(how, "FORK") == 0)
        (void)pthread_atfork(NULL, NULL, die_denied);
    else
        die_denied();
}
