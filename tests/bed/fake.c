/* fake.c: a fake server as a child process; see fake.h. */
#include "tests/bed/fake.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/bed/between.h"

#define ARGUMENTS_MAX 48

struct fake {
    pid_t pid;
    unsigned port;
};

/* The program beside the one that runs. */
static void program_path(const char *name, char path[PATH_MAX])
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    if (snprintf(path, PATH_MAX, "%s/fakes_%s", dirname(self), name) >= PATH_MAX)
        fail_msg("the path of fakes_%s is too long", name);
    if (access(path, X_OK) != 0)
        fail_msg("%s is not there; build it first", path);
}

struct fake *fake_start(const char *name, const char *argument)
{
    return fake_start_with(name, (const char *const[]){argument, NULL});
}

struct fake *fake_start_with(const char *name, const char *const *arguments)
{
    char path[PATH_MAX];
    program_path(name, path);
    const char *words[ARGUMENTS_MAX + 2] = {path};
    for (size_t i = 0; arguments[i]; i++) {
        assert_true(i < ARGUMENTS_MAX);
        words[i + 1] = arguments[i];
    }
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct fake *fake = calloc(1, sizeof *fake);
    assert_non_null(fake);
    pid_t parent = getpid();
    fake->pid = fork();
    assert_true(fake->pid >= 0);
    if (fake->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(path, (char *const *)(uintptr_t)words);
        _exit(127);
    }
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    assert_non_null(output);
    if (fscanf(output, "port %u", &fake->port) != 1)
        fail_msg("%s did not start", path);
    fclose(output);
    return fake;
}

void fake_stop(struct fake *fake)
{
    if (!fake)
        return;
    kill(fake->pid, SIGKILL);
    waitpid(fake->pid, NULL, 0);
    free(fake);
}

unsigned fake_port(const struct fake *fake)
{
    return fake->port;
}

unsigned fake_ask(const struct fake *fake, const char *method, const char *target, char *body, size_t size)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)fake->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    char text[8192];
    int asked =
        snprintf(text, sizeof text,
                 "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, target);
    assert_between(asked, 1, sizeof text - 1);
    assert_int_equal(send(fd, text, (size_t)asked, MSG_NOSIGNAL), asked);
    shutdown(fd, SHUT_WR);
    size_t n = 0;
    ssize_t got;
    while ((got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    text[n] = '\0';
    unsigned status = 0;
    const char *end = strstr(text, "\r\n\r\n");
    if (sscanf(text, "HTTP/1.1 %u", &status) != 1 || !end)
        fail_msg("the fake does not answer %s %s", method, target);
    if (body)
        (void)snprintf(body, size, "%s", end + 4);
    return status;
}

uint64_t fake_stat(const struct fake *fake, const char *name)
{
    char text[4096];
    assert_int_equal(fake_ask(fake, "GET", "/stats", text, sizeof text), 200);
    char key[64];
    (void)snprintf(key, sizeof key, "\"%s\": ", name);
    const char *at = strstr(text, key);
    if (!at)
        fail_msg("the fake tells no %s: %s", name, text);
    return strtoull(at + strlen(key), NULL, 10);
}
