/* `reelyard dead`: dead letters lie in the queue's store and are listed, shown and dropped there, node or no node. A
 * job goes back into the queue in one step of the store. A mail goes back through a running node's router, and is
 * dropped from the store once the router has it: a crash between the two leaves it in both, and every handler bears
 * that. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "proto/crossing.h"
#include "runtime/cli/message_json.h"
#include "runtime/cli/session.h"
#include "runtime/cli/table.h"

#define PAGE_LETTERS 256
#define PAGE_BYTES   ((size_t)16 << 20)
#define LETTER_BYTES ((size_t)160 << 20)
#define WORDS_MAX    1000

static const char *kind_name(enum ry_dead_kind kind)
{
    return kind == RY_DEAD_JOB ? "job" : "mail";
}

/* The id that a word names; 0: none. */
static int64_t letter_id(const char *word)
{
    uint64_t id = 0;
    return ry_str_u64(ry_str_of(word), &id) && id <= INT64_MAX ? (int64_t)id : 0;
}

/* Hands every letter with an id in after+1 .. last to take, by pages; stops at its first error. */
static int each_letter(struct ry_job_queue *queue, int64_t last, int (*take)(void *arg, const struct ry_dead *letter),
                       void *arg, struct ry_error *err)
{
    struct ry_dead letters[PAGE_LETTERS];
    int64_t after = 0;
    for (;;) {
        RY_ARENA_AUTO arena = ry_arena_make(PAGE_BYTES);
        size_t n = 0;
        int rc = queue->ops->dead_list(queue, after, PAGE_LETTERS, &arena, letters, &n, err);
        if (rc != RY_OK || n == 0)
            return rc;
        for (size_t i = 0; i < n; i++) {
            after = letters[i].id;
            if (after > last)
                return RY_OK;
            rc = take(arg, &letters[i]);
            if (rc != RY_OK)
                return rc;
        }
    }
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static int add_json(void *arg, const struct ry_dead *letter)
{
    struct ry_json_writer *writer = arg;
    char died[RY_TIME_TEXT_BYTES];
    ry_time_format(letter->died_wall_ms, died);
    ry_json_put_object(writer, NULL);
    ry_json_put_i64(writer, "id", letter->id);
    ry_json_put_text(writer, "kind", kind_name(letter->kind));
    ry_json_put_str(writer, "job_id", letter->job_id);
    ry_json_put_str(writer, "type", letter->type);
    ry_json_put_str(writer, "guild_id", letter->guild_id);
    ry_json_put_str(writer, "channel_id", letter->channel_id);
    ry_json_put_u64(writer, "attempts", letter->attempts);
    ry_json_put_text(writer, "died_at", died);
    ry_json_put_str(writer, "reason", letter->reason);
    ry_json_put_str(writer, "summary", letter->summary);
    ry_json_put_end(writer);
    return RY_OK;
}

static int add_row(void *arg, const struct ry_dead *letter)
{
    struct ry_table *table = arg;
    char died[RY_TIME_TEXT_BYTES];
    ry_time_format(letter->died_wall_ms, died);
    ry_table_cell(table, "%lld", (long long)letter->id);
    ry_table_cell(table, "%s", kind_name(letter->kind));
    ry_table_cell(table, "%.*s", RY_STR_ARG(letter->type));
    ry_table_cell(table, "%.*s", RY_STR_ARG(letter->guild_id));
    ry_table_cell(table, "%s", died);
    ry_table_cell(table, "%u", letter->attempts);
    ry_table_cell(table, "%.*s", RY_STR_ARG(letter->reason));
    return RY_OK;
}

static int list(struct ry_cli *cli, struct ry_job_queue *queue, bool json, struct ry_error *err)
{
    static const char *const headings[] = {"ID", "KIND", "TYPE", "GUILD", "DIED", "ATTEMPTS", "REASON"};
    if (json) {
        RY_BUF_AUTO text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES);
        struct ry_json_writer array = ry_json_writer(&text, true);
        ry_json_put_array(&array, NULL);
        int rc = each_letter(queue, INT64_MAX, add_json, &array, err);
        ry_json_put_end(&array);
        return rc == RY_OK ? ry_message_json_print(&text, cli->out, err) : rc;
    }
    struct ry_table table;
    ry_table_init(&table, headings, sizeof headings / sizeof *headings);
    int rc = each_letter(queue, INT64_MAX, add_row, &table, err);
    ry_table_print(&table, cli->out);
    return rc;
}

