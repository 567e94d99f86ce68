/* relay_attacks_test.c: what somebody who can write to Redis, and does not have the fleet's key, can make nodes do:
 * nothing. And what a node of the fleet can make others do: work, and no more.
 *
 * The attacker is a client of a real Redis: it copies, changes, moves and adds entries. What it copies may be sealed: a
 * node of the fleet has made it, in Redis' database 1, where no other node is. */
#include "tests/bed/bed.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "runtime/base/log.h"
#include "tests/bed/ghost_node.h"
#include "tests/bed/patience.h"
#include "tests/bed/relay_bed.h"

#define KEY       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_KEY "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define CLAIMS    "reelyard:mail:writer"
#define STASH     "stash" /* where the attacker keeps copies */

/* ---- actors: a scheduler that asks, a writer that notes what it is asked ----------------------------------------- */

static struct {
    unsigned wanted, sent, answers, undeliverable;
    unsigned worked[128]; /* clips_claim, by the first letter of the node's name */
    unsigned purges, batches, roots;
    bool holding; /* writers keep what they get */
} stage;

static void scheduler_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    const struct ry_clips_claim claim = {.owner = RY_STR("x"), .limit = 1, .lease_ms = 1000};
    ry_timer(ctx, timer, 5);
    WITH_STAGE(for (; stage.sent < stage.wanted; stage.sent++)
                   RY_TELL(ctx, clips_claim, &claim, &(struct ry_send){.priority = RY_PRIORITY_BACKFILL}));
}

static void scheduler_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self, (void)ctx;
    WITH_STAGE(stage.answers += mail->envelope.tag == RY_TAG_clips_claimed;
               stage.undeliverable += mail->envelope.tag == RY_TAG_undeliverable);
}

static _Thread_local struct ry_mail *held[64];
static _Thread_local size_t held_n;

static void let_go(struct ry_ctx *ctx)
{
    for (; held_n > 0; held_n--) {
        RY_ANSWER(ctx, held[held_n - 1], clips_claimed, (&(struct ry_clips_claimed){.next_due_ms = 1}));
        ry_mail_done(ctx, held[held_n - 1]);
    }
}

static void writer_tick(void *self, struct ry_ctx *ctx, unsigned timer)
{
    (void)self;
    ry_timer(ctx, timer, 5);
    relay_bed_lock();
    bool holding = stage.holding;
    relay_bed_unlock();
    if (!holding)
        let_go(ctx);
}

static void writer_receive(void *self, struct ry_ctx *ctx, struct ry_mail *mail)
{
    (void)self;
    if (mail->envelope.tag == RY_TAG_purge) {
        WITH_STAGE(stage.purges++);
    } else if (mail->envelope.tag == RY_TAG_batch_write) {
        WITH_STAGE(stage.batches++; stage.roots += RY_BODY(mail, batch_write)->media_root.p != NULL);
    } else if (mail->envelope.tag == RY_TAG_clips_claim) {
        ry_mail_keep(ctx, mail);
        held[held_n++] = mail;
        WITH_STAGE(stage.worked[(unsigned char)ry_ctx_owner(ctx)[0] & 127]++);
    }
}

static const struct ry_actor_spec scheduler_spec = {.role = RY_ROLE_SCHEDULER,
                                                    .capacity = 16,
                                                    .threads = 1,
                                                    .open = relay_bed_open_actor,
                                                    .receive = scheduler_receive,
                                                    .tick = scheduler_tick,
                                                    .close = relay_bed_close_actor};
static const struct ry_actor_spec writer_spec = {.role = RY_ROLE_WRITER,
                                                 .capacity = 8,
                                                 .threads = 1,
                                                 .open = relay_bed_open_actor,
                                                 .receive = writer_receive,
                                                 .tick = writer_tick,
                                                 .close = relay_bed_close_actor};

/* ---- the site ---------------------------------------------------------------------------------------------------- */

static struct redis_server *redis;
static struct relay_bed bed;
static struct ghost_node *ghost;  /* of the fleet */
static struct ghost_node *writes; /* of the fleet, in database 1: makes what the attacker then has */

static void begin(const char *name, const struct ry_actor_spec *spec, const char *key, const char *open)
{
    const struct relay_bed_option options[] = {{RY_OPT_fleet_key, key}, {RY_OPT_fleet_open, open}};
    const struct ry_actor_spec *const specs[] = {spec, NULL};
    relay_bed_begin(&bed, name, specs, options, 2);
}

