/* clip_page.c: one clip's page, from the template clip.html. Owns nothing; writes into the caller's buffer. */
#include "actors/monitor/clip_page.h"

#include <inttypes.h>

#include "actors/monitor/clip_words.h"
#include "actors/monitor/html.h"
#include "actors/monitor/page.h"
#include "actors/monitor/retry_form.h"
#include "actors/monitor/template.h"
#include "runtime/base/assert.h"

static const struct ry_str absent = {NULL, 0};

static void add_fact(const char *name, struct ry_str value, bool html, struct ry_buf *out)
{
    if (value.n == 0)
        return;
    const struct slot slots[] = {SLOT_TEXT("name", ry_str_of(name)), {"value", value, html}};
    TEMPLATE_FILL("fact", slots, out);
}

/* Where the video is: told to everybody for a link, only to those who may look for a file. */
static void add_source(const struct ry_gallery_clip *clip, const struct gallery_advice *advice, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *path = piece(&pieces);
    if (!html_file_path(path, clip->url)) {
        add_fact("Source", RY_STR("Discord"), false, out);
        return;
    }
    struct ry_str text = ry_buf_str(path);
    for (size_t i = text.n; i > 0 && !advice->private; i--)
        if (text.p[i - 1] == '/') {
            text = (struct ry_str){text.p + i, text.n - i};
            break;
        }
    add_fact("File", text, false, out);
}

static void add_facts(const struct ry_gallery_clip *clip, const struct gallery_advice *advice, struct ry_buf *out)
{
    PIECES_AUTO pieces = {0};
    struct ry_buf *length = piece(&pieces);
    struct ry_buf *size = piece(&pieces);
    struct ry_buf *time = piece(&pieces);
    struct ry_buf *video = piece(&pieces);
    if (clip->video_codec.n > 0) {
        (void)ry_buf_add_str(video, clip->video_codec);
        if (clip->fps > 0)
            (void)ry_buf_addf(video, ", %.4g frames a second", clip->fps);
    }
    if (clip->duration_s > 0)
        html_duration(length, clip->duration_s);
    if (clip->file_size > 0)
        html_size(size, clip->file_size);
    html_time(time, clip->posted_wall_ms);
    add_fact("File name", clip->filename, false, out);
    add_fact("Posted", ry_buf_str(time), true, out);
    add_fact("Length", ry_buf_str(length), false, out);
    add_fact("Picture", clip->resolution, false, out);
    add_fact("Size", ry_buf_str(size), false, out);
    add_fact("Type", clip->mime_type, false, out);
    add_fact("Format", clip->container, false, out);
    add_fact("Video", ry_buf_str(video), false, out);
    add_fact("Sound", clip->has_audio ? clip->audio_codec : absent, false, out);
    add_fact("Original", clip_kept(clip), false, out);
    if (ry_str_is(clip->keep_state, "failed"))
        add_fact("Not kept because", clip->keep_error, false, out);
    add_source(clip, advice, out);
    add_fact("Thumbnail", ry_str_is(clip->status, "completed") ? RY_STR("made") : ry_str_of(clip_waiting(clip)), false,
             out);
    add_fact("Clip", clip->clip_id, false, out);
}

/* The button that makes the thumbnail again; none for a row that is damaged. */
static void add_again(const struct ry_gallery_clip *clip, const struct links *links, struct ry_str token,
                      struct ry_buf *out)
{
    if (ry_str_is(clip->status, "damaged"))
        return;
    PIECES_AUTO pieces = {0};
    struct ry_buf *back = piece(&pieces);
    clip_link(clip->clip_id, links, back);
    retry_form_add(
        &(struct retry_form){
            .clip_id = clip->clip_id, .token = token, .back = ry_buf_str(back), .text = "Make the thumbnail again"},
        out);
}

/* The clip beside this one in the list; at the end of the list's page, wherever the next page leads. */
static void add_beside(const struct links *links, const struct ry_gallery_page *around, size_t at, bool next,
                       struct ry_buf *out)
{
    if (next ? at + 1 < around->clips.n : at > 0) {
        clip_link(around->clips.items[next ? at + 1 : at - 1].clip_id, links, out);
        return;
    }
    struct links other = link_at(links, next ? around->next : around->previous, !next);
    if (other.values[LINK_CURSOR].n > 0)
        link_add("/step", &other, out);
}

static void add_neighbours(const struct ry_gallery_clip *clip, const struct links *links,
                           const struct ry_gallery_page *around, struct ry_buf *previous, struct ry_buf *next)
{
    for (size_t i = 0; around && i < around->clips.n; i++)
        if (ry_str_eq(around->clips.items[i].clip_id, clip->clip_id)) {
            add_beside(links, around, i, false, previous);
            add_beside(links, around, i, true, next);
            return;
        }
}

