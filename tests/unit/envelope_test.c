/* envelope_test.c: an envelope and a frozen mail come back as they were, and nothing malformed passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "proto/codec.h"
#include "proto/envelope.h"

static struct ry_envelope typical(void)
{
    struct ry_envelope envelope = {.id = ((uint64_t)7 << 32) | 42,
                                   .correlation = ((uint64_t)3 << 32) | 1,
                                   .tenant = 175928847299117063,
                                   .deadline_wall_ms = 1729350189159,
                                   .tag = RY_TAG_job_run,
                                   .priority = RY_PRIORITY_BACKFILL,
                                   .attempt = 2,
                                   .frame_count = 0,
                                   .body = RY_STR("\x90")};
    for (uint8_t i = 0; i < 16; i++)
        envelope.trace.trace_id[i] = i;
    memset(envelope.trace.span_id, 0xee, 8);
    return envelope;
}

static void assert_same(const struct ry_envelope *a, const struct ry_envelope *b)
{
    assert_true(a->id == b->id && a->correlation == b->correlation && a->tenant == b->tenant);
    assert_true(a->deadline_wall_ms == b->deadline_wall_ms && a->tag == b->tag && a->priority == b->priority);
    assert_true(a->attempt == b->attempt && a->frame_count == b->frame_count);
    assert_memory_equal(&a->trace, &b->trace, sizeof a->trace);
    assert_int_equal(a->body.n, b->body.n);
    assert_memory_equal(a->body.p, b->body.p, b->body.n);
}

static void an_envelope_comes_back_as_it_was(void **state)
{
    (void)state;
    struct ry_envelope most = {.id = UINT64_MAX,
                               .correlation = UINT64_MAX,
                               .tenant = UINT64_MAX,
                               .deadline_wall_ms = INT64_MAX,
                               .tag = RY_TAG_failed_retried,
                               .priority = RY_PRIORITY_COUNT - 1,
                               .attempt = UINT16_MAX,
                               .frame_count = RY_FRAMES_MAX,
                               .body = RY_STR("body")};
    memset(&most.trace, 0xff, sizeof most.trace);
    struct ry_envelope least = {.id = 1, .tag = RY_TAG_hello, .body = RY_STR("")};
    const struct ry_envelope cases[] = {typical(), most, least};
    for (size_t i = 0; i < 3; i++) {
        RY_BUF_AUTO bytes = ry_buf_make(4096);
        struct ry_envelope read;
        assert_int_equal(ry_envelope_pack(&cases[i], &bytes), RY_OK);
        assert_int_equal(ry_envelope_unpack(ry_buf_str(&bytes), &read, NULL), RY_OK);
        assert_same(&read, &cases[i]);
        assert_true(read.body.p + read.body.n == bytes.p + bytes.n); /* borrowed, not copied */
    }
}

static void a_head_in_front_of_its_body_is_the_envelope(void **state)
{
    (void)state;
    char *body = calloc(1, 70000);
    assert_non_null(body);
    struct ry_envelope most = {.id = UINT64_MAX,
                               .correlation = UINT64_MAX,
                               .tenant = UINT64_MAX,
                               .deadline_wall_ms = INT64_MAX,
                               .tag = RY_TAG_job_run,
                               .priority = RY_PRIORITY_BACKFILL,
                               .attempt = UINT16_MAX,
                               .frame_count = RY_FRAMES_MAX,
                               .body = {body, 70000}};
    const struct ry_envelope cases[] = {typical(), most};
    for (size_t i = 0; i < 2; i++) {
        char head[RY_ENVELOPE_HEAD_MAX_BYTES];
        size_t n = 0;
        RY_BUF_AUTO whole = ry_buf_make(80000);
        assert_int_equal(ry_envelope_pack(&cases[i], &whole), RY_OK);
        assert_int_equal(ry_envelope_pack_head(&cases[i], head, &n), RY_OK);
        assert_int_equal(n + cases[i].body.n, whole.n);
        assert_memory_equal(whole.p, head, n);
        assert_memory_equal(whole.p + n, cases[i].body.p, cases[i].body.n);
    }
    most.body.n = RY_ENVELOPE_MAX_BYTES;
    char head[RY_ENVELOPE_HEAD_MAX_BYTES];
    size_t n = 0;
    assert_int_equal(ry_envelope_pack_head(&most, head, &n), RY_ELIMIT);
    free(body);
}

static void an_envelope_cut_short_or_too_long_is_refused(void **state)
{
    (void)state;
    struct ry_envelope envelope = typical();
    RY_BUF_AUTO bytes = ry_buf_make(4096);
    assert_int_equal(ry_envelope_pack(&envelope, &bytes), RY_OK);
    struct ry_envelope read = {.id = 99};
    for (size_t n = 0; n < bytes.n; n++) {
        char *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, bytes.p, n);
        assert_int_equal(ry_envelope_unpack((struct ry_str){exact, n}, &read, NULL), RY_EINVAL);
        free(exact);
    }
    assert_int_equal(ry_buf_add(&bytes, "\xc0", 1), RY_OK);
    struct ry_error err;
    assert_int_equal(ry_envelope_unpack(ry_buf_str(&bytes), &read, &err), RY_EINVAL);
    assert_string_equal(err.text, "the envelope has 1 trailing bytes");
    assert_int_equal(read.id, 99);
}