static void want(unsigned n)
{
    WITH_STAGE(stage.wanted += n);
}

static int set_up(void **state)
{
    redis = *state;
    char url[80];
    redis_server_say(redis, "FLUSHALL", NULL);
    WITH_STAGE(stage.wanted = stage.sent = stage.answers = stage.undeliverable = stage.purges = stage.batches =
                   stage.roots = 0;
               stage.holding = false; memset(stage.worked, 0, sizeof stage.worked));
    bed.redis = redis;
    ghost = ghost_node_new(redis_server_url(redis), "ghost/1", KEY);
    (void)snprintf(url, sizeof url, "%s/1", redis_server_url(redis));
    writes = ghost_node_new(url, "ghost/1", KEY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    relay_bed_end(&bed);
    ghost_node_free(ghost);
    ghost_node_free(writes);
    return 0;
}

/* What a node of this process says of itself to a command. */
static uint64_t counter_of(size_t node, enum ry_counter counter, char notice[401])
{
    const struct ry_mail *answer = NULL;
    struct ry_error err = {0};
    uint64_t value = 0;
    if (ry_console_ask(relay_bed_console(&bed, node), RY_TAG_node_get, &(struct ry_node_get){0}, PATIENCE_MS, &answer,
                       &err) != RY_OK)
        fail_msg("%s", err.text);
    const struct ry_node_state *node_state = RY_BODY(answer, node_state);
    for (size_t i = 0; i < node_state->counters.n; i++)
        if (node_state->counters.items[i].index == (uint64_t)counter)
            value = node_state->counters.items[i].value;
    if (notice != NULL)
        (void)snprintf(notice, 401, "%.*s", RY_STR_ARG(node_state->relay_notice));
    return value;
}

/* Counters are reported a few times a second. */
static void await_counter(size_t node, enum ry_counter counter, uint64_t n)
{
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    uint64_t value = 0;
    while ((value = counter_of(node, counter, NULL)) < n)
        if (time(NULL) > until)
            fail_msg("%s is %" PRIu64 ", not %" PRIu64, ry_counter_name(counter), value, n);
}

static void await_notice(size_t node, const char *what)
{
    char notice[401] = "";
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    do {
        if (time(NULL) > until)
            fail_msg("the node says \"%s\", and nothing of \"%s\"", notice, what);
        (void)counter_of(node, RY_COUNTER_relay_refused, notice);
    } while (strstr(notice, what) == NULL);
}

/* ---- the attacker ------------------------------------------------------------------------------------------------ */

/* Adds the entry that it keeps to a stream, after a change of one field (name NULL: none). */
static void add_copy(const char *stream, const char *name, const char *value)
{
    static const char script[] = "local f = redis.call('XRANGE', KEYS[1], '-', '+')[1][2]"
                                 " for i = 1, #f, 2 do if f[i] == ARGV[1] then f[i + 1] = ARGV[2] end end"
                                 " redis.call('XADD', KEYS[2], '*', unpack(f))"
                                 " return redis.call('PUBLISH', 'reelyard:bell:' .. KEYS[2], '')";
    redis_server_say(redis, "EVAL", script, "2", STASH, stream, name != NULL ? name : "", value != NULL ? value : "",
                     NULL);
}

/* Keeps the first entry of a stream, of database 0 or 1. */
static void keep_copy(const char *stream, const char *database)
{
    static const char script[] = "redis.call('SELECT', ARGV[1])"
                                 " local f = redis.call('XRANGE', KEYS[1], '-', '+')[1][2]"
                                 " redis.call('SELECT', '0') redis.call('DEL', KEYS[2])"
                                 " return redis.call('XADD', KEYS[2], '*', unpack(f))";
    redis_server_say(redis, "EVAL", script, "2", stream, STASH, database, NULL);
}

/* The fields of an entry with a mail, from this start of a node. */
#define MAIL_FIELDS(sender, whole) \
    { \
        {RY_STR("from"), ry_str_of(sender)}, {RY_STR("id"), RY_STR("7")}, {RY_STR("home"), ry_str_of(sender)}, \
            {RY_STR("origin"), RY_STR("7")}, \
        { \
            RY_STR("mail"), ry_buf_str(whole) \
        } \
    }

static const struct ry_purge purge = {.job_id = RY_STR("j"),
                                      .token = INT64_MAX,
                                      .scope = RY_PURGE_GUILD,
                                      .guild_id = RY_STR("41771983423143937"),
                                      .limit = 10000};
static const struct ry_batch_write rooted = {.job_id = RY_STR("j"),
                                             .token = 1,
                                             .guild_id = RY_STR("41771983423143937"),
                                             .channel_id = RY_STR("41771983423143938"),
                                             .media_root = RY_STR("/")};
static const struct ry_clips_claim claim = {.owner = RY_STR("x"), .limit = 1, .lease_ms = 1000};

/* An entry of a mail of the ghost that a node of the fleet has sealed for a stream, kept by the attacker. */
static void get_sealed(const char *stream, enum ry_tag tag, const void *message)
{
    RY_BUF_AUTO whole = ry_buf_make(100000);
    freeze_mail(tag, message, 7, &whole);
    const struct ry_mail_field fields[] = MAIL_FIELDS("ghost/1", &whole);
    ghost_node_add(writes, stream, fields, sizeof fields / sizeof *fields);
    keep_copy(stream, "1");
    redis_server_say(redis, "EVAL", "redis.call('SELECT', '1') return redis.call('DEL', KEYS[1])", "1", stream, NULL);
}

/* The same with no seal, or with one of another key. */
static void add_forged(const char *sender, enum ry_tag tag, const void *message, const char *seal)
{
    RY_BUF_AUTO whole = ry_buf_make(100000);
    freeze_mail(tag, message, 7, &whole);
    const struct ry_mail_field fields[] = MAIL_FIELDS(sender, &whole);
    struct ghost_node *stranger = ghost_node_new(redis_server_url(redis), "ghost/1", seal);
    ghost_node_add(stranger, CLAIMS, fields, sizeof fields / sizeof *fields);
    ghost_node_free(stranger);
}

/* After an attack: beta has seen nothing of it, and works on. */
static void works_on_untouched(void)
{
    relay_bed_await_length(&bed, CLAIMS, 0);
    begin("alpha", &scheduler_spec, KEY, "false");
    want(3);
    relay_bed_await_count(&stage.answers, 3, "answers");
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 3);
    assert_int_equal(relay_bed_seen(&stage.purges), 0);
    assert_int_equal(relay_bed_seen(&stage.batches), 0);
}

