/* source_file.c: videos on this machine's disks: those beside an export (runtime/base/media_file.h), and spooled ones. */
#include "actors/downloader/source.h"

#include "runtime/base/assert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source_file {
    struct source base;
    int fd;
};

int source_file_open(struct source **source, struct ry_media_roots *roots, struct ry_str url, struct ry_str media_root,
                     source_on_result *on_result, void *arg, struct ry_error *err)
{
    *source = NULL;
    struct ry_media_file file;
    int code = ry_media_file_open(roots, url, media_root, &file, err);
    return code == RY_OK ? source_of_descriptor(source, file.fd, file.bytes, on_result, arg, err) : code;
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

/* Reads n bytes or up to the end; how many, or -1. */
static ssize_t read_fully(int fd, char *to, size_t n, uint64_t offset)
{
    size_t got = 0;
    while (got < n) {
        ssize_t r = pread(fd, to + got, n - got, (off_t)(offset + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return -1;
        if (r == 0)
            break;
        got += (size_t)r;
    }
    return (ssize_t)got;
}

static void file_fetch(struct source *base, unsigned slot, uint64_t offset, uint64_t length)
{
    RY_ASSERT(base->total_known && length > 0);
    struct source_file *self = (struct source_file *)base;
    struct source_result result = {.slot = slot, .retry_after_ms = -1};
    if (offset < base->total) {
        size_t n = (size_t)(length < base->total - offset ? length : base->total - offset);
        result.frame = ry_frame_new(n);
        ssize_t got = result.frame ? read_fully(self->fd, ry_frame_data(result.frame), n, offset) : 0;
        if (!result.frame)
            result.code = (enum ry_err)ry_fail(&result.error, RY_ENOMEM, "found no memory for its bytes");
        else if (got < 0)
            result.code = (enum ry_err)ry_fail(&result.error, RY_EIO, "cannot be read: %s", strerror(errno));
        else if ((size_t)got < n)
            result.code = (enum ry_err)ry_fail(&result.error, RY_EDATA, "became shorter while it was read");
    }
    if (result.code != RY_OK) {
        ry_frame_unref(result.frame);
        result.frame = NULL;
    }
    result.changed = result.code == RY_EDATA;
    struct ry_frame *frame = result.frame;
    base->on_result(base->arg, &result); /* may close this source */
    ry_frame_unref(frame);
}

static void file_close(struct source *base)
{
    struct source_file *self = (struct source_file *)base;
    close(self->fd);
    free(self);
}

static const struct source_ops file_ops = {.name = "file", .fetch = file_fetch, .close = file_close};

int source_of_descriptor(struct source **source, int fd, uint64_t total, source_on_result *on_result, void *arg,
                         struct ry_error *err)
{
    RY_ASSERT(fd >= 0 && total > 0, "descriptor %d", fd);
    struct source_file *self = calloc(1, sizeof *self);
    if (!self) {
        close(fd);
        return ry_fail(err, RY_ENOMEM, "found no memory");
    }
    *self = (struct source_file){.base = {.ops = &file_ops,
                                          .on_result = on_result,
                                          .arg = arg,
                                          .validator = "",
                                          .total_known = true,
                                          .total = total},
                                 .fd = fd};
    *source = &self->base;
    return RY_OK;
}
