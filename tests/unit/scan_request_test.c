/* What the options of `reelyard scan` become: a job, or a sentence that names the option. */
#include "runtime/cli/scan_request.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define GUILD        "111000000000000001"
#define CHANNEL      "222000000000000001"
#define NOW_WALL_MS  INT64_C(1729350189159) /* 2024-10-19T15:03:09.159Z */

/* Reads the args; what was said is in said. */
static int read_args(struct ry_scan_request *request, struct ry_scan_args args, char *said, size_t size)
{
    static const struct ry_command command = {.name = "scan"};
    FILE *err = fmemopen(said, size, "w");
    struct ry_cli cli = {.out = err, .err = err, .command = &command};
    assert_non_null(err);
    int code = ry_scan_request_read(request, &args, &cli);
    (void)fclose(err);
    return code;
}

static void arguments_become_a_job(void **state)
{
    (void)state;
    static const struct {
        struct ry_scan_args args;
        const char *json; /* of what stands behind created_at's fixed neighbours */
        bool all;
    } CASES[] = {
        {{GUILD, CHANNEL, NULL, NULL, NULL, NULL},
         "\"direction\":\"backward\",\"limit\":500,\"before_message_id\":null,\"after_message_id\":null,"
         "\"auto_continue\":true,\"rescan\":\"continue\",\"restart\":true",
         true},
        {{GUILD, CHANNEL, "forward", NULL, NULL, NULL},
         "\"direction\":\"forward\",\"limit\":500,\"before_message_id\":null,\"after_message_id\":null,"
         "\"auto_continue\":true,\"rescan\":\"continue\",\"restart\":true",
         false},
        {{GUILD, CHANNEL, "backward", "update", NULL, "7"},
         "\"direction\":\"backward\",\"limit\":500,\"before_message_id\":null,\"after_message_id\":null,"
         "\"auto_continue\":true,\"rescan\":\"update\",\"restart\":true,\"messages_max\":7",
         false},
        {{GUILD, CHANNEL, NULL, "stop", "1297213456789012480", NULL},
         "\"direction\":\"forward\",\"limit\":500,\"before_message_id\":null,"
         "\"after_message_id\":\"1297213456789012480\",\"auto_continue\":true,\"rescan\":\"stop\",\"restart\":true",
         false},
        /* The day's first possible message is (1704067200000 - 1420070400000) << 22; the one before it is left out. */
        {{GUILD, CHANNEL, NULL, NULL, "2024-01-01", NULL},
         "\"direction\":\"forward\",\"limit\":500,\"before_message_id\":null,"
         "\"after_message_id\":\"1191168914227199999\",\"auto_continue\":true,\"rescan\":\"continue\",\"restart\":true",
         false},
        {{GUILD, CHANNEL, NULL, NULL, "2024-01-01T01:00:00+01:00", NULL},
         "\"direction\":\"forward\",\"limit\":500,\"before_message_id\":null,"
         "\"after_message_id\":\"1191168914227199999\",\"auto_continue\":true,\"rescan\":\"continue\",\"restart\":true",
         false},
        {{GUILD, CHANNEL, "forward", NULL, "1999-12-31", NULL},
         "\"direction\":\"forward\",\"limit\":500,\"before_message_id\":null,\"after_message_id\":null,"
         "\"auto_continue\":true,\"rescan\":\"continue\",\"restart\":true",
         false},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char said[512] = "";
        struct ry_scan_request request;
        struct ry_job_entry entry;
        struct ry_error why;
        assert_int_equal(read_args(&request, CASES[i].args, said, sizeof said), RY_CLI_GO);
        assert_string_equal(said, "");
        assert_int_equal(ry_scan_request_is_all(&request), CASES[i].all);
        const char *rescan = request.rescan ? request.rescan : "continue";
        assert_int_equal(ry_scan_request_job(&request, rescan, (struct ry_str){0}, NOW_WALL_MS, &entry, &why), RY_OK);
        char json[1024];
        (void)snprintf(json, sizeof json, "%.*s", RY_STR_ARG(entry.push.json));
        if (strstr(json, CASES[i].json) == NULL)
            fail_msg("case %zu: %s", i, json);
        assert_true(ry_str_is(entry.push.guild_id, GUILD));
        assert_true(ry_str_is(entry.push.channel_id, CHANNEL));
        ry_job_entry_free(&entry);
    }
}

static void wrong_arguments_are_named(void **state)
{
    (void)state;
    static const struct {
        struct ry_scan_args args;
        const char *said;
    } CASES[] = {
        {{NULL, CHANNEL, NULL, NULL, NULL, NULL}, "--guild is missing"},
        {{GUILD, NULL, NULL, NULL, NULL, NULL}, "--channel is missing"},
        {{"my guild", CHANNEL, NULL, NULL, NULL, NULL}, "--guild: \"my guild\""},
        {{GUILD, "0", NULL, NULL, NULL, NULL}, "--channel: \"0\""},
        {{GUILD, CHANNEL, "up", NULL, NULL, NULL}, "--direction: \"up\""},
        {{GUILD, CHANNEL, NULL, "never", NULL, NULL}, "--rescan: \"never\""},
        {{GUILD, CHANNEL, NULL, NULL, "yesterday", NULL}, "--since: \"yesterday\""},
        {{GUILD, CHANNEL, NULL, NULL, "2024-13-01", NULL}, "--since: \"2024-13-01\""},
        {{GUILD, CHANNEL, NULL, NULL, "9999-01-01", NULL}, "is in the future"},
        {{GUILD, CHANNEL, "backward", NULL, "2024-01-01", NULL}, "--since is read forward"},
        {{GUILD, CHANNEL, NULL, NULL, NULL, "0"}, "--limit: \"0\""},
        {{GUILD, CHANNEL, NULL, NULL, NULL, "many"}, "--limit: \"many\""},
        {{GUILD, CHANNEL, NULL, NULL, NULL, "18446744073709551615"}, "--limit: \"18446744073709551615\""},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        char said[512] = "";
        struct ry_scan_request request;
        assert_int_equal(read_args(&request, CASES[i].args, said, sizeof said), RY_EXIT_USAGE);
        if (strstr(said, CASES[i].said) == NULL)
            fail_msg("case %zu: %s", i, said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments_become_a_job),
        cmocka_unit_test(wrong_arguments_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
