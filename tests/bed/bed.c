/* bed.c: the test bed of actors; see bed.h. */
#include "tests/bed/bed.h"

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "proto/codec.h"

#define PEER_SESSION     0xBEDu
#define INSTANCE_SESSION 7u

struct bed {
    enum ry_tag passed_over; /* RY_TAG_NONE: nothing */
    const struct ry_actor_spec *spec;
    struct ry_instance *instance;
    struct ry_config *config;
    struct ry_clock_manual clock;
    char data[64];
    uint32_t last_id;
    uint64_t restarts;

    /* The last expected message. */
    struct ry_buf bytes;
    struct ry_frames frames;
    struct ry_arena arena;
    struct ry_envelope envelope;
};

static int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static enum ry_option option_of(const char *name)
{
    static const char *const names[] = {
#define OPTION(name, type, env, flag, setting, fallback, min, max, unit, secret_of, doc) #name,
#include "runtime/config/options.def"
#undef OPTION
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return (enum ry_option)i;
    fail_msg("no option is called %s", name);
    abort();
}

static void bed_configure(struct bed *bed, bed_option *options)
{
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    if (ry_config_load(&bed->config, no_environment, &err) != RY_OK ||
        ry_config_set(bed->config, RY_OPT_data, bed->data, &err) != RY_OK)
        fail_msg("configuration: %s", err.text);
    for (; options && (*options)[0]; options++)
        if (ry_config_set(bed->config, option_of((*options)[0]), (*options)[1], &err) != RY_OK)
            fail_msg("option %s: %s", (*options)[0], err.text);
    if (ry_config_finish(bed->config, &err) != RY_OK)
        fail_msg("configuration: %s", err.text);
}

static int bed_open(struct bed *bed, struct ry_error *err)
{
    const struct ry_instance_options options = {
        .spec = bed->spec,
        .name = "bed-1",
        .owner = "bed/1",
        .config = bed->config,
        .clock = &bed->clock.clock,
        .seed = 1,
        .session = INSTANCE_SESSION + (uint32_t)bed->restarts,
    };
    return ry_instance_new(&bed->instance, &options, err);
}

static struct bed *bed_make(const struct ry_actor_spec *spec, bed_option *options)
{
    struct bed *bed = calloc(1, sizeof *bed);
    assert_non_null(bed);
    bed->spec = spec;
    bed->bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    bed->arena = ry_arena_make((size_t)256 << 20);
    ry_clock_manual_init(&bed->clock, BED_START_WALL_MS);
    const char *folder = getenv("TMPDIR");
    (void)snprintf(bed->data, sizeof bed->data, "%.40s/reelyard-bed-XXXXXX", folder ? folder : "/tmp");
    assert_non_null(mkdtemp(bed->data));
    bed_configure(bed, options);
    return bed;
}

struct bed *bed_new(const struct ry_actor_spec *spec, bed_option *options)
{
    struct bed *bed = bed_make(spec, options);
    struct ry_error err = {0};
    if (bed_open(bed, &err) != RY_OK)
        fail_msg("the %s does not open: %s", ry_role_name(spec->role), err.text);
    return bed;
}

void bed_new_fails(const struct ry_actor_spec *spec, bed_option *options, struct ry_error *err)
{
    struct bed *bed = bed_make(spec, options);
    *err = (struct ry_error){0};
    if (bed_open(bed, err) == RY_OK)
        fail_msg("the %s opens", ry_role_name(spec->role));
    assert_null(bed->instance);
    bed_free(bed);
}

void bed_free(struct bed *bed)
{
    if (bed == NULL)
        return;
    ry_instance_free(&bed->instance);
    ry_config_free(&bed->config);
    ry_frames_clear(&bed->frames);
    ry_arena_free(&bed->arena);
    ry_buf_free(&bed->bytes);
    (void)nftw(bed->data, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(bed);
}

void bed_restart(struct bed *bed)
{
    struct ry_error err = {0};
    ry_instance_free(&bed->instance);
    bed->restarts++;
    if (bed_open(bed, &err) != RY_OK)
        fail_msg("the %s does not open again: %s", ry_role_name(bed->spec->role), err.text);
}

/* ---- to the instance --------------------------------------------------------------------------------------------- */

static void deliver(struct bed *bed, struct ry_envelope *envelope, const void *message)
{
    const struct ry_descriptor *descriptor = ry_descriptor(envelope->tag);
    assert_non_null(descriptor);
    if (!(descriptor->receivers & RY_ROLE_BIT(bed->spec->role)))
        fail_msg("%s is not for a %s", descriptor->record.name, ry_role_name(bed->spec->role));
    RY_BUF_AUTO body = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    struct ry_frames frames = {.n = 0};
    struct ry_error err = {0};
    if (ry_pack(descriptor, message, &body, &frames, &err) != RY_OK)
        fail_msg("%s cannot be packed: %s", descriptor->record.name, err.text);
    envelope->frame_count = (uint16_t)frames.n;
    envelope->body = ry_buf_str(&body);
    ry_instance_deliver(bed->instance, envelope, frames.items, frames.n);
    ry_frames_clear(&frames);
}

void bed_redeliver(struct bed *bed, uint64_t id, unsigned attempt, enum ry_tag tag, const void *message,
                   const struct ry_send *send)
{
    static const struct ry_send plain;
    if (send == NULL)
        send = &plain;
    struct ry_envelope envelope = {
        .id = id,
        .correlation = send->correlation ? send->correlation : id,
        .tenant = send->tenant,
        .deadline_wall_ms = send->deadline_wall_ms,
        .tag = (uint16_t)tag,
        .priority = (uint8_t)send->priority,
        .attempt = (uint16_t)attempt,
    };
    if (send->trace)
        envelope.trace = *send->trace;
    deliver(bed, &envelope, message);
}

static uint64_t peer_id(struct bed *bed)
{
    return (uint64_t)PEER_SESSION << 32 | ++bed->last_id;
}

uint64_t bed_deliver(struct bed *bed, enum ry_tag tag, const void *message, const struct ry_send *send)
{
    uint64_t id = peer_id(bed);
    bed_redeliver(bed, id, 1, tag, message, send);
    return id;
}

void bed_answer(struct bed *bed, uint64_t to_id, enum ry_tag tag, const void *message)
{
    struct ry_envelope envelope = {
        .id = peer_id(bed),
        .correlation = to_id,
        .tag = (uint16_t)tag,
        .attempt = 1,
    };
    deliver(bed, &envelope, message);
}

void bed_undeliverable(struct bed *bed, uint64_t id, uint64_t origin, enum ry_tag tag,
                       enum ry_undeliverable_cause cause)
{
    const struct ry_undeliverable message = {
        .id = id, .origin = origin, .tag = (uint64_t)tag, .cause = (uint64_t)cause, .reason = RY_STR("said the bed")};
    /* As the router: an ASK's sender knows its own id, a REQUEST's origin the correlation. */
    bool own = ry_descriptor(tag)->kind == RY_KIND_ASK || origin == 0;
    bed_answer(bed, own ? id : origin, RY_TAG_undeliverable, &message);
}

void bed_advance(struct bed *bed, int64_t by_ms)
{
    int64_t until_mono_ms = bed->clock.now_mono_ms + by_ms;
    for (;;) {
        int64_t next_mono_ms = ry_instance_next_mono_ms(bed->instance);
        if (next_mono_ms > until_mono_ms || bed_finished(bed))
            break;
        if (next_mono_ms > bed->clock.now_mono_ms)
            ry_clock_manual_advance(&bed->clock, next_mono_ms - bed->clock.now_mono_ms);
        ry_instance_tick(bed->instance);
        /* A timer that is due at once, over and over, must not stop the clock. */
        if (ry_instance_next_mono_ms(bed->instance) <= bed->clock.now_mono_ms && bed->clock.now_mono_ms < until_mono_ms)
            ry_clock_manual_advance(&bed->clock, 1);
        else if (ry_instance_next_mono_ms(bed->instance) <= bed->clock.now_mono_ms)
            break;
    }
    if (until_mono_ms > bed->clock.now_mono_ms)
        ry_clock_manual_advance(&bed->clock, until_mono_ms - bed->clock.now_mono_ms);
}

bool bed_wait_engine(struct bed *bed, int timeout_ms)
{
    struct pollfd engine = {.fd = ry_instance_engine_fd(bed->instance), .events = POLLIN};
    if (engine.fd < 0 || poll(&engine, 1, timeout_ms) <= 0)
        return false;
    ry_instance_ready(bed->instance);
    return true;
}

void bed_drain(struct bed *bed)
{
    ry_instance_drain(bed->instance);
}

bool bed_finished(struct bed *bed)
{
    return ry_instance_finished(bed->instance, NULL);
}

bool bed_exited(struct bed *bed, struct ry_error *why)
{
    return ry_instance_finished(bed->instance, why) && why->code != RY_OK;
}

/* ---- from the instance ------------------------------------------------------------------------------------------- */

/* What comes next of what the instance said, without the messages that the test ignores. */
static const struct ry_out *next_out(struct bed *bed)
{
    const struct ry_out *out = ry_instance_out(bed->instance);
    while (out != NULL && out->kind == RY_OUT_MAIL && bed->passed_over != RY_TAG_NONE &&
           out->envelope.tag == bed->passed_over) {
        ry_instance_out_pop(bed->instance);
        out = ry_instance_out(bed->instance);
    }
    return out;
}

void bed_pass_over(struct bed *bed, enum ry_tag tag)
{
    bed->passed_over = tag;
}

static void unpack_said(struct bed *bed, const struct ry_out *out, const void **message)
{
    ry_frames_clear(&bed->frames);
    ry_arena_reset(&bed->arena);
    ry_buf_reset(&bed->bytes);
    assert_int_equal(ry_buf_add_str(&bed->bytes, out->bytes), RY_OK);
    for (size_t i = 0; i < out->frame_count; i++)
        bed->frames.items[bed->frames.n++] = ry_frame_ref(out->frames[i]);
    struct ry_error err = {0};
    void *body = NULL;
    if (ry_envelope_unpack(ry_buf_str(&bed->bytes), &bed->envelope, &err) != RY_OK ||
        ry_unpack(ry_descriptor(bed->envelope.tag), bed->envelope.body, bed->frames.items, bed->frames.n, &bed->arena,
                  &body, &err) != RY_OK)
        fail_msg("what was said does not unpack: %s", err.text);
    *message = body;
}

/* Fails the test: what was expected, and what came. */
static void unexpected(struct bed *bed, const char *expected)
{
    const struct ry_out *out = next_out(bed);
    RY_BUF_AUTO text = ry_buf_make(4096);
    const void *message = NULL;
    if (out == NULL) {
        (void)ry_buf_addf(&text, "nothing");
    } else if (out->kind == RY_OUT_MAIL) {
        unpack_said(bed, out, &message);
        ry_describe(ry_descriptor(bed->envelope.tag), message, &text);
    } else {
        (void)ry_buf_addf(&text, "%s of %#llx %s", out->kind == RY_OUT_DONE ? "done" : "fail",
                          (unsigned long long)out->id, out->reason ? out->reason : "");
    }
    fail_msg("expected %s, but it said %s", expected, ry_buf_cstr(&text));
}

const void *bed_expect(struct bed *bed, enum ry_tag tag)
{
    const struct ry_out *out = next_out(bed);
    if (out == NULL || out->kind != RY_OUT_MAIL || out->envelope.tag != tag)
        unexpected(bed, ry_descriptor(tag)->record.name);
    const void *message = NULL;
    unpack_said(bed, out, &message);
    ry_instance_out_pop(bed->instance);
    return message;
}

const struct ry_envelope *bed_envelope(const struct bed *bed)
{
    return &bed->envelope;
}

void bed_expect_done(struct bed *bed, uint64_t id)
{
    const struct ry_out *out = next_out(bed);
    char expected[64];
    (void)snprintf(expected, sizeof expected, "done of %#llx", (unsigned long long)id);
    if (out == NULL || out->kind != RY_OUT_DONE || out->id != id)
        unexpected(bed, expected);
    ry_instance_out_pop(bed->instance);
}

const char *bed_expect_fail(struct bed *bed, uint64_t id, bool retry)
{
    const struct ry_out *out = next_out(bed);
    char expected[80];
    (void)snprintf(expected, sizeof expected, "fail of %#llx, %s", (unsigned long long)id,
                   retry ? "to be tried again" : "for good");
    if (out == NULL || out->kind != RY_OUT_FAIL || out->id != id || out->retry != retry)
        unexpected(bed, expected);
    ry_buf_reset(&bed->bytes);
    assert_int_equal(ry_buf_add_str(&bed->bytes, ry_str_of(out->reason)), RY_OK);
    ry_instance_out_pop(bed->instance);
    return ry_buf_cstr(&bed->bytes);
}

void bed_expect_nothing(struct bed *bed)
{
    if (next_out(bed))
        unexpected(bed, "nothing");
}

enum ry_tag bed_next_tag(struct bed *bed)
{
    const struct ry_out *out = next_out(bed);
    if (out == NULL)
        return RY_TAG_NONE;
    if (out->kind == RY_OUT_DONE)
        return RY_TAG_done;
    return out->kind == RY_OUT_FAIL ? RY_TAG_fail : (enum ry_tag)out->envelope.tag;
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

void *bed_self(struct bed *bed)
{
    return ry_instance_self(bed->instance);
}

const char *bed_data(const struct bed *bed)
{
    return bed->data;
}

size_t bed_kept(struct bed *bed)
{
    return ry_mail_kept(ry_instance_ctx(bed->instance));
}

uint64_t bed_counter(struct bed *bed, enum ry_counter counter)
{
    return ry_instance_stats(bed->instance)->counters[counter];
}

struct ry_clock_manual *bed_clock(struct bed *bed)
{
    return &bed->clock;
}

struct ry_instance *bed_instance(struct bed *bed)
{
    return bed->instance;
}