/* ---- forged, altered, moved -------------------------------------------------------------------------------------- */

static void forged_mail_is_not_delivered(void **state)
{
    (void)state;
    static const struct {
        enum ry_tag tag;
        const void *message;
        const char *seal;
    } cases[] = {{RY_TAG_purge, &purge, NULL},
                 {RY_TAG_purge, &purge, OTHER_KEY},
                 {RY_TAG_batch_write, &rooted, NULL},
                 {RY_TAG_batch_write, &rooted, OTHER_KEY},
                 {RY_TAG_clips_claim, &claim, NULL}};
    const unsigned n = sizeof cases / sizeof *cases;
    ghost_node_appear(ghost, 0); /* a sender that is alive */
    for (unsigned i = 0; i < n; i++)
        add_forged("ghost/1", cases[i].tag, cases[i].message, cases[i].seal);
    begin("beta", &writer_spec, KEY, "false");
    await_counter(0, RY_COUNTER_relay_refused, n);
    await_notice(0, "reelyard:mail:writer");
    works_on_untouched();
    assert_int_equal(redis_server_int(redis, "XLEN", "reelyard:mail:node:ghost/1", NULL), 0); /* nobody was asked */
}

static void altered_and_moved_mail_is_not_delivered(void **state)
{
    (void)state;
    static const struct {
        const char *field, *value, *stream;
    } cases[] = {{"id", "8", CLAIMS},
                 {"origin", "8", CLAIMS},
                 {"from", "ghost/2", CLAIMS},
                 {"home", "ghost/2", CLAIMS},
                 {"mail", "x", CLAIMS},
                 {"seal", "", CLAIMS},
                 {NULL, NULL, CLAIMS ":urgent"},
                 {NULL, NULL, "reelyard:mail:storage"}};
    const unsigned n = sizeof cases / sizeof *cases;
    ghost_node_appear(ghost, 0);
    ghost_node_answer(ghost, "granted");
    get_sealed(CLAIMS, RY_TAG_clips_claim, &claim);
    for (unsigned i = 0; i < n; i++)
        add_copy(cases[i].stream, cases[i].field, cases[i].value);
    begin("beta", &writer_spec, KEY, "false");
    await_counter(0, RY_COUNTER_relay_refused, n - 1); /* nobody here reads storage's stream */
    relay_bed_await_length(&bed, CLAIMS ":urgent", 0);
    assert_int_equal(ghost_node_claims(ghost), 0);
    works_on_untouched();
}

