/* originals.c: see originals.h.
 *
 * An original comes in pieces from the downloader (media_begin, media_write, media_commit), or from a file of this host
 * that storage copies itself (media_copy). clip_kept is said only when the file is whole under its name and synced;
 * only then its assembly is removed. Whatever is lost on the way is asked again and found to be done.
 *
 * A store that is full or away is nobody's fault but its own: the answer says so (away), and the sender gives the clip
 * back for later. */
#include "actors/storage/originals.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/log.h"

/* Read by one file_hash. */
#define HASH_BYTES ((size_t)8 << 20)
#define SWEEP_MS   (INT64_C(3600) * 1000)

int originals_open(struct originals *self, struct store *store, const struct ry_config *config, struct ry_error *err)
{
    char folder[PATH_MAX];
    bool local = strcmp(ry_config_str(config, RY_OPT_storage_type), "local") == 0;
    *self = (struct originals){.store = store};
    if (local)
        (void)snprintf(folder, sizeof folder, "%s/media/partial", ry_config_str(config, RY_OPT_storage_path));
    else
        (void)snprintf(folder, sizeof folder, "%s/keep", ry_config_str(config, RY_OPT_spool_path));
    return assembly_open(&self->assembly, folder, (uint64_t)ry_config_int(config, RY_OPT_disk_reserve), err);
}

void originals_look(struct originals *self, struct ry_ctx *ctx)
{
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    if (self->swept_mono_ms != 0 && now_mono_ms - self->swept_mono_ms < SWEEP_MS)
        return;
    self->swept_mono_ms = now_mono_ms > 0 ? now_mono_ms : 1;
    unsigned removed = assembly_sweep(&self->assembly, ry_wall_ms(ry_ctx_clock(ctx)));
    if (removed > 0)
        RY_LOG(RY_INFO, "assembly_swept", "folder=%s files=%u", self->assembly.folder, removed);
}

/* Whether the store, or the disk of the assembly, is not to be had or has no room. */
static bool is_away(int rc)
{
    return rc == RY_EFULL || rc == RY_EAWAY;
}

static enum ry_failure_class class_of(int rc)
{
    return rc == RY_ENOENT || rc == RY_EDATA || rc == RY_ELIMIT ? RY_FAILURE_PERMANENT : RY_FAILURE_PASSING;
}

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static void on_begin(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_media_begin *begin = RY_BODY(mail, media_begin);
    struct ry_error err = {0};
    uint64_t offset = 0;
    int rc = self->store->ops->ready(self->store, &err);
    if (rc == RY_OK)
        rc = assembly_begin(&self->assembly, begin->clip_id, begin->total, begin->validator, &offset, &err);
    const struct ry_media_begun begun = {.offset = offset,
                                         .error = rc == RY_OK ? (struct ry_str){0} : ry_str_of(err.text),
                                         .away = rc != RY_OK && is_away(rc)};
    RY_ANSWER(ctx, mail, media_begun, &begun);
}

static void on_write(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_media_write *write = RY_BODY(mail, media_write);
    struct ry_error err = {0};
    uint64_t there = 0;
    int rc = assembly_write(&self->assembly, write->clip_id, write->offset,
                            (struct ry_str){write->bytes.p, write->bytes.n}, &there, &err);
    if (rc == RY_OK)
        ry_count(ctx, RY_COUNTER_keep_bytes, write->bytes.n);
    const struct ry_media_written written = {.offset = there,
                                             .error = rc == RY_OK ? (struct ry_str){0} : ry_str_of(err.text),
                                             .away = rc != RY_OK && is_away(rc)};
    RY_ANSWER(ctx, mail, media_written, &written);
}

