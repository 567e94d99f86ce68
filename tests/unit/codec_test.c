/* codec_test.c: every message survives the wire at its limits, and nothing malformed passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "proto/codec.h"
#include "tests/bed/sample.h"

#define ARENA_MAX ((size_t)256 << 20)

/* ---- there and back ---------------------------------------------------------------------------------------------- */

static void round_trip(const struct ry_descriptor *descriptor, enum sample_edge edge)
{
    RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
    RY_BUF_AUTO body = ry_buf_make((size_t)64 << 20);
    struct ry_frames owned = {.n = 0};
    struct ry_frames frames = {.n = 0};
    struct ry_error err = {0};
    void *message = sample_make(descriptor, edge, &arena, &owned);
    if (ry_pack(descriptor, message, &body, &frames, &err) != RY_OK)
        fail_msg("%s (%d): pack: %s", descriptor->record.name, (int)edge, err.text);
    void *again = NULL;
    if (ry_unpack(descriptor, ry_buf_str(&body), frames.items, frames.n, &arena, &again, &err) != RY_OK)
        fail_msg("%s (%d): unpack: %s", descriptor->record.name, (int)edge, err.text);
    const char *where = "";
    if (!sample_equal(&descriptor->record, message, again, &where))
        fail_msg("%s (%d): %s came back different", descriptor->record.name, (int)edge, where);
    ry_frames_clear(&frames);
    ry_frames_clear(&owned);
}

static void every_message_survives_the_wire_at_its_limits(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        round_trip(&descriptors[i], SAMPLE_LEAST);
        round_trip(&descriptors[i], SAMPLE_MOST);
        round_trip(&descriptors[i], SAMPLE_TYPICAL);
    }
}

static void every_record_that_is_no_part_of_a_message_survives_the_wire(void **state)
{
    (void)state;
    size_t count = 0;
    size_t lone = 0;
    const struct ry_record *const *records = ry_records(&count);
    for (size_t i = 0; i < count; i++) {
        static const enum sample_edge edges[] = {SAMPLE_LEAST, SAMPLE_MOST, SAMPLE_TYPICAL};
        if (!sample_is_lone(records[i]))
            continue;
        lone++;
        for (size_t edge = 0; edge < sizeof edges / sizeof *edges; edge++) {
            RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
            RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
            struct ry_error err = {0};
            const char *where = "";
            void *again = NULL;
            void *record = sample_record(records[i], edges[edge], &arena);
            if (ry_pack_record(records[i], record, &body, &err) != RY_OK ||
                ry_unpack_record(records[i], ry_buf_str(&body), &arena, &again, &err) != RY_OK)
                fail_msg("%s (%d): %s", records[i]->name, (int)edges[edge], err.text);
            if (!sample_equal(records[i], record, again, &where))
                fail_msg("%s (%d): %s came back different", records[i]->name, (int)edges[edge], where);
            for (size_t n = 0; n < body.n; n++)
                assert_int_equal(ry_unpack_record(records[i], (struct ry_str){body.p, n}, &arena, &again, NULL),
                                 RY_EINVAL);
        }
    }
    assert_true(lone > 0);
}

static void every_body_cut_short_is_refused(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
        RY_BUF_AUTO body = ry_buf_make((size_t)1 << 20);
        struct ry_frames owned = {.n = 0};
        struct ry_frames frames = {.n = 0};
        void *message = sample_make(&descriptors[i], SAMPLE_TYPICAL, &arena, &owned);
        assert_int_equal(ry_pack(&descriptors[i], message, &body, &frames, NULL), RY_OK);
        for (size_t n = 0; n < body.n; n++) {
            void *again = NULL;
            struct ry_str cut = {body.p, n};
            assert_int_equal(ry_unpack(&descriptors[i], cut, frames.items, frames.n, &arena, &again, NULL), RY_EINVAL);
        }
        ry_frames_clear(&frames);
        ry_frames_clear(&owned);
    }
}

/* ---- out of limits ----------------------------------------------------------------------------------------------- */

/* Breaks one field of the struct in one way; returns false when this field cannot be broken so. */
struct breakage {
    const char *name;
    enum ry_err code;
    bool (*apply)(const struct ry_field *field, void *at);
};

static char too_much[(1 << 20) + 2]; /* more bytes than any string may have */

