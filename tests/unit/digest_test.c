/* digest_test.c: digests and UUIDs are those of their specifications, byte for byte: rows that exist are found by them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/base/digest.h"
#include "runtime/base/hex.h"
#include "runtime/base/uuid.h"

#include <stdio.h>

/* RFC 1321, appendix A.5. */
static void md5_gives_the_digests_of_the_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *hex;
    } CASES[] = {
        {"", "d41d8cd98f00b204e9800998ecf8427e"},
        {"a", "0cc175b9c0f1b6a831c399e269772661"},
        {"abc", "900150983cd24fb0d6963f7d28e17f72"},
        {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
        {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
        {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "d174ab98d277d9f5a5611c2c9f419d9f"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
         "57edf4a22be3c955ac49da2e2107b67a"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char hex[RY_MD5_HEX_BYTES];
        ry_md5_hex(ry_str_of(CASES[i].text), hex);
        assert_string_equal(hex, CASES[i].hex);
    }
}

/* Around the lengths where the padding moves into another block; digests by Python's hashlib. */
static void md5_pads_at_every_edge_of_a_block(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *hex;
    } CASES[] = {
        {55, "04364420e25c512fd958a70738aa8f72"},  {56, "668a72d5ba17f08e62dabcafad6db14b"},
        {57, "693037871c4a9d3d8685018905cb530a"},  {63, "7dc2ca208106a2f703567bdff99d8981"},
        {64, "c1bb4f81d892b2d57947682aeb252456"},  {65, "1bc932052302d074bdec39795fe00cf6"},
        {119, "ab347a5f68c8a443cfcddc633f12c24f"}, {120, "fb98667f98096de92620b64f46e1c5b5"},
        {128, "d69cb61a6ee87200676eb0d4b90edbcb"}, {200, "30a83621ce5422fbdfdd539777458c78"},
    };
    char text[256];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char hex[RY_MD5_HEX_BYTES];
        ry_md5_hex((struct ry_str){text, CASES[i].n}, hex);
        assert_string_equal(hex, CASES[i].hex);
    }
}

/* FIPS 180 examples, and lengths around the ends of blocks (digests by sha1sum). */
static void sha1_gives_known_digests(void **state)
{
    (void)state;
    static const struct {
        size_t n; /* that many 'a', or the text */
        const char *text;
        const char *digest;
    } cases[] = {
        {0, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {0, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {0, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {55, NULL, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {56, NULL, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, NULL, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {64, NULL, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {1000000, NULL, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
    };
    static char many[1000000];
    memset(many, 'a', sizeof many);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t digest[RY_SHA1_BYTES];
        ry_sha1(cases[i].text ? ry_str_of(cases[i].text) : (struct ry_str){many, cases[i].n}, digest);
        char hex[41];
        for (size_t b = 0; b < 20; b++)
            snprintf(hex + b * 2, 3, "%02x", digest[b]);
        assert_string_equal(hex, cases[i].digest);
    }
}

/* Version and variant replace six bits, whatever was there. RFC 9562, sections 4.1 and 4.2. */
static void uuid_has_its_version_and_variant(void **state)
{
    (void)state;
    static const struct {
        uint8_t fill;
        unsigned version;
        const char *text;
    } cases[] = {
        {0x00, 3, "00000000-0000-3000-8000-000000000000"}, {0xff, 3, "ffffffff-ffff-3fff-bfff-ffffffffffff"},
        {0x5a, 4, "5a5a5a5a-5a5a-4a5a-9a5a-5a5a5a5a5a5a"}, {0xff, 5, "ffffffff-ffff-5fff-bfff-ffffffffffff"},
        {0x00, 8, "00000000-0000-8000-8000-000000000000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[16];
        char text[RY_UUID_BYTES];
        memset(bytes, cases[i].fill, sizeof bytes);
        ry_uuid_print(bytes, cases[i].version, text);
        assert_string_equal(text, cases[i].text);
        assert_true(ry_uuid_is(ry_str_of(text)));
    }
}

static void what_is_no_uuid_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d", true},
        {"6F1C1F0E-5B0A-4C6E-9A55-0D5B6F0C8F3D", true},
        {"", false},
        {"6f1c1f0e5b0a4c6e9a550d5b6f0c8f3d", false},
        {"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3", false},
        {"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3d0", false},
        {"6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f3g", false},
        {"6f1c1f0e-5b0a-4c6e-9a550-d5b6f0c8f3d", false},
        {"6f1c1f0e 5b0a 4c6e 9a55 0d5b6f0c8f3d", false},
        {"{6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c8f}", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(ry_uuid_is(ry_str_of(cases[i].text)), cases[i].is);
    assert_false(ry_uuid_is(RY_STR("6f1c1f0e-5b0a-4c6e-9a55-0d5b6f0c\0f3d")));
}

static void hex_digits_stand_for_their_values_and_nothing_else_does(void **state)
{
    (void)state;
    static const char DIGITS[] = "0123456789abcdef";
    uint8_t bytes[256];
    char text[2 * sizeof bytes + 1];
    for (int c = 0; c < 256; c++) {
        const char *at = c != 0 ? strchr(DIGITS, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        assert_int_equal(ry_hex_digit((char)c), at != NULL ? at - DIGITS : -1);
        bytes[c] = (uint8_t)c;
    }
    ry_hex_print(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 2 * sizeof bytes);
    for (int c = 0; c < 256; c++)
        assert_int_equal(ry_hex_digit(text[2 * c]) * 16 + ry_hex_digit(text[2 * c + 1]), c);
    ry_hex_print(bytes, 0, text);
    assert_string_equal(text, "");
}

/* Lengths around the ends of blocks (digests by sha256sum), in one piece and in pieces of every size, with a state that
 * was stored in between. */
static void sha256_gives_known_digests_in_pieces(void **state)
{
    (void)state;
    static const struct {
        size_t n; /* that many 'a' */
        const char *hex;
    } cases[] = {
        {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {3, "9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0"},
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
        {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
        {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
        {1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"},
    };
    char text[1000];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (size_t piece = 1; piece <= 130; piece++) {
            struct ry_sha256 sha256, stored;
            char hex[RY_SHA256_HEX_BYTES];
            ry_sha256_begin(&sha256);
            for (size_t at = 0; at < cases[i].n; at += piece) {
                ry_sha256_add(&sha256, text + at, cases[i].n - at < piece ? cases[i].n - at : piece);
                memcpy(stored.bytes, sha256.bytes, sizeof stored.bytes);
                memset(&sha256, 0xee, sizeof sha256);
                memcpy(sha256.bytes, stored.bytes, sizeof stored.bytes);
            }
            ry_sha256_end(&sha256, hex);
            assert_string_equal(hex, cases[i].hex);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(md5_gives_the_digests_of_the_rfc),
        cmocka_unit_test(md5_pads_at_every_edge_of_a_block),
        cmocka_unit_test(sha1_gives_known_digests),
        cmocka_unit_test(sha256_gives_known_digests_in_pieces),
        cmocka_unit_test(uuid_has_its_version_and_variant),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(hex_digits_stand_for_their_values_and_nothing_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
