/* books_test.c: a router whose sums are wrong ends, and says which; one whose sums are right goes on. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/bus/books.h"
#include "runtime/bus/custody.h"
#include "tests/bed/stage.h"

#define ENCODER RY_ROLE_ENCODER
#define WRITER  RY_ROLE_WRITER

/* A router in the middle of its work: mail waits for the writer, of whom there is none, and an encoder holds one. */
static void begin(struct stage *stage)
{
    stage_begin(stage);
    struct held held;
    static const struct subject clip = {.clip = "0123456789abcdef0123456789abcdef", .guild = "1"};
    uint32_t encoder = stage_join(stage, ENCODER, 1);
    assert_true(stage_give(stage, encoder, RY_TAG_encode_run, &clip, &held));
    uint32_t console = stage_join(stage, RY_ROLE_CONSOLE, 0);
    const struct ry_refused_get get = {.limit = 1};
    (void)stage_join(stage, WRITER, 0);
    assert_int_equal(stage_tell(stage, console, RY_TAG_refused_get, &get), RY_OK);
    stage_turn(stage);
    assert_true(stage->router->role_queues[WRITER].mailbox.n > 0);
    assert_int_equal(stage->router->role_queues[ENCODER].held, 1);
}

static struct attached_instance *encoder_of(struct ry_router *router)
{
    return TAILQ_FIRST(&router->role_queues[ENCODER].instances);
}

static struct mail *waiting_of(struct ry_router *router)
{
    return TAILQ_FIRST(&router->role_queues[WRITER].mailbox.by_age);
}

enum damage {
    NO_DAMAGE,
    WAITING,
    WAITING_BYTES,
    CAME_BACK,
    FROM_SENDER,
    WAITING_BIT,
    HELD_OF_ROLE,
    HELD_BYTES,
    HELD_OF_INSTANCE,
    RELAYED,
    INSTANCES_OF_ROLE,
    INSTANCES,
    COVERED,
    INDEX,
    INDEX_COUNT,
    DEAD,
    DEAD_BYTES,
    DEADLINE,
    HOLDER,
    MAGIC,
    SESSION,
    DAMAGES
};

static void damage(struct ry_router *router, enum damage damage)
{
    switch (damage) {
    case WAITING: router->role_queues[WRITER].mailbox.n++; break;
    case WAITING_BYTES: router->role_queues[WRITER].mailbox.bytes++; break;
    case CAME_BACK: router->role_queues[WRITER].mailbox.returned++; break;
    case FROM_SENDER: router->role_queues[WRITER].queued_from[RY_ROLE_SCANNER]++; break;
    case WAITING_BIT: router->waiting &= ~RY_ROLE_BIT(WRITER); break;
    case HELD_OF_ROLE: router->role_queues[ENCODER].held--; break;
    case HELD_BYTES: router->role_queues[ENCODER].held_bytes++; break;
    case HELD_OF_INSTANCE: encoder_of(router)->held++; break;
    case RELAYED: router->role_queues[ENCODER].relayed[0]++; break;
    case INSTANCES_OF_ROLE: router->role_queues[ENCODER].instance_count++; break;
    case INSTANCES: router->instance_count--; break;
    case COVERED: encoder_of(router)->covered[WRITER]++; break;
    case INDEX: mail_index_remove(&router->index, waiting_of(router)); break;
    case INDEX_COUNT: router->index.n++; break;
    case DEAD: router->dead_count++; break;
    case DEAD_BYTES: router->dead_bytes++; break;
    case DEADLINE: waiting_of(router)->head.deadline_wall_ms = INT64_MAX - 1; break;
    case HOLDER: TAILQ_FIRST(&encoder_of(router)->custody)->holder = NULL; break;
    case MAGIC: waiting_of(router)->magic = 0; break;
    case SESSION: encoder_of(router)->session += INSTANCE_SLOTS; break;
    case NO_DAMAGE:
    case DAMAGES: break;
    }
}

/* Does it in a process of its own; the signal that ended it, 0: none. */
static int signal_of(void (*work)(void *arg), void *arg)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL); /* cmocka would report it as a failure of the parent's test */
        work(arg);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void turn_damaged(void *arg)
{
    struct stage stage;
    begin(&stage);
    damage(stage.router, *(enum damage *)arg);
    stage_turn(&stage);
}

static void a_router_whose_sums_are_wrong_ends_at_the_next_turn(void **state)
{
    (void)state;
    for (enum damage damage = NO_DAMAGE; damage < DAMAGES; damage++) {
        int expected = damage == NO_DAMAGE ? 0 : SIGABRT;
        if (signal_of(turn_damaged, &damage) != expected)
            fail_msg("damage %d was not seen", damage);
    }
}

static void give_without_credit(void *arg)
{
    struct stage stage;
    (void)arg;
    begin(&stage);
    struct mail *mail = waiting_of(stage.router);
    router_dequeue(stage.router, mail);
    custody_begin(stage.router, mail, TAILQ_FIRST(&stage.router->role_queues[WRITER].instances));
}

static void free_twice(void *arg)
{
    struct stage stage;
    (void)arg;
    begin(&stage);
    struct mail *mail = waiting_of(stage.router);
    router_dequeue(stage.router, mail);
    router_forget(stage.router, mail);
    mail_free(&stage.router->pool, mail);
}

static void take_back_twice(void *arg)
{
    struct stage stage;
    (void)arg;
    begin(&stage);
    struct mail *mail = TAILQ_FIRST(&encoder_of(stage.router)->custody);
    custody_end(stage.router, mail);
    custody_end(stage.router, mail);
}

static void steps_that_a_mail_cannot_take_end_the_router(void **state)
{
    (void)state;
    assert_int_equal(signal_of(give_without_credit, NULL), SIGABRT);
    assert_int_equal(signal_of(free_twice, NULL), SIGABRT);
    assert_int_equal(signal_of(take_back_twice, NULL), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_router_whose_sums_are_wrong_ends_at_the_next_turn),
        cmocka_unit_test(steps_that_a_mail_cannot_take_end_the_router),
    };
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, STDERR_FILENO);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
