/* viewer.c: see viewer.h.
 *
 * The HTTP library asks for the next block when the last one has gone into the socket, so a viewer that reads slowly
 * asks slowly, and one that stopped asks nothing. While the block is copied from the first window the second is fetched
 * from the storage. A window is whole, of the same file and in its place, or the connection is cut: a video is never
 * sent with a hole. */
#include "actors/monitor/viewer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

#define WINDOW_MAX_BYTES ((uint64_t)1 << 20)
#define WINDOW_MIN_BYTES ((uint64_t)128 << 10)
/* Of the windows of all viewers together, as long as they are no more than fit with the smallest. */
#define ALL_MAX_BYTES ((uint64_t)64 << 20)
/* The first window of a viewer: players often ask for a few bytes, and go. */
#define WINDOW_FIRST_BYTES ((uint64_t)256 << 10)

#define ASK_MS     5000  /* an answer that takes longer is asked for again */
#define AGAIN_MS   50    /* after the storage had no room */
#define FAILING_MS 30000 /* then the viewer is cut */
#define IDLE_MS    10000 /* one that has read nothing for so long holds no window */
#define LOOK_MS    5000

static struct viewer *viewer_of(void *arg)
{
    struct viewer *viewer = arg;
    RY_ASSERT(viewer->magic == VIEWER_MAGIC && viewer->windows_n <= VIEWER_WINDOWS, "magic %x", viewer->magic);
    return viewer;
}

static int64_t now_mono_ms(const struct viewers *viewers)
{
    return ry_mono_ms(ry_ctx_clock(viewers->ctx));
}

void viewers_open(struct viewers *viewers, struct ry_ctx *ctx)
{
    *viewers = (struct viewers){.ctx = ctx};
    TAILQ_INIT(&viewers->list);
    TAILQ_INIT(&viewers->queue);
}

struct ry_media_read viewer_question(const struct viewer_source *source, uint64_t offset, uint64_t length)
{
    struct ry_media_read question = {.offset = offset, .length = length};
    if (source->name[0] != '\0') {
        question.name = ry_str_of(source->name);
    } else {
        question.url = ry_str_of(source->url);
        question.media_root = ry_str_of(source->media_root);
    }
    if (source->validator[0] != '\0')
        question.validator = ry_str_of(source->validator);
    return question;
}

