/* heap_answer.c: heap profiles of this process; see heap_answer.h. */
#include "runtime/bus/heap_answer.h"

#include "runtime/base/log.h"

void ry_heap_answer(struct ry_heap_answer *answer, const char *folder, const char *name, enum ry_heap_action action)
{
    *answer = (struct ry_heap_answer){0};
    bool before = ry_heap_sampling();
    int rc = RY_OK;
    switch (action) {
    case RY_HEAP_BEGIN: rc = before ? RY_OK : ry_heap_sample(true, &answer->error); break;
    case RY_HEAP_END: rc = ry_heap_sample(false, &answer->error); break;
    case RY_HEAP_WRITE: rc = ry_heap_write(folder, name, answer->path, &answer->error); break;
    default: rc = ry_fail(&answer->error, RY_EINVAL, "an action that this version does not know"); break;
    }
    answer->message.sampling = ry_heap_sampling();
    answer->message.begun = answer->message.sampling && !before;
    if (rc != RY_OK) {
        answer->message.error = ry_str_of(answer->error.text);
        RY_LOG(RY_WARNING, "heap_not_profiled", "instance=%s reason=%s", name, answer->error.text);
    } else if (action == RY_HEAP_WRITE) {
        answer->message.path = ry_str_of(answer->path);
        RY_LOG(RY_INFO, "heap_profiled", "instance=%s path=%s", name, answer->path);
    }
}