static bool below_least(const struct ry_field *field, void *at)
{
    if (field->type == RY_FIELD_U64 && field->min.u > 0)
        *(uint64_t *)at = field->min.u - 1;
    else if (field->type == RY_FIELD_I64 && field->min.i > INT64_MIN)
        *(int64_t *)at = field->min.i - 1;
    else if (field->type == RY_FIELD_F64)
        *(double *)at = nextafter(field->min.f, -INFINITY);
    else if (field->type == RY_FIELD_STR && field->min.u > 0)
        *(struct ry_str *)at = (struct ry_str){too_much, (size_t)field->min.u - 1};
    else if (field->type == RY_FIELD_BLOB && field->min.u > 0)
        *(struct ry_blob *)at = (struct ry_blob){too_much, (size_t)field->min.u - 1, NULL};
    else if ((field->type == RY_FIELD_LIST || field->type == RY_FIELD_STRS) && field->min.u > 0)
        ((struct ry_strs *)at)->n = (size_t)field->min.u - 1;
    else
        return false;
    return true;
}

static bool number_above_most(const struct ry_field *field, void *at)
{
    if (field->type == RY_FIELD_U64 && field->max.u < UINT64_MAX)
        *(uint64_t *)at = field->max.u + 1;
    else if (field->type == RY_FIELD_I64 && field->max.i < INT64_MAX)
        *(int64_t *)at = field->max.i + 1;
    else if (field->type == RY_FIELD_F64)
        *(double *)at = nextafter(field->max.f, INFINITY);
    else
        return false;
    return true;
}

static bool size_above_most(const struct ry_field *field, void *at)
{
    if (field->type == RY_FIELD_STR)
        *(struct ry_str *)at = (struct ry_str){too_much, (size_t)field->max.u + 1};
    else if (field->type == RY_FIELD_BLOB)
        *(struct ry_blob *)at = (struct ry_blob){too_much, (size_t)field->max.u + 1, NULL};
    else if (field->type == RY_FIELD_LIST || field->type == RY_FIELD_STRS)
        ((struct ry_strs *)at)->n = (size_t)field->max.u + 1;
    else
        return false;
    return true;
}

static bool required_left_out(const struct ry_field *field, void *at)
{
    if (!(field->flags & RY_FLAG_REQUIRED))
        return false;
    memset(at, 0, field->type == RY_FIELD_STR ? sizeof(struct ry_str) : sizeof(struct ry_blob));
    return true;
}

static bool not_utf8(const struct ry_field *field, void *at)
{
    static const char bad[] = "\xc3(\xff"
                              "0123456789012345678901234567890123456789";
    if (field->type != RY_FIELD_STR || field->max.u < 3)
        return false;
    *(struct ry_str *)at = (struct ry_str){bad, field->min.u > 3 ? (size_t)field->min.u : 3};
    return true;
}

static bool no_snowflake(const struct ry_field *field, void *at)
{
    if (!(field->flags & RY_FLAG_SNOWFLAKE))
        return false;
    *(struct ry_str *)at = RY_STR("12x");
    return true;
}

static bool not_a_number(const struct ry_field *field, void *at)
{
    if (field->type != RY_FIELD_F64)
        return false;
    *(double *)at = NAN;
    return true;
}

static const struct breakage breakages[] = {
    {"below its least", RY_EINVAL, below_least},
    {"a number above its most", RY_EINVAL, number_above_most},
    {"larger than its most", RY_ELIMIT, size_above_most},
    {"missing though required", RY_EINVAL, required_left_out},
    {"not UTF-8", RY_EINVAL, not_utf8},
    {"no snowflake", RY_EINVAL, no_snowflake},
    {"not a number", RY_EINVAL, not_a_number},
};

/* The first item of each list is broken too, through the message that lists it. */
static void refuse_broken_fields(const struct ry_descriptor *descriptor, const struct ry_record *record, void *message,
                                 void *broken)
{
    for (size_t i = 0; i < record->field_count; i++) {
        const struct ry_field *field = &record->fields[i];
        char *at = (char *)broken + field->offset;
        char saved[sizeof(struct ry_blob)];
        size_t size =
            i + 1 < record->field_count ? record->fields[i + 1].offset - field->offset : record->size - field->offset;
        size = size < sizeof saved ? size : sizeof saved;
        memcpy(saved, at, size);
        for (size_t b = 0; b < sizeof breakages / sizeof *breakages; b++) {
            if (!breakages[b].apply(field, at))
                continue;
            RY_BUF_AUTO body = ry_buf_make((size_t)64 << 20);
            struct ry_frames frames = {.n = 0};
            struct ry_error err = {0};
            int rc = ry_pack(descriptor, message, &body, &frames, &err);
            if (rc != (int)breakages[b].code)
                fail_msg("%s.%s %s: %d %s", descriptor->record.name, field->name, breakages[b].name, rc, err.text);
            if (strstr(err.text, field->name) == NULL || strstr(err.text, descriptor->record.name) != err.text)
                fail_msg("%s.%s is not named: %s", descriptor->record.name, field->name, err.text);
            assert_int_equal(body.n, 0);
            assert_int_equal(frames.n, 0);
            memcpy(at, saved, size);
        }
        struct ry_strs *list = (struct ry_strs *)(void *)at;
        if (field->type == RY_FIELD_LIST && list->n > 0)
            refuse_broken_fields(descriptor, field->record, message, list->items);
    }
}

