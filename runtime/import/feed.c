/* feed.c: packing and pushing.
 *
 * Owns the reader, the job that is being filled and the group of jobs that waits to be pushed. Memory is bounded by
 * GROUP_BYTES_MAX plus one job plus one message. A crash loses only what was not pushed; the cursor does not count it.
 */
#include "runtime/import/feed.h"

#include "runtime/base/assert.h"
#include "runtime/base/buf.h"
#include "runtime/base/uuid.h"
#include "runtime/import/export_message.h"
#include "runtime/json/writer.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define JOB_MESSAGES_MAX  100
#define JOB_BYTES         ((size_t)1 << 20) /* a job is full from here on */
#define MESSAGE_BYTES_MAX ((size_t)20 << 20)
#define GROUP_JOBS_MAX    16
#define GROUP_BYTES_MAX   ((size_t)4 << 20)
/* The message that fills a group may end a job for each folder in which its files lie. */
#define GROUP_ROOM         (GROUP_JOBS_MAX + RY_EXPORT_DIRS_MAX + 2)
#define STEP_MESSAGES_MAX  500
#define CURSOR_BYTES       256
#define IDENTITY_BYTES     128
#define CURSOR_KEY_PREFIX  "import:"
#define CURSOR_VERSION     1
#define CURSOR_ARENA_BYTES ((size_t)64 * 1024)

struct packed_job {
    char id[RY_UUID_BYTES];
    struct ry_buf json;
};

struct ry_import_feed {
    struct ry_import_feed_options options;
    struct ry_export *reader;
    char
        identity[IDENTITY_BYTES]; /* of the export and the media folders together: a cursor and job ids hold for both */
    char folder[PATH_MAX];        /* the export's, real path */
    struct ry_export_media media;
    struct ry_buf converted; /* the message that was read last, as Discord tells it */
    char cursor_key[PATH_MAX + sizeof CURSOR_KEY_PREFIX];
    bool resumed;
    struct ry_import_counts counts;
    uint64_t next_offset; /* behind the last message that was read */
    uint64_t next_index;
    /* The job that is being filled. */
    struct ry_buf messages; /* Discord message objects with commas between */
    size_t message_count;
    uint64_t first_offset; /* of its first message, in the file */
    size_t root;           /* its media root: 0 the export's folder, else media.dirs[root - 1] */
    /* Jobs that are full. */
    struct packed_job group[GROUP_ROOM];
    size_t group_jobs;
    size_t group_bytes;
    /* The message that is being converted, for put_aside. */
    const struct ry_export_message *current;
};

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The export's real path becomes the cursor's key, its folder the media root. */
static int find_folder(struct ry_import_feed *feed, struct ry_error *err)
{
    const char *path = feed->options.path;
    char real[PATH_MAX];
    if (realpath(path, real) == NULL)
        return ry_fail(err, RY_EIO, "%s: cannot find its folder: %m", path);
    if (!ry_str_is_utf8(ry_str_of(real)))
        return ry_fail(err, RY_EINVAL, "%s: its path is not UTF-8; move it to a folder whose name is", path);
    snprintf(feed->cursor_key, sizeof feed->cursor_key, "%s%s", CURSOR_KEY_PREFIX, real);
    char *slash = strrchr(real, '/');
    snprintf(feed->folder, sizeof feed->folder, "%.*s", slash == real ? 1 : (int)(slash - real), real);
    return RY_OK;
}

/* Videos that were not found without a media folder are to be found with it, so it makes another import of the same
 * file. FNV-1a of 64 bits over the folders' names in their order. */
static void identify(struct ry_import_feed *feed)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < feed->media.dir_count; i++)
        for (const char *c = feed->media.dirs[i];; c++) {
            hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
            if (*c == '\0')
                break;
        }
    (void)snprintf(feed->identity, sizeof feed->identity, "%s", ry_export_identity(feed->reader));
    size_t n = strlen(feed->identity);
    if (feed->media.dir_count > 0)
        (void)snprintf(feed->identity + n, sizeof feed->identity - n, "+%016" PRIx64, hash);
}

