/* uuid.h: UUIDs (RFC 9562) as text: 8-4-4-4-12 hexadecimal digits. Pure. */
#ifndef REELYARD_RUNTIME_BASE_UUID_H
#define REELYARD_RUNTIME_BASE_UUID_H

#include "runtime/base/str.h"

/* 36 characters and a NUL. */
#define RY_UUID_BYTES 37

/* Writes 16 bytes as a UUID in lower case, with the version (1 to 8, section 4.2) and the variant put in. */
void ry_uuid_print(const uint8_t bytes[16], unsigned version, char text[RY_UUID_BYTES]);

/* Whether text is a UUID, in either case, of any version. */
bool ry_uuid_is(struct ry_str text);

#endif