static void show_text(struct ry_cli *cli, const char *name, struct ry_str text)
{
    (void)fprintf(cli->out, "%-11s", name);
    ry_cli_print_safe(cli->out, text);
    (void)fputc('\n', cli->out);
}

static int show(struct ry_cli *cli, struct ry_job_queue *queue, int64_t id, struct ry_error *err)
{
    RY_ARENA_AUTO arena = ry_arena_make(LETTER_BYTES);
    struct ry_dead letter;
    int rc = queue->ops->dead_get(queue, id, &arena, &letter, err);
    if (rc != RY_OK)
        return rc;
    char died[RY_TIME_TEXT_BYTES];
    ry_time_format(letter.died_wall_ms, died);
    (void)fprintf(cli->out, "%-11s%lld\n%-11s%s\n", "id", (long long)letter.id, "kind", kind_name(letter.kind));
    show_text(cli, letter.kind == RY_DEAD_JOB ? "job_id" : "mail_id", letter.job_id);
    show_text(cli, "type", letter.type);
    show_text(cli, "guild", letter.guild_id);
    show_text(cli, "channel", letter.channel_id);
    (void)fprintf(cli->out, "%-11s%s\n%-11s%u\n", "died", died, "attempts", letter.attempts);
    show_text(cli, "reason", letter.reason);
    show_text(cli, "summary", letter.summary);
    if (letter.kind == RY_DEAD_JOB)
        show_text(cli, "job", letter.body);
    return RY_OK;
}

/* ---- changing ---------------------------------------------------------------------------------------------------- */

/* What is done with each letter, and how it went. */
struct change {
    struct ry_cli *cli;
    struct ry_job_queue *queue;
    struct ry_session session; /* joined when the first mail is replayed */
    struct ry_error *err;      /* of the store */
    bool replay;
    int64_t ids[PAGE_LETTERS]; /* to be taken in one step */
    size_t count;
    size_t done;
    size_t failed;
};

/* A letter in Redis may be of anybody who writes there. What never comes by mail from elsewhere, a purge or the path of
 * a file, is not replayed from there either. */
static int check_foreign(const struct ry_cli *cli, struct ry_str mail, struct ry_error *err)
{
    struct ry_frames frames;
    struct ry_envelope head;
    if (ry_config_str(cli->config, RY_OPT_redis_url)[0] == '\0')
        return RY_OK;
    int rc = ry_mail_thaw(mail, &head, frames.items, RY_FRAMES_MAX, err);
    if (rc != RY_OK)
        return rc;
    frames.n = head.frame_count;
    ry_frames_clear(&frames);
    const struct ry_descriptor *descriptor = ry_descriptor(head.tag);
    const char *why = descriptor ? ry_crossing_fault(mail, descriptor) : "it is of an unknown kind";
    return why == NULL
               ? RY_OK
               : ry_fail(err, RY_EACCES, "it is in Redis, where others may write, and is not replayed: %s", why);
}

