/* md5.h: the MD5 message digest (RFC 1321), as an identifier and never for security: clip ids and settings hashes are
 * MD5 in the databases that reelyard adopts. */
#ifndef REELYARD_ACTORS_SCANNER_MD5_H
#define REELYARD_ACTORS_SCANNER_MD5_H

#include "runtime/base/str.h"

/* 32 hexadecimal digits and a NUL. */
#define MD5_HEX_BYTES 33

/* Writes the digest of text as lower-case hex. Pure; any length. */
void md5_hex(struct ry_str text, char hex[MD5_HEX_BYTES]);

#endif
