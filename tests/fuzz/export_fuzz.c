/* export_fuzz.c: whatever bytes an export has, reading it ends, stays inside its bounds, and gives the same from every
 * place where it may go on. */
#include "runtime/base/buf.h"
#include "runtime/import/export_message.h"
#include "runtime/import/export_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ignore_reason(void *arg, const char *reason)
{
    (void)arg;
    (void)reason;
}

static void check(bool good)
{
    if (!good)
        abort();
}

/* Reads on from where `from` ends and expects the next message to be `next`. */
static void check_resume(const char *path, const struct ry_export_message *from, const struct ry_export_message *next)
{
    struct ry_export *reader = NULL;
    struct ry_error err;
    struct ry_export_message message;
    check(ry_export_open(path, &reader, &err) == RY_OK);
    ry_export_seek(reader, from->end, from->index + 1);
    check(ry_export_next(reader, &message, &err) == 1);
    check(message.offset == next->offset && message.end == next->end && message.index == next->index);
    ry_export_close(&reader);
}

static void read_export(const char *path, size_t size)
{
    struct ry_export *reader = NULL;
    struct ry_error err;
    if (ry_export_open(path, &reader, &err) != RY_OK) {
        check(reader == NULL);
        return;
    }
    struct ry_export_message before = {0};
    struct ry_export_message message;
    RY_BUF_AUTO out = ry_buf_make(1 << 20);
    int rc = 0;
    for (uint64_t i = 0; (rc = ry_export_next(reader, &message, &err)) == 1; i++) {
        check(message.index == i && message.offset >= before.end && message.end > message.offset &&
              message.end <= size);
        if (i == 1)
            check_resume(path, &before, &message);
        out.n = 0;
        struct ry_export_media media = {.folder = "/no/where"};
        int n = ry_export_convert(message.text, &media, &out, ignore_reason, NULL, &err);
        check((n > 0) == (out.n > 0));
        check(ry_str_is_utf8(ry_buf_str(&out)));
        before = message;
    }
    check(rc <= 0);
    ry_export_close(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("export", MFD_CLOEXEC);
    check(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_export(path, size);
    close(fd);
    return 0;
}
