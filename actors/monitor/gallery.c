/* gallery.c: the gallery as HTML.
 *
 * Owns nothing; writes into the caller's buffer. Promises that no text from a message, a file name or the query reaches
 * the page unescaped (html.h), and that the page needs no script. A missing answer becomes a notice on the page. */
#include "actors/monitor/gallery.h"

#include <inttypes.h>

#include "actors/monitor/html.h"
#include "actors/monitor/query.h"
#include "runtime/base/assert.h"
#include "runtime/base/shell.h"

#define ADD(out, literal) (void)ry_buf_add_str((out), RY_STR(literal))

/* A path at its longest, each byte of it quoted. */
#define COMMAND_MAX_BYTES ((size_t)32 * 1024)
/* Of the message's text, on a card. */
#define SAID_BYTES 300

static void page_begin(const char *title, struct ry_buf *out)
{
    ADD(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    html_text(out, ry_str_of(title));
    ADD(out,
        "</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n<body>\n"
        "<a class=\"skip\" href=\"#clips\">Skip to the clips</a>\n<header>\n<h1><a href=\"/\">Reelyard</a></h1>\n");
}

static void page_end(struct ry_buf *out)
{
    ADD(out, "</main>\n<footer><a href=\"/api/status\">Status</a> · <a href=\"/api/clips\">Clips as JSON</a> · "
             "<a href=\"/metrics\">Metrics</a></footer>\n</body>\n</html>\n");
}

/* ---- links that keep the filter ---------------------------------------------------------------------------------- */

struct filter {
    struct ry_str guild;
    struct ry_str channel;
    struct ry_str status;
    struct ry_str before;
};

static void add_argument(struct ry_buf *out, const char *name, struct ry_str value, const char **separator)
{
    if (value.n == 0)
        return;
    (void)ry_buf_addf(out, "%s%s=", *separator, name);
    html_component(out, value);
    *separator = "&amp;";
}

/* A URL of this page, ready to stand in an attribute. */
static void add_link(struct ry_buf *out, const struct filter *filter)
{
    const char *separator = "/?";
    add_argument(out, "guild", filter->guild, &separator);
    add_argument(out, "channel", filter->channel, &separator);
    add_argument(out, "status", filter->status, &separator);
    add_argument(out, "before", filter->before, &separator);
    if (separator[0] == '/')
        ADD(out, "/");
}

static struct filter filter_of(const struct ry_gallery_get *get)
{
    return (struct filter){.guild = get->guild_id, .channel = get->channel_id, .status = get->status};
}

static struct ry_str name_or_id(struct ry_str name, struct ry_str id)
{
    return name.n > 0 ? name : id;
}

/* A filter in force, with a link that lifts it. */
static void add_chip(struct ry_buf *out, const char *kind, struct ry_str name, const struct filter *without)
{
    ADD(out, "<li><a href=\"");
    add_link(out, without);
    (void)ry_buf_addf(out, "\">%s ", kind);
    html_text(out, name);
    (void)ry_buf_addf(
        out, " <span aria-hidden=\"true\">✕</span><span class=\"skip\"> (remove this filter)</span></a></li>\n");
}

static void add_filters(const struct ry_gallery_get *get, const struct ry_gallery_page *page, struct ry_buf *out)
{
    static const struct {
        const char *status;
        const char *label;
    } kinds[] = {{NULL, "All"},
                 {"completed", "With thumbnail"},
                 {"pending", "Waiting"},
                 {"processing", "In progress"},
                 {"failed", "Failed"}};
    ADD(out, "<nav aria-label=\"Filter\">\n<ul>\n");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct filter filter = filter_of(get);
        filter.status = ry_str_of(kinds[i].status);
        ADD(out, "<li><a href=\"");
        add_link(out, &filter);
        (void)ry_buf_addf(out, "\"%s>%s</a></li>\n",
                          ry_str_eq(get->status, filter.status) ? " aria-current=\"page\"" : "", kinds[i].label);
    }
    /* The names stand on the clips; a page without any shows the id. */
    const struct ry_gallery_clip *first = page->clips.n ? &page->clips.items[0] : NULL;
    if (get->guild_id.p) {
        struct filter without = filter_of(get);
        without.guild = (struct ry_str){NULL, 0};
        add_chip(out, "Server", name_or_id(first ? first->guild_name : get->guild_id, get->guild_id), &without);
    }
    if (get->channel_id.p) {
        struct filter without = filter_of(get);
        without.channel = (struct ry_str){NULL, 0};
        add_chip(out, "Channel", name_or_id(first ? first->channel_name : get->channel_id, get->channel_id), &without);
    }
    ADD(out, "</ul>\n</nav>\n");
}

/* ---- one clip ---------------------------------------------------------------------------------------------------- */

