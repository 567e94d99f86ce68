/* rows.h: Discord messages made into rows: authors, messages and clips of those that count.
 *
 * A bad message or attachment is put aside alone, with its reason, and the rest goes on. Rows keep copies of all they
 * need, so the JSON may go when all messages are added. */
#ifndef REELYARD_ACTORS_SCANNER_ROWS_H
#define REELYARD_ACTORS_SCANNER_ROWS_H

#include "actors/scanner/clip_file.h"
#include "actors/scanner/settings.h"
#include "proto/message.h"

struct scan_rows;

/* What holds for all messages of a job; borrowed until the last add. */
struct scan_rows_context {
    struct ry_str guild_id;
    struct ry_str channel_id;
    const struct scan_settings *settings;
    struct text_searcher *searcher;
    bool given_urls;     /* author.avatar_url is honoured */
    bool file_urls;      /* attachments may have file URLs */
    bool further_videos; /* formats beyond the channel's list count too (clip_is_further_video) */
    bool proxy_urls;     /* an attachment's proxy_url, if it has one, becomes the clip's URL */
    int64_t now_wall_ms;
    /* Told of each message or attachment that is put aside: the message's id as far as it is known ("" otherwise) and a
     * sentence. */
    void (*put_aside)(void *arg, struct ry_str message_id, const char *reason);
    /* Told of each message that a regex of the settings had no time left for. */
    void (*gave_up)(void *arg, struct ry_str message_id);
    void *arg; /* of both */
};

/* Rows for at most messages_max messages. NULL without memory. */
struct scan_rows *scan_rows_new(size_t messages_max);
void scan_rows_free(struct scan_rows **rows);

/* Looks at one message (NULL is the JSON null); adds its rows if it has clips and counts, puts aside what is bad. A
 * message whose id was added before is left out. RY_OK, or RY_ENOMEM when the rows are larger than allowed. */
int scan_rows_add(struct scan_rows *rows, const struct scan_rows_context *context, const struct ry_json *message,
                  struct ry_error *err);

/* Attachments of a kind that were looked at and not taken. */
size_t scan_rows_skipped(const struct scan_rows *rows, enum clip_kind kind);

/* Clips, and messages with clips, that the rows have now. */
size_t scan_rows_clips(const struct scan_rows *rows);
size_t scan_rows_messages(const struct scan_rows *rows);

/* Ids, for questions: of message i; of author i, who may have no message left. Borrowed from the rows. */
struct ry_str scan_rows_message_id(const struct scan_rows *rows, size_t i);
size_t scan_rows_authors(const struct scan_rows *rows);
struct ry_str scan_rows_author_id(const struct scan_rows *rows, size_t i);
/* Whether author i still has a message. */
bool scan_rows_author_counts(const struct scan_rows *rows, size_t i);
/* Leaves the row that author i has as it is: no part brings him. */
void scan_rows_keep_author(struct scan_rows *rows, size_t i);

/* Leaves out the messages of these ids, with their clips; *gone: how many there were. Only before the first part. False
 * without memory. */
bool scan_rows_leave_out(struct scan_rows *rows, struct ry_strs ids, size_t *gone);

/* Leaves out the clips that keep says no to, and messages that have none left. keep is called for each clip once, in
 * the order of the rows. Only before the first part. Returns how many clips are gone. */
size_t scan_rows_filter_clips(struct scan_rows *rows,
                              bool (*keep)(void *arg, const struct ry_message_row *message,
                                           const struct ry_clip_row *clip),
                              void *arg);

/* Puts what Discord says of author i as a member of the guild (GET /guilds/{id}/members/{user}) in the place of what
 * his message said. RY_EINVAL when the answer is not about him or not to be understood: the row stays. */
int scan_rows_set_member(struct scan_rows *rows, size_t i, struct ry_str guild_id, const struct ry_json *member,
                         struct ry_error *err);

/* Puts the rows of messages from `first` on into the batch's authors, messages and clips: as many messages as make
 * about rows_max rows or bytes_max bytes, one at least, each with all its clips and its author, authors once. Returns
 * the first message that is left, or `first` itself when there is none. The lists live until the next call. */
size_t scan_rows_part(struct scan_rows *rows, size_t first, size_t rows_max, size_t bytes_max,
                      struct ry_batch_write *batch);

#endif