/* Takes a whole file into the store and says so to the writer. */
static int keep_whole(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail, struct ry_str clip_id,
                      struct ry_str filename, struct ry_error *err)
{
    struct assembly_whole whole;
    int rc = assembly_take(&self->assembly, clip_id, &whole, err);
    if (rc != RY_OK)
        return rc;
    ry_store_name name;
    rc = ry_store_name_media(ry_str_of(whole.sha256), ry_str_of(ry_store_extension((struct ry_str){0}, filename)), name,
                             err);
    if (rc == RY_OK)
        rc = self->store->ops->keep(self->store, name, whole.fd, whole.bytes, err);
    (void)close(whole.fd);
    if (rc != RY_OK) {
        ry_count(ctx, RY_COUNTER_storage_errors, 1);
        return rc;
    }
    ry_count(ctx, RY_COUNTER_storage_files, 1);
    ry_count(ctx, RY_COUNTER_storage_bytes, whole.bytes);
    const struct ry_clip_kept kept = {.clip_id = clip_id,
                                      .sha256 = ry_str_of(whole.sha256),
                                      .kept_path = ry_str_of(name),
                                      .bytes = whole.bytes,
                                      .kept_wall_ms = ry_wall_ms(ry_ctx_clock(ctx))};
    struct ry_send send = ry_send_from(mail);
    (void)RY_TELL(ctx, clip_kept, &kept, &send);
    assembly_drop(&self->assembly, clip_id);
    return RY_OK;
}

static void on_commit(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_media_commit *commit = RY_BODY(mail, media_commit);
    struct ry_error err = {0};
    int rc = keep_whole(self, ctx, mail, commit->clip_id, commit->filename, &err);
    struct ry_media_committed committed = {0};
    if (rc != RY_OK)
        committed = (struct ry_media_committed){.error = ry_str_of(err.text), .away = is_away(rc)};
    RY_ANSWER(ctx, mail, media_committed, &committed);
}

/* ---- files of this host ------------------------------------------------------------------------------------------ */

/* One step: *more tells whether another is needed. */
static int copy_step(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail, bool *more, bool *gone,
                     struct ry_error *err)
{
    const struct ry_media_copy *copy = RY_BODY(mail, media_copy);
    struct ry_media_file file;
    char validator[64];
    uint64_t offset = 0;
    int rc = ry_media_file_open(&self->roots, copy->url, copy->media_root, &file, err);
    *gone = rc == RY_ENOENT;
    if (rc != RY_OK)
        return rc == RY_EAWAY ? RY_EACCES : rc; /* the export's disk is away, not the store */
    (void)snprintf(validator, sizeof validator, "%llu-%lld", (unsigned long long)file.bytes,
                   (long long)file.modified_wall_ns);
    rc = self->store->ops->ready(self->store, err);
    if (rc == RY_OK)
        rc = assembly_begin(&self->assembly, copy->clip_id, file.bytes, ry_str_of(validator), &offset, err);
    uint64_t before = offset;
    if (rc == RY_OK && offset < file.bytes)
        rc = assembly_copy(&self->assembly, copy->clip_id, file.fd, &offset, err);
    (void)close(file.fd);
    if (rc != RY_OK)
        return rc;
    ry_count(ctx, RY_COUNTER_keep_bytes, offset - before);
    *more = offset < file.bytes;
    return *more ? RY_OK : keep_whole(self, ctx, mail, copy->clip_id, copy->filename, err);
}

static void on_copy(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    struct ry_error err = {0};
    bool more = false, gone = false;
    int rc = copy_step(self, ctx, mail, &more, &gone, &err);
    struct ry_media_copied copied = {.more = more && rc == RY_OK};
    if (rc != RY_OK)
        copied = (struct ry_media_copied){
            .error = ry_str_of(err.text), .away = is_away(rc), .class = class_of(rc), .gone = gone};
    RY_ANSWER(ctx, mail, media_copied, &copied);
}

/* ---- looking at files -------------------------------------------------------------------------------------------- */

struct listing {
    struct ry_listed_file *items;
    ry_store_name *names;
    size_t n;
};

