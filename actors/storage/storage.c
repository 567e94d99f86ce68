/* storage.c: keeps thumbnail files, and gives them out.
 *
 * Owns      the store (store.h); threads in which images are put, many clips together (putting.h); the mails whose
 *           files it has not taken yet.
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
#include <stdlib.h>

#include "actors/storage/local.h"
#include "actors/storage/media.h"
#include "actors/storage/originals.h"
#include "actors/storage/putting.h"
#include "actors/storage/workers.h"
#include "runtime/base/assert.h"
#include "runtime/base/log.h"

/* Mails held at a time. A clip's images have some 60 kB. */
#define CAPACITY PUTTING_CLIPS_MAX
/* One, so that all clips in hand share a barrier; what waits for the disk does so in a thread of its own. */
#define THREADS 1

/* So many clips need not wait for more to share a barrier with. */
#define GROUP_FULL 8

/* A call to the store that takes this long is told of. */
#define SLOW_MS 60000

/* How often the store is looked at when nobody asks anything of it, so that status tells the truth. */
#define LOOK_MS 15000

enum timer { TIMER_PUT, TIMER_LOOK };

/* A look at the store; the worker's while it is on the way. */
struct look {
    struct work work; /* first, so that it leads to the rest */
    bool on_the_way;
    int rc;
    struct ry_error err;
};

#define STORAGE_MAGIC 0x73746f72u

struct storage {
    unsigned magic;
    struct store *store;
    struct workers *workers;
    struct putting *putting;
    struct look look;
    struct ry_rng worker_rng;    /* the worker's */
    struct ry_media_roots roots; /* of exports' files that are watched */
    bool in_trouble;             /* the store refused last; said to the log and in status once */
    struct originals originals;
};

static struct storage *storage_of(void *instance)
{
    struct storage *self = instance;
    RY_ASSERT(self->magic == STORAGE_MAGIC);
    return self;
}

/* ---- health ------------------------------------------------------------------------------------------------------- */

/* Whether it is the whole store that is not to be had, until a person has repaired it. */
static bool is_store_away(int rc)
{
    return rc == RY_EFULL || rc == RY_EAWAY;
}

static void note_health(struct storage *self, struct ry_ctx *ctx, int rc, const struct ry_error *err)
{
    if (rc == RY_OK && self->in_trouble)
        RY_LOG(RY_INFO, "store_recovered", "waiting=%zu", putting_waiting(self->putting));
    if (rc != RY_OK && !self->in_trouble)
        RY_LOG(RY_ERROR, "store_failed", "code=%s reason=%s", ry_err_name(err->code), err->text);
    if (rc == RY_EAWAY)
        self->store->ops->release(self->store);
    if (rc == RY_OK || is_store_away(rc))
        ry_ctx_trouble(ctx, rc == RY_OK ? NULL : err->text);
    self->in_trouble = rc != RY_OK;
}

static void on_outcome(void *arg, struct ry_ctx *ctx, int rc, const struct ry_error *err)
{
    note_health(storage_of(arg), ctx, rc, err);
}

/* A disk or server that does not come back from a call says no error. */
static void look_at_workers(struct storage *self, struct ry_ctx *ctx)
{
    int64_t since_mono_ms = workers_oldest_mono_ms(self->workers);
    int64_t for_s = since_mono_ms == 0 ? 0 : (ry_mono_ms(ry_clock_system()) - since_mono_ms) / 1000;
    if (for_s * 1000 < SLOW_MS)
        return;
    struct ry_error err = {0};
    note_health(self, ctx, ry_fail(&err, RY_EAWAY, "the store has not answered for %" PRId64 " s", for_s), &err);
}

static void run_look(struct work *work, struct store *store)
{
    struct look *look = (struct look *)work;
    look->rc = store->ops->ready(store, &look->err);
}

