#include "actors/monitor/api.h"

#include <stdio.h>

#include <json-c/json.h>

#include "actors/monitor/query.h"
#include "runtime/base/clock.h"
#include "runtime/stats/stats.h"

/* json-c returns NULL without memory, takes NULL for null, and then prints a document that is valid and incomplete;
 * that is good enough for a page that is about to be asked for again. */

static struct json_object *text_value(struct ry_str text)
{
    return text.p ? json_object_new_string_len(text.p, (int)text.n) : NULL;
}

static void put(struct json_object *object, const char *key, struct json_object *value)
{
    (void)json_object_object_add(object, key, value);
}

static struct json_object *record_value(const struct ry_record *record, const void *from);

static struct json_object *list_value(const struct ry_field *field, const void *at)
{
    struct {
        const char *items;
        size_t n;
    } list;
    memcpy(&list, at, sizeof list);
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < list.n; i++)
        (void)json_object_array_add(array, record_value(field->record, list.items + i * field->record->size));
    return array;
}

static struct json_object *field_value(const struct ry_field *field, const void *at)
{
    const struct ry_strs *strs = at;
    struct json_object *array = NULL;
    switch (field->type) {
    case RY_FIELD_STR: return field->flags & RY_FLAG_SECRET ? NULL : text_value(*(const struct ry_str *)at);
    case RY_FIELD_U64: return json_object_new_uint64(*(const uint64_t *)at);
    case RY_FIELD_I64: return json_object_new_int64(*(const int64_t *)at);
    case RY_FIELD_F64: return json_object_new_double(*(const double *)at);
    case RY_FIELD_BOOL: return json_object_new_boolean(*(const bool *)at);
    case RY_FIELD_BLOB: return json_object_new_uint64(((const struct ry_blob *)at)->n);
    case RY_FIELD_STRS:
        array = json_object_new_array();
        for (size_t i = 0; i < strs->n; i++)
            (void)json_object_array_add(array, text_value(strs->items[i]));
        return array;
    case RY_FIELD_LIST: return list_value(field, at);
    }
    return NULL;
}

/* Any record or message as an object: the descriptors know how. */
static struct json_object *record_value(const struct ry_record *record, const void *from)
{
    struct json_object *object = json_object_new_object();
    for (size_t i = 0; i < record->field_count; i++)
        put(object, record->fields[i].name,
            field_value(&record->fields[i], (const char *)from + record->fields[i].offset));
    return object;
}

static struct json_object *message_value(enum ry_tag tag, const void *message)
{
    return record_value(&ry_descriptor(tag)->record, message);
}