static void add_frame(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    bool shown = query_is_thumbnail(clip->small_path) && clip->small_width > 0 && clip->small_height > 0;
    bool larger = shown && query_is_thumbnail(clip->large_path);
    ADD(out, "<div class=\"frame\">");
    if (larger)
        (void)ry_buf_addf(out, "<a href=\"/%.*s\">", RY_STR_ARG(clip->large_path));
    if (shown) {
        (void)ry_buf_addf(out,
                          "<img src=\"/%.*s\" width=\"%" PRIu64 "\" height=\"%" PRIu64
                          "\" loading=\"lazy\" decoding=\"async\" alt=\"Still of ",
                          RY_STR_ARG(clip->small_path), clip->small_width, clip->small_height);
        html_text(out, clip->filename);
        ADD(out, "\">");
    } else {
        ADD(out, "<span>");
        (void)ry_buf_addf(out, "%s",
                          ry_str_is(clip->status, "failed")       ? "No thumbnail"
                          : ry_str_is(clip->status, "damaged")    ? "No thumbnail"
                          : ry_str_is(clip->status, "processing") ? "Thumbnail in progress"
                                                                  : "Thumbnail pending");
        ADD(out, "</span>");
    }
    if (larger)
        ADD(out, "</a>");
    if (clip->duration_s > 0) {
        ADD(out, "<span class=\"length\">");
        html_duration(out, clip->duration_s);
        ADD(out, "</span>");
    }
    ADD(out, "</div>\n");
}

static void add_facts(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    struct ry_str where = name_or_id(clip->channel_name, clip->channel_id);
    struct filter channel = {.channel = clip->channel_id};
    struct filter guild = {.guild = clip->guild_id};
    ADD(out, "<p>");
    html_text(out, name_or_id(clip->author_name, RY_STR("unknown author")));
    ADD(out, " in <a href=\"");
    add_link(out, &channel);
    ADD(out, "\">#");
    html_text(out, where);
    ADD(out, "</a>, <a href=\"");
    add_link(out, &guild);
    ADD(out, "\">");
    html_text(out, name_or_id(clip->guild_name, clip->guild_id));
    ADD(out, "</a></p>\n<p>");
    html_time(out, clip->posted_wall_ms);
    if (clip->resolution.n > 0) {
        ADD(out, " · ");
        html_text(out, clip->resolution);
    }
    if (clip->file_size > 0) {
        ADD(out, " · ");
        html_size(out, clip->file_size);
    }
    ADD(out, "</p>\n");
}

static bool is_discord_message(const struct ry_gallery_clip *clip)
{
    return ry_str_is_snowflake(clip->guild_id) && ry_str_is_snowflake(clip->channel_id) &&
           ry_str_is_snowflake(clip->message_id);
}

/* The last component of a file URL's path, as it stands there. */
static struct ry_str file_name(struct ry_str url)
{
    size_t start = url.n;
    while (start > 0 && url.p[start - 1] != '/')
        start--;
    return (struct ry_str){url.p + start, url.n - start};
}

static void add_links(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    ADD(out, "<p class=\"links\">");
    if (query_is_web_url(clip->url)) {
        ADD(out, "<a href=\"");
        html_text(out, clip->url);
        ADD(out, "\" rel=\"noreferrer\">Video</a>");
    } else if (ry_str_starts(clip->url, RY_STR("file://"))) {
        ADD(out, "Local file ");
        html_text(out, file_name(clip->url));
    } else {
        ADD(out, "No link to the video");
    }
    if (is_discord_message(clip))
        (void)ry_buf_addf(out,
                          " · <a href=\"https://discord.com/channels/%.*s/%.*s/%.*s\" rel=\"noreferrer\">Message</a>",
                          RY_STR_ARG(clip->guild_id), RY_STR_ARG(clip->channel_id), RY_STR_ARG(clip->message_id));
    ADD(out, "</p>\n");
}

/* The beginning of the text, cut between characters. */
static struct ry_str beginning(struct ry_str text)
{
    size_t n = text.n;
    if (n > SAID_BYTES)
        for (n = SAID_BYTES; n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80;)
            n--;
    return (struct ry_str){text.p, n};
}

