/* wire_test.c: the cursor reads msgpack as the library does, and stops where the bytes do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <msgpack.h>

#include "proto/wire.h"
#include "runtime/base/rng.h"

#define ROUNDS    200000
#define BYTES_MAX 24

/* What the cursor says of the first value must be what msgpack-c says of it. */
static void compare_value(const msgpack_object *object, struct ry_str bytes, size_t length)
{
    struct ry_wire wire = ry_wire_of(bytes);
    uint64_t u = 0;
    int64_t i = 0;
    double f = 0;
    bool b = false;
    size_t n = 0;
    struct ry_str s = {0};
    bool natural = object->type == MSGPACK_OBJECT_POSITIVE_INTEGER;
    bool negative = object->type == MSGPACK_OBJECT_NEGATIVE_INTEGER;
    assert_int_equal(ry_wire_u64(&wire, &u), natural);
    assert_true(!natural || u == object->via.u64);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_i64(&wire, &i), negative || (natural && object->via.u64 <= INT64_MAX));
    assert_true(!negative || i == object->via.i64);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_f64(&wire, &f), object->type == MSGPACK_OBJECT_FLOAT64);
    assert_true(object->type != MSGPACK_OBJECT_FLOAT64 || memcmp(&f, &object->via.f64, sizeof f) == 0);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_bool(&wire, &b), object->type == MSGPACK_OBJECT_BOOLEAN);
    assert_true(object->type != MSGPACK_OBJECT_BOOLEAN || b == object->via.boolean);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_nil(&wire), object->type == MSGPACK_OBJECT_NIL);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_str(&wire, &s), object->type == MSGPACK_OBJECT_STR);
    assert_true(object->type != MSGPACK_OBJECT_STR ||
                (s.n == object->via.str.size && wire.p == wire.end - (bytes.n - length)));
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_bin(&wire, &s), object->type == MSGPACK_OBJECT_BIN);
    assert_true(object->type != MSGPACK_OBJECT_BIN || s.n == object->via.bin.size);
    wire = ry_wire_of(bytes);
    assert_int_equal(ry_wire_array(&wire, &n), object->type == MSGPACK_OBJECT_ARRAY);
    assert_true(object->type != MSGPACK_OBJECT_ARRAY || n == object->via.array.size);
}

/* Any first byte; behind it mostly small numbers, so that lengths and counts often fit. No 32-bit counts: the library
 * would allocate what they claim (128 GiB for five bytes), which is why it does not read for us. */
static size_t make_bytes(struct ry_rng *rng, unsigned char *bytes)
{
    size_t n = 1 + (size_t)ry_rng_below(rng, BYTES_MAX);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (unsigned char)ry_rng_below(rng, i > 0 && ry_rng_below(rng, 4) > 0 ? 4 : 256);
        if (bytes[i] == 0xdd || bytes[i] == 0xdf)
            bytes[i]--; /* the format of a 16-bit count */
    }
    return n;
}

static void the_cursor_reads_what_the_library_reads(void **state)
{
    (void)state;
    struct ry_rng rng = {20241019};
    msgpack_zone *zone = msgpack_zone_new(2048);
    assert_non_null(zone);
    size_t read = 0;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char made[BYTES_MAX];
        size_t n = make_bytes(&rng, made);
        /* On the heap, so that AddressSanitizer sees a read past the end. */
        char *bytes = malloc(n);
        assert_non_null(bytes);
        memcpy(bytes, made, n);
        msgpack_object object;
        size_t length = 0;
        struct ry_wire wire = ry_wire_of((struct ry_str){bytes, n});
        bool whole = msgpack_unpack(bytes, n, &length, zone, &object) >= MSGPACK_UNPACK_EXTRA_BYTES;
        if (whole != ry_wire_skip(&wire, 1))
            fail_msg("round %d: first byte %02x of %zu: the library says %d", round, made[0], n, whole);
        if (whole) {
            assert_int_equal(wire.p - (const uint8_t *)bytes, length);
            compare_value(&object, (struct ry_str){bytes, n}, length);
            read++;
        }
        msgpack_zone_clear(zone);
        free(bytes);
    }
    assert_true(read > ROUNDS / 10);
    msgpack_zone_free(zone);
}

static void what_is_not_taken_is_still_there(void **state)
{
    (void)state;
    uint64_t u = 0;
    bool b = false;
    struct ry_str s = {0};
    struct ry_wire wire = ry_wire_of(RY_STR("\xa3"
                                            "abc\x05"));
    assert_false(ry_wire_u64(&wire, &u));
    assert_false(ry_wire_bool(&wire, &b));
    assert_false(ry_wire_bin(&wire, &s));
    assert_true(ry_wire_str(&wire, &s));
    assert_true(ry_str_is(s, "abc"));
    assert_true(ry_wire_u64(&wire, &u));
    assert_int_equal(u, 5);
    assert_int_equal(ry_wire_left(&wire), 0);
    assert_false(ry_wire_nil(&wire));
    assert_true(ry_wire_skip(&wire, 0));
    assert_false(ry_wire_skip(&wire, 1));
}

static void a_string_of_no_bytes_is_empty_not_absent(void **state)
{
    (void)state;
    struct ry_wire wire = ry_wire_of(RY_STR("\xa0\xc4\0"));
    struct ry_str s = {0};
    assert_true(ry_wire_str(&wire, &s));
    assert_true(ry_str_is(s, ""));
    assert_true(ry_wire_bin(&wire, &s));
    assert_true(ry_str_is(s, ""));
}

static void nesting_costs_no_stack(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *bytes = malloc(DEPTH + 1);
    assert_non_null(bytes);
    memset(bytes, 0x91, DEPTH); /* [[[[...nil...]]]] */
    bytes[DEPTH] = (char)0xc0;
    struct ry_wire wire = ry_wire_of((struct ry_str){bytes, DEPTH + 1});
    assert_true(ry_wire_skip(&wire, 1));
    assert_int_equal(ry_wire_left(&wire), 0);
    wire = ry_wire_of((struct ry_str){bytes, DEPTH});
    assert_false(ry_wire_skip(&wire, 1));
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cursor_reads_what_the_library_reads),
        cmocka_unit_test(what_is_not_taken_is_still_there),
        cmocka_unit_test(a_string_of_no_bytes_is_empty_not_absent),
        cmocka_unit_test(nesting_costs_no_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
