/* `reelyard status`: what the archive holds, what waits, what runs.
 *
 * What can be asked is gathered in one JSON object, which --json prints and from which the text is written, so that
 * both always tell the same. Asks the node that runs on the data folder; without one, a writer of its own for a moment.
 * What does not answer in a few seconds is a problem that is named; the rest is still shown. Makes nothing that is not
 * there. */
#include "runtime/cli/cli.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "runtime/cli/datadir.h"
#include "runtime/cli/message_json.h"
#include "runtime/cli/page.h"
#include "runtime/cli/status_cluster.h"
#include "runtime/cli/status_text.h"

/* What does not answer is named in at most so many bytes. */
#define PROBLEMS_MAX_BYTES ((size_t)16 * 1024)
/* How long each part of the node is waited for: the router answers always, the others may stand still. */
#define ASK_MS         2000
#define ASK_ARCHIVE_MS 5000
#define ASK_OWN_MS     30000 /* the writer that this command has started */

struct status {
    struct ry_cli *cli;
    struct ry_buf text; /* an object with data, database, jobs, running, pid, node, page, queue, archive, problems */
    struct ry_json_writer writer;
    struct ry_buf problems; /* a line each */
    size_t problem_count;
    struct ry_place database, jobs;
    bool no_archive; /* there is none yet */
    struct ry_page page;
};

/* ---- gathering --------------------------------------------------------------------------------------------------- */

static void add_problem(struct status *self, const char *what, const struct ry_error *err)
{
    (void)ry_buf_addf(&self->problems, "%s: %s", what, err->text);
    (void)ry_buf_add(&self->problems, "", 1);
    self->problem_count++;
}

/* Where something is by the configuration of this command, and what decided it. */
static void add_place(struct status *self, const char *name, const struct ry_place *place)
{
    ry_json_put_object(&self->writer, name);
    ry_json_put_text(&self->writer, "where", place->where);
    ry_json_put_text(&self->writer, "because", place->why);
    ry_json_put_end(&self->writer);
}

/* The node's counters by name instead of by position. */
static void put_counters(struct ry_json_writer *writer, const struct ry_node_state *state)
{
    ry_json_put_object(writer, "counters");
    for (size_t i = 0; i < state->counters.n; i++) {
        const struct ry_counter_value *counter = &state->counters.items[i];
        if (counter->index < RY_COUNTER_COUNT)
            ry_json_put_u64(writer, ry_counter_name((enum ry_counter)counter->index), counter->value);
    }
    ry_json_put_end(writer);
}

static bool has_instance(const struct ry_node_state *node, const char *role)
{
    for (size_t i = 0; i < node->instances.n; i++)
        if (ry_str_is(node->instances.items[i].role, role))
            return true;
    return false;
}

/* Asks the node for its state; *ingester: it has one, whom to ask for the queue. */
static void ask_node(struct status *self, struct ry_session *session, bool *ingester)
{
    const struct ry_node_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    struct ry_error err;
    if (ry_session_ask(session, RY_TAG_node_get, &question, &answer, &err) != RY_OK) {
        add_problem(self, "node", &err);
        return;
    }
    *ingester = has_instance(RY_BODY(answer, node_state), "ingester");
    ry_json_put_object(&self->writer, "node");
    ry_message_json_fields(&self->writer, &answer->descriptor->record, answer->body, "counters");
    put_counters(&self->writer, RY_BODY(answer, node_state));
    ry_json_put_end(&self->writer);
}

/* What is said of a question that was not answered. */
static int no_answer(struct ry_error *err, int rc, const char *who, int64_t waited_ms)
{
    return rc == RY_ETIMEOUT
               ? ry_fail(err, RY_ETIMEOUT, "the %s did not answer within %" PRId64 " s", who, waited_ms / 1000)
               : rc;
}

static void ask_archive(struct status *self, struct ry_session *session)
{
    const struct ry_archive_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    struct ry_error err;
    int rc = ry_session_ask(session, RY_TAG_archive_get, &question, &answer, &err);
    rc = no_answer(&err, rc, "writer", session->ask_ms);
    const struct ry_archive_state *state = rc == RY_OK ? RY_BODY(answer, archive_state) : NULL;
    if (state && state->error.p)
        rc = ry_fail(&err, RY_EIO, "%.*s", RY_STR_ARG(state->error));
    if (rc == RY_OK)
        ry_message_json(&self->writer, "archive", &answer->descriptor->record, state);
    else
        add_problem(self, "archive", &err);
}