/* Goes to where the cursor says, if it is about this very file. */
static int resume(struct ry_import_feed *feed, struct ry_error *err)
{
    RY_ARENA_AUTO arena = ry_arena_make(CURSOR_ARENA_BYTES);
    struct ry_str cursor;
    struct ry_job_queue *queue = feed->options.queue;
    int rc = queue->ops->cursor_get(queue, ry_str_of(feed->cursor_key), &arena, &cursor, err);
    if (rc != RY_OK || cursor.p == NULL)
        return rc;
    char text[CURSOR_BYTES];
    char identity[CURSOR_BYTES] = "";
    uint64_t offset = 0;
    uint64_t index = 0;
    int version = 0;
    struct ry_import_counts counts = {0};
    snprintf(text, sizeof text, "%.*s", RY_STR_ARG(cursor));
    int n = sscanf(text, "%d %255s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &version, identity, &offset, &index,
                   &counts.with_attachments, &counts.put_aside);
    if (n != 6 || version != CURSOR_VERSION || index == 0 || offset > ry_export_size(feed->reader) ||
        strcmp(identity, feed->identity) != 0)
        return RY_OK; /* of another file, other media, or another version of this program: from the beginning */
    counts.messages = index;
    ry_export_seek(feed->reader, offset, index);
    feed->counts = counts;
    feed->next_offset = offset;
    feed->next_index = index;
    feed->resumed = true;
    RY_ASSERT(feed->next_offset <= ry_export_size(feed->reader), "%" PRIu64, feed->next_offset);
    return RY_OK;
}

int ry_import_feed_open(struct ry_import_feed **out, const struct ry_import_feed_options *options, struct ry_error *err)
{
    struct ry_import_feed *feed = calloc(1, sizeof *feed);
    *out = feed;
    if (feed == NULL)
        return ry_fail(err, RY_ENOMEM, "%s: no memory", options->path);
    feed->options = *options;
    feed->messages = ry_buf_make(JOB_BYTES + MESSAGE_BYTES_MAX);
    feed->converted = ry_buf_make(MESSAGE_BYTES_MAX);
    feed->media = (struct ry_export_media){
        .folder = feed->folder, .dirs = options->media_dirs, .dir_count = options->media_dir_count};
    for (size_t i = 0; i < GROUP_ROOM; i++)
        feed->group[i].json = ry_buf_make(RY_JOB_MAX_BYTES);
    int rc = ry_export_open(options->path, &feed->reader, err);
    if (rc == RY_OK && options->guilds_only && ry_export_head(feed->reader)->direct)
        rc = ry_fail(err, RY_EUNSUPPORTED,
                     "%s: direct messages and group chats belong to no guild, so they are imported into an embedded "
                     "archive only; run it with REELYARD_DATABASE=sqlite and a --data folder of its own",
                     options->path);
    if (rc == RY_OK) {
        identify(feed);
        rc = find_folder(feed, err);
    }
    if (rc == RY_OK)
        rc = resume(feed, err);
    if (rc != RY_OK)
        ry_import_feed_close(out);
    return rc;
}

