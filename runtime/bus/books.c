/* books.c: whether the router's sums are what its lists say.
 *
 * Credit, shares and the end of a drain are decided by sums that many steps change: what waits, what is held and
 * promised, for each role, sender and instance. A sum that is off by one would lose a place for good or exceed a limit,
 * and nobody would notice for hours. So the lists are counted now and then, and each turn in tests and under
 * sanitizers. A difference is a fault of the router: it ends, and by custody nothing is lost. */
#include "runtime/bus/books.h"

#include <inttypes.h>

#include "runtime/base/assert.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TURNS_BETWEEN_CHECKS 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TURNS_BETWEEN_CHECKS 1
#endif
#ifndef TURNS_BETWEEN_CHECKS
/* A check of a full router takes about a millisecond, and this many turns about a second. */
#define TURNS_BETWEEN_CHECKS 16384
#endif

/* What the lists add up to. */
struct books {
    struct role_sum {
        size_t held, held_bytes, relayed[2], instances;
    } roles[RY_ROLE_COUNT];
    size_t indexed;
    size_t deadlines;
    size_t instances;
};

/* ---- what waits -------------------------------------------------------------------------------------------------- */

static void check_waiting_mail(struct ry_router *router, const struct mail *mail, unsigned role, struct books *books)
{
    RY_ASSERT(mail->magic == MAIL_MAGIC, "role %u", role);
    RY_ASSERT(mail->role == role && mail->queue != NULL && mail->holder == NULL, "mail %" PRIu64 " of %u waits at %u",
              mail->head.id, mail->role, role);
    if (mail_has_custody(mail)) {
        books->indexed++;
        RY_ASSERT(mail_index_find(&router->index, mail->head.id) == mail, "mail %" PRIu64, mail->head.id);
    }
    if (mail->head.deadline_wall_ms != 0) {
        books->deadlines++;
        RY_ASSERT(router->next_deadline_wall_ms <= mail->head.deadline_wall_ms, "mail %" PRIu64, mail->head.id);
    }
    struct attached_instance *sender = router_instance(router, RY_SESSION_OF(mail->head.id));
    if (mail->covered && sender)
        sender->covered_seen[role]++;
}

static void check_mailbox(struct ry_router *router, unsigned role, struct books *books)
{
    const struct role_queue *role_queue = &router->role_queues[role];
    size_t n = 0, bytes = 0, returned = 0;
    size_t from[RY_ROLE_COUNT] = {0};
    const struct mail *mail;
    TAILQ_FOREACH(mail, &role_queue->mailbox.by_age, age)
    {
        check_waiting_mail(router, mail, role, books);
        n++;
        bytes += mail->cost_bytes;
        returned += mail->returned;
        from[mail->from]++;
    }
    RY_ASSERT(role_queue->mailbox.n == n, "%s: %zu wait, counted %zu", ry_role_name((enum ry_role)role),
              role_queue->mailbox.n, n);
    RY_ASSERT(role_queue->mailbox.bytes == bytes && role_queue->mailbox.returned == returned,
              "%s: %zu bytes, counted %zu; %zu came back, counted %zu", ry_role_name((enum ry_role)role),
              role_queue->mailbox.bytes, bytes, role_queue->mailbox.returned, returned);
    for (unsigned sender = 0; sender < RY_ROLE_COUNT; sender++)
        RY_ASSERT(role_queue->queued_from[sender] == from[sender], "%s: %zu wait from %s, counted %zu",
                  ry_role_name((enum ry_role)role), role_queue->queued_from[sender], ry_role_name((enum ry_role)sender),
                  from[sender]);
    RY_ASSERT(((router->waiting & RY_ROLE_BIT(role)) != 0) == (n > 0), "%s: %zu wait", ry_role_name((enum ry_role)role),
              n);
}

/* ---- what is held ------------------------------------------------------------------------------------------------ */

