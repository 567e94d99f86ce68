/* skip.c: see skip.h. */
#include "tests/bed/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SKIPPED      77
#define REASON_BYTES 400

static struct {
    unsigned count;
    char reason[REASON_BYTES]; /* of the last one */
} skipped;

void skip_test(const char *reason, ...)
{
    va_list args;
    va_start(args, reason);
    (void)vsnprintf(skipped.reason, sizeof skipped.reason, reason, args);
    va_end(args);
    skipped.count++;
    print_message("skipped: %s\n", skipped.reason);
    skip();
}

void skip_program(const char *reason, ...)
{
    va_list args;
    va_start(args, reason);
    (void)vsnprintf(skipped.reason, sizeof skipped.reason, reason, args);
    va_end(args);
    (void)fprintf(stderr, "skipped: %s\n", skipped.reason);
    exit(SKIPPED);
}

bool skip_path_of(const char *program, char *folder, size_t bytes)
{
    for (const char *at = getenv("PATH"); at && *at;) {
        char path[4096];
        size_t n = strcspn(at, ":");
        (void)snprintf(folder, bytes, "%.*s", (int)n, at);
        (void)snprintf(path, sizeof path, "%s/%s", folder, program);
        if (access(path, X_OK) == 0)
            return true;
        at += at[n] ? n + 1 : n;
    }
    return false;
}

void skip_without(const char *program, const char *package)
{
    char folder[4096];
    if (!skip_path_of(program, folder, sizeof folder))
        skip_program("there is no %s (Debian package %s)", program, package);
}

int skip_exit_code(int failed)
{
    if (failed != 0)
        return 1;
    if (skipped.count == 0)
        return 0;
    (void)fprintf(stderr, "skipped: %u of the tests: %s\n", skipped.count, skipped.reason);
    return SKIPPED;
}
