/* `reelyard migrate`: SQL lives only in the writer, which brings its database to its schema when it opens; so this
 * opens one for a moment and asks where it stands. */
#include "runtime/cli/cli.h"

#include "runtime/cli/session.h"

int ry_cmd_migrate(struct ry_cli *cli, int argc, char **argv)
{
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    struct ry_session session;
    struct ry_error err;
    if (ry_session_open(&session, cli, RY_ROLE_WRITER, true, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    const struct ry_archive_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&session, RY_TAG_archive_get, &question, &answer, &err);
    if (rc == RY_OK) {
        const struct ry_archive_state *state = RY_BODY(answer, archive_state);
        if (state->error.p)
            rc = ry_fail(&err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(state->error));
        else {
            struct ry_place place;
            ry_config_database_place(cli->config, &place);
            (void)fprintf(cli->out, "%s is at schema version %llu\n", place.where,
                          (unsigned long long)state->schema_version);
        }
    }
    struct ry_error close_err;
    if (ry_session_close(&session, &close_err) != RY_OK && rc == RY_OK)
        return ry_cli_fail(cli, &close_err);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
