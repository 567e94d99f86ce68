/* node_record_fuzz.c: whatever bytes stand in Redis as the record of a node, they are read as one or named. What is read
 * survives being written and read again. */
#include <stdlib.h>

#include "runtime/queue/node_record.h"
#include "tests/bed/sample.h"

#define ARENA_MAX ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ry_fleet open = {.open = true};
    RY_ARENA_AUTO arena = ry_arena_make(ARENA_MAX);
    RY_BUF_AUTO value = ry_buf_make(ARENA_MAX);
    struct ry_mail_node node;
    struct ry_mail_node again;
    ry_node_record_read(&open, RY_STR("a"), (struct ry_str){(const char *)data, size}, &arena, &node);
    must((node.fault[0] == '\0') == (node.record != NULL && node.accepted));
    if (node.record == NULL)
        return 0;
    must(ry_node_record_write(&open, RY_STR("a"), node.record, &value, NULL) == RY_OK);
    ry_node_record_read(&open, RY_STR("a"), ry_buf_str(&value), &arena, &again);
    must(again.accepted && again.seal == RY_SEAL_NONE && again.record != NULL);
    must(sample_equal(&ry_record_node_record, node.record, again.record, NULL));
    return 0;
}