static void check_instance(struct ry_router *router, struct attached_instance *instance, unsigned role,
                           struct books *books)
{
    RY_ASSERT(instance->role == role && router_instance(router, instance->session) == instance &&
                  router->slot_sessions[instance->session % INSTANCE_SLOTS] == instance->session,
              "%s: session %" PRIu32 ", role %u, listed as %u", instance->name, instance->session, instance->role,
              role);
    size_t held = 0;
    const struct mail *mail;
    TAILQ_FOREACH(mail, &instance->custody, link)
    {
        struct role_sum *sum = &books->roles[mail->role];
        RY_ASSERT(mail->magic == MAIL_MAGIC, "%s", instance->name);
        RY_ASSERT(mail->holder == instance && mail->queue == NULL && mail_has_custody(mail), "mail %" PRIu64 " of %s",
                  mail->head.id, instance->name);
        RY_ASSERT(mail->role == instance->role || instance == router->relay, "mail %" PRIu64 " of %s", mail->head.id,
                  instance->name);
        RY_ASSERT(mail->given_mono_ms >= mail->since_mono_ms && mail->attempt > 0, "mail %" PRIu64, mail->head.id);
        RY_ASSERT(mail_index_find(&router->index, mail->head.id) == mail, "mail %" PRIu64, mail->head.id);
        held++;
        sum->held++;
        sum->held_bytes += mail->cost_bytes;
        sum->relayed[ry_priority_is_urgent(mail->head.priority)] += instance == router->relay;
    }
    RY_ASSERT(instance->held == held, "%s: holds %zu, counted %zu", instance->name, instance->held, held);
    books->indexed += held;
    books->instances++;
    books->roles[role].instances++;
    /* A place that was freed with a mail may be counted down before the mail that took it has left. */
    for (unsigned to = 0; to < RY_ROLE_COUNT; to++)
        RY_ASSERT(instance->covered[to] <= instance->covered_seen[to],
                  "%s: %" PRIu32 " covered at %s, counted %" PRIu32, instance->name, instance->covered[to],
                  ry_role_name((enum ry_role)to), instance->covered_seen[to]);
}

static void check_role(const struct ry_router *router, unsigned role, const struct role_sum *sum)
{
    const struct role_queue *role_queue = &router->role_queues[role];
    RY_ASSERT(role_queue->instance_count == sum->instances, "%s: %zu instances, counted %zu",
              ry_role_name((enum ry_role)role), role_queue->instance_count, sum->instances);
    /* What is promised in other mailboxes is what is held here (shares.c). */
    RY_ASSERT(role_queue->held == sum->held && role_queue->held_bytes == sum->held_bytes,
              "%s: %zu mails of %zu bytes held, counted %zu of %zu", ry_role_name((enum ry_role)role), role_queue->held,
              role_queue->held_bytes, sum->held, sum->held_bytes);
    RY_ASSERT(role_queue->relayed[0] == sum->relayed[0] && role_queue->relayed[1] == sum->relayed[1],
              "%s: %zu and %zu relayed, counted %zu and %zu", ry_role_name((enum ry_role)role), role_queue->relayed[0],
              role_queue->relayed[1], sum->relayed[0], sum->relayed[1]);
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static void check_dead(const struct ry_router *router)
{
    size_t n = 0, bytes = 0;
    const struct mail *letter;
    TAILQ_FOREACH(letter, &router->dead, link)
    {
        RY_ASSERT(letter->magic == MAIL_MAGIC && letter->queue == NULL && letter->holder == NULL, "letter %zu", n);
        n++;
        bytes += letter->cost_bytes;
    }
    RY_ASSERT(router->dead_count == n && router->dead_bytes == bytes, "%zu letters of %zu bytes, counted %zu of %zu",
              router->dead_count, router->dead_bytes, n, bytes);
}

void books_check(struct ry_router *router)
{
    struct books books = {.indexed = 0};
    struct attached_instance *instance;
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        TAILQ_FOREACH(instance, &router->role_queues[role].instances, of_role)
    memset(instance->covered_seen, 0, sizeof instance->covered_seen);
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        check_mailbox(router, role, &books);
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        TAILQ_FOREACH(instance, &router->role_queues[role].instances, of_role)
    check_instance(router, instance, role, &books);
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        check_role(router, role, &books.roles[role]);
    check_dead(router);
    size_t deadlines = 0;
    const struct mail *mail;
    LIST_FOREACH(mail, &router->deadlines, deadline)
    deadlines++;
    RY_ASSERT(router->instance_count == books.instances, "%zu instances, counted %zu", router->instance_count,
              books.instances);
    RY_ASSERT(router->index.n == books.indexed, "%zu in the index, counted %zu", router->index.n, books.indexed);
    RY_ASSERT(deadlines == books.deadlines, "%zu deadlines, counted %zu", deadlines, books.deadlines);
    RY_ASSERT(router->relay == NULL || router_instance(router, router->relay->session) == router->relay);
}

void books_turn(struct ry_router *router)
{
    if (router->turns_to_check-- > 1)
        return;
    unsigned between = router->options.turns_between_checks;
    router->turns_to_check = between ? between : TURNS_BETWEEN_CHECKS;
    books_check(router);
}
