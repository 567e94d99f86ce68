/* clip_file.c: names and URLs of attachments, read as the programs read them that wrote the rows before. */
#include "actors/scanner/clip_file.h"

#include "runtime/base/file_url.h"
#include "runtime/base/hex.h"

#define DAY_MS              ((int64_t)86400000)
#define EXTENSION_MAX_BYTES ((size_t)64)
/* No lower-case form is longer than thrice the text, and none comes of more than thrice as many bytes. */
#define LOWER_MAX_BYTES      (9 * EXTENSION_MAX_BYTES + 16)
#define TYPESCRIPT_MAX_BYTES ((int64_t)1 << 20)
#define EX_MAX_BYTES         ((size_t)512)

static const int64_t year_1_s = -62135596800;

/* ---- names ------------------------------------------------------------------------------------------------------- */

static struct ry_str lower(struct ry_str s, char text[static LOWER_MAX_BYTES])
{
    static const struct {
        struct ry_str capital, small;
    } others[] = {{{"\xE2\x84\xAA", 3}, {"k", 1}}, {{"\xC4\xB0", 2}, {"i\xCC\x87", 3}}};
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        struct ry_str rest = {s.p + i, s.n - i};
        struct ry_str from = {s.p + i, 1};
        char c = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
        struct ry_str to = {&c, 1};
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            if (ry_str_starts(rest, others[k].capital)) {
                from = others[k].capital;
                to = others[k].small;
            }
        memcpy(text + n, to.p, to.n);
        n += to.n;
        i += from.n;
    }
    return (struct ry_str){text, n};
}

bool clip_name_ends(struct ry_str filename, struct ry_str extension)
{
    char name_text[LOWER_MAX_BYTES], extension_text[LOWER_MAX_BYTES];
    if (extension.n > EXTENSION_MAX_BYTES)
        return false;
    extension = lower(extension, extension_text);
    size_t tail = 3 * extension.n < filename.n ? 3 * extension.n : filename.n;
    struct ry_str end = lower((struct ry_str){filename.p + filename.n - tail, tail}, name_text);
    return ry_str_ends(end, extension, false);
}

/* What stands behind the name's last dot, or all of it, in small letters; as it is when it is too long. */
static struct ry_str extension_of(struct ry_str filename, char text[static LOWER_MAX_BYTES])
{
    const char *dot = filename.n > 0 ? memrchr(filename.p, '.', filename.n) : NULL;
    size_t from = dot ? (size_t)(dot - filename.p) + 1 : 0;
    struct ry_str behind = {filename.p + from, filename.n - from};
    return behind.n <= EXTENSION_MAX_BYTES ? lower(behind, text) : behind;
}

struct ry_str clip_mime_type(struct ry_str filename, struct ry_str content_type)
{
    static const struct {
        const char *extension;
        struct ry_str mime_type;
    } TYPES[] = {
        {"mp4", {"video/mp4", 9}},        {"webm", {"video/webm", 10}},      {"mov", {"video/quicktime", 15}},
        {"avi", {"video/x-msvideo", 15}}, {"mkv", {"video/x-matroska", 16}}, {"flv", {"video/x-flv", 11}},
        {"m4v", {"video/x-m4v", 11}},
    };
    if (content_type.n > 0)
        return content_type;
    char text[LOWER_MAX_BYTES];
    struct ry_str extension = extension_of(filename, text);
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (ry_str_is(extension, TYPES[i].extension))
            return TYPES[i].mime_type;
    return RY_STR("video/mp4");
}

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

static bool is_one_of(struct ry_str extension, const char *const *extensions)
{
    for (; *extensions; extensions++)
        if (ry_str_is(extension, *extensions))
            return true;
    return false;
}

bool clip_is_further_video(struct ry_str filename, struct ry_str content_type, int64_t size_bytes)
{
    static const char *const extensions[] = {"3gp", "3g2", "mpg", "mpeg", "m2ts", "mts",
                                             "ogv", "wmv", "asf", "mxf",  NULL};
    char text[LOWER_MAX_BYTES];
    struct ry_str extension = extension_of(filename, text);
    if (ry_str_is(extension, "ts"))
        return content_type.n > 0 ? ry_str_starts(content_type, RY_STR("video/")) : size_bytes > TYPESCRIPT_MAX_BYTES;
    return is_one_of(extension, extensions);
}

