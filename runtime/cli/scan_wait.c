/* scan_wait.c: the course of `reelyard scan`.
 *
 *   look ──> (a job waits already: await) ──> push ──> await ──> (push what is older ──> await) ──> clips
 *
 * The queue says whether the scan goes on: a slice's end and the next slice's job are one step there, so a channel
 * without a job has no scan under way. How it ended is in the scan's row; of a job that was given up, among the dead
 * letters.
 *
 * "All" is two jobs when the channel was scanned before: from the newest message back to what is known, and from the
 * oldest known one to the beginning, which an earlier scan with --limit or --since may never have seen. A scan that did
 * not end well may have left gaps anywhere, so after one everything is read. */
#include "runtime/cli/scan_wait.h"

#include <inttypes.h>

#define LOOK_MS       100
#define FIND_EVERY_MS 1000
/* The time left is told once a twentieth of the time is behind. */
#define BEHIND_LEAST_PART 20
#define PAGE_LETTERS      256
#define PAGE_BYTES        ((size_t)16 << 20)

/* ---- questions --------------------------------------------------------------------------------------------------- */

static void read_row(struct ry_scan_figures *figures, const struct ry_scan_row *row)
{
    *figures =
        (struct ry_scan_figures){.exists = true,
                                 .succeeded = ry_str_is(row->status, "SUCCEEDED"),
                                 .running = ry_str_is(row->status, "RUNNING") || ry_str_is(row->status, "QUEUED"),
                                 .messages = row->total_messages_scanned,
                                 .clips = row->message_count,
                                 .waiting = row->clips_waiting,
                                 .failed = row->clips_failed};
    (void)snprintf(figures->status, sizeof figures->status, "%.*s", RY_STR_ARG(row->status));
    (void)snprintf(figures->reason, sizeof figures->reason, "%.*s", RY_STR_ARG(row->error_message));
    (void)ry_str_u64(row->forward_message_id, &figures->newest_id);
    (void)ry_str_u64(row->backward_message_id, &figures->oldest_id);
}

static bool look(struct ry_scan_wait *wait, struct ry_scan_figures *figures)
{
    struct ry_scan_get get = {.channel_id = wait->request->channel_id};
    for (;;) {
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(&wait->inquiry, RY_TAG_scan_get, &get, &mail))
            return false;
        const struct ry_scan_got *got = RY_BODY(mail, scan_got);
        if (got->error.n > 0) {
            if (!ry_inquiry_endure_answer(&wait->inquiry, "the database", got->error))
                return false;
            continue;
        }
        *figures = (struct ry_scan_figures){0};
        if (got->scans.n > 0)
            read_row(figures, &got->scans.items[0]);
        return true;
    }
}

/* Whether a scan job of the channel waits or is worked on, by anyone. */
static bool find_job(struct ry_scan_wait *wait, bool *found)
{
    struct ry_channel_ref channel = {wait->request->guild_id, wait->request->channel_id};
    struct ry_jobs_find find = {.channels = {&channel, 1}};
    for (;;) {
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(&wait->inquiry, RY_TAG_jobs_find, &find, &mail))
            return false;
        const struct ry_jobs_found *answer = RY_BODY(mail, jobs_found);
        *found = answer->without.n == 0;
        if (answer->error.n == 0)
            return true;
        if (!ry_inquiry_endure_answer(&wait->inquiry, "the queue", answer->error))
            return false;
    }
}

static bool count_dead(struct ry_scan_wait *wait, uint64_t *dead)
{
    struct ry_queue_get get = {0};
    for (;;) {
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(&wait->inquiry, RY_TAG_queue_get, &get, &mail))
            return false;
        const struct ry_queue_state *state = RY_BODY(mail, queue_state);
        *dead = state->dead;
        if (state->healthy)
            return true;
        if (!ry_inquiry_endure_answer(&wait->inquiry, "the queue", state->reason))
            return false;
    }
}

/* ---- the scan ---------------------------------------------------------------------------------------------------- */

