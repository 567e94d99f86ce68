/* rows.c: one message at a time, from JSON to rows.
 *
 * Owns the rows' arrays, which grow, and an arena with their strings. A message is first read and judged as a whole
 * (scan_message.h); only when it counts and has a clip does anything of it become a row. */
#include "actors/scanner/rows.h"

#include "actors/scanner/author.h"
#include "actors/scanner/clip_file.h"
#include "actors/scanner/clip_id.h"
#include "actors/scanner/id_index.h"
#include "actors/scanner/scan_message.h"
#include "runtime/json/read.h"

#include <stdio.h>
#include <stdlib.h>

#define PART_NEVER      SIZE_MAX
#define ARENA_MAX_BYTES ((size_t)256 << 20)

struct origin {
    size_t first_clip;
    size_t clips;
    size_t author;
    size_t bytes; /* of strings, about */
};

struct scan_rows {
    struct ry_arena arena;
    struct id_index message_ids;
    struct id_index author_ids;
    size_t messages_max;
    struct ry_message_row *messages;
    struct origin *origins; /* of each message */
    size_t message_count;
    struct ry_author_row *authors;
    size_t *author_messages; /* how many messages of each author there are */
    size_t *author_part;     /* the part (1, 2, ...) that each author was last put into; PART_NEVER: into none */
    size_t author_count;
    struct ry_clip_row *clips;
    size_t clip_count;
    size_t clip_capacity;
    struct ry_author_row *part_authors;
    size_t parts;
    size_t skipped[CLIP_KIND_COUNT];
};

