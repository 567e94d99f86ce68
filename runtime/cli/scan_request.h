/* scan_request.h: what the options of `reelyard scan` ask for, and the jobs that do it. */
#ifndef REELYARD_RUNTIME_CLI_SCAN_REQUEST_H
#define REELYARD_RUNTIME_CLI_SCAN_REQUEST_H

#include "runtime/cli/cli.h"
#include "runtime/cli/job_entry.h"

/* The options as args; NULL: not given. */
struct ry_scan_args {
    const char *guild;
    const char *channel;
    const char *direction;
    const char *rescan;
    const char *since;
    const char *limit;
};

struct ry_scan_request {
    struct ry_str guild_id; /* borrowed from the arguments */
    struct ry_str channel_id;
    bool forward;
    const char *rescan;    /* NULL: what is usual */
    uint64_t since_id;     /* only messages behind this one; 0: from the oldest */
    uint64_t messages_max; /* 0: all */
    bool keep;             /* have the originals kept, and wait for that too */
};

/* Reads the arguments. RY_CLI_GO, or RY_EXIT_USAGE with the error reported. */
int ry_scan_request_read(struct ry_scan_request *request, const struct ry_scan_args *args, struct ry_cli *cli);

/* Whether nothing but guild and channel was said (or what is usual): then everything shall be there in the end. */
bool ry_scan_request_is_all(const struct ry_scan_request *request);

/* The batch job that does it and goes on by itself. rescan: its mode. before_id: begin behind this message instead of
 * at the newest (backward only; absent: the newest). Errors of ry_job_entry_read. Free with ry_job_entry_free. */
int ry_scan_request_job(const struct ry_scan_request *request, const char *rescan, struct ry_str before_id,
                        int64_t now_wall_ms, struct ry_job_entry *entry, struct ry_error *err);

/* When Discord gave out this id, in Unix milliseconds. Source: https://discord.com/developers/docs/reference#snowflakes
 */
int64_t ry_scan_id_wall_ms(uint64_t id);

#endif
