/* node_watch.c: see node_watch.h. */
#include "tests/bed/bed.h"

#include "tests/bed/node_watch.h"
#include "tests/bed/patience.h"

const struct ry_node_state *node_watch_state(struct ry_console *console)
{
    const struct ry_node_get ask = {0};
    const struct ry_mail *answer = NULL;
    struct ry_error err = {0};
    if (ry_console_ask(console, RY_TAG_node_get, &ask, PATIENCE_MS, &answer, &err) != RY_OK)
        fail_msg("%s", err.text);
    return RY_BODY(answer, node_state);
}

void node_watch_instances(struct ry_console *console, size_t count)
{
    while (node_watch_state(console)->instances.n != count)
        continue;
}

void node_watch_credit(struct ry_console *console, size_t count)
{
    size_t ready = SIZE_MAX;
    while (ready != count) {
        const struct ry_node_state *node = node_watch_state(console);
        ready = 0;
        for (size_t i = 0; i < node->instances.n; i++)
            ready += node->instances.items[i].capacity > 0;
    }
}
