/* node_state.c: what the router reports of itself, its roles, its instances and the supervisor's children.
 *
 * Owns nothing but the marks from which it computes how busy a role was of late. */
#include "runtime/bus/node_state.h"

#include "runtime/bus/relayed.h"

/* The marks move on whenever somebody reports or asks, so without either the window may be older than it should: an
 * average over a longer time, which is still true. */
uint64_t node_state_busy_permille(struct ry_router *router, struct role_queue *role_queue)
{
    int64_t now_mono_ms = router_now(router);
    if (now_mono_ms - role_queue->marks[1].at_mono_ms >= BUSY_WINDOW_MS) {
        role_queue->marks[0] = role_queue->marks[1];
        role_queue->marks[1] = (struct busy_mark){now_mono_ms, role_queue->busy_ms};
    }
    int64_t past_ms = now_mono_ms - role_queue->marks[0].at_mono_ms;
    if (past_ms <= 0 || role_queue->instance_count == 0)
        return 0;
    uint64_t permille =
        (role_queue->busy_ms - role_queue->marks[0].busy_ms) * 1000 / ((uint64_t)past_ms * role_queue->instance_count);
    return permille < 1000 ? permille : 1000;
}

static void state_role(struct ry_router *router, enum ry_role role, struct ry_role_state *state)
{
    struct role_queue *role_queue = &router->role_queues[role];
    const struct attached_instance *instance;
    uint64_t capacity = 0;
    TAILQ_FOREACH(instance, &role_queue->instances, of_role)
    capacity += instance->capacity;
    const struct mail *oldest = TAILQ_FIRST(&role_queue->mailbox.by_age);
    *state = (struct ry_role_state){
        .role = ry_str_of(ry_role_name(role)),
        .queued = role_queue->mailbox.n,
        .queued_bytes = role_queue->mailbox.bytes,
        .limit = router->options.mailbox_max,
        .limit_bytes = router->options.mailbox_max_bytes,
        .oldest_ms = oldest ? (uint64_t)(router_now(router) - oldest->since_mono_ms) : 0,
        .held = role_queue->held,
        .held_bytes = role_queue->held_bytes,
        .accepted = role_queue->accepted,
        .refused = role_queue->refused,
        .redelivered = role_queue->redelivered,
        .dead = role_queue->dead,
        .expired = role_queue->expired,
        .instances = role_queue->instance_count,
        .capacity = capacity,
        .done = role_queue->done,
        .busy_ms = role_queue->busy_ms,
        .busy_permille = node_state_busy_permille(router, role_queue),
        .reached = relayed_reaches(router, role),
    };
}

static void state_instance(const struct attached_instance *instance, struct ry_instance_state *state)
{
    *state = (struct ry_instance_state){
        .role = ry_str_of(ry_role_name(instance->role)),
        .name = ry_str_of(instance->name),
        .pid = instance->pid,
        .remote = instance->locality != RY_LOCALITY_THREAD,
        .capacity = instance->capacity,
        .held = instance->held,
        .done = instance->done,
        .busy_ms = instance->busy_ms,
        .sandboxed = instance->sandboxed,
        .heap_bytes = instance->heap_bytes,
        .faults = RY_ROLES_CONFINED & RY_ROLE_BIT(instance->role) ? instance->faults : 0,
        .trouble = *instance->trouble ? ry_str_of(instance->trouble) : (struct ry_str){0},
    };
}

static size_t state_counters(struct ry_router *router, struct ry_counter_value *values)
{
    router->ended.counters[RY_COUNTER_log_dropped] += ry_log_take_dropped();
    struct ry_stats sum = router->ended;
    sum.counters[RY_COUNTER_log_dropped] += router->children_report ? router->children_report->log_dropped : 0;
    for (size_t i = 1; i < INSTANCE_SLOTS; i++)
        if (router->slots[i])
            ry_stats_merge(&sum, &router->slots[i]->stats);
    size_t n = 0;
    for (size_t i = 0; i < RY_STATS_FLAT; i++)
        if (*ry_stats_at(&sum, i) != 0)
            values[n++] = (struct ry_counter_value){.index = i, .value = *ry_stats_at(&sum, i)};
    return n;
}

