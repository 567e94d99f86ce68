/* slow_disk.c: preloaded, a disk whose barriers take their time, and a count of them.
 *
 * fsync, fdatasync, syncfs and sync_file_range take REELYARD_SLOW_DISK_US longer. When the process ends, it appends how
 * often they were called on or below the folder REELYARD_SLOW_DISK_FOLDER (absolute) to REELYARD_SLOW_DISK_COUNTS. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_uint barriers;

static bool is_below(int fd, const char *folder)
{
    char link[64];
    char path[PATH_MAX];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    return n > 0 && strncmp(path, folder, strlen(folder)) == 0;
}

static void take_time(int fd)
{
    const char *folder = getenv("REELYARD_SLOW_DISK_FOLDER");
    const char *us = getenv("REELYARD_SLOW_DISK_US");
    long long left_us = us != NULL ? strtoll(us, NULL, 10) : 0;
    if (folder != NULL && is_below(fd, folder))
        atomic_fetch_add(&barriers, 1);
    struct timespec pause = {(time_t)(left_us / 1000000), (long)(left_us % 1000000 * 1000)};
    if (left_us > 0)
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
}

#define SLOW(result, name, params, args) \
    result name params; \
    result name params \
    { \
        result(*real) params; \
        *(void **)&real = dlsym(RTLD_NEXT, #name); \
        take_time(fd); \
        return real args; \
    }

SLOW(int, fsync, (int fd), (fd))
SLOW(int, fdatasync, (int fd), (fd))
SLOW(int, syncfs, (int fd), (fd))
SLOW(int, sync_file_range, (int fd, off_t from, off_t n, unsigned flags), (fd, from, n, flags))

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("REELYARD_SLOW_DISK_COUNTS");
    unsigned n = atomic_load(&barriers);
    FILE *file = path != NULL && n > 0 ? fopen(path, "ae") : NULL;
    if (file == NULL)
        return;
    (void)fprintf(file, "%u\n", n);
    (void)fclose(file);
}
