/* notice.c: what the router says of its own.
 *
 * Owns the dead letters that wait for an ingester: of this node, or of another that the relay reaches. The
 * list is bounded, so that without one it does not fill the memory; what finds no place there is logged with its
 * one-line description, which is then all that is left of it. A mail_dead never becomes a dead letter itself: it is
 * offered again until it is taken. Says welcome, undeliverable, mail_dead and the node's state under ids of the
 * router's own session. */
#include "runtime/bus/router_internal.h"

#include <inttypes.h>
#include <stdlib.h>

#define DEAD_MAX       1024
#define DEAD_MAX_BYTES ((size_t)256 << 20)

static uint64_t router_next_id(struct ry_router *router)
{
    if (++router->last_id == 0)
        router->last_id = 1;
    return (uint64_t)ROUTER_SESSION << 32 | router->last_id;
}

/* Packs a message of the router into router->packed; *frames gets its blobs' references. */
static int router_pack(struct ry_router *router, enum ry_tag tag, const void *message, uint64_t correlation,
                       struct ry_envelope *head, struct ry_frames *frames, struct ry_error *err)
{
    ry_buf_reset(&router->body);
    ry_buf_reset(&router->packed);
    frames->n = 0;
    int rc = ry_pack_mended(ry_descriptor(tag), message, &router->body, frames, err);
    if (rc != RY_OK)
        return rc;
    *head = (struct ry_envelope){
        .id = router_next_id(router),
        .correlation = correlation,
        .tag = (uint16_t)tag,
        .priority = RY_PRIORITY_CONTROL,
        .attempt = 1,
        .frame_count = (uint16_t)frames->n,
        .body = ry_buf_str(&router->body),
    };
    rc = ry_envelope_pack(head, &router->packed);
    if (rc != RY_OK) {
        ry_frames_clear(frames);
        return ry_fail(err, (enum ry_err)rc, "%s does not fit", ry_descriptor(tag)->record.name);
    }
    head->body.p = router->packed.p + router->packed.n - head->body.n;
    return RY_OK;
}

void router_say(struct ry_router *router, const struct attached_instance *to, enum ry_tag tag, const void *message,
                uint64_t correlation)
{
    struct ry_envelope head;
    struct ry_frames frames;
    struct ry_error err = {0};
    if (router_pack(router, tag, message, correlation, &head, &frames, &err) != RY_OK) {
        RY_LOG(RY_ERROR, "router_mute", "to=%s reason=%s", to->name, err.text);
        return;
    }
    router->options.emit(router->options.emit_arg, to->session, ry_buf_str(&router->packed), frames.items, frames.n);
    ry_frames_clear(&frames);
}

/* ---- undeliverable ----------------------------------------------------------------------------------------------- */

uint32_t router_concerned(const struct ry_envelope *head, const struct ry_descriptor *descriptor)
{
    return RY_SESSION_OF(descriptor->kind == RY_KIND_ASK ? head->id : head->correlation);
}

static void say_undeliverable(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                              enum ry_undeliverable_cause cause, enum ry_failure_class class, const char *reason)
{
    const struct attached_instance *to = router_instance(router, session);
    if (to == NULL)
        return;
    const struct ry_undeliverable message = {
        .id = head->id,
        .origin = head->correlation,
        .tag = head->tag,
        .cause = (uint64_t)cause,
        .reason = ry_str_of(reason),
        .class = (uint64_t) class,
    };
    /* The correlation names what this instance knows: its own message, or the origin it waits for. */
    router_say(router, to, RY_TAG_undeliverable, &message,
               RY_SESSION_OF(head->id) == session ? head->id : head->correlation);
}

void router_undeliverable(struct ry_router *router, uint32_t session, const struct ry_envelope *head,
                          enum ry_undeliverable_cause cause, const char *reason)
{
    say_undeliverable(router, session, head, cause, RY_FAILURE_PASSING, reason);
}

/* Ends a mail of which nothing is kept: who waits for it is told. */
static void end_without_letter(struct ry_router *router, struct mail *mail, enum ry_failure_class class,
                               const char *reason)
{
    struct ry_envelope head = mail->head;
    uint32_t concerned = router_concerned(&head, mail->descriptor);
    RY_LOG(RY_WARNING, "mail_failed", "id=%" PRIu64 " role=%s message=%s reason=%s", head.id, ry_role_name(mail->role),
           mail->descriptor->record.name, reason);
    router_forget(router, mail);
    head.body = (struct ry_str){0};
    say_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_DEAD, class, reason);
}

void dead_letter_fail(struct ry_router *router, struct mail *mail, const char *reason)
{
    end_without_letter(router, mail, RY_FAILURE_PERMANENT, reason);
}

/* ---- dead letters ------------------------------------------------------------------------------------------------ */