/* The player, with what its script has to know of the video. */
static void add_player(const struct ry_gallery_clip *clip, struct ry_str watch, struct ry_buf *out)
{
    RY_BUF_AUTO fps = ry_buf_make(64);
    if (clip->fps > 0)
        (void)ry_buf_addf(&fps, "%.4g", clip->fps);
    const struct slot slots[] = {
        SLOT_TEXT("poster", clip_has_large(clip) ? clip->large_path : absent),
        SLOT_TEXT("watch", watch),
        SLOT_TEXT("filename", clip->filename),
        SLOT_TEXT("mime", clip->mime_type),
        SLOT_TEXT("container", clip->container),
        SLOT_TEXT("video_codec", clip->video_codec),
        SLOT_TEXT("audio_codec", clip->audio_codec),
        SLOT_TEXT("fps", ry_buf_str(&fps)),
        SLOT_TEXT("title", clip_title(clip)),
    };
    TEMPLATE_FILL("player", slots, out);
}

static void add_body(const struct ry_gallery_clip *clip, const struct links *links,
                     const struct ry_gallery_page *around, const struct gallery_advice *advice, struct ry_str token,
                     struct ry_buf *out)
{
    static const struct links none = {0};
    struct links channel = link_with(&none, LINK_CHANNEL, clip->channel_id);
    struct links guild = link_with(&none, LINK_GUILD, clip->guild_id);
    PIECES_AUTO pieces = {0};
    struct ry_buf *back = piece(&pieces);
    struct ry_buf *watch = piece(&pieces);
    struct ry_buf *time = piece(&pieces);
    struct ry_buf *message_url = piece(&pieces);
    struct ry_buf *channel_href = piece(&pieces);
    struct ry_buf *guild_href = piece(&pieces);
    struct ry_buf *facts = piece(&pieces);
    struct ry_buf *again = piece(&pieces);
    struct ry_buf *video = piece(&pieces);
    struct ry_buf *previous = piece(&pieces);
    struct ry_buf *next = piece(&pieces);
    struct ry_str reason = absent;
    const char *failure = clip_failure(clip, &reason);
    struct links start = link_at(links, absent, false);
    link_add("/", &start, back);
    add_neighbours(clip, links, around, previous, next);
    (void)ry_buf_add_str(watch, RY_STR("/watch/"));
    html_component(watch, clip->clip_id);
    add_player(clip, ry_buf_str(watch), video);
    html_time(time, clip->posted_wall_ms);
    clip_message_url(clip, message_url);
    link_add("/", &channel, channel_href);
    link_add("/", &guild, guild_href);
    add_facts(clip, advice, facts);
    add_again(clip, links, token, again);
    const struct slot slots[] = {
        SLOT_TEXT("back", ry_buf_str(back)),
        SLOT_IF("narrowed", link_narrows(links)),
        SLOT_TEXT("previous", ry_buf_str(previous)),
        SLOT_TEXT("next", ry_buf_str(next)),
        SLOT_HTML("player", ry_buf_str(video)),
        SLOT_TEXT("watch", ry_buf_str(watch)),
        SLOT_TEXT("filename", clip->filename),
        SLOT_TEXT("title", clip_title(clip)),
        SLOT_TEXT("content", clip->content),
        SLOT_TEXT("author", clip_author(clip)),
        SLOT_TEXT("channel", clip_channel(clip)),
        SLOT_TEXT("channel_href", ry_buf_str(channel_href)),
        SLOT_TEXT("guild", clip_guild(clip)),
        SLOT_TEXT("guild_href", ry_buf_str(guild_href)),
        SLOT_HTML("time", ry_buf_str(time)),
        SLOT_TEXT("message_url", ry_buf_str(message_url)),
        SLOT_TEXT("failure", failure ? reason : absent),
        SLOT_TEXT("failure_kind", ry_str_of(failure)),
        SLOT_HTML("again", ry_buf_str(again)),
        SLOT_HTML("facts", ry_buf_str(facts)),
    };
    TEMPLATE_FILL("clip", slots, out);
}

void clip_page_render(const struct links *links, const struct answers *answers, const struct gallery_advice *advice,
                      struct ry_str token, struct ry_buf *out)
{
    const struct ry_gallery_page *page = answers->gallery;
    RY_ASSERT(page != NULL && page->error.n == 0 && page->clips.n == 1, "a page without its clip");
    const struct ry_gallery_clip *clip = &page->clips.items[0];
    PIECES_AUTO pieces = {0};
    struct ry_buf *body = piece(&pieces);
    add_body(clip, links, answers->around, advice, token, body);
    const struct page frame = {
        .title = clip_title(clip), .place = PAGE_OTHER, .links = links, .failures = gallery_failures(answers)};
    page_write(&frame, ry_buf_str(body), out);
}
