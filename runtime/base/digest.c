/* digest.c: see digest.h. Owns nothing; libmd keeps its state on the stack and cannot fail. */
#include "runtime/base/digest.h"

#include "runtime/base/hex.h"

#include <md5.h>
#include <sha1.h>
#include <sha2.h>
#include <string.h>

_Static_assert(RY_MD5_BYTES == MD5_DIGEST_LENGTH && RY_SHA1_BYTES == SHA1_DIGEST_LENGTH, "libmd's digests");

void ry_md5(struct ry_str text, uint8_t digest[RY_MD5_BYTES])
{
    MD5_CTX state;
    MD5Init(&state);
    if (text.n > 0)
        MD5Update(&state, (const uint8_t *)text.p, text.n);
    MD5Final(digest, &state);
}

void ry_md5_hex(struct ry_str text, char hex[RY_MD5_HEX_BYTES])
{
    uint8_t digest[RY_MD5_BYTES];
    ry_md5(text, digest);
    ry_hex_print(digest, sizeof digest, hex);
}

void ry_sha1(struct ry_str text, uint8_t digest[RY_SHA1_BYTES])
{
    SHA1_CTX state;
    SHA1Init(&state);
    if (text.n > 0)
        SHA1Update(&state, (const uint8_t *)text.p, text.n);
    SHA1Final(digest, &state);
}

_Static_assert(sizeof(SHA2_CTX) <= RY_SHA256_STATE_BYTES, "libmd's state");

void ry_sha256_begin(struct ry_sha256 *state)
{
    SHA2_CTX context;
    memset(&context, 0, sizeof context);
    SHA256Init(&context);
    memset(state, 0, sizeof *state);
    memcpy(state, &context, sizeof context);
}

void ry_sha256_add(struct ry_sha256 *state, const void *bytes, size_t n)
{
    SHA2_CTX context;
    memcpy(&context, state, sizeof context);
    if (n > 0)
        SHA256Update(&context, bytes, n);
    memcpy(state, &context, sizeof context);
}

void ry_sha256_end(struct ry_sha256 *state, char hex[RY_SHA256_HEX_BYTES])
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    memcpy(&context, state, sizeof context);
    SHA256Final(digest, &context);
    ry_hex_print(digest, sizeof digest, hex);
}
