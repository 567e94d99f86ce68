/* cells.c: enumerates the matrix of forbidden messages from the declarations, and sends each. Owns nothing but its
 * position. */
#include "tests/bed/cells.h"

#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)64 << 20)
#define BODY_MAX  ((size_t)8 << 20)

/* What a message is about. DISGUISED: its declared subject is that of the mail that is held, all else is archived. */
enum about { ABOUT_OWN, ABOUT_NEAR, ABOUT_ARCHIVED, ABOUT_DISGUISED, ABOUT_UNKNOWN, ABOUT_MALFORMED, ABOUT_COUNT };

const char *state_name(enum state state)
{
    static const char *const names[STATE_COUNT] = {"before-hello", "welcome", "holding",
                                                   "over",         "left",    "second-hello"};
    return names[state];
}

/* ---- what a mail is about ---------------------------------------------------------------------------------------- */

static void note(char *to, size_t size, struct ry_str text)
{
    if (*to == '\0' && text.p)
        (void)snprintf(to, size, "%.*s", RY_STR_ARG(text));
}

static void note_record(struct held *held, const struct ry_record *record, const void *at)
{
    static const struct {
        const char *field;
        size_t offset;
    } places[] = {{"clip_id", offsetof(struct held, clip)},
                  {"guild_id", offsetof(struct held, guild)},
                  {"channel_id", offsetof(struct held, channel)},
                  {"message_id", offsetof(struct held, message)},
                  {"job_id", offsetof(struct held, job)}};
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        const void *value = (const char *)at + field->offset;
        const struct ry_strs *list = value;
        if (field->type == RY_FIELD_LIST && list->n > 0)
            note_record(held, field->record, list->items);
        for (size_t k = 0; field->type == RY_FIELD_STR && k < sizeof places / sizeof *places; k++)
            if (strcmp(places[k].field, field->name) == 0)
                note((char *)held + places[k].offset, sizeof held->clip, *(const struct ry_str *)value);
    }
}

void cells_held(struct held *held, const struct ry_descriptor *descriptor, const void *body,
                const struct ry_envelope *envelope)
{
    *held = (struct held){.id = envelope->id, .origin = envelope->correlation, .tag = envelope->tag};
    note_record(held, &descriptor->record, body);
}

/* ---- which envelopes are cells ----------------------------------------------------------------------------------- */

/* Whether the mail that it holds allows this message in this conversation. */
static bool is_of_mine(const struct cells *cells, const struct ry_descriptor *descriptor, uint64_t correlation)
{
    const struct held *mine = cells->mine;
    const struct ry_capability *may = descriptor->may;
    bool within = false;
    for (size_t i = 0; i < RY_CAPABILITY_WITHIN_MAX; i++)
        within = within || (may->within[i] != RY_TAG_NONE && may->within[i] == mine->tag);
    return cells->state == STATE_HOLDING && within &&
           correlation == (may->right == RY_RIGHT_FOLLOW ? mine->origin : mine->id);
}

static bool names_guild(const struct ry_descriptor *descriptor)
{
    for (size_t i = 0; i < descriptor->record.field_count; i++)
        if (strcmp(descriptor->record.fields[i].name, "guild_id") == 0)
            return true;
    return false;
}

