/* store_scene.h: storage with a folder of the bed, mail with images for it, and looks at the files. */
#ifndef REELYARD_TESTS_BED_STORE_SCENE_H
#define REELYARD_TESTS_BED_STORE_SCENE_H

#include "tests/bed/bed.h"

#include "actors/storage/local.h"
#include "actors/storage/storage.h"

#define STORE_GUILD      "41771983423143937"
#define STORE_CLIP       "d1523646fd8f70dd6e199d427ae00606"
#define STORE_SMALL      "thumbnails/guild_" STORE_GUILD "/" STORE_CLIP "_small.webp"
#define STORE_LARGE      "thumbnails/guild_" STORE_GUILD "/" STORE_CLIP "_large.webp"
#define STORE_ASIDE      "thumbnails/.incoming"
#define STORE_PATH_BYTES 512
/* Longer than mails are gathered. */
#define STORE_GATHER_MS       100
#define STORE_HOUR_MS         (60 * 60 * 1000)
#define STORE_WEBP_HEAD_BYTES 30
#define STORE_TEXT_MAX_BYTES  10000

/* Storage whose folder is in the bed. */
struct bed *store_bed(void);

/* The path of a file of the store. */
const char *store_path(struct bed *bed, const char *name, char path[STORE_PATH_BYTES]);

/* A file that begins as a lossy WebP of these pixels and goes on with a text; the end is padded to an even size. */
struct store_webp {
    char bytes[STORE_WEBP_HEAD_BYTES + STORE_TEXT_MAX_BYTES];
    size_t n;
};

/* Writes a number, the lowest byte first. */
void store_put_number(char *to, size_t value, unsigned bytes);

/* Bytes of a WebP with this text. */
size_t store_webp_bytes(const char *text);

/* Makes a WebP of these pixels with this text. */
void store_webp_write(struct store_webp *file, unsigned width, unsigned height, const char *text);

/* The file has these bytes behind a WebP's head of its kind. */
void store_expect_file(struct bed *bed, const char *name, const char *want);

/* Whether the store has a file of this name. */
bool store_has(struct bed *bed, const char *name);

/* A mail to store two images; its lists stay with the caller. */
struct store_letter {
    struct store_webp files[2];
    struct ry_image images[2];
    struct ry_video_facts facts;
    struct ry_thumbnail_store message;
};

/* A mail with these texts as small and large image. */
void store_letter_write(struct store_letter *letter, const char *small, const char *large);

extern const struct ry_send store_from_encoder;

/* Lets what is on its way into the store come to its end there. */
void store_settle(struct bed *bed);

/* Lets time pass, and what begins in it come to its end. */
void store_advance(struct bed *bed, int64_t by_ms);

/* Delivers the mail and lets it settle; its id. */
uint64_t store_deliver(struct bed *bed, const struct store_letter *letter);

/* Expects clip_completed, and that the files hold these texts. */
void store_expect_completed(struct bed *bed, const char *small, const char *large);

/* Makes a file in a folder of the store, which is made too. */
void store_make_file(struct bed *bed, const char *folder, const char *name);

/* Asks for the files' deletion and expects that so many are gone, and an error that says so (NULL: none). */
void store_delete_files(struct bed *bed, const char *const *paths, size_t n, size_t gone, const char *says);

/* Runs a command of the shell in a folder. */
void store_shell(const char *folder, const char *command);

#endif
