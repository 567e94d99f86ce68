/* private_file.c: what is shut, and what is left alone. */
#include "runtime/base/private_file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/reelyard-private-XXXXXX";

static int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int leave_folder(void **state)
{
    (void)state;
    return unlink("file") + unlink("link") + unlink("made") + rmdir("sub") + rmdir(folder);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void rights_of_others_are_taken_and_no_link_is_followed(void **state)
{
    (void)state;
    static const struct {
        const char *path, *changed;
        mode_t before, after;
        bool mended;
    } cases[] = {
        {"file", "file", 0644, 0600, true},  {"file", "file", 0677, 0600, true}, {"file", "file", 0600, 0600, false},
        {"file", "file", 0400, 0400, false}, {"sub", "sub", 0755, 0700, true},   {"sub", "sub", 02750, 02700, true},
        {"link", "file", 0644, 0644, false},
    };
    int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd) + mkdir("sub", 0700) + symlink("file", "link"), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chmod(cases[i].changed, cases[i].before), 0);
        if (ry_private_file_mend(cases[i].path) != cases[i].mended || mode_of(cases[i].changed) != cases[i].after)
            fail_msg("case %zu: %04o", i, mode_of(cases[i].changed));
    }
    assert_false(ry_private_file_mend("nowhere"));
}

static void a_file_is_made_private_under_any_umask_and_none_is_replaced(void **state)
{
    (void)state;
    mode_t former = umask(0);
    ry_private_file_make("made");
    assert_int_equal(mode_of("made"), 0600);
    assert_int_equal(chmod("made", 0640), 0);
    ry_private_file_make("made");
    assert_int_equal(mode_of("made"), 0640);
    (void)umask(former);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_of_others_are_taken_and_no_link_is_followed),
        cmocka_unit_test(a_file_is_made_private_under_any_umask_and_none_is_replaced),
    };
    return cmocka_run_group_tests_name("private_file", tests, enter_folder, leave_folder);
}
