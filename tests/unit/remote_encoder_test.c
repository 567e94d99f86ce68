/* remote_encoder_test.c: an encoder of another host is told to stop while it calls its node. */
#include "tests/bed/bed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/process/remote_encoder.h"
#include "runtime/process/signals.h"

/* In the process that must not be started. */
static int write_a_byte(void *arg, const char *socket, void (*joined)(void *joined_arg), void *joined_arg)
{
    (void)socket;
    joined(joined_arg);
    return write(*(int *)arg, "x", 1) == 1 ? 0 : 1;
}

static void stop_that_comes_with_the_nodes_answer_starts_no_process(void **state)
{
    (void)state;
    char join[40], byte;
    int ends[2], code = -1;
    struct ry_error err = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(fd, 4), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    (void)snprintf(join, sizeof join, "tcp://127.0.0.1:%d", ntohs(at.sin_port));
    ry_signals_hold_stop();
    assert_int_equal(raise(SIGTERM), 0);
    const struct ry_remote_encoder_options options = {
        .join = join, .name = "encoder@host", .work = write_a_byte, .arg = &ends[1]};
    assert_int_equal(ry_remote_encoder_run(&options, &code, &err), RY_OK);
    assert_int_equal(code, 0);
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    (void)close(ends[0]);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(stop_that_comes_with_the_nodes_answer_starts_no_process)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