static void print(struct json_object *object, struct ry_buf *out)
{
    size_t n = 0;
    const char *text =
        json_object_to_json_string_length(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
    (void)ry_buf_add(out, text, text ? n : 0);
    (void)ry_buf_add_str(out, RY_STR("\n"));
    (void)json_object_put(object);
}

static struct json_object *missing_value(const char *why)
{
    struct json_object *object = json_object_new_object();
    put(object, "error", json_object_new_string(why ? why : "not asked"));
    return object;
}

static struct json_object *node_value(const struct ry_node_state *node)
{
    struct json_object *object = message_value(RY_TAG_node_state, node);
    struct json_object *counters = json_object_new_object();
    for (unsigned c = 0; c < RY_COUNTER_COUNT; c++) {
        uint64_t value = 0;
        for (size_t i = 0; i < node->counters.n; i++)
            if (node->counters.items[i].index == c)
                value = node->counters.items[i].value;
        put(counters, ry_counter_name((enum ry_counter)c), json_object_new_uint64(value));
    }
    put(object, "counters", counters);
    return object;
}

void api_status(const struct answers *answers, struct ry_buf *out)
{
    struct json_object *object = json_object_new_object();
    put(object, "version", json_object_new_string(REELYARD_VERSION));
    put(object, "node", answers->node ? node_value(answers->node) : missing_value(answers->missing[ANSWER_NODE]));
    put(object, "queue",
        answers->queue ? message_value(RY_TAG_queue_state, answers->queue)
                       : missing_value(answers->missing[ANSWER_QUEUE]));
    put(object, "archive",
        answers->archive ? message_value(RY_TAG_archive_state, answers->archive)
                         : missing_value(answers->missing[ANSWER_ARCHIVE]));
    print(object, out);
}

static struct json_object *clip_value(const struct ry_record *record, const struct ry_gallery_clip *clip)
{
    struct json_object *object = record_value(record, clip);
    char posted_at[RY_TIME_TEXT_BYTES];
    ry_time_format(clip->posted_wall_ms, posted_at);
    put(object, "posted_at", json_object_new_string(posted_at));
    if (!query_is_web_url(clip->url))
        put(object, "url", NULL);
    char message[120] = "";
    if (ry_str_is_snowflake(clip->guild_id) && ry_str_is_snowflake(clip->channel_id) &&
        ry_str_is_snowflake(clip->message_id))
        (void)snprintf(message, sizeof message, "https://discord.com/channels/%.*s/%.*s/%.*s",
                       RY_STR_ARG(clip->guild_id), RY_STR_ARG(clip->channel_id), RY_STR_ARG(clip->message_id));
    put(object, "message_url", message[0] ? json_object_new_string(message) : NULL);
    return object;
}

void api_clips(const struct ry_gallery_page *page, struct ry_buf *out)
{
    const struct ry_record *record = ry_descriptor(RY_TAG_gallery_page)->record.fields[0].record;
    struct json_object *object = json_object_new_object();
    struct json_object *clips = json_object_new_array();
    for (size_t i = 0; i < page->clips.n; i++)
        (void)json_object_array_add(clips, clip_value(record, &page->clips.items[i]));
    put(object, "clips", clips);
    RY_BUF_AUTO cursor = ry_buf_make(128);
    if (page->more && page->clips.n > 0)
        query_cursor(&page->clips.items[page->clips.n - 1], &cursor);
    put(object, "next", cursor.n ? text_value(ry_buf_str(&cursor)) : NULL);
    print(object, out);
}

static void add_reason(struct json_object *reasons, const char *what, struct ry_str why)
{
    char text[512];
    (void)snprintf(text, sizeof text, "%s: %.*s", what, RY_STR_ARG(why));
    (void)json_object_array_add(reasons, json_object_new_string(text));
}

/* Roles that neither this node has nor another one that it reaches. */
static void add_roles_without_instance(struct json_object *reasons, const struct ry_node_state *node)
{
    for (unsigned role = RY_ROLE_INGESTER; role <= RY_ROLE_MONITOR; role++) {
        const char *name = ry_role_name((enum ry_role)role);
        bool found = false;
        for (size_t i = 0; i < node->instances.n; i++)
            found = found || ry_str_is(node->instances.items[i].role, name);
        for (size_t i = 0; i < node->roles.n; i++)
            found = found || (node->roles.items[i].reached && ry_str_is(node->roles.items[i].role, name));
        if (!found)
            add_reason(reasons, name, RY_STR("no instance is attached"));
    }
}

/* Processes that died too often: the node works on without them, and says so. */
static struct json_object *degraded(const struct ry_node_state *node)
{
    struct json_object *names = json_object_new_array();
    for (size_t i = 0; node && i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        if (ry_str_is(child->state, "spent"))
            add_reason(names, "died too often", child->name);
        else if (ry_str_is(child->state, "quiet"))
            add_reason(names, "quiet", child->name);
    }
    return names;
}

bool api_ready(const struct answers *answers, bool draining, struct ry_buf *out)
{
    struct json_object *reasons = json_object_new_array();
    static const struct {
        enum answer answer;
        const char *name;
    } parts[] = {{ANSWER_NODE, "router"}, {ANSWER_QUEUE, "queue"}, {ANSWER_ARCHIVE, "database"}};
    if (draining)
        add_reason(reasons, "node", RY_STR("is stopping"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (answers->missing[parts[i].answer])
            add_reason(reasons, parts[i].name, ry_str_of(answers->missing[parts[i].answer]));
    if (answers->queue && !answers->queue->healthy)
        add_reason(reasons, "queue", answers->queue->reason.n ? answers->queue->reason : RY_STR("is not healthy"));
    if (answers->archive && answers->archive->error.n > 0)
        add_reason(reasons, "database", answers->archive->error);
    if (answers->node)
        add_roles_without_instance(reasons, answers->node);
    bool ready = json_object_array_length(reasons) == 0;
    struct json_object *object = json_object_new_object();
    put(object, "ready", json_object_new_boolean(ready));
    put(object, "reasons", reasons);
    if (answers->node && answers->node->children.n > 0)
        put(object, "degraded", degraded(answers->node));
    print(object, out);
    return ready;
}

void api_error(const char *why, struct ry_buf *out)
{
    print(missing_value(why), out);
}
