/* effort.c: sends every forbidden message without pause, for measurements beside it. Owns nothing; ends when it is
 * excluded. */
#include "tests/fakes/rogue/effort.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "tests/fakes/rogue/mouth.h"

#define GREET_MS 10000
#define REST_MS  50

bool effort_is_for(const struct ry_attachment *attachment)
{
    return strcmp(ry_config_str(attachment->config, RY_OPT_node), "taken-over") == 0 &&
           strcmp(attachment->name, "encoder-1") == 0;
}

static bool is_its_time(void)
{
    return ry_wall_ms(ry_clock_system()) / 1000 / EFFORT_SPAN_S % 2 == 1;
}

static void pause_not(void *arg, const char *message, size_t cells)
{
    (void)arg;
    (void)message;
    (void)cells;
}

static void join(struct mouth *mouth, const struct ry_attachment *attachment)
{
    char endpoint[300];
    struct ry_error err = {0};
    (void)snprintf(endpoint, sizeof endpoint, "ipc://%s", attachment->ipc_path);
    const struct ry_link_options options = {
        .endpoint = endpoint,
        .role = attachment->spec->role,
        .name = attachment->name,
        .timeout_ms = GREET_MS,
        .pid = attachment->seal ? attachment->seal->pid : 0,
        .once = attachment->seal != NULL,
        .sandboxed = attachment->seal != NULL,
        .curve = attachment->curve,
        .ticket = attachment->supervised ? attachment->supervised->ticket : NULL,
    };
    if (mouth_join(mouth, &options, &err) != RY_OK ||
        (attachment->seal && attachment->seal->shut(attachment->seal->arg, &err) != RY_OK)) {
        (void)fprintf(stderr, "rogue: %s\n", err.text);
        _exit(1);
    }
}

void effort_spend(const struct ry_attachment *attachment)
{
    struct mouth mouth;
    const struct knowledge knowledge = {.their_session = 4097, .instance = "writer-1"};
    struct cells cells = {.role = attachment->spec->role,
                          .mine = &mouth.held,
                          .knowledge = &knowledge,
                          .say = mouth_say,
                          .pause = pause_not,
                          .arg = &mouth};
    const struct ry_credit credit = {.capacity = 65536};
    mouth_init(&mouth);
    join(&mouth, attachment);
    for (;;) {
        if (!is_its_time()) {
            (void)poll(NULL, 0, REST_MS);
            continue;
        }
        mouth_tell(&mouth, RY_TAG_credit, &credit);
        mouth_flush(&mouth);
        mouth_drain(&mouth);
        cells.state = mouth.held.id ? STATE_HOLDING : STATE_WELCOME;
        (void)cells_try(&cells);
        mouth_flush(&mouth);
    }
}