static void add_queue(struct status *self, const char *engine, const struct ry_depth *depth)
{
    ry_json_put_object(&self->writer, "queue");
    ry_json_put_text(&self->writer, "engine", engine);
    ry_json_put_u64(&self->writer, "ready", depth->ready);
    ry_json_put_u64(&self->writer, "leased", depth->leased);
    ry_json_put_u64(&self->writer, "dead", depth->dead);
    ry_json_put_i64(&self->writer, "oldest_ms", depth->oldest_ms);
    ry_json_put_end(&self->writer);
}

/* The queue that this command's configuration names; `told`: that of the node has been told already, and only whether
 * this one answers is of interest. */
static void look_at_queue(struct status *self, bool told)
{
    struct ry_job_queue *queue = NULL;
    struct ry_depth depth;
    struct ry_error err;
    int rc = ry_session_queue(self->cli, false, &queue, &err);
    if (rc == RY_OK)
        rc = queue->ops->depth(queue, &depth, &err);
    if (rc != RY_OK)
        add_problem(self, "queue", &err);
    else if (!told)
        add_queue(self, queue->ops->name, &depth);
    ry_job_queue_close(&queue);
}

/* The node's own queue, as its ingester sees it: the command may have been started with another REDIS_URL, or none. */
static void ask_queue(struct status *self, struct ry_session *session)
{
    const struct ry_queue_get question = {.end_ = 0};
    const struct ry_mail *answer = NULL;
    struct ry_error err;
    int rc = ry_session_ask(session, RY_TAG_queue_get, &question, &answer, &err);
    if (no_answer(&err, rc, "ingester", session->ask_ms) != RY_OK) {
        add_problem(self, "queue of the node", &err);
        return;
    }
    const struct ry_queue_state *state = RY_BODY(answer, queue_state);
    char engine[33];
    (void)snprintf(engine, sizeof engine, "%.*s", RY_STR_ARG(state->engine));
    const struct ry_depth depth = {
        .ready = state->ready, .leased = state->leased, .dead = state->dead, .oldest_ms = (int64_t)state->oldest_ms};
    if (state->healthy) {
        add_queue(self, engine, &depth);
    } else {
        (void)ry_fail(&err, RY_EAWAY, "%.*s", RY_STR_ARG(state->reason));
        add_problem(self, "queue of the node", &err);
    }
}

/* What a node that runs says of itself and of its queue. */
static void ask_running(struct status *self, struct ry_session *session)
{
    bool redis = ry_config_str(self->cli->config, RY_OPT_redis_url)[0] != '\0';
    bool ingester = false;
    session->ask_ms = ASK_MS;
    ask_node(self, session, &ingester);
    ry_page_ask(&self->page, session);
    if (self->page.known)
        ry_json_put_text(&self->writer, "page", self->page.url);
    if (ingester)
        ask_queue(self, session);
    if (!ingester || redis)
        look_at_queue(self, ingester);
}

static void gather(struct status *self)
{
    const struct ry_config *config = self->cli->config;
    struct ry_datadir_holder holder;
    struct ry_session session;
    struct ry_error err;
    if (ry_datadir_ask(config, &holder, &err) != RY_OK) {
        add_problem(self, "data folder", &err);
        return;
    }
    bool running = holder.socket[0] != '\0';
    ry_json_put_bool(&self->writer, "running", running);
    if (running)
        ry_json_put_i64(&self->writer, "pid", holder.pid);
    bool archive = ry_config_has_postgres(config) || access(ry_config_str(config, RY_OPT_sqlite_path), F_OK) == 0;
    bool redis = ry_config_str(config, RY_OPT_redis_url)[0] != '\0';
    if (!running && (archive || redis))
        look_at_queue(self, false);
    self->no_archive = !running && !archive;
    if (self->no_archive)
        return;
    if (ry_session_open(&session, self->cli, RY_ROLE_WRITER, false, &err) != RY_OK) {
        add_problem(self, running ? "node" : "archive", &err);
        return;
    }
    if (running)
        ask_running(self, &session);
    session.ask_ms = running ? ASK_ARCHIVE_MS : ASK_OWN_MS;
    ask_archive(self, &session);
    if (ry_session_close(&session, &err) != RY_OK)
        add_problem(self, "archive", &err);
}

