/* range.c: see range.h. */
#include "actors/monitor/range.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* More ranges than these are an attack, or a program that wants all. */
#define RANGES_MAX 16
/* About what the head of a part of multipart/byteranges would cost. */
#define GAP_BYTES 80

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

/* ---- ranges ------------------------------------------------------------------------------------------------------ */

/* A number of any length, at most UINT64_MAX; NULL: there is none. */
static const char *read_number(const char *at, uint64_t *value)
{
    const char *begin = at;
    *value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        *value = *value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *value * 10 + digit;
    }
    return at == begin ? NULL : at;
}

/* Reads one range; NULL: it is none. bytes 0: it is outside of the file. */
static const char *read_one(const char *at, uint64_t total, struct range *range)
{
    uint64_t first = 0;
    uint64_t last = UINT64_MAX;
    if (*at == '-') {
        at = read_number(at + 1, &first);
        *range = first < total ? (struct range){total - first, first} : (struct range){0, total};
        return at;
    }
    at = read_number(at, &first);
    if (at == NULL || *at != '-')
        return NULL;
    at++;
    if (*at >= '0' && *at <= '9')
        at = read_number(at, &last);
    if (last < first)
        return NULL;
    last = last < total ? last : total - 1;
    *range = first < total ? (struct range){first, last - first + 1} : (struct range){0, 0};
    return at;
}

static int compare_first(const void *a, const void *b)
{
    const struct range *left = a;
    const struct range *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Ranges by rising beginning, as one; false: they are too far apart. */
static bool join(struct range *ranges, unsigned n, struct range *whole)
{
    qsort(ranges, n, sizeof *ranges, compare_first);
    *whole = ranges[0];
    for (unsigned i = 1; i < n; i++) {
        uint64_t end = whole->first + whole->bytes;
        uint64_t own_end = ranges[i].first + ranges[i].bytes;
        if (ranges[i].first > end && ranges[i].first - end > GAP_BYTES)
            return false;
        whole->bytes = (own_end > end ? own_end : end) - whole->first;
    }
    return true;
}

enum range_outcome range_read(const char *header, uint64_t total, struct range *range)
{
    static const char unit[] = "bytes=";
    struct range ranges[RANGES_MAX];
    unsigned found = 0;
    unsigned inside = 0;
    if (header == NULL || strncasecmp(header, unit, sizeof unit - 1) != 0)
        return RANGE_WHOLE;
    for (const char *at = header + sizeof unit - 1; at != NULL; at++) {
        at = skip_blanks(at);
        if (*at != ',' && *at != '\0') {
            if (++found > RANGES_MAX)
                return RANGE_WHOLE;
            at = read_one(at, total, &ranges[inside]);
            if (at == NULL)
                return RANGE_WHOLE;
            inside += ranges[inside].bytes > 0;
            at = skip_blanks(at);
        }
        if (*at == '\0')
            break;
        if (*at != ',')
            return RANGE_WHOLE;
    }
    if (found == 0)
        return RANGE_WHOLE;
    if (inside == 0)
        return RANGE_NONE;
    return join(ranges, inside, range) ? RANGE_PART : RANGE_WHOLE;
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */

/* Whether a list has the tag; weak: tags of the list that are weak count too. */
static bool has_tag(const char *list, const char *tag, bool weak)
{
    size_t n = strlen(tag);
    if (strcmp(skip_blanks(list), "*") == 0)
        return true;
    for (const char *at = list; *at != '\0';) {
        at += strspn(at, " \t,");
        bool is_weak = strncmp(at, "W/", 2) == 0;
        at += is_weak ? 2 : 0;
        if (*at != '"')
            return false;
        const char *end = strchr(at + 1, '"');
        if (end == NULL)
            return false;
        if ((weak || !is_weak) && (size_t)(end + 1 - at) == n && memcmp(at, tag, n) == 0)
            return true;
        at = end + 1;
    }
    return false;
}

bool range_tag_weak(const char *list, const char *tag)
{
    return has_tag(list, tag, true);
}

bool range_tag_strong(const char *list, const char *tag)
{
    return has_tag(list, tag, false);
}

unsigned range_decide(const struct range_request *request, const char *tag, uint64_t total, struct range *range)
{
    *range = (struct range){0, total};
    if (request->if_match != NULL && !range_tag_strong(request->if_match, tag))
        return 412;
    if (request->if_none_match != NULL && range_tag_weak(request->if_none_match, tag))
        return 304;
    bool same = request->if_range == NULL ||
                (*skip_blanks(request->if_range) != '*' && range_tag_strong(request->if_range, tag));
    if (request->head || !same)
        return 200;
    switch (range_read(request->range, total, range)) {
    case RANGE_PART: return 206;
    case RANGE_NONE: return 416;
    case RANGE_WHOLE: break;
    }
    *range = (struct range){0, total};
    return 200;
}
