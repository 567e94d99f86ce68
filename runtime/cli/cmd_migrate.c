/* `reelyard migrate`: SQL lives only in the writer, which brings its database to its schema when it opens; so this
 * opens one for a moment and asks where it stands. */
#include "runtime/cli/cli.h"

#include "runtime/cli/session.h"

/* Which database it is, for people: a file, or host:port/name. What stands before the '@' of an address (user and
 * password) and behind its '?' is left out. */
static void print_database(const struct ry_config *config, FILE *out)
{
    const char *url = ry_config_str(config, RY_OPT_database_url);
    if (!ry_config_has_postgres(config)) {
        (void)fputs(ry_config_str(config, RY_OPT_sqlite_path), out);
        return;
    }
    if (url[0] == '\0') {
        (void)fprintf(out, "PostgreSQL at %s:%lld/%s", ry_config_str(config, RY_OPT_db_host),
                      (long long)ry_config_int(config, RY_OPT_db_port), ry_config_str(config, RY_OPT_db_name));
        return;
    }
    const char *place = strstr(url, "://"), *at = strrchr(url, '@');
    const char *query = strchr(url, '?');
    if (place == NULL || (at != NULL && query != NULL && at > query)) { /* nobody knows where the password ends */
        (void)fputs("PostgreSQL", out);
        return;
    }
    place = at ? at + 1 : place + 3;
    size_t n = strcspn(place, "?");
    (void)fputs("PostgreSQL at ", out);
    ry_cli_print_safe(out, (struct ry_str){place, n});
}

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
            print_database(cli->config, cli->out);
            (void)fprintf(cli->out, " is at schema version %llu\n", (unsigned long long)state->schema_version);
        }
    }
    struct ry_error close_err;
    if (ry_session_close(&session, &close_err) != RY_OK && rc == RY_OK)
        return ry_cli_fail(cli, &close_err);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
