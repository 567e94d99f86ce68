/* `reelyard verify`: reads all kept originals again and compares their digests with the database. It changes nothing.
 *
 * Files are read by storage, a part at a time, so that a running node goes on with its work in between. */
#include "runtime/cli/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/clock.h"
#include "runtime/cli/files_session.h"
#include "runtime/import/progress.h"
#include "runtime/json/writer.h"
#include "proto/store_name.h"

#define PAGE_FILES     200
#define KEY_BYTES      1025
#define SHOWN_MAX      1000
#define JSON_MAX_BYTES ((size_t)1 << 20)
#define STATE_BYTES    256

struct verify {
    struct ry_cli *cli;
    struct ry_session session;
    struct ry_progress progress;
    struct ry_json_writer writer; /* of bad files */
    bool json;
    uint64_t files;
    uint64_t bytes;
    uint64_t bad;
    struct ry_error err;
};

static void tell_bad(struct verify *self, const struct ry_stored_file *file, const char *what)
{
    self->bad++;
    if (self->json && self->bad <= SHOWN_MAX) {
        ry_json_put_object(&self->writer, NULL);
        ry_json_put_str(&self->writer, "path", file->path);
        ry_json_put_text(&self->writer, "problem", what);
        ry_json_put_u64(&self->writer, "clips", file->clips);
        ry_json_put_end(&self->writer);
    } else if (!self->json) {
        ry_cli_print_safe(self->cli->out, file->path);
        fprintf(self->cli->out, "  %s (%" PRIu64 " clip%s)\n", what, file->clips, file->clips == 1 ? "" : "s");
    }
}

/* Compares one file; its trouble is its own, only a node that does not answer ends the command. */
static int check_file(struct verify *self, const struct ry_stored_file *file)
{
    char state[STATE_BYTES];
    struct ry_file_hash ask = {.path = file->path};
    for (;;) {
        const struct ry_mail *answer = NULL;
        int rc = ry_session_ask(&self->session, RY_TAG_file_hash, &ask, &answer, &self->err);
        if (rc != RY_OK)
            return rc;
        const struct ry_file_hashed *told = RY_BODY(answer, file_hashed);
        char what[500];
        bool over = told->sha256.n > 0, same = over && ry_str_eq(told->sha256, file->sha256);
        self->bytes += told->offset - ask.offset;
        if (told->error.p != NULL)
            (void)snprintf(what, sizeof what, "cannot be read: %.*s", RY_STR_ARG(told->error));
        else if (!told->found)
            (void)snprintf(what, sizeof what, "is missing");
        else if (told->total != file->bytes)
            (void)snprintf(what, sizeof what, "has %" PRIu64 " bytes instead of %" PRIu64, told->total, file->bytes);
        else if (over && !same)
            (void)snprintf(what, sizeof what, "has other content: its SHA-256 is %.*s", RY_STR_ARG(told->sha256));
        else if (over)
            return RY_OK;
        else {
            if (told->state.n > sizeof state || told->offset <= ask.offset)
                return ry_fail(&self->err, RY_EIO, "storage does not get on with %.*s", RY_STR_ARG(file->path));
            memcpy(state, told->state.p, told->state.n);
            ask.offset = told->offset;
            ask.state = (struct ry_blob){.p = state, .n = told->state.n};
            continue;
        }
        tell_bad(self, file, what);
        return RY_OK;
    }
}

/* A page is gone over before the next question, whose answer takes its place: so its files are copied. */
struct page {
    char keys[PAGE_FILES][KEY_BYTES];
    char sha256[PAGE_FILES][RY_STORE_SHA256_BYTES];
    struct ry_stored_file files[PAGE_FILES];
    size_t n;
    bool more;
};

static int get_page(struct verify *self, const char *after, struct page *page)
{
    const struct ry_files_get get = {
        .kind = RY_STORE_MEDIA, .after = after[0] ? ry_str_of(after) : (struct ry_str){0}, .limit = PAGE_FILES};
    const struct ry_mail *answer = NULL;
    int rc = ry_session_ask(&self->session, RY_TAG_files_get, &get, &answer, &self->err);
    if (rc != RY_OK)
        return rc;
    const struct ry_files_got *got = RY_BODY(answer, files_got);
    if (got->error.p != NULL)
        return ry_fail(&self->err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(got->error));
    page->n = got->files.n;
    page->more = got->more;
    for (size_t i = 0; i < page->n; i++) {
        page->files[i] = got->files.items[i];
        (void)snprintf(page->keys[i], KEY_BYTES, "%.*s", RY_STR_ARG(got->files.items[i].path));
        (void)snprintf(page->sha256[i], RY_STORE_SHA256_BYTES, "%.*s", RY_STR_ARG(got->files.items[i].sha256));
        page->files[i].path = ry_str_of(page->keys[i]);
        page->files[i].sha256 = ry_str_of(page->sha256[i]);
    }
    return RY_OK;
}

static int check_all(struct verify *self)
{
    struct page *page = calloc(1, sizeof *page);
    char after[KEY_BYTES] = "";
    int rc = page == NULL ? ry_fail(&self->err, RY_ENOMEM, "out of memory") : RY_OK;
    for (bool more = true; rc == RY_OK && more; more = rc == RY_OK && page->more && page->n > 0) {
        rc = get_page(self, after, page);
        for (size_t i = 0; rc == RY_OK && i < page->n; i++) {
            rc = check_file(self, &page->files[i]);
            self->files++;
            if (!self->json)
                ry_progress_update(&self->progress, self->files, 0, NULL);
        }
        if (rc == RY_OK && page->n > 0)
            (void)snprintf(after, sizeof after, "%s", page->keys[page->n - 1]);
    }
    free(page);
    return rc;
}

static void report(struct verify *self, struct ry_buf *text)
{
    if (!self->json) {
        fprintf(self->cli->out, "%" PRIu64 " kept files read (%.1f MB), %" PRIu64 " bad\n", self->files,
                (double)self->bytes / 1e6, self->bad);
        return;
    }
    ry_json_put_end(&self->writer);
    ry_json_put_u64(&self->writer, "files", self->files);
    ry_json_put_u64(&self->writer, "bytes", self->bytes);
    ry_json_put_u64(&self->writer, "bad", self->bad);
    ry_json_put_end(&self->writer);
    fprintf(self->cli->out, "%.*s\n", RY_STR_ARG(ry_buf_str(text)));
}

int ry_cmd_verify(struct ry_cli *cli, int argc, char **argv)
{
    struct verify self = {.cli = cli, .session = RY_SESSION_NONE};
    const struct ry_cli_flag flags[] = {{.name = "json", .given = &self.json}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    RY_BUF_AUTO text = ry_buf_make(JSON_MAX_BYTES);
    self.writer = ry_json_writer(&text, true);
    ry_json_put_object(&self.writer, NULL);
    ry_json_put_array(&self.writer, "problems");
    ry_progress_init(&self.progress, cli->err, ry_clock_system(), "files");
    int rc = ry_files_session_open(&self.session, cli, &self.err);
    if (rc == RY_OK)
        rc = check_all(&self);
    struct ry_error close_err;
    int close_rc = ry_session_close(&self.session, &close_err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &self.err);
    report(&self, &text);
    if (close_rc != RY_OK)
        return ry_cli_fail(cli, &close_err);
    return self.bad == 0 ? RY_EXIT_DONE : RY_EXIT_FAILED;
}
