/* gallery.c: the grid of clips as HTML, from the templates clips.html, card.html and their parts.
 *
 * Owns nothing; writes into the caller's buffer. Promises that no text from a message, a file name or the query reaches
 * the page unescaped (template.h), and that the page needs no script. A missing answer becomes a notice on the page. */
#include "actors/monitor/gallery.h"

#include <inttypes.h>

#include "actors/monitor/clip_words.h"
#include "actors/monitor/filters.h"
#include "actors/monitor/html.h"
#include "actors/monitor/page.h"
#include "actors/monitor/query.h"
#include "actors/monitor/template.h"
#include "runtime/base/assert.h"
#include "runtime/base/shell.h"

/* A path at its longest, each byte of it quoted. */
#define COMMAND_MAX_BYTES ((size_t)32 * 1024)
/* Of the message's text, on a card. */
#define SAID_BYTES 300
/* A thumbnail that reaches neither is of a video as small as that, and is not enlarged to fill its card. Pixels. */
#define TINY_WIDTH  300
#define TINY_HEIGHT 168

static const struct ry_str absent = {NULL, 0};

/* ---- one clip ---------------------------------------------------------------------------------------------------- */

/* The beginning of the text, cut between characters. */
static struct ry_str beginning(struct ry_str text)
{
    size_t n = text.n;
    if (n > SAID_BYTES)
        for (n = SAID_BYTES; n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80;)
            n--;
    return (struct ry_str){text.p, n};
}

/* "/large 1.50x": how many times as large as the small image the large one is, if the video has the pixels for it. */
static void add_srcset(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    uint64_t width = 0;
    uint64_t height = 0;
    if (!clip_has_small(clip) || !clip_has_large(clip) || !clip_size(clip, &width, &height))
        return;
    uint64_t longer = width > height ? width : height;
    uint64_t shown = clip->small_width > clip->small_height ? clip->small_width : clip->small_height;
    double times = (double)longer / (double)shown;
    if (times > 2)
        times = 2;
    if (times >= 1.2)
        (void)ry_buf_addf(out, "/%.*s %.2fx", RY_STR_ARG(clip->large_path), times);
}

/* Where a card's links go. */
static void add_card_links(const struct ry_gallery_clip *clip, const struct links *links, struct ry_buf *clip_href,
                           struct ry_buf *channel_href, struct ry_buf *guild_href)
{
    static const struct links none = {0};
    struct links channel = link_with(&none, LINK_CHANNEL, clip->channel_id);
    struct links guild = link_with(&none, LINK_GUILD, clip->guild_id);
    clip_link(clip->clip_id, links, clip_href); /* with the place in the list, for the clips around it */
    link_add("/", &channel, channel_href);
    link_add("/", &guild, guild_href);
}

