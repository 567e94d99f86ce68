/* api.c: the answers of the other actors as JSON.
 *
 * Any record is written by walking its descriptor, so a field added to proto/messages.def appears here without a
 * further line; secrets are left out by their flag. Owns nothing; writes into the caller's buffer, which is bounded. */
#include "actors/monitor/api.h"

#include <stdio.h>

#include "actors/monitor/query.h"
#include "runtime/base/clock.h"
#include "runtime/base/utf8.h"
#include "runtime/json/writer.h"
#include "runtime/stats/stats.h"

static void put_record(struct ry_json_writer *writer, const char *name, const struct ry_record *record,
                       const void *from);

static void put_list(struct ry_json_writer *writer, const struct ry_field *field, const void *at)
{
    struct {
        const char *items;
        size_t n;
    } list;
    memcpy(&list, at, sizeof list);
    ry_json_put_array(writer, field->name);
    for (size_t i = 0; i < list.n; i++)
        put_record(writer, NULL, field->record, list.items + i * field->record->size);
    ry_json_put_end(writer);
}

static void put_field(struct ry_json_writer *writer, const struct ry_field *field, const void *at)
{
    const struct ry_strs *strs = at;
    const char *name = field->name;
    struct ry_str text = {0};
    switch (field->type) {
    case RY_FIELD_STR:
        text = field->flags & RY_FLAG_SECRET ? (struct ry_str){0} : *(const struct ry_str *)at;
        ry_json_put_str(writer, name, text);
        break;
    case RY_FIELD_U64: ry_json_put_u64(writer, name, *(const uint64_t *)at); break;
    case RY_FIELD_I64: ry_json_put_i64(writer, name, *(const int64_t *)at); break;
    case RY_FIELD_F64: ry_json_put_f64(writer, name, *(const double *)at, -1); break;
    case RY_FIELD_BOOL: ry_json_put_bool(writer, name, *(const bool *)at); break;
    case RY_FIELD_BLOB: ry_json_put_u64(writer, name, ((const struct ry_blob *)at)->n); break;
    case RY_FIELD_STRS:
        ry_json_put_array(writer, name);
        for (size_t i = 0; i < strs->n; i++)
            ry_json_put_str(writer, NULL, strs->items[i]);
        ry_json_put_end(writer);
        break;
    case RY_FIELD_LIST: put_list(writer, field, at); break;
    }
}

/* The fields of any record or message, into an open object: the descriptors know how. except: left out; or NULL. */
static void put_fields(struct ry_json_writer *writer, const struct ry_record *record, const void *from,
                       const char *except)
{
    for (size_t i = 0; i < record->field_count; i++)
        if (except == NULL || strcmp(record->fields[i].name, except) != 0)
            put_field(writer, &record->fields[i], (const char *)from + record->fields[i].offset);
}

static void put_record(struct ry_json_writer *writer, const char *name, const struct ry_record *record,
                       const void *from)
{
    ry_json_put_object(writer, name);
    put_fields(writer, record, from, NULL);
    ry_json_put_end(writer);
}

static void put_missing(struct ry_json_writer *writer, const char *name, const char *why)
{
    ry_json_put_object(writer, name);
    ry_json_put_text(writer, "error", why ? why : "not asked");
    ry_json_put_end(writer);
}

static void put_node(struct ry_json_writer *writer, const struct ry_node_state *node)
{
    ry_json_put_object(writer, "node");
    put_fields(writer, &ry_descriptor(RY_TAG_node_state)->record, node, "counters");
    ry_json_put_object(writer, "counters");
    for (unsigned c = 0; c < RY_COUNTER_COUNT; c++) {
        uint64_t value = 0;
        for (size_t i = 0; i < node->counters.n; i++)
            if (node->counters.items[i].index == c)
                value = node->counters.items[i].value;
        ry_json_put_u64(writer, ry_counter_name((enum ry_counter)c), value);
    }
    ry_json_put_end(writer);
    ry_json_put_end(writer);
}

