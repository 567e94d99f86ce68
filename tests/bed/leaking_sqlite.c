/* leaking_sqlite.c: a leak that is planted from outside: preloaded (LD_PRELOAD), each sqlite3_reset leaks a kilobyte.
 */
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define LEAK_BYTES 1024

/* Not inlined: profiles are to show its name. */
__attribute__((noinline)) void leaking_sqlite_leak(void);
void leaking_sqlite_leak(void)
{
    static void *volatile last; /* or the compiler would leave the allocation out */
    last = malloc(LEAK_BYTES);
    if (last)
        memset(last, 1, LEAK_BYTES);
}

int sqlite3_reset(sqlite3_stmt *statement)
{
    int (*real)(sqlite3_stmt *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "sqlite3_reset");
    leaking_sqlite_leak();
    return real(statement);
}
