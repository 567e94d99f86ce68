/* fleet_test.c: the fleet's key as text and as file, and seals: good at their own place only. */
#include "tests/bed/bed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/queue/fleet.h"

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffeeddccbbaa99887766554433221100FFEEDDCCBBAA99887766554433221100"
#define KEY_C "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

static int set_up(void **state)
{
    char *folder = strdup("/tmp/reelyard-fleet.XXXXXX");
    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL || chdir(folder) != 0;
}

static int tear_down(void **state)
{
    (void)unlink("key");
    (void)rmdir(*state);
    free(*state);
    return 0;
}

/* A fleet by these settings; NULL: not set. */
static int load(struct ry_fleet *fleet, const char *key, const char *file, const char *open, struct ry_error *err)
{
    struct ry_config *config = NULL;
    char *const no_environment[] = {NULL};
    assert_int_equal(ry_config_load(&config, no_environment, err), RY_OK);
    const struct {
        enum ry_option option;
        const char *value;
    } set[] = {{RY_OPT_fleet_key, key}, {RY_OPT_fleet_key_file, file}, {RY_OPT_fleet_open, open}};
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        if (set[i].value != NULL)
            assert_int_equal(ry_config_set(config, set[i].option, set[i].value, err), RY_OK);
    int rc = ry_fleet_load(fleet, config, err);
    ry_config_free(&config);
    return rc;
}

static struct ry_fleet fleet_of(const char *key)
{
    struct ry_fleet fleet;
    struct ry_error err = {0};
    if (load(&fleet, key, NULL, NULL, &err) != RY_OK)
        fail_msg("%s", err.text);
    return fleet;
}

static void keys_are_read_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        size_t n;
    } cases[] = {{NULL, RY_OK, 0},
                 {KEY_A, RY_OK, 1},
                 {KEY_A "," KEY_B, RY_OK, 2},
                 {" " KEY_A "\n# the one of last year\n" KEY_B " # goes in May", RY_OK, 2},
                 {KEY_A " " KEY_B " " KEY_C, RY_ECONFIG, 0},
                 {"secret", RY_ECONFIG, 0},
                 {KEY_A "0", RY_ECONFIG, 0},
                 {KEY_A " x", RY_ECONFIG, 0},
                 {"g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", RY_ECONFIG, 0},
                 {"# nothing else", RY_ECONFIG, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_fleet fleet;
        struct ry_error err = {0};
        assert_int_equal(load(&fleet, cases[i].text, NULL, NULL, &err), cases[i].rc);
        assert_int_equal(fleet.n, cases[i].n);
        assert_null(strstr(err.text, "0011223344")); /* no byte of a key */
    }
}

