/* failures.c: what failed and why, as HTML, from the templates failures.html, failure_group.html and failure.html.
 *
 * Owns nothing; writes into the caller's buffer. Clips of one reason come one after the other (failed_get). Where a
 * file lies is told only to those who may know it. */
#include "actors/monitor/failures.h"

#include <inttypes.h>

#include "actors/monitor/html.h"
#include "actors/monitor/page.h"
#include "actors/monitor/query.h"
#include "actors/monitor/retry_form.h"
#include "actors/monitor/template.h"
#include "runtime/base/assert.h"

static const struct ry_str absent = {NULL, 0};

/* The page of one reason. */
static void add_group_link(struct ry_str kind, struct ry_str after, struct ry_buf *out)
{
    (void)ry_buf_add_str(out, RY_STR("/failures?reason="));
    html_component(out, kind);
    if (after.n > 0) {
        (void)ry_buf_add_str(out, RY_STR("&after="));
        html_component(out, after);
    }
}

static void add_clip(const struct ry_failed_clip *clip, const struct gallery_advice *advice, struct ry_str token,
                     struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *path = piece(&pieces);
    struct ry_buf *tries = piece(&pieces);
    struct ry_buf *label = piece(&pieces);
    struct ry_buf *retry = piece(&pieces);
    bool file = html_file_path(path, clip->url);
    bool link = !file && query_is_web_url(clip->url);
    if (clip->retries > 0)
        html_plural(tries, clip->retries, "retry", "retries");
    (void)ry_buf_addf(label, "Retry %.*s", RY_STR_ARG(clip->filename));
    retry_form_add(&(struct retry_form){.clip_id = clip->clip_id,
                                        .token = token,
                                        .back = RY_STR("/failures"),
                                        .text = "Retry",
                                        .label = ry_buf_str(label)},
                   retry);
    const struct slot slots[] = {
        SLOT_TEXT("id", clip->clip_id),
        SLOT_TEXT("filename", clip->filename),
        SLOT_TEXT("link", link ? clip->url : absent),
        SLOT_TEXT("path", file && advice->private ? ry_buf_str(path) : absent),
        SLOT_TEXT("tries", ry_buf_str(tries)),
        SLOT_HTML("retry", ry_buf_str(retry)),
    };
    TEMPLATE_FILL("failure", slots, out);
}

static void add_group(const struct ry_failed_clip *clips, size_t n, const struct gallery_advice *advice,
                      struct ry_str token, bool alone, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *count = piece(&pieces);
    struct ry_buf *more = piece(&pieces);
    struct ry_buf *label = piece(&pieces);
    struct ry_buf *retry = piece(&pieces);
    struct ry_buf *items = piece(&pieces);
    struct ry_str kind = clips[0].kind;
    if (clips[0].alike > 0)
        html_count(count, clips[0].alike);
    if (!alone && clips[0].alike > n)
        add_group_link(kind, absent, more);
    (void)ry_buf_addf(label, "Retry this group: %.*s", RY_STR_ARG(kind));
    retry_form_add(&(struct retry_form){.reason = kind,
                                        .token = token,
                                        .back = RY_STR("/failures"),
                                        .text = "Retry this group",
                                        .label = ry_buf_str(label)},
                   retry);
    for (size_t i = 0; i < n; i++)
        add_clip(&clips[i], advice, token, items);
    const char *text = clips[0].class == RY_FAILURE_PERMANENT
                           ? "Not tried again by itself: the file would have to change, or the encoder."
                           : "Tried again by itself, after a wait that grows.";
    const struct slot slots[] = {
        SLOT_TEXT("reason", kind),
        SLOT_TEXT("count", ry_buf_str(count)),
        SLOT_TEXT("advice", ry_str_of(text)),
        SLOT_HTML("retry", ry_buf_str(retry)),
        SLOT_TEXT("more", ry_buf_str(more)),
        SLOT_HTML("items", ry_buf_str(items)),
    };
    TEMPLATE_FILL("failure_group", slots, out);
}

static void add_groups(const struct ry_failed_get *get, const struct ry_failed_page *page,
                       const struct gallery_advice *advice, struct ry_str token, struct ry_buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < page->clips.n; i += n) {
        for (n = 1; i + n < page->clips.n && ry_str_eq(page->clips.items[i + n].kind, page->clips.items[i].kind);)
            n++;
        add_group(&page->clips.items[i], n, advice, token, get->kind.n > 0, out);
    }
}

static void add_summary(const struct answers *answers, struct ry_buf *out)
{
    uint64_t failed = gallery_failures(answers);
    if (failed == 0)
        return;
    html_plural(out, failed, "clip has", "clips have");
    (void)ry_buf_add_str(out, RY_STR(" failed"));
    if (answers->archive->clips_permanent > 0) {
        (void)ry_buf_add_str(out, RY_STR(", "));
        html_count(out, answers->archive->clips_permanent);
        (void)ry_buf_add_str(out, RY_STR(" of them for good"));
    }
}

void failures_render(const struct ry_failed_get *get, const struct answers *answers,
                     const struct gallery_advice *advice, struct ry_str token, struct ry_buf *out)
{
    const struct ry_failed_page *page = answers->failed;
    RY_ASSERT(page != NULL && page->error.n == 0, "a page without its failures");
    PIECES_AUTO pieces = {0};
    struct ry_buf *summary = piece(&pieces);
    struct ry_buf *retry_all = piece(&pieces);
    struct ry_buf *groups = piece(&pieces);
    struct ry_buf *next = piece(&pieces);
    struct ry_buf *body = piece(&pieces);
    add_summary(answers, summary);
    retry_form_add(&(struct retry_form){.token = token, .back = RY_STR("/failures"), .text = "Retry all failed clips"},
                   retry_all);
    add_groups(get, page, advice, token, groups);
    if (get->kind.n > 0 && page->more && page->clips.n > 0)
        add_group_link(get->kind, page->clips.items[page->clips.n - 1].clip_id, next);
    const struct slot slots[] = {
        SLOT_HTML("groups", ry_buf_str(groups)),
        SLOT_TEXT("summary", ry_buf_str(summary)),
        SLOT_HTML("retry_all", ry_buf_str(retry_all)),
        SLOT_TEXT("next", ry_buf_str(next)),
    };
    TEMPLATE_FILL("failures", slots, body);
    const struct page frame = {
        .title = RY_STR("Failures"), .place = PAGE_FAILURES, .failures = gallery_failures(answers)};
    page_write(&frame, ry_buf_str(body), out);
}