/* ---- of a node of the fleet, but none of a node's business ------------------------------------------------------- */

static void node_of_the_fleet_can_neither_purge_nor_name_files(void **state)
{
    (void)state;
    static const struct {
        enum ry_tag tag;
        const void *message;
    } cases[] = {{RY_TAG_purge, &purge}, {RY_TAG_batch_write, &rooted}};
    const unsigned n = sizeof cases / sizeof *cases;
    ghost_node_appear(ghost, 0);
    ghost_node_answer(ghost, "granted");
    begin("beta", &writer_spec, KEY, "false");
    for (unsigned i = 0; i < n; i++) {
        get_sealed(CLAIMS, cases[i].tag, cases[i].message);
        add_copy(CLAIMS, NULL, NULL);
        await_counter(0, RY_COUNTER_relay_unfit, i + 1);
    }
    works_on_untouched();
    assert_int_equal(ghost_node_ends(ghost), n); /* it is told that its mail is dead */
}

/* ---- again ------------------------------------------------------------------------------------------------------- */

static void mail_that_is_over_is_not_worked_on_again(void **state)
{
    (void)state;
    begin("alpha", &scheduler_spec, KEY, "false");
    ghost_node_appear(ghost, RY_ROLE_BIT(RY_ROLE_WRITER));
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    keep_copy(CLAIMS, "0");
    begin("beta", &writer_spec, KEY, "false");
    relay_bed_await_count(&stage.answers, 1, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    add_copy(CLAIMS, NULL, NULL); /* to the same node */
    await_counter(1, RY_COUNTER_relay_replayed, 1);
    relay_bed_await_length(&bed, CLAIMS, 0);
    relay_bed_end_last(&bed);
    begin("gamma", &writer_spec, KEY, "false"); /* to another one, or the same after its restart */
    add_copy(CLAIMS, NULL, NULL);
    await_counter(1, RY_COUNTER_relay_replayed, 1);
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']) + relay_bed_seen(&stage.worked['g']), 1);
    assert_int_equal(relay_bed_seen(&stage.answers), 1);
}

static void mail_that_is_worked_on_is_not_worked_on_by_another_node(void **state)
{
    (void)state;
    WITH_STAGE(stage.holding = true);
    begin("alpha", &scheduler_spec, KEY, "false");
    ghost_node_appear(ghost, RY_ROLE_BIT(RY_ROLE_WRITER));
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    keep_copy(CLAIMS, "0");
    begin("beta", &writer_spec, KEY, "false");
    relay_bed_await_count(&stage.worked['b'], 1, "mails at beta");
    begin("gamma", &writer_spec, KEY, "false");
    while (counter_of(2, RY_COUNTER_relay_replayed, NULL) == 0)
        add_copy(CLAIMS, NULL, NULL); /* some of them come to gamma */
    WITH_STAGE(stage.holding = false);
    relay_bed_await_count(&stage.answers, 1, "answers");
    relay_bed_await_length(&bed, CLAIMS, 0);
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 1);
    assert_int_equal(relay_bed_seen(&stage.worked['g']), 0);
    assert_int_equal(relay_bed_seen(&stage.answers), 1);
}