/* What the supervisor told of its children, if there is one. */
static int state_children(const struct ry_router *router, struct ry_node_state *state, struct ry_arena *arena)
{
    const struct ry_children_report *report = router->children_report;
    if (report == NULL)
        return RY_OK;
    struct ry_child_state *children = ry_arena_array(arena, report->child_count, sizeof *children);
    struct ry_death_count *deaths = ry_arena_array(arena, RY_DEATH_COUNT, sizeof *deaths);
    if (children == NULL || deaths == NULL)
        return RY_ENOMEM;
    for (size_t i = 0; i < report->child_count; i++) {
        const struct ry_child_note *note = &report->children[i];
        children[i] = (struct ry_child_state){
            .role = ry_str_of(note->role),
            .name = ry_str_of(note->name),
            .pid = note->pid,
            .state = ry_str_of(note->state),
            .restarts = note->restarts,
            .last_death = note->last_death[0] ? ry_str_of(note->last_death) : (struct ry_str){0},
        };
    }
    state->children.items = children;
    state->children.n = report->child_count;
    state->deaths.items = deaths;
    for (unsigned way = 0; way < RY_DEATH_COUNT; way++)
        if (report->deaths[way])
            deaths[state->deaths.n++] = (struct ry_death_count){.way = ry_str_of(ry_death_name((enum ry_death)way)),
                                                                .count = report->deaths[way]};
    return RY_OK;
}

static void state_outcasts(struct ry_router *router, struct ry_outcast outcasts[ROUTER_OUTCASTS],
                           struct ry_node_state *state)
{
    size_t n = router->outcast_count < ROUTER_OUTCASTS ? router->outcast_count : ROUTER_OUTCASTS;
    for (size_t i = 0; i < n; i++) {
        const struct outcast *outcast = &router->outcasts[(router->outcast_count - 1 - i) % ROUTER_OUTCASTS];
        outcasts[i] = (struct ry_outcast){.role = ry_str_of(ry_role_name(outcast->role)),
                                          .name = ry_str_of(outcast->name),
                                          .reason = ry_str_of(outcast->reason),
                                          .ago_ms = (uint64_t)(router_now(router) - outcast->at_mono_ms)};
    }
    state->put_out = router->outcast_count;
    state->outcasts.items = outcasts;
    state->outcasts.n = n;
}

void node_state_say(struct ry_router *router, const struct attached_instance *to, uint64_t correlation)
{
    RY_ARENA_AUTO arena = ry_arena_make((size_t)16 << 20);
    struct ry_role_state *roles = ry_arena_array(&arena, RY_ROLE_COUNT, sizeof *roles);
    struct ry_instance_state *instances = ry_arena_array(&arena, router->instance_count, sizeof *instances);
    struct ry_counter_value *counters = ry_arena_array(&arena, RY_STATS_FLAT, sizeof *counters);
    if (roles == NULL || instances == NULL || counters == NULL) {
        RY_LOG(RY_ERROR, "router_mute", "to=%s reason=%s", to->name, "out of memory");
        return;
    }
    struct ry_node_state state = {
        .node = ry_str_of(router->node),
        .uptime_ms = (uint64_t)(router_now(router) - router->start_mono_ms),
        .rejected = router->rejected,
        .dropped_events = router->dropped_events,
        .dropped_answers = router->dropped_answers,
        .roles = {.items = roles},
        .instances = {.items = instances},
        .counters = {.items = counters, .n = state_counters(router, counters)},
        .relay_notice = *router->relay_notice ? ry_str_of(router->relay_notice) : (struct ry_str){0},
    };
    struct ry_outcast outcasts[ROUTER_OUTCASTS];
    state_outcasts(router, outcasts, &state);
    for (unsigned role = RY_ROLE_INGESTER; role <= RY_ROLE_MONITOR; role++)
        state_role(router, (enum ry_role)role, &roles[state.roles.n++]);
    for (size_t i = 1; i < INSTANCE_SLOTS; i++)
        if (router->slots[i])
            state_instance(router->slots[i], &instances[state.instances.n++]);
    if (state_children(router, &state, &arena) != RY_OK)
        RY_LOG(RY_ERROR, "children_left_out", "reason=%s", "out of memory");
    router_say(router, to, RY_TAG_node_state, &state, correlation);
}
