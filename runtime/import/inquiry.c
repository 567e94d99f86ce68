/* inquiry.c: see inquiry.h. */
#include "runtime/import/inquiry.h"

#include "runtime/base/assert.h"
#include "runtime/base/wait.h"

#define ENDURE_MS     500
#define ENDURE_LOG_MS 10000
/* Instances report their counters four times a second. */
#define COUNTERS_SETTLE_MS 350
#define CLIPS_A_PAGE       1000

void ry_inquiry_break(struct ry_inquiry *inquiry, const struct ry_error *why)
{
    ry_reasons_add(&inquiry->errors, "%s", why->text);
    inquiry->broken = true;
}

bool ry_inquiry_pause(struct ry_inquiry *inquiry, int wait_ms)
{
    RY_ASSERT(wait_ms >= 0, "%d ms", wait_ms);
    struct pollfd fds[2] = {{.fd = inquiry->signal_fd, .events = POLLIN},
                            {.fd = inquiry->node.failed_fd, .events = POLLIN}};
    if (ry_wait(fds, 2, wait_ms) > 0) {
        if (fds[0].revents != 0)
            inquiry->stopped = true;
        if (fds[1].revents != 0) {
            struct ry_error why = {.code = RY_OK};
            inquiry->node.failure(inquiry->node.arg, &why);
            ry_inquiry_break(inquiry, &why);
        }
    }
    return ry_inquiry_goes_on(inquiry);
}

bool ry_inquiry_endure(struct ry_inquiry *inquiry, const struct ry_error *why)
{
    if (ry_err_class(why->code) != RY_CLASS_RETRY || why->code == RY_EAWAY) {
        ry_inquiry_break(inquiry, why);
        return false;
    }
    unsigned suppressed = 0;
    if (ry_log_allowed(&inquiry->limit, 1, ENDURE_LOG_MS, &suppressed))
        fprintf(inquiry->out, "waiting: %s\n", why->text);
    return ry_inquiry_pause(inquiry, ENDURE_MS);
}

bool ry_inquiry_endure_answer(struct ry_inquiry *inquiry, const char *who, struct ry_str error)
{
    struct ry_error why;
    (void)ry_fail(&why, RY_EBUSY, "%s: %.*s", who, RY_STR_ARG(error));
    return ry_inquiry_endure(inquiry, &why);
}

bool ry_inquiry_ask(struct ry_inquiry *inquiry, enum ry_tag tag, const void *message, const struct ry_mail **answer)
{
    struct ry_error why;
    while (inquiry->node.ask(inquiry->node.arg, tag, message, answer, &why) != RY_OK)
        if (!ry_inquiry_endure(inquiry, &why))
            return false;
    RY_ASSERT(*answer != NULL, "tag %d", (int)tag);
    return true;
}

bool ry_inquiry_counters(struct ry_inquiry *inquiry, uint64_t counters[RY_COUNTER_COUNT])
{
    const struct ry_mail *mail = NULL;
    if (!ry_inquiry_ask(inquiry, RY_TAG_node_get, &(struct ry_node_get){0}, &mail))
        return false;
    const struct ry_node_state *state = RY_BODY(mail, node_state);
    for (size_t i = 0; i < RY_COUNTER_COUNT; i++)
        counters[i] = 0;
    for (size_t i = 0; i < state->counters.n; i++)
        if (state->counters.items[i].index < RY_COUNTER_COUNT)
            counters[state->counters.items[i].index] = state->counters.items[i].value;
    return true;
}

bool ry_inquiry_settle(struct ry_inquiry *inquiry)
{
    return ry_inquiry_pause(inquiry, COUNTERS_SETTLE_MS);
}

bool ry_inquiry_failed_clips(struct ry_inquiry *inquiry, bool (*is_own)(const void *arg, const struct ry_failed_clip *),
                             const void *arg, struct ry_reasons *reasons)
{
    char after[65] = "";
    bool more = true;
    while (more) {
        struct ry_failed_get get = {.limit = CLIPS_A_PAGE, .after_id = ry_str_of(after)};
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(inquiry, RY_TAG_failed_get, &get, &mail))
            return false;
        const struct ry_failed_page *page = RY_BODY(mail, failed_page);
        if (page->error.n > 0) {
            if (!ry_inquiry_endure_answer(inquiry, "the database", page->error))
                return false;
            continue;
        }
        for (size_t i = 0; i < page->clips.n; i++) {
            const struct ry_failed_clip *clip = &page->clips.items[i];
            if (is_own(arg, clip))
                ry_reasons_add(reasons, "%.*s: %.*s", RY_STR_ARG(clip->filename), RY_STR_ARG(clip->reason));
            (void)snprintf(after, sizeof after, "%.*s", RY_STR_ARG(clip->clip_id));
        }
        more = page->more && page->clips.n > 0;
    }
    return true;
}