/* Whether this role, now, should not send this. mail_id: what done and fail are about. */
static bool is_cell(const struct cells *cells, const struct ry_descriptor *descriptor, enum about about,
                    uint64_t correlation, uint64_t mail_id)
{
    const struct ry_capability *may = descriptor->may;
    bool control = descriptor->kind == RY_KIND_CONTROL;
    bool asks = descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK;
    if (cells->state == STATE_BEFORE || cells->state == STATE_LEFT || cells->state == STATE_SECOND ||
        descriptor->tag == RY_TAG_hello)
        return true;
    if (cells->role == RY_ROLE_RELAY && !control) /* it speaks for instances of other nodes */
        return !may->crosses || descriptor->kind == RY_KIND_ANSWER;
    if (!(descriptor->senders & RY_ROLE_BIT(cells->role)))
        return true;
    if ((asks || descriptor->kind == RY_KIND_EVENT) && (RY_ROLES_SOURCES & RY_ROLE_BIT(cells->role)))
        return false;
    switch (may->right) {
    case RY_RIGHT_FREE: return !control; /* a hint changes nothing of what is stored */
    case RY_RIGHT_CUSTODY: return !(cells->state == STATE_HOLDING && mail_id == cells->mine->id);
    case RY_RIGHT_ANSWER:
    case RY_RIGHT_FOLLOW:
        if (!is_of_mine(cells, descriptor, correlation))
            return true;
        if (about == ABOUT_DISGUISED) /* an answer about its mail ends that; what else is in it its receiver judges */
            return may->right == RY_RIGHT_FOLLOW && names_guild(descriptor);
        return may->subject != RY_NO_FIELD && about != ABOUT_OWN;
    }
    return true;
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

/* What the strings of a target point into. */
struct aim {
    struct forge_target target;
    char job[1000];
    struct ry_buf mail;
};

static struct ry_str known(const char *text)
{
    return *text ? ry_str_of(text) : (struct ry_str){NULL, 0};
}

static void aim_subject(struct forge_target *target, const struct subject *subject)
{
    target->clip_id = known(subject->clip);
    target->guild_id = known(subject->guild);
    target->channel_id = known(subject->channel);
    target->message_id = known(subject->message);
    target->user_id = known(subject->user);
    target->path = known(subject->path);
}

static void aim_own(struct forge_target *target, const struct held *mine)
{
    target->clip_id = known(mine->clip);
    target->guild_id = known(mine->guild);
    target->channel_id = known(mine->channel);
    target->message_id = known(mine->message);
    target->job_id = known(mine->job);
}

/* What the declaration says is the subject is that of one's own mail. */
static void aim_subject_own(struct forge_target *target, const struct held *mine,
                            const struct ry_descriptor *descriptor)
{
    const struct ry_field *subject = ry_descriptor_subject(descriptor);
    if (subject && strcmp(subject->name, "clip_id") == 0)
        target->clip_id = known(mine->clip);
    if (subject && strcmp(subject->name, "job_id") == 0)
        target->job_id = known(mine->job);
}

static const struct subject unknown = {.clip = "00000000000000000000000000000000",
                                       .guild = "999999999999999999",
                                       .channel = "999999999999999998",
                                       .message = "999999999999999997",
                                       .user = "999999999999999996",
                                       .path = "guild_9/clip_0/small_320x180.webp"};
/* As long as the fields ask for, and nothing that may be an id or a path. */
static const struct subject malformed = {.clip = "../../../../../../../../tmp/rogue",
                                         .guild = "0",
                                         .channel = "18446744073709551615",
                                         .message = "0",
                                         .user = "0",
                                         .path = "../reelyard.db"};

/* A mail that deletes a guild, frozen. */
static void freeze(struct aim *aim)
{
    RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
    struct ry_frames frames = {.n = 0};
    const struct ry_purge purge = {.job_id = RY_STR("00000000-0000-4000-8000-000000000001"),
                                   .token = INT64_MAX,
                                   .scope = RY_PURGE_GUILD,
                                   .guild_id =
                                       ry_str_is_snowflake(aim->target.guild_id) ? aim->target.guild_id : RY_STR("1"),
                                   .limit = 10000};
    if (ry_pack(ry_descriptor(RY_TAG_purge), &purge, &body, &frames, NULL) != RY_OK)
        abort();
    const struct ry_envelope envelope = {
        .id = 1, .correlation = 1, .tag = RY_TAG_purge, .attempt = 1, .body = ry_buf_str(&body)};
    if (ry_mail_freeze(&envelope, NULL, &aim->mail) != RY_OK)
        abort();
    aim->target.mail = ry_buf_str(&aim->mail);
}

/* False: there is no such subject now. */
static bool aim_at(const struct cells *cells, const struct ry_descriptor *descriptor, enum about about, struct aim *aim)
{
    const struct knowledge *knowledge = cells->knowledge;
    struct forge_target *target = &aim->target;
    *aim = (struct aim){.mail = ry_buf_make((size_t)1 << 20)};
    target->job_id = RY_STR("00000000-0000-4000-8000-000000000001");
    target->url = RY_STR("https://cdn.discordapp.com/attachments/1/2/rogue.mp4");
    target->owner = RY_STR("rogue/1");
    target->instance = known(knowledge->instance);
    switch (about) {
    case ABOUT_OWN: aim_own(target, cells->mine); break;
    case ABOUT_NEAR: aim_subject(target, &knowledge->near); break;
    case ABOUT_ARCHIVED: aim_subject(target, &knowledge->archived); break;
    case ABOUT_DISGUISED:
        if (cells->mine->id == 0)
            return false;
        aim_subject(target, &knowledge->archived);
        aim_subject_own(target, cells->mine, descriptor);
        break;
    case ABOUT_UNKNOWN: aim_subject(target, &unknown); break;
    case ABOUT_MALFORMED: aim_subject(target, &malformed); break;
    case ABOUT_COUNT: abort();
    }
    if (target->guild_id.p == NULL)
        return false;
    (void)snprintf(
        aim->job, sizeof aim->job,
        "{\"job_id\":\"00000000-0000-4000-8000-000000000002\",\"type\":\"purge_guild\",\"guild_id\":\"%.*s\","
        "\"channel_id\":\"0\",\"created_at\":\"2024-10-19T15:03:09.000Z\",\"source\":\"rogue\"}",
        RY_STR_ARG(target->guild_id));
    target->job = ry_str_of(aim->job);
    freeze(aim);
    return true;
}

/* Whose conversation it is said to be in: new, one's own mail and its origin, another's, one of an honest instance. */
static size_t correlations(const struct cells *cells, uint64_t list[6])
{
    const struct held *mine = cells->mine;
    const struct held *victim = &cells->knowledge->victim;
    size_t n = 0;
    list[n++] = 0;
    if (mine->id)
        list[n++] = mine->id;
    if (mine->origin && mine->origin != mine->id)
        list[n++] = mine->origin;
    if (victim->id)
        list[n++] = victim->id;
    if (victim->origin && victim->origin != victim->id)
        list[n++] = victim->origin;
    if (cells->knowledge->their_session)
        list[n++] = cells->knowledge->their_session << 32 | 1;
    return n;
}

struct trial {
    const struct cells *cells;
    const struct ry_descriptor *descriptor;
    enum about about;
    enum sample_edge edge;
    struct aim *aim;
};

static void say_form(const struct trial *trial, uint64_t correlation, bool cut)
{
    if (trial->cells->say == NULL)
        return;
    RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
    RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    void *message = forge_make(trial->descriptor, trial->edge, &trial->aim->target, &arena, &owned);
    if (ry_pack(trial->descriptor, message, &body, &frames, NULL) != RY_OK)
        abort();
    if (cut && body.n > 0)
        body.n--;
    trial->cells->say(trial->cells->arg, 0, correlation, trial->descriptor->tag, ry_buf_str(&body), &frames);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
}

/* One message about one subject: in every conversation, at every edge of its limits; and cut short. */
static size_t try_about(struct trial *trial)
{
    const struct cells *cells = trial->cells;
    uint64_t list[6];
    uint64_t ids[2] = {cells->knowledge->victim.id, cells->mine->id};
    size_t count = 0;
    size_t n = correlations(cells, list);
    bool of_mail = trial->descriptor->tag == RY_TAG_done || trial->descriptor->tag == RY_TAG_fail;
    for (size_t i = 0; i < n; i++)
        for (int k = 0; k < (of_mail ? 2 : 1); k++) {
            trial->aim->target.mail_id = of_mail && ids[k] ? ids[k] : list[i] ? list[i] : 1;
            for (int edge = 0; edge <= SAMPLE_TYPICAL; edge++) {
                trial->edge = (enum sample_edge)edge;
                /* The upper limits once: they are many bytes, and say nothing of the conversation. */
                if (edge == SAMPLE_MOST && (i > 0 || trial->about != ABOUT_ARCHIVED))
                    continue;
                if (!is_cell(cells, trial->descriptor, trial->about, list[i], trial->aim->target.mail_id))
                    continue;
                say_form(trial, list[i], false);
                count++;
            }
        }
    if (is_cell(cells, trial->descriptor, trial->about, 0, 0)) {
        say_form(trial, 0, true);
        count++;
    }
    return count;
}

size_t cells_try(const struct cells *cells)
{
    size_t total = 0;
    size_t n = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&n);
    for (size_t i = 0; i < n; i++) {
        size_t count = 0;
        for (int about = 0; about < ABOUT_COUNT; about++) {
            struct aim aim;
            if (!aim_at(cells, &descriptors[i], (enum about)about, &aim))
                continue;
            struct trial trial = {
                .cells = cells, .descriptor = &descriptors[i], .about = (enum about)about, .aim = &aim};
            count += try_about(&trial);
            ry_buf_free(&aim.mail);
        }
        if (cells->say)
            cells->pause(cells->arg, descriptors[i].record.name, count);
        total += count;
    }
    return total;
}

size_t cells_hello(const struct cells *cells, uint64_t pid, const char *ticket, const char *name)
{
    size_t count = 0;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
        struct ry_frames frames = {.n = 0};
        char other[80];
        (void)snprintf(other, sizeof other, "%.40s-as-%u", name, role);
        const struct ry_hello hello = {.version = RY_PROTO_VERSION,
                                       .role = role,
                                       .name = ry_str_of(role == (unsigned)cells->role ? name : other),
                                       .pid = pid,
                                       .ticket = ry_str_of(ticket)};
        if (ry_pack(ry_descriptor(RY_TAG_hello), &hello, &body, &frames, NULL) != RY_OK)
            abort();
        cells->say(cells->arg, 0, 0, RY_TAG_hello, ry_buf_str(&body), &frames);
        count++;
    }
    cells->pause(cells->arg, "hello", count);
    return count;
}
