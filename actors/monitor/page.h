/* page.h: the frame of every HTML page, and pages with nothing but a notice. */
#ifndef REELYARD_ACTORS_MONITOR_PAGE_H
#define REELYARD_ACTORS_MONITOR_PAGE_H

#include "actors/monitor/links.h"
#include "runtime/base/buf.h"

/* Strings of which a page is put together before they go into a template's slots. */
#define PIECES_MAX      24
#define PIECE_MAX_BYTES ((size_t)16 << 20)
struct pieces {
    struct ry_buf bufs[PIECES_MAX];
    size_t n;
};

/* A new empty piece, which lives until pieces_free. */
struct ry_buf *piece(struct pieces *pieces);

/* Frees them all. */
void pieces_free(struct pieces *pieces);

#define PIECES_AUTO __attribute__((cleanup(pieces_free))) struct pieces

enum page_place { PAGE_CLIPS, PAGE_FAILURES, PAGE_OTHER };

struct page {
    struct ry_str title; /* of the window; " · Reelyard" is added */
    enum page_place place;
    const struct links *links; /* what the search box keeps; NULL: nothing */
    uint64_t failures;         /* clips that have failed, for the menu; 0: none, or not known */
};

/* Appends the page around `body`, which is HTML. */
void page_write(const struct page *page, struct ry_str body, struct ry_buf *out);

/* Appends a page with one notice. Both texts are escaped. */
void page_notice(const char *title, const char *text, struct ry_buf *out);

#endif
