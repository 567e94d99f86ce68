/* `reelyard clips`: finds clips by words and filters, as the web page does. */
#include "runtime/cli/cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/cli/csv.h"
#include "runtime/cli/message_json.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"

#define QUERY_BYTES_MAX 16384
#define CURSOR_BYTES    201
#define PAGE_CLIPS      100
#define CLIPS_DEFAULT   50
#define CLIPS_MAX       1000000
/* Pages in a row without a clip: each has used up its bound of work. */
#define EMPTY_PAGES_MAX 10000

struct request {
    char cursor[CURSOR_BYTES]; /* get's, where it has one */
    struct ry_gallery_get get;
    uint64_t left; /* clips still to be printed */
    struct ry_buf query;
};

/* How the clips are told. */
struct output {
    struct ry_cli *cli;
    struct ry_json_writer *json; /* one of the three */
    struct ry_buf *csv;
    struct ry_table *table;
};

/* ---- the words --------------------------------------------------------------------------------------------------- */

/* A number with a unit behind it, as many times as units[i] says; false: it is none. */
static bool read_scaled(const char *text, const char *units, const uint64_t *factors, uint64_t *value)
{
    size_t n = strlen(text);
    const char *unit = n > 0 ? strchr(units, text[n - 1]) : NULL;
    uint64_t factor = unit && *unit ? factors[unit - units] : 1;
    struct ry_str digits = {text, n - (unit && *unit)};
    return ry_str_u64(digits, value) && !__builtin_mul_overflow(*value, factor, value) && *value <= INT64_MAX;
}

static bool read_length(const char *text, uint64_t *ms)
{
    static const uint64_t factors[] = {1, 60, 3600};
    return read_scaled(text, "smh", factors, ms) && !__builtin_mul_overflow(*ms, UINT64_C(1000), ms) &&
           *ms <= INT64_MAX;
}

static bool read_size(const char *text, uint64_t *bytes)
{
    static const uint64_t factors[] = {1000, 1000, 1000000, 1000000000};
    return read_scaled(text, "kKMG", factors, bytes);
}

/* A day (its beginning in UTC), or a time. */
static bool read_time(const char *text, int64_t *wall_ms)
{
    char whole[RY_TIME_TEXT_BYTES];
    if (strlen(text) == 10) {
        (void)snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
        text = whole;
    }
    return ry_time_parse(ry_str_of(text), wall_ms);
}

/* The position in names, which end with NULL; -1: it is none of them. */
static int position(const char *text, const char *const *names)
{
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    return -1;
}

struct given {
    const char *guild, *channel, *author, *status, *orientation, *kept, *sort, *limit;
    const char *longer, *shorter, *larger, *smaller, *from, *to;
};

static int refuse(struct ry_cli *cli, const char *option, const char *what)
{
    return ry_cli_complain(cli, RY_EXIT_USAGE, "--%s must be %s", option, what);
}

static int read_choices(struct ry_cli *cli, const struct given *given, struct ry_gallery_get *get)
{
    static const char *const statuses[] = {"pending", "processing", "completed", "failed", NULL};
    static const char *const orientations[] = {"landscape", "portrait", "square", NULL};
    static const char *const keeps[] = {"yes", "no", NULL};
    static const char *const sorts[] = {"newest", "oldest", "longest", "largest", "relevance", NULL};
    if (given->status != NULL && position(given->status, statuses) < 0)
        return refuse(cli, "status", "pending, processing, completed or failed");
    if (given->orientation != NULL && position(given->orientation, orientations) < 0)
        return refuse(cli, "orientation", "landscape, portrait or square");
    if (given->kept != NULL && position(given->kept, keeps) < 0)
        return refuse(cli, "kept", "yes or no");
    if (given->sort != NULL && position(given->sort, sorts) < 0)
        return refuse(cli, "sort", "newest, oldest, longest, largest or relevance");
    get->status = ry_str_of(given->status);
    get->orientation = ry_str_of(given->orientation);
    get->kept = given->kept != NULL ? (uint64_t)position(given->kept, keeps) + 1 : 0;
    get->sort = given->sort != NULL ? (uint64_t)position(given->sort, sorts) : RY_GALLERY_NEWEST;
    return RY_CLI_GO;
}

static int read_ranges(struct ry_cli *cli, const struct given *given, struct ry_gallery_get *get)
{
    if (given->longer != NULL && !read_length(given->longer, &get->duration_min_ms))
        return refuse(cli, "longer", "a length such as 30s, 5m or 1h");
    if (given->shorter != NULL && !read_length(given->shorter, &get->duration_max_ms))
        return refuse(cli, "shorter", "a length such as 30s, 5m or 1h");
    if (given->larger != NULL && !read_size(given->larger, &get->bytes_min))
        return refuse(cli, "larger", "a size such as 500k, 10M or 1G");
    if (given->smaller != NULL && !read_size(given->smaller, &get->bytes_max))
        return refuse(cli, "smaller", "a size such as 500k, 10M or 1G");
    if (given->from != NULL && !read_time(given->from, &get->from_wall_ms))
        return refuse(cli, "from", "a day such as 2024-10-19, or a time");
    if (given->to != NULL && !read_time(given->to, &get->to_wall_ms))
        return refuse(cli, "to", "a day such as 2024-10-19, or a time");
    return RY_CLI_GO;
}

