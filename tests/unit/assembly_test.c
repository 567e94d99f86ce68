/* assembly_test.c: originals that are put together: in order, again, half-way, after another boot, and swept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/storage/assembly.h"

#define CLIP      RY_STR("d1523646fd8f70dd6e199d427ae00606")
#define ETAG      RY_STR("\"one\"")
#define NO_TAG    ((struct ry_str){0})
#define TEXT      RY_STR("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
#define TEXT_HASH "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" /* FIPS 180-4's example */

static char folder[256];
static struct assembly assembly;

static int open_assembly(void **state)
{
    (void)state;
    struct ry_error err;
    char parent[] = "/tmp/reelyard-assembly-XXXXXX";
    assert_non_null(mkdtemp(parent));
    (void)snprintf(folder, sizeof folder, "%s/media/partial", parent);
    assert_int_equal(assembly_open(&assembly, folder, 0, &err), RY_OK);
    assert_true(assembly.boot[0] != '\0');
    return 0;
}

static int remove_assembly(void **state)
{
    (void)state;
    char command[400];
    (void)snprintf(command, sizeof command, "rm -rf '%.*s'", (int)(strlen(folder) - strlen("/media/partial")), folder);
    return system(command);
}

static uint64_t begin(uint64_t total, struct ry_str validator)
{
    struct ry_error err;
    uint64_t offset = 99;
    assert_int_equal(assembly_begin(&assembly, CLIP, total, validator, &offset, &err), RY_OK);
    return offset;
}

static uint64_t put(uint64_t offset, struct ry_str bytes)
{
    struct ry_error err;
    uint64_t there = 0;
    assert_int_equal(assembly_write(&assembly, CLIP, offset, bytes, &there, &err), RY_OK);
    return there;
}

static struct ry_str piece(size_t from, size_t to)
{
    return (struct ry_str){TEXT.p + from, to - from};
}

static void assert_whole(void)
{
    struct ry_error err;
    struct assembly_whole whole;
    assert_int_equal(assembly_take(&assembly, CLIP, &whole, &err), RY_OK);
    assert_int_equal(whole.bytes, TEXT.n);
    assert_string_equal(whole.sha256, TEXT_HASH);
    char text[100];
    assert_int_equal(pread(whole.fd, text, sizeof text, 0), TEXT.n);
    assert_memory_equal(text, TEXT.p, TEXT.n);
    (void)close(whole.fd);
}

static unsigned files(void)
{
    char command[400], text[16];
    (void)snprintf(command, sizeof command, "ls '%s' | wc -l", folder);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    assert_non_null(fgets(text, sizeof text, out));
    (void)pclose(out);
    return (unsigned)atoi(text);
}

static void pieces_become_a_file_with_its_digest(void **state)
{
    (void)state;
    struct ry_error err;
    struct assembly_whole whole;
    assert_int_equal(begin(TEXT.n, ETAG), 0);
    assert_int_equal(put(0, piece(0, 10)), 10);
    assert_int_equal(assembly_take(&assembly, CLIP, &whole, &err), RY_EBUSY);
    assert_int_equal(put(10, piece(10, TEXT.n)), TEXT.n);
    assert_whole();
    assembly_drop(&assembly, CLIP);
    assert_int_equal(files(), 0);
    assert_int_equal(assembly_take(&assembly, CLIP, &whole, &err), RY_ENOENT);
}

static void a_piece_that_comes_twice_or_overlaps_counts_once(void **state)
{
    (void)state;
    assert_int_equal(begin(TEXT.n, ETAG), 0);
    assert_int_equal(put(0, piece(0, 20)), 20);
    assert_int_equal(put(0, piece(0, 20)), 20);
    assert_int_equal(put(10, piece(10, 30)), 30);
    assert_int_equal(put(40, piece(40, TEXT.n)), 30); /* a gap: nothing is written */
    assert_int_equal(put(30, piece(30, TEXT.n)), TEXT.n);
    assert_whole();
}

static void one_that_was_begun_goes_on_if_it_is_the_same_content(void **state)
{
    (void)state;
    assert_int_equal(begin(TEXT.n, ETAG), 0);
    (void)put(0, piece(0, 33));
    assert_int_equal(begin(TEXT.n, ETAG), 33);
    (void)put(33, piece(33, TEXT.n));
    assert_whole();
    static const struct {
        uint64_t total;
        struct ry_str validator;
    } others[] = {{56, {"\"two\"", 5}}, {57, {"\"one\"", 5}}, {56, {NULL, 0}}};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assembly_drop(&assembly, CLIP);
        (void)begin(TEXT.n, ETAG);
        (void)put(0, piece(0, 33));
        assert_int_equal(begin(others[i].total, others[i].validator), 0);
    }
    assembly_drop(&assembly, CLIP);
    (void)begin(TEXT.n, NO_TAG);
    (void)put(0, piece(0, 33));
    assert_int_equal(begin(TEXT.n, NO_TAG), 0);
}

