/* scan.h: one job under way, and the verbs with which its steps act.
 *
 * A job is a small state machine. scan_run is the one place where it moves: it calls a step's function, which acts and
 * returns the next step, or SCAN_WAIT when it waits for an answer of the writer or of Discord. Each file of steps
 * exports a table (scan_steps.h); the wiring in scanner.c puts the tables together, and nothing below it knows which
 * function a step has.
 *
 * All of it runs in the scanner's thread. A crash loses it; the job is leased elsewhere and starts again. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_H
#define REELYARD_ACTORS_SCANNER_SCAN_H

#include <sys/queue.h>

#include "actors/scanner/job.h"
#include "actors/scanner/rows.h"
#include "actors/scanner/thread_list.h"
#include "runtime/actor/actor.h"
#include "runtime/base/arena.h"
#include "runtime/net/discord.h"

enum scan_step {
    SCAN_SETTINGS, /* scan_settings.c */
    SCAN_PARENT,   /* scan_parent.c */
    SCAN_PLACE,    /* scan_place.c */
    SCAN_PLACE_WRITE,
    SCAN_BEGIN, /* scan_status.c */
    SCAN_END,
    SCAN_FETCH, /* scan_fetch.c */
    SCAN_FETCH_IDS,
    SCAN_SELECT,
    SCAN_KNOWN, /* scan_known.c */
    SCAN_MEMBERS,
    SCAN_DAYS,        /* scan_days.c */
    SCAN_THREADS,     /* scan_threads.c */
    SCAN_WRITE,       /* scan_write.c */
    SCAN_RETRY_CLIPS, /* scan_chores.c */
    SCAN_STALE_CLIPS,
    SCAN_PURGE,
    SCAN_LEAVE_GUILD,
    SCAN_DONE, /* scan_next.c */
    SCAN_STEP_COUNT,
    SCAN_WAIT = SCAN_STEP_COUNT /* no step: an answer is awaited, or the scan is gone */
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
    unsigned magic;
    LIST_ENTRY(scan) link;
    struct scanner *scanner;
    struct ry_mail *mail; /* the job_run, kept */
    enum scan_step step;
    uint64_t asked;                           /* id of the ask under way; 0: none */
    struct scan_call calls[SCAN_LOOKUPS_MAX]; /* pages use the first */
    struct scan_job job;
    struct scan_settings *settings;
    struct ry_arena arena; /* strings that outlive an answer */

    struct ry_str read_id;      /* what is read: the channel, or one of its threads */
    struct thread_list threads; /* of the channel */

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

/* Adds a scan for a job_run and keeps the mail. The job becomes the scan's. NULL: no memory, and nothing is taken. */
struct scan *scan_new(struct scanner *self, struct ry_mail *mail, const struct scan_job *job);
/* Removes the scan without a word to anybody. */
void scan_free(struct scan *scan);
/* Reports the mail done, which has been answered, and frees the scan. */
void scan_leave(struct scan *scan);

const struct ry_job_run *scan_order(const struct scan *scan);
struct ry_ctx *scan_ctx(const struct scan *scan);
/* Whether it reads the history of a channel, and not single messages. */
bool scan_is_history(const struct scan *scan);
/* Whether messages that are stored already are written again. */
bool scan_updates(const struct scan *scan);
/* Whether a thread is read, and not the channel itself. */
bool scan_reads_thread(const struct scan *scan);
/* Whether all that the job allows has been read (messages_max). */
bool scan_is_used_up(const struct scan *scan);
/* The step that a job goes on with when its channel is found good: what it reads first, or the scan's status. */
enum scan_step scan_first_reading(const struct scan *scan);
/* Whether the scan's channel, with its settings as they are, is given this warning for the first time. */
bool scan_warns_first(struct scan *scan, const char *warning);

/* The one place where a scan moves on. SCAN_WAIT: it does not. */
void scan_run(struct scan *scan, enum scan_step step);

/* Answers job_failed to a job_run. retry: else a dead letter. held: the attempt does not count. */
void scan_answer_failed(struct ry_ctx *ctx, const struct ry_mail *mail, bool retry, bool held, const char *reason);
/* Answers job_failed; the scan is gone, and what it returns is a step's to return. retry: else a dead letter. */
enum scan_step scan_fail(struct scan *scan, bool retry, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The same when the writer says that the database did not take it: the job is tried again however long that lasts. */
enum scan_step scan_hold(struct scan *scan, const char *doing, struct ry_str reason);
/* The same, or a dead letter when the writer says that the database will not take it later either (refused). */
enum scan_step scan_on_writer_error(struct scan *scan, const char *doing, struct ry_str reason, bool refused);

/* Asks the writer and waits for the answer in this step. */
#define SCAN_ASK(scan, name, message) scan_ask((scan), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0))
enum scan_step scan_ask(struct scan *scan, enum ry_tag tag, const void *message);

/* Calls Discord; the answer goes to on_end with call as its argument. route and path as in discord.h. RY_OK, or the job
 * has failed and the scan is gone. */
int scan_call(struct scan_call *call, enum ry_discord_method method, const char *route, const char *path,
              ry_discord_on_end *on_end);
/* What a Discord call that ended badly means for a job that needs it. */
enum scan_step scan_fail_call(struct scan *scan, int code, const struct ry_error *err);

#endif
