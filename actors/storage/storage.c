/* storage.c: keeps thumbnail files, and gives them out.
 *
 * Owns      the store (store.h), which is one folder; the mails whose files it would not take yet.
 *
 * Accepts   thumbnail_store and sheet_store from the encoder, thumbnail_read and media_read from the monitor,
 *           files_delete from the scheduler; originals and looks at files (originals.h).
 *
 * Sends     clip_completed, sheet_made and clip_kept to the writer, thumbnail_data, files_deleted.
 *
 * Promises  clip_completed is said only when all files of the clip are whole under their names and synced. The same
 *           mail twice writes nothing twice. Only a WebP file of the claimed size, no larger than was asked for, is
 *           kept. No file but those of the store's names is ever written, given out or deleted. A store that stumbles
 *           is tried again STORE_TRIES times, with growing waits; then the mail has failed, and its origin hears of
 *           it. One that has no room, is read-only, not mounted, moved away or failing is tried again until it is
 *           repaired, and status and /ready say so.
 *
 * When it crashes, files that were renamed stay and are found to be the same when the mail comes again; a half-written
 * one lies aside under a temporary name until it is swept. */
#include "actors/storage/storage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/storage/image_check.h"
#include "actors/storage/local.h"
#include "actors/storage/media.h"
#include "actors/storage/originals.h"
#include "proto/sheet_layout.h"
#include "proto/video_facts.h"
#include "runtime/base/assert.h"
#include "runtime/base/backoff.h"
#include "runtime/base/log.h"

/* Mails held at a time. A clip's images have some 60 kB. */
#define CAPACITY 16
/* Two, so that one can write while the other waits for the disk. */
#define THREADS 2

#define IMAGES_MAX     2 /* of one clip: small and large */
#define STORE_TRIES    5
#define RETRY_BASE_MS  1000
#define RETRY_MAX_MS   30000
#define JITTER_PERCENT 20

/* How often the store is looked at when nobody asks anything of it, so that status tells the truth. */
#define LOOK_MS 15000

enum timer { TIMER_RETRY, TIMER_LOOK };

/* A mail whose files the store would not take yet. */
struct waiting {
    struct ry_mail *mail;
    unsigned tries;
    int64_t due_mono_ms;
};

#define STORAGE_MAGIC 0x73746f72u

struct storage {
    unsigned magic;
    struct store *store;
    struct webp_size small; /* the boxes that images are made for */
    struct webp_size large;
    struct waiting waiting[CAPACITY];
    size_t waiting_count;
    struct ry_media_roots roots; /* of exports' files that are watched */
    bool in_trouble;             /* the store refused last; said to the log and in status once */
    struct originals originals;
};

