/* `reelyard enqueue`: a producer for people and scripts. Jobs that are well-formed are pushed, in batches that are safe
 * on disk when they are counted; the others are named and left out. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <string.h>

#include "runtime/cli/job_entry.h"
#include "runtime/cli/job_input.h"
#include "runtime/cli/session.h"

#define BATCH_JOBS  100
#define BATCH_BYTES ((size_t)8 << 20)

struct enqueue {
    struct ry_cli *cli;
    struct ry_job_queue *queue;
    bool priority_given;
    enum ry_priority priority;
    struct ry_job_entry entries[BATCH_JOBS];
    size_t count;
    size_t bytes;
    size_t accepted;
    size_t known;
    size_t refused;
};

static void drop_batch(struct enqueue *self)
{
    for (size_t i = 0; i < self->count; i++)
        ry_job_entry_free(&self->entries[i]);
    self->count = 0;
    self->bytes = 0;
}

static int push_batch(struct enqueue *self, struct ry_error *err)
{
    struct ry_job_push jobs[BATCH_JOBS];
    size_t accepted = 0;
    const struct ry_str none = {NULL, 0};
    if (self->count == 0)
        return RY_OK;
    for (size_t i = 0; i < self->count; i++)
        jobs[i] = self->entries[i].push;
    int rc = self->queue->ops->push(self->queue, jobs, self->count, none, none, &accepted, err);
    if (rc == RY_OK) {
        for (size_t i = 0; i < self->count; i++)
            if (self->entries[i].id_made)
                (void)fprintf(self->cli->out, "job_id %.*s\n", RY_STR_ARG(self->entries[i].push.job_id));
        self->accepted += accepted;
        self->known += self->count - accepted;
    }
    drop_batch(self);
    return rc;
}

/* Takes one value. Only what stops the command is an error. */
static int take(struct enqueue *self, size_t index, const struct ry_json *value, struct ry_error *err)
{
    struct ry_error reason;
    struct ry_job_entry *entry = &self->entries[self->count];
    if (ry_job_entry_read(entry, value, ry_wall_ms(ry_clock_system()), &reason) != RY_OK) {
        self->refused++;
        (void)ry_cli_complain(self->cli, RY_EXIT_FAILED, "job %zu is left out: %s", index, reason.text);
        return RY_OK;
    }
    if (self->priority_given)
        entry->push.priority = self->priority;
    self->count++;
    self->bytes += entry->push.json.n;
    return self->count == BATCH_JOBS || self->bytes >= BATCH_BYTES ? push_batch(self, err) : RY_OK;
}

static int read_all(struct enqueue *self, struct ry_job_input *input, struct ry_error *err)
{
    for (size_t index = 1;; index++) {
        const struct ry_json *value = NULL;
        int rc = ry_job_input_next(input, &value, err);
        if (rc == RY_ENOENT)
            return push_batch(self, err);
        if (rc == RY_EINVAL) {
            self->refused++;
            (void)ry_cli_complain(self->cli, RY_EXIT_FAILED, "job %zu is left out: %s", index, err->text);
            continue;
        }
        if (rc == RY_OK)
            rc = take(self, index, value, err);
        if (rc != RY_OK)
            return rc;
    }
}

static int work(struct enqueue *self, FILE *file)
{
    struct ry_job_input input;
    struct ry_error err;
    int rc = ry_session_queue(self->cli, true, &self->queue, &err);
    if (rc != RY_OK)
        return ry_cli_fail(self->cli, &err);
    ry_job_input_init(&input, file);
    rc = read_all(self, &input, &err);
    drop_batch(self);
    ry_job_input_free(&input);
    ry_job_queue_close(&self->queue);
    (void)fprintf(self->cli->out, "%zu accepted, %zu already in the queue, %zu skipped\n", self->accepted, self->known,
                  self->refused);
    if (rc != RY_OK)
        return ry_cli_fail(self->cli, &err);
    return self->refused ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int ry_cmd_enqueue(struct ry_cli *cli, int argc, char **argv)
{
    const char *priority = NULL;
    const struct ry_cli_flag flags[] = {{.name = "priority", .value = &priority}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 1, 1);
    if (code != RY_CLI_GO)
        return code;
    struct enqueue self = {.cli = cli, .priority_given = priority != NULL, .priority = RY_PRIORITY_BACKFILL};
    if (priority && strcmp(priority, "live") == 0)
        self.priority = RY_PRIORITY_LIVE;
    else if (priority && strcmp(priority, "backfill") != 0)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "--priority: \"%s\" must be live or backfill", priority);
    bool standard = strcmp(argv[1], "-") == 0;
    FILE *file = standard ? stdin : fopen(argv[1], "re");
    if (file == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "cannot open %s: %s", argv[1], strerror(errno));
    code = work(&self, file);
    if (!standard)
        (void)fclose(file);
    return code;
}
