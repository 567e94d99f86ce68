/* engine.h: a database as the writer sees it: a table of operations.
 *
 * An engine knows its own SQL and nothing of mails, answers or retries; the writer knows no SQL. Every operation
 * returns RY_OK or fails in a class that says what the writer does (runtime/base/error.h):
 *   RETRY   the transaction is rolled back and tried again later (lock held, disk full, connection lost)
 *   REJECT  these data are not to be stored (RY_EDATA): too long, out of range, belonging to nothing; others will do
 *   DIE     the database is damaged or not ours (RY_ECORRUPT, RY_ECONFIG)
 * RY_ESCHEMA, of the class RETRY, is for people: not the data are at fault, but the schema or this program. A turn that
 * meets it is done again with marks; what meets it then is undone to its mark and left for later.
 *
 * After an error inside a transaction the caller undoes to a mark or rolls back; nothing else may be called before.
 *
 * An engine over a network sends the statements of a transaction in one go and learns of them later. So what an
 * operation inside a transaction puts out (through its pointers) holds only once `settle` or `commit` has returned
 * RY_OK, an operation's error may come from a later one, and all that an operation was given must live until then.
 *
 * An engine belongs to one thread. Calls block for as long as the database takes, at most a time limit of their own.
 * Implementations: engine_sqlite.c (embedded), engine_pg.c (PostgreSQL). All pass tests/conformance/writer_suite.c. */
#ifndef REELYARD_ACTORS_WRITER_ENGINE_H
#define REELYARD_ACTORS_WRITER_ENGINE_H

#include "actors/writer/bounds.h"
#include "proto/message.h"
#include "runtime/base/arena.h"
#include "runtime/base/clock.h"
#include "runtime/base/error.h"
#include "runtime/config/config.h"

struct writer_engine;

/* The rows of a batch_write, table by table, in the order in which they refer to each other. */
enum writer_table {
    WRITER_MEDIA_ROOTS, /* 0 or 1 */
    WRITER_GUILDS,
    WRITER_CHANNELS,
    WRITER_AUTHORS,
    WRITER_MESSAGES,
    WRITER_CLIPS,
    WRITER_TABLE_COUNT
};

/* What writing rows came to; operations add to it. */
struct writer_tally {
    uint64_t changed; /* rows inserted or updated */
    uint64_t pending; /* clips among them that now wait for thumbnails */
    uint64_t cut;     /* values shortened to fit their column */
};

/* Some rows of one table of a batch. */
struct writer_slice {
    const struct ry_batch_write *batch;
    size_t first;
    size_t n;
    struct writer_tally *tally;
    bool fresh; /* most likely none of these rows is in its table: an engine may insert plainly, and fail
                 * (RY_ESCHEMA: a key that its statement does not expect) if one is */
};

/* Whether a batch may be written at all. */
enum writer_gate { WRITER_GATE_OPEN, WRITER_GATE_FENCED, WRITER_GATE_CANCELLED, WRITER_GATE_FOREIGN };

struct writer_engine_ops {
    const char *name; /* "sqlite", "postgresql" */

    /* ---- transactions. Marks nest; undo and keep end the last one. Commit that fails leaves the transaction to be
     * rolled back; rollback never fails. */
    int (*begin)(struct writer_engine *engine, struct ry_error *err);
    int (*commit)(struct writer_engine *engine, struct ry_error *err);
    void (*rollback)(struct writer_engine *engine);
    int (*mark)(struct writer_engine *engine, struct ry_error *err);
    int (*undo)(struct writer_engine *engine, struct ry_error *err);
    int (*keep)(struct writer_engine *engine, struct ry_error *err);
    /* Waits until all that was said so far is done: its outputs hold, or its error is told. */
    int (*settle)(struct writer_engine *engine, struct ry_error *err);

    /* ---- inside a transaction. Every one bears being repeated with the same arguments. */

