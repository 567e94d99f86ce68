/* forger.c: writes forged entries to the Redis of a fleet. Owns its connection to Redis. */
#include "tests/fakes/rogue/forger.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/queue/mail_stream.h"

#define OWNER       "forger/1"
#define STRANGE_KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
/* Roles whose mail a node with an embedded database takes from others. */
#define OFFERED \
    (RY_ROLE_BIT(RY_ROLE_INGESTER) | RY_ROLE_BIT(RY_ROLE_SCANNER) | RY_ROLE_BIT(RY_ROLE_DOWNLOADER) | \
     RY_ROLE_BIT(RY_ROLE_ENCODER) | RY_ROLE_BIT(RY_ROLE_STORAGE) | RY_ROLE_BIT(RY_ROLE_SCHEDULER))

struct forger {
    struct ry_mail_stream *stream;
    char node[RY_MAIL_STREAM_BYTES]; /* the node's own stream */
    uint64_t last_id;
    size_t cells;
};

static void need(int rc, const struct ry_error *err)
{
    if (rc != RY_OK)
        scene_give_up("the forger", err->text);
}

/* ---- the node at which it aims ----------------------------------------------------------------------------------- */

static void on_node(void *arg, const struct ry_mail_node *node)
{
    struct forger *forger = arg;
    struct ry_str owner = node->record != NULL ? node->record->owner : (struct ry_str){0};
    if (owner.p && !ry_str_is(owner, OWNER))
        (void)snprintf(forger->node, sizeof forger->node, "reelyard:mail:node:%.*s", RY_STR_ARG(owner));
}

static void find_node(struct forger *forger)
{
    struct ry_error err = {0};
    for (int tries = 0; forger->node[0] == '\0' && tries < 6000; tries++) {
        need(ry_mail_stream_nodes(forger->stream, on_node, forger, &err), &err);
        if (forger->node[0] == '\0')
            (void)poll(NULL, 0, 20);
    }
    if (forger->node[0] == '\0')
        scene_give_up("the forger", "no node announces itself");
}

/* ---- what it writes ---------------------------------------------------------------------------------------------- */

static void stream_of(const struct forger *forger, const struct ry_descriptor *descriptor,
                      char name[RY_MAIL_STREAM_BYTES])
{
    enum ry_role role = descriptor->kind == RY_KIND_CONTROL ? RY_ROLE_SCANNER : ry_descriptor_role(descriptor);
    if (!(OFFERED & RY_ROLE_BIT(role)))
        role = RY_ROLE_SCANNER; /* where it has nothing to seek */
    if (descriptor->kind == RY_KIND_ANSWER)
        (void)snprintf(name, RY_MAIL_STREAM_BYTES, "%s", forger->node);
    else
        (void)snprintf(name, RY_MAIL_STREAM_BYTES, "reelyard:mail:%s%s", ry_role_name(role),
                       forger->last_id % 2 ? ":urgent" : "");
}

static void say(void *arg, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
                const struct ry_frames *frames)
{
    struct forger *forger = arg;
    RY_BUF_AUTO whole = ry_buf_make((size_t)32 << 20);
    struct ry_error err = {0};
    char stream[RY_MAIL_STREAM_BYTES], number[24], origin[24];
    const struct ry_descriptor *descriptor = ry_descriptor(tag);
    uint64_t own = id ? id : (uint64_t)9 << 32 | ++forger->last_id;
    const struct ry_envelope envelope = {.id = own,
                                         .correlation = correlation ? correlation : own,
                                         .tag = (uint16_t)tag,
                                         .attempt = 1,
                                         .frame_count = (uint16_t)frames->n,
                                         .body = body};
    if (ry_mail_freeze(&envelope, frames->items, &whole) != RY_OK)
        abort();
    (void)snprintf(number, sizeof number, "%" PRIu64, descriptor->kind == RY_KIND_ANSWER ? envelope.correlation : own);
    (void)snprintf(origin, sizeof origin, "%" PRIu64, envelope.correlation);
    const struct ry_mail_field fields[] = {{RY_STR("kind"), RY_STR("answer")},    {RY_STR("from"), RY_STR(OWNER)},
                                           {RY_STR("home"), RY_STR(OWNER)},       {RY_STR("id"), ry_str_of(number)},
                                           {RY_STR("origin"), ry_str_of(origin)}, {RY_STR("mail"), ry_buf_str(&whole)}};
    stream_of(forger, descriptor, stream);
    need(ry_mail_stream_add(forger->stream, stream, fields, sizeof fields / sizeof *fields, 60, NULL, &err), &err);
    forger->cells++;
}

