/* scan_next.c: the job that goes on where a slice ended, as its producer would have written it.
 *
 * Its id is made from the parent's id and the message it begins behind, so that a slice which ends twice goes on once.
 */
#include "actors/scanner/scan.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/scanner/json_read.h"
#include "actors/scanner/md5.h"

#define UUID_BYTES 37

/* A name-based UUID (RFC 4122, version 3): the MD5 of a text, with version and variant put in. */
static void uuid_of(struct ry_str text, char uuid[UUID_BYTES])
{
    static const char VARIANT[] = "89ab";
    char hex[MD5_HEX_BYTES];
    md5_hex(text, hex);
    hex[12] = '3';
    unsigned digit = hex[16] <= '9' ? (unsigned)(hex[16] - '0') : (unsigned)(hex[16] - 'a') + 10;
    hex[16] = VARIANT[digit % 4];
    (void)snprintf(uuid, UUID_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static bool goes_on(const struct scan *scan)
{
    bool history = scan->job.type == SCAN_JOB_BATCH || scan->job.type == SCAN_JOB_RESCAN;
    bool used_up = scan->job.messages_max > 0 && scan->seen >= scan->job.messages_max;
    return history && scan->job.auto_continue && !scan->stopped && !scan->exhausted && !used_up && scan->cursor > 0;
}

static void add_str(struct json_object *object, const char *key, struct ry_str value)
{
    json_object_object_add(object, key, value.p ? json_object_new_string_len(value.p, (int)value.n) : NULL);
}

int scan_make_next(struct scan *scan, struct ry_error *err)
{
    static const char *const MODES[] = {"stop", "continue", "update"};
    if (!goes_on(scan))
        return RY_OK;
    const struct scan_job *job = &scan->job;
    char uuid[UUID_BYTES];
    char now[RY_TIME_TEXT_BYTES];
    struct ry_str seed =
        ry_arena_printf(&scan->arena, "reelyard:next:%.*s:%" PRIu64, RY_STR_ARG(job->job_id), scan->cursor);
    struct ry_str cursor = ry_arena_printf(&scan->arena, "%" PRIu64, scan->cursor);
    struct json_object *next = json_object_new_object();
    if (seed.p == NULL || cursor.p == NULL || next == NULL) {
        json_object_put(next);
        return ry_fail(err, RY_ENOMEM, "no memory for the job that goes on");
    }
    uuid_of(seed, uuid);
    ry_time_format(ry_wall_ms(ry_ctx_clock(scan_ctx(scan))), now);
    add_str(next, "job_id", ry_str_of(uuid));
    add_str(next, "type", RY_STR("batch"));
    add_str(next, "guild_id", job->guild_id);
    add_str(next, "channel_id", job->channel_id);
    add_str(next, "created_at", ry_str_of(now));
    add_str(next, "direction", ry_str_of(job->forward ? "forward" : "backward"));
    if (job->limit > 0)
        json_object_object_add(next, "limit", json_object_new_int64((int64_t)job->limit));
    if (job->messages_max > 0)
        json_object_object_add(next, "messages_max", json_object_new_uint64(job->messages_max - scan->seen));
    add_str(next, "before_message_id", job->forward ? (struct ry_str){0} : cursor);
    add_str(next, "after_message_id", job->forward ? cursor : (struct ry_str){0});
    json_object_object_add(next, "auto_continue", json_object_new_boolean(true));
    add_str(next, "rescan", ry_str_of(MODES[job->rescan]));
    scan->next_json =
        ry_arena_str(&scan->arena, ry_str_of(json_object_to_json_string_ext(next, JSON_C_TO_STRING_PLAIN)));
    json_object_put(next);
    return scan->next_json.p != NULL ? RY_OK : ry_fail(err, RY_ENOMEM, "no memory for the job that goes on");
}

bool scan_read_next(const struct scan *scan, struct json_object **root, struct ry_job_spec *spec)
{
    *spec = (struct ry_job_spec){
        .guild_id = scan->job.guild_id, .channel_id = scan->job.channel_id, .json = scan->next_json};
    return json_read_text(scan->next_json, root, NULL) == RY_OK && json_object_is_type(*root, json_type_object) &&
           json_read_str(*root, "", "job_id", true, &spec->job_id, NULL) == RY_OK &&
           json_read_str(*root, "", "type", true, &spec->type, NULL) == RY_OK;
}
