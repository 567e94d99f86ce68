/* clip_id.c: pure functions; the hashed text is fixed by the databases that hold such ids already. */
#include "actors/scanner/clip_id.h"

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"

#include <inttypes.h>
#include <stdio.h>

#define DISCORD_EPOCH_WALL_MS ((int64_t)1420070400000) /* 2015-01-01T00:00:00Z */
#define DAY_MS                ((int64_t)86400000)
#define HASHED_TEXT_MAX_BYTES ((size_t)68 * 1024)

int64_t clip_id_created_wall_ms(uint64_t snowflake)
{
    return (int64_t)(snowflake >> 22) + DISCORD_EPOCH_WALL_MS;
}

void clip_id_created_text(uint64_t snowflake, char text[CLIP_ID_CREATED_BYTES])
{
    int64_t wall_ms = clip_id_created_wall_ms(snowflake);
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    ry_civil_from_days(wall_ms / DAY_MS, &year, &month, &day);
    unsigned in_day_ms = (unsigned)(wall_ms % DAY_MS);
    unsigned second = in_day_ms / 1000;
    unsigned ms = in_day_ms % 1000;
    int n = snprintf(text, CLIP_ID_CREATED_BYTES, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u", year, month, day,
                     second / 3600, second / 60 % 60, second % 60);
    if (ms != 0)
        n += snprintf(text + n, (size_t)(CLIP_ID_CREATED_BYTES - n), ".%03u000", ms);
    snprintf(text + n, (size_t)(CLIP_ID_CREATED_BYTES - n), "+00:00");
}

bool clip_id_make(struct ry_str message_id, struct ry_str channel_id, struct ry_str filename,
                  struct ry_str attachment_id, char hex[RY_MD5_HEX_BYTES])
{
    uint64_t snowflake = 0;
    if (!ry_str_u64(message_id, &snowflake))
        return false;
    char created[CLIP_ID_CREATED_BYTES];
    clip_id_created_text(snowflake, created);
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    ry_buf_add_str(&text, message_id);
    ry_buf_add(&text, ":", 1);
    ry_buf_add_str(&text, channel_id);
    ry_buf_add(&text, ":", 1);
    ry_buf_add_str(&text, filename);
    ry_buf_add(&text, ":", 1);
    ry_buf_add(&text, created, strlen(created));
    if (attachment_id.p != NULL) {
        ry_buf_add(&text, ":", 1);
        ry_buf_add_str(&text, attachment_id);
    }
    if (text.failed)
        return false;
    ry_md5_hex(ry_buf_str(&text), hex);
    return true;
}