/* A whole envelope in bytes: version, tag, id, correlation, trace, tenant, priority, deadline, attempt, frame count,
 * body. */
#define TRACE \
    "\xc4\x18" \
    "0123456789abcdef01234567"
#define TAIL "\0\0\0\1\0\xc4\0" /* tenant .. body */
#define ENV(text) \
    { \
        (text), sizeof(text) - 1 \
    }

static const struct {
    const char *name;
    struct ry_str bytes;
    int rc;
    const char *says;
} envelopes[] = {
    {"as it should be", ENV("\x9b\1\1\1\0" TRACE TAIL), RY_OK, ""},
    {"another version", ENV("\x9b\2\1\1\0" TRACE TAIL), RY_EINVAL, "version 2"},
    {"a field too few", ENV("\x9a\1\1\1\0" TRACE "\0\0\0\1\0"), RY_EINVAL, "10 fields"},
    {"a field too many", ENV("\x9c\1\1\1\0" TRACE TAIL "\xc0"), RY_EINVAL, "12 fields"},
    {"2^32 fields in five bytes", ENV("\xdd\xff\xff\xff\xff"), RY_EINVAL, "not an envelope"},
    {"no msgpack", ENV("GET / HTTP/1.1\r\n"), RY_EINVAL, "not an envelope"},
    {"an unknown tag", ENV("\x9b\1\xcd\x03\xe7\1\0" TRACE TAIL), RY_EINVAL, "tag 999 is unknown"},
    {"a tag beyond 16 bits", ENV("\x9b\1\xce\0\1\0\1\1\0" TRACE TAIL), RY_EINVAL, "tag is of a wrong type"},
    {"no id", ENV("\x9b\1\1\0\0" TRACE TAIL), RY_EINVAL, "no id"},
    {"a negative id", ENV("\x9b\1\1\xff\0" TRACE TAIL), RY_EINVAL, "id is of a wrong type"},
    {"a correlation that is a string", ENV("\x9b\1\1\1\xa0" TRACE TAIL), RY_EINVAL, "correlation"},
    {"a short trace", ENV("\x9b\1\1\1\0\xc4\x01x" TAIL), RY_EINVAL, "trace"},
    {"a tenant that is a double", ENV("\x9b\1\1\1\0" TRACE "\xcb\0\0\0\0\0\0\0\0\0\0\1\0\xc4\0"), RY_EINVAL, "tenant"},
    {"an unknown priority", ENV("\x9b\1\1\1\0" TRACE "\0\5\0\1\0\xc4\0"), RY_EINVAL, "priority 5"},
    {"a negative deadline", ENV("\x9b\1\1\1\0" TRACE "\0\0\xff\1\0\xc4\0"), RY_EINVAL, "deadline"},
    {"an attempt beyond 16 bits", ENV("\x9b\1\1\1\0" TRACE "\0\0\0\xce\0\1\0\0\0\xc4\0"), RY_EINVAL, "attempt"},
    {"too many frames", ENV("\x9b\1\1\1\0" TRACE "\0\0\0\1\xcd\x01\x2d\xc4\0"), RY_ELIMIT, "301 frames"},
    {"a body that is a string", ENV("\x9b\1\1\1\0" TRACE "\0\0\0\1\0\xa0"), RY_EINVAL, "body"},
    {"a body longer than its envelope", ENV("\x9b\1\1\1\0" TRACE "\0\0\0\1\0\xc6\xff\xff\xff\xff"), RY_EINVAL, "body"},
};

static void a_malformed_envelope_is_refused_with_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof envelopes / sizeof *envelopes; i++) {
        struct ry_envelope read;
        struct ry_error err = {0};
        int rc = ry_envelope_unpack(envelopes[i].bytes, &read, &err);
        if (rc != envelopes[i].rc || strstr(err.text, envelopes[i].says) == NULL)
            fail_msg("%s: %d %s", envelopes[i].name, rc, err.text);
    }
}

static void what_could_not_be_read_is_not_written(void **state)
{
    (void)state;
    struct ry_envelope broken[5] = {typical(), typical(), typical(), typical(), typical()};
    broken[0].tag = 999;
    broken[1].id = 0;
    broken[2].priority = RY_PRIORITY_COUNT;
    broken[3].deadline_wall_ms = -1;
    broken[4].frame_count = RY_FRAMES_MAX + 1;
    for (size_t i = 0; i < 5; i++) {
        RY_BUF_AUTO bytes = ry_buf_make(4096);
        assert_int_equal(ry_envelope_pack(&broken[i], &bytes), i == 4 ? RY_ELIMIT : RY_EINVAL);
        assert_int_equal(bytes.n, 0);
    }
}