/* Texts from outside reach a reason, a list and a record by many ways; none of them may cost the message. */
static void a_text_that_is_not_utf8_is_said_mended(void **state)
{
    (void)state;
    struct ry_str ids[] = {RY_STR("a\xff"), RY_STR("\xe2\x82")};
    struct ry_failed_clip clip = {
        .clip_id = RY_STR("d1523646fd8f70dd6e199d427ae00606"),
        .channel_id = RY_STR("2"),
        .filename = RY_STR("b\xc3"),
        .reason = RY_STR("la base de donn\xe9"
                         "es"),
    };
    const struct ry_failed_retry retry = {.clip_ids = {ids, 2}};
    const struct ry_failed_page page = {.clips = {&clip, 1}, .error = RY_STR("\xf0\x9f\x8e")};
    const struct {
        enum ry_tag tag;
        const void *message;
        const char *described;
    } cases[] = {
        {RY_TAG_failed_retry, &retry, "a?"},    {RY_TAG_failed_retry, &retry, "??"}, {RY_TAG_failed_page, &page, "b?"},
        {RY_TAG_failed_page, &page, "donn?es"}, {RY_TAG_failed_page, &page, "???"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ry_descriptor *descriptor = ry_descriptor(cases[i].tag);
        RY_BUF_AUTO body = ry_buf_make(4096);
        RY_BUF_AUTO line = ry_buf_make(4096);
        RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
        struct ry_frames frames = {.n = 0};
        struct ry_error err = {0};
        void *read = NULL;
        assert_int_equal(ry_pack(descriptor, cases[i].message, &body, &frames, &err), RY_EINVAL);
        assert_int_equal(ry_pack_mended(descriptor, cases[i].message, &body, &frames, &err), RY_OK);
        assert_int_equal(ry_unpack(descriptor, ry_buf_str(&body), NULL, 0, &arena, &read, &err), RY_OK);
        ry_describe(descriptor, read, &line);
        if (strstr(ry_buf_cstr(&line), cases[i].described) == NULL)
            fail_msg("%s: %s", cases[i].described, ry_buf_cstr(&line));
    }
    /* What cannot be mended is refused as ever: a snowflake with a strange byte is none. */
    RY_BUF_AUTO body = ry_buf_make(4096);
    struct ry_frames frames = {.n = 0};
    struct ry_days_get days = {.channel_id = RY_STR("12\xff")};
    assert_int_equal(ry_pack_mended(ry_descriptor(RY_TAG_days_get), &days, &body, &frames, NULL), RY_EINVAL);
}

static void a_field_out_of_its_limits_is_refused_by_name(void **state)
{
    (void)state;
    memset(too_much, 'x', sizeof too_much);
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
        struct ry_frames owned = {.n = 0};
        void *message = sample_make(&descriptors[i], SAMPLE_TYPICAL, &arena, &owned);
        refuse_broken_fields(&descriptors[i], &descriptors[i].record, message, message);
        ry_frames_clear(&owned);
    }
}

/* ---- malformed bodies -------------------------------------------------------------------------------------------- */

/* Of `fail` {U64 id 1.., BOOL retry, STR reason 1..400 REQUIRED, U64 class 0..1}, unless said otherwise. */
struct malformed {
    const char *name;
    enum ry_tag tag;
    const char *bytes;
    size_t n;
    size_t frames;
    int rc;
    const char *says;
};
#define BODY(bytes) (bytes), sizeof(bytes) - 1

