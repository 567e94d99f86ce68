/* `reelyard sweep [--dry-run]`: files of the store that no row names are deleted; rows whose file is missing are told.
 *
 * A file that is new may be one whose row is on its way: it is left for another day. Any other that no row names is put
 * on the list of files to delete in the transaction that looks for the rows, so that a clip which gets the same file at
 * that moment is either seen, or has it kept anew (engine_ops.def). What is on the list is deleted here, as a running
 * node does. Every step bears being done twice. */
#include "runtime/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/store_name.h"
#include "runtime/base/clock.h"
#include "runtime/cli/files_session.h"
#include "runtime/json/writer.h"

#define PAGE_FILES     500
#define PATH_BYTES     1025
#define SHOWN_MAX      1000
#define JSON_MAX_BYTES ((size_t)1 << 20)
#define YOUNG_MS       (INT64_C(3600) * 1000)
#define DELETE_TRIES   1000

struct sweep {
    struct ry_cli *cli;
    struct ry_session session;
    struct ry_json_writer writer;
    bool json;
    bool dry_run;
    uint64_t files;   /* of the store */
    uint64_t rows;    /* files that rows name */
    uint64_t unnamed; /* files without a row */
    uint64_t missing; /* rows without a file */
    uint64_t shown;
    char paths[PAGE_FILES][PATH_BYTES];
    uint64_t bytes[PAGE_FILES];
    struct ry_str list[PAGE_FILES];
    struct ry_error err;
};

static void tell(struct sweep *self, struct ry_str path, const char *what)
{
    if (self->shown++ >= SHOWN_MAX)
        return;
    if (self->json) {
        ry_json_put_object(&self->writer, NULL);
        ry_json_put_str(&self->writer, "path", path);
        ry_json_put_text(&self->writer, "problem", what);
        ry_json_put_end(&self->writer);
    } else {
        ry_cli_print_safe(self->cli->out, path);
        fprintf(self->cli->out, "  %s\n", what);
    }
}

/* ---- files without rows ------------------------------------------------------------------------------------------ */

static int claim_files(struct sweep *self, size_t n)
{
    if (n == 0)
        return RY_OK;
    const struct ry_files_claim claim = {.paths = {self->list, n}, .doom = !self->dry_run};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&self->session, RY_TAG_files_claim, &claim, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_claimed *claimed = RY_BODY(answer, files_claimed);
    if (claimed->error.p != NULL)
        return ry_fail(&self->err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(claimed->error));
    for (size_t i = 0; i < claimed->paths.n; i++)
        tell(self, claimed->paths.items[i], self->dry_run ? "belongs to no row" : "belongs to no row: deleted");
    self->unnamed += claimed->paths.n;
    return RY_OK;
}

/* One page of names; *more tells whether there are others, and after where they begin. */
static int list_files(struct sweep *self, const char *prefix, char after[PATH_BYTES], bool *more)
{
    const struct ry_files_list ask = {
        .prefix = ry_str_of(prefix), .after = after[0] ? ry_str_of(after) : (struct ry_str){0}, .limit = PAGE_FILES};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&self->session, RY_TAG_files_list, &ask, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_listed *listed = RY_BODY(answer, files_listed);
    if (listed->error.p != NULL)
        return ry_fail(&self->err, RY_EIO, "the store did not answer: %.*s", RY_STR_ARG(listed->error));
    int64_t young_wall_ms = ry_wall_ms(ry_clock_system()) - YOUNG_MS;
    size_t n = 0;
    for (size_t i = 0; i < listed->files.n; i++) {
        const struct ry_listed_file *file = &listed->files.items[i];
        (void)snprintf(after, PATH_BYTES, "%.*s", RY_STR_ARG(file->path));
        self->files++;
        if (file->modified_wall_ms > young_wall_ms)
            continue;
        (void)snprintf(self->paths[n], PATH_BYTES, "%.*s", RY_STR_ARG(file->path));
        self->list[n] = ry_str_of(self->paths[n]);
        n++;
    }
    *more = listed->more && listed->files.n > 0;
    return claim_files(self, n);
}

static int sweep_files(struct sweep *self)
{
    for (int kind = RY_STORE_THUMBNAIL; kind < RY_STORE_KINDS; kind++) {
        char prefix[64], after[PATH_BYTES] = "";
        (void)snprintf(prefix, sizeof prefix, "%s/", ry_store_folder((enum ry_store_kind)kind));
        for (bool more = true; more;) {
            int rc = list_files(self, prefix, after, &more);
            if (rc != RY_OK)
                return rc;
        }
    }
    return RY_OK;
}

/* ---- deleting ---------------------------------------------------------------------------------------------------- */