/* Ends the root object. */
static void finish(struct ry_json_writer *writer)
{
    ry_json_put_end(writer);
    (void)ry_buf_add_str(writer->out, RY_STR("\n"));
}

void api_status(const struct answers *answers, struct ry_buf *out)
{
    struct ry_json_writer writer = ry_json_writer(out, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_text(&writer, "version", REELYARD_VERSION);
    if (answers->node)
        put_node(&writer, answers->node);
    else
        put_missing(&writer, "node", answers->missing[ANSWER_NODE]);
    if (answers->queue)
        put_record(&writer, "queue", &ry_descriptor(RY_TAG_queue_state)->record, answers->queue);
    else
        put_missing(&writer, "queue", answers->missing[ANSWER_QUEUE]);
    if (answers->archive)
        put_record(&writer, "archive", &ry_descriptor(RY_TAG_archive_state)->record, answers->archive);
    else
        put_missing(&writer, "archive", answers->missing[ANSWER_ARCHIVE]);
    finish(&writer);
}

static void put_clip(struct ry_json_writer *writer, const struct ry_record *record, const struct ry_gallery_clip *clip)
{
    char posted_at[RY_TIME_TEXT_BYTES];
    char message[120] = "";
    ry_time_format(clip->posted_wall_ms, posted_at);
    if (ry_str_is_snowflake(clip->guild_id) && ry_str_is_snowflake(clip->channel_id) &&
        ry_str_is_snowflake(clip->message_id))
        (void)snprintf(message, sizeof message, "https://discord.com/channels/%.*s/%.*s/%.*s",
                       RY_STR_ARG(clip->guild_id), RY_STR_ARG(clip->channel_id), RY_STR_ARG(clip->message_id));
    ry_json_put_object(writer, NULL);
    put_fields(writer, record, clip, "url");
    ry_json_put_str(writer, "url", query_is_web_url(clip->url) ? clip->url : (struct ry_str){0});
    ry_json_put_text(writer, "posted_at", posted_at);
    ry_json_put_text(writer, "message_url", message[0] ? message : NULL);
    ry_json_put_end(writer);
}

void api_clips(const struct ry_gallery_page *page, struct ry_buf *out)
{
    const struct ry_record *record = ry_descriptor(RY_TAG_gallery_page)->record.fields[0].record;
    struct ry_json_writer writer = ry_json_writer(out, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_array(&writer, "clips");
    for (size_t i = 0; i < page->clips.n; i++)
        put_clip(&writer, record, &page->clips.items[i]);
    ry_json_put_end(&writer);
    RY_BUF_AUTO cursor = ry_buf_make(QUERY_CURSOR_MAX_BYTES + 1);
    if (page->next.n > 0)
        (void)ry_buf_add_str(&cursor, page->next);
    else if (page->more && page->clips.n > 0)
        query_cursor(page, &cursor);
    ry_json_put_str(&writer, "next", cursor.n ? ry_buf_str(&cursor) : (struct ry_str){0});
    finish(&writer);
}

static void add_reason(struct ry_json_writer *writer, const char *what, struct ry_str why)
{
    char text[512];
    (void)ry_utf8_print(text, sizeof text, "%s: %.*s", what, RY_STR_ARG(why));
    ry_json_put_text(writer, NULL, text);
}

/* Says that a role has no instance, and how the last process of it ended, if it has one. */
static void add_absence(struct ry_json_writer *writer, const char *role, const struct ry_node_state *node)
{
    char why[200] = "no instance is attached";
    for (size_t i = 0; i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        if (ry_str_is(child->role, role) && child->last_death.n > 0)
            (void)ry_utf8_print(why, sizeof why, "no instance is attached; %.*s ended: %.*s", RY_STR_ARG(child->name),
                                RY_STR_ARG(child->last_death));
    }
    add_reason(writer, role, ry_str_of(why));
}

/* Roles that neither this node has nor another one that it reaches. Returns how many. */
static size_t add_roles_without_instance(struct ry_json_writer *writer, const struct ry_node_state *node)
{
    size_t count = 0;
    for (unsigned role = RY_ROLE_INGESTER; role <= RY_ROLE_MONITOR; role++) {
        const char *name = ry_role_name((enum ry_role)role);
        bool found = false;
        for (size_t i = 0; i < node->instances.n; i++)
            found = found || ry_str_is(node->instances.items[i].role, name);
        for (size_t i = 0; i < node->roles.n; i++)
            found = found || (node->roles.items[i].reached && ry_str_is(node->roles.items[i].role, name));
        if (!found) {
            add_absence(writer, name, node);
            count++;
        }
    }
    return count;
}

/* What instances wait for a person to mend, once however many say the same. Returns how many. */
static size_t add_troubles(struct ry_json_writer *writer, const struct ry_node_state *node)
{
    size_t count = 0;
    for (size_t i = 0; i < node->instances.n; i++) {
        const struct ry_instance_state *instance = &node->instances.items[i];
        bool said = instance->trouble.n == 0;
        for (size_t k = 0; k < i && !said; k++)
            said = ry_str_eq(node->instances.items[k].trouble, instance->trouble);
        if (said)
            continue;
        char role[33];
        (void)snprintf(role, sizeof role, "%.*s", RY_STR_ARG(instance->role));
        add_reason(writer, role, instance->trouble);
        count++;
    }
    return count;
}

/* What the node works on without, and says so: processes that died too often, mail of other nodes. */
static void put_degraded(struct ry_json_writer *writer, const struct ry_node_state *node)
{
    ry_json_put_array(writer, "degraded");
    if (node->relay_notice.n > 0)
        add_reason(writer, "relay", node->relay_notice);
    for (size_t i = 0; i < node->children.n; i++) {
        const struct ry_child_state *child = &node->children.items[i];
        if (ry_str_is(child->state, "spent"))
            add_reason(writer, "died too often", child->name);
        else if (ry_str_is(child->state, "quiet"))
            add_reason(writer, "quiet", child->name);
    }
    ry_json_put_end(writer);
}

/* Writes the list of reasons; returns how many there are. */
static size_t put_reasons(struct ry_json_writer *writer, const struct answers *answers, bool draining)
{
    static const struct {
        enum answer answer;
        const char *name;
    } parts[] = {{ANSWER_NODE, "router"}, {ANSWER_QUEUE, "queue"}, {ANSWER_ARCHIVE, "database"}};
    size_t count = 0;
    ry_json_put_array(writer, "reasons");
    if (draining)
        count++, add_reason(writer, "node", RY_STR("is stopping"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (answers->missing[parts[i].answer])
            count++, add_reason(writer, parts[i].name, ry_str_of(answers->missing[parts[i].answer]));
    if (answers->queue && !answers->queue->healthy)
        count++,
            add_reason(writer, "queue", answers->queue->reason.n ? answers->queue->reason : RY_STR("is not healthy"));
    if (answers->archive && answers->archive->error.n > 0)
        count++, add_reason(writer, "database", answers->archive->error);
    if (answers->node)
        count += add_roles_without_instance(writer, answers->node) + add_troubles(writer, answers->node);
    ry_json_put_end(writer);
    return count;
}

bool api_ready(const struct answers *answers, bool draining, struct ry_buf *out)
{
    RY_BUF_AUTO counted = ry_buf_make(out->max); /* "ready" stands before the reasons that decide it */
    struct ry_json_writer counting = ry_json_writer(&counted, false);
    bool ready = put_reasons(&counting, answers, draining) == 0;
    struct ry_json_writer writer = ry_json_writer(out, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_bool(&writer, "ready", ready);
    (void)put_reasons(&writer, answers, draining);
    if (answers->node && (answers->node->children.n > 0 || answers->node->relay_notice.n > 0))
        put_degraded(&writer, answers->node);
    finish(&writer);
    return ready;
}

void api_error(const char *why, struct ry_buf *out)
{
    struct ry_json_writer writer = ry_json_writer(out, false);
    put_missing(&writer, NULL, why);
    (void)ry_buf_add_str(out, RY_STR("\n"));
}
