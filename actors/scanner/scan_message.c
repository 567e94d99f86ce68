/* scan_message.c: a message of Discord, read from JSON and judged.
 *
 * Every field is checked against the limits of the rows that it becomes, so that nothing is refused later by the codec.
 * What cannot be read is reported alone, by the message's id, and the other attachments go on. Pure: strings are
 * borrowed from the JSON. */
#include "actors/scanner/scan_message.h"

#include "actors/scanner/clip_id.h"
#include "actors/scanner/clip_source.h"
#include "runtime/base/assert.h"
#include "runtime/base/clock.h"
#include "runtime/json/read.h"

/* Limits of message_row and clip_row in proto/messages.def. */
#define CONTENT_MAX_BYTES   ((size_t)65536)
#define FILENAME_MAX_BYTES  ((size_t)1024)
#define MIME_TYPE_MAX_BYTES ((size_t)255)
#define URL_MAX_BYTES       ((size_t)8192)
/* Discord's kind of a message that is a reply.
 * Source: https://discord.com/developers/docs/resources/message#message-object-message-types */
#define TYPE_REPLY 19

static int read_timestamp(const struct ry_json *object, struct ry_str id, int64_t *wall_ms, struct ry_error *err)
{
    struct ry_str text;
    int rc = ry_json_read_str(object, "", "timestamp", false, &text, err);
    if (rc != RY_OK)
        return rc;
    if (text.p != NULL)
        return ry_time_parse(text, wall_ms) ? RY_OK : ry_fail(err, RY_EINVAL, "timestamp is not an ISO 8601 time");
    uint64_t snowflake = 0;
    ry_str_u64(id, &snowflake);
    *wall_ms = clip_id_created_wall_ms(snowflake);
    return RY_OK;
}

/* A list that a clip may come from; what is none is as good as absent, for it is not the message's own. */
static const struct ry_json *list_of(const struct ry_json *object, const char *name)
{
    const struct ry_json *list = ry_json_get(object, name);
    return ry_json_is(list, RY_JSON_ARRAY) ? list : NULL;
}

/* What tells of other messages and of the message's fate; nothing of it is worth refusing the message for. */
static void read_relations(const struct ry_json *object, struct scan_message *message)
{
    struct ry_str edited = ry_json_get_str(object, "edited_timestamp");
    const struct ry_json *reference = ry_json_get(object, "message_reference");
    message->embeds = list_of(object, "embeds");
    message->reference = ry_json_is(reference, RY_JSON_OBJECT) ? reference : NULL;
    message->snapshots = list_of(object, "message_snapshots");
    message->reply = ry_json_get_u64(object, "type") == TYPE_REPLY && message->reference != NULL;
    message->pinned = ry_json_true(ry_json_get(object, "pinned"));
    if (edited.n == 0 || !ry_time_parse(edited, &message->edited_wall_ms) || message->edited_wall_ms < 0)
        message->edited_wall_ms = 0;
    for (size_t i = 0; message->content.n == 0 && i < ry_json_count(message->snapshots); i++)
        message->content = ry_json_get_str(ry_json_get(ry_json_at(message->snapshots, i), "message"), "content");
}

int scan_message_read(const struct ry_json *object, struct scan_message *message, struct ry_error *err)
{
    if (!ry_json_is(object, RY_JSON_OBJECT))
        return ry_fail(err, RY_EINVAL, "the message is not an object");
    int rc = ry_json_read_id(object, "", "id", true, &message->id, err);
    if (rc == RY_OK)
        rc = read_timestamp(object, message->id, &message->timestamp_wall_ms, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "", "content", false, &message->content, err);
    if (rc == RY_OK)
        read_relations(object, message);
    if (rc == RY_OK && message->content.n > CONTENT_MAX_BYTES)
        rc = ry_fail(err, RY_EINVAL, "content has %zu bytes, more than %zu", message->content.n, CONTENT_MAX_BYTES);
    if (rc == RY_OK)
        rc = ry_json_read_array(object, "", "attachments", false, &message->attachments, err);
    if (rc == RY_OK && ry_json_count(message->attachments) > SCAN_ATTACHMENTS_MAX)
        rc = ry_fail(err, RY_EINVAL, "attachments has more than %zu elements", SCAN_ATTACHMENTS_MAX);
    return rc;
}

