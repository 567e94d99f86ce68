/* digest.h: MD5 and SHA-1, as identifiers and never for security: clip ids and settings hashes are MD5 in the databases
 * that reelyard adopts, and ids of rows are UUIDs made from SHA-1. SHA-256, the names of files by their content.
 *
 * Pure; any length. The digests themselves are libmd's, which is part of Debian's base system. */
#ifndef REELYARD_RUNTIME_BASE_DIGEST_H
#define REELYARD_RUNTIME_BASE_DIGEST_H

#include "runtime/base/str.h"

#define RY_MD5_BYTES  16
#define RY_SHA1_BYTES 20

/* 32 hexadecimal digits and a NUL. */
#define RY_MD5_HEX_BYTES 33

/* RFC 1321. */
void ry_md5(struct ry_str text, uint8_t digest[RY_MD5_BYTES]);

/* The same as lower-case hexadecimal digits. */
void ry_md5_hex(struct ry_str text, char hex[RY_MD5_HEX_BYTES]);

/* FIPS 180-4. */
void ry_sha1(struct ry_str text, uint8_t digest[RY_SHA1_BYTES]);

/* FIPS 180-4, piece by piece. The state is plain bytes: it may be stored and gone on with, on the same kind of machine.
 */
#define RY_SHA256_STATE_BYTES 208
#define RY_SHA256_HEX_BYTES   65 /* 64 hexadecimal digits and a NUL */
struct ry_sha256 {
    _Alignas(8) unsigned char bytes[RY_SHA256_STATE_BYTES];
};
void ry_sha256_begin(struct ry_sha256 *state);
void ry_sha256_add(struct ry_sha256 *state, const void *bytes, size_t n);
/* Ends it: the state is of no further use. */
void ry_sha256_end(struct ry_sha256 *state, char hex[RY_SHA256_HEX_BYTES]);

#endif