/* Asks in a worker's thread, whose store is the one that images are put into. */
static void look_at_store(struct storage *self, struct ry_ctx *ctx)
{
    look_at_workers(self, ctx);
    originals_look(&self->originals, ctx);
    ry_timer(ctx, TIMER_LOOK, LOOK_MS);
    if (self->look.on_the_way)
        return;
    self->look = (struct look){.work.run = run_look, .on_the_way = true};
    workers_submit(self->workers, &self->look.work);
}

static void storage_tick(void *arg, struct ry_ctx *ctx, unsigned timer)
{
    struct storage *self = storage_of(arg);
    if (timer == TIMER_PUT)
        putting_tick(self->putting, ctx);
    else
        look_at_store(self, ctx);
}

static int storage_engine_fd(void *arg)
{
    return workers_fd(storage_of(arg)->workers);
}

static void storage_ready(void *arg, struct ry_ctx *ctx)
{
    struct storage *self = storage_of(arg);
    struct work *work;
    while ((work = workers_take(self->workers)) != NULL) {
        bool put = putting_done(self->putting, ctx, work);
        RY_ASSERT(put || work == &self->look.work);
        if (!put) {
            self->look.on_the_way = false;
            note_health(self, ctx, self->look.rc, &self->look.err);
        }
    }
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
    case RY_TAG_sheet_store: putting_receive(self->putting, ctx, mail); break;
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

static int open_stores(struct storage *self, struct ry_ctx *ctx, struct ry_error *err)
{
    const struct ry_config *config = ry_ctx_config(ctx);
    struct store_local_options options = {
        .root = ry_config_str(config, RY_OPT_storage_path),
        .access = ry_config_str(config, RY_OPT_storage_access),
        .reserve_bytes = (uint64_t)ry_config_int(config, RY_OPT_disk_reserve),
        .rng = ry_ctx_rng(ctx),
    };
    struct store *of_worker = NULL;
    int rc = store_local_open(&options, &self->store, err);
    self->worker_rng.state = ry_rng_u64(ry_ctx_rng(ctx));
    options.rng = &self->worker_rng;
    options.swept = true;
    if (rc == RY_OK)
        rc = store_local_open(&options, &of_worker, err);
    return rc == RY_OK ? workers_open(&self->workers, &of_worker, 1, err) : rc;
}

static int storage_open(void **out, struct ry_ctx *ctx, struct ry_error *err)
{
    struct storage *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the storage");
    self->magic = STORAGE_MAGIC;
    const struct ry_config *config = ry_ctx_config(ctx);
    int rc = open_stores(self, ctx, err);
    const struct putting_options options = {
        .workers = self->workers,
        .groups = 1,
        .group_full = GROUP_FULL,
        .small = box_of(config, RY_OPT_thumbnail_small_width, RY_OPT_thumbnail_small_height),
        .large = box_of(config, RY_OPT_thumbnail_large_width, RY_OPT_thumbnail_large_height),
        .timer = TIMER_PUT,
        .on_outcome = on_outcome,
        .arg = self,
    };
    if (rc == RY_OK)
        rc = putting_open(&self->putting, &options, err);
    if (rc == RY_OK)
        rc = originals_open(&self->originals, self->store, config, err);
    struct ry_error why = {0};
    if (rc == RY_OK)
        note_health(self, ctx, self->store->ops->ready(self->store, &why), &why);
    if (rc == RY_OK)
        ry_timer(ctx, TIMER_LOOK, LOOK_MS);
    return rc;
}

/* What waits for room on a disk is left to the router, at the cost of no attempt. */
static bool storage_drain(void *arg, struct ry_ctx *ctx)
{
    return putting_drain(storage_of(arg)->putting, ctx);
}

static void storage_close(void **out)
{
    if (*out == NULL)
        return;
    struct storage *self = storage_of(*out);
    workers_close(&self->workers);
    putting_close(&self->putting);
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
    .ready = storage_ready,
    .engine_fd = storage_engine_fd,
    .drain = storage_drain,
    .close = storage_close,
};