static int read_ids(struct ry_cli *cli, const struct given *given, struct ry_gallery_get *get)
{
    const struct {
        const char *option, *value;
        struct ry_str *into;
    } ids[] = {{"guild", given->guild, &get->guild_id},
               {"channel", given->channel, &get->channel_id},
               {"author", given->author, &get->author_id}};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (ids[i].value != NULL && !ry_str_is_snowflake(ry_str_of(ids[i].value)))
            return refuse(cli, ids[i].option, "an id of Discord's");
        *ids[i].into = ry_str_of(ids[i].value);
    }
    return RY_CLI_GO;
}

static int read_request(struct ry_cli *cli, const struct given *given, int argc, char **argv, struct request *request)
{
    struct ry_gallery_get *get = &request->get;
    *get = (struct ry_gallery_get){.before_wall_ms = INT64_MAX};
    request->left = CLIPS_DEFAULT;
    int code = read_ids(cli, given, get);
    if (code == RY_CLI_GO)
        code = read_choices(cli, given, get);
    if (code == RY_CLI_GO)
        code = read_ranges(cli, given, get);
    if (code != RY_CLI_GO)
        return code;
    if (given->limit != NULL &&
        (!ry_str_u64(ry_str_of(given->limit), &request->left) || request->left == 0 || request->left > CLIPS_MAX))
        return refuse(cli, "limit", "a number from 1 to 1000000");
    for (int i = 1; i < argc; i++)
        (void)ry_buf_addf(&request->query, "%s%s", i > 1 ? " " : "", argv[i]);
    if (request->query.failed)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "the search is too long");
    if (!ry_str_is_utf8(ry_buf_str(&request->query)))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "the search is not UTF-8");
    get->query = request->query.n > 0 ? ry_buf_str(&request->query) : (struct ry_str){0};
    return RY_CLI_GO;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void add_csv(struct ry_buf *csv, const struct ry_gallery_clip *clip)
{
    char posted[RY_TIME_TEXT_BYTES], seconds[32], bytes[24];
    ry_time_format(clip->posted_wall_ms, posted);
    (void)snprintf(seconds, sizeof seconds, "%.3f", clip->duration_s);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64, clip->file_size);
    const struct ry_str cells[] = {
        clip->clip_id,      ry_str_of(posted), clip->guild_name,
        clip->channel_name, clip->author_name, clip->title,
        clip->filename,     clip->content,     clip->duration_s > 0 ? ry_str_of(seconds) : (struct ry_str){0},
        clip->resolution,   ry_str_of(bytes),  clip->status,
        clip->keep_state,   clip->guild_id,    clip->channel_id,
        clip->message_id};
    ry_csv_row(csv, cells, sizeof cells / sizeof *cells);
}

static const char *const csv_headings[] = {"clip", "posted",   "guild",      "channel",   "author", "title",
                                           "file", "message",  "seconds",    "size",      "bytes",  "status",
                                           "kept", "guild_id", "channel_id", "message_id"};

static void add_clip(const struct output *output, const struct ry_gallery_clip *clip)
{
    char posted[RY_TIME_TEXT_BYTES];
    if (output->json != NULL) {
        ry_message_json(output->json, NULL, ry_descriptor(RY_TAG_gallery_page)->record.fields[0].record, clip);
        return;
    }
    if (output->csv != NULL) {
        add_csv(output->csv, clip);
        (void)fwrite(output->csv->p, 1, output->csv->n, output->cli->out);
        ry_buf_reset(output->csv);
        return;
    }
    ry_time_format(clip->posted_wall_ms, posted);
    ry_table_cell(output->table, "%.*s", RY_STR_ARG(clip->clip_id));
    ry_table_cell(output->table, "%.16s", posted);
    ry_table_cell(output->table, "%.*s", RY_STR_ARG(clip->channel_name.n ? clip->channel_name : clip->channel_id));
    ry_table_cell(output->table, "%.*s", RY_STR_ARG(clip->author_name));
    ry_table_cell(output->table, "%.0f", clip->duration_s);
    ry_table_cell(output->table, "%.*s", RY_STR_ARG(clip->filename));
    ry_table_cell(output->table, "%.*s", RY_STR_ARG(clip->title.n ? clip->title : clip->content));
}