/* What tells whether it is a video, before anything else of it is looked at. */
static int read_kind(const struct ry_json *object, struct scan_attachment *attachment, struct ry_error *err)
{
    if (!ry_json_is(object, RY_JSON_OBJECT))
        return ry_fail(err, RY_EINVAL, "an attachment is not an object");
    int rc = ry_json_read_str(object, "attachment ", "filename", true, &attachment->filename, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "attachment ", "content_type", false, &attachment->content_type, err);
    return rc;
}

static int check_url(struct ry_str url, bool file_urls, struct ry_error *err)
{
    if (url.n > URL_MAX_BYTES)
        return ry_fail(err, RY_EINVAL, "attachment url has %zu bytes, more than %zu", url.n, URL_MAX_BYTES);
    if (ry_str_starts(url, RY_STR("https://")) || ry_str_starts(url, RY_STR("http://")))
        return RY_OK;
    if (!ry_str_starts(url, RY_STR("file://")))
        return ry_fail(err, RY_EINVAL, "attachment url is neither https nor http");
    return file_urls ? RY_OK
                     : ry_fail(err, RY_EINVAL,
                               "attachment url names a file, which only this node's own jobs may, and "
                               "only with a media_root");
}

static int read_video(const struct ry_json *object, bool file_urls, bool proxy_urls, struct scan_attachment *attachment,
                      struct ry_error *err)
{
    /* What can be no size (negative, with a fraction, no number, far too large) is one that is not known. */
    if (!ry_json_u64(ry_json_get(object, "size"), &attachment->size) || attachment->size > RY_CLIP_BYTES_MAX)
        attachment->size = 0;
    int rc = ry_json_read_id(object, "attachment ", "id", true, &attachment->id, err);
    if (rc == RY_OK)
        rc = ry_json_read_str(object, "attachment ", "url", true, &attachment->url, err);
    struct ry_str proxy = {0};
    if (rc == RY_OK && proxy_urls)
        rc = ry_json_read_str(object, "attachment ", "proxy_url", false, &proxy, err);
    if (proxy.n > 0)
        attachment->url = proxy;
    if (rc == RY_OK)
        rc = check_url(attachment->url, file_urls, err);
    if (rc == RY_OK && (attachment->filename.n == 0 || attachment->filename.n > FILENAME_MAX_BYTES))
        rc = ry_fail(err, RY_EINVAL, "attachment filename has %zu bytes, not 1 to %zu", attachment->filename.n,
                     FILENAME_MAX_BYTES);
    if (rc == RY_OK && attachment->content_type.n > MIME_TYPE_MAX_BYTES)
        rc = ry_fail(err, RY_EINVAL, "attachment content_type has more than %zu bytes", MIME_TYPE_MAX_BYTES);
    return rc;
}

void scan_message_put_aside(const struct scan_rows_context *context, struct ry_str message_id,
                            const struct ry_error *why)
{
    struct ry_str id = message_id.p != NULL ? message_id : RY_STR("");
    context->put_aside(context->arg, id, why->text);
}

/* object: the attachment; NULL: there is none. */
static bool is_taken(const struct scan_rows_context *context, const struct ry_json *object,
                     const struct scan_attachment *attachment)
{
    if (clip_rules_is_video(context->settings->rules, attachment->filename, attachment->content_type))
        return true;
    uint64_t size = 0;
    struct ry_error why;
    if (!context->further_videos)
        return false;
    bool known =
        object != NULL && ry_json_read_count(object, "attachment ", "size", &size, &why) == RY_OK && size <= INT64_MAX;
    return clip_is_further_video(attachment->filename, attachment->content_type, known ? (int64_t)size : -1);
}

/* The videos that are being collected. */
struct videos {
    const struct scan_message *message;
    const struct scan_rows_context *context;
    struct ry_arena *arena;
    struct scan_attachment *items;
    size_t n;
    size_t *skipped;
};