static const struct malformed bodies[] = {
    {"as it should be", RY_TAG_fail, BODY("\x93\x01\xc3\xa1r"), 0, RY_OK, ""},
    {"numbers in wider forms", RY_TAG_fail, BODY("\x93\xd3\0\0\0\0\0\0\0\x01\xc3\xd9\x01r"), 0, RY_OK, ""},
    {"an array in a wider form", RY_TAG_fail, BODY("\xdc\0\x03\x01\xc3\xa1r"), 0, RY_OK, ""},
    {"a further field of a newer sender", RY_TAG_fail, BODY("\x95\x01\xc3\xa1r\0\x92\x81\x01\xc0\xca\0\0\0\0"), 0,
     RY_OK, ""},
    {"nothing", RY_TAG_fail, BODY(""), 0, RY_EINVAL, "fail is not an array"},
    {"a map", RY_TAG_fail, BODY("\x80"), 0, RY_EINVAL, "fail is not an array"},
    {"a negative number", RY_TAG_fail, BODY("\x93\xff\xc3\xa1r"), 0, RY_EINVAL, "fail.id is not a natural number"},
    {"a string for a number", RY_TAG_fail, BODY("\x93\xa1x\xc3\xa1r"), 0, RY_EINVAL, "fail.id is not"},
    {"a double for a number", RY_TAG_fail, BODY("\x93\xcb\0\0\0\0\0\0\0\0\xc3\xa1r"), 0, RY_EINVAL, "fail.id is not"},
    {"a number for a boolean", RY_TAG_fail, BODY("\x93\x01\x01\xa1r"), 0, RY_EINVAL, "fail.retry is not a boolean"},
    {"a binary for a string", RY_TAG_fail, BODY("\x93\x01\xc3\xc4\x01r"), 0, RY_EINVAL, "fail.reason is not a string"},
    {"nil for a required string", RY_TAG_fail, BODY("\x93\x01\xc3\xc0"), 0, RY_EINVAL, "fail.reason is missing"},
    {"a required field left out", RY_TAG_fail, BODY("\x92\x01\xc3"), 0, RY_EINVAL, "fail.reason is missing"},
    {"a number left out that may not be 0", RY_TAG_fail, BODY("\x90"), 0, RY_EINVAL, "fail.id is 0"},
    {"a number below its least", RY_TAG_fail, BODY("\x93\0\xc3\xa1r"), 0, RY_EINVAL, "fail.id is 0"},
    {"not UTF-8", RY_TAG_fail, BODY("\x93\x01\xc3\xa1\xff"), 0, RY_EINVAL, "fail.reason is not UTF-8"},
    {"a string longer than the body", RY_TAG_fail, BODY("\x93\x01\xc3\xdb\xff\xff\xff\xffr"), 0, RY_EINVAL,
     "fail.reason is not a string"},
    {"trailing bytes", RY_TAG_fail, BODY("\x93\x01\xc3\xa1r\xc0\xc0"), 0, RY_EINVAL, "fail has 2 trailing bytes"},
    {"a byte that is no msgpack", RY_TAG_fail, BODY("\x95\x01\xc3\xa1r\0\xc1"), 0, RY_EINVAL, "further fields"},
    {"a further field that is cut off", RY_TAG_fail, BODY("\x95\x01\xc3\xa1r\0\x92\x01"), 0, RY_EINVAL,
     "further fields"},
    {"a frame too many", RY_TAG_fail, BODY("\x93\x01\xc3\xa1r"), 1, RY_EINVAL, "fail has 1 frames left over"},
    {"a frame that is not there", RY_TAG_done, BODY("\x91\0"), 0, RY_EINVAL, "done.ids names frame 0 of 0"},
    {"a frame out of its order", RY_TAG_done, BODY("\x91\x01"), 2, RY_EINVAL, "done.ids names frame 1 where"},
    {"bytes where a frame should be", RY_TAG_done,
     BODY("\x91\xc4\x08"
          "12345678"),
     1, RY_EINVAL, "done.ids is not the index"},
    {"a frame of a size out of its limits", RY_TAG_done, BODY("\x91\0"), 1, RY_EINVAL, "done.ids has 2 bytes"},
    {"2^32 list items in five bytes", RY_TAG_failed_retry, BODY("\x91\xdd\xff\xff\xff\xff"), 0, RY_EINVAL,
     "failed_retry.clip_ids is not a list"},
    {"a list item of a wrong type", RY_TAG_failed_retry, BODY("\x91\x92\xa1x\x05"), 0, RY_EINVAL,
     "failed_retry.clip_ids[1] is not a string"},
    {"2^32 records in five bytes", RY_TAG_report, BODY("\x92\0\xdd\xff\xff\xff\xff"), 0, RY_EINVAL,
     "report.counters is not a list"},
    {"a record out of its limits", RY_TAG_report, BODY("\x92\0\x92\x92\0\0\x92\xcd\x10\0\0"), 0, RY_EINVAL,
     "report.counters[1].index is 4096"},
    {"a record that is no array", RY_TAG_report, BODY("\x92\0\x91\x07"), 0, RY_EINVAL, "report.counters[0] is not an"},
};