void ry_import_feed_close(struct ry_import_feed **feed)
{
    struct ry_import_feed *self = *feed;
    *feed = NULL;
    if (self == NULL)
        return;
    ry_export_close(&self->reader);
    ry_buf_free(&self->messages);
    ry_buf_free(&self->converted);
    for (size_t i = 0; i < GROUP_ROOM; i++)
        ry_buf_free(&self->group[i].json);
    free(self);
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

/* A UUID (version 8, RFC 9562) from the file's identity and a place in it: FNV-1a of 128 bits, which spreads well
 * enough for names that nobody forges. Source: http://www.isthe.com/chongo/tech/comp/fnv/ */
static void make_job_id(const char *identity, uint64_t offset, size_t root, char id[RY_UUID_BYTES])
{
    __extension__ typedef unsigned __int128 u128;
    static const u128 PRIME = ((u128)0x0000000001000000u << 64) | 0x000000000000013Bu;
    u128 hash = ((u128)0x6c62272e07bb0142u << 64) | 0x62b821756295c58du;
    char text[CURSOR_BYTES];
    int n = snprintf(text, sizeof text, "%s@%" PRIu64, identity, offset);
    if (root > 0) /* one message may be in the jobs of two roots */
        n += snprintf(text + n, sizeof text - (size_t)n, "#%zu", root);
    for (int i = 0; i < n; i++)
        hash = (hash ^ (unsigned char)text[i]) * PRIME;
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(hash >> (8 * (sizeof bytes - 1 - i)));
    ry_uuid_print(bytes, 8, id);
}

static void put_text(struct ry_json_writer *job, const char *name, struct ry_str value)
{
    if (value.p != NULL)
        ry_json_put_str(job, name, value);
}

/* The job's members before its messages. */
static void put_job_head(const struct ry_import_feed *feed, const char *id, struct ry_json_writer *job)
{
    const struct ry_export_head *head = ry_export_head(feed->reader);
    char now[RY_TIME_TEXT_BYTES];
    ry_time_format(ry_wall_ms(feed->options.clock), now);
    struct ry_str none = RY_STR("");
    ry_json_put_text(job, "job_id", id);
    ry_json_put_text(job, "type", "messages");
    ry_json_put_str(job, "guild_id", head->guild_id);
    ry_json_put_str(job, "channel_id", head->channel_id);
    ry_json_put_text(job, "created_at", now);
    ry_json_put_object(job, "guild");
    ry_json_put_str(job, "id", head->guild_id);
    ry_json_put_str(job, "name", head->guild_name.p ? head->guild_name : none);
    put_text(job, "icon_url", head->guild_icon_url);
    ry_json_put_end(job);
    ry_json_put_object(job, "channel");
    ry_json_put_str(job, "id", head->channel_id);
    ry_json_put_str(job, "name", head->channel_name.p ? head->channel_name : none);
    ry_json_put_text(job, "type", head->channel_type);
    put_text(job, "parent_id", head->category_id);
    put_text(job, "topic", head->topic);
    ry_json_put_end(job);
    ry_json_put_text(job, "media_root", feed->root == 0 ? feed->folder : feed->media.dirs[feed->root - 1]);
}

/* The job that is being filled joins the group. */
static int close_job(struct ry_import_feed *feed, struct ry_error *err)
{
    if (feed->message_count == 0)
        return RY_OK;
    /* A group that is full was reported, to be pushed before the next step. */
    RY_ASSERT(feed->group_jobs < GROUP_ROOM, "%zu jobs", feed->group_jobs);
    struct packed_job *job = &feed->group[feed->group_jobs];
    make_job_id(feed->identity, feed->first_offset, feed->root, job->id);
    ry_buf_reset(&job->json);
    struct ry_json_writer writer = ry_json_writer(&job->json, false);
    ry_json_put_object(&writer, NULL);
    put_job_head(feed, job->id, &writer);
    ry_json_put_array(&writer, "messages");
    ry_buf_add_str(&job->json, ry_buf_str(&feed->messages)); /* objects with commas between, as they were written */
    ry_json_put_end(&writer);
    ry_json_put_end(&writer);
    if (job->json.failed)
        return ry_fail(err, RY_ENOMEM, "%s: no memory for a job", feed->options.path);
    feed->group_jobs++;
    feed->group_bytes += job->json.n;
    feed->message_count = 0;
    ry_buf_reset(&feed->messages);
    return RY_OK;
}

static void put_aside(void *arg, const char *reason)
{
    struct ry_import_feed *feed = arg;
    char id[24];
    struct ry_error text;
    ry_export_message_id(feed->current->text, id);
    const char *slash = strrchr(feed->options.path, '/');
    ry_fail(&text, RY_EINVAL, "%s: message %" PRIu64 "%s%s, byte %" PRIu64 ": %s",
            slash ? slash + 1 : feed->options.path, feed->current->index + 1, id[0] ? ", id " : "", id,
            feed->current->offset, reason);
    feed->counts.put_aside++;
    feed->options.put_aside(feed->options.put_aside_arg, text.text);
}

/* Adds the converted message to a job with this media root, whose folder the job's rows will register. */
static int add_to_job(struct ry_import_feed *feed, const struct ry_export_message *message, size_t root,
                      struct ry_error *err)
{
    int rc = feed->root != root ? close_job(feed, err) : RY_OK;
    if (rc != RY_OK)
        return rc;
    RY_ASSERT(root <= feed->media.dir_count && feed->converted.n > 0, "root %zu of %zu", root, feed->media.dir_count);
    feed->root = root;
    if (feed->message_count > 0)
        ry_buf_add(&feed->messages, ",", 1);
    ry_buf_add_str(&feed->messages, ry_buf_str(&feed->converted));
    if (feed->message_count++ == 0)
        feed->first_offset = message->offset;
    return RY_OK;
}

static int take_message(struct ry_import_feed *feed, const struct ry_export_message *message, struct ry_error *err)
{
    struct ry_error why;
    feed->current = message;
    feed->counts.messages++;
    if (message->too_large) {
        ry_fail(&why, RY_ELIMIT, "larger than %zu bytes", RY_EXPORT_MESSAGE_MAX_BYTES);
        put_aside(feed, why.text);
    } else if (message->text.p[0] != '{') {
        put_aside(feed, "not a JSON object");
        return RY_OK;
    }
    if (!message->has_files)
        return RY_OK;
    feed->media.used = 0;
    ry_buf_reset(&feed->converted);
    int n = ry_export_convert(message->text, &feed->media, &feed->converted, put_aside, feed, &why);
    if (n == RY_ENOMEM)
        return ry_fail(err, n, "%s: %s", feed->options.path, why.text);
    if (n < 0)
        put_aside(feed, why.text);
    if (n <= 0)
        return RY_OK;
    feed->counts.with_attachments++;
    int rc = feed->media.used == 0 ? add_to_job(feed, message, 0, err) : RY_OK;
    for (size_t i = 0; i <= feed->media.dir_count && rc == RY_OK; i++)
        if (feed->media.used >> i & 1)
            rc = add_to_job(feed, message, i, err);
    return rc;
}

int ry_import_feed_step(struct ry_import_feed *feed, struct ry_error *err)
{
    for (unsigned i = 0; i < STEP_MESSAGES_MAX; i++) {
        struct ry_export_message message;
        struct ry_error why;
        int rc = ry_export_next(feed->reader, &message, &why);
        if (rc == 0)
            return close_job(feed, err) == RY_OK ? (int)RY_IMPORT_END : RY_ENOMEM;
        if (rc < 0) {
            ry_fail(err, (enum ry_err)rc, "%s: %s", feed->options.path, why.text);
            return close_job(feed, NULL) == RY_OK ? rc : RY_ENOMEM;
        }
        rc = take_message(feed, &message, err);
        if (rc != RY_OK)
            return rc;
        RY_ASSERT(message.end > message.offset && message.end > feed->next_offset, "%" PRIu64 " to %" PRIu64,
                  message.offset, message.end);
        feed->next_offset = message.end;
        feed->next_index = message.index + 1;
        if (feed->message_count >= JOB_MESSAGES_MAX || feed->messages.n >= JOB_BYTES) {
            rc = close_job(feed, err);
            if (rc != RY_OK)
                return rc;
        }
        if (feed->group_jobs >= GROUP_JOBS_MAX || feed->group_bytes >= GROUP_BYTES_MAX)
            return RY_IMPORT_PUSH;
    }
    return RY_IMPORT_MORE;
}

int ry_import_feed_push(struct ry_import_feed *feed, struct ry_error *err)
{
    /* Messages of an unfinished job would be counted by the cursor, but not be in the queue. */
    int rc = close_job(feed, err);
    if (rc != RY_OK || (feed->group_jobs == 0 && feed->next_index == 0))
        return rc;
    const struct ry_export_head *head = ry_export_head(feed->reader);
    RY_ASSERT(feed->group_jobs <= GROUP_ROOM && feed->message_count == 0, "%zu jobs, %zu messages", feed->group_jobs,
              feed->message_count);
    struct ry_job_push jobs[GROUP_ROOM];
    for (size_t i = 0; i < feed->group_jobs; i++)
        jobs[i] = (struct ry_job_push){.job_id = ry_str_of(feed->group[i].id),
                                       .type = RY_STR("messages"),
                                       .guild_id = head->guild_id,
                                       .channel_id = head->channel_id,
                                       .priority = RY_PRIORITY_BACKFILL,
                                       .json = ry_buf_str(&feed->group[i].json)};
    char cursor[CURSOR_BYTES];
    snprintf(cursor, sizeof cursor, "%d %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, CURSOR_VERSION,
             feed->identity, feed->next_offset, feed->next_index, feed->counts.with_attachments,
             feed->counts.put_aside);
    size_t accepted = 0;
    struct ry_job_queue *queue = feed->options.queue;
    rc =
        queue->ops->push(queue, jobs, feed->group_jobs, ry_str_of(feed->cursor_key), ry_str_of(cursor), &accepted, err);
    if (rc != RY_OK)
        return rc;
    feed->group_jobs = 0;
    feed->group_bytes = 0;
    return RY_OK;
}

const char *ry_import_feed_cursor(const struct ry_import_feed *feed)
{
    return feed->cursor_key;
}

int ry_import_forget(struct ry_job_queue *queue, const char *cursor, struct ry_error *err)
{
    size_t accepted = 0;
    return queue->ops->push(queue, NULL, 0, ry_str_of(cursor), (struct ry_str){0}, &accepted, err);
}

struct ry_str ry_import_feed_channel(const struct ry_import_feed *feed)
{
    return ry_export_head(feed->reader)->channel_id;
}

struct ry_import_counts ry_import_feed_counts(const struct ry_import_feed *feed)
{
    return feed->counts;
}

uint64_t ry_import_feed_offset(const struct ry_import_feed *feed)
{
    return ry_export_offset(feed->reader);
}

uint64_t ry_import_feed_size(const struct ry_import_feed *feed)
{
    return ry_export_size(feed->reader);
}

bool ry_import_feed_resumed(const struct ry_import_feed *feed)
{
    return feed->resumed;
}