enum clip_kind clip_kind_of(struct ry_str filename, struct ry_str content_type)
{
    static const struct {
        enum clip_kind kind;
        const char *types[8];
        const char *extensions[16];
    } kinds[] = {
        {CLIP_KIND_IMAGE,
         {"image/"},
         {"png", "jpg", "jpeg", "gif", "webp", "avif", "heic", "bmp", "svg", "tif", "tiff", "jxl"}},
        {CLIP_KIND_SOUND, {"audio/"}, {"mp3", "wav", "ogg", "m4a", "flac", "aac", "opus", "wma", "mid", "aiff"}},
        {CLIP_KIND_TEXT,
         {"text/", "application/pdf", "application/json", "application/xml", "application/msword",
          "application/vnd.openxmlformats", "application/vnd.oasis"},
         {"txt", "md", "log", "json", "xml", "csv", "pdf", "doc", "docx", "odt", "html", "srt", "py", "js", "ts"}},
        {CLIP_KIND_ARCHIVE,
         {"application/zip", "application/x-zip", "application/x-rar", "application/vnd.rar", "application/x-7z",
          "application/gzip", "application/x-msdos-program"},
         {"zip", "rar", "7z", "gz", "tar", "xz", "jar", "exe", "apk", "iso", "dll"}},
        {CLIP_KIND_VIDEO,
         {"video/"},
         {"mp4", "mov", "webm", "avi", "mkv", "flv", "wmv", "m4v", "vob", "rm", "rmvb", "f4v", "divx", "3gp", "mpg"}},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (size_t k = 0; k < 8 && kinds[i].types[k]; k++)
            if (ry_str_starts(content_type, ry_str_of(kinds[i].types[k])))
                return kinds[i].kind;
    char text[LOWER_MAX_BYTES];
    struct ry_str extension = extension_of(filename, text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is_one_of(extension, kinds[i].extensions))
            return kinds[i].kind;
    return clip_is_further_video(filename, content_type, -1) ? CLIP_KIND_VIDEO : CLIP_KIND_OTHER;
}

/* ---- URLs -------------------------------------------------------------------------------------------------------- */

/* Decodes a name or value of a query; absent if it does not fit, for then it is neither "ex" nor a time. */
static struct ry_str decode(struct ry_str s, char text[static EX_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (n == EX_MAX_BYTES)
            return (struct ry_str){0};
        int byte = ry_percent_byte(s, i);
        text[n++] = byte >= 0 ? (char)byte : s.p[i] == '+' ? ' ' : s.p[i];
        i += byte >= 0 ? 2 : 0;
    }
    return (struct ry_str){text, n};
}

static size_t find(struct ry_str s, size_t from, char c)
{
    const char *at = from < s.n ? memchr(s.p + from, c, s.n - from) : NULL;
    return at ? (size_t)(at - s.p) : s.n;
}

/* The value of the first query parameter `ex` that has one, into text; absent if there is none. */
static struct ry_str read_ex(struct ry_str url, char text[static EX_MAX_BYTES])
{
    url.n = find(url, 0, '#');
    for (size_t at = find(url, 0, '?'); at < url.n;) {
        size_t end = find(url, at + 1, '&');
        size_t equals = find((struct ry_str){url.p, end}, at + 1, '=');
        struct ry_str name = {url.p + at + 1, equals - at - 1};
        struct ry_str value = equals < end ? (struct ry_str){url.p + equals + 1, end - equals - 1} : RY_STR("");
        if (value.n > 0 && ry_str_is(decode(name, text), "ex"))
            return decode(value, text);
        at = end;
    }
    return (struct ry_str){0};
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* int(text, 16), of numbers that a time can have. */
static bool read_hex(struct ry_str s, int64_t *out)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = (struct ry_str){s.p + 1, s.n - 1};
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    bool negative = s.n > 0 && s.p[0] == '-';
    size_t i = s.n > 0 && (s.p[0] == '-' || s.p[0] == '+');
    bool prefixed = s.n >= i + 2 && s.p[i] == '0' && (s.p[i + 1] | 0x20) == 'x';
    i += prefixed ? 2 : 0;
    i += prefixed && i < s.n && s.p[i] == '_';
    int64_t value = 0;
    bool was_digit = false;
    for (; i < s.n; i++) {
        int digit = ry_hex_digit(s.p[i]);
        bool joins = s.p[i] == '_' && was_digit && i + 1 < s.n;
        if ((digit < 0 && !joins) || value > CLIP_EXPIRES_NEVER_WALL_MS)
            return false;
        was_digit = digit >= 0;
        value = was_digit ? value * 16 + digit : value;
    }
    *out = negative ? -value : value;
    return was_digit;
}

int64_t clip_url_expires_wall_ms(struct ry_str url, int64_t now_wall_ms)
{
    char text[EX_MAX_BYTES];
    int64_t expires_s = 0;
    if (ry_str_starts(url, RY_STR("file:")))
        return CLIP_EXPIRES_NEVER_WALL_MS;
    if (!read_hex(read_ex(url, text), &expires_s) || expires_s > CLIP_EXPIRES_NEVER_WALL_MS / 1000 ||
        expires_s < year_1_s)
        return now_wall_ms + DAY_MS;
    return expires_s * 1000;
}