    /* Whether a batch may be written: not if a larger token has written for its job (if none has, remembers this one;
     * two workers of one job wait for each other here), nor when its channel is another guild's, nor, if it is
     * cancellable, when its channel's scan is CANCELLED or has no status any more, because it was purged. A transaction
     * whose gate is found shut only at settle or commit fails there with RY_EFENCED; done once more with a settle after
     * each gate, it can leave the batch out. */
    int (*gate)(struct writer_engine *engine, const struct ry_batch_write *batch, enum writer_gate *gate,
                struct ry_error *err);
    /* Upserts rows of one table, of any number of batches in one statement. Rows that are already so are not written;
     * of two rows with one key the later one holds. A batch's rows are rows of its guild and channel; RY_EDATA if one
     * has the id of a row of another guild, which stays as it is. */
    int (*upsert)(struct writer_engine *engine, enum writer_table table, const struct writer_slice *slices,
                  size_t slice_count, struct ry_error *err);
    /* Puts rows of a batch that were refused for their own data on the list of refused rows, from which they go when
     * they are found in their table at a later progress of their channel, with a purge, or after a month. */
    int (*refuse)(struct writer_engine *engine, const struct ry_batch_write *batch, const struct ry_row_failure *rows,
                  size_t n, struct ry_error *err);
    /* Records where a batch's scan stands (batch->progress, which it has), after its rows: bounds, totals, status, and
     * the slice of this job. A channel without a status row gets one. Bounds only ever widen: forward_message_id
     * (newest) rises, backward_message_id (oldest) falls; both are set when neither was. message_count is counted anew.
     * Once per job: if the job's slice is on record, nothing changes. Live messages (direction "live") are no scan: a
     * row that they make is QUEUED, they raise forward_message_id and leave the status, and their slice is not the
     * channel's latest. error_message tells how many rows of the channel are on the list of refused rows, if any. */
    int (*progress)(struct writer_engine *engine, const struct ry_batch_write *batch, struct ry_error *err);
    /* See the messages of the same names in proto/messages.def. A channel without a row has no scan: nothing is begun
     * or ended. A job whose slice is on record has begun before: scan_begin tells the slice and changes nothing,
     * whatever restart and reset say, and tells cancelled if the scan is so now. */
    int (*scan_begin)(struct writer_engine *engine, const struct ry_scan_begin *begin, struct ry_arena *arena,
                      struct ry_scan_begun *begun, struct ry_error *err);
    int (*scan_end)(struct writer_engine *engine, const struct ry_scan_end *end, struct ry_scan_ended *ended,
                    struct ry_error *err);
    /* At most `limit` rows a call, in any order that ends. A channel's or guild's scans are CANCELLED, and a guild is
     * marked deleted, by the first call; the last one deletes the channel's scan status and sets its cooldown, or has
     * deleted the guild's authors and channels. Whatever points at a clip goes by its own foreign key. */
    int (*purge)(struct writer_engine *engine, const struct ry_purge *purge, struct ry_purged *purged,
                 struct ry_error *err);
    int (*files_forget)(struct writer_engine *engine, const struct ry_files_forget *forget, struct ry_error *err);
    int (*clips_stale)(struct writer_engine *engine, const struct ry_clips_stale *stale, struct ry_clips_staled *staled,
                       struct ry_error *err);
    int (*scans_stale)(struct writer_engine *engine, const struct ry_scans_stale *stale, struct ry_scans_staled *staled,
                       struct ry_error *err);
    int (*urls_store)(struct writer_engine *engine, const struct ry_urls_store *store, struct ry_error *err);
    /* Archives clips older than auto_archive_after of their channel: channel_settings, then guild_settings (settings,
     * default_channel_settings), then the defaults given; a value that is none is passed over, "never" or 0 is no
     * limit. Age counts from the message's time. A clip is archived so once: one that somebody restores stays. */
    int (*clips_archive)(struct writer_engine *engine, const struct ry_clips_archive *archive, struct ry_arena *arena,
                         struct ry_clips_archived *archived, struct ry_error *err);
    /* The clip's outcome. *found: the clip has a row; if a completed one has none, its files are put on the list of
     * files to delete. A completed one that is shorter than min_video_seconds (found as auto_archive_after is) is
     * archived, once; one that is not shorter any more and was archived for that is restored. */
    int (*clip_completed)(struct writer_engine *engine, const struct ry_clip_completed *completed, bool *found,
                          struct ry_clip_settled *settled, struct ry_error *err);
    int (*clip_failed)(struct writer_engine *engine, const struct ry_clip_failed *failed, bool *found,
                       struct ry_clip_settled *settled, struct ry_error *err);
    /* Lists live in the arena. */
    int (*clips_claim)(struct writer_engine *engine, const struct ry_clips_claim *claim, struct ry_arena *arena,
                       struct ry_clips_claimed *claimed, struct ry_error *err);
    int (*clips_renew)(struct writer_engine *engine, const struct ry_clips_renew *renew,
                       struct ry_clips_renewed *renewed, struct ry_error *err);
    int (*failed_retry)(struct writer_engine *engine, const struct ry_failed_retry *retry,
                        struct ry_failed_retried *retried, struct ry_error *err);
    /* Permanent failures that were judged before an encoder of another version was first told become due. What it says
     * holds after the commit. */
    int (*verdicts_review)(struct writer_engine *engine, struct writer_review *review, struct ry_error *err);
    /* Forgets up to max fencing tokens, and slices of jobs, that nobody used since. */
    int (*fence_prune)(struct writer_engine *engine, int64_t before_wall_ms, size_t max, struct ry_error *err);
    /* Makes due what a clock that was ahead has put off for longer than anything is (WRITER_PUT_OFF_MAX_MS): tries of
     * failed clips that were made in the future, leases, the last signs of open scans. *mended: clips. */
    int (*clock_mend)(struct writer_engine *engine, uint64_t *mended, struct ry_error *err);

