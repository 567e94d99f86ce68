/* sandbox_calls_test.c: the allow-list holds on every machine: the C library of arm64 has other calls than that of
 * amd64 for the same functions. Reads the list itself; sandbox_test.c tries it on the machine it runs on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <seccomp.h>

static const char *const listed[] = {
#define ALLOW(name, why)         #name,
#define ALLOW_IF(name, why, ...) #name,
#define REFUSE(name, error, why) #name,
#include "runtime/sandbox/syscalls.def"
#undef ALLOW
#undef ALLOW_IF
#undef REFUSE
};

/* What the C library of a machine without the first call makes instead (glibc's sysdeps/unix/sysv/linux/generic). */
static const struct {
    const char *call;
    const char *instead;
} successors[] = {
    {"access", "faccessat"},    {"epoll_wait", "epoll_pwait"}, {"open", "openat"},        {"poll", "ppoll"},
    {"readlink", "readlinkat"}, {"stat", "newfstatat"},        {"time", "clock_gettime"}, {"unlink", "unlinkat"},
};

static bool is_listed(const char *name)
{
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        if (strcmp(listed[i], name) == 0)
            return true;
    return false;
}

static bool has(uint32_t machine, const char *name)
{
    return seccomp_syscall_resolve_name_arch(machine, name) >= 0;
}

static void every_name_is_one_of_amd64_or_arm64(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        if (!has(SCMP_ARCH_X86_64, listed[i]) && !has(SCMP_ARCH_AARCH64, listed[i]))
            fail_msg("%s is not a call of either", listed[i]);
}

static void a_call_that_arm64_lacks_is_listed_with_what_it_makes_instead(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        if (has(SCMP_ARCH_AARCH64, listed[i]))
            continue;
        const char *instead = NULL;
        for (size_t j = 0; j < sizeof successors / sizeof successors[0]; j++)
            if (strcmp(successors[j].call, listed[i]) == 0)
                instead = successors[j].instead;
        if (!instead || !has(SCMP_ARCH_AARCH64, instead) || !is_listed(instead))
            fail_msg("%s is listed, but not what arm64 makes instead (%s)", listed[i], instead ? instead : "unknown");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_one_of_amd64_or_arm64),
        cmocka_unit_test(a_call_that_arm64_lacks_is_listed_with_what_it_makes_instead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
