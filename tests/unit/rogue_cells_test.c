/* rogue_cells_test.c: every message, about every subject, in every state, from every role that should not send it: the
 * router refuses it, tells nobody, and moves no mail. The cells are made from proto/messages.def, and so are the mails
 * that are held: a message that is added there is tried as both. */
#include "tests/bed/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/log.h"
#include "tests/bed/bed.h"

static const struct subject own = {.clip = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                   .guild = "71",
                                   .channel = "72",
                                   .message = "73",
                                   .user = "74",
                                   .path = "guild_71/clip_a/small_320x180.webp"};
static const struct subject others = {.clip = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                                      .guild = "71",
                                      .channel = "72",
                                      .message = "83",
                                      .user = "84",
                                      .path = "guild_71/clip_b/small_320x180.webp"};
static const struct knowledge knowledge = {.archived = {.clip = "cccccccccccccccccccccccccccccccc",
                                                        .guild = "91",
                                                        .channel = "92",
                                                        .message = "93",
                                                        .user = "94",
                                                        .path = "guild_91/clip_c/small_320x180.webp"},
                                           .near = {.clip = "dddddddddddddddddddddddddddddddd",
                                                    .guild = "71",
                                                    .channel = "72",
                                                    .message = "75",
                                                    .user = "76",
                                                    .path = "guild_71/clip_d/small_320x180.webp"},
                                           .instance = "writer-1"};

/* One role in one state, beside another instance of it that holds a mail too. */
struct scene {
    struct stage stage;
    enum ry_role role;
    enum state state;
    enum ry_tag tag; /* of the mails that both hold; RY_TAG_NONE: none */
    uint32_t rogue;
    struct held mine;
    struct knowledge knowledge;
    size_t loads[RY_ROLE_COUNT];
    size_t cells;
};

static void look(struct scene *scene, size_t loads[RY_ROLE_COUNT])
{
    for (unsigned role = 0; role < RY_ROLE_COUNT; role++)
        loads[role] = ry_router_role_load(scene->stage.router, (enum ry_role)role);
}

static void build(struct scene *scene)
{
    stage_begin(&scene->stage);
    scene->knowledge = knowledge;
    scene->mine = (struct held){0};
    if (scene->tag != RY_TAG_NONE) {
        uint32_t victim = stage_join(&scene->stage, scene->role, 1);
        assert_true(stage_give(&scene->stage, victim, scene->tag, &others, &scene->knowledge.victim));
    }
    scene->rogue = stage_join(&scene->stage, scene->role, 1);
    scene->knowledge.their_session = scene->rogue - 1;
    if (scene->tag != RY_TAG_NONE)
        assert_true(stage_give(&scene->stage, scene->rogue, scene->tag, &own, &scene->mine));
    if (scene->state == STATE_OVER) {
        const struct ry_credit none = {.capacity = 0};
        const struct ry_fail fail = {.id = scene->mine.id, .retry = true, .reason = RY_STR("given back")};
        assert_int_equal(stage_tell(&scene->stage, scene->rogue, RY_TAG_credit, &none), RY_OK);
        assert_int_equal(stage_tell(&scene->stage, scene->rogue, RY_TAG_fail, &fail), RY_OK);
    }
    if (scene->state == STATE_LEFT)
        assert_int_equal(stage_tell(&scene->stage, scene->rogue, RY_TAG_bye, &(struct ry_bye){0}), RY_OK);
    stage_turn(&scene->stage);
    look(scene, scene->loads);
}

