/* rogue.c: the program `reelyard` with instances that were taken over.
 *
 *   fakes_rogue COMMAND ...            as reelyard; an instance that attaches to a node asks the judge first, if one
 *                                      listens beside the node's socket, and is what it says: honest, or a rogue
 *   fakes_rogue judge WORLD --data D   the judge (judge.h)
 *
 * A rogue is admitted like any instance: by the ticket that its supervisor gave it, the credentials of its process, or
 * the key of its host. Then it does what the judge says (dialog.h), and says whatever it wants. */
#include <stdlib.h>
#include <unistd.h>

#include "actors/registry.h"
#include "actors/writer/engine_sqlite.h"
#include "runtime/bus/node.h"
#include "runtime/cli/cli.h"
#include "runtime/process/leash.h"
#include "tests/fakes/rogue/dialog.h"
#include "tests/fakes/rogue/effort.h"
#include "tests/fakes/rogue/excess.h"
#include "tests/fakes/rogue/judge.h"
#include "tests/fakes/rogue/mouth.h"

#define PATIENCE_MS 120000

int __real_ry_node_attach(const struct ry_attachment *attachment, struct ry_error *err);
int __wrap_ry_node_attach(const struct ry_attachment *attachment, struct ry_error *err);

struct rogue {
    const struct ry_attachment *attachment;
    struct dialog dialog;
    struct mouth mouth;
    struct knowledge knowledge;
    bool step;         /* the judge looks after each message */
    size_t since_step; /* cells */
};

static int join(struct rogue *rogue, struct ry_error *err)
{
    const struct ry_attachment *attachment = rogue->attachment;
    char endpoint[300];
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", attachment->ipc_path);
    const struct ry_link_options options = {
        .endpoint = endpoint,
        .role = attachment->spec->role,
        .name = attachment->name,
        .timeout_ms = PATIENCE_MS,
        .pid = attachment->seal ? attachment->seal->pid : 0,
        .curve = attachment->curve,
        .ticket = attachment->supervised ? attachment->supervised->ticket : NULL,
    };
    int rc = mouth_join(&rogue->mouth, &options, err);
    /* One that is put out in the middle is a stranger, whose refusals are counted by the bag. */
    if (rc == RY_OK && (RY_ROLES_CONFINED & RY_ROLE_BIT(options.role)))
        rogue->mouth.one_a_bag = true;
    return rc;
}

static void tell_keeper(const struct rogue *rogue)
{
    const struct ry_leash_msg ready = {.kind = RY_LEASH_MSG_READY};
    if (rogue->attachment->supervised)
        (void)ry_leash_say(rogue->attachment->supervised->leash_fd, &ready);
    if (rogue->attachment->ready)
        rogue->attachment->ready(rogue->attachment->ready_arg);
}

static void say_tried(struct rogue *rogue, size_t cells, const char *message)
{
    if (!rogue->mouth.one_a_bag)
        mouth_mark(&rogue->mouth);
    if (!dialog_say(&rogue->dialog, "tried %zu %zu %s", cells, (size_t)rogue->mouth.mark, message) ||
        !dialog_hear(&rogue->dialog))
        _exit(1);
    mouth_drain(&rogue->mouth);
}

static void on_message(void *arg, const char *message, size_t cells)
{
    struct rogue *rogue = arg;
    rogue->since_step += cells;
    if (rogue->step && rogue->since_step > 0) {
        say_tried(rogue, rogue->since_step, message);
        rogue->since_step = 0;
    }
}

static void say_cell(void *arg, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
                     const struct ry_frames *frames)
{
    struct rogue *rogue = arg;
    mouth_say(&rogue->mouth, id, correlation, tag, body, frames);
}

/* The first connection of a state that has none, or what the one that is there has to say first. */
static bool begin_state(struct rogue *rogue, enum state state, const struct cells *cells)
{
    char endpoint[300];
    struct ry_error err;
    const char *ticket = rogue->attachment->supervised ? rogue->attachment->supervised->ticket : NULL;
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", rogue->attachment->ipc_path);
    if (state == STATE_BEFORE)
        return mouth_open(&rogue->mouth, endpoint, rogue->attachment->curve, &err) == RY_OK;
    if (state == STATE_WELCOME || state == STATE_SECOND)
        (void)cells_hello(cells, (uint64_t)getpid(), ticket, rogue->attachment->name);
    if (state == STATE_SECOND) {
        say_tried(rogue, rogue->since_step, "hello");
        rogue->since_step = 0;
    }
    return true;
}

