/* judge.c: runs the cells of a world one by one and compares the archive before and after. Owns the control socket;
 * exits with 2 when it cannot judge, so that a failure of the test is no success. */
#include "tests/fakes/rogue/judge.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/cli/datadir.h"

#define PATIENCE_MS 120000

/* ---- who comes --------------------------------------------------------------------------------------------------- */

/* Roles whose instances are rogues now. All others are honest. */
static atomic_uint claimed;

void judge_claim(enum ry_role role, bool all)
{
    if (all)
        atomic_fetch_or(&claimed, RY_ROLE_BIT(role));
    else
        atomic_fetch_and(&claimed, ~RY_ROLE_BIT(role));
}

struct door {
    int listener;
    int lobby; /* suspects are written to it, whole */
    bool step;
    bool guests;
};

/* A guest whose process has ended tries again; each is heard once. Only the door's thread asks. */
static bool was_here(const char *name)
{
    static char names[64][65];
    size_t i = 0;
    while (i < sizeof names / sizeof *names && names[i][0] && strcmp(names[i], name) != 0)
        i++;
    bool known = i == sizeof names / sizeof *names || names[i][0];
    if (!known)
        (void)snprintf(names[i], sizeof names[i], "%s", name);
    return known;
}

static enum ry_role role_of(const char *name)
{
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (strcmp(name, ry_role_name((enum ry_role)role)) == 0)
            return (enum ry_role)role;
    return RY_ROLE_NONE;
}

static void receive(const struct door *door, int fd)
{
    struct suspect *suspect = calloc(1, sizeof *suspect);
    if (suspect == NULL || !dialog_adopt(&suspect->dialog, fd) || !dialog_hear(&suspect->dialog) ||
        suspect->dialog.n < 3 || strcmp(suspect->dialog.words[0], "hello") != 0)
        scene_give_up("the judge", "somebody says no hello");
    (void)snprintf(suspect->name, sizeof suspect->name, "%s", suspect->dialog.words[1]);
    suspect->role = role_of(suspect->dialog.words[2]);
    if (!(atomic_load(&claimed) & RY_ROLE_BIT(suspect->role))) {
        (void)dialog_say(&suspect->dialog, "honest");
        dialog_close(&suspect->dialog);
        free(suspect);
        return;
    }
    if (door->guests && was_here(suspect->name))
        return; /* it waits until the judge has ended */
    (void)dialog_say(&suspect->dialog, door->step ? "rogue step" : "rogue");
    if (write(door->lobby, &suspect, sizeof suspect) != (ssize_t)sizeof suspect)
        scene_give_up("the judge", "its lobby is closed");
}

static void *doorkeeper(void *arg)
{
    const struct door *door = arg;
    for (;;) {
        int fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            receive(door, fd);
        else if (errno != EINTR)
            return NULL;
    }
}