static void an_envelope_above_8_mib_is_refused_at_both_ends(void **state)
{
    (void)state;
    struct ry_envelope envelope = typical();
    char *body = calloc(1, RY_ENVELOPE_MAX_BYTES);
    assert_non_null(body);
    RY_BUF_AUTO bytes = ry_buf_make(2 * RY_ENVELOPE_MAX_BYTES);
    envelope.body = (struct ry_str){body, RY_ENVELOPE_MAX_BYTES};
    assert_int_equal(ry_envelope_pack(&envelope, &bytes), RY_ELIMIT);
    assert_int_equal(bytes.n, 0);
    struct ry_envelope read;
    assert_int_equal(ry_envelope_unpack((struct ry_str){body, RY_ENVELOPE_MAX_BYTES + 1}, &read, NULL), RY_ELIMIT);
    envelope.body.n = RY_ENVELOPE_MAX_BYTES - 100;
    assert_int_equal(ry_envelope_pack(&envelope, &bytes), RY_OK);
    assert_int_equal(ry_envelope_unpack(ry_buf_str(&bytes), &read, NULL), RY_OK);
    free(body);
}

/* ---- frozen mail ------------------------------------------------------------------------------------------------- */

static void a_frozen_mail_thaws_with_its_frames(void **state)
{
    (void)state;
    struct ry_envelope envelope = typical();
    struct ry_frame *frames[3] = {ry_frame_copy("one", 3), ry_frame_copy("", 0), ry_frame_copy("three", 5)};
    envelope.frame_count = 3;
    RY_BUF_AUTO frozen = ry_buf_make(4096);
    assert_int_equal(ry_mail_freeze(&envelope, frames, &frozen), RY_OK);
    struct ry_envelope read;
    struct ry_frame *thawed[3];
    assert_int_equal(ry_mail_thaw(ry_buf_str(&frozen), &read, thawed, 3, NULL), RY_OK);
    assert_same(&read, &envelope);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ry_frame_size(thawed[i]), ry_frame_size(frames[i]));
        assert_memory_equal(ry_frame_data(thawed[i]), ry_frame_data(frames[i]), ry_frame_size(frames[i]));
        ry_frame_unref(thawed[i]);
    }
    struct ry_error err;
    assert_int_equal(ry_mail_thaw(ry_buf_str(&frozen), &read, thawed, 2, &err), RY_ELIMIT);
    for (size_t n = 0; n < frozen.n; n++)
        assert_int_equal(ry_mail_thaw((struct ry_str){frozen.p, n}, &read, thawed, 3, NULL), RY_EINVAL);
    assert_int_equal(ry_buf_add(&frozen, "x", 1), RY_OK);
    assert_int_equal(ry_mail_thaw(ry_buf_str(&frozen), &read, thawed, 3, &err), RY_EINVAL);
    assert_string_equal(err.text, "the frozen mail has 1 trailing bytes");
    for (size_t i = 0; i < 3; i++)
        ry_frame_unref(frames[i]);
}

static void a_frozen_mail_with_another_number_of_frames_is_refused(void **state)
{
    (void)state;
    struct ry_envelope envelope = typical();
    RY_BUF_AUTO frozen = ry_buf_make(4096);
    assert_int_equal(ry_mail_freeze(&envelope, NULL, &frozen), RY_OK);
    assert_int_equal(frozen.p[0], (char)0x91);
    frozen.p[0] = (char)0x92; /* [envelope] becomes [envelope, frame] */
    assert_int_equal(ry_buf_add(&frozen, "\xc4\1x", 3), RY_OK);
    struct ry_envelope read;
    struct ry_frame *frames[4];
    struct ry_error err;
    assert_int_equal(ry_mail_thaw(ry_buf_str(&frozen), &read, frames, 4, &err), RY_EINVAL);
    assert_string_equal(err.text, "the frozen mail has 1 frames where its envelope says 0");
}

static void a_mail_that_does_not_fit_leaves_its_buffer_as_it_was(void **state)
{
    (void)state;
    struct ry_envelope envelope = typical();
    struct ry_frame *frame = ry_frame_new(5000);
    memset(ry_frame_data(frame), 0, 5000);
    envelope.frame_count = 1;
    RY_BUF_AUTO frozen = ry_buf_make(4096);
    assert_int_equal(ry_buf_add(&frozen, "kept", 4), RY_OK);
    assert_int_equal(ry_mail_freeze(&envelope, &frame, &frozen), RY_ELIMIT);
    assert_int_equal(frozen.n, 4);
    ry_frame_unref(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_comes_back_as_it_was),
        cmocka_unit_test(a_head_in_front_of_its_body_is_the_envelope),
        cmocka_unit_test(an_envelope_cut_short_or_too_long_is_refused),
        cmocka_unit_test(a_malformed_envelope_is_refused_with_what_is_wrong),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(an_envelope_above_8_mib_is_refused_at_both_ends),
        cmocka_unit_test(a_frozen_mail_thaws_with_its_frames),
        cmocka_unit_test(a_frozen_mail_with_another_number_of_frames_is_refused),
        cmocka_unit_test(a_mail_that_does_not_fit_leaves_its_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
