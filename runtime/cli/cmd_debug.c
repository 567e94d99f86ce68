/* `reelyard debug heap`: heap profiles of a running node's processes (docs/MEMORY.md).
 *
 * The process samples its allocations from the first question on and goes on until it is told to stop or ends, so that
 * a second profile can be compared with the first. It writes the file itself; this command only says where it is. */
#include "runtime/cli/cli.h"

#include <inttypes.h>

#include "runtime/base/wait.h"
#include "runtime/cli/session.h"

#define SECONDS_MAX 86400

/* Asks; *made stays good until the next question. RY_EIO with the process's own reason. */
static int ask(struct ry_session *session, const char *instance, enum ry_heap_action action,
               const struct ry_heap_made **made, struct ry_error *err)
{
    const struct ry_heap_get question = {.instance = ry_str_of(instance), .action = action};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(session, RY_TAG_heap_get, &question, &answer, err);
    if (rc != RY_OK)
        return rc;
    *made = RY_BODY(answer, heap_made);
    if ((*made)->error.n > 0)
        return ry_fail(err, RY_EIO, "%.*s", RY_STR_ARG((*made)->error));
    return RY_OK;
}

static int profile(struct ry_cli *cli, struct ry_session *session, const char *instance, uint64_t seconds,
                   struct ry_error *err)
{
    const struct ry_heap_made *made = NULL;
    int rc = ask(session, instance, RY_HEAP_BEGIN, &made, err);
    if (rc == RY_OK && made->begun) {
        (void)fprintf(cli->err, "%s samples its allocations from now on; a profile follows in %" PRIu64 " s\n",
                      instance, seconds);
        (void)ry_wait(NULL, 0, (int64_t)seconds * 1000);
    }
    if (rc == RY_OK)
        rc = ask(session, instance, RY_HEAP_WRITE, &made, err);
    if (rc == RY_OK)
        (void)fprintf(cli->out, "%.*s\n", RY_STR_ARG(made->path));
    return rc;
}

int ry_cmd_debug(struct ry_cli *cli, int argc, char **argv)
{
    const char *seconds_text = NULL;
    bool stop = false;
    const struct ry_cli_flag flags[] = {{.name = "seconds", .value = &seconds_text}, {.name = "stop", .given = &stop}};
    int code = ry_cli_begin(cli, &argc, argv, flags, sizeof flags / sizeof *flags, 2, 2);
    if (code != RY_CLI_GO)
        return code;
    uint64_t seconds = 30;
    if (seconds_text && (!ry_str_u64(ry_str_of(seconds_text), &seconds) || seconds > SECONDS_MAX))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--seconds takes 0 to %d", SECONDS_MAX);
    if (!ry_str_is(ry_str_of(argv[1]), "heap"))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "there is nothing to debug but heap");
    struct ry_session session;
    struct ry_error err = {0}, ignored;
    const struct ry_heap_made *made = NULL;
    int rc = ry_session_join(&session, cli, &err);
    if (rc == RY_OK)
        rc = stop ? ask(&session, argv[2], RY_HEAP_END, &made, &err) : profile(cli, &session, argv[2], seconds, &err);
    (void)ry_session_close(&session, &ignored);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
