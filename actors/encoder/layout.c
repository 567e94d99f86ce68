/* layout.c: just enough of ISO BMFF and EBML to find an index. All numbers come from strangers: every sum is checked
 * against the range of a file offset, every walk is bounded. */
#include "actors/encoder/layout.h"

#include "actors/encoder/box.h"

/* Boxes or elements looked at before giving up. */
#define STEPS_MAX 4096

/* ---- MP4 ------------------------------------------------------------------------------------------------------ */

/* The head of a box or element that is not at hand: the tail of the file when that is short (the index is nearly always
 * what stands there), else as much as a first look costs. */
static void want_header_at(struct windows *windows, uint64_t offset)
{
    uint64_t const first_look = (uint64_t)64 << 10, tail_max = (uint64_t)1 << 20;
    uint64_t end = windows_end(windows);
    uint64_t length = end > offset && end - offset <= tail_max ? end - offset : first_look;
    windows_want(windows, offset, length);
}

bool layout_mp4_index(struct windows *windows, struct layout_mp4 *layout)
{
    uint64_t offset = 0, end = windows_end(windows), at = 0;
    *layout = (struct layout_mp4){.has_index = false};
    for (int i = 0; i < STEPS_MAX && (end == 0 || offset < end); i++) {
        struct box box, part;
        enum box_read read = box_read(windows, offset, &box);
        if (read == BOX_MISSING && (end == 0 || end - offset >= 8))
            want_header_at(windows, offset);
        if (read == BOX_MISSING)
            return windows->need_count == 0;
        if (read == BOX_INVALID || box.end == box.offset)
            return true;
        if (box_is(&box, "moov")) {
            layout->has_index = true;
            layout->index_offset = offset;
            if (!windows_want(windows, offset, box.end - offset))
                return false;
            layout->fragmented = box_find(windows, &box, "mvex", &at, &part);
            return true;
        }
        offset = box.end;
    }
    return true;
}

/* ---- Matroska ------------------------------------------------------------------------------------------------- */

enum {
    ID_EBML = 0x1A45DFA3,
    ID_SEGMENT = 0x18538067,
    ID_SEEK_HEAD = 0x114D9B74,
    ID_SEEK = 0x4DBB,
    ID_SEEK_ID = 0x53AB,
    ID_SEEK_POSITION = 0x53AC,
    ID_CUES = 0x1C53BB6B,
    ID_CLUSTER = 0x1F43B675
};

static uint64_t big_endian(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | p[i];
    return value;
}

struct element {
    uint32_t id;
    uint64_t data, size; /* size UINT64_MAX: not known */
};

/* A variable-length number of at most `longest` bytes; keep_marker for ids. Returns its length, 0 if it is none or not
 * at hand. */
static size_t read_number(const struct windows *windows, uint64_t offset, size_t longest, bool keep_marker,
                          uint64_t *value)
{
    uint8_t bytes[8];
    if (!windows_copy(windows, offset, bytes, 1) || bytes[0] == 0)
        return 0;
    size_t length = (size_t)__builtin_clz(bytes[0]) - 24 + 1;
    if (length > longest || !windows_copy(windows, offset, bytes, length))
        return 0;
    uint64_t ones = UINT64_MAX >> (64 - 7 * length);
    *value = big_endian(bytes, length);
    if (!keep_marker)
        *value = (*value & ones) == ones ? UINT64_MAX : (*value & ones);
    return length;
}

static bool read_element(const struct windows *windows, uint64_t offset, struct element *element)
{
    uint64_t id, size;
    size_t id_length = read_number(windows, offset, 4, true, &id);
    size_t size_length = id_length ? read_number(windows, offset + id_length, 8, false, &size) : 0;
    if (!size_length)
        return false;
    element->id = (uint32_t)id;
    element->data = offset + id_length + size_length;
    element->size = size;
    return size == UINT64_MAX || size <= INT64_MAX - element->data;
}

static bool read_unsigned(const struct windows *windows, const struct element *element, uint64_t *value)
{
    uint8_t bytes[8];
    if (element->size == 0 || element->size > 8 || !windows_copy(windows, element->data, bytes, element->size))
        return false;
    *value = big_endian(bytes, element->size);
    return true;
}

/* The position that a Seek entry gives for the cues, from the segment's data on. */
static bool seek_entry_is_cues(const struct windows *windows, const struct element *seek, uint64_t *position)
{
    uint64_t id = 0, value;
    bool has_position = false;
    struct element part;
    for (uint64_t at = seek->data; at < seek->data + seek->size && read_element(windows, at, &part);
         at = part.data + part.size) {
        if (part.size > seek->size || !read_unsigned(windows, &part, &value))
            return false;
        if (part.id == ID_SEEK_ID)
            id = value;
        else if (part.id == ID_SEEK_POSITION) {
            *position = value;
            has_position = true;
        }
    }
    return has_position && id == ID_CUES;
}

static bool seek_head_has_cues(const struct windows *windows, const struct element *head, uint64_t *position)
{
    struct element entry;
    uint64_t at = head->data;
    for (int i = 0; i < STEPS_MAX && at < head->data + head->size && read_element(windows, at, &entry); i++) {
        if (entry.size > head->size)
            return false;
        if (entry.id == ID_SEEK && seek_entry_is_cues(windows, &entry, position))
            return true;
        at = entry.data + entry.size;
    }
    return false;
}

/* The place of the cues in the file, by the seek head or by meeting them before the first cluster. */
static bool find_cues(const struct windows *windows, uint64_t *offset)
{
    struct element element;
    uint64_t at = 0, segment = 0, position = 0;
    for (int i = 0; i < STEPS_MAX && read_element(windows, at, &element); i++) {
        if (element.id == ID_CLUSTER)
            return false;
        if (element.id == ID_CUES) {
            *offset = at;
            return true;
        }
        if (element.id == ID_SEGMENT) {
            at = segment = element.data;
            continue;
        }
        if (element.size == UINT64_MAX)
            return false;
        if (element.id == ID_SEEK_HEAD && seek_head_has_cues(windows, &element, &position) &&
            position < (uint64_t)INT64_MAX - segment) {
            *offset = segment + position;
            return true;
        }
        at = element.data + element.size;
    }
    return false;
}

enum layout_cues layout_matroska_cues(struct windows *windows)
{
    uint64_t offset, end = windows_end(windows);
    struct element cues;
    if (!find_cues(windows, &offset) || (end > 0 && offset >= end))
        return LAYOUT_NO_CUES;
    if (!read_element(windows, offset, &cues)) {
        want_header_at(windows, offset);
        return windows->need_count > 0 ? LAYOUT_CUES_MISSING : LAYOUT_NO_CUES;
    }
    if (cues.id != ID_CUES || cues.size == UINT64_MAX)
        return LAYOUT_NO_CUES;
    return windows_want(windows, offset, cues.data - offset + cues.size) ? LAYOUT_CUES : LAYOUT_CUES_MISSING;
}
