/* source_http.c: videos on servers, by ranges.
 *
 * The server's answer to the first range tells what it can do. 206: it has ranges; each further answer must be of the
 * same size and ETag, else the video has changed. 200: it has none; the whole body is spooled and everything is read
 * from there. What it says of its own answer is checked, never believed: offsets, length, size. */
#include "actors/downloader/source.h"

#include <stdlib.h>

#include "actors/downloader/spool.h"
#include "runtime/base/assert.h"

enum answer { ANSWER_NONE, ANSWER_RANGE, ANSWER_WHOLE, ANSWER_BEYOND };

struct source_http;

/* One request under way. */
struct fetch {
    struct source_http *source;
    bool busy;
    unsigned slot;
    uint64_t offset;
    uint64_t length;
    struct ry_http_transfer *transfer;
    enum answer answer;
    struct ry_frame *frame; /* ANSWER_RANGE: exactly the bytes that the answer claims to bring */
    size_t filled;
    int64_t retry_after_ms;
    bool changed;
    struct ry_error error; /* what was wrong with the answer, as a complete text; code RY_OK: nothing */
};

struct source_http {
    struct source base;
    struct source_world *world;
    struct ry_str url;
    struct fetch fetches[SOURCE_PARALLEL];
    bool has_ranges;                 /* it answered with 206 before */
    char etag[RY_HTTP_ETAG_MAX + 1]; /* of the first answer; "" if it had none */
    struct spool spool;
    struct source *spooled; /* where the ranges come from once the whole video is here */
};

static int fail_changed(struct fetch *fetch)
{
    fetch->changed = true;
    return ry_fail(&fetch->error, RY_EDATA, "changed on its server while it was read; retry later");
}

/* ---- the head ---------------------------------------------------------------------------------------------------- */

static int refuse_status(struct fetch *fetch, const struct ry_http_head *head)
{
    struct ry_error *err = &fetch->error;
    unsigned status = head->status;
    fetch->retry_after_ms = head->retry_after_ms;
    if (status == 401 || status == 403)
        return ry_fail(err, RY_EACCES,
                       "could not be downloaded: its server says %u, so its URL has expired or was never valid; scan "
                       "its channel again for a new one",
                       status);
    if (status == 404 || status == 410)
        return ry_fail(err, RY_ENOENT,
                       "could not be downloaded: its server says %u, so it was deleted or its URL has expired", status);
    if (status == 429)
        return ry_fail(err, RY_EBUSY, "could not be downloaded: its server limits requests (429)");
    if (status == 408 || status >= 500)
        return ry_fail(err, RY_EAWAY, "could not be downloaded: its server has an internal error (%u)", status);
    return ry_fail(err, RY_EINVAL, "could not be downloaded: its server responds with %u instead of a video", status);
}

/* Notes the size of the whole video, or finds that it is another one. */
static int learn_total(struct fetch *fetch, uint64_t total)
{
    struct source *base = &fetch->source->base;
    if (base->total_known && base->total != total)
        return fail_changed(fetch);
    base->total_known = true;
    base->total = total;
    return RY_OK;
}

static int learn_etag(struct fetch *fetch, struct ry_str etag)
{
    struct source_http *self = fetch->source;
    if (!etag.n)
        return RY_OK;
    if (self->etag[0])
        return ry_str_is(etag, self->etag) ? RY_OK : fail_changed(fetch);
    memcpy(self->etag, etag.p, etag.n);
    self->etag[etag.n] = '\0';
    if (self->etag[0] == '"')
        self->base.validator = self->etag;
    return RY_OK;
}

static int take_range(struct fetch *fetch, const struct ry_http_head *head)
{
    const struct ry_content_range *range = &head->range;
    if (!head->has_range || !range->has_bytes || range->first != fetch->offset ||
        range->last - range->first >= fetch->length)
        return ry_fail(&fetch->error, RY_EINVAL,
                       "could not be downloaded: its server sends other bytes than it was asked for");
    int code = range->has_total ? learn_total(fetch, range->total) : RY_OK;
    if (code == RY_OK)
        code = learn_etag(fetch, head->etag);
    if (code != RY_OK)
        return code;
    fetch->frame = ry_frame_new((size_t)(range->last - range->first + 1));
    if (!fetch->frame)
        return ry_fail(&fetch->error, RY_ENOMEM, "found no memory for its bytes");
    fetch->answer = ANSWER_RANGE;
    fetch->source->has_ranges = true;
    return RY_OK;
}

