/* message_meter_test.c: what a peer sends is counted as libzmq counts it, however its bytes are cut, and refused at the
 * head of the first frame that is too much. */
#include "tests/bed/bed.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/sandbox/message_meter.h"

#define MAX_BYTES 1000
#define MAX_PARTS 4

/* A stream in writing: "g" a greeting; "m", "l", "c" a frame with more to come, the last one, a command; capitals with
 * a long size; each with the digits of its size behind it. */
struct stream {
    char bytes[16384];
    size_t n;
};

static void put_greeting(struct stream *stream)
{
    static const uint8_t head[] = {0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 3, 1, 'N', 'U', 'L', 'L'};
    memset(stream->bytes + stream->n, 0, 64);
    memcpy(stream->bytes + stream->n, head, sizeof head);
    stream->n += 64;
}

static void put_frame(struct stream *stream, uint8_t flags, uint64_t size)
{
    stream->bytes[stream->n++] = (char)flags;
    for (int shift = flags & 2 ? 56 : 0; shift >= 0; shift -= 8)
        stream->bytes[stream->n++] = (char)(size >> shift & 0xFF);
    size_t here = size < 4000 ? (size_t)size : 0;
    memset(stream->bytes + stream->n, 0xFF, here);
    stream->n += here;
}

static struct stream stream_of(const char *text)
{
    struct stream stream = {.n = 0};
    while (*text) {
        char kind = *text++;
        char *end = NULL;
        uint64_t size = strtoull(text, &end, 10);
        text = end;
        switch (kind) {
        case 'g': put_greeting(&stream); break;
        case 'm': put_frame(&stream, 1, size); break;
        case 'l': put_frame(&stream, 0, size); break;
        case 'c': put_frame(&stream, 4, size); break;
        case 'M': put_frame(&stream, 3, size); break;
        case 'L': put_frame(&stream, 2, size); break;
        case 'C': put_frame(&stream, 6, size); break;
        case 'x': put_frame(&stream, (uint8_t)size, 1); break; /* flags as told */
        default: fail_msg("the stream \"%s\"", text);
        }
    }
    return stream;
}

static const struct {
    const char *stream;
    const char *refused; /* a part of the reason; NULL: it passes */
} cases[] = {
    {"gc40l5m3l2", NULL},
    {"gl0m0m0l0", NULL},
    {"gL900L900L900", NULL},    /* each message counts anew */
    {"gM500L500", NULL},        /* exactly all bytes */
    {"gM500L501", "too large"}, /* the sum, not the part */
    {"gL1001", "too large"},    /* one part */
    {"gL18446744073709551615", "too large"},
    {"gM1L18446744073709551615", "too large"}, /* their sum is 0 */
    {"gm1m1m1l1", NULL},                       /* exactly all parts */
    {"gm1m1m1m1l1", "no end"},
    {"gm0m0m0m0m0", "no end"},         /* parts without bytes are parts */
    {"gm1c9m1c9m1c9m1c9m1", "no end"}, /* a command between them ends no message */
    {"gm1m1m1l1m1m1m1l1", NULL},
    {"gC4096c200", NULL},
    {"gC4097", "command"},
    {"gx5", "flags"}, /* a command has no more */
    {"gx8", "flags"},
    {"gx255", "flags"},
    {"l5", "ZMTP 3"},
};

/* The reason, or NULL, when the stream comes in pieces of so many bytes. */
static const char *read_in_pieces(const struct stream *stream, size_t piece)
{
    struct ry_message_meter meter;
    ry_message_meter_begin(&meter, MAX_BYTES, MAX_PARTS);
    for (size_t at = 0; at < stream->n; at += piece) {
        size_t n = stream->n - at < piece ? stream->n - at : piece;
        if (!ry_message_meter_read(&meter, stream->bytes + at, n))
            return meter.refused;
    }
    return NULL;
}

static void messages_beyond_the_limits_are_refused_however_their_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct stream stream = stream_of(cases[i].stream);
        for (size_t piece = 1; piece <= stream.n; piece = piece < 80 ? piece + 1 : piece * 3) {
            const char *refused = read_in_pieces(&stream, piece);
            if ((refused == NULL) != (cases[i].refused == NULL) || (refused && !strstr(refused, cases[i].refused)))
                fail_msg("%s in pieces of %zu: %s", cases[i].stream, piece, refused ? refused : "passes");
        }
    }
}

static void a_greeting_of_an_older_protocol_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t byte;
    } changes[] = {{0, 0x01}, {9, 0x00}, {10, 0}, {10, 1}, {10, 2}, {10, 4}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct stream stream = stream_of("gl5");
        stream.bytes[changes[i].at] = (char)changes[i].byte;
        assert_non_null(read_in_pieces(&stream, stream.n));
    }
}

static void what_was_refused_once_stays_refused(void **state)
{
    (void)state;
    struct ry_message_meter meter;
    struct stream bad = stream_of("gL1001"), good = stream_of("l5");
    ry_message_meter_begin(&meter, MAX_BYTES, MAX_PARTS);
    assert_false(ry_message_meter_read(&meter, bad.bytes, bad.n));
    assert_false(ry_message_meter_read(&meter, good.bytes, good.n));
    assert_false(ry_message_meter_read(&meter, good.bytes, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_beyond_the_limits_are_refused_however_their_bytes_are_cut),
        cmocka_unit_test(a_greeting_of_an_older_protocol_is_refused),
        cmocka_unit_test(what_was_refused_once_stays_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