struct scan_rows *scan_rows_new(size_t messages_max)
{
    struct scan_rows *rows = calloc(1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    rows->arena = ry_arena_make(ARENA_MAX_BYTES);
    rows->messages_max = messages_max;
    size_t n = messages_max > 0 ? messages_max : 1;
    rows->messages = calloc(n, sizeof *rows->messages);
    rows->origins = calloc(n, sizeof *rows->origins);
    rows->authors = calloc(n, sizeof *rows->authors);
    rows->author_messages = calloc(n, sizeof *rows->author_messages);
    rows->author_part = calloc(n, sizeof *rows->author_part);
    rows->part_authors = calloc(n, sizeof *rows->part_authors);
    if (!id_index_init(&rows->message_ids, n) || !id_index_init(&rows->author_ids, n) || rows->messages == NULL ||
        rows->origins == NULL || rows->authors == NULL || rows->author_messages == NULL || rows->author_part == NULL ||
        rows->part_authors == NULL)
        scan_rows_free(&rows);
    return rows;
}

void scan_rows_free(struct scan_rows **rows)
{
    struct scan_rows *self = *rows;
    *rows = NULL;
    if (self == NULL)
        return;
    ry_arena_free(&self->arena);
    id_index_free(&self->message_ids);
    id_index_free(&self->author_ids);
    free(self->messages);
    free(self->origins);
    free(self->authors);
    free(self->author_messages);
    free(self->author_part);
    free(self->part_authors);
    free(self->clips);
    free(self);
}

size_t scan_rows_clips(const struct scan_rows *rows)
{
    return rows->clip_count;
}

size_t scan_rows_skipped(const struct scan_rows *rows, enum clip_kind kind)
{
    return rows->skipped[kind];
}

/* ---- making rows ------------------------------------------------------------------------------------------------- */

/* The copy of a text that may be absent; *good becomes false without memory. */
static struct ry_str copy(struct ry_arena *arena, struct ry_str text, bool *good)
{
    struct ry_str kept = text.p != NULL ? ry_arena_str(arena, text) : (struct ry_str){0};
    *good = *good && (text.p == NULL || kept.p != NULL);
    return kept;
}

/* suffix: of the clip's id, as clip_id_make's attachment_id. */
static bool make_clip(struct scan_rows *rows, const struct scan_rows_context *context,
                      const struct ry_message_row *message, const struct scan_message *read,
                      const struct scan_attachment *video, struct ry_str suffix)
{
    if (rows->clip_count == rows->clip_capacity) {
        size_t capacity = rows->clip_capacity > 0 ? rows->clip_capacity * 2 : 64;
        struct ry_clip_row *grown = reallocarray(rows->clips, capacity, sizeof *grown);
        if (grown == NULL)
            return false;
        rows->clips = grown;
        rows->clip_capacity = capacity;
    }
    char id[RY_MD5_HEX_BYTES];
    if (!clip_id_make(message->id, context->channel_id, video->filename, suffix, id))
        return false;
    bool good = true;
    struct ry_arena *arena = &rows->arena;
    struct ry_clip_row *clip = &rows->clips[rows->clip_count];
    *clip = (struct ry_clip_row){
        .id = copy(arena, ry_str_of(id), &good),
        .message_id = message->id,
        .author_id = message->author_id,
        .filename = copy(arena, video->filename, &good),
        .file_size = video->size,
        .mime_type = copy(arena, clip_mime_type(video->filename, video->content_type), &good),
        .visibility = ry_str_of(context->settings->visibility),
        .settings_hash = ry_str_of(context->settings->hash),
        .url = copy(arena, video->url, &good),
        .expires_wall_ms = clip_url_expires_wall_ms(video->url, context->now_wall_ms),
        .placeholder = copy(arena, video->placeholder, &good),
        .source_kind = video->source_kind != NULL ? ry_str_of(video->source_kind) : (struct ry_str){0},
        .source_url = copy(arena, video->source_url, &good),
        .edited_wall_ms = read->edited_wall_ms,
        .pinned = read->pinned,
    };
    rows->clip_count += good;
    return good;
}

static size_t clip_bytes(const struct ry_clip_row *clip)
{
    return 256 + clip->filename.n + clip->mime_type.n + clip->url.n + clip->placeholder.n + clip->source_url.n;
}

/* The author's place among the rows; the first row seen of an author stays. */
static size_t keep_author(struct scan_rows *rows, const struct ry_author_row *author)
{
    uint64_t id = 0;
    ry_str_u64(author->user_id, &id);
    size_t position = rows->author_count;
    if (!id_index_find_or_add(&rows->author_ids, id, &position))
        rows->authors[rows->author_count++] = *author;
    return position;
}

/* What tells the id of video i from those of its message before it: absent for the first attachment of its name, which
 * has the id that other programs give it; the attachment's id for the others. A video of an embed, which has no id, is
 * known by the word and by how many of its name came before; so it takes no attachment's place, whoever comes first. */
static struct ry_str id_suffix(const struct scan_attachment *videos, size_t i, char text[static 32])
{
    bool embed = videos[i].id.p == NULL;
    unsigned before = 0;
    for (size_t k = 0; k < i; k++)
        before += (videos[k].id.p == NULL) == embed && ry_str_eq(videos[k].filename, videos[i].filename);
    if (!embed)
        return before > 0 ? videos[i].id : (struct ry_str){0};
    (void)snprintf(text, 32, before > 0 ? "embed:%u" : "embed", before + 1);
    return ry_str_of(text);
}

static int make_rows(struct scan_rows *rows, const struct scan_rows_context *context,
                     const struct scan_message *message, const struct ry_author_row *author,
                     const struct scan_attachment *videos, size_t n, struct ry_error *err)
{
    struct ry_str content = context->settings->store_content && message->content.p ? message->content : RY_STR("");
    struct ry_message_row row = {
        .id = ry_arena_str(&rows->arena, message->id),
        .author_id = author->user_id,
        .content = ry_arena_str(&rows->arena, content),
        .timestamp_wall_ms = message->timestamp_wall_ms,
    };
    struct origin origin = {.first_clip = rows->clip_count, .clips = n, .bytes = 512 + content.n};
    bool good = row.id.p != NULL && row.content.p != NULL;
    for (size_t i = 0; i < n && good; i++) {
        char text[32];
        good = make_clip(rows, context, &row, message, &videos[i], id_suffix(videos, i, text));
        if (good)
            origin.bytes += clip_bytes(&rows->clips[rows->clip_count - 1]);
    }
    if (!good)
        return ry_fail(err, RY_ENOMEM, "the job's rows are larger than %zu bytes", ARENA_MAX_BYTES);
    origin.author = keep_author(rows, author);
    rows->author_messages[origin.author]++;
    rows->messages[rows->message_count] = row;
    rows->origins[rows->message_count++] = origin;
    return RY_OK;
}

static bool seen_before(struct scan_rows *rows, struct ry_str message_id)
{
    uint64_t id = 0;
    ry_str_u64(message_id, &id);
    size_t position = rows->message_count;
    return id_index_find_or_add(&rows->message_ids, id, &position);
}

int scan_rows_add(struct scan_rows *rows, const struct scan_rows_context *context, const struct ry_json *message,
                  struct ry_error *err)
{
    struct scan_message read = {0};
    struct scan_attachment videos[SCAN_ATTACHMENTS_MAX];
    struct ry_author_row author = {0};
    struct ry_error why;
    if (scan_message_read(message, &read, &why) != RY_OK) {
        scan_message_put_aside(context, read.id, &why);
        return RY_OK;
    }
    size_t n = scan_message_videos(&read, context, &rows->arena, videos, rows->skipped);
    if (n == 0)
        return RY_OK;
    bool gave_up = false;
    bool wanted = clip_rules_want(context->settings->rules, context->searcher, read.content, &gave_up);
    if (gave_up)
        context->gave_up(context->arg, read.id);
    if (!wanted)
        return RY_OK;
    const struct ry_json *user = NULL;
    const struct ry_json *member = NULL;
    int rc = ry_json_read_object(message, "", "author", true, &user, &why);
    if (rc == RY_OK)
        rc = ry_json_read_object(message, "", "member", false, &member, &why);
    if (rc == RY_OK)
        rc = scan_author_read(user, member, context->guild_id, context->given_urls, &rows->arena, &author, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "%s", why.text);
    if (rc != RY_OK) {
        scan_message_put_aside(context, read.id, &why);
        return RY_OK;
    }
    if (rows->message_count == rows->messages_max || seen_before(rows, read.id))
        return RY_OK;
    return make_rows(rows, context, &read, &author, videos, n, err);
}

/* ---- what is known of them by now ---------------------------------------------------------------------------- */

size_t scan_rows_messages(const struct scan_rows *rows)
{
    return rows->message_count;
}

struct ry_str scan_rows_message_id(const struct scan_rows *rows, size_t i)
{
    return rows->messages[i].id;
}

size_t scan_rows_authors(const struct scan_rows *rows)
{
    return rows->author_count;
}

struct ry_str scan_rows_author_id(const struct scan_rows *rows, size_t i)
{
    return rows->authors[i].user_id;
}

bool scan_rows_author_counts(const struct scan_rows *rows, size_t i)
{
    return rows->author_messages[i] > 0;
}

void scan_rows_keep_author(struct scan_rows *rows, size_t i)
{
    rows->author_part[i] = PART_NEVER;
}

bool scan_rows_leave_out(struct scan_rows *rows, struct ry_strs ids, size_t *gone)
{
    struct id_index left_out;
    *gone = 0;
    if (ids.n == 0)
        return true;
    if (!id_index_init(&left_out, ids.n))
        return false;
    for (size_t i = 0; i < ids.n; i++) {
        uint64_t id = 0;
        size_t position = i;
        if (ry_str_u64(ids.items[i], &id))
            (void)id_index_find_or_add(&left_out, id, &position);
    }
    size_t kept = 0;
    size_t clips = 0;
    for (size_t m = 0; m < rows->message_count; m++) {
        uint64_t id = 0;
        (void)ry_str_u64(rows->messages[m].id, &id);
        if (id_index_has(&left_out, id)) {
            rows->author_messages[rows->origins[m].author]--;
            continue;
        }
        struct origin origin = rows->origins[m];
        memmove(rows->clips + clips, rows->clips + origin.first_clip, origin.clips * sizeof *rows->clips);
        origin.first_clip = clips;
        clips += origin.clips;
        rows->messages[kept] = rows->messages[m];
        rows->origins[kept++] = origin;
    }
    *gone = rows->message_count - kept;
    rows->message_count = kept;
    rows->clip_count = clips;
    id_index_free(&left_out);
    return true;
}

size_t scan_rows_filter_clips(struct scan_rows *rows,
                              bool (*keep)(void *arg, const struct ry_message_row *message,
                                           const struct ry_clip_row *clip),
                              void *arg)
{
    size_t kept = 0;
    size_t clips = 0;
    for (size_t m = 0; m < rows->message_count; m++) {
        struct origin origin = rows->origins[m];
        struct origin left = {.first_clip = clips, .author = origin.author, .bytes = origin.bytes};
        for (size_t i = origin.first_clip; i < origin.first_clip + origin.clips; i++)
            if (keep(arg, &rows->messages[m], &rows->clips[i]))
                rows->clips[clips++] = rows->clips[i];
            else
                left.bytes -= clip_bytes(&rows->clips[i]);
        left.clips = clips - left.first_clip;
        if (left.clips == 0) {
            rows->author_messages[origin.author]--;
            continue;
        }
        rows->messages[kept] = rows->messages[m];
        rows->origins[kept++] = left;
    }
    size_t gone = rows->clip_count - clips;
    rows->message_count = kept;
    rows->clip_count = clips;
    return gone;
}

int scan_rows_set_member(struct scan_rows *rows, size_t i, struct ry_str guild_id, const struct ry_json *member,
                         struct ry_error *err)
{
    const struct ry_json *user = NULL;
    int rc = ry_json_is(member, RY_JSON_OBJECT) ? ry_json_read_object(member, "", "user", true, &user, err)
                                                : ry_fail(err, RY_EINVAL, "the member is not an object");
    if (rc != RY_OK)
        return rc;
    struct ry_author_row row = {0};
    rc = scan_author_read(user, member, guild_id, false, &rows->arena, &row, err);
    if (rc == RY_OK && !ry_str_eq(row.user_id, rows->authors[i].user_id))
        rc = ry_fail(err, RY_EINVAL, "the member is somebody else");
    if (rc == RY_OK)
        rows->authors[i] = row;
    return rc;
}

/* ---- handing rows out -------------------------------------------------------------------------------------------- */

size_t scan_rows_part(struct scan_rows *rows, size_t first, size_t rows_max, size_t bytes_max,
                      struct ry_batch_write *batch)
{
    size_t part = ++rows->parts;
    size_t authors = 0;
    size_t clips = 0;
    size_t bytes = 0;
    size_t next = first;
    while (next < rows->message_count) {
        const struct origin *origin = &rows->origins[next];
        if (next > first &&
            ((next - first) + authors + clips + origin->clips + 2 > rows_max || bytes + origin->bytes > bytes_max))
            break;
        if (rows->author_part[origin->author] != part && rows->author_part[origin->author] != PART_NEVER) {
            rows->author_part[origin->author] = part;
            rows->part_authors[authors++] = rows->authors[origin->author];
        }
        clips += origin->clips;
        bytes += origin->bytes;
        next++;
    }
    batch->messages.items = rows->messages + first;
    batch->messages.n = next - first;
    batch->authors.items = rows->part_authors;
    batch->authors.n = authors;
    batch->clips.items = next > first ? rows->clips + rows->origins[first].first_clip : NULL;
    batch->clips.n = clips;
    return next;
}