static int take_whole(struct fetch *fetch, const struct ry_http_head *head)
{
    struct source_http *self = fetch->source;
    if (self->has_ranges)
        return fail_changed(fetch); /* If-Range did not hold, or another server answered */
    const struct source_world *world = self->world;
    uint64_t expected = head->length > 0 ? (uint64_t)head->length : 0;
    int code = spool_open(&self->spool, world->spool_path, expected, world->spool_max_bytes, world->disk_reserve_bytes,
                          &fetch->error);
    if (code == RY_OK)
        fetch->answer = ANSWER_WHOLE;
    return code;
}

static int take_beyond(struct fetch *fetch, const struct ry_http_head *head)
{
    if (head->has_range && head->range.has_total) {
        int code = learn_total(fetch, head->range.total);
        if (code != RY_OK)
            return code;
        if (fetch->offset < head->range.total)
            return ry_fail(&fetch->error, RY_EINVAL,
                           "could not be downloaded: its server refuses bytes that it says it has");
    }
    if (fetch->offset == 0)
        return ry_fail(&fetch->error, RY_EDATA, "is empty (0 bytes)");
    fetch->answer = ANSWER_BEYOND;
    return RY_OK;
}

static int on_head(void *arg, const struct ry_http_head *head, struct ry_error *err)
{
    struct fetch *fetch = arg;
    RY_ASSERT(fetch->busy && fetch->source != NULL, "a head of no fetch");
    (void)err; /* what is wrong is in fetch->error, as a complete text; the little body of a refusal is read away so
                  that the connection lives on */
    int code;
    if (head->encoded && (head->status == 200 || head->status == 206))
        code = ry_fail(&fetch->error, RY_EUNSUPPORTED, "could not be downloaded: its server compresses it");
    else if (head->status == 206)
        code = take_range(fetch, head);
    else if (head->status == 200)
        code = take_whole(fetch, head);
    else if (head->status == 416)
        code = take_beyond(fetch, head);
    else
        code = refuse_status(fetch, head);
    return code != RY_OK || fetch->answer == ANSWER_BEYOND ? 1 : 0;
}

/* ---- the body and the end ---------------------------------------------------------------------------------------- */

static int on_body(void *arg, const void *bytes, size_t n, struct ry_error *err)
{
    struct fetch *fetch = arg;
    RY_ASSERT(fetch->answer != ANSWER_BEYOND && (fetch->frame == NULL || fetch->filled <= ry_frame_size(fetch->frame)));
    int code = RY_OK;
    if (fetch->answer == ANSWER_WHOLE) {
        code = spool_write(&fetch->source->spool, bytes, n, &fetch->error);
    } else if (n > ry_frame_size(fetch->frame) - fetch->filled) {
        code = ry_fail(&fetch->error, RY_EINVAL, "could not be downloaded: its server sends more than it announced");
    } else {
        memcpy((char *)ry_frame_data(fetch->frame) + fetch->filled, bytes, n);
        fetch->filled += n;
    }
    return code == RY_OK ? 0 : ry_fail(err, (enum ry_err)code, "%s", fetch->error.text);
}

/* The whole video is here: from now on its ranges are read from the spool. */
static int turn_to_spool(struct fetch *fetch)
{
    struct source_http *self = fetch->source;
    uint64_t total = self->spool.written;
    if (total == 0)
        return ry_fail(&fetch->error, RY_EDATA, "is empty (0 bytes)");
    self->base.total_known = true;
    self->base.total = total;
    ry_count(self->world->ctx, RY_COUNTER_download_spooled, 1);
    return source_of_descriptor(&self->spooled, spool_take(&self->spool), total, self->base.on_result, self->base.arg,
                                &fetch->error);
}