static void a_malformed_body_is_refused_with_its_place(void **state)
{
    (void)state;
    struct ry_frame *frame = ry_frame_copy("xy", 2);
    struct ry_frame *const frames[2] = {frame, frame};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        const struct malformed *body = &bodies[i];
        /* On the heap, so that AddressSanitizer sees a read past the end. */
        char *exact = malloc(body->n ? body->n : 1);
        assert_non_null(exact);
        memcpy(exact, body->bytes, body->n);
        RY_ARENA_AUTO arena = ry_arena_make((size_t)1 << 20);
        struct ry_error err = {0};
        void *message = NULL;
        int rc = ry_unpack(ry_descriptor(body->tag), (struct ry_str){exact, body->n}, frames, body->frames, &arena,
                           &message, &err);
        if (rc != body->rc || strstr(err.text, body->says) == NULL)
            fail_msg("%s: %d %s", body->name, rc, err.text);
        assert_true(arena.used <= 16384); /* nothing was allocated on a sender's word */
        free(exact);
    }
    ry_frame_unref(frame);
}

/* ---- allocation -------------------------------------------------------------------------------------------------- */

static void a_list_of_many_empty_records_stops_at_the_arenas_maximum(void **state)
{
    (void)state;
    /* 4096 records, each without its fields: one byte on the wire for 16 in memory. */
    RY_BUF_AUTO body = ry_buf_make(8192);
    assert_int_equal(ry_buf_add(&body, "\x92\0\xdc\x10\0", 5), RY_OK);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(ry_buf_add(&body, "\x90", 1), RY_OK);
    void *message = NULL;
    struct ry_error err = {0};
    RY_ARENA_AUTO small = ry_arena_make(8192);
    assert_int_equal(ry_unpack(ry_descriptor(RY_TAG_report), ry_buf_str(&body), NULL, 0, &small, &message, &err),
                     RY_ENOMEM);
    assert_string_equal(err.text, "report.counters does not fit in memory");
    RY_ARENA_AUTO large = ry_arena_make((size_t)1 << 20);
    assert_int_equal(ry_unpack(ry_descriptor(RY_TAG_report), ry_buf_str(&body), NULL, 0, &large, &message, &err),
                     RY_OK);
    assert_int_equal(((const struct ry_report *)message)->counters.n, 4096);
}

static void a_body_that_does_not_fit_leaves_its_buffer_as_it_was(void **state)
{
    (void)state;
    RY_BUF_AUTO body = ry_buf_make(16);
    assert_int_equal(ry_buf_add(&body, "before", 6), RY_OK);
    struct ry_frames frames = {.n = 0};
    struct ry_job_run job = {
        .job_id = RY_STR("4be0643f"), .type = RY_STR("messages"), .token = 1, .job = {"{}", 2, NULL}};
    struct ry_error err = {0};
    assert_int_equal(ry_pack(ry_descriptor(RY_TAG_job_run), &job, &body, &frames, &err), RY_ELIMIT);
    assert_int_equal(body.n, 6);
    assert_false(body.failed);
    assert_int_equal(frames.n, 0);
}

static void a_message_has_at_most_300_frames(void **state)
{
    (void)state;
    struct ry_frames frames = {.n = 0};
    struct ry_frame *frame = ry_frame_copy("12345678", 8);
    for (size_t i = 0; i < RY_FRAMES_MAX; i++)
        frames.items[frames.n++] = ry_frame_ref(frame);
    RY_BUF_AUTO body = ry_buf_make(64);
    struct ry_done done = {.ids = {.frame = frame}};
    assert_int_equal(ry_pack(ry_descriptor(RY_TAG_done), &done, &body, &frames, NULL), RY_ELIMIT);
    assert_int_equal(frames.n, RY_FRAMES_MAX);
    ry_frame_unref(frames.items[--frames.n]);
    /* The last place is taken, and the index counts from this message's first frame. */
    assert_int_equal(ry_pack(ry_descriptor(RY_TAG_done), &done, &body, &frames, NULL), RY_OK);
    assert_memory_equal(body.p, "\x91\0", 2);
    ry_frames_clear(&frames);
    ry_frame_unref(frame);
}

