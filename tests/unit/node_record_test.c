/* node_record_test.c: what a node writes of itself is read back whole, under its own name and its fleet's seal only. */
#include "tests/bed/bed.h"

#include <stdio.h>

#include "runtime/queue/node_record.h"

#define KEY       "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_KEY "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

/* key: NULL for none. */
static struct ry_fleet fleet_of(const char *key, bool open)
{
    struct ry_fleet fleet;
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const no_environment[] = {NULL};
    assert_int_equal(ry_config_load(&config, no_environment, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_fleet_open, open ? "true" : "false", &err), RY_OK);
    if (key != NULL)
        assert_int_equal(ry_config_set(config, RY_OPT_fleet_key, key, &err), RY_OK);
    assert_int_equal(ry_fleet_load(&fleet, config, &err), RY_OK);
    ry_config_free(&config);
    return fleet;
}

static void write_record(const struct ry_fleet *fleet, const char *name, struct ry_buf *out)
{
    char owner[208] = "";
    (void)snprintf(owner, sizeof owner, "%s/0123456789abcdef", name);
    struct ry_error err = {0};
    struct ry_role_offer roles[] = {{RY_STR("encoder"), 2, 4}, {RY_STR("dancer"), 1, 1}};
    const struct ry_node_record record = {
        .roles = {roles, 2}, .taken = 3, .given = UINT64_MAX, .said_wall_ms = 1700000000000, .owner = ry_str_of(owner)};
    ry_buf_reset(out);
    if (ry_node_record_write(fleet, ry_str_of(name), &record, out, &err) != RY_OK)
        fail_msg("%s: %s", name, err.text);
}

static void record_of_any_name_is_read_as_it_was_written(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "\"quoted\"", "back\\slash", "two\nlines\n", "Zürich 日本", "{}", "%s"};
    const struct ry_fleet fleets[] = {fleet_of(KEY, false), fleet_of(NULL, true)};
    RY_BUF_AUTO value = ry_buf_make(4096);
    for (size_t i = 0; i < 2 * (sizeof names / sizeof *names); i++) {
        const struct ry_fleet *fleet = &fleets[i % 2];
        const char *name = names[i / 2];
        RY_ARENA_AUTO arena = ry_arena_make(65536);
        struct ry_mail_node node;
        write_record(fleet, name, &value);
        ry_node_record_read(fleet, ry_str_of(name), ry_buf_str(&value), &arena, &node);
        assert_string_equal(node.fault, "");
        assert_true(node.accepted);
        assert_int_equal(node.seal, fleet->n > 0 ? RY_SEAL_GOOD : RY_SEAL_NONE);
        assert_non_null(node.record);
        assert_true(ry_str_starts(node.record->owner, ry_str_of(name)));
        assert_int_equal(node.record->roles.n, 2);
        assert_true(ry_str_is(node.record->roles.items[0].role, "encoder"));
        assert_int_equal(node.record->roles.items[0].instances, 2);
        assert_int_equal(node.record->roles.items[0].capacity, 4);
        assert_int_equal(node.record->taken, 3);
        assert_true(node.record->given == UINT64_MAX);
        assert_int_equal(node.record->said_wall_ms, 1700000000000);
    }
}

static void record_counts_only_with_the_seal_of_its_fleet_and_under_its_name(void **state)
{
    (void)state;
    const struct ry_fleet ours = fleet_of(KEY, false);
    const struct {
        const char *what;
        struct ry_fleet writer;
        const char *written_as;
        size_t flip; /* a byte of the value, counted from its end; 0: none */
        enum ry_seal_state seal;
        const char *fault;
    } cases[] = {
        {"without a key", fleet_of(NULL, true), "a", 0, RY_SEAL_NONE, "it has no seal"},
        {"of another fleet", fleet_of(OTHER_KEY, false), "a", 0, RY_SEAL_FOREIGN,
         "its seal is of a key that this node does not have"},
        {"of another node", ours, "b", 0, RY_SEAL_WRONG, "its seal is wrong"},
        {"changed at its end", ours, "a", 1, RY_SEAL_WRONG, "its seal is wrong"},
        {"changed in its middle", ours, "a", 20, RY_SEAL_WRONG, "its seal is wrong"},
    };
    RY_BUF_AUTO value = ry_buf_make(4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_ARENA_AUTO arena = ry_arena_make(65536);
        struct ry_mail_node node;
        write_record(&cases[i].writer, cases[i].written_as, &value);
        if (cases[i].flip > 0)
            value.p[value.n - cases[i].flip] ^= 1;
        ry_node_record_read(&ours, RY_STR("a"), ry_buf_str(&value), &arena, &node);
        if (node.accepted || node.seal != cases[i].seal || strcmp(node.fault, cases[i].fault) != 0)
            fail_msg("%s: seal %d, \"%s\"", cases[i].what, (int)node.seal, node.fault);
    }
}

static void what_is_no_record_is_named(void **state)
{
    (void)state;
    const struct ry_fleet open = fleet_of(NULL, true);
    static const struct {
        struct ry_str value;
        const char *fault; /* its beginning */
    } cases[] = {
        {RY_STR(""), "it is not a record of a node"},
        {RY_STR("\n"), "it is not a record of a node: node_record"},
        {RY_STR("x\n\x90"), "it is not a record of a node"},
        {RY_STR("\n\x90"), "it is not a record of a node: node_record.owner"},
        {RY_STR("\n\x95\xa3"
                "a/1\x90\x00\x00\x00x"),
         "it is not a record of a node: node_record has 1 trailing bytes"},
        {RY_STR("\xff\xfe"), "it is not a record of a node"},
        {RY_STR("{\"owner\": \"a/1\", \"role_bits\": 8, \"wall_ms\": 1}"),
         "it is JSON, as an older reelyard writes it"},
        {RY_STR("{\"owner\": \"a/1\", \"seal\": \"0011223344\"}"), "it is JSON, as an older reelyard writes it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        RY_ARENA_AUTO arena = ry_arena_make(65536);
        struct ry_mail_node node;
        ry_node_record_read(&open, RY_STR("a"), cases[i].value, &arena, &node);
        assert_null(node.record);
        if (strncmp(node.fault, cases[i].fault, strlen(cases[i].fault)) != 0)
            fail_msg("case %zu: \"%s\"", i, node.fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_of_any_name_is_read_as_it_was_written),
        cmocka_unit_test(record_counts_only_with_the_seal_of_its_fleet_and_under_its_name),
        cmocka_unit_test(what_is_no_record_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
