/* monitor_range_test.c: which part of a file a request gets (RFC 9110, sections 13 and 14), and what the head says of a
 * file whose name and type come from strangers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/monitor/media_head.h"
#include "actors/monitor/range.h"

static const struct {
    const char *header;
    uint64_t total;
    enum range_outcome outcome;
    uint64_t first, bytes;
} headers[] = {
    {NULL, 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0-0", 1000, RANGE_PART, 0, 1},
    {"bytes=0-499", 1000, RANGE_PART, 0, 500},
    {"bytes=500-999", 1000, RANGE_PART, 500, 500},
    {"bytes=500-", 1000, RANGE_PART, 500, 500},
    {"bytes=999-", 1000, RANGE_PART, 999, 1},
    {"bytes=0-", 1000, RANGE_PART, 0, 1000},
    {"bytes=0-99999", 1000, RANGE_PART, 0, 1000},
    {"bytes=-500", 1000, RANGE_PART, 500, 500},
    {"bytes=-1", 1000, RANGE_PART, 999, 1},
    {"bytes=-1000", 1000, RANGE_PART, 0, 1000},
    {"bytes=-99999", 1000, RANGE_PART, 0, 1000},
    {"bytes=-18446744073709551616", 1000, RANGE_PART, 0, 1000}, /* 2^64 */
    {"bytes=0-99999999999999999999999999", 1000, RANGE_PART, 0, 1000},
    {"BYTES=1-2", 1000, RANGE_PART, 1, 2}, /* units in any case */
    {"bytes= 1-2 ", 1000, RANGE_PART, 1, 2},
    {"bytes=,1-2,", 1000, RANGE_PART, 1, 2}, /* empty elements of a list */
    /* not in the file */
    {"bytes=1000-", 1000, RANGE_NONE, 0, 0},
    {"bytes=1000-1001", 1000, RANGE_NONE, 0, 0},
    {"bytes=99999999999999999999999999-", 1000, RANGE_NONE, 0, 0},
    {"bytes=-0", 1000, RANGE_NONE, 0, 0},
    {"bytes=1000-,2000-2001", 1000, RANGE_NONE, 0, 0},
    /* ignored: malformed, or of another unit */
    {"", 1000, RANGE_WHOLE, 0, 0},
    {"bytes", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=,", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=-", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=5", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=5-4", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0-1,5-4", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0-1;2-3", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=+1-2", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=1--2", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0x1-2", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=a-b", 1000, RANGE_WHOLE, 0, 0},
    {"items=0-1", 1000, RANGE_WHOLE, 0, 0},
    /* several: one if they touch or nearly do, else all */
    {"bytes=0-9,10-19", 1000, RANGE_PART, 0, 20},
    {"bytes=10-19,0-9", 1000, RANGE_PART, 0, 20},
    {"bytes=0-9,5-14", 1000, RANGE_PART, 0, 15},
    {"bytes=0-99,10-19", 1000, RANGE_PART, 0, 100},
    {"bytes=0-9,90-99", 1000, RANGE_PART, 0, 100},
    {"bytes=0-9,91-99", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0-9,5000-", 1000, RANGE_PART, 0, 10}, /* the other is not in the file */
    {"bytes=0-0,-1", 1000, RANGE_WHOLE, 0, 0},
    {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15", 1000, RANGE_PART, 0, 16},
    {"bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11,12-12,13-13,14-14,15-15,16-16", 1000, RANGE_WHOLE, 0,
     0},
    /* files of all sizes */
    {"bytes=0-", 1, RANGE_PART, 0, 1},
    {"bytes=0-", 0, RANGE_NONE, 0, 0},
    {"bytes=-5", 0, RANGE_NONE, 0, 0},
    {"bytes=9000000000000000000-", UINT64_C(9000000000000000001), RANGE_PART, UINT64_C(9000000000000000000), 1},
};

static void ranges_are_read_as_the_rfc_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct range range = {0};
        enum range_outcome outcome = range_read(headers[i].header, headers[i].total, &range);
        if (outcome != headers[i].outcome)
            fail_msg("%s of %llu: %d", headers[i].header, (unsigned long long)headers[i].total, (int)outcome);
        if (outcome == RANGE_PART && (range.first != headers[i].first || range.bytes != headers[i].bytes))
            fail_msg("%s: %llu bytes at %llu", headers[i].header, (unsigned long long)range.bytes,
                     (unsigned long long)range.first);
    }
}

#define TAG   "\"abc\""
#define OTHER "\"abd\""