/* ---- for people -------------------------------------------------------------------------------------------------- */

/* A message that keeps secrets: no real one does today, but the flag is there to be used. */
struct login {
    struct ry_str token;
    struct ry_str url;
    struct ry_str text;
    struct ry_strs keys;
    uint64_t pin;
    struct ry_blob blob;
};
static const struct ry_field login_fields[] = {
    {.name = "token", .type = RY_FIELD_STR, .flags = RY_FLAG_SECRET, .offset = offsetof(struct login, token)},
    {.name = "url", .type = RY_FIELD_STR, .flags = RY_FLAG_URL, .offset = offsetof(struct login, url)},
    {.name = "text", .type = RY_FIELD_STR, .offset = offsetof(struct login, text)},
    {.name = "keys", .type = RY_FIELD_STRS, .flags = RY_FLAG_SECRET, .offset = offsetof(struct login, keys)},
    {.name = "pin", .type = RY_FIELD_U64, .flags = RY_FLAG_SECRET, .offset = offsetof(struct login, pin)},
    {.name = "blob", .type = RY_FIELD_BLOB, .offset = offsetof(struct login, blob)},
};
static const struct ry_descriptor login_descriptor = {
    .record = {"login", "", sizeof(struct login), login_fields, sizeof login_fields / sizeof *login_fields}};

static void a_description_shows_no_secret_no_query_and_no_control_character(void **state)
{
    (void)state;
    struct ry_str keys[] = {RY_STR("k1"), RY_STR("k2"), RY_STR("k3"), RY_STR("k4")};
    struct login login = {.token = RY_STR("hunter2"),
                          .url = RY_STR("https://cdn.example/a.mp4?hm=5f3a#t"),
                          .text = RY_STR("a\"b\n\x1b[31m"),
                          .keys = {keys, 4},
                          .pin = 4711,
                          .blob = {"hidden", 6, NULL}};
    RY_BUF_AUTO line = ry_buf_make(4096);
    ry_describe(&login_descriptor, &login, &line);
    assert_string_equal(ry_buf_cstr(&line), "login{token=*** url=\"https://cdn.example/a.mp4\"+10 "
                                            "text=\"a\\\"b\\x0a\\x1b[31m\" keys=4[*** *** *** ...] pin=*** "
                                            "blob=<6 bytes>}");
}

static void a_description_cuts_long_values_between_characters(void **state)
{
    (void)state;
    char text[121];
    for (size_t i = 0; i < 120; i += 3)
        memcpy(text + i, "€", 3);
    struct ry_fail message = {.id = 1, .reason = {text, 120}};
    RY_BUF_AUTO line = ry_buf_make(4096);
    ry_describe(ry_descriptor(RY_TAG_fail), &message, &line);
    assert_non_null(strstr(ry_buf_cstr(&line), "\"+42 class=0}"));
    assert_true(ry_str_is_utf8(ry_buf_str(&line)));
}

static void a_description_stays_within_its_buffer(void **state)
{
    (void)state;
    size_t count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
        struct ry_frames owned = {.n = 0};
        void *message = sample_make(&descriptors[i], SAMPLE_MOST, &arena, &owned);
        RY_BUF_AUTO line = ry_buf_make(200);
        ry_describe(&descriptors[i], message, &line);
        assert_true(line.n > 0 && line.n <= 200);
        assert_false(line.failed);
        ry_frames_clear(&owned);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_survives_the_wire_at_its_limits),
        cmocka_unit_test(every_record_that_is_no_part_of_a_message_survives_the_wire),
        cmocka_unit_test(every_body_cut_short_is_refused),
        cmocka_unit_test(a_field_out_of_its_limits_is_refused_by_name),
        cmocka_unit_test(a_text_that_is_not_utf8_is_said_mended),
        cmocka_unit_test(a_malformed_body_is_refused_with_its_place),
        cmocka_unit_test(a_list_of_many_empty_records_stops_at_the_arenas_maximum),
        cmocka_unit_test(a_body_that_does_not_fit_leaves_its_buffer_as_it_was),
        cmocka_unit_test(a_message_has_at_most_300_frames),
        cmocka_unit_test(a_description_shows_no_secret_no_query_and_no_control_character),
        cmocka_unit_test(a_description_cuts_long_values_between_characters),
        cmocka_unit_test(a_description_stays_within_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