/* The one-line description of a mail; empty when it does not even unpack. */
static void describe(const struct mail *mail, struct ry_buf *out)
{
    struct ry_arena arena = ry_arena_make((size_t)256 << 20);
    void *body = NULL;
    struct ry_error err;
    if (ry_unpack(mail->descriptor, mail->head.body, mail->frames, mail->frame_count, &arena, &body, &err) == RY_OK)
        ry_describe(mail->descriptor, body, out);
    ry_arena_free(&arena);
}

static void dead_lost(const struct mail *mail, struct ry_str summary, const char *reason)
{
    RY_LOG(RY_ERROR, "dead_letter_lost", "id=%" PRIu64 " message=%s reason=%s summary=%.*s", mail->head.id,
           mail->descriptor->record.name, reason, RY_STR_ARG(summary));
}

/* The letter itself, a mail of the router to the ingester. NULL when it cannot be written. */
static struct mail *dead_letter(struct ry_router *router, const struct mail *mail, const char *reason,
                                struct ry_str summary, struct ry_error *err)
{
    RY_BUF_AUTO frozen = ry_buf_make((size_t)128 << 20);
    if (ry_mail_freeze(&mail->head, mail->frames, &frozen) != RY_OK) {
        (void)ry_fail(err, RY_ELIMIT, "the mail is too large to be kept");
        return NULL;
    }
    const struct ry_mail_dead message = {
        .id = mail->head.id,
        .role = ry_str_of(ry_role_name(mail->role)),
        .message = ry_str_of(mail->descriptor->record.name),
        .attempts = mail->attempt < 1000 ? mail->attempt : 1000,
        .reason = ry_str_of(reason),
        .summary = summary.n ? summary : (struct ry_str){0},
        .mail = {.p = frozen.p, .n = frozen.n},
    };
    struct ry_envelope head;
    struct ry_frames frames;
    if (router_pack(router, RY_TAG_mail_dead, &message, 0, &head, &frames, err) != RY_OK)
        return NULL;
    struct mail *letter = mail_new(&router->pool, ry_buf_str(&router->packed), &head, frames.items, frames.n);
    ry_frames_clear(&frames);
    if (letter == NULL) {
        (void)ry_fail(err, RY_ENOMEM, "out of memory");
        return NULL;
    }
    letter->descriptor = ry_descriptor(RY_TAG_mail_dead);
    letter->role = RY_ROLE_INGESTER;
    letter->from = RY_ROLE_ROUTER;
    letter->since_mono_ms = router_now(router);
    return letter;
}

static void dead_keep(struct ry_router *router, struct mail *letter, int64_t not_before_mono_ms)
{
    letter->not_before_mono_ms = not_before_mono_ms;
    TAILQ_INSERT_TAIL(&router->dead, letter, link);
    router->dead_count++;
    router->dead_bytes += letter->cost_bytes;
}

void dead_letter_keep(struct ry_router *router, struct mail *mail, int64_t delay_ms)
{
    mail_index_remove(&router->index, mail);
    dead_keep(router, mail, router_now(router) + delay_ms);
}

void dead_letter_bury(struct ry_router *router, struct mail *mail, const char *reason)
{
    if (ry_descriptor_is_remade(mail->descriptor)) {
        end_without_letter(router, mail, RY_FAILURE_PASSING, reason);
        return;
    }
    RY_BUF_AUTO summary = ry_buf_make(2000);
    describe(mail, &summary);
    struct ry_envelope head = mail->head;
    uint32_t concerned = router_concerned(&head, mail->descriptor);
    router->role_queues[mail->role].dead++;
    RY_LOG(RY_WARNING, "mail_dead", "id=%" PRIu64 " role=%s message=%s attempts=%u reason=%s", head.id,
           ry_role_name(mail->role), mail->descriptor->record.name, mail->attempt, reason);
    if (head.tag == RY_TAG_mail_dead) {
        dead_lost(mail, ry_buf_str(&summary), reason);
    } else if (router->dead_count >= DEAD_MAX || router->dead_bytes >= DEAD_MAX_BYTES) {
        dead_lost(mail, ry_buf_str(&summary), "too many wait for an ingester");
    } else {
        struct ry_error err = {0};
        struct mail *letter = dead_letter(router, mail, reason, ry_buf_str(&summary), &err);
        if (letter)
            dead_keep(router, letter, 0);
        else
            dead_lost(mail, ry_buf_str(&summary), err.text);
    }
    router_forget(router, mail);
    head.body = (struct ry_str){0};
    router_undeliverable(router, concerned, &head, RY_UNDELIVERABLE_DEAD, reason);
}