static void open_door(struct judge *judge, const struct ry_cli *cli, struct door *door, char path[200])
{
    struct ry_error err = {0};
    char socket_path[RY_SOCKET_PATH_BYTES];
    const char *told = getenv("ROGUE_CONTROL");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int pair[2];
    pthread_t thread;
    if (ry_datadir_prepare(cli->config, &err) != RY_OK || ry_datadir_socket(cli->config, socket_path, &err) != RY_OK)
        scene_give_up("the data folder", err.text);
    dialog_path(socket_path, path);
    if (told)
        (void)snprintf(path, 200, "%s", told);
    size_t path_bytes = strlen(path) + 1;
    if (path_bytes > sizeof address.sun_path)
        scene_give_up(path, "is too long");
    memcpy(address.sun_path, path, path_bytes);
    (void)unlink(path);
    door->step = judge->step;
    door->guests = strcmp(judge->world, "guest") == 0;
    door->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (door->listener < 0 || bind(door->listener, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(door->listener, 64) != 0 || pipe(pair) != 0)
        scene_give_up(path, "cannot be listened at");
    judge->lobby = pair[0];
    door->lobby = pair[1];
    if (pthread_create(&thread, NULL, doorkeeper, door) != 0 || pthread_detach(thread) != 0)
        scene_give_up("the judge", "has no thread");
}

/* ---- what they are told ------------------------------------------------------------------------------------------ */

static void hear(struct suspect *suspect, const char *verb)
{
    if (!dialog_hear(&suspect->dialog) || strcmp(suspect->dialog.words[0], verb) != 0)
        scene_give_up(suspect->name, suspect->dialog.n ? suspect->dialog.words[0] : "is gone");
}

void judge_let_over(struct judge *judge, struct suspect *suspect)
{
    struct scene_load load;
    scene_ask(&judge->scene, NULL, &load);
    (void)dialog_say(&suspect->dialog, "over");
    hear(suspect, "over");
    scene_await_given_back(&judge->scene, suspect->role, load.held[suspect->role]);
    suspect->held.id = 0;
}

void judge_let_leave(struct judge *judge, struct suspect *suspect)
{
    (void)dialog_say(&suspect->dialog, "leave");
    hear(suspect, "left");
    scene_await_gone(&judge->scene, suspect->name);
}

void judge_want(struct judge *judge, enum ry_role role, unsigned instances, struct suspect *suspect)
{
    struct suspect *come = NULL;
    struct pollfd lobby = {.fd = judge->lobby, .events = POLLIN};
    (void)printf("start %s %u\n", ry_role_name(role), instances);
    (void)fflush(stdout);
    if (poll(&lobby, 1, PATIENCE_MS) != 1 || read(judge->lobby, &come, sizeof come) != (ssize_t)sizeof come)
        scene_give_up(ry_role_name(role), "no rogue has come");
    *suspect = *come;
    free(come);
    for (size_t i = 0; i < sizeof judge->scene.rogues / sizeof *judge->scene.rogues; i++)
        if (judge->scene.rogues[i][0] == '\0') {
            (void)snprintf(judge->scene.rogues[i], sizeof judge->scene.rogues[i], "%s", suspect->name);
            return;
        }
}

bool judge_let_join(struct suspect *suspect)
{
    (void)dialog_say(&suspect->dialog, "join");
    if (!dialog_hear(&suspect->dialog))
        scene_give_up(suspect->name, "is gone");
    suspect->joined = strcmp(suspect->dialog.words[0], "joined") == 0;
    return suspect->joined;
}

void judge_let_take(struct judge *judge, struct suspect *suspect)
{
    (void)dialog_say(&suspect->dialog, "take");
    hear(suspect, "holds");
    if (!dialog_get_held(suspect->dialog.words + 1, suspect->dialog.n - 1, &suspect->held))
        scene_give_up(suspect->name, "does not tell what it holds");
    char sql[600];
    witness_ask(judge->scene.data, "SELECT id FROM clip WHERE thumbnail_status <> 'completed' ORDER BY id DESC LIMIT 1",
                judge->knowledge.near.clip, sizeof judge->knowledge.near.clip);
    (void)snprintf(sql, sizeof sql,
                   "SELECT id FROM clip WHERE thumbnail_status IN ('pending', 'processing') AND id <> '%s' LIMIT 1",
                   suspect->held.clip);
    witness_ask(judge->scene.data, sql, judge->knowledge.near.clip, sizeof judge->knowledge.near.clip);
}

void judge_end(struct judge *judge, struct suspect *suspect)
{
    size_t last = sizeof judge->scene.rogues / sizeof *judge->scene.rogues;
    (void)dialog_say(&suspect->dialog, "end");
    while (dialog_hear(&suspect->dialog)) /* until its process is gone */
        continue;
    dialog_close(&suspect->dialog);
    scene_await_gone(&judge->scene, suspect->name);
    for (size_t i = 0; i < last; i++)
        if (strcmp(judge->scene.rogues[i], suspect->name) == 0) {
            memmove(judge->scene.rogues + i, judge->scene.rogues + i + 1, (last - i - 1) * sizeof *judge->scene.rogues);
            judge->scene.rogues[last - 1][0] = '\0';
        }
}

/* ---- judging ----------------------------------------------------------------------------------------------------- */

/* Whether what it says in this state is counted by the refusals, since it is no instance (any more). */
static bool is_counted(const struct suspect *suspect, enum state state)
{
    return state == STATE_BEFORE || state == STATE_LEFT || state == STATE_SECOND ||
           (RY_ROLES_CONFINED & RY_ROLE_BIT(suspect->role));
}

/* A confined one that says what it may not is put out; its mail goes to others. */
static size_t look_at_outcast(struct judge *judge, struct suspect *suspect, enum state state, const char *title)
{
    bool instance = state == STATE_WELCOME || state == STATE_HOLDING || state == STATE_OVER;
    if (!instance || suspect->put_out || !suspect->joined || !(RY_ROLES_CONFINED & RY_ROLE_BIT(suspect->role)))
        return 0;
    suspect->put_out = scene_await_left(&judge->scene, suspect->name);
    if (suspect->put_out)
        scene_lose(&judge->scene, suspect->name, suspect->role, suspect->held.id != 0);
    else
        (void)printf("%s: it was not put out\n", title);
    return !suspect->put_out;
}

static void look(struct judge *judge, struct suspect *suspect, enum state state, size_t cells, uint64_t mark,
                 const char *message)
{
    char title[160];
    bool counted = is_counted(suspect, state);
    (void)snprintf(title, sizeof title, "%s %s %s%s%s", judge->world, ry_role_name(suspect->role), state_name(state),
                   judge->step ? " " : "", judge->step ? message : "");
    size_t differ = look_at_outcast(judge, suspect, state, title);
    bool behind_bye =
        (state == STATE_LEFT || state == STATE_SECOND) && (RY_ROLES_CONFINED & RY_ROLE_BIT(suspect->role));
    if (behind_bye)
        cells = suspect->cut ? 0 : 1;
    suspect->cut = suspect->cut || behind_bye;
    /* To one that was put out nobody listens any more. */
    bool heard = suspect->put_out || scene_await_heard(&judge->scene, counted ? NULL : suspect->name, mark, cells);
    differ += scene_compare(&judge->scene, title) + !heard;
    if (!heard)
        (void)printf(counted ? "%s: not every envelope was refused\n" : "%s: its report was not heard\n", title);
    (void)fflush(stdout);
    judge->bad += differ > 0;
    scene_set(&judge->scene);
}

/* The node has ended its process. */
static void look_at_killed(struct judge *judge, struct suspect *suspect, enum state state)
{
    char title[160];
    (void)snprintf(title, sizeof title, "%s %s %s", judge->world, ry_role_name(suspect->role), state_name(state));
    scene_await_gone(&judge->scene, suspect->name);
    size_t differ = look_at_outcast(judge, suspect, state, title) + scene_compare(&judge->scene, title);
    judge->bad += differ > 0;
}

void judge_try(struct judge *judge, struct suspect *suspect, enum state state)
{
    char told[DIALOG_LINE_BYTES];
    judge->scene.spared[0] = state == STATE_HOLDING && suspect->held.clip[0] ? suspect->held.clip : NULL;
    judge->knowledge.their_session = 4097 + judge->round++ % 8;
    dialog_put_knowledge(&judge->knowledge, told, sizeof told);
    scene_set(&judge->scene);
    (void)dialog_say(&suspect->dialog, "try %s %s", state_name(state), told);
    hear(suspect, "tries");
    judge->cells += strtoull(suspect->dialog.words[1], NULL, 10);
    for (bool last = false; !last;) {
        if (!dialog_hear(&suspect->dialog)) {
            look_at_killed(judge, suspect, state);
            return;
        }
        char message[80];
        size_t cells = strtoull(suspect->dialog.words[1], NULL, 10);
        uint64_t mark = strtoull(suspect->dialog.words[2], NULL, 10);
        (void)snprintf(message, sizeof message, "%s", suspect->dialog.words[3]);
        last = strcmp(message, "-") == 0;
        look(judge, suspect, state, cells, mark, message);
        (void)dialog_say(&suspect->dialog, "on");
    }
}

/* What there is to aim at. */
static void learn(struct judge *judge)
{
    static const struct {
        const char *sql;
        size_t offset;
    } facts[] = {
        {"SELECT id FROM clip WHERE thumbnail_status = 'completed' LIMIT 1", offsetof(struct subject, clip)},
        {"SELECT guild_id FROM clip WHERE thumbnail_status = 'completed' LIMIT 1", offsetof(struct subject, guild)},
        {"SELECT channel_id FROM clip WHERE thumbnail_status = 'completed' LIMIT 1", offsetof(struct subject, channel)},
        {"SELECT message_id FROM clip WHERE thumbnail_status = 'completed' LIMIT 1", offsetof(struct subject, message)},
        {"SELECT a.user_id FROM clip c JOIN author a ON a.id = c.author_id LIMIT 1", offsetof(struct subject, user)},
        {"SELECT storage_path FROM thumbnail WHERE clip_id = (SELECT id FROM clip WHERE thumbnail_status = 'completed' "
         "LIMIT 1) LIMIT 1",
         offsetof(struct subject, path)},
    };
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        witness_ask(judge->scene.data, facts[i].sql, (char *)&judge->knowledge.archived + facts[i].offset,
                    SUBJECT_BYTES);
    judge->knowledge.near = judge->knowledge.archived;
    (void)snprintf(judge->knowledge.instance, sizeof judge->knowledge.instance, "writer-1");
    if (judge->knowledge.archived.path[0] == '\0')
        scene_give_up("the archive", "has no clip with thumbnails to aim at");
}

static int work(struct ry_cli *cli, int argc, char **argv)
{
    static struct judge judge;
    static struct door door;
    char path[200];
    bool step = false;
    const struct ry_cli_flag flags[] = {{.name = "step", .given = &step}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 1, 1);
    if (code != RY_CLI_GO)
        return code;
    judge.world = argv[1];
    judge.step = step;
    open_door(&judge, cli, &door, path);
    (void)printf("ready\n");
    (void)fflush(stdout);
    scene_open(&judge.scene, cli);
    learn(&judge);
    plan_carry_out(&judge);
    (void)unlink(path);
    scene_close(&judge.scene);
    (void)printf("cells %s %zu\nbad %s %zu\n", judge.world, judge.cells, judge.world, judge.bad);
    return judge.bad > 0 ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int judge_main(struct ry_cli *cli, int argc, char **argv)
{
    static const struct ry_command command = {
        .name = "judge", .usage = "WORLD", .summary = "", .help = "", .run = work};
    cli->command = &command;
    (void)signal(SIGPIPE, SIG_IGN); /* a rogue whose process the node ended */
    int code = work(cli, argc, argv);
    ry_config_free(&cli->config);
    return code;
}
