/* scan.h: what the files of the scanner share: the actor, one job under way, and the steps that take it on.
 *
 * A job is a small state machine. scan_run (scanner.c) is the one place where it moves: it calls a step's function,
 * which acts and returns the next step, or SCAN_WAIT when an answer of the writer or of Discord is awaited. An answer
 * finds its job by the id that the job waits for and by the step that it waits in; one that nobody waits for is
 * dropped. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_H
#define REELYARD_ACTORS_SCANNER_SCAN_H

#include <sys/queue.h>

#include "actors/scanner/job.h"
#include "actors/scanner/rows.h"
#include "actors/scanner/settings_cache.h"
#include "actors/scanner/thread_parents.h"
#include "runtime/actor/actor.h"
#include "runtime/base/arena.h"
#include "runtime/base/log.h"
#include "runtime/net/discord.h"

enum scan_step {
    SCAN_SETTINGS, /* scan_place.c */
    SCAN_PLACE,
    SCAN_PLACE_WRITE,
    SCAN_BEGIN,
    SCAN_END,
    SCAN_PARENT, /* scan_threads.c */
    SCAN_THREADS,
    SCAN_FETCH, /* scan_fetch.c */
    SCAN_FETCH_IDS,
    SCAN_SELECT,
    SCAN_KNOWN, /* scan_write.c */
    SCAN_DAYS,  /* scan_days.c */
    SCAN_MEMBERS,
    SCAN_WRITE,
    SCAN_RETRY_CLIPS, /* scan_chores.c */
    SCAN_STALE_CLIPS,
    SCAN_PURGE,
    SCAN_LEAVE_GUILD,
    SCAN_DONE, /* scanner.c */
    SCAN_WAIT,
    SCAN_STEP_COUNT
};

/* Look-ups of members that one scan has under way. */
#define SCAN_LOOKUPS_MAX 8

/* A call to Discord that a scan waits for. */
struct scan_call {
    struct scan *scan;
    struct ry_discord_call *call; /* NULL: none under way */
    size_t author;                /* of a look-up: whose */
};

struct scan {
    LIST_ENTRY(scan) link;
    struct scanner *scanner;
    struct ry_mail *mail; /* the job_run, kept */
    enum scan_step step;
    uint64_t asked;                           /* id of the ask under way; 0: none */
    struct scan_call calls[SCAN_LOOKUPS_MAX]; /* pages use the first */
    struct scan_job job;
    struct scan_settings *settings;
    struct ry_arena arena; /* strings that outlive an answer */

    struct ry_str read_id;        /* what is read: the channel, or one of its threads */
    struct scan_threads *threads; /* of the channel, once they are listed */

    /* What was read of the channel. */
    struct scan_rows *rows;
    uint64_t cursor; /* message id that the next page begins behind; 0: none yet */
    uint64_t newest; /* message ids seen; 0: none */
    uint64_t oldest;
    uint64_t seen;    /* messages */
    bool forum;       /* the channel itself has no messages */
    bool exhausted;   /* Discord has no further ones in this direction */
    uint64_t *wanted; /* live: ids that are not found yet, falling */
    size_t wanted_count;

    /* What is known of it. */
    struct ry_strs known_authors; /* in the arena */
    size_t next_author;           /* first author that was not looked up yet */
    bool stopped;                 /* a message was stored already, and the scan ends with it */
    size_t next_row;              /* first message whose rows are not sent yet */
    bool progress_sent;

    /* How it ends. */
    const char *end_status; /* of scan_end; NULL: none */
    struct ry_str end_error;
    struct ry_str next_json; /* the job that goes on from here; absent: none */
    uint64_t messages;       /* for job_done */
    uint64_t clips;
    uint64_t rejected;
};

struct refresh;
struct scanner {
    struct scan_defaults defaults;
    struct settings_cache *cache;
    struct thread_parents *parents;
    struct ry_discord *discord;
    struct ry_ctx *ctx; /* of the handler that runs now: Discord's answers come inside one */
    LIST_HEAD(, scan) scans;
    LIST_HEAD(, refresh) refreshes;
    uint64_t batch_limit;
    bool forward; /* what a batch that tells no direction does */
    int64_t purge_cooldown_ms;
    struct text_searcher *searcher;
    uint64_t warned[1024]; /* hashes of warning, channel and settings; the oldest makes room */
    size_t warned_next;
    struct ry_log_limit message_log; /* of messages put aside */
    struct ry_log_limit row_log;     /* of rows refused */
    struct ry_log_limit discord_log; /* of what keeps Discord from being asked */
};

/* ---- scanner.c --------------------------------------------------------------------------------------------------- */

const struct ry_job_run *scan_order(const struct scan *scan);
struct ry_ctx *scan_ctx(const struct scan *scan);
/* The one place where a scan moves on. */
void scan_run(struct scan *scan, enum scan_step step);

