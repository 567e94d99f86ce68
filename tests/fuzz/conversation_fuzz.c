/* conversation_fuzz.c: whole conversations of instances with their router, some of which were taken over.
 *
 *   conversation_fuzz tests/fuzz/corpus/conversation
 *   conversation_fuzz --seeds FOLDER      writes a seed for each message that a mailbox takes
 *
 * The input is a list of steps of four bytes: who joins, says what about which clip in whose conversation, ends a mail,
 * leaves, dies; and the clock. A model beside the router knows who holds which mail. What must hold, whatever is said:
 * an instance is given what its role may receive, and no more than its credit; one that has left says nothing and is
 * told nothing; and whoever is no source is heard only in the course of a mail that it holds, about the clip of that
 * mail. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"
#include "tests/bed/stage.h"

#define MEMBERS_MAX 24
#define MAILS_MAX   256
#define STEPS_MAX   400
#define SUBJECTS    3
#define CREDIT_MAX  65536 /* as credit may say */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum step { STEP_JOIN, STEP_SAY, STEP_SAY_RIGHTLY, STEP_END, STEP_LEAVE, STEP_DIE, STEP_WAIT, STEP_COUNT };

/* A mail in somebody's hands, or on its way. */
struct note {
    uint64_t id; /* 0: none */
    uint64_t origin;
    uint16_t tag;
    unsigned subject;
    uint32_t holder; /* 0: nobody */
};

struct member {
    uint32_t session;
    enum ry_role role;
    unsigned capacity;
    bool gone;
};

struct world {
    struct stage stage;
    struct member members[MEMBERS_MAX];
    size_t member_count;
    struct note notes[MAILS_MAX]; /* of what was accepted, the last ones */
    size_t note_count;
};

static const struct subject subjects[SUBJECTS] = {
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "71", "72", "73", "74", "guild_71/clip_a/small_320x180.webp"},
    {"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "71", "72", "83", "84", "guild_71/clip_b/small_320x180.webp"},
    {"cccccccccccccccccccccccccccccccc", "91", "92", "93", "94", "guild_91/clip_c/small_320x180.webp"}};

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct member *member_of(struct world *world, uint32_t session)
{
    for (size_t i = 0; i < world->member_count; i++)
        if (world->members[i].session == session)
            return &world->members[i];
    return NULL;
}

static struct note *note_of(struct world *world, uint64_t id)
{
    for (size_t i = 0; i < MAILS_MAX; i++)
        if (world->notes[i].id == id && id != 0)
            return &world->notes[i];
    return NULL;
}

/* ---- what the router says ---------------------------------------------------------------------------------------- */

/* Whether a mail may go to this member: to a role that receives it; to the relay, if it may cross nodes. */
static bool may_receive(const struct member *member, const struct ry_descriptor *descriptor)
{
    if (member->role == RY_ROLE_RELAY && descriptor->kind != RY_KIND_CONTROL)
        return descriptor->may->crosses;
    return (descriptor->receivers & RY_ROLE_BIT(member->role)) != 0;
}

/* Those that have left, died or been put out hold nothing any more, and do not come back. */
static void look_who_is_gone(struct world *world)
{
    for (size_t i = 0; i < world->member_count; i++) {
        struct member *member = &world->members[i];
        bool here = ry_router_knows(world->stage.router, member->session);
        must(!member->gone || !here);
        member->gone = !here;
        for (size_t k = 0; k < MAILS_MAX && !here; k++)
            if (world->notes[k].holder == member->session)
                world->notes[k].holder = 0;
    }
}

static void look_at(struct world *world, const struct stage_said *said)
{
    const struct ry_descriptor *descriptor = ry_descriptor(said->tag);
    const struct member *member = member_of(world, said->session);
    must(descriptor != NULL);
    if (member == NULL || said->tag == RY_TAG_unwelcome) /* it is joining; it is being put out */
        return;
    must(!member->gone && may_receive(member, descriptor));
    struct note *note = note_of(world, said->id);
    if (note && (descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK)) {
        must(note->holder == 0); /* one holder at a time */
        note->holder = said->session;
    }
}

static void look(struct world *world)
{
    look_who_is_gone(world);
    (void)ry_router_turn(world->stage.router);
    for (size_t i = 0; i < world->stage.said_count; i++)
        look_at(world, &world->stage.said[i]);
    world->stage.said_count = 0;
    look_who_is_gone(world); /* a turn puts out who held a mail for too long */
    for (size_t i = 0; i < world->member_count; i++) {
        const struct member *member = &world->members[i];
        size_t held = 0;
        for (size_t k = 0; k < MAILS_MAX; k++)
            held += world->notes[k].id != 0 && world->notes[k].holder == member->session;
        must(held <= member->capacity || member->role == RY_ROLE_RELAY);
    }
}

