/* uuid.c: SHA-1 and name-based UUIDs.
 *
 * Owns nothing. thumbnail.id and failed_thumbnail.id are UUIDs in the interface's schema; made from the clip's id, a
 * redelivered mail writes the row it wrote before. */
#include "actors/writer/uuid.h"

#include <stdio.h>

static uint32_t rotate_left(uint32_t value, unsigned by)
{
    return (value << by) | (value >> (32 - by));
}

static void sha1_block(uint32_t state[5], const uint8_t block[64])
{
    uint32_t w[80];
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 | (uint32_t)block[i * 4 + 2] << 8 |
               (uint32_t)block[i * 4 + 3];
    for (size_t i = 16; i < 80; i++)
        w[i] = rotate_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (size_t i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) {
            f = (b & c) | (~b & d);
            k = 0x5A827999;
        } else if (i < 40) {
            f = b ^ c ^ d;
            k = 0x6ED9EBA1;
        } else if (i < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8F1BBCDC;
        } else {
            f = b ^ c ^ d;
            k = 0xCA62C1D6;
        }
        uint32_t next = rotate_left(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void writer_sha1(const void *bytes, size_t n, uint8_t digest[20])
{
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    const uint8_t *p = bytes;
    size_t left = n;
    for (; left >= 64; left -= 64, p += 64)
        sha1_block(state, p);
    /* The last bytes, a 1 bit, zeros, and the length in bits: one block, or two when the length does not fit. */
    uint8_t tail[128] = {0};
    if (left > 0)
        memcpy(tail, p, left);
    tail[left] = 0x80;
    size_t tail_bytes = left < 56 ? 64 : 128;
    uint64_t bits = (uint64_t)n * 8;
    for (size_t i = 0; i < 8; i++)
        tail[tail_bytes - 1 - i] = (uint8_t)(bits >> (i * 8));
    for (size_t at = 0; at < tail_bytes; at += 64)
        sha1_block(state, tail + at);
    for (size_t i = 0; i < 20; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - i % 4 * 8));
}

void writer_uuid_v5(const uint8_t namespace_id[16], struct ry_str name, char text[WRITER_UUID_TEXT_BYTES])
{
    uint8_t hashed[16 + 512];
    size_t n = name.n < 512 ? name.n : 512;
    memcpy(hashed, namespace_id, 16);
    if (n > 0)
        memcpy(hashed + 16, name.p, n);
    uint8_t u[20];
    writer_sha1(hashed, 16 + n, u);
    u[6] = (uint8_t)((u[6] & 0x0F) | 0x50); /* version 5 */
    u[8] = (uint8_t)((u[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    snprintf(text, WRITER_UUID_TEXT_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
             u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}

void writer_uuid_of_clip(struct ry_str clip_id, struct ry_str kind, char text[WRITER_UUID_TEXT_BYTES])
{
    /* Reelyard's own namespace; never change it, or every row gets a second one. */
    static const uint8_t namespace_id[16] = {0x8e, 0x1b, 0x4f, 0x0a, 0x52, 0x59, 0x4c, 0x44,
                                             0x9d, 0x31, 0xb7, 0x5c, 0x06, 0xe2, 0xaa, 0x41};
    char name[256];
    int n = snprintf(name, sizeof name, "%.*s:%.*s", RY_STR_ARG(clip_id), RY_STR_ARG(kind));
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof name ? (size_t)n : sizeof name - 1;
    writer_uuid_v5(namespace_id, (struct ry_str){name, bytes}, text);
}