/* Deletes what is on the list; *left: there may be more. */
static int delete_page(struct sweep *self, bool *left)
{
    const struct ry_files_doomed_get get = {.limit = PAGE_FILES};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&self->session, RY_TAG_files_doomed_get, &get, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_doomed_got *got = RY_BODY(answer, files_doomed_got);
    size_t n = got->paths.n;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(self->paths[i], PATH_BYTES, "%.*s", RY_STR_ARG(got->paths.items[i]));
        self->list[i] = ry_str_of(self->paths[i]);
    }
    *left = n == PAGE_FILES;
    if (n == 0)
        return RY_OK;
    const struct ry_files_delete delete = {.paths = {self->list, n}};
    rc = ry_session_ask(&self->session, RY_TAG_files_delete, &delete, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_deleted *deleted = RY_BODY(answer, files_deleted);
    if (deleted->error.p != NULL)
        return ry_fail(&self->err, RY_EIO, "files could not be deleted: %.*s", RY_STR_ARG(deleted->error));
    const struct ry_files_forget forget = {.paths = {self->list, n}};
    return ry_session_ask(&self->session, RY_TAG_files_forget, &forget, &answer, &self->err);
}

static int delete_files(struct sweep *self)
{
    int rc = RY_OK;
    bool left = !self->dry_run;
    for (int i = 0; rc == RY_OK && left && i < DELETE_TRIES; i++)
        rc = delete_page(self, &left);
    return rc;
}

/* ---- rows without files ------------------------------------------------------------------------------------------ */

static int check_page(struct sweep *self, int kind, char after[PATH_BYTES], bool *more)
{
    const struct ry_files_get get = {
        .kind = (uint64_t)kind, .after = after[0] ? ry_str_of(after) : (struct ry_str){0}, .limit = PAGE_FILES};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&self->session, RY_TAG_files_get, &get, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_got *got = RY_BODY(answer, files_got);
    if (got->error.p != NULL)
        return ry_fail(&self->err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(got->error));
    size_t n = got->files.n;
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(self->paths[i], PATH_BYTES, "%.*s", RY_STR_ARG(got->files.items[i].path));
        (void)snprintf(after, PATH_BYTES, "%.*s", RY_STR_ARG(got->files.items[i].key));
        self->bytes[i] = got->files.items[i].bytes;
    }
    *more = got->more && n > 0;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        uint64_t bytes = 0;
        struct ry_str path = ry_str_of(self->paths[i]);
        rc = ry_store_name_check(path, NULL) == RY_STORE_NONE
                 ? RY_OK
                 : ry_files_session_size(&self->session, path, &found, &bytes, &self->err);
        if (rc != RY_OK)
            return rc;
        self->rows++;
        self->missing += !found;
        if (!found)
            tell(self, path, "is missing from the store");
        else if (self->bytes[i] > 0 && bytes != self->bytes[i])
            tell(self, path, "has another size than its row says: `reelyard verify` reads it");
    }
    return RY_OK;
}

static int sweep_rows(struct sweep *self)
{
    for (int kind = RY_STORE_THUMBNAIL; kind < RY_STORE_KINDS; kind++) {
        char after[PATH_BYTES] = "";
        for (bool more = true; more;) {
            int rc = check_page(self, kind, after, &more);
            if (rc != RY_OK)
                return rc;
        }
    }
    return RY_OK;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static void report(struct sweep *self, struct ry_buf *text)
{
    if (!self->json) {
        fprintf(self->cli->out,
                "%" PRIu64 " files in the store, %" PRIu64 " without a row%s; %" PRIu64 " files named by rows, %" PRIu64
                " missing\n",
                self->files, self->unnamed, self->dry_run ? "" : " deleted", self->rows, self->missing);
        return;
    }
    ry_json_put_end(&self->writer);
    ry_json_put_bool(&self->writer, "dry_run", self->dry_run);
    ry_json_put_u64(&self->writer, "files", self->files);
    ry_json_put_u64(&self->writer, "files_without_rows", self->unnamed);
    ry_json_put_u64(&self->writer, "rows", self->rows);
    ry_json_put_u64(&self->writer, "rows_without_files", self->missing);
    ry_json_put_end(&self->writer);
    fprintf(self->cli->out, "%.*s\n", RY_STR_ARG(ry_buf_str(text)));
}

static int sweep(struct sweep *self)
{
    struct ry_cli *cli = self->cli;
    RY_BUF_AUTO text = ry_buf_make(JSON_MAX_BYTES);
    self->writer = ry_json_writer(&text, true);
    ry_json_put_object(&self->writer, NULL);
    ry_json_put_array(&self->writer, "problems");
    int rc = ry_files_session_open(&self->session, cli, &self->err);
    if (rc == RY_OK)
        rc = sweep_files(self);
    if (rc == RY_OK)
        rc = delete_files(self);
    if (rc == RY_OK)
        rc = sweep_rows(self);
    struct ry_error close_err;
    int close_rc = ry_session_close(&self->session, &close_err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &self->err);
    report(self, &text);
    if (close_rc != RY_OK)
        return ry_cli_fail(cli, &close_err);
    return self->missing == 0 ? RY_EXIT_DONE : RY_EXIT_FAILED;
}

int ry_cmd_sweep(struct ry_cli *cli, int argc, char **argv)
{
    bool json = false, dry_run = false;
    const struct ry_cli_flag flags[] = {{.name = "json", .given = &json}, {.name = "dry-run", .given = &dry_run}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 2, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    struct sweep *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "out of memory");
    *self = (struct sweep){.cli = cli, .session = RY_SESSION_NONE, .json = json, .dry_run = dry_run};
    code = sweep(self);
    free(self);
    return code;
}