/* Ends of mails that never were, and of mails that are the node's own. */
static void say_words(struct forger *forger)
{
    static const char *const kinds[] = {"settled", "undeliverable"};
    struct ry_error err = {0};
    for (uint64_t id = 1; id <= 40; id++)
        for (int i = 0; i < 2; i++) {
            char number[24];
            (void)snprintf(number, sizeof number, "%" PRIu64, (4096 + id % 10) << 32 | (id / 10 + 1));
            const struct ry_mail_field fields[] = {
                {RY_STR("kind"), ry_str_of(kinds[i])}, {RY_STR("from"), RY_STR(OWNER)},
                {RY_STR("id"), ry_str_of(number)},     {RY_STR("tag"), RY_STR("45")},
                {RY_STR("cause"), RY_STR("3")},        {RY_STR("class"), RY_STR("1")},
                {RY_STR("reason"), RY_STR("because")}, {RY_STR("failure"), RY_STR("because")}};
            need(ry_mail_stream_add(forger->stream, forger->node, fields, sizeof fields / sizeof *fields, 60, NULL,
                                    &err),
                 &err);
            forger->cells++;
        }
}

static void pause_not(void *arg, const char *message, size_t cells)
{
    (void)arg;
    (void)message;
    (void)cells;
}

/* Until the node has read all of it. */
static void await_read(struct forger *forger)
{
    struct ry_error err = {0};
    for (int tries = 0; tries < 60000; tries++) {
        uint64_t left = 0, length = 0;
        need(ry_mail_stream_length(forger->stream, forger->node, &left, &err), &err);
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
            for (int urgent = 0; urgent < 2 && (OFFERED & RY_ROLE_BIT(role)); urgent++) {
                char stream[RY_MAIL_STREAM_BYTES];
                (void)snprintf(stream, sizeof stream, "reelyard:mail:%s%s", ry_role_name((enum ry_role)role),
                               urgent ? ":urgent" : "");
                need(ry_mail_stream_length(forger->stream, stream, &length, &err), &err);
                left += length;
            }
        if (left == 0)
            return;
        (void)poll(NULL, 0, 5);
    }
    scene_give_up("the forger", "the node does not read what was written");
}

static void try(struct judge *judge, const char *key, const char *what)
{
    struct forger forger = {0};
    struct ry_error err = {0};
    struct ry_config *config = ry_config_copy(judge->scene.session.config);
    char title[100];
    const struct held nothing = {0};
    /* Without the key everything is too much; with it, what is not for other nodes. */
    const struct cells cells = {.role = RY_ROLE_RELAY,
                                .state = key == NULL ? STATE_WELCOME : STATE_BEFORE,
                                .mine = &nothing,
                                .knowledge = &judge->knowledge,
                                .say = say,
                                .pause = pause_not,
                                .arg = &forger};
    if (config == NULL || (key && ry_config_set(config, RY_OPT_fleet_key, key, &err) != RY_OK))
        scene_give_up("the forger", err.text);
    need(ry_mail_stream_new(&forger.stream, config, OWNER, ry_clock_system(), &err), &err);
    find_node(&forger);
    judge->knowledge.their_session = 4097;
    scene_set(&judge->scene);
    const struct ry_node_record record = {.owner = RY_STR(OWNER)};
    need(ry_mail_stream_announce(forger.stream, "forger", &record, 60, &err), &err);
    (void)cells_try(&cells);
    if (key)
        say_words(&forger);
    await_read(&forger);
    (void)snprintf(title, sizeof title, "relay %s", what);
    judge->bad += scene_compare(&judge->scene, title) > 0;
    judge->cells += forger.cells;
    (void)fflush(stdout);
    ry_mail_stream_free(&forger.stream);
    ry_config_free(&config);
}

void forger_try_all(struct judge *judge)
{
    try(judge, "", "without a key");
    try(judge, STRANGE_KEY, "with another key");
    try(judge, NULL, "with the key of the fleet");
}
