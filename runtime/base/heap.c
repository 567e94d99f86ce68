/* heap.c: jemalloc's figures and profiles, asked by name.
 *
 * mallctl is a weak symbol: what is linked without jemalloc (the tests, the sanitizers) runs with the C library's
 * allocator and answers that it knows nothing. Keeps no state; jemalloc's own is the process's. */
#include "runtime/base/heap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBERS_MAX 10000 /* profiles of one process in a folder */

extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes) __attribute__((weak));

/* Profiling must be prepared when the process starts: prof. It costs nothing that can be measured until it is active;
 * then one allocation in 512 KiB (2^19) is recorded with its call stack. */
extern const char *malloc_conf;
const char *malloc_conf = "prof:true,prof_active:false,lg_prof_sample:19";

static bool read_value(const char *name, void *value, size_t bytes)
{
    size_t got = bytes;
    return mallctl != NULL && mallctl(name, value, &got, NULL, 0) == 0 && got == bytes;
}

static bool can_profile(void)
{
    bool prepared = false;
    return read_value("opt.prof", &prepared, sizeof prepared) && prepared;
}

static int refuse(struct ry_error *err)
{
    if (mallctl == NULL)
        return ry_fail(err, RY_EUNSUPPORTED, "this reelyard was built without jemalloc, which writes heap profiles");
    return ry_fail(err, RY_EUNSUPPORTED, "jemalloc runs without its profiler (built so, or MALLOC_CONF says so)");
}

void ry_heap_enter(struct ry_heap *heap)
{
    *heap = (struct ry_heap){0};
    if (!read_value("arenas.create", &heap->arena, sizeof heap->arena))
        return;
    heap->separate = mallctl("thread.arena", NULL, NULL, &heap->arena, sizeof heap->arena) == 0;
}

static uint64_t arena_bytes(const struct ry_heap *heap, const char *class)
{
    char name[64];
    size_t bytes = 0;
    (void)snprintf(name, sizeof name, "stats.arenas.%u.%s.allocated", heap->arena, class);
    return read_value(name, &bytes, sizeof bytes) ? bytes : 0;
}

uint64_t ry_heap_bytes(const struct ry_heap *heap)
{
    if (!heap->separate)
        return 0;
    uint64_t epoch = 1;
    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
    return arena_bytes(heap, "small") + arena_bytes(heap, "large");
}

bool ry_heap_sampling(void)
{
    bool active = false;
    return can_profile() && read_value("prof.active", &active, sizeof active) && active;
}

int ry_heap_sample(bool on, struct ry_error *err)
{
    if (!can_profile())
        return refuse(err);
    if (mallctl("prof.active", NULL, NULL, &on, sizeof on) != 0)
        return ry_fail(err, RY_EIO, "jemalloc does not %s sampling", on ? "begin" : "end");
    return RY_OK;
}

int ry_heap_write(const char *folder, const char *name, char path[RY_HEAP_PATH_BYTES], struct ry_error *err)
{
    if (!can_profile())
        return refuse(err);
    if (!ry_heap_sampling())
        return ry_fail(err, RY_EINVAL, "no allocations are sampled; begin that first");
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return ry_fail(err, RY_EIO, "cannot make the folder %s: %s", folder, strerror(errno));
    int number = 1;
    for (; number < NUMBERS_MAX; number++) {
        int n = snprintf(path, RY_HEAP_PATH_BYTES, "%s/%s-%d-%d.heap", folder, name, getpid(), number);
        if (n < 0 || n >= RY_HEAP_PATH_BYTES)
            return ry_fail(err, RY_EINVAL, "the path of %s is too long", folder);
        if (access(path, F_OK) != 0)
            break;
    }
    if (number == NUMBERS_MAX)
        return ry_fail(err, RY_EFULL, "%s holds too many profiles; delete old ones", folder);
    const char *file = path;
    if (mallctl("prof.dump", NULL, NULL, &file, sizeof file) != 0)
        return ry_fail(err, RY_EIO, "cannot write %s", path);
    return RY_OK;
}