static bool try(struct rogue *rogue, char *const *words, size_t n)
{
    int state = 0;
    while (state < STATE_COUNT && (n == 0 || strcmp(words[0], state_name((enum state)state)) != 0))
        state++;
    if (state == STATE_COUNT || !dialog_get_knowledge(words + 1, n - 1, &rogue->knowledge))
        return false;
    struct cells cells = {.role = rogue->attachment->spec->role,
                          .state = (enum state)state,
                          .mine = &rogue->mouth.held,
                          .knowledge = &rogue->knowledge,
                          .pause = on_message,
                          .arg = rogue};
    rogue->since_step = 0;
    if (!dialog_say(&rogue->dialog, "tries %zu", cells_try(&cells)))
        return false;
    cells.say = say_cell;
    if (!begin_state(rogue, (enum state)state, &cells))
        return false;
    (void)cells_try(&cells);
    say_tried(rogue, rogue->since_step, "-");
    return true;
}

/* The mail goes back untouched, and no other comes. */
static void give_back(struct rogue *rogue)
{
    const struct ry_credit quiet = {.capacity = 0};
    const struct ry_fail fail = {.id = rogue->mouth.held.id, .retry = true, .reason = RY_STR("given back")};
    mouth_tell(&rogue->mouth, RY_TAG_credit, &quiet);
    mouth_tell(&rogue->mouth, RY_TAG_fail, &fail);
    mouth_flush(&rogue->mouth);
}

static bool take(struct rogue *rogue)
{
    char text[600];
    const struct ry_credit credit = {.capacity = 1};
    mouth_tell(&rogue->mouth, RY_TAG_credit, &credit);
    mouth_flush(&rogue->mouth);
    if (!mouth_take(&rogue->mouth, PATIENCE_MS))
        return false;
    dialog_put_held(&rogue->mouth.held, text, sizeof text);
    return dialog_say(&rogue->dialog, "holds %s", text);
}

static void leave(struct rogue *rogue)
{
    const struct ry_bye bye = {0};
    mouth_tell(&rogue->mouth, RY_TAG_bye, &bye);
    mouth_flush(&rogue->mouth);
    rogue->mouth.one_a_bag = true;
}

/* One verb of the judge. False: it cannot be done, and the rogue ends. */
static bool obey(struct rogue *rogue)
{
    struct ry_error err = {0};
    const char *verb = rogue->dialog.words[0];
    if (strcmp(verb, "join") == 0) {
        int rc = join(rogue, &err);
        return rc == RY_OK ? dialog_say(&rogue->dialog, "joined %u", rogue->mouth.session)
                           : dialog_say(&rogue->dialog, "refused %s", err.text);
    }
    if (strcmp(verb, "take") == 0)
        return take(rogue);
    if (strcmp(verb, "try") == 0) {
        char line[DIALOG_LINE_BYTES];
        char *words[DIALOG_WORDS_MAX];
        memcpy(line, rogue->dialog.line, sizeof line); /* the judge says more meanwhile */
        for (size_t i = 0; i < rogue->dialog.n; i++)
            words[i] = line + (rogue->dialog.words[i] - rogue->dialog.line);
        return try(rogue, words + 1, rogue->dialog.n - 1);
    }
    if (strcmp(verb, "over") == 0) {
        give_back(rogue);
        return dialog_say(&rogue->dialog, "over");
    }
    if (strcmp(verb, "leave") == 0) {
        leave(rogue);
        return dialog_say(&rogue->dialog, "left");
    }
    return false;
}

int __wrap_ry_node_attach(const struct ry_attachment *attachment, struct ry_error *err)
{
    char path[200];
    const char *told = getenv("ROGUE_CONTROL");
    struct rogue rogue = {.attachment = attachment, .step = false};
    if (effort_is_for(attachment))
        effort_spend(attachment);
    if (excess_is_for(attachment))
        excess_commit(attachment);
    dialog_path(attachment->ipc_path, path);
    if (!dialog_connect(&rogue.dialog, told ? told : path) ||
        !dialog_say(&rogue.dialog, "hello %s %s", attachment->name, ry_role_name(attachment->spec->role)) ||
        !dialog_hear(&rogue.dialog) || strcmp(rogue.dialog.words[0], "rogue") != 0) {
        dialog_close(&rogue.dialog);
        return __real_ry_node_attach(attachment, err);
    }
    rogue.step = rogue.dialog.n > 1;
    mouth_init(&rogue.mouth);
    tell_keeper(&rogue);
    while (dialog_hear(&rogue.dialog) && obey(&rogue))
        continue;
    _exit(0); /* without a last word */
}

int main(int argc, char **argv)
{
    lite_set_up_process();
    struct ry_cli cli = {
        .out = stdout, .err = stderr, .env = environ, .registry = ry_registry, .registry_count = RY_REGISTRY_COUNT};
    return argc > 1 && strcmp(argv[1], "judge") == 0 ? judge_main(&cli, argc - 1, argv + 1)
                                                     : ry_cli_main(&cli, argc, argv);
}
