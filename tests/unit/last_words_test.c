/* last_words_test.c: a mail that uses up its CPU time fails at once and for good, with a reason that says so; it is not
 * tried again, as it would be after a crash. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/bus/node.h"
#include "runtime/bus/ticket.h"
#include "runtime/cli/confine.h"
#include "runtime/sandbox/sandbox.h"
#include "tests/bed/skip.h"
#include "tests/bed/node_watch.h"

#define ANSWER_MS 60000

/* ---- the process that works -------------------------------------------------------------------------------------- */

static int open_nothing(void **self, struct ry_ctx *ctx, struct ry_error *err)
{
    (void)ctx, (void)err;
    *self = NULL;
    return RY_OK;
}

/* The system's word that the time is used up; to use it up would take as long. */
static void use_up_all_time(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self, (void)ctx, (void)mail;
    (void)raise(SIGXCPU);
}

static void close_nothing(void **self)
{
    (void)self;
}

static const struct ry_actor_spec worker = {
    .role = RY_ROLE_WRITER,
    .capacity = 1,
    .threads = 1,
    .confinement = {.needed = true, .mail_cpu_max_s = 60, .work = "decoding"},
    .open = open_nothing,
    .receive = use_up_all_time,
    .close = close_nothing,
};

static int work(const char *socket)
{
    struct ry_confined confined;
    struct ry_error err = {.code = RY_OK};
    char *const nothing[] = {NULL};
    struct ry_cli cli = {.env = nothing, .out = stdout, .err = stderr};
    const struct ry_confine_options confine = {
        .spec = &worker, .name = "worker", .socket = socket, .kept_fd = RY_LEASH_FD};
    /* A writer takes a ticket, and who is shut in can read no file. */
    char token[RY_TICKET_BYTES];
    ry_ticket_file_read(socket, token);
    if (ry_config_load(&cli.config, nothing, &err) != RY_OK || ry_config_finish(cli.config, &err) != RY_OK ||
        ry_confine(&confined, &cli, &confine, &err) != RY_OK)
        return 1;
    const struct ry_attachment attachment = {.spec = &worker,
                                             .name = "worker",
                                             .config = cli.config,
                                             .ipc_path = confined.socket,
                                             .stop_fd = -1,
                                             .seal = confined.seal,
                                             .supervised = &(struct ry_supervised){RY_LEASH_FD, token}};
    return ry_node_attach(&attachment, &err) == RY_OK ? 0 : 2;
}

/* ---- the node ---------------------------------------------------------------------------------------------------- */

static void mail_that_used_up_its_cpu_time_has_failed_for_good_and_is_tried_once(void **state)
{
    (void)state;
    if (*ry_sandbox_unavailable())
        skip_test("%s", ry_sandbox_unavailable());
    char folder[] = "/tmp/reelyard-words.XXXXXX";
    char socket[64];
    char *const nothing[] = {NULL};
    struct ry_config *config = NULL;
    struct ry_node *node = NULL;
    struct ry_console *console = NULL;
    struct ry_error err = {.code = RY_OK};
    assert_non_null(mkdtemp(folder));
    (void)snprintf(socket, sizeof socket, "%s/node.sock", folder);
    assert_int_equal(ry_config_load(&config, nothing, &err) | ry_config_finish(config, &err), RY_OK);
    const struct ry_node_options options = {.config = config, .ipc_path = socket};
    assert_int_equal(ry_node_start(&node, &options, &err), RY_OK);
    int leash[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, leash), 0);
    pid_t child = fork();
    if (child == 0) {
        if (dup2(leash[1], RY_LEASH_FD) != RY_LEASH_FD)
            _exit(126);
        (void)execl("/proc/self/exe", "last_words_test", "--work", socket, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(ry_console_open(&console, node, NULL, config, &err), RY_OK);
    node_watch_credit(console, 1);
    const struct ry_archive_get ask = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    int rc = ry_console_ask(console, RY_TAG_archive_get, &ask, ANSWER_MS, &answer, &err);
    assert_string_equal(err.text, "decoding took more than 60 s of CPU");
    assert_int_equal(rc, RY_EIO);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), RY_EXIT_CPU);
    const struct ry_node_state *seen = node_watch_state(console);
    for (size_t i = 0; i < seen->roles.n; i++) {
        assert_int_equal(seen->roles.items[i].redelivered, 0);
        assert_int_equal(seen->roles.items[i].dead, 0);
        assert_int_equal(seen->roles.items[i].queued, 0);
    }
    ry_console_close(&console);
    assert_int_equal(ry_node_stop(&node, 1000, &err), RY_OK);
    ry_config_free(&config);
    (void)close(leash[0]);
    (void)close(leash[1]);
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--work") == 0)
        return work(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_that_used_up_its_cpu_time_has_failed_for_good_and_is_tried_once),
    };
    return skip_exit_code(cmocka_run_group_tests(tests, NULL, NULL));
}