/* ---- what they say ----------------------------------------------------------------------------------------------- */

/* The model's view: the mail that allows this. NULL: none does. */
static const struct note *allowed_by(struct world *world, const struct member *member,
                                     const struct ry_descriptor *descriptor, uint64_t correlation, unsigned subject)
{
    const struct ry_capability *may = descriptor->may;
    for (size_t i = 0; i < MAILS_MAX; i++) {
        const struct note *note = &world->notes[i];
        if (note->id == 0 || note->holder != member->session)
            continue;
        bool within = note->tag == may->within[0] || note->tag == may->within[1];
        bool conversation = correlation == (may->right == RY_RIGHT_FOLLOW ? note->origin : note->id);
        bool about = ry_descriptor_subject(descriptor) == NULL ||
                     ry_descriptor_subject(ry_descriptor(note->tag)) == NULL ||
                     strcmp(subjects[subject].clip, subjects[note->subject].clip) == 0;
        if (within && conversation && about)
            return note;
    }
    return NULL;
}

static void expect_right(struct world *world, const struct member *member, const struct ry_descriptor *descriptor,
                         uint64_t correlation, unsigned subject)
{
    bool hint = descriptor->kind == RY_KIND_EVENT;
    bool begins = (descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK || hint) &&
                  (RY_ROLES_SOURCES & RY_ROLE_BIT(member->role));
    must(!member->gone);
    if (member->role == RY_ROLE_RELAY)
        return; /* for instances of other nodes */
    must(descriptor->senders & RY_ROLE_BIT(member->role));
    if (begins || descriptor->may->right == RY_RIGHT_FREE || descriptor->may->right == RY_RIGHT_CUSTODY)
        return;
    if (descriptor->tag != RY_TAG_heap_made)
        must(allowed_by(world, member, descriptor, correlation, subject) != NULL);
}

struct saying {
    struct member *member;
    const struct ry_descriptor *descriptor;
    uint64_t correlation; /* 0: a new one */
    unsigned subject;
    enum sample_edge edge;
    uint64_t mail_id; /* of done and fail */
};

static void say(struct world *world, const struct saying *saying)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 20);
    RY_BUF_AUTO body = ry_buf_make((size_t)8 << 20);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    const struct subject *subject = &subjects[saying->subject];
    const struct forge_target target = {.clip_id = ry_str_of(subject->clip),
                                        .guild_id = ry_str_of(subject->guild),
                                        .channel_id = ry_str_of(subject->channel),
                                        .message_id = ry_str_of(subject->message),
                                        .user_id = ry_str_of(subject->user),
                                        .job_id = ry_str_of(subject->clip),
                                        .path = ry_str_of(subject->path),
                                        .mail_id = saying->mail_id};
    void *message = forge_make(saying->descriptor, saying->edge, &target, &arena, &owned);
    uint64_t id = (uint64_t)saying->member->session << 32 | ++world->stage.last_id;
    uint64_t tenant = 0;
    must(ry_str_u64(target.guild_id, &tenant));
    must(ry_pack(saying->descriptor, message, &body, &frames, NULL) == RY_OK);
    int rc = stage_say(&world->stage, saying->member->session, id, saying->correlation, tenant, saying->descriptor->tag,
                       ry_buf_str(&body), &frames);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
    uint64_t correlation = saying->correlation ? saying->correlation : id;
    if (rc != RY_OK) {
        look(world);
        return;
    }
    expect_right(world, saying->member, saying->descriptor, correlation, saying->subject);
    if (saying->descriptor->tag == RY_TAG_done || saying->descriptor->tag == RY_TAG_fail) {
        struct note *ended = note_of(world, saying->mail_id);
        if (ended)
            ended->holder = 0;
    }
    if (saying->descriptor->tag == RY_TAG_credit)
        saying->member->capacity = CREDIT_MAX;
    if (saying->descriptor->kind == RY_KIND_REQUEST || saying->descriptor->kind == RY_KIND_ASK)
        world->notes[world->note_count++ % MAILS_MAX] =
            (struct note){id, correlation, (uint16_t)saying->descriptor->tag, saying->subject, 0};
    look(world);
}

/* Some mail of which a message may be said rightly now. */
static const struct note *some_mail(struct world *world, const struct ry_descriptor *descriptor)
{
    const struct ry_capability *may = descriptor->may;
    for (size_t i = 0; i < MAILS_MAX; i++)
        if (world->notes[i].holder != 0 && may->within[0] != RY_TAG_NONE &&
            (world->notes[i].tag == may->within[0] || world->notes[i].tag == may->within[1]))
            return &world->notes[i];
    return NULL;
}