static void add_clip(const struct ry_gallery_clip *clip, struct ry_buf *out)
{
    ADD(out, "<li><article class=\"clip\">\n");
    add_frame(clip, out);
    ADD(out, "<div class=\"about\">\n<h2>");
    html_text(out, name_or_id(clip->title, clip->filename));
    ADD(out, "</h2>\n");
    if (clip->title.n > 0) {
        ADD(out, "<p>");
        html_text(out, clip->filename);
        ADD(out, "</p>\n");
    }
    if (clip->content.n > 0) {
        ADD(out, "<p class=\"said\">");
        html_text(out, beginning(clip->content));
        ADD(out, "</p>\n");
    }
    add_facts(clip, out);
    if (ry_str_is(clip->status, "damaged")) {
        ADD(out, "<p class=\"failure\">Damaged: ");
        html_text(out, clip->failure);
        ADD(out, "</p>\n");
    } else if (ry_str_is(clip->status, "failed")) {
        if (clip->class == RY_FAILURE_PERMANENT)
            ADD(out, "<p class=\"failure\">Failed permanently: ");
        else
            ADD(out, "<p class=\"failure\">Failed: ");
        html_text(out, name_or_id(clip->failure, RY_STR("unknown reason")));
        ADD(out, "</p>\n");
    }
    add_links(clip, out);
    ADD(out, "</div>\n</article></li>\n");
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

static void add_figures(const struct ry_archive_state *archive, struct ry_buf *out)
{
    uint64_t waiting = archive->clips_pending + archive->clips_processing;
    ADD(out, "<p class=\"figures\">");
    html_count(out, waiting + archive->clips_completed + archive->clips_failed);
    ADD(out, " clips");
    if (waiting > 0) {
        ADD(out, " · ");
        html_count(out, waiting);
        ADD(out, " waiting");
    }
    if (archive->clips_failed > 0) {
        ADD(out, " · ");
        html_count(out, archive->clips_failed);
        ADD(out, " failed");
    }
    ADD(out, " · ");
    html_size(out, archive->bytes_videos);
    ADD(out, " of video</p>\n");
}

/* A command with the node's data folder. */
static void add_command(const char *verb, const char *words, const struct gallery_advice *advice, struct ry_buf *out)
{
    RY_BUF_AUTO command = ry_buf_make(COMMAND_MAX_BYTES);
    (void)ry_buf_addf(&command, "reelyard %s --data ", verb);
    ry_shell_word(&command, ry_str_of(advice->data));
    (void)ry_buf_addf(&command, " %s", words);
    ADD(out, "<pre>");
    html_text(out, ry_buf_str(&command));
    ADD(out, "</pre>");
}

static void add_nothing(const struct ry_gallery_get *get, const struct gallery_advice *advice, struct ry_buf *out)
{
    if (get->before_wall_ms != INT64_MAX) {
        ADD(out, "<div class=\"notice\"><h2>No older clips</h2><p>This is the end of the archive.</p></div>\n");
    } else if (get->guild_id.p || get->channel_id.p || get->status.p) {
        ADD(out, "<div class=\"notice\"><h2>No clips match</h2>"
                 "<p><a href=\"/\">Show all clips</a></p></div>\n");
    } else {
        ADD(out, "<div class=\"notice\"><h2>No clips yet</h2>");
        if (advice->servers) {
            ADD(out, "<p>They appear here as the bot's jobs are processed. To scan a channel now:</p>");
            add_command("scan", "--guild GUILD --channel CHANNEL", advice, out);
        } else {
            ADD(out, "<p>Import an export of a channel made with DiscordChatExporter (JSON format), while this "
                     "node keeps running:</p>");
            add_command("import", "EXPORT.json", advice, out);
        }
        ADD(out, "<p>Its videos then appear here, newest first. Reload the page to see them.</p>"
                 "</div>\n");
    }
}

static void add_pages(const struct ry_gallery_get *get, const struct ry_gallery_page *page, struct ry_buf *out)
{
    struct filter filter = filter_of(get);
    bool first = get->before_wall_ms == INT64_MAX;
    if (first && !page->more)
        return;
    ADD(out, "<nav class=\"pages\" aria-label=\"Pages\">\n");
    if (!first) {
        ADD(out, "<a href=\"");
        add_link(out, &filter);
        ADD(out, "\">Newest</a>\n");
    }
    RY_BUF_AUTO cursor = ry_buf_make(128);
    if (page->more)
        query_cursor(page, &cursor);
    if (cursor.n > 0) {
        filter.before = ry_buf_str(&cursor);
        ADD(out, "<a rel=\"next\" href=\"");
        add_link(out, &filter);
        ADD(out, "\">Older clips</a>\n");
    }
    ADD(out, "</nav>\n");
}

void gallery_render(const struct ry_gallery_get *get, const struct answers *answers,
                    const struct gallery_advice *advice, struct ry_buf *out)
{
    const struct ry_gallery_page *page = answers->gallery;
    RY_ASSERT(page != NULL && page->error.n == 0, "a page without its clips");
    page_begin("Clips · Reelyard", out);
    if (answers->archive && answers->archive->error.n == 0)
        add_figures(answers->archive, out);
    ADD(out, "</header>\n<main id=\"clips\">\n");
    add_filters(get, page, out);
    if (page->clips.n > 0) {
        ADD(out, "<ul class=\"clips\">\n");
        for (size_t i = 0; i < page->clips.n; i++)
            add_clip(&page->clips.items[i], out);
        ADD(out, "</ul>\n");
    } else {
        add_nothing(get, advice, out);
    }
    add_pages(get, page, out);
    page_end(out);
}

void gallery_notice(const char *title, const char *text, struct ry_buf *out)
{
    page_begin(title, out);
    ADD(out, "</header>\n<main id=\"clips\">\n<div class=\"notice\"><h2>");
    html_text(out, ry_str_of(title));
    ADD(out, "</h2><p>");
    html_text(out, ry_str_of(text));
    ADD(out, "</p></div>\n");
    page_end(out);
}
