/* filter.c: the allow-list of system calls as a seccomp filter for all threads.
 *
 * The list stands in syscalls.def. What is not on it, and what comes by the calling convention of another machine (32
 * bits, x32), kills the process: a decoder that asks for a socket has been taken over, and the next mail deserves a
 * fresh one. */
#include "runtime/sandbox/sandbox_internal.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define IS(n, value) \
    { \
        .arg = (n), .op = SCMP_CMP_EQ, .datum_a = (value), .datum_b = 0 \
    }
#define BITS(n, mask, value) \
    { \
        .arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (value) \
    }

/* 0, or what libseccomp says. An unknown name is none of this machine's. */
static int rule(scmp_filter_ctx filter, uint32_t action, int number, unsigned count, const struct scmp_arg_cmp *compare)
{
    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, action, number, count, compare);
}

static int add_rules(scmp_filter_ctx filter)
{
    int rc = 0;
#define ALLOW(name, why) \
    if (rc == 0) \
        rc = rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), 0, NULL);
#define ALLOW_IF(name, why, ...) \
    if (rc == 0) { \
        const struct scmp_arg_cmp compare[] = {__VA_ARGS__}; \
        rc = rule(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), sizeof compare / sizeof *compare, compare); \
    }
#define REFUSE(name, error, why) \
    if (rc == 0) \
        rc = rule(filter, SCMP_ACT_ERRNO(error), SCMP_SYS(name), 0, NULL);
#include "runtime/sandbox/syscalls.def"
#undef ALLOW
#undef ALLOW_IF
#undef REFUSE
    return rc;
}

int filter_load(struct ry_error *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return ry_fail(err, RY_EIO, "libseccomp cannot make a filter for this kernel");
    int rc = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* One sorted search instead of a walk through the list at every call. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = add_rules(filter);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    return rc == 0 ? RY_OK : ry_fail(err, RY_EIO, "the kernel rejects the seccomp filter: %s", strerror(-rc));
}