/* What was not synced before a power cut may be anything. */
static void one_from_before_a_reboot_begins_anew(void **state)
{
    (void)state;
    (void)begin(TEXT.n, ETAG);
    (void)put(0, piece(0, 33));
    assembly.boot[0] ^= 1;
    struct ry_error err;
    uint64_t there = 0;
    assert_int_equal(assembly_write(&assembly, CLIP, 33, piece(33, 40), &there, &err), RY_ENOENT);
    assert_int_equal(begin(TEXT.n, ETAG), 0);
}

static void a_torn_manifest_and_a_shorter_file_begin_anew(void **state)
{
    (void)state;
    char path[400];
    (void)begin(TEXT.n, ETAG);
    (void)put(0, piece(0, 33));
    (void)snprintf(path, sizeof path, "%s/%.*s.part", folder, RY_STR_ARG(CLIP));
    assert_int_equal(truncate(path, 32), 0);
    assert_int_equal(begin(TEXT.n, ETAG), 0);
    (void)put(0, piece(0, 33));
    (void)snprintf(path, sizeof path, "%s/%.*s.keep", folder, RY_STR_ARG(CLIP));
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0 && pwrite(fd, "x", 1, 20) == 1);
    (void)close(fd);
    assert_int_equal(begin(TEXT.n, ETAG), 0);
}

static void more_than_was_announced_and_a_full_disk_are_refused(void **state)
{
    (void)state;
    struct ry_error err;
    uint64_t there = 0, offset = 0;
    (void)begin(10, ETAG);
    assert_int_equal(assembly_write(&assembly, CLIP, 0, piece(0, 11), &there, &err), RY_EINVAL);
    assembly.reserve_bytes = UINT64_MAX / 2;
    assert_int_equal(assembly_write(&assembly, CLIP, 0, piece(0, 5), &there, &err), RY_EFULL);
    assert_int_equal(assembly_begin(&assembly, CLIP, 10, ETAG, &offset, &err), RY_EFULL);
    assert_non_null(strstr(err.text, "REELYARD_DISK_RESERVE"));
    assembly.reserve_bytes = 0;
    assert_int_equal(put(0, piece(0, 5)), 5);
}

/* A file of several steps, also where a step was interrupted between copying and its note. */
static void a_file_is_copied_in_steps(void **state)
{
    (void)state;
    struct ry_error err;
    char path[] = "/tmp/reelyard-assembly-from-XXXXXX";
    int from = mkostemp(path, O_CLOEXEC);
    assert_true(from >= 0);
    uint64_t total = ASSEMBLY_COPY_BYTES + 4096 + 5, there = 0;
    assert_int_equal(pwrite(from, TEXT.p, TEXT.n, 7), TEXT.n);
    assert_int_equal(pwrite(from, TEXT.p, TEXT.n, (off_t)ASSEMBLY_COPY_BYTES - 9), TEXT.n);
    assert_int_equal(ftruncate(from, (off_t)total), 0);
    (void)begin(total, ETAG);
    assert_int_equal(assembly_copy(&assembly, CLIP, from, &there, &err), RY_OK);
    assert_int_equal(there, ASSEMBLY_COPY_BYTES);
    assert_int_equal(begin(total, ETAG), ASSEMBLY_COPY_BYTES);
    assert_int_equal(assembly_copy(&assembly, CLIP, from, &there, &err), RY_OK);
    assert_int_equal(there, total);
    struct assembly_whole whole;
    assert_int_equal(assembly_take(&assembly, CLIP, &whole, &err), RY_OK);
    struct ry_sha256 state_of_from;
    char hex[RY_SHA256_HEX_BYTES], *bytes = malloc(total);
    assert_non_null(bytes);
    assert_int_equal(pread(from, bytes, total, 0), total);
    ry_sha256_begin(&state_of_from);
    ry_sha256_add(&state_of_from, bytes, total);
    ry_sha256_end(&state_of_from, hex);
    assert_string_equal(whole.sha256, hex);
    free(bytes);
    (void)close(whole.fd);
    (void)close(from);
    (void)unlink(path);
}

static void what_nobody_touched_for_a_day_is_swept(void **state)
{
    (void)state;
    (void)begin(TEXT.n, ETAG);
    struct stat st;
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%.*s.part", folder, RY_STR_ARG(CLIP));
    assert_int_equal(stat(path, &st), 0);
    int64_t now_wall_ms = (int64_t)st.st_mtim.tv_sec * 1000;
    assert_int_equal(assembly_sweep(&assembly, now_wall_ms + INT64_C(23) * 3600000), 0);
    assert_int_equal(files(), 2);
    assert_int_equal(assembly_sweep(&assembly, now_wall_ms + INT64_C(25) * 3600000), 2);
    assert_int_equal(files(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_assembly, remove_assembly)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(pieces_become_a_file_with_its_digest),
        CASE(a_piece_that_comes_twice_or_overlaps_counts_once),
        CASE(one_that_was_begun_goes_on_if_it_is_the_same_content),
        CASE(one_from_before_a_reboot_begins_anew),
        CASE(a_torn_manifest_and_a_shorter_file_begin_anew),
        CASE(more_than_was_announced_and_a_full_disk_are_refused),
        CASE(a_file_is_copied_in_steps),
        CASE(what_nobody_touched_for_a_day_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