/* Asks for pages until enough clips came, or there are no more. *indexed: the least that any of them was answered from. */
static int each_clip(struct ry_session *session, struct request *request, const struct output *output,
                     uint64_t *indexed_permille, struct ry_error *err)
{
    for (unsigned empty = 0; request->left > 0 && empty < EMPTY_PAGES_MAX; empty++) {
        request->get.limit = request->left < PAGE_CLIPS ? request->left : PAGE_CLIPS;
        const struct ry_mail *answer = NULL;
        int rc = ry_session_ask(session, RY_TAG_gallery_get, &request->get, &answer, err);
        if (rc != RY_OK)
            return rc;
        const struct ry_gallery_page *page = RY_BODY(answer, gallery_page);
        if (page->error.p)
            return ry_fail(err, RY_EIO, "the database did not answer: %.*s", RY_STR_ARG(page->error));
        if (page->refused.p)
            return ry_fail(err, RY_EINVAL, "%.*s", RY_STR_ARG(page->refused));
        for (size_t i = 0; i < page->clips.n && request->left > 0; i++, request->left--, empty = 0)
            add_clip(output, &page->clips.items[i]);
        if (page->indexed_permille < *indexed_permille)
            *indexed_permille = page->indexed_permille;
        if (page->next.p == NULL)
            break;
        (void)snprintf(request->cursor, sizeof request->cursor, "%.*s", RY_STR_ARG(page->next));
        request->get.cursor = ry_str_of(request->cursor);
    }
    return RY_OK;
}

static int print(struct ry_cli *cli, struct ry_session *session, struct request *request, bool json, bool csv,
                 struct ry_error *err)
{
    static const char *const headings[] = {"CLIP", "POSTED (UTC)", "CHANNEL", "AUTHOR", "SECONDS", "FILE", "TEXT"};
    RY_BUF_AUTO text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES);
    struct ry_json_writer array = ry_json_writer(&text, true);
    struct ry_table table;
    struct output output = {.cli = cli, .json = json ? &array : NULL, .csv = csv ? &text : NULL};
    uint64_t indexed_permille = 1000;
    if (json) {
        ry_json_put_array(&array, NULL);
    } else if (csv) {
        struct ry_str cells[sizeof csv_headings / sizeof *csv_headings];
        for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
            cells[i] = ry_str_of(csv_headings[i]);
        ry_csv_row(&text, cells, sizeof cells / sizeof *cells);
    } else {
        ry_table_init(&table, headings, sizeof headings / sizeof *headings);
        output.table = &table;
    }
    int rc = each_clip(session, request, &output, &indexed_permille, err);
    if (output.table != NULL)
        ry_table_print(&table, cli->out);
    if (csv)
        (void)fwrite(text.p, 1, text.n, cli->out);
    if (json) {
        ry_json_put_end(&array);
        rc = rc == RY_OK ? ry_message_json_print(&text, cli->out, err) : rc;
    }
    if (rc == RY_OK && indexed_permille < 1000)
        (void)fprintf(cli->err,
                      "reelyard clips: the search index holds %u %% of the archive so far; clips may be missing\n",
                      (unsigned)(indexed_permille / 10));
    return rc;
}

int ry_cmd_clips(struct ry_cli *cli, int argc, char **argv)
{
    bool json = false, csv = false;
    struct given given = {0};
    const struct ry_cli_flag flags[] = {
        {.name = "json", .given = &json},
        {.name = "csv", .given = &csv},
        {.name = "guild", .value = &given.guild},
        {.name = "channel", .value = &given.channel},
        {.name = "author", .value = &given.author},
        {.name = "status", .value = &given.status},
        {.name = "orientation", .value = &given.orientation},
        {.name = "kept", .value = &given.kept},
        {.name = "sort", .value = &given.sort},
        {.name = "limit", .value = &given.limit},
        {.name = "longer", .value = &given.longer},
        {.name = "shorter", .value = &given.shorter},
        {.name = "larger", .value = &given.larger},
        {.name = "smaller", .value = &given.smaller},
        {.name = "from", .value = &given.from},
        {.name = "to", .value = &given.to},
    };
    struct request request = {.query = ry_buf_make(QUERY_BYTES_MAX)};
    int code = ry_cli_begin(cli, &argc, argv, flags, sizeof flags / sizeof *flags, 0, 1000);
    if (code == RY_CLI_GO && json && csv)
        code = ry_cli_complain(cli, RY_EXIT_USAGE, "--json and --csv exclude each other");
    if (code == RY_CLI_GO)
        code = read_request(cli, &given, argc, argv, &request);
    struct ry_session session;
    struct ry_error err, close_err;
    int rc = code == RY_CLI_GO ? ry_session_open(&session, cli, RY_ROLE_WRITER, false, &err) : RY_OK;
    if (code != RY_CLI_GO || rc != RY_OK) {
        ry_buf_free(&request.query);
        return code != RY_CLI_GO ? code : ry_cli_fail(cli, &err);
    }
    rc = print(cli, &session, &request, json, csv, &err);
    int close_rc = ry_session_close(&session, &close_err);
    ry_buf_free(&request.query);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    return close_rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &close_err);
}