void viewer_source_free(struct viewer_source *source)
{
    free(source->url);
    free(source->media_root);
    source->url = source->media_root = NULL;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static uint64_t window_bytes(const struct viewer *viewer)
{
    uint64_t each = ALL_MAX_BYTES / (VIEWER_WINDOWS * viewer->all->count);
    uint64_t most = viewer->next == viewer->first ? WINDOW_FIRST_BYTES : WINDOW_MAX_BYTES;
    each = each > most ? most : each;
    each = each < WINDOW_MIN_BYTES ? WINDOW_MIN_BYTES : each;
    uint64_t left = viewer->end - viewer->next;
    return each < left ? each : left;
}

static void ask(struct viewer *viewer)
{
    struct viewers *viewers = viewer->all;
    RY_ASSERT(viewer->asked == 0 && viewer->next < viewer->end, "asks twice");
    viewer->asked_length = window_bytes(viewer);
    struct ry_media_read question = viewer_question(&viewer->source, viewer->next, viewer->asked_length);
    const struct ry_send send = {.priority = RY_PRIORITY_CONTROL,
                                 .deadline_wall_ms = ry_wall_ms(ry_ctx_clock(viewers->ctx)) + ASK_MS};
    viewer->asked = RY_TELL(viewers->ctx, media_read, &question, &send);
    viewers->asking++;
}

/* Those whose turn it is ask. */
static void ask_in_turn(struct viewers *viewers)
{
    if (viewers->again_mono_ms > now_mono_ms(viewers))
        return;
    viewers->again_mono_ms = 0;
    while (viewers->asking < VIEWERS_ASKING && !TAILQ_EMPTY(&viewers->queue)) {
        struct viewer *viewer = TAILQ_FIRST(&viewers->queue);
        TAILQ_REMOVE(&viewers->queue, viewer, turn);
        viewer->queued = false;
        ask(viewer);
    }
}

static void want_more(struct viewer *viewer)
{
    if (viewer->asked != 0 || viewer->queued || viewer->failed || viewer->windows_n == VIEWER_WINDOWS ||
        viewer->next >= viewer->end)
        return;
    viewer->queued = true;
    TAILQ_INSERT_TAIL(&viewer->all->queue, viewer, turn);
    ask_in_turn(viewer->all);
}

static void resume(struct viewer *viewer)
{
    if (viewer->starves && viewer->exchange != NULL)
        http_resume(viewer->exchange);
    viewer->starves = false;
}

static void fail(struct viewer *viewer, struct ry_str why)
{
    RY_LOG(RY_WARNING, "watch_cut", "video=%s at=%" PRIu64 " reason=%.*s",
           viewer->source.name[0] ? viewer->source.name : viewer->source.url, viewer->next, RY_STR_ARG(why));
    ry_count(viewer->all->ctx, RY_COUNTER_watch_cut, 1);
    viewer->failed = true;
    resume(viewer);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static void drop_first(struct viewer *viewer)
{
    RY_ASSERT(viewer->windows_n > 0);
    ry_frame_unref(viewer->windows[0].frame);
    for (size_t i = 1; i < viewer->windows_n; i++)
        viewer->windows[i - 1] = viewer->windows[i];
    viewer->windows_n--;
}

static int64_t viewer_read(void *arg, uint64_t pos, char *to, size_t max)
{
    struct viewer *viewer = viewer_of(arg);
    uint64_t at = viewer->first + pos;
    if (viewer->all->ctx == NULL)
        return -1;
    viewer->moved_mono_ms = now_mono_ms(viewer->all);
    if (viewer->windows_n == 0) {
        if (viewer->failed)
            return -1;
        if (viewer->asked == 0)
            viewer->next = at;
        viewer->starves = true;
        want_more(viewer);
        return 0;
    }
    const struct viewer_window *window = &viewer->windows[0];
    size_t size = ry_frame_size(window->frame);
    RY_ASSERT(at >= window->offset && at < window->offset + size, "%" PRIu64 " of a window at %" PRIu64, at,
              window->offset);
    size_t from = (size_t)(at - window->offset);
    size_t n = size - from < max ? size - from : max;
    memcpy(to, (const char *)ry_frame_data(window->frame) + from, n);
    ry_count(viewer->all->ctx, RY_COUNTER_watch_bytes, n);
    if (from + n == size)
        drop_first(viewer);
    want_more(viewer);
    return (int64_t)n;
}

static void viewer_end(void *arg)
{
    struct viewer *viewer = viewer_of(arg);
    struct viewers *viewers = viewer->all;
    if (viewer->exchange != NULL)
        http_set_data(viewer->exchange, NULL);
    while (viewer->windows_n > 0)
        drop_first(viewer);
    viewer->magic = 0;
    if (viewer->queued)
        TAILQ_REMOVE(&viewers->queue, viewer, turn);
    TAILQ_REMOVE(&viewers->list, viewer, link);
    viewers->count--;
    viewers->asking -= viewer->asked != 0;
    viewer_source_free(&viewer->source);
    free(viewer);
    if (viewers->ctx != NULL)
        ask_in_turn(viewers);
}

struct viewer *viewer_new(struct viewers *viewers, struct http_exchange *exchange, struct viewer_source *source,
                          uint64_t first, uint64_t length)
{
    struct viewer *viewer = calloc(1, sizeof *viewer);
    if (viewer == NULL) {
        viewer_source_free(source);
        return NULL;
    }
    *viewer = (struct viewer){.magic = VIEWER_MAGIC,
                              .all = viewers,
                              .exchange = exchange,
                              .source = *source,
                              .first = first,
                              .end = first + length,
                              .next = first,
                              .moved_mono_ms = now_mono_ms(viewers)};
    source->url = source->media_root = NULL;
    TAILQ_INSERT_TAIL(&viewers->list, viewer, link);
    viewers->count++;
    http_set_data(exchange, viewer);
    return viewer;
}

struct http_stream viewer_stream(struct viewer *viewer)
{
    return (struct http_stream){viewer->end - viewer->first, viewer_read, viewer_end, viewer};
}

void viewer_ended(struct viewer *viewer)
{
    viewer_of(viewer)->exchange = NULL;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static struct viewer *find_asked(struct viewers *viewers, uint64_t id)
{
    struct viewer *viewer;
    TAILQ_FOREACH(viewer, &viewers->list, link)
    if (viewer->asked == id && id != 0)
        return viewer;
    return NULL;
}

static void take_window(struct viewer *viewer, const struct ry_media_data *data)
{
    bool whole = data->bytes.frame != NULL && data->bytes.n == viewer->asked_length &&
                 ry_frame_size(data->bytes.frame) == data->bytes.n;
    if (data->error.p != NULL) {
        fail(viewer, data->error);
    } else if (data->changed || (data->found && (data->total != viewer->source.total || !whole))) {
        fail(viewer, RY_STR("the file has changed"));
    } else if (!data->found) {
        fail(viewer, RY_STR("the file is not there any more"));
    } else {
        RY_ASSERT(viewer->windows_n < VIEWER_WINDOWS);
        viewer->windows[viewer->windows_n++] = (struct viewer_window){viewer->next, ry_frame_ref(data->bytes.frame)};
        viewer->next += viewer->asked_length;
        resume(viewer);
        want_more(viewer);
    }
}

bool viewers_answer(struct viewers *viewers, const struct ry_mail *mail)
{
    if (mail->envelope.tag != RY_TAG_media_data)
        return false;
    struct viewer *viewer = find_asked(viewers, mail->envelope.correlation);
    if (viewer == NULL)
        return false;
    viewer->asked = 0;
    viewer->failing_mono_ms = 0;
    viewers->asking--;
    take_window(viewer, RY_BODY(mail, media_data));
    ask_in_turn(viewers);
    return true;
}

bool viewers_lost(struct viewers *viewers, const struct ry_undeliverable *lost)
{
    struct viewer *viewer = find_asked(viewers, lost->id);
    if (viewer == NULL)
        return false;
    int64_t now = now_mono_ms(viewers);
    viewer->asked = 0;
    viewers->asking--;
    if (viewer->failing_mono_ms == 0)
        viewer->failing_mono_ms = now;
    viewers->again_mono_ms = now + AGAIN_MS;
    if (now - viewer->failing_mono_ms >= FAILING_MS)
        fail(viewer, lost->reason);
    want_more(viewer);
    return true;
}

void viewers_tick(struct viewers *viewers)
{
    int64_t now = now_mono_ms(viewers);
    struct viewer *viewer;
    TAILQ_FOREACH(viewer, &viewers->list, link)
    if (!viewer->starves && viewer->asked == 0 && !viewer->queued && now - viewer->moved_mono_ms >= IDLE_MS)
        while (viewer->windows_n > 0)
            drop_first(viewer);
    ask_in_turn(viewers);
}

int64_t viewers_due(const struct viewers *viewers)
{
    if (TAILQ_EMPTY(&viewers->list))
        return INT64_MAX;
    return viewers->again_mono_ms > 0 ? viewers->again_mono_ms : now_mono_ms(viewers) + LOOK_MS;
}

void viewers_cut(struct viewers *viewers)
{
    struct viewer *viewer;
    TAILQ_FOREACH(viewer, &viewers->list, link)
    if (viewer->exchange != NULL && !viewer->failed) {
        viewer->failed = true;
        viewer->starves = false;
        http_cut(viewer->exchange);
    }
}
