/* put_mail.c: reads and answers the mails of encoders; see put_mail.h. Pure, but for what it sends. */
#include "actors/storage/put_mail.h"

#include <string.h>

#include "actors/storage/image_check.h"
#include "proto/sheet_layout.h"
#include "proto/video_facts.h"
#include "runtime/base/assert.h"

/* ---- images ------------------------------------------------------------------------------------------------------ */

static int image_files_of(const struct ry_thumbnail_store *message, const struct webp_size *small,
                          const struct webp_size *large, struct store_file *files, struct ry_error *err)
{
    RY_ASSERT(message->images.n <= PUT_MAIL_FILES_MAX, "%zu images", message->images.n);
    int checked = ry_video_facts_check(&message->facts.items[0], err);
    if (checked != RY_OK)
        return checked;
    for (size_t i = 0; i < message->images.n; i++) {
        const struct ry_image *image = &message->images.items[i];
        files[i].bytes = (struct ry_str){image->webp.p, image->webp.n};
        int rc = ry_store_name_thumbnail(message->guild_id, message->clip_id, image->size_type, files[i].name, err);
        if (rc == RY_OK && i > 0 && strcmp(files[i].name, files[0].name) == 0)
            rc = ry_fail(err, RY_EINVAL, "two images are called %s", files[i].name);
        if (rc == RY_OK)
            rc = image_check(image, ry_str_is(image->size_type, "small") ? small : large, err);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

static void tell_completed(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *files)
{
    const struct ry_thumbnail_store *message = RY_BODY(mail, thumbnail_store);
    struct ry_thumbnail_row rows[PUT_MAIL_FILES_MAX];
    for (size_t i = 0; i < message->images.n; i++)
        rows[i] = (struct ry_thumbnail_row){
            .size_type = message->images.items[i].size_type,
            .storage_path = ry_str_of(files[i].name),
            .width = message->images.items[i].width,
            .height = message->images.items[i].height,
            .file_size = files[i].bytes.n,
        };
    struct ry_clip_completed completed = {
        .clip_id = message->clip_id,
        .thumbnails = {rows, message->images.n},
        .facts = {message->facts.items, message->facts.n},
        .bytes_read = message->bytes_read,
    };
    struct ry_send send = ry_send_from(mail);
    (void)RY_TELL(ctx, clip_completed, &completed, &send);
}

/* ---- a storyboard ------------------------------------------------------------------------------------------------ */

static int sheet_file_of(const struct ry_sheet_store *message, struct store_file *file, struct ry_error *err)
{
    const struct ry_sheet *sheet = &message->sheets.items[0];
    const struct ry_image image = {
        .size_type = RY_STR("storyboard"), .width = sheet->width, .height = sheet->height, .webp = message->webp};
    const struct webp_size box = {(unsigned)sheet->width, (unsigned)sheet->height};
    file->bytes = (struct ry_str){message->webp.p, message->webp.n};
    int rc = ry_store_name_sheet(message->guild_id, message->clip_id, file->name, err);
    if (rc == RY_OK)
        rc = ry_sheet_check(sheet, err);
    return rc == RY_OK ? image_check(&image, &box, err) : rc;
}

static void tell_sheet_made(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *file)
{
    const struct ry_sheet_store *message = RY_BODY(mail, sheet_store);
    const struct ry_sheet_made made = {.clip_id = message->clip_id,
                                       .storage_path = ry_str_of(file->name),
                                       .sheets = {message->sheets.items, message->sheets.n}};
    struct ry_send send = ry_send_from(mail);
    (void)RY_TELL(ctx, sheet_made, &made, &send);
}

/* ---- either ------------------------------------------------------------------------------------------------------ */

int put_mail_files(const struct ry_mail *mail, const struct webp_size *small, const struct webp_size *large,
                   struct store_file files[PUT_MAIL_FILES_MAX], size_t *n, struct ry_error *err)
{
    if (mail->envelope.tag == RY_TAG_sheet_store) {
        *n = 1;
        return sheet_file_of(RY_BODY(mail, sheet_store), files, err);
    }
    *n = RY_BODY(mail, thumbnail_store)->images.n;
    return image_files_of(RY_BODY(mail, thumbnail_store), small, large, files, err);
}

void put_mail_tell(struct ry_ctx *ctx, const struct ry_mail *mail, const struct store_file *files)
{
    if (mail->envelope.tag == RY_TAG_sheet_store)
        tell_sheet_made(ctx, mail, files);
    else
        tell_completed(ctx, mail, files);
}