static void add_card(const struct links *links, const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *href = piece(&pieces);
    struct ry_buf *channel_href = piece(&pieces);
    struct ry_buf *guild_href = piece(&pieces);
    struct ry_buf *srcset = piece(&pieces);
    struct ry_buf *sizes = piece(&pieces);
    struct ry_buf *height = piece(&pieces);
    struct ry_buf *columns = piece(&pieces);
    struct ry_buf *rows = piece(&pieces);
    struct ry_buf *count = piece(&pieces);
    struct ry_buf *length = piece(&pieces);
    struct ry_buf *time = piece(&pieces);
    struct ry_buf *size = piece(&pieces);
    struct ry_str reason = absent;
    const char *failure = clip_failure(clip, &reason);
    bool shown = clip_has_small(clip);
    add_card_links(clip, links, href, channel_href, guild_href);
    add_srcset(clip, srcset);
    (void)ry_buf_addf(sizes, "%" PRIu64, clip->small_width);
    (void)ry_buf_addf(height, "%" PRIu64, clip->small_height);
    (void)ry_buf_addf(columns, "%" PRIu64, clip->sheet_columns);
    (void)ry_buf_addf(rows, "%" PRIu64, clip->sheet_rows);
    (void)ry_buf_addf(count, "%" PRIu64, clip->sheet_count);
    if (clip->duration_s > 0)
        html_duration(length, clip->duration_s);
    html_time(time, clip->posted_wall_ms);
    if (clip->file_size > 0)
        html_size(size, clip->file_size);
    const struct slot slots[] = {
        SLOT_TEXT("id", clip->clip_id),
        SLOT_TEXT("href", ry_buf_str(href)),
        SLOT_IF("tiny", clip->small_width < TINY_WIDTH && clip->small_height < TINY_HEIGHT),
        SLOT_TEXT("hash", clip->thumbhash),
        SLOT_TEXT("sheet", query_is_sheet(clip->sheet_path) ? clip->sheet_path : absent),
        SLOT_TEXT("sheet_columns", ry_buf_str(columns)),
        SLOT_TEXT("sheet_rows", ry_buf_str(rows)),
        SLOT_TEXT("sheet_count", ry_buf_str(count)),
        SLOT_TEXT("small", shown ? clip->small_path : absent),
        SLOT_TEXT("srcset", ry_buf_str(srcset)),
        SLOT_TEXT("width", ry_buf_str(sizes)),
        SLOT_TEXT("height", ry_buf_str(height)),
        SLOT_TEXT("waiting", ry_str_of(clip_waiting(clip))),
        SLOT_TEXT("length", ry_buf_str(length)),
        SLOT_TEXT("title", clip_title(clip)),
        SLOT_TEXT("said", beginning(clip->content)),
        SLOT_TEXT("author", clip_author(clip)),
        SLOT_TEXT("channel", clip_channel(clip)),
        SLOT_TEXT("channel_href", ry_buf_str(channel_href)),
        SLOT_TEXT("guild", clip_guild(clip)),
        SLOT_TEXT("guild_href", ry_buf_str(guild_href)),
        SLOT_HTML("time", ry_buf_str(time)),
        SLOT_TEXT("resolution", clip->resolution),
        SLOT_TEXT("size", ry_buf_str(size)),
        SLOT_TEXT("failure", failure ? reason : absent),
        SLOT_TEXT("failure_kind", ry_str_of(failure)),
    };
    TEMPLATE_FILL("card", slots, out);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

/* The whole archive. */
static void add_figures(const struct ry_archive_state *archive, struct ry_buf *out)
{
    uint64_t waiting = archive->clips_pending + archive->clips_processing;
    html_plural(out, waiting + archive->clips_completed + archive->clips_failed, "clip", "clips");
    if (waiting > 0) {
        (void)ry_buf_add_str(out, RY_STR(" · "));
        html_count(out, waiting);
        (void)ry_buf_add_str(out, RY_STR(" waiting"));
    }
    if (archive->clips_failed > 0) {
        (void)ry_buf_add_str(out, RY_STR(" · "));
        html_count(out, archive->clips_failed);
        (void)ry_buf_add_str(out, RY_STR(" failed"));
    }
    (void)ry_buf_add_str(out, RY_STR(" · "));
    html_size(out, archive->bytes_videos);
    (void)ry_buf_add_str(out, RY_STR(" of video"));
}

/* What was found, or what there is. */
static void add_summary(const struct links *links, const struct answers *answers, struct ry_buf *out)
{
    const struct ry_gallery_page *page = answers->gallery;
    bool narrowed = link_narrows(links);
    if (narrowed && (page->total > 0 || page->clips.n == 0)) {
        if (page->total_more)
            (void)ry_buf_add_str(out, RY_STR("More than "));
        html_plural(out, page->total, "clip matches", "clips match");
    } else if (!narrowed && answers->archive && answers->archive->error.n == 0) {
        add_figures(answers->archive, out);
    }
    if (page->indexed_permille > 0 && page->indexed_permille < 1000 && links->values[LINK_QUERY].n > 0)
        (void)ry_buf_addf(out, " · the search index is being built (%u %%), so clips may be missing",
                          (unsigned)(page->indexed_permille / 10));
}

static void add_command(const char *verb, const char *words, const struct gallery_advice *advice, struct ry_buf *out)
{
    (void)ry_buf_addf(out, "reelyard %s --data ", verb);
    ry_shell_word(out, ry_str_of(advice->data));
    (void)ry_buf_addf(out, " %s", words);
}

/* What stands in the place of clips. */
static void add_nothing(const struct links *links, const struct ry_gallery_page *page,
                        const struct gallery_advice *advice, struct ry_buf *out)
{
    RY_BUF_AUTO command = ry_buf_make(COMMAND_MAX_BYTES);
    struct ry_str text = absent;
    const char *title = "No clips yet";
    bool narrowed = link_narrows(links);
    bool empty = !narrowed && !link_has_place(links);
    if (page->refused.n > 0) {
        title = "This search is not understood";
        text = page->refused;
    } else if (link_has_place(links)) {
        title = "No further clips";
        text = RY_STR("This is the end of the list.");
    } else if (narrowed) {
        title = "No clips match";
        text = links->values[LINK_QUERY].n > 0 ? RY_STR("Words match from their beginning; fewer words match more.")
                                               : absent;
    } else if (advice->servers) {
        text = RY_STR("They appear here as the bot's jobs are processed. To scan a channel now:");
        add_command("scan", "--guild GUILD --channel CHANNEL", advice, &command);
    } else {
        text =
            RY_STR("Import an export of a channel made with DiscordChatExporter (JSON format), while this node keeps "
                   "running:");
        add_command("import", "EXPORT.json", advice, &command);
    }
    const char *then = "Its videos then appear here, newest first. Reload the page to see them.";
    const struct slot slots[] = {SLOT_TEXT("title", ry_str_of(title)), SLOT_TEXT("text", text),
                                 SLOT_TEXT("command", ry_buf_str(&command)),
                                 SLOT_TEXT("then", empty ? ry_str_of(then) : absent), SLOT_IF("home", !empty)};
    TEMPLATE_FILL("empty", slots, out);
}

/* Where the pages before and behind this one are; empty where there is none. */
static void add_pages(const struct links *links, const struct ry_gallery_page *page, struct ry_buf *first,
                      struct ry_buf *previous, struct ry_buf *next)
{
    if (link_has_place(links)) {
        struct links start = link_at(links, absent, false);
        link_add("/", &start, first);
    }
    if (page->previous.n > 0) {
        struct links before = link_at(links, page->previous, true);
        link_add("/", &before, previous);
    }
    if (page->next.n > 0) {
        struct links behind = link_at(links, page->next, false);
        link_add("/", &behind, next);
    } else if (page->more) {
        RY_BUF_AUTO cursor = ry_buf_make(128);
        struct links behind = link_at(links, absent, false);
        query_cursor(page, &cursor);
        behind.values[LINK_BEFORE] = ry_buf_str(&cursor);
        if (cursor.n > 0)
            link_add("/", &behind, next);
    }
}

uint64_t gallery_failures(const struct answers *answers)
{
    return answers->archive && answers->archive->error.n == 0 ? answers->archive->clips_failed : 0;
}

void gallery_render(const struct links *links, const struct answers *answers, const struct gallery_advice *advice,
                    struct ry_buf *out)
{
    const struct ry_gallery_page *page = answers->gallery;
    RY_ASSERT(page != NULL && page->error.n == 0, "a page without its clips");
    PIECES_AUTO pieces = {0};
    struct ry_buf *summary = piece(&pieces);
    struct ry_buf *filters = piece(&pieces);
    struct ry_buf *chips = piece(&pieces);
    struct ry_buf *cards = piece(&pieces);
    struct ry_buf *nothing = piece(&pieces);
    struct ry_buf *first = piece(&pieces);
    struct ry_buf *previous = piece(&pieces);
    struct ry_buf *next = piece(&pieces);
    struct ry_buf *body = piece(&pieces);
    add_summary(links, answers, summary);
    filters_add(links, answers->facets, filters);
    filters_add_chips(links, answers->facets, page, chips);
    for (size_t i = 0; i < page->clips.n; i++)
        add_card(links, &page->clips.items[i], cards);
    add_nothing(links, page, advice, nothing);
    add_pages(links, page, first, previous, next);
    const struct slot slots[] = {
        SLOT_IF("filtered", link_narrows(links)),  SLOT_HTML("filters", ry_buf_str(filters)),
        SLOT_TEXT("heading", RY_STR("Clips")),     SLOT_TEXT("summary", ry_buf_str(summary)),
        SLOT_HTML("chips", ry_buf_str(chips)),     SLOT_HTML("cards", ry_buf_str(cards)),
        SLOT_HTML("nothing", ry_buf_str(nothing)), SLOT_IF("paged", first->n + previous->n + next->n > 0),
        SLOT_TEXT("first", ry_buf_str(first)),     SLOT_TEXT("previous", ry_buf_str(previous)),
        SLOT_TEXT("next", ry_buf_str(next)),
    };
    TEMPLATE_FILL("clips", slots, body);
    const struct page frame = {
        .title = RY_STR("Clips"), .place = PAGE_CLIPS, .links = links, .failures = gallery_failures(answers)};
    page_write(&frame, ry_buf_str(body), out);
}
