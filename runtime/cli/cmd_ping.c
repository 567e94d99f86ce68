/* `reelyard ping`: whether the node of this data folder lives, for those that look after it (a container's health
 * check).
 *
 * `reelyard status` is for people: it also asks database and queue, and fails when one of them does not answer, which
 * is no reason to start the node again. This asks the router alone, which every node has, whatever its roles are.
 * Starts nothing and makes nothing. */
#include "runtime/cli/cli.h"

#include "runtime/cli/session.h"

int ry_cmd_ping(struct ry_cli *cli, int argc, char **argv)
{
    const struct ry_node_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    struct ry_session session;
    struct ry_error err;
    struct ry_error ignored;
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    int rc = ry_session_join(&session, cli, &err);
    if (rc == RY_OK)
        rc = ry_session_ask(&session, RY_TAG_node_get, &question, &answer, &err);
    if (rc == RY_OK)
        (void)fprintf(cli->out, "%.*s answers\n", RY_STR_ARG(RY_BODY(answer, node_state)->node));
    (void)ry_session_close(&session, &ignored);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