static void say_rightly(struct world *world, struct saying saying)
{
    const struct note *note = some_mail(world, saying.descriptor);
    for (size_t i = 0; i < world->member_count; i++) {
        struct member *member = &world->members[i];
        bool source =
            (RY_ROLES_SOURCES & RY_ROLE_BIT(member->role)) && (saying.descriptor->senders & RY_ROLE_BIT(member->role));
        if (member->gone || !(note ? note->holder == member->session : source))
            continue;
        saying.member = member;
        if (note) {
            saying.correlation = saying.descriptor->may->right == RY_RIGHT_FOLLOW ? note->origin : note->id;
            saying.subject = note->subject;
        }
        say(world, &saying);
        return;
    }
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

static void join(struct world *world, unsigned what, unsigned capacity)
{
    enum ry_role role = (enum ry_role)(what % RY_ROLE_COUNT);
    if (role == RY_ROLE_NONE || role == RY_ROLE_ROUTER || world->member_count == MEMBERS_MAX)
        return;
    for (size_t i = 0; i < world->member_count; i++)
        if (role == RY_ROLE_RELAY && world->members[i].role == role && !world->members[i].gone)
            return; /* a node has one */
    uint32_t session = stage_join(&world->stage, role, capacity);
    world->members[world->member_count++] = (struct member){session, role, capacity, false};
    look(world);
}

static void take_step(struct world *world, const uint8_t bytes[4])
{
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    struct member *member = world->member_count ? &world->members[bytes[1] % world->member_count] : NULL;
    const struct note *note = &world->notes[bytes[3] % MAILS_MAX];
    struct saying saying = {.member = member,
                            .descriptor = &descriptors[bytes[2] % count],
                            .correlation = note->id ? (bytes[3] & 1 ? note->id : note->origin) : 0,
                            .subject = bytes[3] % SUBJECTS,
                            .edge = bytes[0] & 0x80 ? SAMPLE_LEAST : SAMPLE_TYPICAL,
                            .mail_id = note->id ? note->id : 1};
    switch ((enum step)(bytes[0] % 0x40 % STEP_COUNT)) {
    case STEP_JOIN: join(world, bytes[1], bytes[2] % 8); break;
    case STEP_SAY:
        if (member)
            say(world, &saying);
        break;
    case STEP_SAY_RIGHTLY:
        saying.correlation = 0;
        say_rightly(world, saying);
        break;
    case STEP_END:
        saying.descriptor = ry_descriptor(bytes[2] & 1 ? RY_TAG_done : RY_TAG_fail);
        if (member)
            say(world, &saying);
        break;
    case STEP_LEAVE:
        saying.descriptor = ry_descriptor(RY_TAG_bye);
        if (member)
            say(world, &saying);
        break;
    case STEP_DIE:
        if (member)
            ry_router_gone(world->stage.router, member->session, bytes[2] & 1);
        look(world);
        break;
    case STEP_WAIT:
        ry_clock_manual_advance(&world->stage.clock, (int64_t)bytes[1] << (bytes[2] % 16));
        look(world);
        break;
    case STEP_COUNT: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world *world = calloc(1, sizeof *world);
    must(world != NULL);
    stage_begin(&world->stage);
    for (size_t i = 0; i + 4 <= size && i < (size_t)4 * STEPS_MAX; i += 4)
        take_step(world, data + i);
    stage_end(&world->stage);
    free(world);
    return 0;
}

/* ---- seeds ------------------------------------------------------------------------------------------------------- */

/* Everybody joins; then what leads to a message, and the message, are said as they should be. */
static size_t lead_to(uint8_t *bytes, size_t at, const struct ry_descriptor *descriptor)
{
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    if (!(descriptor->senders & RY_ROLES_SOURCES) && descriptor->may->within[0] != RY_TAG_NONE)
        at = lead_to(bytes, at, ry_descriptor(descriptor->may->within[0]));
    const uint8_t step[4] = {STEP_SAY_RIGHTLY, 0, (uint8_t)(descriptor - descriptors), 0};
    memcpy(bytes + at, step, sizeof step);
    return at + sizeof step;
}

static void write_seed(const struct ry_descriptor *descriptor, const char *folder)
{
    uint8_t bytes[256];
    char path[4096];
    size_t n = 0;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        const uint8_t step[4] = {STEP_JOIN, (uint8_t)role, 2, 0};
        memcpy(bytes + n, step, sizeof step);
        n += sizeof step;
    }
    n = lead_to(bytes, n, descriptor);
    (void)snprintf(path, sizeof path, "%s/%s", folder, descriptor->record.name);
    FILE *file = fopen(path, "w");
    must(file != NULL && fwrite(bytes, 1, n, file) == n && fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    if (*argc != 3 || strcmp((*argv)[1], "--seeds") != 0)
        return 0;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++)
        if (descriptors[i].kind != RY_KIND_CONTROL)
            write_seed(&descriptors[i], (*argv)[2]);
    exit(0);
}