/* Frees the fetch and reports. The owner may close the source: nothing of it is touched afterwards. */
static void report(struct fetch *fetch)
{
    struct source_http *self = fetch->source;
    struct source_result result = {.slot = fetch->slot,
                                   .frame = fetch->error.code == RY_OK ? fetch->frame : NULL,
                                   .code = fetch->error.code,
                                   .error = fetch->error,
                                   .retry_after_ms = fetch->retry_after_ms,
                                   .changed = fetch->changed};
    struct ry_frame *frame = fetch->frame;
    *fetch = (struct fetch){0};
    self->base.on_result(self->base.arg, &result);
    ry_frame_unref(frame);
}

static void on_end(void *arg, int code, const struct ry_error *err)
{
    struct fetch *fetch = arg;
    RY_ASSERT(fetch->busy && fetch->source != NULL, "the end of no fetch");
    struct source_http *self = fetch->source;
    fetch->transfer = NULL;
    if (fetch->error.code == RY_OK && code != RY_OK)
        ry_fail(&fetch->error, (enum ry_err)code, "could not be downloaded: %s", err->text);
    if (fetch->error.code == RY_OK && fetch->answer == ANSWER_RANGE && fetch->filled < ry_frame_size(fetch->frame))
        ry_fail(&fetch->error, RY_EAWAY, "could not be downloaded: its server sends less than it announced");
    if (fetch->answer == ANSWER_WHOLE) {
        if (fetch->error.code == RY_OK && turn_to_spool(fetch) == RY_OK) {
            struct fetch told = *fetch;
            *fetch = (struct fetch){0};
            self->spooled->ops->fetch(self->spooled, told.slot, told.offset, told.length);
            return;
        }
        spool_close(&self->spool);
    }
    report(fetch);
}

static const struct ry_http_handler handler = {.on_head = on_head, .on_body = on_body, .on_end = on_end};

/* ---- operations -------------------------------------------------------------------------------------------------- */

static struct fetch *free_fetch(struct source_http *self)
{
    for (size_t i = 0; i < SOURCE_PARALLEL; i++)
        if (!self->fetches[i].busy)
            return &self->fetches[i];
    RY_ASSERT(false, "more than %d fetches", SOURCE_PARALLEL);
    return NULL;
}

static void http_fetch(struct source *base, unsigned slot, uint64_t offset, uint64_t length)
{
    struct source_http *self = (struct source_http *)base;
    if (self->spooled) {
        self->spooled->ops->fetch(self->spooled, slot, offset, length);
        return;
    }
    struct fetch *fetch = free_fetch(self);
    *fetch = (struct fetch){
        .source = self, .busy = true, .slot = slot, .offset = offset, .length = length, .retry_after_ms = -1};
    bool strong = self->etag[0] == '"';
    const struct ry_http_get get = {.url = self->url,
                                    .range_first = offset,
                                    .range_length = length,
                                    .if_range = strong ? ry_str_of(self->etag) : (struct ry_str){0},
                                    .body_max_bytes = UINT64_MAX, /* the frame and the spool have limits of their own */
                                    .deadline_mono_ms = base->deadline_mono_ms,
                                    .handler = &handler,
                                    .arg = fetch};
    struct ry_error why;
    int code = ry_http_start(self->world->http, &get, &fetch->transfer, &why);
    if (code != RY_OK) {
        ry_fail(&fetch->error, (enum ry_err)code, "could not be downloaded: %s", why.text);
        report(fetch);
    }
}

static void http_close(struct source *base)
{
    struct source_http *self = (struct source_http *)base;
    for (size_t i = 0; i < SOURCE_PARALLEL; i++) {
        ry_http_cancel(&self->fetches[i].transfer);
        ry_frame_unref(self->fetches[i].frame);
    }
    spool_close(&self->spool);
    source_close(&self->spooled);
    free(self);
}

static const struct source_ops http_ops = {.name = "http", .fetch = http_fetch, .close = http_close};

int source_http_open(struct source **source, struct source_world *world, struct ry_str url, source_on_result *on_result,
                     void *arg, struct ry_error *err)
{
    *source = NULL;
    struct source_http *self = calloc(1, sizeof *self);
    if (!self)
        return ry_fail(err, RY_ENOMEM, "found no memory");
    *self = (struct source_http){.base = {.ops = &http_ops, .on_result = on_result, .arg = arg, .validator = ""},
                                 .world = world,
                                 .url = url,
                                 .spool = {.fd = -1}};
    *source = &self->base;
    return RY_OK;
}