static struct storage *storage_of(void *instance)
{
    struct storage *self = instance;
    RY_ASSERT(self->magic == STORAGE_MAGIC && self->waiting_count <= CAPACITY, "%zu mails wait", self->waiting_count);
    return self;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

/* The files that a mail asks to be kept; their bytes are the mail's. */
static int files_of(const struct storage *self, const struct ry_thumbnail_store *message,
                    struct store_file files[IMAGES_MAX], struct ry_error *err)
{
    RY_ASSERT(message->images.n <= IMAGES_MAX, "%zu images", message->images.n);
    int checked = ry_video_facts_check(&message->facts.items[0], err);
    if (checked != RY_OK)
        return checked;
    for (size_t i = 0; i < message->images.n; i++) {
        const struct ry_image *image = &message->images.items[i];
        files[i].bytes = (struct ry_str){image->webp.p, image->webp.n};
        int rc = ry_store_name_thumbnail(message->guild_id, message->clip_id, image->size_type, files[i].name, err);
        if (rc == RY_OK && i > 0 && strcmp(files[i].name, files[0].name) == 0)
            rc = ry_fail(err, RY_EINVAL, "two images are called %s", files[i].name);
        if (rc == RY_OK)
            rc = image_check(image, ry_str_is(image->size_type, "small") ? &self->small : &self->large, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

static void tell_completed(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *files)
{
    const struct ry_thumbnail_store *message = RY_BODY(mail, thumbnail_store);
    struct ry_thumbnail_row rows[IMAGES_MAX];
    for (size_t i = 0; i < message->images.n; i++)
        rows[i] = (struct ry_thumbnail_row){
            .size_type = message->images.items[i].size_type,
            .storage_path = ry_str_of(files[i].name),
            .width = message->images.items[i].width,
            .height = message->images.items[i].height,
            .file_size = files[i].bytes.n,
        };
    struct ry_clip_completed completed = {
        .clip_id = message->clip_id,
        .thumbnails = {rows, message->images.n},
        .facts = {message->facts.items, message->facts.n},
        .bytes_read = message->bytes_read,
    };
    struct ry_send send = ry_send_from(mail);
    (void)RY_TELL(ctx, clip_completed, &completed, &send);
}

/* Whether it is the whole store that is not to be had, until a person has repaired it. */
static bool is_store_away(int rc)
{
    return rc == RY_EFULL || rc == RY_EAWAY;
}

static void note_health(struct storage *self, struct ry_ctx *ctx, int rc, const struct ry_error *err)
{
    if (rc == RY_OK && self->in_trouble)
        RY_LOG(RY_INFO, "store_recovered", "waiting=%zu", self->waiting_count);
    if (rc != RY_OK && !self->in_trouble)
        RY_LOG(RY_ERROR, "store_failed", "code=%s reason=%s", ry_err_name(err->code), err->text);
    if (rc == RY_OK || is_store_away(rc))
        ry_ctx_trouble(ctx, rc == RY_OK ? NULL : err->text);
    self->in_trouble = rc != RY_OK;
}

static void look_at_store(struct storage *self, struct ry_ctx *ctx)
{
    struct ry_error err = {0};
    note_health(self, ctx, self->store->ops->ready(self->store, &err), &err);
    originals_look(&self->originals, ctx);
    ry_timer(ctx, TIMER_LOOK, LOOK_MS);
}

/* ---- a storyboard ------------------------------------------------------------------------------------------------ */

static int sheet_file_of(const struct ry_sheet_store *message, struct store_file *file, struct ry_error *err)
{
    const struct ry_sheet *sheet = &message->sheets.items[0];
    const struct ry_image image = {
        .size_type = RY_STR("storyboard"), .width = sheet->width, .height = sheet->height, .webp = message->webp};
    const struct webp_size box = {(unsigned)sheet->width, (unsigned)sheet->height};
    file->bytes = (struct ry_str){message->webp.p, message->webp.n};
    int rc = ry_store_name_sheet(message->guild_id, message->clip_id, file->name, err);
    if (rc == RY_OK)
        rc = ry_sheet_check(sheet, err);
    return rc == RY_OK ? image_check(&image, &box, err) : rc;
}

static void tell_sheet_made(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *file)
{
    const struct ry_sheet_store *message = RY_BODY(mail, sheet_store);
    const struct ry_sheet_made made = {.clip_id = message->clip_id,
                                       .storage_path = ry_str_of(file->name),
                                       .sheets = {message->sheets.items, message->sheets.n}};
    struct ry_send send = ry_send_from(mail);
    (void)RY_TELL(ctx, sheet_made, &made, &send);
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

/* Keeps a mail's files and tells the writer. RY_OK: the mail is finished. */
static int store_mail(struct storage *self, struct ry_ctx *ctx, const struct ry_mail *mail, struct ry_error *err)
{
    struct store_file files[IMAGES_MAX];
    bool is_sheet = mail->envelope.tag == RY_TAG_sheet_store;
    size_t n = is_sheet ? 1 : RY_BODY(mail, thumbnail_store)->images.n;
    int rc = is_sheet ? sheet_file_of(RY_BODY(mail, sheet_store), files, err)
                      : files_of(self, RY_BODY(mail, thumbnail_store), files, err);
    if (rc != RY_OK)
        return rc;
    struct store_written written = {0};
    rc = self->store->ops->put(self->store, files, n, &written, err);
    ry_count(ctx, RY_COUNTER_storage_files, written.files);
    ry_count(ctx, RY_COUNTER_storage_bytes, written.bytes);
    if (rc != RY_OK)
        ry_count(ctx, RY_COUNTER_storage_errors, 1);
    note_health(self, ctx, rc, err);
    if (rc == RY_OK && is_sheet)
        tell_sheet_made(ctx, mail, &files[0]);
    else if (rc == RY_OK)
        tell_completed(ctx, mail, files);
    return rc;
}

/* ---- trying again ------------------------------------------------------------------------------------------------ */

static void set_timer(const struct storage *self, struct ry_ctx *ctx)
{
    int64_t due_mono_ms = INT64_MAX;
    for (size_t i = 0; i < self->waiting_count; i++)
        if (self->waiting[i].due_mono_ms < due_mono_ms)
            due_mono_ms = self->waiting[i].due_mono_ms;
    if (due_mono_ms == INT64_MAX)
        return;
    int64_t delay_ms = due_mono_ms - ry_mono_ms(ry_ctx_clock(ctx));
    ry_timer(ctx, TIMER_RETRY, delay_ms > 0 ? delay_ms : 0);
}

static int64_t next_due_mono_ms(struct ry_ctx *ctx, unsigned tries)
{
    RY_ASSERT(tries > 0);
    return ry_mono_ms(ry_ctx_clock(ctx)) +
           ry_backoff_doubling_ms(ry_ctx_rng(ctx), RETRY_BASE_MS, RETRY_MAX_MS, tries - 1, JITTER_PERCENT);
}

/* A disk that is full, read-only, gone or failing is waited for however long it takes: the mails that wait use up this
 * actor's credit, so the encoders and all before them wait too, and nothing is given up that needs only a repair. */
static bool may_try_again(int rc, unsigned tries)
{
    RY_ASSERT(rc != RY_OK);
    return is_store_away(rc) || (ry_err_class((enum ry_err)rc) == RY_CLASS_RETRY && tries < STORE_TRIES);
}

static void on_store(struct storage *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct ry_error err = {0};
    int rc = store_mail(self, ctx, mail, &err);
    if (rc == RY_OK)
        return;
    if (!may_try_again(rc, 1) || self->waiting_count == CAPACITY) {
        ry_mail_fail(ctx, mail, false, err.text);
        return;
    }
    ry_mail_keep(ctx, mail);
    self->waiting[self->waiting_count++] =
        (struct waiting){.mail = mail, .tries = 1, .due_mono_ms = next_due_mono_ms(ctx, 1)};
    set_timer(self, ctx);
}

/* Tries a waiting mail again. True: it has come to an end. */
static bool try_again(struct storage *self, struct ry_ctx *ctx, struct waiting *waiting)
{
    struct ry_error err = {0};
    int rc = store_mail(self, ctx, waiting->mail, &err);
    waiting->tries++;
    if (rc == RY_OK) {
        ry_mail_done(ctx, waiting->mail);
        return true;
    }
    if (!may_try_again(rc, waiting->tries)) {
        ry_mail_fail(ctx, waiting->mail, false, err.text);
        return true;
    }
    waiting->due_mono_ms = next_due_mono_ms(ctx, waiting->tries);
    return false;
}

static void storage_tick(void *arg, struct ry_ctx *ctx, unsigned timer)
{
    struct storage *self = storage_of(arg);
    if (timer == TIMER_LOOK) {
        look_at_store(self, ctx);
        return;
    }
    int64_t now_mono_ms = ry_mono_ms(ry_ctx_clock(ctx));
    for (size_t i = 0; i < self->waiting_count;) {
        if (self->waiting[i].due_mono_ms <= now_mono_ms && try_again(self, ctx, &self->waiting[i]))
            self->waiting[i] = self->waiting[--self->waiting_count];
        else
            i++;
    }
    set_timer(self, ctx);
}

/* ---- giving out -------------------------------------------------------------------------------------------------- */

static void on_thumbnail_read(struct storage *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_thumbnail_read *message = RY_BODY(mail, thumbnail_read);
    struct ry_thumbnail_data data = {0};
    struct ry_frame *frame = NULL;
    struct ry_error err = {0};
    ry_store_name name;
    enum ry_store_kind kind = ry_store_name_check(message->storage_path, name);
    if (kind == RY_STORE_THUMBNAIL || kind == RY_STORE_SHEET) {
        int rc = self->store->ops->get(self->store, name, &frame, &err);
        if (rc == RY_OK) {
            data.found = true;
            data.bytes = (struct ry_blob){ry_frame_data(frame), ry_frame_size(frame), frame};
        } else if (rc != RY_ENOENT) {
            data.error = ry_str_of(err.text);
        }
    }
    RY_ANSWER(ctx, mail, thumbnail_data, &data);
    ry_frame_unref(frame);
}

/* ---- deleting ---------------------------------------------------------------------------------------------------- */

/* What files_delete names, sorted out. */
struct pending_delete {
    ry_store_name *names; /* those that are names of the store's files */
    bool *gone;           /* of names */
    struct ry_str *paths; /* all that are gone */
    size_t count;         /* of names */
    size_t paths_count;
};

/* A path that is no name of the store's can belong to no file of ours: it counts as gone, and nothing is touched. */
static void sort_out(const struct ry_files_delete *message, struct pending_delete *files)
{
    RY_ASSERT(files->count == 0 && files->paths_count == 0);
    struct ry_str malformed = {0};
    for (size_t i = 0; i < message->paths.n; i++) {
        if (ry_store_name_check(message->paths.items[i], files->names[files->count]) != RY_STORE_NONE) {
            files->count++;
            continue;
        }
        malformed = message->paths.items[i];
        files->paths[files->paths_count++] = malformed;
    }
    if (files->paths_count > 0)
        RY_LOG(RY_WARNING, "file_name_malformed", "count=%zu last=%.*s reason=%s", files->paths_count,
               RY_STR_ARG(malformed), "it is no name of the store's files, so nothing was deleted for it");
}

static void delete_files(struct storage *self, struct ry_ctx *ctx, const struct ry_mail *mail,
                         struct pending_delete *files)
{
    struct ry_error err = {0};
    sort_out(RY_BODY(mail, files_delete), files);
    int rc = self->store->ops->remove(self->store, files->names, files->count, files->gone, &err);
    size_t deleted = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (!files->gone[i])
            continue;
        files->paths[files->paths_count++] = ry_str_of(files->names[i]);
        deleted++;
    }
    ry_count(ctx, RY_COUNTER_files_deleted, deleted);
    struct ry_files_deleted answer = {.paths = {files->paths, files->paths_count}};
    if (rc != RY_OK)
        answer.error = ry_str_of(err.text);
    RY_ANSWER(ctx, mail, files_deleted, &answer);
}

static void on_files_delete(struct storage *self, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    size_t n = RY_BODY(mail, files_delete)->paths.n;
    struct pending_delete files = {
        .names = calloc(n, sizeof *files.names),
        .gone = calloc(n, sizeof *files.gone),
        .paths = calloc(n, sizeof *files.paths),
    };
    if (files.names != NULL && files.gone != NULL && files.paths != NULL) {
        delete_files(self, ctx, mail, &files);
    } else {
        struct ry_files_deleted answer = {.error = RY_STR("no memory to delete files")};
        RY_ANSWER(ctx, mail, files_deleted, &answer);
    }
    free(files.names);
    free(files.gone);
    free(files.paths);
}

static void storage_receive(void *arg, struct ry_ctx *ctx, struct ry_mail *mail)
{
    struct storage *self = storage_of(arg);
    switch (mail->envelope.tag) {
    case RY_TAG_thumbnail_store:
    case RY_TAG_sheet_store: on_store(self, ctx, mail); break;
    case RY_TAG_thumbnail_read: on_thumbnail_read(self, ctx, mail); break;
    case RY_TAG_media_read: media_on_read(self->store, &self->roots, ctx, mail); break;
    case RY_TAG_files_delete: on_files_delete(self, ctx, mail); break;
    default:
        /* of the rest, undeliverable: clip_completed's or clip_kept's origin is told, and that is not us */
        (void)originals_receive(&self->originals, ctx, mail);
        break;
    }
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static struct webp_size box_of(const struct ry_config *config, enum ry_option width, enum ry_option height)
{
    return (struct webp_size){(unsigned)ry_config_int(config, width), (unsigned)ry_config_int(config, height)};
}

static int storage_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct storage *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the storage");
    self->magic = STORAGE_MAGIC;
    const struct ry_config *config = ry_ctx_config(ctx);
    self->small = box_of(config, RY_OPT_thumbnail_small_width, RY_OPT_thumbnail_small_height);
    self->large = box_of(config, RY_OPT_thumbnail_large_width, RY_OPT_thumbnail_large_height);
    const struct store_local_options options = {
        .root = ry_config_str(config, RY_OPT_storage_path),
        .access = ry_config_str(config, RY_OPT_storage_access),
        .reserve_bytes = (uint64_t)ry_config_int(config, RY_OPT_disk_reserve),
        .rng = ry_ctx_rng(ctx),
    };
    int rc = store_local_open(&options, &self->store, err);
    if (rc == RY_OK)
        rc = originals_open(&self->originals, self->store, config, err);
    if (rc == RY_OK)
        look_at_store(self, ctx);
    return rc;
}

/* What waits for room on a disk is left to the router, at the cost of no attempt. */
static bool storage_drain(void *self, struct ry_ctx *ctx)
{
    (void)self;
    (void)ctx;
    return true;
}

static void storage_close(void **out)
{
    if (*out == NULL)
        return;
    struct storage *self = storage_of(*out);
    if (self->store != NULL)
        self->store->ops->close(self->store);
    self->magic = 0;
    free(self);
    *out = NULL;
}

const struct ry_actor_spec ry_storage_spec = {
    .role = RY_ROLE_STORAGE,
    .capacity = CAPACITY,
    .threads = THREADS,
    .open = storage_open,
    .receive = storage_receive,
    .tick = storage_tick,
    .drain = storage_drain,
    .close = storage_close,
};
