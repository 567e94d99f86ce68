/* files_session.c: see files_session.h. Owns nothing; the session is the command's. */
#include "runtime/cli/files_session.h"

#include "runtime/cli/roles.h"

int ry_files_session_open(struct ry_session *session, struct ry_cli *cli, struct ry_error *err)
{
    struct ry_node_role roles[RY_ROLE_COUNT];
    int rc = ry_session_join(session, cli, err);
    if (rc != RY_ENOENT)
        return rc;
    /* A writer alone looks whether there is a database at all. */
    rc = ry_session_open(session, cli, RY_ROLE_WRITER, false, err);
    if (rc == RY_OK)
        rc = ry_session_close(session, err);
    if (rc != RY_OK)
        return rc;
    ry_roles_default(cli, roles);
    for (size_t i = 0; i < cli->registry_count; i++) {
        enum ry_role role = roles[i].spec->role;
        roles[i].instances = role == RY_ROLE_WRITER || role == RY_ROLE_STORAGE;
    }
    return ry_session_start(session, cli, roles, cli->registry_count, false, err);
}

int ry_files_session_size(struct ry_session *session, struct ry_str path, bool *found, uint64_t *bytes,
                          struct ry_error *err)
{
    const struct ry_file_hash ask = {.path = path, .size_only = true};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(session, RY_TAG_file_hash, &ask, &answer, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_file_hashed *told = RY_BODY(answer, file_hashed);
    *found = told->found;
    *bytes = told->total;
    return told->error.p != NULL ? ry_fail(err, RY_EIO, "%.*s", RY_STR_ARG(told->error)) : RY_OK;
}