/* Answers job_failed; the scan is gone, and what it returns is a step's to return. retry: else a dead letter. */
enum scan_step scan_fail(struct scan *scan, bool retry, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same when the writer says that the database did not take it: the job is tried again however long that lasts. */
enum scan_step scan_hold(struct scan *scan, const char *doing, struct ry_str reason);
/* The same, or a dead letter when the writer says that the database will not take it later either (refused). */
enum scan_step scan_on_writer_error(struct scan *scan, const char *doing, struct ry_str reason, bool refused);

/* Asks the writer and waits for the answer in this step. */
#define SCAN_ASK(scan, name, message) scan_ask((scan), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0))
enum scan_step scan_ask(struct scan *scan, enum ry_tag tag, const void *message);

/* Calls Discord; the answer goes to on_end with call as its argument. route and path as in discord.h, by printf from
 * one text each. RY_OK, or the job has failed and the scan is gone. */
int scan_call(struct scan_call *call, enum ry_discord_method method, const char *route, const char *path,
              ry_discord_on_end *on_end);

/* What a Discord call that ended badly means for a job that needs it. */
enum scan_step scan_fail_call(struct scan *scan, int code, const struct ry_error *err);

/* ---- steps: each acts and returns the next ----------------------------------------------------------------------- */

enum scan_step scan_step_settings(struct scan *scan);
enum scan_step scan_step_place(struct scan *scan);
enum scan_step scan_step_place_write(struct scan *scan);
enum scan_step scan_step_begin(struct scan *scan);
enum scan_step scan_step_end(struct scan *scan);
enum scan_step scan_step_parent(struct scan *scan);
enum scan_step scan_step_threads(struct scan *scan);
enum scan_step scan_step_fetch(struct scan *scan);
enum scan_step scan_step_fetch_ids(struct scan *scan);
enum scan_step scan_step_select(struct scan *scan);
enum scan_step scan_step_known(struct scan *scan);
enum scan_step scan_step_days(struct scan *scan);
enum scan_step scan_step_members(struct scan *scan);
enum scan_step scan_step_write(struct scan *scan);
enum scan_step scan_step_retry_clips(struct scan *scan);
enum scan_step scan_step_stale_clips(struct scan *scan);
enum scan_step scan_step_purge(struct scan *scan);
enum scan_step scan_step_leave_guild(struct scan *scan);

/* ---- answers of the writer, for the scan that waited for them ---------------------------------------------------- */

enum scan_step scan_on_settings_got(struct scan *scan, const struct ry_settings_got *got);
enum scan_step scan_on_scan_begun(struct scan *scan, const struct ry_scan_begun *begun);
enum scan_step scan_on_scan_ended(struct scan *scan, const struct ry_scan_ended *ended);
enum scan_step scan_on_known_got(struct scan *scan, const struct ry_known_got *got);
enum scan_step scan_on_days_got(struct scan *scan, const struct ry_days_got *got);
enum scan_step scan_on_batch_written(struct scan *scan, const struct ry_batch_written *written);
enum scan_step scan_on_failed_retried(struct scan *scan, const struct ry_failed_retried *retried);
enum scan_step scan_on_clips_staled(struct scan *scan, const struct ry_clips_staled *staled);
enum scan_step scan_on_purged(struct scan *scan, const struct ry_purged *purged);

/* The step that a job goes on with when its channel is found good: what it reads first, or the scan's status. */
enum scan_step scan_first_reading(const struct scan *scan);
/* The scan of the channel ends with this status and error (NULL: none) instead of going on. */
enum scan_step scan_give_up(struct scan *scan, const char *status, const char *error);
/* Whether the scan's channel, with its settings as they are, is given this warning for the first time. */
bool scan_warns_first(struct scan *scan, const char *warning);
/* The channel is not scanned: a batch or rescan says so in the scan's status, other jobs are skipped. */
enum scan_step scan_refuse(struct scan *scan, const char *why);

/* ---- scan_next.c ------------------------------------------------------------------------------------------------- */

/* Whether another slice of what is read follows this one. */
bool scan_goes_on(const struct scan *scan);
/* Whether another slice, or another thread, follows this one, and if so its job's JSON, made into the arena and kept in
 * scan->next_json. RY_ENOMEM. */
int scan_make_next(struct scan *scan, struct ry_error *err);

/* Fills a job_spec from scan->next_json (which this program wrote, now or before a crash). False: it is damaged. */
bool scan_read_next(const struct scan *scan, struct ry_json_doc **doc, struct ry_job_spec *spec);

/* ---- refresh.c --------------------------------------------------------------------------------------------------- */

void scanner_on_urls_refresh(struct scanner *self, struct ry_ctx *ctx, struct ry_mail *mail);
void scanner_end_refreshes(struct scanner *self);

#endif