static void expect_harmless(struct scene *scene, const struct ry_descriptor *descriptor, int rc)
{
    size_t loads[RY_ROLE_COUNT];
    bool gone = scene->state != STATE_LEFT && !ry_router_knows(scene->stage.router, scene->rogue);
    /* A hint may be taken, when it is one that its role gives. */
    bool hint = descriptor->kind == RY_KIND_EVENT && (descriptor->senders & RY_ROLE_BIT(scene->role)) &&
                scene->state != STATE_LEFT;
    /* What another node's instance answers to a conversation that has ended here comes to nothing, as it may. */
    if (rc == RY_OK && !hint && scene->role != RY_ROLE_RELAY)
        fail_msg("%s in state %s, holding %s, says %s and is heard", ry_role_name(scene->role),
                 state_name(scene->state), scene->tag ? ry_descriptor(scene->tag)->record.name : "nothing",
                 descriptor->record.name);
    for (size_t i = 0; i < scene->stage.said_count; i++)
        if (scene->stage.said[i].session != scene->rogue && !gone && !hint)
            fail_msg("%s in state %s says %s and somebody is told of it", ry_role_name(scene->role),
                     state_name(scene->state), descriptor->record.name);
    look(scene, loads);
    if (memcmp(loads, scene->loads, sizeof loads) != 0 && !hint)
        fail_msg("%s in state %s says %s and a mail is gone or there is one more", ry_role_name(scene->role),
                 state_name(scene->state), descriptor->record.name);
    memcpy(scene->loads, loads, sizeof loads);
    /* Confined roles are put out for it, and their mail waits for another; then all is as it was. */
    if (gone) {
        assert_true(RY_ROLES_CONFINED & RY_ROLE_BIT(scene->role));
        stage_end(&scene->stage);
        build(scene);
    }
}

static void say(void *arg, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
                const struct ry_frames *frames)
{
    struct scene *scene = arg;
    scene->stage.said_count = 0;
    int rc = stage_say(&scene->stage, scene->rogue, id, correlation, 71, tag, body, frames);
    (void)ry_router_turn(scene->stage.router);
    scene->cells++;
    expect_harmless(scene, ry_descriptor(tag), rc);
}

static void pause_not(void *arg, const char *message, size_t cells)
{
    (void)arg;
    (void)message;
    (void)cells;
}

static size_t try(enum ry_role role, enum state state, enum ry_tag tag)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->role = role;
    scene->state = state;
    scene->tag = tag;
    build(scene);
    const struct cells cells = {.role = role,
                                .state = state,
                                .mine = &scene->mine,
                                .knowledge = &scene->knowledge,
                                .say = say,
                                .pause = pause_not,
                                .arg = scene};
    size_t n = cells_try(&cells);
    assert_int_equal(n, scene->cells);
    stage_end(&scene->stage);
    free(scene);
    return n;
}

static void who_holds_nothing_or_has_left_is_not_heard(void **state)
{
    (void)state;
    size_t n = 0;
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++)
        if (role != RY_ROLE_ROUTER)
            n += try((enum ry_role)role, STATE_WELCOME, RY_TAG_NONE) + try((enum ry_role)role, STATE_LEFT, RY_TAG_NONE);
    print_message("%zu cells\n", n);
    assert_true(n > 0);
}

static void who_holds_a_mail_is_heard_in_its_course_only(void **state)
{
    (void)state;
    size_t n = 0, count = 0;
    const struct ry_descriptor *descriptors = ry_descriptors(&count);
    for (size_t i = 0; i < count; i++) {
        bool mail = descriptors[i].kind == RY_KIND_REQUEST || descriptors[i].kind == RY_KIND_ASK;
        if (!mail || (descriptors[i].senders & ~RY_ROLE_BIT(RY_ROLE_ROUTER)) == 0)
            continue;
        enum ry_role role = ry_descriptor_role(&descriptors[i]);
        n += try(role, STATE_HOLDING, descriptors[i].tag) + try(role, STATE_OVER, descriptors[i].tag);
    }
    print_message("%zu cells\n", n);
    assert_true(n > 0);
}

int main(void)
{
    ry_log_setup(RY_CRITICAL, RY_LOG_TEXT, 2);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_holds_nothing_or_has_left_is_not_heard),
        cmocka_unit_test(who_holds_a_mail_is_heard_in_its_course_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
