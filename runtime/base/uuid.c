/* uuid.c: see uuid.h. */
#include "runtime/base/uuid.h"

#include "runtime/base/assert.h"

#include <stdio.h>

void ry_uuid_print(const uint8_t bytes[16], unsigned version, char text[RY_UUID_BYTES])
{
    RY_ASSERT(version >= 1 && version <= 8, "version %u", version);
    uint8_t b[16];
    memcpy(b, bytes, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0F) | version << 4);
    b[8] = (uint8_t)((b[8] & 0x3F) | 0x80); /* the variant of RFC 9562 */
    int n = snprintf(text, RY_UUID_BYTES, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                     b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    RY_ASSERT(n == RY_UUID_BYTES - 1, "%d characters", n);
}

bool ry_uuid_is(struct ry_str text)
{
    if (text.n != RY_UUID_BYTES - 1)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.p[i] != '-' : text.p[i] == '\0' || !strchr("0123456789abcdefABCDEF", text.p[i]))
            return false;
    }
    return true;
}