static int replay_mail(struct change *change, int64_t id, struct ry_error *err)
{
    RY_ARENA_AUTO arena = ry_arena_make(LETTER_BYTES);
    struct ry_dead letter;
    int rc = change->queue->ops->dead_get(change->queue, id, &arena, &letter, err);
    if (rc == RY_OK)
        rc = check_foreign(change->cli, letter.body, err);
    if (rc == RY_OK && change->session.console == NULL)
        rc = ry_session_join(&change->session, change->cli, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_mail_replay question = {.mail = {.p = letter.body.p, .n = letter.body.n}};
    const struct ry_mail *answer = NULL;
    rc = ry_session_ask(&change->session, RY_TAG_mail_replay, &question, &answer, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_replayed *replayed = RY_BODY(answer, replayed);
    if (!replayed->accepted)
        return ry_fail(err, RY_EFULL, "the node refused it: %.*s", RY_STR_ARG(replayed->reason));
    struct ry_error outcome;
    rc = change->queue->ops->dead_take(change->queue, &id, 1, false, &outcome, err);
    return rc == RY_OK && outcome.code != RY_OK ? ry_fail(err, outcome.code, "%s", outcome.text) : rc;
}

/* Takes the letters that were gathered. */
static int change_gathered(struct change *change, struct ry_error *err)
{
    struct ry_error outcomes[PAGE_LETTERS];
    size_t n = change->count;
    change->count = 0;
    int rc = change->queue->ops->dead_take(change->queue, change->ids, n, change->replay, outcomes, err);
    for (size_t i = 0; i < n && rc == RY_OK; i++) {
        int taken = (int)outcomes[i].code;
        if (change->replay && taken == RY_EUNSUPPORTED)
            taken = replay_mail(change, change->ids[i], &outcomes[i]);
        change->done += taken == RY_OK;
        change->failed += taken != RY_OK;
        if (taken != RY_OK)
            (void)ry_cli_complain(change->cli, RY_EXIT_FAILED, "%lld: %s", (long long)change->ids[i], outcomes[i].text);
    }
    return rc;
}

static int change_one(struct change *change, int64_t id, struct ry_error *err)
{
    change->ids[change->count++] = id;
    return change->count == PAGE_LETTERS ? change_gathered(change, err) : RY_OK;
}

static int change_letter(void *arg, const struct ry_dead *letter)
{
    struct change *change = arg;
    return change_one(change, letter->id, change->err);
}

static int note_id(void *arg, const struct ry_dead *letter)
{
    *(int64_t *)arg = letter->id;
    return RY_OK;
}

/* Every letter that is there now: one that dies again while this works would otherwise go round for ever. */
static int change_all(struct change *change, struct ry_error *err)
{
    int64_t last = 0;
    int rc = each_letter(change->queue, INT64_MAX, note_id, &last, err);
    return rc == RY_OK ? each_letter(change->queue, last, change_letter, change, err) : rc;
}

static int change_letters(struct ry_cli *cli, struct ry_job_queue *queue, int argc, char **argv, struct ry_error *err)
{
    struct change change = {
        .cli = cli, .queue = queue, .session = RY_SESSION_NONE, .err = err, .replay = strcmp(argv[1], "replay") == 0};
    int rc = argc == 2 ? change_all(&change, err) : RY_OK;
    for (int i = 2; i < argc && rc == RY_OK; i++)
        rc = change_one(&change, letter_id(argv[i]), err);
    if (rc == RY_OK)
        rc = change_gathered(&change, err);
    (void)ry_session_close(&change.session, NULL);
    (void)fprintf(cli->out, "%zu %s\n", change.done, change.replay ? "replayed" : "dropped");
    if (rc == RY_OK && change.failed)
        rc = ry_fail(err, RY_EDATA, "%zu could not be %s", change.failed, change.replay ? "replayed" : "dropped");
    return rc;
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static int check_words(struct ry_cli *cli, int argc, char **argv, bool all, bool json)
{
    const char *verb = argv[1];
    bool changes = strcmp(verb, "replay") == 0 || strcmp(verb, "drop") == 0;
    bool lists = strcmp(verb, "list") == 0;
    bool shows = strcmp(verb, "show") == 0;
    if (!changes && !lists && !shows)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "\"%s\" must be list, show, replay or drop", verb);
    if ((lists && argc > 2) || (shows && argc != 3) || (all && !changes) || (json && !lists))
        return ry_cli_complain(cli, RY_EXIT_USAGE, "usage: reelyard dead %s", cli->command->usage);
    if (changes && (argc > 2) == all)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "%s needs ids, or --all", verb);
    for (int i = 2; i < argc; i++)
        if (letter_id(argv[i]) == 0)
            return ry_cli_complain(cli, RY_EXIT_USAGE, "\"%s\" is not an id of a dead letter", argv[i]);
    return RY_CLI_GO;
}

int ry_cmd_dead(struct ry_cli *cli, int argc, char **argv)
{
    bool all = false;
    bool json = false;
    const struct ry_cli_flag flags[] = {{.name = "all", .given = &all}, {.name = "json", .given = &json}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 2, 1, WORDS_MAX);
    if (code == RY_CLI_GO)
        code = check_words(cli, argc, argv, all, json);
    if (code != RY_CLI_GO)
        return code;
    struct ry_job_queue *queue = NULL;
    struct ry_error err;
    int rc = ry_session_queue(cli, false, &queue, &err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    if (strcmp(argv[1], "list") == 0)
        rc = list(cli, queue, json, &err);
    else if (strcmp(argv[1], "show") == 0)
        rc = show(cli, queue, letter_id(argv[2]), &err);
    else
        rc = change_letters(cli, queue, argc, argv, &err);
    ry_job_queue_close(&queue);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
