/* scan_request.c: arguments to a request, a request to jobs.
 *
 * A request is one job of type batch that goes on by itself (auto_continue), as the bot would write it, with two fields
 * more: `restart`, since a person asks for it, and `messages_max`. */
#include "runtime/cli/scan_request.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/clock.h"
#include "runtime/json/writer.h"

/* Messages of a slice: few enough that a stop loses little and progress is seen, many enough that its commit is cheap.
 */
#define SLICE_MESSAGES 500

#define DISCORD_EPOCH_WALL_MS INT64_C(1420070400000)

int64_t ry_scan_id_wall_ms(uint64_t id)
{
    return (int64_t)(id >> 22) + DISCORD_EPOCH_WALL_MS;
}

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static int read_id(struct ry_cli *cli, const char *flag, const char *word, struct ry_str *id)
{
    if (word == NULL)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--%s is missing: the id of the %s to scan", flag, flag);
    *id = ry_str_of(word);
    if (ry_str_is_snowflake(*id))
        return RY_CLI_GO;
    return ry_cli_complain(cli, RY_EXIT_USAGE,
                           "--%s: \"%s\" must be an id of Discord, a number such as 1424914917202464798", flag, word);
}

/* A day or a moment. */
static bool read_date(struct ry_str word, int64_t *wall_ms)
{
    char text[RY_TIME_TEXT_BYTES];
    if (word.n == strlen("2024-10-19")) {
        (void)snprintf(text, sizeof text, "%.*sT00:00:00Z", RY_STR_ARG(word));
        word = ry_str_of(text);
    }
    return ry_time_parse_utc(word, wall_ms);
}

static int read_since(struct ry_scan_request *request, struct ry_cli *cli, const char *word)
{
    int64_t wall_ms = 0;
    if (ry_str_is_snowflake(ry_str_of(word)) && ry_str_u64(ry_str_of(word), &request->since_id))
        return RY_CLI_GO;
    if (!read_date(ry_str_of(word), &wall_ms))
        return ry_cli_complain(
            cli, RY_EXIT_USAGE,
            "--since: \"%s\" must be the id of a message, a day such as 2024-10-19, or a time such as "
            "2024-10-19T15:03:09Z",
            word);
    if (wall_ms > ry_wall_ms(ry_clock_system()))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--since: \"%s\" is in the future", word);
    /* Before Discord's first message lies nothing, so from there on is everything. */
    if (wall_ms > DISCORD_EPOCH_WALL_MS)
        request->since_id = ((uint64_t)(wall_ms - DISCORD_EPOCH_WALL_MS) << 22) - 1;
    return RY_CLI_GO;
}

static int read_direction(struct ry_scan_request *request, const struct ry_scan_args *args, struct ry_cli *cli)
{
    const char *direction = args->direction;
    if (direction != NULL && strcmp(direction, "forward") != 0 && strcmp(direction, "backward") != 0)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--direction: \"%s\" must be forward or backward", direction);
    if (args->since != NULL && direction != NULL && strcmp(direction, "backward") == 0)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--since is read forward; leave out --direction backward");
    request->forward = args->since != NULL || (direction != NULL && strcmp(direction, "forward") == 0);
    return RY_CLI_GO;
}

static int read_rescan(struct ry_scan_request *request, struct ry_cli *cli, const char *word)
{
    static const char *const MODES[] = {"stop", "continue", "update"};
    for (size_t i = 0; i < sizeof MODES / sizeof MODES[0]; i++)
        if (strcmp(word, MODES[i]) == 0) {
            request->rescan = MODES[i];
            return RY_CLI_GO;
        }
    return ry_cli_complain(cli, RY_EXIT_USAGE, "--rescan: \"%s\" must be stop, continue or update", word);
}

int ry_scan_request_read(struct ry_scan_request *request, const struct ry_scan_args *args, struct ry_cli *cli)
{
    *request = (struct ry_scan_request){0};
    int code = read_id(cli, "guild", args->guild, &request->guild_id);
    if (code == RY_CLI_GO)
        code = read_id(cli, "channel", args->channel, &request->channel_id);
    if (code == RY_CLI_GO)
        code = read_direction(request, args, cli);
    if (code == RY_CLI_GO && args->rescan != NULL)
        code = read_rescan(request, cli, args->rescan);
    if (code == RY_CLI_GO && args->since != NULL)
        code = read_since(request, cli, args->since);
    if (code == RY_CLI_GO && args->limit != NULL &&
        (!ry_str_u64(ry_str_of(args->limit), &request->messages_max) || request->messages_max == 0 ||
         request->messages_max > INT64_MAX))
        code =
            ry_cli_complain(cli, RY_EXIT_USAGE, "--limit: \"%s\" must be a number of messages, 1 or more", args->limit);
    return code;
}

bool ry_scan_request_is_all(const struct ry_scan_request *request)
{
    return !request->forward && request->rescan == NULL && request->messages_max == 0;
}

/* ---- jobs -------------------------------------------------------------------------------------------------------- */

int ry_scan_request_job(const struct ry_scan_request *request, const char *rescan, struct ry_str before_id,
                        int64_t now_wall_ms, struct ry_job_entry *entry, struct ry_error *err)
{
    char since[24] = "";
    if (request->since_id > 0)
        (void)snprintf(since, sizeof since, "%" PRIu64, request->since_id);
    RY_BUF_AUTO text = ry_buf_make(RY_JOB_MAX_BYTES);
    struct ry_json_writer job = ry_json_writer(&text, false);
    ry_json_put_object(&job, NULL);
    ry_json_put_text(&job, "type", "batch");
    ry_json_put_str(&job, "guild_id", request->guild_id);
    ry_json_put_str(&job, "channel_id", request->channel_id);
    ry_json_put_text(&job, "direction", request->forward ? "forward" : "backward");
    ry_json_put_u64(&job, "limit", SLICE_MESSAGES);
    ry_json_put_str(&job, "before_message_id", before_id);
    ry_json_put_text(&job, "after_message_id", *since ? since : NULL);
    ry_json_put_bool(&job, "auto_continue", true);
    ry_json_put_text(&job, "rescan", rescan);
    ry_json_put_bool(&job, "restart", true);
    if (request->messages_max > 0)
        ry_json_put_u64(&job, "messages_max", request->messages_max);
    ry_json_put_end(&job);
    RY_JSON_AUTO *doc = NULL;
    if (text.failed)
        return ry_fail(err, RY_ENOMEM, "no memory for the job");
    int rc = ry_json_parse(ry_buf_str(&text), &doc, err);
    return rc == RY_OK ? ry_job_entry_read(entry, ry_json_root(doc), now_wall_ms, err) : rc;
}
