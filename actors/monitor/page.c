/* page.c: the frame of a page, from the templates page.html and notice.html. Owns nothing. */
#include "actors/monitor/page.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/monitor/html.h"
#include "actors/monitor/template.h"
#include "actors/monitor/web.h"
#include "runtime/base/assert.h"

struct ry_buf *piece(struct pieces *pieces)
{
    RY_ASSERT(pieces->n < PIECES_MAX, "%zu pieces", pieces->n);
    struct ry_buf *buf = &pieces->bufs[pieces->n++];
    *buf = ry_buf_make(PIECE_MAX_BYTES);
    return buf;
}

void pieces_free(struct pieces *pieces)
{
    while (pieces->n > 0)
        ry_buf_free(&pieces->bufs[--pieces->n]);
}

void page_write(const struct page *page, struct ry_str body, struct ry_buf *out)
{
    static const struct links none = {0};
    const struct links *links = page->links ? page->links : &none;
    PIECES_AUTO pieces = {0};
    struct ry_buf *title = piece(&pieces);
    struct ry_buf *assets = piece(&pieces);
    struct ry_buf *keep = piece(&pieces);
    struct ry_buf *failures = piece(&pieces);
    (void)ry_buf_addf(title, "%.*s · Reelyard", RY_STR_ARG(page->title));
    (void)ry_buf_addf(assets, WEB_ASSETS "%s", web_digest);
    link_hidden(links, 1u << LINK_QUERY, keep);
    if (page->failures > 0)
        html_count(failures, page->failures);
    const struct slot slots[] = {
        SLOT_TEXT("title", ry_buf_str(title)),          SLOT_TEXT("assets", ry_buf_str(assets)),
        SLOT_TEXT("query", links->values[LINK_QUERY]),  SLOT_HTML("keep", ry_buf_str(keep)),
        SLOT_IF("on_clips", page->place == PAGE_CLIPS), SLOT_IF("on_failures", page->place == PAGE_FAILURES),
        SLOT_TEXT("failures", ry_buf_str(failures)),    SLOT_HTML("body", body),
    };
    TEMPLATE_FILL("page", slots, out);
}

void page_notice(const char *title, const char *text, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *body = piece(&pieces);
    const struct slot slots[] = {SLOT_TEXT("title", ry_str_of(title)), SLOT_TEXT("text", ry_str_of(text)),
                                 SLOT_IF("home", true)};
    TEMPLATE_FILL("notice", slots, body);
    page_write(&(struct page){.title = ry_str_of(title), .place = PAGE_OTHER}, ry_buf_str(body), out);
}