static bool push(struct ry_scan_wait *wait, const char *rescan, struct ry_str before_id)
{
    struct ry_job_entry entry;
    struct ry_error why;
    if (!count_dead(wait, &wait->dead_before))
        return false;
    wait->pushed_wall_ms = ry_wall_ms(wait->clock);
    if (ry_scan_request_job(wait->request, rescan, before_id, ry_wall_ms(wait->clock), &entry, &why) != RY_OK) {
        ry_inquiry_break(&wait->inquiry, &why);
        return false;
    }
    struct ry_job_spec spec = {.job_id = entry.push.job_id,
                               .type = entry.push.type,
                               .guild_id = entry.push.guild_id,
                               .channel_id = entry.push.channel_id,
                               .json = entry.push.json};
    struct ry_jobs_push jobs = {.jobs = {&spec, 1}};
    bool pushed = false;
    const struct ry_mail *mail = NULL;
    while (!pushed && ry_inquiry_ask(&wait->inquiry, RY_TAG_jobs_push, &jobs, &mail)) {
        const struct ry_jobs_pushed *answer = RY_BODY(mail, jobs_pushed);
        pushed = answer->error.n == 0;
        if (!pushed && !ry_inquiry_endure_answer(&wait->inquiry, "the queue", answer->error))
            break;
    }
    ry_job_entry_free(&entry);
    return pushed;
}

