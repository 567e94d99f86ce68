/* keys_test.c: keys as text, key files that only their owner reads, lists of keys that only their owner writes. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/bus/keys.h"

#define HEX "8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b7"
/* The same (rfc.zeromq.org/spec/32 and 26). */
#define Z85 "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

static int set_up(void **state)
{
    char *folder = strdup("/tmp/reelyard-keys.XXXXXX");
    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int tear_down(void **state)
{
    (void)unlink("key");
    (void)unlink("list");
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void key_is_read_as_hexadecimal_digits_or_z85(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {HEX, true},
        {"8E0BDD697628B91D8F245587EE95C5B04D48963F79259877B49CD9063AEAD3B7", true},
        {Z85, true},
        {"", false},
        {"8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b", false},
        {"8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b70", false},
        {"8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3bg", false},
        {"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh~", false},
        {"#####JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni", false},
        {"########################################", false}, /* more than 32 bits in five */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_key key;
        char hex[RY_KEY_HEX_BYTES];
        if (ry_key_parse(&key, ry_str_of(cases[i].text)) != cases[i].good)
            fail_msg("\"%s\"", cases[i].text);
        if (!cases[i].good)
            continue;
        ry_key_hex(&key, hex);
        assert_string_equal(hex, HEX);
    }
}

static void made_key_is_for_its_owner_alone_and_is_never_written_over(void **state)
{
    (void)state;
    struct ry_keypair made, read, other;
    struct ry_error err = {0};
    struct stat status;
    mode_t before = umask(0);
    assert_int_equal(ry_keypair_create(&made, "key", &err), RY_OK);
    (void)umask(before);
    assert_int_equal(stat("key", &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(ry_keypair_create(&other, "key", &err), RY_EBUSY);
    assert_int_equal(ry_keypair_read(&read, "key", &err), RY_OK);
    assert_memory_equal(&read, &made, sizeof made);
    assert_memory_not_equal(&made.public_key, &made.secret, sizeof made.secret);
    ry_keypair_forget(&made);
    const struct ry_key nothing = {{0}};
    assert_memory_equal(&made.secret, &nothing, sizeof nothing);
}

static void key_file_that_is_not_its_owners_secret_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        int rc;
    } cases[] = {
        {HEX "\n", 0600, RY_OK},           {HEX, 0400, RY_OK},           {"  " HEX " \r\n", 0600, RY_OK},
        {Z85 "\n", 0600, RY_OK},           {HEX "\n", 0640, RY_ECONFIG}, {HEX "\n", 0604, RY_ECONFIG},
        {HEX "\n", 0602, RY_ECONFIG},      {"", 0600, RY_ECONFIG},       {"\n" HEX, 0600, RY_ECONFIG},
        {"secret " HEX, 0600, RY_ECONFIG},
    };
    struct ry_keypair pair;
    struct ry_error err = {0};
    assert_int_equal(ry_keypair_read(&pair, "key", &err), RY_ECONFIG); /* there is none */
    assert_int_equal(ry_keypair_read(&pair, ".", &err), RY_ECONFIG);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("key", cases[i].text, cases[i].mode);
        int rc = ry_keypair_read(&pair, "key", &err);
        if (rc != cases[i].rc)
            fail_msg("case %zu: %d %s", i, rc, err.text);
        assert_null(strstr(err.text, "8e0bdd")); /* nothing of it is told */
        (void)unlink("key");
    }
}

static void list_allows_the_keys_that_begin_its_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        mode_t mode;
        bool allowed;
        unsigned unread;
        int rc;
    } cases[] = {
        {HEX "\n", 0644, true, 0, RY_OK},
        {HEX, 0444, true, 0, RY_OK},
        {"# gpu-1\n\n  " Z85 "  gpu-1, in the cellar\r\n", 0600, true, 0, RY_OK},
        {"nonsense\n" HEX " # gpu-1\nmore of it\n", 0600, true, 2, RY_OK},
        {"", 0600, false, 0, RY_OK},
        {"#" HEX "\n", 0600, false, 0, RY_OK},
        {"# " HEX "\n", 0600, false, 0, RY_OK},
        {"gpu-1 " HEX "\n", 0600, false, 1, RY_OK},
        {HEX "0\n", 0600, false, 1, RY_OK},
        {"8e0bdd697628b91d8f245587ee95c5b04d48963f79259877b49cd9063aead3b8\n", 0600, false, 0, RY_OK},
        {HEX "\n", 0664, false, 0, RY_ECONFIG},
        {HEX "\n", 0646, false, 0, RY_ECONFIG},
    };
    struct ry_key key;
    struct ry_error err = {0};
    bool allowed = true;
    unsigned unread = 0;
    assert_true(ry_key_parse(&key, RY_STR(HEX)));
    assert_int_equal(ry_keys_allow("list", &key, &allowed, &unread, &err), RY_ECONFIG); /* there is none */
    assert_false(allowed);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("list", cases[i].text, cases[i].mode);
        int rc = ry_keys_allow("list", &key, &allowed, &unread, &err);
        if (rc != cases[i].rc || allowed != cases[i].allowed || unread != cases[i].unread)
            fail_msg("case %zu: %d, allowed %d, unread %u", i, rc, allowed, unread);
        (void)unlink("list");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(key_is_read_as_hexadecimal_digits_or_z85),
        TEST(made_key_is_for_its_owner_alone_and_is_never_written_over),
        TEST(key_file_that_is_not_its_owners_secret_is_refused),
        TEST(list_allows_the_keys_that_begin_its_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
