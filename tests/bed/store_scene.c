/* store_scene.c: see store_scene.h. */
#include "tests/bed/store_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct bed *store_bed(void)
{
    return bed_new(&ry_storage_spec, (const char *const[][2]){{"disk_reserve", "0"}, {NULL, NULL}});
}

const char *store_path(struct bed *bed, const char *name, char path[STORE_PATH_BYTES])
{
    (void)snprintf(path, STORE_PATH_BYTES, "%s/storage/%s", bed_data(bed), name);
    return path;
}

void store_put_number(char *to, size_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(value >> (8 * i) & 0xff);
}

size_t store_webp_bytes(const char *text)
{
    return STORE_WEBP_HEAD_BYTES + (strlen(text) + 1) / 2 * 2;
}

void store_webp_write(struct store_webp *file, unsigned width, unsigned height, const char *text)
{
    *file = (struct store_webp){.n = store_webp_bytes(text)};
    assert_true(file->n <= sizeof file->bytes);
    memcpy(file->bytes, "RIFF....WEBPVP8 ", 16);
    store_put_number(file->bytes + 4, file->n - 8, 4);
    store_put_number(file->bytes + 16, 10 + strlen(text), 4);
    memcpy(file->bytes + 23, "\x9d\x01\x2a", 3);
    store_put_number(file->bytes + 26, width, 2);
    store_put_number(file->bytes + 28, height, 2);
    memcpy(file->bytes + STORE_WEBP_HEAD_BYTES, text, strlen(text));
}

void store_expect_file(struct bed *bed, const char *name, const char *want)
{
    char path[STORE_PATH_BYTES];
    static struct store_webp expected;
    static char got[sizeof expected.bytes + 1];
    bool small = strstr(name, "_small") != NULL;
    store_webp_write(&expected, small ? 320 : 640, small ? 180 : 360, want);
    FILE *file = fopen(store_path(bed, name, path), "r");
    if (file == NULL)
        fail_msg("%s is not there", path);
    size_t n = fread(got, 1, sizeof got, file);
    (void)fclose(file);
    assert_int_equal(n, expected.n);
    assert_memory_equal(got, expected.bytes, n);
}

bool store_has(struct bed *bed, const char *name)
{
    char path[STORE_PATH_BYTES];
    return access(store_path(bed, name, path), F_OK) == 0;
}

void store_letter_write(struct store_letter *letter, const char *small, const char *large)
{
    *letter = (struct store_letter){
        .images = {{.size_type = RY_STR("small"), .width = 320, .height = 180},
                   {.size_type = RY_STR("large"), .width = 640, .height = 360}},
        .facts = {.duration_s = 30.0, .width = 1920, .height = 1080, .mime_type = RY_STR("video/mp4")},
    };
    store_webp_write(&letter->files[0], 320, 180, small);
    store_webp_write(&letter->files[1], 640, 360, large);
    for (size_t i = 0; i < 2; i++)
        letter->images[i].webp = (struct ry_blob){letter->files[i].bytes, letter->files[i].n, NULL};
    letter->message = (struct ry_thumbnail_store){
        .clip_id = RY_STR(STORE_CLIP),
        .guild_id = RY_STR(STORE_GUILD),
        .images = {letter->images, 2},
        .facts = {&letter->facts, 1},
        .bytes_read = 88453,
    };
}

const struct ry_send store_from_encoder = {.correlation = 77, .tenant = 41771983423143937, .priority = 3};

void store_settle(struct bed *bed)
{
    bed_advance(bed, STORE_GATHER_MS);
    while (bed_wait_engine(bed, -1))
        bed_advance(bed, 0);
}

void store_advance(struct bed *bed, int64_t by_ms)
{
    const int64_t step_ms = 50;
    for (int64_t passed_ms = 0; passed_ms < by_ms; passed_ms += step_ms) {
        bed_advance(bed, by_ms - passed_ms < step_ms ? by_ms - passed_ms : step_ms);
        while (bed_wait_engine(bed, -1))
            bed_advance(bed, 0);
    }
}

uint64_t store_deliver(struct bed *bed, const struct store_letter *letter)
{
    uint64_t id = BED_DELIVER(bed, thumbnail_store, &letter->message, &store_from_encoder);
    store_settle(bed);
    return id;
}

void store_expect_completed(struct bed *bed, const char *small, const char *large)
{
    const struct ry_clip_completed *completed = BED_EXPECT(bed, clip_completed);
    assert_true(ry_str_is(completed->clip_id, STORE_CLIP));
    assert_int_equal(completed->bytes_read, 88453);
    assert_int_equal(completed->thumbnails.n, 2);
    const struct ry_thumbnail_row *rows = completed->thumbnails.items;
    assert_true(ry_str_is(rows[0].size_type, "small"));
    assert_true(ry_str_is(rows[0].storage_path, STORE_SMALL));
    assert_int_equal(rows[0].width, 320);
    assert_int_equal(rows[0].height, 180);
    assert_int_equal(rows[0].file_size, store_webp_bytes(small));
    assert_true(ry_str_is(rows[1].size_type, "large"));
    assert_true(ry_str_is(rows[1].storage_path, STORE_LARGE));
    assert_int_equal(rows[1].file_size, store_webp_bytes(large));
    assert_int_equal(completed->facts.n, 1);
    assert_int_equal(completed->facts.items[0].width, 1920);
    assert_true(ry_str_is(completed->facts.items[0].mime_type, "video/mp4"));
    assert_int_equal(bed_envelope(bed)->correlation, store_from_encoder.correlation);
    assert_int_equal(bed_envelope(bed)->tenant, store_from_encoder.tenant);
    assert_int_equal(bed_envelope(bed)->priority, store_from_encoder.priority);
}

void store_make_file(struct bed *bed, const char *folder, const char *name)
{
    char path[STORE_PATH_BYTES];
    if (!store_has(bed, folder))
        assert_int_equal(mkdir(store_path(bed, folder, path), 0755), 0);
    int fd = open(store_path(bed, name, path), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
}

void store_delete_files(struct bed *bed, const char *const *paths, size_t n, size_t gone, const char *says)
{
    struct ry_str items[16];
    for (size_t i = 0; i < n; i++)
        items[i] = ry_str_of(paths[i]);
    struct ry_files_delete message = {.paths = {items, n}};
    uint64_t id = BED_DELIVER(bed, files_delete, &message, NULL);
    const struct ry_files_deleted *answer = BED_EXPECT(bed, files_deleted);
    assert_int_equal(bed_envelope(bed)->correlation, id);
    assert_int_equal(answer->paths.n, gone);
    assert_int_equal(answer->error.p != NULL, says != NULL);
    if (says != NULL && memmem(answer->error.p, answer->error.n, says, strlen(says)) == NULL)
        fail_msg("'%.*s' does not say '%s'", RY_STR_ARG(answer->error), says);
    bed_expect_done(bed, id);
}

void store_shell(const char *folder, const char *command)
{
    char line[2 * STORE_PATH_BYTES];
    (void)snprintf(line, sizeof line, "cd '%s' && %s", folder, command);
    if (system(line) != 0)
        fail_msg("%s", line);
}