static uint64_t grown(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

/* How long the first scan of a channel still takes, by the time that its messages span: it lies between the channel's
 * first day and now. False: nobody can know; so too while little of that time is behind, for a week says nothing of ten
 * years. */
static bool time_left_s(const struct ry_scan_wait *wait, int64_t *left_s)
{
    const struct ry_scan_figures *now = &wait->now;
    uint64_t channel = 0;
    (void)ry_str_u64(wait->request->channel_id, &channel);
    if (wait->begin.oldest_id != 0 || wait->request->messages_max > 0 || now->oldest_id == 0)
        return false;
    int64_t behind_ms = ry_scan_id_wall_ms(now->newest_id) - ry_scan_id_wall_ms(now->oldest_id);
    int64_t ahead_ms = wait->request->forward ? wait->begin_wall_ms - ry_scan_id_wall_ms(now->newest_id)
                                              : ry_scan_id_wall_ms(now->oldest_id) - ry_scan_id_wall_ms(channel);
    if (ahead_ms < 0 || behind_ms < (behind_ms + ahead_ms) / BEHIND_LEAST_PART || behind_ms <= 0)
        return false;
    double elapsed_s = (double)(ry_mono_ms(wait->clock) - wait->begin_mono_ms) / 1000;
    *left_s = (int64_t)(elapsed_s * (double)ahead_ms / (double)behind_ms + 0.5);
    return true;
}

static void show_scan(struct ry_scan_wait *wait, bool last)
{
    const struct ry_scan_figures *now = &wait->now;
    char detail[160];
    char day[RY_TIME_TEXT_BYTES];
    int64_t left_s = 0;
    uint64_t reached = wait->request->forward ? now->newest_id : now->oldest_id;
    int n = snprintf(detail, sizeof detail, "%" PRIu64 " clips", grown(now->clips, wait->begin.clips));
    if (!last && reached > 0 && wait->begin.oldest_id == 0) {
        ry_time_format(ry_scan_id_wall_ms(reached), day);
        n += snprintf(detail + n, sizeof detail - (size_t)n, ", %s %.10s", wait->request->forward ? "up to" : "back to",
                      day);
    }
    if (!last && time_left_s(wait, &left_s))
        (void)snprintf(detail + n, sizeof detail - (size_t)n, ", about %" PRId64 ":%02d left", left_s / 60,
                       (int)(left_s % 60));
    uint64_t done = grown(now->messages, wait->begin.messages);
    if (last)
        ry_progress_finish(&wait->progress, done, 0, detail);
    else
        ry_progress_update(&wait->progress, done, wait->request->messages_max, detail);
}

/* Until no job of the channel is left; wait->now then has how the scan ended. */
static bool await_scan(struct ry_scan_wait *wait)
{
    int64_t found_mono_ms = ry_mono_ms(wait->clock) - FIND_EVERY_MS;
    bool found = true;
    while (found) {
        if (!look(wait, &wait->now))
            return false;
        show_scan(wait, false);
        if (!wait->now.running || ry_mono_ms(wait->clock) - found_mono_ms >= FIND_EVERY_MS) {
            if (!find_job(wait, &found))
                return false;
            found_mono_ms = ry_mono_ms(wait->clock);
        }
        if (found && !ry_inquiry_pause(&wait->inquiry, LOOK_MS))
            return false;
    }
    return look(wait, &wait->now);
}

/* ---- how it ended ------------------------------------------------------------------------------------------------ */

static void note_letter(struct ry_scan_wait *wait, const struct ry_dead *letter)
{
    bool ours = letter->kind == RY_DEAD_JOB && letter->died_wall_ms >= wait->pushed_wall_ms &&
                ry_str_eq(letter->channel_id, wait->request->channel_id);
    if (ours)
        ry_reasons_add(&wait->inquiry.errors, "the scan failed: %.*s", RY_STR_ARG(letter->reason));
}

/* The reasons of jobs that were given up since the last push. */
static int read_letters(struct ry_scan_wait *wait, struct ry_job_queue *queue, struct ry_error *err)
{
    struct ry_dead letters[PAGE_LETTERS];
    int64_t after = 0;
    size_t n = 0;
    do {
        RY_ARENA_AUTO arena = ry_arena_make(PAGE_BYTES);
        int rc = queue->ops->dead_list(queue, after, PAGE_LETTERS, &arena, letters, &n, err);
        if (rc != RY_OK)
            return rc;
        for (size_t i = 0; i < n; i++) {
            after = letters[i].id;
            note_letter(wait, &letters[i]);
        }
    } while (n > 0);
    return RY_OK;
}

static void note_dead_jobs(struct ry_scan_wait *wait)
{
    struct ry_job_queue *queue = NULL;
    struct ry_error why;
    uint64_t dead = 0;
    if (!count_dead(wait, &dead) || dead <= wait->dead_before)
        return;
    int rc = ry_session_queue(wait->cli, false, &queue, &why);
    if (rc == RY_OK)
        rc = read_letters(wait, queue, &why);
    ry_job_queue_close(&queue);
    if (rc != RY_OK)
        ry_reasons_add(&wait->inquiry.errors, "cannot read the dead letters: %s", why.text);
}

/* Notes why a scan that has no job left is not complete. True: it is. */
static bool ended_well(struct ry_scan_wait *wait)
{
    const struct ry_scan_figures *now = &wait->now;
    note_dead_jobs(wait);
    if (!ry_inquiry_goes_on(&wait->inquiry) || wait->inquiry.errors.total > 0)
        return false;
    if (now->succeeded)
        return true;
    if (!now->exists)
        ry_reasons_add(
            &wait->inquiry.errors,
            "guild %.*s has no channel %.*s in the database; with REDIS_URL their rows are made by the bot, so invite "
            "it or check both ids; without, reelyard makes them itself",
            RY_STR_ARG(wait->request->guild_id), RY_STR_ARG(wait->request->channel_id));
    else if (now->running)
        ry_reasons_add(&wait->inquiry.errors, "the scan has stalled: it is %s, and no job continues it", now->status);
    else
        ry_reasons_add(&wait->inquiry.errors, "the scan is %s: %s", now->status,
                       now->reason[0] != '\0' ? now->reason : "nobody said why");
    return false;
}

/* The mode of the first job. */
static const char *usual_rescan(const struct ry_scan_wait *wait)
{
    if (wait->request->rescan != NULL)
        return wait->request->rescan;
    return wait->now.succeeded && !wait->request->forward ? "stop" : "continue";
}

static bool scan(struct ry_scan_wait *wait)
{
    bool found = false;
    if (!look(wait, &wait->begin) || !find_job(wait, &found))
        return false;
    wait->now = wait->begin;
    ry_progress_init(&wait->progress, wait->cli->err, wait->clock, "messages");
    if (found) {
        fprintf(wait->cli->err, "a scan of this channel is in progress; following it\n");
        if (!await_scan(wait))
            return false;
    }
    const char *rescan = usual_rescan(wait);
    if (!push(wait, rescan, (struct ry_str){0}) || !await_scan(wait) || !ended_well(wait))
        return false;
    if (!ry_scan_request_is_all(wait->request) || strcmp(rescan, "stop") != 0 || wait->now.oldest_id == 0)
        return true;
    char oldest[24];
    (void)snprintf(oldest, sizeof oldest, "%" PRIu64, wait->now.oldest_id);
    return push(wait, "continue", ry_str_of(oldest)) && await_scan(wait) && ended_well(wait);
}

/* ---- the clips --------------------------------------------------------------------------------------------------- */

static uint64_t settled(const struct ry_scan_figures *figures)
{
    return grown(figures->clips, figures->waiting);
}

/* Until no clip of the channel waits or is worked on. */
static bool await_clips(struct ry_scan_wait *wait)
{
    ry_progress_init(&wait->progress, wait->cli->err, wait->clock, "clips");
    for (;;) {
        if (!look(wait, &wait->now))
            return false;
        uint64_t done = grown(settled(&wait->now), settled(&wait->begin));
        if (wait->now.waiting == 0) {
            if (done > 0)
                ry_progress_finish(&wait->progress, done, done, NULL);
            return true;
        }
        ry_progress_update(&wait->progress, done, done + wait->now.waiting, NULL);
        if (!ry_inquiry_pause(&wait->inquiry, LOOK_MS))
            return false;
    }
}

/* Whether a clip of the channel failed during this run. */
static bool is_own_failure(const void *arg, const struct ry_failed_clip *clip)
{
    const struct ry_scan_wait *wait = arg;
    return ry_str_eq(clip->channel_id, wait->request->channel_id) && clip->last_wall_ms >= wait->begin_wall_ms;
}

/* What the node has skipped so far, of all its channels. */
static bool look_at_skipped(struct ry_scan_wait *wait, struct ry_skipped *skipped)
{
    uint64_t counters[RY_COUNTER_COUNT];
    if (!ry_inquiry_counters(&wait->inquiry, counters))
        return false;
    *skipped = ry_skipped_read(counters);
    return true;
}

static void note_skipped(struct ry_scan_wait *wait, const struct ry_skipped *before)
{
    struct ry_skipped now;
    if (ry_inquiry_settle(&wait->inquiry) && look_at_skipped(wait, &now))
        wait->skipped = ry_skipped_since(&now, before);
}

void ry_scan_wait(struct ry_scan_wait *wait)
{
    struct ry_skipped before = {{0}};
    wait->begin_mono_ms = ry_mono_ms(wait->clock);
    wait->begin_wall_ms = ry_wall_ms(wait->clock);
    bool done = look_at_skipped(wait, &before) && scan(wait);
    if (wait->progress.begun)
        show_scan(wait, true);
    wait->scan_seconds = (double)(ry_mono_ms(wait->clock) - wait->begin_mono_ms) / 1000;
    /* What a failed scan had stored before gets its thumbnails all the same. */
    if (ry_inquiry_goes_on(&wait->inquiry) && (done || wait->now.waiting > 0))
        (void)await_clips(wait);
    if (wait->now.failed > 0 && ry_inquiry_goes_on(&wait->inquiry))
        (void)ry_inquiry_failed_clips(&wait->inquiry, is_own_failure, wait, &wait->failed);
    if (ry_inquiry_goes_on(&wait->inquiry))
        note_skipped(wait, &before);
}
