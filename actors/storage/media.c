/* media.c: see media.h.
 *
 * Each part is read once, from the page cache into the frame that goes to the viewer. A validator says which file the
 * viewer began with: an original's name is the hash of its content; an export's file has its time and size. A file that
 * has become another one, or shorter, gives no more bytes. */
#include "actors/storage/media.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/assert.h"
#include "runtime/base/log.h"

#define VALIDATOR_BYTES 100
#define URL_MAX_BYTES   8192

/* What is to be answered. */
struct part {
    struct ry_media_data data;
    struct ry_frame *frame;
    char validator[VALIDATOR_BYTES];
    struct ry_buf url;
    struct ry_error err;
};

/* Whether the viewer still reads the file that it began with. */
static bool is_same(const struct ry_media_read *message, struct part *part)
{
    part->data.validator = ry_str_of(part->validator);
    part->data.changed = message->validator.p != NULL && !ry_str_eq(message->validator, part->data.validator);
    return !part->data.changed;
}

static uint64_t length_at(const struct ry_media_read *message, uint64_t total)
{
    uint64_t left = message->offset < total ? total - message->offset : 0;
    return left < message->length ? left : message->length;
}

/* ---- the store --------------------------------------------------------------------------------------------------- */

static int presign(struct store *store, const struct ry_media_read *message, const char *name, struct part *part)
{
    if (message->redirect_s == 0)
        return RY_OK;
    int rc = store->ops->presign(store, name, (unsigned)message->redirect_s, &part->url, &part->err);
    if (rc == RY_OK)
        part->data.url = ry_buf_str(&part->url);
    return rc == RY_EUNSUPPORTED ? RY_OK : rc;
}

static int read_stored(struct store *store, const struct ry_media_read *message, struct part *part)
{
    ry_store_name name;
    enum ry_store_kind kind = ry_store_name_check(message->name, name);
    if ((kind != RY_STORE_MEDIA && kind != RY_STORE_PLAYABLE) || !ry_store_name_sha256(message->name, part->validator))
        return ry_fail(&part->err, RY_ENOENT, "this is no video of the store");
    size_t length = message->length > 0 ? (size_t)message->length : 1;
    int rc = store->ops->read(store, name, message->offset, length, &part->frame, &part->data.total, &part->err);
    if (rc != RY_OK || !is_same(message, part))
        return rc;
    if (message->length == 0) {
        ry_frame_unref(part->frame);
        part->frame = NULL;
        return presign(store, message, name, part);
    }
    return RY_OK;
}

/* ---- an export's file -------------------------------------------------------------------------------------------- */

static int read_fully(int fd, struct ry_frame *frame, uint64_t offset, struct ry_error *err)
{
    size_t n = ry_frame_size(frame);
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(fd, (char *)ry_frame_data(frame) + got, n - got, (off_t)(offset + got));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return ry_fail(err, RY_EIO, "cannot be read: %s", strerror(errno));
        if (r == 0)
            return ry_fail(err, RY_EDATA, "became shorter while it was read");
        got += (size_t)r;
    }
    return RY_OK;
}

static int read_open_file(const struct ry_media_file *file, const struct ry_media_read *message, struct part *part)
{
    (void)snprintf(part->validator, sizeof part->validator, "%" PRIx64 "-%" PRIx64, (uint64_t)file->modified_wall_ns,
                   file->bytes);
    part->data.total = file->bytes;
    uint64_t length = length_at(message, file->bytes);
    if (!is_same(message, part) || length == 0)
        return RY_OK;
    part->frame = ry_frame_new((size_t)length);
    if (part->frame == NULL)
        return ry_fail(&part->err, RY_ENOMEM, "found no memory for its bytes");
    return read_fully(file->fd, part->frame, message->offset, &part->err);
}

static int read_exported(struct ry_media_roots *roots, const struct ry_media_read *message, struct part *part)
{
    struct ry_media_file file;
    int rc = ry_media_file_open(roots, message->url, message->media_root, &file, &part->err);
    if (rc != RY_OK)
        return rc;
    rc = read_open_file(&file, message, part);
    close(file.fd);
    return rc;
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

void media_on_read(struct store *store, struct ry_media_roots *roots, struct ry_ctx *ctx, const struct ry_mail *mail)
{
    const struct ry_media_read *message = RY_BODY(mail, media_read);
    struct part part = {.url = ry_buf_make(URL_MAX_BYTES)};
    int rc = message->name.p != NULL ? read_stored(store, message, &part) : read_exported(roots, message, &part);
    part.data.found = rc == RY_OK && !part.data.changed;
    if (part.data.found && part.frame != NULL && ry_frame_size(part.frame) > 0) {
        RY_ASSERT(ry_frame_size(part.frame) <= message->length, "%zu bytes", ry_frame_size(part.frame));
        part.data.bytes = (struct ry_blob){ry_frame_data(part.frame), ry_frame_size(part.frame), part.frame};
        ry_count(ctx, RY_COUNTER_media_bytes_read, ry_frame_size(part.frame));
    }
    if (rc != RY_OK && rc != RY_ENOENT)
        part.data.error = ry_str_of(part.err.text);
    if (rc != RY_OK)
        part.data.url = (struct ry_str){0};
    RY_ANSWER(ctx, mail, media_data, &part.data);
    ry_frame_unref(part.frame);
    ry_buf_free(&part.url);
}
