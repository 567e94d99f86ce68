/* scene.c: waits until a node has come to rest, by what it reports of itself. Owns a console; gives up with a message
 * when the node ends. */
#include "tests/fakes/rogue/scene.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/clock.h"

/* What takes longer does not come. */
#define PATIENCE_MS 120000
/* What a node refuses, it refuses soon; a good one is never waited for so long. */
#define REFUSAL_MS      15000
#define ASK_MS          20000
#define DIFFERENCES_MAX 12

void scene_give_up(const char *what, const char *why)
{
    (void)printf("judge: %s: %s\n", what, why);
    (void)fflush(stdout);
    exit(2);
}

static int64_t refusal_ms(void)
{
    const char *told = getenv("ROGUE_REFUSAL_MS");
    return told ? strtoll(told, NULL, 10) : REFUSAL_MS;
}

static void rest(void)
{
    (void)poll(NULL, 0, 2);
}

void scene_open(struct scene *scene, const struct ry_cli *cli)
{
    struct ry_error err = {0};
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    scene->data = ry_config_str(cli->config, RY_OPT_data);
    while (ry_session_join(&scene->session, cli, &err) != RY_OK) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            scene_give_up("no node", err.text);
        rest();
    }
}

void scene_close(struct scene *scene)
{
    struct ry_error err;
    witness_free(&scene->before);
    (void)ry_session_close(&scene->session, &err);
}

static const void *ask(struct scene *scene, enum ry_tag tag, const void *message, int64_t timeout_ms)
{
    const struct ry_mail *answer = NULL;
    struct ry_error err = {0};
    if (ry_console_ask(scene->session.console, tag, message, timeout_ms, &answer, &err) != RY_OK)
        scene_give_up(ry_descriptor(tag)->record.name, err.text);
    return answer->body;
}

static void take_state(const struct ry_node_state *state, const char *name, struct scene_load *load)
{
    for (size_t i = 0; i < state->roles.n; i++)
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
            if (ry_str_is(state->roles.items[i].role, ry_role_name((enum ry_role)role))) {
                load->queued[role] = state->roles.items[i].queued;
                load->held[role] = state->roles.items[i].held;
                load->instances[role] = state->roles.items[i].instances;
            }
    load->rejected = state->rejected;
    for (size_t i = 0; i < state->instances.n && load->name_count < SCENE_NAMES_MAX; i++) {
        const struct ry_instance_state *instance = &state->instances.items[i];
        if (name && ry_str_is(instance->name, name)) {
            load->marked = true;
            load->mark = instance->busy_ms;
        }
        if (!ry_str_is(instance->role, "console") || !ry_str_starts(instance->name, RY_STR("console-")))
            (void)snprintf(load->names[load->name_count++], 65, "%.*s", RY_STR_ARG(instance->name));
    }
}

void scene_ask(struct scene *scene, const char *name, struct scene_load *load)
{
    *load = (struct scene_load){0};
    take_state(ask(scene, RY_TAG_node_get, &(struct ry_node_get){0}, ASK_MS), name, load);
}

static void ask_queue(struct scene *scene, struct scene_load *load)
{
    const struct ry_queue_state *queue = ask(scene, RY_TAG_queue_get, &(struct ry_queue_get){0}, ASK_MS);
    load->ready = queue->ready + queue->leased; /* a job goes from one to the other by itself */
    load->dead = queue->dead;
}

bool scene_await_heard(struct scene *scene, const char *name, uint64_t mark, size_t envelopes)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + refusal_ms();
    for (;;) {
        struct scene_load load;
        scene_ask(scene, name, &load);
        if (name ? load.marked && load.mark >= mark : load.rejected >= scene->load.rejected + envelopes)
            return true;
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            return false;
        rest();
    }
}

void scene_await_mail(struct scene *scene, enum ry_role role, uint64_t mails)
{
    struct scene_load load = {0};
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    for (scene_ask(scene, NULL, &load); load.queued[role] < mails; scene_ask(scene, NULL, &load)) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            scene_give_up(ry_role_name(role), "gets no mail");
        rest();
    }
}

void scene_await_given_back(struct scene *scene, enum ry_role role, uint64_t held_before)
{
    struct scene_load load = {0};
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    for (scene_ask(scene, NULL, &load); load.held[role] >= held_before; scene_ask(scene, NULL, &load)) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            scene_give_up(ry_role_name(role), "does not give its mail back");
        rest();
    }
}

void scene_await_instances(struct scene *scene, enum ry_role role, uint64_t instances)
{
    struct scene_load load = {0};
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    for (scene_ask(scene, NULL, &load); load.instances[role] != instances; scene_ask(scene, NULL, &load)) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            scene_give_up(ry_role_name(role), "does not have the instances that it should have");
        rest();
    }
}

static bool is_gone_within(struct scene *scene, const char *name, int64_t within_ms)
{
    struct scene_load load = {0};
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + within_ms;
    for (scene_ask(scene, name, &load); load.marked; scene_ask(scene, name, &load)) {
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            return false;
        rest();
    }
    return true;
}

void scene_await_gone(struct scene *scene, const char *name)
{
    if (!is_gone_within(scene, name, PATIENCE_MS))
        scene_give_up(name, "does not go");
}

