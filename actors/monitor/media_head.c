/* media_head.c: see media_head.h. */
#include "actors/monitor/media_head.h"

#include <string.h>

#define TYPE_MAX_BYTES 64
#define NAME_MAX_BYTES 255

bool media_is_video(struct ry_str type)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz0123456789.+-";
    if (!ry_str_starts(type, RY_STR("video/")) || type.n == 6 || type.n > TYPE_MAX_BYTES)
        return false;
    for (size_t i = 6; i < type.n; i++)
        if (type.p[i] == '\0' || strchr(set, type.p[i]) == NULL)
            return false;
    return true;
}

/* Whether a byte may stand as it is in a quoted string that every program reads the same way: no quote, backslash,
 * percent sign (some decode it), path separator or control character. */
static bool is_plain(char byte)
{
    return byte >= ' ' && byte < 0x7F && strchr("\"\\%/:*?<>|;", byte) == NULL;
}

/* attr-char of RFC 8187, section 3.2.1. */
static bool is_attribute(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte != '\0' && strchr("!#$&+-.^_`|~", byte) != NULL);
}

void media_disposition(struct ry_buf *out, struct ry_str name, bool attachment)
{
    bool same = name.n > 0;
    if (name.n > NAME_MAX_BYTES)
        for (name.n = NAME_MAX_BYTES; name.n > 0 && ((unsigned char)name.p[name.n] & 0xC0) == 0x80;)
            name.n--;
    (void)ry_buf_addf(out, "%s; filename=\"", attachment ? "attachment" : "inline");
    for (size_t i = 0; i < name.n; i++) {
        bool plain = is_plain(name.p[i]);
        same &= plain;
        if (plain || ((unsigned char)name.p[i] & 0xC0) != 0x80) /* one for each character */
            (void)ry_buf_add(out, plain ? &name.p[i] : "_", 1);
    }
    if (name.n == 0)
        (void)ry_buf_add_str(out, RY_STR("video"));
    (void)ry_buf_add_str(out, RY_STR("\""));
    if (same || name.n == 0)
        return;
    (void)ry_buf_add_str(out, RY_STR("; filename*=UTF-8''"));
    for (size_t i = 0; i < name.n; i++)
        if (is_attribute(name.p[i]))
            (void)ry_buf_add(out, &name.p[i], 1);
        else if (name.p[i] != '/' && name.p[i] != '\\')
            (void)ry_buf_addf(out, "%%%02X", (unsigned)(unsigned char)name.p[i]);
        else
            (void)ry_buf_add(out, "_", 1);
}