static void list_entry(void *arg, const struct store_entry *entry)
{
    struct listing *listing = arg;
    (void)snprintf(listing->names[listing->n], sizeof listing->names[0], "%s", entry->name);
    listing->items[listing->n] = (struct ry_listed_file){.path = ry_str_of(listing->names[listing->n]),
                                                         .bytes = entry->bytes,
                                                         .modified_wall_ms = entry->modified_wall_ms};
    listing->n++;
}

static void on_list(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_files_list *list = RY_BODY(mail, files_list);
    struct ry_files_listed listed = {0};
    struct ry_error err = {0};
    struct listing listing = {.items = calloc(list->limit, sizeof *listing.items),
                              .names = calloc(list->limit, sizeof *listing.names)};
    char prefix[RY_STORE_NAME_BYTES], after[RY_STORE_NAME_BYTES];
    bool fits = snprintf(prefix, sizeof prefix, "%.*s", RY_STR_ARG(list->prefix)) < (int)sizeof prefix &&
                snprintf(after, sizeof after, "%.*s", RY_STR_ARG(list->after)) < (int)sizeof after;
    int rc = listing.items == NULL || listing.names == NULL ? ry_fail(&err, RY_ENOMEM, "no memory for a list of files")
             : !fits                                        ? ry_fail(&err, RY_EINVAL, "that is no beginning of a name")
                     : self->store->ops->list(self->store, prefix, after, list->limit, list_entry, &listing, &err);
    if (rc == RY_OK) {
        listed.files.items = listing.items;
        listed.files.n = listing.n;
        listed.more = listing.n == list->limit;
    } else {
        listed.error = ry_str_of(err.text);
    }
    RY_ANSWER(ctx, mail, files_listed, &listed);
    free(listing.items);
    free(listing.names);
}

/* The state that a file_hash brings, or a new one. */
static bool take_state(const struct ry_file_hash *ask, struct ry_sha256 *state)
{
    if (ask->offset == 0) {
        ry_sha256_begin(state);
        return true;
    }
    if (ask->state.n != sizeof state->bytes)
        return false;
    memcpy(state->bytes, ask->state.p, sizeof state->bytes);
    return true;
}

static void on_hash(struct originals *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_file_hash *ask = RY_BODY(mail, file_hash);
    struct ry_file_hashed told = {.offset = ask->offset};
    struct ry_frame *frame = NULL;
    struct ry_sha256 state;
    struct ry_error err = {0};
    ry_store_name name;
    char hex[RY_SHA256_HEX_BYTES];
    int rc = ry_store_name_check(ask->path, name) == RY_STORE_NONE || !take_state(ask, &state)
                 ? ry_fail(&err, RY_EINVAL, "that is no name of a file, or the state is none")
                 : self->store->ops->read(self->store, name, ask->offset, ask->size_only ? 1 : HASH_BYTES, &frame,
                                          &told.total, &err);
    told.found = rc == RY_OK;
    if (rc != RY_OK && rc != RY_ENOENT)
        told.error = ry_str_of(err.text);
    if (rc == RY_OK && !ask->size_only) {
        size_t n = ry_frame_size(frame);
        ry_sha256_add(&state, ry_frame_data(frame), n);
        told.offset += n;
        if (told.offset < told.total && n > 0) {
            told.state = (struct ry_blob){.p = state.bytes, .n = sizeof state.bytes};
        } else {
            ry_sha256_end(&state, hex);
            told.sha256 = ry_str_of(hex);
        }
    }
    RY_ANSWER(ctx, mail, file_hashed, &told);
    ry_frame_unref(frame);
}

bool originals_receive(struct originals *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    switch (mail->envelope.tag) {
    case RY_TAG_media_begin: on_begin(self, ctx, mail); return true;
    case RY_TAG_media_write: on_write(self, ctx, mail); return true;
    case RY_TAG_media_commit: on_commit(self, ctx, mail); return true;
    case RY_TAG_media_copy: on_copy(self, ctx, mail); return true;
    case RY_TAG_files_list: on_list(self, ctx, mail); return true;
    case RY_TAG_file_hash: on_hash(self, ctx, mail); return true;
    default: return false;
    }
}