bool scene_await_left(struct scene *scene, const char *name)
{
    return is_gone_within(scene, name, refusal_ms());
}

static bool is_rogue(const struct scene *scene, const char *name)
{
    for (size_t i = 0; i < sizeof scene->rogues / sizeof *scene->rogues && scene->rogues[i][0]; i++)
        if (strcmp(scene->rogues[i], name) == 0)
            return true;
    return false;
}

/* Asks every instance but rogues for an answer: what the router had passed on to it before, it has handled then. */
static void touch(struct scene *scene, const struct scene_load *load)
{
    for (size_t i = 0; i < load->name_count; i++) {
        const struct ry_heap_get get = {.instance = ry_str_of(load->names[i]), .action = RY_HEAP_END};
        const struct ry_mail *answer = NULL;
        struct ry_error err;
        if (!is_rogue(scene, load->names[i]))
            (void)ry_console_ask(scene->session.console, RY_TAG_heap_get, &get, ASK_MS, &answer, &err);
    }
}

static bool same_load(const struct scene_load *a, const struct scene_load *b)
{
    return memcmp(a->queued, b->queued, sizeof a->queued) == 0 && memcmp(a->held, b->held, sizeof a->held) == 0 &&
           a->name_count == b->name_count;
}

void scene_set(struct scene *scene)
{
    struct scene_load earlier;
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + PATIENCE_MS;
    scene_ask(scene, NULL, &earlier);
    for (unsigned alike = 0; alike < 3;) {
        struct scene_load load;
        touch(scene, &earlier);
        scene_ask(scene, NULL, &load);
        alike = same_load(&load, &earlier) ? alike + 1 : 0;
        earlier = load;
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            scene_give_up("the node", "does not come to rest");
    }
    ask_queue(scene, &earlier);
    scene->load = earlier;
    /* Rows and files too: who brings a job, or ends one, writes a little more behind it. */
    struct witness now;
    witness_free(&scene->before);
    witness_look(&scene->before, scene->data, scene->spared);
    for (witness_look(&now, scene->data, scene->spared); witness_differ(&scene->before, &now, "", 0) > 0;
         witness_look(&now, scene->data, scene->spared)) {
        witness_free(&scene->before);
        scene->before = now;
        rest();
    }
    witness_free(&now);
}

void scene_lose(struct scene *scene, const char *name, enum ry_role role, bool held)
{
    struct scene_load *load = &scene->load;
    for (size_t i = 0; i < load->name_count; i++)
        if (strcmp(load->names[i], name) == 0)
            memmove(load->names + i, load->names + i + 1, (--load->name_count - i) * sizeof *load->names);
    scene->load.held[role] -= held;
    scene->load.queued[role] += held;
}

/* False: it does not come to the rest that it was at. */
static bool await_rest(struct scene *scene, struct scene_load *load)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + refusal_ms();
    unsigned alike = 0;
    for (;;) {
        touch(scene, &scene->load);
        scene_ask(scene, NULL, load);
        alike = same_load(load, &scene->load) ? alike + 1 : 0;
        if (alike == 2)
            return true;
        if (ry_mono_ms(ry_clock_system()) > until_mono_ms)
            return false;
        if (alike == 0)
            rest();
    }
}

static size_t compare_load(const struct scene *scene, const struct scene_load *now, const char *title)
{
    size_t differ = 0;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (now->queued[role] != scene->load.queued[role] || now->held[role] != scene->load.held[role]) {
            (void)printf("%s: mailbox of %s: %" PRIu64 " wait, %" PRIu64 " held, not %" PRIu64 " and %" PRIu64 "\n",
                         title, ry_role_name((enum ry_role)role), now->queued[role], now->held[role],
                         scene->load.queued[role], scene->load.held[role]);
            differ++;
        }
    for (size_t i = 0; i < now->name_count; i++) {
        bool known = false;
        for (size_t k = 0; k < scene->load.name_count; k++)
            known = known || strcmp(now->names[i], scene->load.names[k]) == 0;
        if (!known)
            (void)printf("%s: there is an instance %s\n", title, now->names[i]);
        differ += !known;
    }
    if (now->name_count < scene->load.name_count) {
        (void)printf("%s: %zu instances are gone\n", title, scene->load.name_count - now->name_count);
        differ++;
    }
    return differ;
}

size_t scene_compare(struct scene *scene, const char *title)
{
    struct scene_load now;
    struct witness after;
    char prefix[200];
    (void)snprintf(prefix, sizeof prefix, "%s: ", title);
    size_t differ = await_rest(scene, &now) ? 0 : compare_load(scene, &now, title);
    ask_queue(scene, &now);
    if (now.ready != scene->load.ready || now.dead != scene->load.dead) {
        (void)printf("%s: %" PRIu64 " jobs and %" PRIu64 " dead letters, not %" PRIu64 " and %" PRIu64 "\n", title,
                     now.ready, now.dead, scene->load.ready, scene->load.dead);
        differ++;
    }
    witness_look(&after, scene->data, scene->spared);
    differ += witness_differ(&scene->before, &after, prefix, DIFFERENCES_MAX);
    witness_free(&after);
    return differ;
}