/* ---- printing ---------------------------------------------------------------------------------------------------- */

static void print_problems(const struct status *self)
{
    const char *problem = self->problems.p;
    for (size_t i = 0; i < self->problem_count && !self->problems.failed; i++, problem += strlen(problem) + 1)
        (void)ry_cli_complain(self->cli, RY_EXIT_FAILED, "%s", problem);
}

static int print(struct status *self, struct ry_error *err)
{
    FILE *out = self->cli->out;
    RY_JSON_AUTO *doc = NULL;
    int rc = self->text.failed ? ry_fail(err, RY_ENOMEM, "no memory for the status")
                               : ry_json_parse(ry_buf_str(&self->text), &doc, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_json *root = ry_json_root(doc);
    const struct ry_json *node = ry_json_get(root, "node");
    const struct ry_json *queue = ry_json_get(root, "queue");
    const struct ry_json *archive = ry_json_get(root, "archive");
    (void)fputs("data     ", out);
    ry_cli_print_safe(out, ry_str_of(ry_config_str(self->cli->config, RY_OPT_data)));
    (void)fprintf(out, "\ndatabase %s (%s)\n", self->database.where, self->database.why);
    (void)fprintf(out, "jobs     %s (%s)\n", self->jobs.where, self->jobs.why);
    if (node) {
        ry_status_print_process(out, node, ry_json_get_u64(root, "pid"));
    } else {
        (void)fprintf(out, "node     %s\n", ry_json_get(root, "pid") ? "runs, but does not answer" : "none runs");
    }
    if (*self->page.url)
        (void)fprintf(out, "page     %s\n", self->page.url);
    if (node)
        ry_status_print_relay(out, node);
    bool whole = self->problem_count == 0;
    if (queue)
        ry_status_print_queue(out, queue);
    else if (!whole)
        (void)fprintf(out, "queue    not known\n");
    if (archive)
        ry_status_print_archive(out, archive);
    else if (self->no_archive)
        (void)fprintf(out, "archive  there is none yet\n");
    else
        (void)fprintf(out, "archive  not known\n");
    if (node)
        ry_status_print_node(out, node);
    print_problems(self);
    return RY_OK;
}

/* Gathers all in one object. */
static void write_status(struct status *self)
{
    self->writer = ry_json_writer(&self->text, true);
    ry_json_put_object(&self->writer, NULL);
    ry_json_put_text(&self->writer, "data", ry_config_str(self->cli->config, RY_OPT_data));
    add_place(self, "database", &self->database);
    add_place(self, "jobs", &self->jobs);
    gather(self);
    ry_json_put_array(&self->writer, "problems");
    const char *problem = self->problems.p;
    for (size_t i = 0; i < self->problem_count && !self->problems.failed; i++, problem += strlen(problem) + 1)
        ry_json_put_text(&self->writer, NULL, problem);
    ry_json_put_end(&self->writer);
    ry_json_put_end(&self->writer);
}

int ry_cmd_status(struct ry_cli *cli, int argc, char **argv)
{
    bool json = false;
    bool cluster = false;
    const struct ry_cli_flag flags[] = {{.name = "json", .given = &json}, {.name = "cluster", .given = &cluster}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 2, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    if (cluster)
        return ry_status_cluster(cli, json);
    struct ry_error err;
    struct status self = {
        .cli = cli, .text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES), .problems = ry_buf_make(PROBLEMS_MAX_BYTES)};
    ry_config_database_place(cli->config, &self.database);
    ry_config_queue_place(cli->config, &self.jobs);
    write_status(&self);
    int rc = json ? ry_message_json_print(&self.text, cli->out, &err) : print(&self, &err);
    bool whole = self.problem_count == 0;
    ry_buf_free(&self.text);
    ry_buf_free(&self.problems);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    return whole ? RY_EXIT_DONE : RY_EXIT_FAILED;
}