static void conditions_go_before_ranges(void **state)
{
    (void)state;
    static const struct {
        struct range_request request;
        unsigned status;
    } cases[] = {
        {{.range = "bytes=1-2"}, 206},
        {{.range = "bytes=5000-"}, 416},
        {{.range = NULL}, 200},
        {{.head = true, .range = "bytes=1-2"}, 200},
        {{.head = true, .range = "bytes=5000-"}, 200},
        {{.if_range = TAG, .range = "bytes=1-2"}, 206},
        {{.if_range = OTHER, .range = "bytes=1-2"}, 200},
        {{.if_range = OTHER, .range = "bytes=5000-"}, 200},
        {{.if_range = "W/" TAG, .range = "bytes=1-2"}, 200}, /* only strong ones count */
        {{.if_range = "Sat, 19 Oct 2024 15:03:09 GMT", .range = "bytes=1-2"}, 200},
        {{.if_range = "*", .range = "bytes=1-2"}, 200},
        {{.if_range = TAG}, 200},
        {{.if_none_match = TAG}, 304},
        {{.if_none_match = TAG, .range = "bytes=1-2"}, 304},
        {{.if_none_match = "W/" TAG}, 304},
        {{.if_none_match = "*"}, 304},
        {{.if_none_match = OTHER ", " TAG}, 304},
        {{.if_none_match = OTHER "," OTHER, .range = "bytes=1-2"}, 206},
        {{.if_none_match = "abc"}, 200},
        {{.if_none_match = "\"abc"}, 200},
        {{.if_none_match = ""}, 200},
        {{.head = true, .if_none_match = TAG}, 304},
        {{.if_match = TAG, .range = "bytes=1-2"}, 206},
        {{.if_match = "*"}, 200},
        {{.if_match = OTHER}, 412},
        {{.if_match = "W/" TAG}, 412},
        {{.if_match = OTHER, .if_none_match = TAG}, 412},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct range range;
        unsigned status = range_decide(&cases[i].request, TAG, 1000, &range);
        if (status != cases[i].status)
            fail_msg("case %zu: %u", i, status);
        if (status == 206)
            assert_true(range.first == 1 && range.bytes == 2);
        else if (status == 200)
            assert_true(range.first == 0 && range.bytes == 1000);
    }
}

static void only_a_video_is_shown_in_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        bool video;
    } cases[] = {
        {"video/mp4", true},
        {"video/x-matroska", true},
        {"video/vnd.dlna.mpeg-tts", true},
        {"text/html", false},
        {"image/svg+xml", false},
        {"video/", false},
        {"video/mp4; charset=x", false},
        {"Video/mp4", false},
        {"video/mp4\r\nX: y", false},
        {"", false},
        {"application/octet-stream", false},
        {"video/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (media_is_video(ry_str_of(cases[i].type)) != cases[i].video)
            fail_msg("%s", cases[i].type);
}

static void file_names_are_said_in_two_ways(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool attachment;
        const char *value;
    } cases[] = {
        {"clip.mp4", false, "inline; filename=\"clip.mp4\""},
        {"clip (1).mp4", true, "attachment; filename=\"clip (1).mp4\""},
        {"", true, "attachment; filename=\"video\""},
        {"\xC3\x9Cn\xC3\xAF.mp4", true, "attachment; filename=\"_n_.mp4\"; filename*=UTF-8''%C3%9Cn%C3%AF.mp4"},
        {"a\"b\\c.mp4", true, "attachment; filename=\"a_b_c.mp4\"; filename*=UTF-8''a%22b_c.mp4"},
        {"../../etc/x", true, "attachment; filename=\".._.._etc_x\"; filename*=UTF-8''.._.._etc_x"},
        {"a\r\nSet-Cookie: x", true,
         "attachment; filename=\"a__Set-Cookie_ x\"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x"},
        {"100%25.mp4", true, "attachment; filename=\"100_25.mp4\"; filename*=UTF-8''100%2525.mp4"},
        {"\xF0\x9F\x98\x80.mp4", false, "inline; filename=\"_.mp4\"; filename*=UTF-8''%F0%9F%98%80.mp4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_BUF_AUTO value = ry_buf_make(4096);
        media_disposition(&value, ry_str_of(cases[i].name), cases[i].attachment);
        assert_string_equal(ry_buf_cstr(&value), cases[i].value);
    }
    char longest[600];
    memset(longest, 'a', sizeof longest);
    RY_BUF_AUTO value = ry_buf_make(4096);
    media_disposition(&value, (struct ry_str){longest, sizeof longest}, false);
    assert_int_equal(value.n, strlen("inline; filename=\"\"") + 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_read_as_the_rfc_says),
        cmocka_unit_test(conditions_go_before_ranges),
        cmocka_unit_test(only_a_video_is_shown_in_its_place),
        cmocka_unit_test(file_names_are_said_in_two_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