int64_t dead_letter_move(struct ry_router *router)
{
    int64_t now_mono_ms = router_now(router);
    int64_t wake_mono_ms = INT64_MAX;
    struct mail *letter = TAILQ_FIRST(&router->dead);
    bool reached = router->role_queues[RY_ROLE_INGESTER].instance_count > 0 ||
                   relayed_takes(router, RY_ROLE_INGESTER, RY_PRIORITY_CONTROL);
    while (letter && reached && shares_have_room(router, RY_ROLE_ROUTER, RY_ROLE_INGESTER)) {
        struct mail *next = TAILQ_NEXT(letter, link);
        if (letter->not_before_mono_ms <= now_mono_ms) {
            TAILQ_REMOVE(&router->dead, letter, link);
            router->dead_count--;
            router->dead_bytes -= letter->cost_bytes;
            router->role_queues[RY_ROLE_INGESTER].accepted++;
            mail_index_add(&router->index, letter);
            router_enqueue(router, letter, false);
        } else if (letter->not_before_mono_ms < wake_mono_ms) {
            wake_mono_ms = letter->not_before_mono_ms;
        }
        letter = next;
    }
    return wake_mono_ms;
}

/* ---- replay ------------------------------------------------------------------------------------------------------ */

/* Puts the mail into its mailbox under an id of the router's: its sender and its origin are history, and their sessions
 * may be somebody else's by now. */
static int replay(struct ry_router *router, struct ry_envelope *head, struct ry_frame *const *frames,
                  struct ry_error *err)
{
    const struct ry_descriptor *descriptor = ry_descriptor(head->tag);
    if (descriptor == NULL || (descriptor->kind != RY_KIND_REQUEST && descriptor->kind != RY_KIND_ASK) ||
        head->tag == RY_TAG_mail_dead || head->priority >= RY_PRIORITY_COUNT)
        return ry_fail(err, RY_EINVAL, "this is no mail that a mailbox takes");
    enum ry_role role = ry_descriptor_role(descriptor);
    if (!shares_have_room(router, RY_ROLE_ROUTER, role))
        return ry_fail(err, RY_EFULL, "the mailbox of the %s is full; try again later", ry_role_name(role));
    head->id = router_next_id(router);
    head->correlation = head->id;
    head->attempt = 1;
    head->deadline_wall_ms = 0;
    ry_buf_reset(&router->packed);
    struct ry_str body = head->body;
    if (ry_envelope_pack(head, &router->packed) != RY_OK)
        return ry_fail(err, RY_ELIMIT, "the mail does not fit");
    head->body = (struct ry_str){router->packed.p + router->packed.n - body.n, body.n};
    struct mail *mail = mail_new(&router->pool, ry_buf_str(&router->packed), head, frames, head->frame_count);
    if (mail == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory");
    mail->descriptor = descriptor;
    mail->role = role;
    mail->from = RY_ROLE_ROUTER;
    mail->since_mono_ms = router_now(router);
    router->role_queues[role].accepted++;
    mail_index_add(&router->index, mail);
    router_enqueue(router, mail, false);
    return RY_OK;
}

void dead_letter_replay(struct ry_router *router, const struct attached_instance *from,
                        const struct ry_mail_replay *message, uint64_t correlation)
{
    struct ry_frames frames = {.n = 0};
    struct ry_envelope head;
    struct ry_error err = {0};
    int rc = ry_mail_thaw((struct ry_str){message->mail.p, message->mail.n}, &head, frames.items, RY_FRAMES_MAX, &err);
    if (rc == RY_OK) {
        frames.n = head.frame_count;
        rc = replay(router, &head, frames.items, &err);
    }
    ry_frames_clear(&frames);
    const struct ry_replayed answer = {.accepted = rc == RY_OK,
                                       .reason = rc == RY_OK ? (struct ry_str){0} : ry_str_of(err.text)};
    router_say(router, from, RY_TAG_replayed, &answer, correlation);
}

/* ---- the node's state -------------------------------------------------------------------------------------------- */

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
    sum.counters[RY_COUNTER_log_dropped] += router->troupe ? router->troupe->log_dropped : 0;
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
    const struct ry_troupe *troupe = router->troupe;
    if (troupe == NULL)
        return RY_OK;
    struct ry_child_state *children = ry_arena_array(arena, troupe->child_count, sizeof *children);
    struct ry_death_count *deaths = ry_arena_array(arena, RY_DEATH_COUNT, sizeof *deaths);
    if (children == NULL || deaths == NULL)
        return RY_ENOMEM;
    for (size_t i = 0; i < troupe->child_count; i++) {
        const struct ry_child_note *note = &troupe->children[i];
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
    state->children.n = troupe->child_count;
    state->deaths.items = deaths;
    for (unsigned way = 0; way < RY_DEATH_COUNT; way++)
        if (troupe->deaths[way])
            deaths[state->deaths.n++] = (struct ry_death_count){.way = ry_str_of(ry_death_name((enum ry_death)way)),
                                                                .count = troupe->deaths[way]};
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