    /* ---- outside a transaction: one consistent look. Strings and lists live in the arena. */
    int (*settings_get)(struct writer_engine *engine, const struct ry_settings_get *get, struct ry_arena *arena,
                        struct ry_settings_got *got, struct ry_error *err);
    int (*gallery_get)(struct writer_engine *engine, const struct ry_gallery_get *get, struct ry_arena *arena,
                       struct ry_gallery_page *page, struct ry_error *err);
    int (*archive_get)(struct writer_engine *engine, struct ry_archive_state *state, struct ry_error *err);
    int (*refused_get)(struct writer_engine *engine, const struct ry_refused_get *get, struct ry_arena *arena,
                       struct ry_refused_page *page, struct ry_error *err);
    int (*failed_get)(struct writer_engine *engine, const struct ry_failed_get *get, struct ry_arena *arena,
                      struct ry_failed_page *page, struct ry_error *err);
    int (*known_get)(struct writer_engine *engine, const struct ry_known_get *get, struct ry_arena *arena,
                     struct ry_known_got *got, struct ry_error *err);
    int (*days_get)(struct writer_engine *engine, const struct ry_days_get *get, struct ry_arena *arena,
                    struct ry_days_got *got, struct ry_error *err);
    int (*scan_get)(struct writer_engine *engine, const struct ry_scan_get *get, struct ry_arena *arena,
                    struct ry_scan_got *got, struct ry_error *err);
    int (*scans_open_get)(struct writer_engine *engine, const struct ry_scans_open_get *get, struct ry_arena *arena,
                          struct ry_scans_open_got *got, struct ry_error *err);
    int (*files_doomed_get)(struct writer_engine *engine, const struct ry_files_doomed_get *get, struct ry_arena *arena,
                            struct ry_files_doomed_got *got, struct ry_error *err);
    /* A sign of life, cheap. */
    int (*ping)(struct writer_engine *engine, struct ry_error *err);

    void (*close)(struct writer_engine *engine);
};

struct writer_engine {
    const struct writer_engine_ops *ops;
};

/* The last moment that a time column holds; stands for "never". */
#define WRITER_NEVER_WALL_MS INT64_C(253402300799999)

/* No lease lasts longer, and no clock is ahead by more unless it is wrong. */
#define WRITER_PUT_OFF_MAX_MS (INT64_C(2) * 86400000)

/* When a purge's cooldown ends, at most WRITER_NEVER_WALL_MS; 0 when it has none. */
int64_t writer_cooldown_end_wall_ms(const struct ry_purge *purge, int64_t now_wall_ms);

/* How much longer than fences and slices refused rows are kept. */
#define WRITER_REFUSED_KEPT_MS (INT64_C(30) * 24 * 3600 * 1000)

/* Most bytes of rows that one answer carries, so that it fits in an envelope; lists end early when it is reached. */
#define WRITER_ANSWER_MAX_BYTES ((size_t)4 << 20)

/* The number of rows that a batch has for a table, and the table's name. */
size_t writer_table_rows(const struct ry_batch_write *batch, enum writer_table table);
const char *writer_table_name(enum writer_table table);

#endif