static bool is_known(const struct videos *videos, const struct scan_attachment *video)
{
    for (size_t k = 0; k < videos->n; k++)
        if (video->id.p != NULL ? ry_str_eq(videos->items[k].id, video->id)
                                : ry_str_eq(videos->items[k].url, video->url))
            return true;
    return false;
}

/* A place for one more; NULL, and it is put aside, when there is none. */
static struct scan_attachment *next_video(struct videos *videos)
{
    struct ry_error why;
    if (videos->n < SCAN_ATTACHMENTS_MAX) {
        videos->items[videos->n] = (struct scan_attachment){0};
        return &videos->items[videos->n];
    }
    ry_fail(&why, RY_EINVAL, "it has more than %zu videos", SCAN_ATTACHMENTS_MAX);
    scan_message_put_aside(videos->context, videos->message->id, &why);
    return NULL;
}

/* source_kind, source_url: of all of them. */
static void take_attachments(struct videos *videos, const struct ry_json *list, const char *source_kind,
                             struct ry_str source_url)
{
    const struct scan_rows_context *context = videos->context;
    const struct ry_json *object = NULL;
    struct ry_json_walk walk = ry_json_walk(list);
    while (ry_json_next(&walk, &object)) {
        struct scan_attachment *video = next_video(videos);
        struct ry_error why;
        if (video == NULL)
            return;
        int rc = read_kind(object, video, &why);
        if (rc == RY_OK && !is_taken(context, object, video)) {
            videos->skipped[clip_kind_of(video->filename, video->content_type)]++;
            continue;
        }
        if (rc == RY_OK)
            rc = read_video(object, context->file_urls, context->proxy_urls, video, &why);
        if (rc != RY_OK) {
            scan_message_put_aside(context, videos->message->id, &why);
            continue;
        }
        video->placeholder = clip_placeholder(object);
        video->source_kind = source_kind;
        video->source_url = source_url;
        videos->n += is_known(videos, video) ? 0 : 1;
    }
}

static void take_embeds(struct videos *videos, const struct ry_json *list)
{
    const struct scan_rows_context *context = videos->context;
    const struct ry_json *object = NULL;
    struct ry_json_walk walk = ry_json_walk(list);
    while (ry_json_next(&walk, &object)) {
        struct clip_embed embed;
        if (!clip_embed_read(object, context->file_urls, videos->arena, &embed))
            continue;
        struct scan_attachment *video = next_video(videos);
        if (video == NULL)
            return;
        video->filename = embed.filename;
        video->url = embed.url;
        video->source_kind = "embed";
        video->source_url = embed.page_url;
        bool taken = embed.url.p != NULL && embed.url.n <= URL_MAX_BYTES && is_taken(context, NULL, video);
        videos->skipped[CLIP_KIND_EMBED] += taken ? 0 : 1;
        videos->n += taken && !is_known(videos, video) ? 1 : 0;
    }
}

size_t scan_message_videos(const struct scan_message *message, const struct scan_rows_context *context,
                           struct ry_arena *arena, struct scan_attachment videos[SCAN_ATTACHMENTS_MAX],
                           size_t skipped[CLIP_KIND_COUNT])
{
    struct videos all = {.message = message, .context = context, .arena = arena, .items = videos, .skipped = skipped};
    RY_ASSERT(ry_json_count(message->attachments) <= SCAN_ATTACHMENTS_MAX);
    struct ry_str link = {0};
    if (message->reference != NULL && (message->reply || message->snapshots != NULL))
        link = clip_source_link(message->reference, message->reply ? context->guild_id : (struct ry_str){0}, arena);
    take_attachments(&all, message->attachments, message->reply ? "reply" : NULL,
                     message->reply ? link : (struct ry_str){0});
    for (size_t i = 0; i < ry_json_count(message->snapshots); i++)
        take_attachments(&all, list_of(ry_json_get(ry_json_at(message->snapshots, i), "message"), "attachments"),
                         "forward", link);
    take_embeds(&all, message->embeds);
    for (size_t i = 0; i < ry_json_count(message->snapshots); i++)
        take_embeds(&all, list_of(ry_json_get(ry_json_at(message->snapshots, i), "message"), "embeds"));
    return all.n;
}