static void mail_of_a_start_that_is_over_is_not_worked_on(void **state)
{
    (void)state;
    begin("alpha", &scheduler_spec, KEY, "false");
    ghost_node_appear(ghost, RY_ROLE_BIT(RY_ROLE_WRITER));
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    keep_copy(CLAIMS, "0");
    relay_bed_end_last(&bed);
    WITH_STAGE(stage.wanted = stage.sent = 0);
    redis_server_say(redis, "DEL", CLAIMS, NULL);
    begin("beta", &writer_spec, KEY, "false");
    add_copy(CLAIMS, NULL, NULL);
    works_on_untouched();
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

/* A word of the ghost to a start of a node, sealed by it, kept by the attacker. */
static void get_word(const char *to, const char *kind, const char *id)
{
    char stream[RY_MAIL_STREAM_BYTES];
    (void)snprintf(stream, sizeof stream, "reelyard:mail:node:%s", to);
    redis_server_say(redis, "EVAL", "redis.call('SELECT', '1') return redis.call('DEL', KEYS[1])", "1", stream, NULL);
    ghost_node_say(writes, to, kind, id, NULL, NULL);
    keep_copy(stream, "1");
}

static void receipt_is_taken_only_of_the_node_that_has_the_mail(void **state)
{
    (void)state;
    char owner[200], stream[RY_MAIL_STREAM_BYTES], id[24];
    static const char number[] = "local f = redis.call('XRANGE', KEYS[1], '-', '+')[1][2]"
                                 " for i = 1, #f, 2 do if f[i] == 'id' then return f[i + 1] end end";
    begin("alpha", &scheduler_spec, KEY, "false");
    ghost_node_appear(ghost, RY_ROLE_BIT(RY_ROLE_WRITER));
    (void)snprintf(owner, sizeof owner, "%s", relay_bed_owner_of(&bed, "alpha"));
    (void)snprintf(stream, sizeof stream, "reelyard:mail:node:%s", owner);
    want(1);
    relay_bed_await_length(&bed, CLAIMS, 1);
    (void)snprintf(id, sizeof id, "%s", redis_server_say(redis, "EVAL", number, "1", CLAIMS, NULL));
    /* Forged, without a seal and with the wrong one; sealed, by a node that does not have the mail; the same again. */
    redis_server_say(redis, "XADD", stream, "*", "kind", "settled", "from", "ghost/1", "number", "1", "id", id, NULL);
    redis_server_say(redis, "XADD", stream, "*", "kind", "settled", "id", id, NULL);
    get_word(owner, "settled", id);
    add_copy(stream, "number", "9");
    add_copy(stream, NULL, NULL);
    add_copy(stream, NULL, NULL);
    relay_bed_await_length(&bed, stream, 0);
    await_counter(0, RY_COUNTER_relay_refused, 3);
    await_counter(0, RY_COUNTER_relay_replayed, 1);
    assert_int_equal(redis_server_int(redis, "XLEN", CLAIMS, NULL), 1);
    begin("beta", &writer_spec, KEY, "false");
    relay_bed_await_count(&stage.answers, 1, "answers");
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

static void word_to_another_node_is_not_heard(void **state)
{
    (void)state;
    char beta[RY_MAIL_STREAM_BYTES];
    begin("alpha", &scheduler_spec, KEY, "false");
    begin("beta", &writer_spec, KEY, "false");
    ghost_node_appear(ghost, 0);
    (void)snprintf(beta, sizeof beta, "reelyard:mail:node:%s", relay_bed_owner_of(&bed, "beta"));
    get_word(relay_bed_owner_of(&bed, "alpha"), "settled", "7");
    add_copy(beta, NULL, NULL);
    relay_bed_await_length(&bed, beta, 0);
    await_counter(1, RY_COUNTER_relay_refused, 1);
    assert_int_equal(counter_of(0, RY_COUNTER_relay_refused, NULL), 0);
}

/* ---- news -------------------------------------------------------------------------------------------------------- */

static void news_are_believed_only_sealed_new_and_under_their_name(void **state)
{
    (void)state;
    struct ghost_node *stranger = ghost_node_new(redis_server_url(redis), "evil/1", OTHER_KEY);
    begin("alpha", &scheduler_spec, KEY, "false");
    ghost_node_appear(stranger, RY_ROLE_BIT(RY_ROLE_WRITER));
    await_notice(0, "reelyard:node evil");
    ghost_node_go(stranger);
    ghost_node_free(stranger);
    static const char unsealed[] = "return redis.call('SET', 'reelyard:node:evil',"
                                   " '\\n' .. cmsgpack.pack({'evil/1', {{'writer', 1, 1}}, 0, 0, 0}))";
    redis_server_say(redis, "SADD", "reelyard:nodes", "evil", NULL);
    redis_server_say(redis, "EVAL", unsealed, "0", NULL);
    await_notice(0, "it has no seal");
    /* The ghost's news in the other database, under another name; and changed. */
    ghost_node_appear(writes, RY_ROLE_BIT(RY_ROLE_WRITER));
    static const char copy[] = "redis.call('SELECT', '1') local record = redis.call('GET', 'reelyard:node:ghost')"
                               " redis.call('SELECT', '0') return redis.call('SET', ARGV[1], record)";
    redis_server_say(redis, "EVAL", copy, "0", "reelyard:node:evil", NULL);
    await_notice(0, "its seal is wrong");
    /* And news of long ago: those of a node that is gone. */
    redis_server_say(redis, "DEL", "reelyard:node:evil", NULL);
    ghost_node_go(writes);
    ghost_node_say_old_news(writes, 3600);
    redis_server_say(redis, "SADD", "reelyard:nodes", "ghost", NULL);
    redis_server_say(redis, "EVAL", copy, "0", "reelyard:node:ghost", NULL);
    await_notice(0, "ago by this node's clock");
    want(2);
    relay_bed_await_count(&stage.sent, 2, "mails");
    begin("beta", &writer_spec, KEY, "false"); /* the first that alpha gives its mail to */
    relay_bed_await_count(&stage.answers, 2, "answers");
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* An older reelyard writes JSON. It and this one do not understand each other, so mail waits for a node of its own
 * version. */
static void node_of_an_older_version_is_named_and_no_mail_is_lost_beside_it(void **state)
{
    (void)state;
    static const struct {
        const char *fleet_key;
        const char *open;
    } fleets[] = {{KEY, "false"}, {"", "true"}};
    for (unsigned i = 0; i < sizeof fleets / sizeof *fleets; i++) {
        begin("alpha", &scheduler_spec, fleets[i].fleet_key, fleets[i].open);
        redis_server_say(redis, "SADD", "reelyard:nodes", "older", NULL);
        redis_server_say(redis, "SET", "reelyard:node:older",
                         "{\"owner\": \"older/1\", \"roles\": [\"writer\"], \"role_bits\": 8, \"wall_ms\": 1}", NULL);
        await_notice(0, "reelyard:node older: it is JSON, as an older reelyard writes it");
        want(2);
        begin("beta", &writer_spec, fleets[i].fleet_key, fleets[i].open);
        relay_bed_await_count(&stage.answers, 2 * (i + 1), "answers");
        relay_bed_end(&bed);
        redis_server_say(redis, "FLUSHALL", NULL);
    }
    assert_int_equal(relay_bed_seen(&stage.undeliverable), 0);
}

static void nodes_of_another_key_exchange_nothing(void **state)
{
    (void)state;
    begin("alpha", &scheduler_spec, KEY, "false");
    begin("gamma", &writer_spec, OTHER_KEY, "false");
    await_notice(0, "reelyard:node gamma: its seal is of a key that this node does not have");
    await_notice(1, "reelyard:node alpha: its seal is of a key that this node does not have");
    want(2);
    begin("beta", &writer_spec, KEY, "false");
    relay_bed_await_count(&stage.answers, 2, "answers");
    assert_int_equal(relay_bed_seen(&stage.worked['g']), 0);
}

static void key_is_replaced_while_nodes_go_on(void **state)
{
    (void)state;
    static const char *const steps[] = {KEY, KEY "," OTHER_KEY, OTHER_KEY "," KEY, OTHER_KEY};
    for (unsigned i = 0; i + 1 < 4; i++) {
        begin("alpha", &scheduler_spec, steps[i], "false");
        begin("beta", &writer_spec, steps[i + 1], "false");
        want(1);
        relay_bed_await_count(&stage.answers, i + 1, "answers");
        relay_bed_end(&bed);
        WITH_STAGE(stage.sent = stage.wanted);
    }
}

static void nodes_without_a_key_exchange_nothing_and_say_so(void **state)
{
    (void)state;
    char notice[401];
    begin("alpha", &scheduler_spec, "", "false");
    (void)relay_bed_owner_of(&bed, "alpha");
    (void)counter_of(0, RY_COUNTER_relay_refused, notice);
    assert_string_equal(notice, ""); /* alone it needs none */
    begin("beta", &writer_spec, "", "false");
    await_notice(0, "another node (beta) shares this Redis, and this one has no fleet key");
    await_notice(1, "reelyard keys fleet FILE");
    ghost_node_appear(ghost, 0);
    ghost_node_answer(ghost, "granted");
    get_sealed(CLAIMS, RY_TAG_clips_claim, &claim);
    add_copy(CLAIMS, NULL, NULL);
    want(1);
    relay_bed_await_count(&stage.sent, 1, "mails");
    await_notice(1, "shares this Redis");
    assert_int_equal(redis_server_int(redis, "XLEN", CLAIMS, NULL), 1); /* the fleet's, which it left alone */
    assert_int_equal(relay_bed_seen(&stage.worked['b']), 0);
}

static void open_fleet_exchanges_mail_without_a_key(void **state)
{
    (void)state;
    begin("alpha", &scheduler_spec, "", "true");
    begin("beta", &writer_spec, "", "true");
    want(3);
    relay_bed_await_count(&stage.answers, 3, "answers");
    begin("gamma", &writer_spec, KEY, "true"); /* on the way to a key */
    want(3);
    relay_bed_await_count(&stage.answers, 6, "answers");
}

/* ---- names, keys that are none ----------------------------------------------------------------------------------- */

static void await_key(const char *key)
{
    time_t until = time(NULL) + PATIENCE_MS / 1000;
    while (redis_server_int(redis, "EXISTS", key, NULL) == 0)
        if (time(NULL) > until)
            fail_msg("there is no %s", key);
}

static void key_of_another_type_is_put_aside(void **state)
{
    (void)state;
    static const char *const keys[] = {CLAIMS, CLAIMS ":urgent", "reelyard:nodes", "reelyard:mail:scheduler"};
    begin("alpha", &scheduler_spec, KEY, "false");
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        redis_server_say(redis, "SET", keys[i], "not reelyard's", NULL);
        if (i == 0)
            begin("beta", &writer_spec, KEY, "false");
        want(1);
        relay_bed_await_count(&stage.answers, i + 1, keys[i]);
    }
    await_key("reelyard:malformed:" CLAIMS);
    await_key("reelyard:malformed:reelyard:nodes");
    redis_server_say(redis, "SADD", "reelyard:nodes", "odd", NULL);
    redis_server_say(redis, "LPUSH", "reelyard:node:odd", "not news", NULL);
    redis_server_say(redis, "SADD", "reelyard:nodes", "older", NULL);
    redis_server_say(redis, "SET", "reelyard:node:older", "\xff\xfe", NULL);
    want(1);
    relay_bed_await_count(&stage.answers, 5, "answers");
}

static void mail_behind_a_flood_is_worked_on(void **state)
{
    (void)state;
    static const char flood[] = "for i = 1, 5000 do redis.call('XADD', KEYS[1], '*', 'mail', 'x') end return 1";
    begin("alpha", &scheduler_spec, KEY, "false");
    begin("beta", &writer_spec, KEY, "false");
    want(1);
    relay_bed_await_count(&stage.answers, 1, "answers");
    char words[RY_MAIL_STREAM_BYTES];
    (void)snprintf(words, sizeof words, "reelyard:mail:node:%s", relay_bed_owner_of(&bed, "alpha"));
    redis_server_say(redis, "EVAL", flood, "1", CLAIMS, NULL); /* without a bell */
    redis_server_say(redis, "EVAL", flood, "1", words, NULL);
    want(3);
    relay_bed_await_count(&stage.answers, 4, "answers");
    await_counter(0, RY_COUNTER_relay_refused, 5000);
    await_counter(1, RY_COUNTER_relay_refused, 5000);
    relay_bed_await_length(&bed, CLAIMS, 0);
    relay_bed_await_length(&bed, words, 0);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(forged_mail_is_not_delivered),
        TEST(altered_and_moved_mail_is_not_delivered),
        TEST(node_of_the_fleet_can_neither_purge_nor_name_files),
        TEST(mail_that_is_over_is_not_worked_on_again),
        TEST(mail_that_is_worked_on_is_not_worked_on_by_another_node),
        TEST(mail_of_a_start_that_is_over_is_not_worked_on),
        TEST(receipt_is_taken_only_of_the_node_that_has_the_mail),
        TEST(word_to_another_node_is_not_heard),
        TEST(news_are_believed_only_sealed_new_and_under_their_name),
        TEST(node_of_an_older_version_is_named_and_no_mail_is_lost_beside_it),
        TEST(nodes_of_another_key_exchange_nothing),
        TEST(key_is_replaced_while_nodes_go_on),
        TEST(nodes_without_a_key_exchange_nothing_and_say_so),
        TEST(open_fleet_exchanges_mail_without_a_key),
        TEST(key_of_another_type_is_put_aside),
        TEST(mail_behind_a_flood_is_worked_on),
    };
    redis_server_needed();
    return cmocka_run_group_tests(tests, redis_server_begin, redis_server_end);
}
