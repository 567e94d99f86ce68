/* scan_days.c: the limit of clips that a channel takes a day (max_clips_per_channel_per_day).
 *
 * What counts is the UTC day of a clip's message. The database tells how many clips the channel has of each day that
 * the rows are of, and which of the rows' clips it has: those stay, for they are counted already. Of the others as many
 * stay as the day has room for, in the order in which they were read; the rest is left out and counted. Jobs of one
 * channel that run at the same time do not know of each other's clips, so each may fill the room that it found. */
#include "actors/scanner/scan_steps.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/base/log.h"

#define DAY_MS        INT64_C(86400000)
#define CLIP_IDS_MAX  ((size_t)100000) /* as days_get allows; of more, the later ones are taken for new */
#define CLIP_ID_BYTES 32

/* What is asked, gathered from the rows. */
struct question {
    struct ry_days_get get;
    size_t days_max;
};

static int64_t day_of(int64_t wall_ms)
{
    return wall_ms - (wall_ms % DAY_MS + DAY_MS) % DAY_MS;
}

/* From the last one back: messages come in the order of time. */
static struct ry_day_clips *find_day(struct ry_day_clips *days, size_t n, int64_t day_wall_ms)
{
    while (n > 0)
        if (days[--n].day_wall_ms == day_wall_ms)
            return &days[n];
    return NULL;
}

static bool gather(void *arg, const struct ry_message_row *message, const struct ry_clip_row *clip)
{
    struct question *question = arg;
    struct ry_days_get *get = &question->get;
    int64_t day_wall_ms = day_of(message->timestamp_wall_ms);
    if (find_day(get->days.items, get->days.n, day_wall_ms) == NULL)
        get->days.items[get->days.n++] = (struct ry_day_clips){.day_wall_ms = day_wall_ms};
    if (get->clip_ids.n < CLIP_IDS_MAX)
        get->clip_ids.items[get->clip_ids.n++] = clip->id;
    return true;
}

static enum scan_step next_step(const struct scan *scan)
{
    return scan->job.type == SCAN_JOB_MESSAGES ? SCAN_WRITE : SCAN_MEMBERS;
}

static enum scan_step step_days(struct scan *scan)
{
    size_t messages = scan_rows_messages(scan->rows);
    size_t clips = scan_rows_clips(scan->rows);
    if (scan->settings->clips_per_day_max == 0 || clips == 0)
        return next_step(scan);
    clips = clips < CLIP_IDS_MAX ? clips : CLIP_IDS_MAX;
    struct question question = {.get = {.channel_id = scan->job.channel_id}};
    question.get.days.items = ry_arena_array(&scan->arena, messages, sizeof *question.get.days.items);
    question.get.clip_ids.items = ry_arena_array(&scan->arena, clips, sizeof *question.get.clip_ids.items);
    if (question.get.days.items == NULL || question.get.clip_ids.items == NULL)
        return scan_fail(scan, true, "no memory for the days of %zu messages", messages);
    (void)scan_rows_filter_clips(scan->rows, gather, &question);
    return SCAN_ASK(scan, days_get, &question.get);
}

/* ---- who stays --------------------------------------------------------------------------------------------------- */

struct quota {
    struct ry_day_clips *days; /* copies; the counts rise */
    size_t day_count;
    const struct ry_str *stored; /* clip ids, by rising id */
    size_t stored_count;
    uint64_t max;
};

static int by_id(const void *a, const void *b)
{
    const struct ry_str *x = a, *y = b;
    return memcmp(x->p, y->p, CLIP_ID_BYTES);
}

static bool stays(void *arg, const struct ry_message_row *message, const struct ry_clip_row *clip)
{
    struct quota *quota = arg;
    struct ry_day_clips *day = find_day(quota->days, quota->day_count, day_of(message->timestamp_wall_ms));
    if (bsearch(&clip->id, quota->stored, quota->stored_count, sizeof clip->id, by_id) != NULL)
        return true;
    if (day != NULL && day->count >= quota->max)
        return false;
    if (day != NULL)
        day->count++;
    return true;
}

static enum scan_step on_days_got(struct scan *scan, const struct ry_mail *mail)
{
    const struct ry_days_got *got = RY_BODY(mail, days_got);
    if (got->error.n > 0)
        return scan_hold(scan, "counting the clips of the days", got->error);
    struct ry_day_clips *days = ry_arena_array(&scan->arena, got->days.n, sizeof *days);
    struct ry_str *stored = ry_arena_array(&scan->arena, got->clip_ids.n, sizeof *stored);
    if (days == NULL || stored == NULL)
        return scan_fail(scan, true, "no memory for %zu days", got->days.n);
    size_t stored_count = 0;
    for (size_t i = 0; i < got->clip_ids.n; i++)
        if (got->clip_ids.items[i].n == CLIP_ID_BYTES)
            stored[stored_count++] = got->clip_ids.items[i];
    if (got->days.n > 0)
        memcpy(days, got->days.items, got->days.n * sizeof *days);
    qsort(stored, stored_count, sizeof *stored, by_id);
    struct quota quota = {days, got->days.n, stored, stored_count, scan->settings->clips_per_day_max};
    size_t gone = scan_rows_filter_clips(scan->rows, stays, &quota);
    if (gone > 0) {
        ry_count(scan_ctx(scan), RY_COUNTER_clips_over_limit, gone);
        RY_LOG(RY_INFO, "clips_over_limit", "job=%.*s channel=%.*s clips=%zu a_day=%" PRIu64,
               RY_STR_ARG(scan_order(scan)->job_id), RY_STR_ARG(scan->job.channel_id), gone, quota.max);
    }
    return next_step(scan);
}

static const struct scan_step_spec STEPS[] = {
    {SCAN_DAYS, RY_TAG_days_got, step_days, on_days_got},
};
const struct scan_steps scan_days_steps = {STEPS, sizeof STEPS / sizeof *STEPS};