static void key_file_is_read_only_if_it_is_the_owners_alone(void **state)
{
    (void)state;
    struct ry_fleet fleet;
    struct ry_error err = {0};
    char id[RY_FLEET_ID_CHARS + 1];
    struct stat status;
    assert_int_equal(ry_fleet_key_create("key", id, &err), RY_OK);
    assert_int_equal(stat("key", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(ry_fleet_key_create("key", id, &err), RY_EBUSY);
    assert_int_equal(load(&fleet, NULL, "key", NULL, &err), RY_OK);
    assert_int_equal(fleet.n, 1);
    assert_int_equal(strlen(fleet.keys[0].id), RY_FLEET_ID_CHARS);
    static const mode_t modes[] = {0640, 0604, 0660, 0602};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        assert_int_equal(chmod("key", modes[i]), 0);
        assert_int_equal(load(&fleet, NULL, "key", NULL, &err), RY_ECONFIG);
        assert_non_null(strstr(err.text, "chmod 600"));
        assert_int_equal(fleet.n, 0);
    }
    assert_int_equal(load(&fleet, NULL, "nowhere", NULL, &err), RY_ECONFIG);
    assert_int_equal(chmod("key", 0600), 0);
    assert_int_equal(load(&fleet, KEY_A, "key", NULL, &err), RY_ECONFIG);
    assert_non_null(strstr(err.text, "both"));
    assert_int_equal(truncate("key", 5000), 0);
    assert_int_equal(load(&fleet, NULL, "key", NULL, &err), RY_ECONFIG);
}

static void seal_is_good_for_what_it_was_made_and_for_nothing_else(void **state)
{
    (void)state;
    struct ry_fleet fleet = fleet_of(KEY_A);
    const struct ry_str parts[] = {RY_STR("mail"), RY_STR("ab"), RY_STR("c"), RY_STR("")};
    const struct ry_str other[] = {RY_STR("mail"), RY_STR("a"), RY_STR("bc"), RY_STR("")};
    const struct ry_sealed right = {"entry", RY_STR("stream:a"), parts, 4};
    const struct {
        const char *what;
        struct ry_sealed sealed;
    } cases[] = {{"another purpose", {"news", RY_STR("stream:a"), parts, 4}},
                 {"another place", {"entry", RY_STR("stream:b"), parts, 4}},
                 {"bytes moved between parts", {"entry", RY_STR("stream:a"), other, 4}},
                 {"a part less", {"entry", RY_STR("stream:a"), parts, 3}},
                 {"no parts", {"entry", RY_STR("stream:a"), parts, 0}}};
    char seal[RY_SEAL_CHARS + 1];
    ry_fleet_seal(&fleet, &right, seal);
    assert_int_equal(strlen(seal), RY_SEAL_CHARS);
    assert_int_equal(ry_fleet_check(&fleet, &right, ry_str_of(seal)), RY_SEAL_GOOD);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ry_fleet_check(&fleet, &cases[i].sealed, ry_str_of(seal)) != RY_SEAL_WRONG)
            fail_msg("%s passes", cases[i].what);
    for (size_t i = 0; i < RY_SEAL_CHARS; i++) {
        char c = seal[i];
        seal[i] = c == '0' ? '1' : '0';
        assert_int_equal(ry_fleet_check(&fleet, &right, ry_str_of(seal)),
                         i < RY_FLEET_ID_CHARS ? RY_SEAL_FOREIGN : RY_SEAL_WRONG);
        seal[i] = c;
    }
    assert_int_equal(ry_fleet_check(&fleet, &right, (struct ry_str){0}), RY_SEAL_NONE);
    assert_int_equal(ry_fleet_check(&fleet, &right, RY_STR("")), RY_SEAL_NONE);
    assert_int_equal(ry_fleet_check(&fleet, &right, (struct ry_str){seal, RY_SEAL_CHARS - 1}), RY_SEAL_FOREIGN);
}

static void two_keys_are_accepted_while_one_is_replaced(void **state)
{
    (void)state;
    /* The order of OPERATIONS.md; nodes of neighbouring steps understand each other in both directions. */
    static const char *const steps[] = {KEY_A, KEY_A "," KEY_B, KEY_B "," KEY_A, KEY_B};
    const struct ry_str part = RY_STR("x");
    const struct ry_sealed sealed = {"entry", RY_STR("s"), &part, 1};
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 4; j++) {
            struct ry_fleet from = fleet_of(steps[i]), to = fleet_of(steps[j]);
            char seal[RY_SEAL_CHARS + 1];
            ry_fleet_seal(&from, &sealed, seal);
            enum ry_seal_state state_there = ry_fleet_check(&to, &sealed, ry_str_of(seal));
            bool near = i > j ? i - j < 2 : j - i < 2;
            if (near)
                assert_int_equal(state_there, RY_SEAL_GOOD);
            else if (i + j == 3 && i != 1 && i != 2)
                assert_int_equal(state_there, RY_SEAL_FOREIGN);
        }
}

static void open_fleet_takes_what_bears_no_seal_but_never_a_wrong_one(void **state)
{
    (void)state;
    static const bool taken[][2] = {[RY_SEAL_GOOD] = {true, true},
                                    [RY_SEAL_NONE] = {false, true},
                                    [RY_SEAL_FOREIGN] = {false, true},
                                    [RY_SEAL_WRONG] = {false, false}};
    for (int open = 0; open < 2; open++) {
        struct ry_fleet fleet;
        struct ry_error err = {0};
        assert_int_equal(load(&fleet, KEY_A, NULL, open ? "true" : NULL, &err), RY_OK);
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
            assert_int_equal(ry_fleet_accepts(&fleet, (enum ry_seal_state)i), taken[i][open]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_read_from_text),
        cmocka_unit_test_setup_teardown(key_file_is_read_only_if_it_is_the_owners_alone, set_up, tear_down),
        cmocka_unit_test(seal_is_good_for_what_it_was_made_and_for_nothing_else),
        cmocka_unit_test(two_keys_are_accepted_while_one_is_replaced),
        cmocka_unit_test(open_fleet_takes_what_bears_no_seal_but_never_a_wrong_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
