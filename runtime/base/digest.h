/* digest.h: MD5 and SHA-1, as identifiers and never for security: clip ids and settings hashes are MD5 in the databases
 * that reelyard adopts, and ids of rows are UUIDs made from SHA-1.
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

#endif
