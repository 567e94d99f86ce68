/* supervisor_test.c: what the supervisor decides without a process: waits, budgets, ways to die, who learns which
 * secret. */
#include "tests/bed/bed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/cli/env_file.h"
#include "runtime/supervisor/notify.h"
#include "runtime/process/restart.h"
#include "runtime/supervisor/supervisor.h"

/* ---- waits and budgets ------------------------------------------------------------------------------------------- */

static const struct ry_restart_rule rule = {
    .first_ms = 100, .longest_ms = 5000, .calm_ms = 10000, .period_ms = 60000, .most = 10};

static void wait_doubles_up_to_its_limit_and_begins_anew_after_a_long_life(void **state)
{
    (void)state;
    static const struct {
        int64_t lived_ms;
        int64_t wait_ms; /* without its 10 % of jitter */
    } deaths[] = {{50, 100},  {50, 200},  {50, 400},    {50, 800},    {50, 1600},
                  {50, 3200}, {50, 5000}, {9999, 5000}, {10000, 100}, {50, 200}};
    struct ry_restart restart = {.deaths = 0};
    struct ry_rng rng = {.state = 7};
    int64_t now_mono_ms = 1000;
    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        int64_t wait_ms = 0;
        now_mono_ms += 60000; /* the budget is not what this is about */
        assert_true(ry_restart_after(&restart, &rule, &rng, now_mono_ms, deaths[i].lived_ms, RY_LIFE_READY, &wait_ms));
        assert_between(wait_ms, deaths[i].wait_ms * 9 / 10, deaths[i].wait_ms * 11 / 10);
    }
}

static void budget_is_spent_by_more_deaths_than_allowed_within_the_period(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        int64_t apart_ms;
        unsigned most;
        unsigned survives; /* deaths that are followed by a start; 1000: all */
    } cases[] = {{"ten quick ones, not eleven", 10, 10, 10},
                 {"eleven within the period", 5999, 10, 10},
                 {"eleven over just the period", 6000, 10, 1000},
                 {"one", 10, 1, 1},
                 {"the largest budget", 10, 63, 63}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_restart_rule own = rule;
        struct ry_restart restart = {.deaths = 0};
        struct ry_rng rng = {.state = 7};
        unsigned survived = 0;
        int64_t wait_ms;
        own.most = cases[i].most;
        while (survived < 1000 &&
               ry_restart_after(&restart, &own, &rng, survived * cases[i].apart_ms, 5, RY_LIFE_READY, &wait_ms))
            survived++;
        if (survived != cases[i].survives)
            fail_msg("%s: %u", cases[i].claim, survived);
    }
}

/* Lives are letters: r was ready, u was not, e is excused. */
static void process_that_dies_before_it_is_ready_is_given_up_after_so_many_in_a_row(void **state)
{
    (void)state;
    static const struct {
        const char *claim;
        const char *lives; /* repeated */
        int64_t apart_ms;
        unsigned survives; /* deaths that are followed by a start; 1000: all */
        bool never_ready;  /* the reason why it is given up */
    } cases[] = {
        {"never ready, deaths as far apart as waits make them", "u", 30000, RY_UNREADY_DEATHS_MAX - 1, true},
        {"never ready, over days", "u", 86400000, RY_UNREADY_DEATHS_MAX - 1, true},
        {"ready once, never after", "ruuuuuuuu", 30000, RY_UNREADY_DEATHS_MAX, true},
        {"ready in between each time", "uuuuuuur", 30000, 1000, false},
        {"dies at its work, rarely", "r", 30000, 1000, false},
        {"dies at its work, often", "r", 10, 10, false},
        {"the others are away", "e", 30000, 1000, false},
        {"the others are away, and it ends often", "e", 10, 1000, false},
        {"what is excused takes nothing of the budget", "eeer", 10, 40 + 3, false},
        {"others are away in between, which does not excuse it", "ue", 30000, 2 * RY_UNREADY_DEATHS_MAX - 2, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ry_restart restart = {.deaths = 0};
        struct ry_rng rng = {.state = 7};
        unsigned survived = 0;
        size_t n = strlen(cases[i].lives);
        int64_t wait_ms;
        for (; survived < 1000; survived++) {
            char c = cases[i].lives[survived % n];
            enum ry_life life = c == 'r' ? RY_LIFE_READY : c == 'u' ? RY_LIFE_UNREADY : RY_LIFE_EXCUSED;
            if (!ry_restart_after(&restart, &rule, &rng, survived * cases[i].apart_ms, 5, life, &wait_ms))
                break;
        }
        if (survived != cases[i].survives || ry_restart_never_ready(&restart) != cases[i].never_ready)
            fail_msg("%s: %u", cases[i].claim, survived);
    }
}

/* ---- ways to die ------------------------------------------------------------------------------------------------- */

#define EXITED(code)     ((code) << 8)
#define SIGNALED(number) (number)

static void every_way_to_die_has_its_place_in_the_tally(void **state)
{
    (void)state;
    static const struct {
        int wait_status;
        enum ry_kill_reason kill_reason;
        enum ry_death death;
        const char *text;
    } cases[] = {
        {EXITED(0), RY_KILL_TOLD_TO_LEAVE, RY_DEATH_LEFT, "exit code 0"},
        {EXITED(0), RY_KILL_NONE, RY_DEATH_EXIT, "exit code 0"},
        {EXITED(1), RY_KILL_NONE, RY_DEATH_EXIT, "exit code 1"},
        {EXITED(1), RY_KILL_TOLD_TO_LEAVE, RY_DEATH_EXIT, "exit code 1"},
        {EXITED(75), RY_KILL_NONE, RY_DEATH_ORPHAN, "its router was gone"},
        {EXITED(69), RY_KILL_NONE, RY_DEATH_AWAY, "what it needs was away"},
        {EXITED(152), RY_KILL_NONE, RY_DEATH_LIMIT, "CPU time, exit code 152"},
        {EXITED(153), RY_KILL_NONE, RY_DEATH_LIMIT, "a message too large, exit code 153"},
        {SIGNALED(SIGKILL), RY_KILL_NONE, RY_DEATH_SIGNAL, "signal 9 (Killed)"},
        {SIGNALED(SIGKILL), RY_KILL_STUCK, RY_DEATH_STUCK, "stuck: it made no progress and was killed"},
        {SIGNALED(SIGKILL), RY_KILL_LATE, RY_DEATH_LATE, "late: it did not stop in time and was killed"},
        {SIGNALED(SIGKILL), RY_KILL_ORPHANED, RY_DEATH_ORPHAN, "its router was gone"},
        {SIGNALED(SIGSEGV), RY_KILL_STUCK, RY_DEATH_SIGNAL, "signal 11 (Segmentation fault)"},
        {SIGNALED(SIGSEGV) | 0x80, RY_KILL_NONE, RY_DEATH_SIGNAL, "signal 11 (Segmentation fault)"},
        {SIGNALED(SIGSYS), RY_KILL_NONE, RY_DEATH_SECCOMP, "a system call that its sandbox denies"},
        {SIGNALED(SIGXCPU), RY_KILL_NONE, RY_DEATH_LIMIT, "signal 24 (CPU time limit exceeded)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RY_DEATH_TEXT_BYTES];
        assert_int_equal(ry_death_of(cases[i].wait_status, cases[i].kill_reason), cases[i].death);
        ry_death_describe(cases[i].wait_status, cases[i].kill_reason, text);
        assert_string_equal(text, cases[i].text);
    }
}

/* ---- who learns which secret ------------------------------------------------------------------------------------- */

static const char *value_in(char *const *env, const char *name)
{
    size_t n = strlen(name);
    for (; *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static char *const full_environment[] = {"PATH=/bin",
                                         "LC_ALL=C",
                                         "AWS_SECRET_ACCESS_KEY=nobody",
                                         "PGPASSFILE=/pg",
                                         "DATABASE_URL=postgresql://u:pw@h/db",
                                         "DB_PASSWORD=pw",
                                         "DB_USER=u",
                                         "REDIS_URL=redis://:rw@h",
                                         "BOT_TOKEN=bt",
                                         "REELYARD_WEB_TOKEN=wt",
                                         "REELYARD_MAILBOX=7",
                                         NULL};

static void secret_is_in_the_environment_of_its_own_role_only(void **state)
{
    (void)state;
    static const struct {
        const char *variable;
        const char *roles; /* "*": all */
    } cases[] = {{"DATABASE_URL", "writer"},
                 {"DB_PASSWORD", "writer"},
                 {"DB_USER", "writer"},
                 {"PGPASSFILE", "writer"},
                 {"REDIS_URL", "ingester relay"},
                 {"BOT_TOKEN", "scanner"},
                 {"REELYARD_WEB_TOKEN", "monitor"},
                 {"AWS_SECRET_ACCESS_KEY", ""},
                 {"REELYARD_MAILBOX", "*"},
                 {"PATH", "*"},
                 {"LC_ALL", "*"}};
    static const char *const roles[] = {"ingester", "scanner",   "writer",  "downloader", "encoder",
                                        "storage",  "scheduler", "monitor", "relay",      "router"};
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_config_load(&config, full_environment, &err), RY_OK);
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++) {
        char **env = ry_config_environment(config, roles[r], full_environment, NULL);
        assert_non_null(env);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            bool may = strcmp(cases[i].roles, "*") == 0 || strstr(cases[i].roles, roles[r]);
            const char *value = value_in(env, cases[i].variable);
            if ((value != NULL) != may)
                fail_msg("%s has %s: %d", roles[r], cases[i].variable, value != NULL);
            if (value)
                assert_string_equal(value, value_in(full_environment, cases[i].variable));
        }
        free(env);
    }
    ry_config_free(&config);
}

static void environment_carries_flags_and_the_kept_settings(void **state)
{
    (void)state;
    struct ry_config *config = NULL;
    struct ry_error err = {0};
    char *const nothing[] = {NULL};
    assert_int_equal(ry_config_load(&config, nothing, &err), RY_OK);
    assert_int_equal(ry_config_set(config, RY_OPT_clip_window, "3", &err), RY_OK);
    char **env = ry_config_environment(config, "scheduler", nothing, "/run/settings.jsonc");
    assert_non_null(env);
    assert_string_equal(value_in(env, "REELYARD_CLIP_WINDOW"), "3");
    assert_string_equal(value_in(env, "DEFAULT_SETTINGS_PATH"), "/run/settings.jsonc");
    assert_null(value_in(env, "REELYARD_MAILBOX")); /* at its default */
    free(env);
    ry_config_free(&config);
}

/* ---- what is read ------------------------------------------------------------------------------------------------ */

struct heard {
    char text[128];
};

static int hear(void *arg, struct ry_str role, uint64_t number, struct ry_error *err)
{
    struct heard *heard = arg;
    size_t n = strlen(heard->text);
    (void)err;
    (void)snprintf(heard->text + n, sizeof heard->text - n, "%.*s:%llu;", RY_STR_ARG(role), (unsigned long long)number);
    return RY_OK;
}

static void list_of_numbers_is_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *list;
        const char *heard; /* NULL: refused */
    } cases[] = {{"", ""},
                 {"encoder=4", "encoder:4;"},
                 {"encoder=4,writer=2", "encoder:4;writer:2;"},
                 {"encoder=4, writer=0", "encoder:4;writer:0;"},
                 {"encoder", NULL},
                 {"encoder=", NULL},
                 {"encoder=-1", NULL},
                 {"encoder=257", NULL},
                 {"encoder=four", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct heard heard = {""};
        struct ry_error err = {0};
        int rc = ry_up_list(cases[i].list, "--instances", 256, hear, &heard, &err);
        assert_int_equal(rc, cases[i].heard ? RY_OK : RY_ECONFIG);
        if (cases[i].heard)
            assert_string_equal(heard.text, cases[i].heard);
    }
}

static void env_file_adds_what_the_environment_lacks(void **state)
{
    (void)state;
    char path[] = "/tmp/reelyard-env.XXXXXX";
    static const char text[] = "# comment\n\nA=1\n  B=two words\nC=\"quoted = yes\"\nPATH=/evil\nE=\n"
                               "F=\"INFO\"    # a level\nG=5432 # a port\nH='a # b'\t# c\nI=pass#word\nJ=\"a\"b\n"
                               "K=trailing \t\r\nL=\"\"\nM=# nothing\nN=\"open\nexport O=exported\n";
    char *const env[] = {"PATH=/bin", NULL};
    int fd = mkstemp(path);
    char **merged = NULL;
    struct ry_error err = {0};
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    assert_int_equal(ry_env_file_read(path, env, &merged, &err), RY_OK);
    assert_string_equal(value_in(merged, "A"), "1");
    assert_string_equal(value_in(merged, "B"), "two words");
    assert_string_equal(value_in(merged, "C"), "quoted = yes");
    assert_string_equal(value_in(merged, "E"), "");
    assert_string_equal(value_in(merged, "PATH"), "/bin");
    assert_string_equal(value_in(merged, "F"), "INFO");
    assert_string_equal(value_in(merged, "G"), "5432");
    assert_string_equal(value_in(merged, "H"), "a # b");
    assert_string_equal(value_in(merged, "I"), "pass#word");
    assert_string_equal(value_in(merged, "J"), "\"a\"b");
    assert_string_equal(value_in(merged, "K"), "trailing");
    assert_string_equal(value_in(merged, "L"), "");
    assert_string_equal(value_in(merged, "M"), "# nothing");
    assert_string_equal(value_in(merged, "N"), "\"open");
    assert_string_equal(value_in(merged, "O"), "exported");
    free(merged);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd,
                            "\xFF\xFE"
                            "A\0=\0",
                            6, 0),
                     6);
    assert_int_equal(ry_env_file_read(path, env, &merged, &err), RY_ECONFIG);
    assert_non_null(strstr(err.text, "UTF-16"));
    (void)close(fd);
    (void)unlink(path);
}

static void a_bad_env_file_is_named_with_its_line_and_no_value(void **state)
{
    (void)state;
#define LINE "a line must be NAME=value, blank, or a comment that begins with #"
    static const struct {
        const char *text;
        const char *error; /* behind the file's name */
    } cases[] = {
        {"A=1\n\nTOKEN hunter2\n", ", line 3: there is no \"=\" after the name TOKEN; " LINE},
        {"# TOKEN\nTOKEN = hunter2", ", line 2: there is no \"=\" after the name TOKEN; " LINE},
        {"TOKEN: hunter2=\n", ", line 1: there is no \"=\" after the name TOKEN; " LINE},
        {"export TOKEN\n", ", line 1: there is no \"=\" after the name TOKEN; " LINE},
        {"=hunter2\n", ", line 1: it does not begin with a name (letters, digits and _, no digit first); " LINE},
        {"2A=hunter2\n", ", line 1: it does not begin with a name (letters, digits and _, no digit first); " LINE},
        {NULL, ", line 2: it has more than the 8190 bytes allowed"},
    };
    char *const env[] = {NULL};
    char expected[400];
    char longest[9000] = "A=1\nB=";
    memset(longest + strlen(longest), 'x', 8500);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[] = "/tmp/reelyard-env.XXXXXX";
        int fd = mkstemp(path);
        char **merged = NULL;
        struct ry_error err = {0};
        const char *text = cases[i].text ? cases[i].text : longest;
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(ry_env_file_read(path, env, &merged, &err), RY_ECONFIG);
        (void)snprintf(expected, sizeof expected, "--env-file: %s%s", path, cases[i].error);
        assert_string_equal(err.text, expected);
        (void)close(fd);
        (void)unlink(path);
    }
#undef LINE
    char **merged = NULL;
    struct ry_error err = {0};
    assert_int_equal(ry_env_file_read("/nonexistent/env", env, &merged, &err), RY_ECONFIG);
    assert_string_equal(err.text, "--env-file: cannot open /nonexistent/env: No such file or directory; name a file "
                                  "with lines NAME=value");
    assert_int_equal(ry_env_file_read("/", env, &merged, &err), RY_ECONFIG);
    assert_string_equal(err.text, "--env-file: cannot read /: Is a directory; name a file with lines NAME=value");
}

/* ---- words on the leash ------------------------------------------------------------------------------------------ */

static void leash_passes_over_what_is_no_word_and_tells_the_end(void **state)
{
    (void)state;
    int pair[2];
    struct ry_leash_msg word = {.kind = RY_LEASH_MSG_LEAVE, .ms = 5};
    union ry_leash_packet packet;
    static struct ry_children_report report = {.kind = RY_LEASH_MSG_CHILDREN, .child_count = 2};
    const uint32_t lie[] = {RY_LEASH_MSG_CHILDREN, RY_CHILDREN_MAX + 1, 0, 0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(ry_leash_hear(pair[1], &packet, sizeof packet), RY_LEASH_NOTHING);
    assert_int_equal(write(pair[0], "x", 1), 1);
    assert_int_equal(write(pair[0], &word, sizeof word - 1), sizeof word - 1);
    assert_int_equal(write(pair[0], lie, sizeof lie), sizeof lie);
    assert_true(ry_leash_say(pair[0], &word));
    assert_true(ry_leash_say_children(pair[0], &report));
    assert_int_equal(ry_leash_hear(pair[1], &packet, sizeof packet), RY_LEASH_MSG);
    assert_int_equal(packet.msg.kind, RY_LEASH_MSG_LEAVE);
    assert_int_equal(packet.msg.ms, 5);
    assert_int_equal(ry_leash_hear(pair[1], &packet, sizeof packet), RY_LEASH_MSG);
    assert_int_equal(packet.report.child_count, 2);
    while (ry_leash_say(pair[0], &word)) /* one who does not listen makes nobody wait */
        continue;
    (void)close(pair[0]);
    while (ry_leash_hear(pair[1], &packet, sizeof packet) == RY_LEASH_MSG)
        continue;
    assert_int_equal(ry_leash_hear(pair[1], &packet, sizeof packet), RY_LEASH_ENDED);
    (void)close(pair[1]);
}

static void tickets_differ(void **state)
{
    (void)state;
    char a[RY_TICKET_BYTES], b[RY_TICKET_BYTES];
    struct ry_error err;
    assert_int_equal(ry_ticket_make(a, &err), RY_OK);
    assert_int_equal(ry_ticket_make(b, &err), RY_OK);
    assert_int_equal(strlen(a), RY_TICKET_BYTES - 1);
    assert_string_not_equal(a, b);
}

/* ---- systemd ----------------------------------------------------------------------------------------------------- */

static void watchdog_is_fed_at_half_of_its_time(void **state)
{
    (void)state;
    char variable[128];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "reelyard-notify-%d", getpid());
    (void)snprintf(variable, sizeof variable, "NOTIFY_SOCKET=@%s", address.sun_path + 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(address.sun_path + 1));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, n), 0);
    char *const env[] = {variable, "WATCHDOG_USEC=2000000", NULL};
    struct ry_notify notify;
    char got[64] = "";
    ry_notify_open(&notify, env);
    ry_notify_say(&notify, "READY=1");
    assert_int_equal(recv(fd, got, sizeof got, 0), 7);
    assert_memory_equal(got, "READY=1", 7);
    static const struct {
        int64_t now_mono_ms;
        bool fed;
    } times[] = {{5000, true}, {5999, false}, {6000, true}, {6500, false}, {7100, true}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        ry_notify_feed(&notify, times[i].now_mono_ms);
        assert_int_equal(recv(fd, got, sizeof got, 0), times[i].fed ? 10 : -1);
    }
    ry_notify_close(&notify);
    (void)close(fd);
    ry_notify_open(&notify, (char *const[]){NULL});
    ry_notify_say(&notify, "READY=1"); /* to nobody */
    assert_int_equal(notify.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_doubles_up_to_its_limit_and_begins_anew_after_a_long_life),
        cmocka_unit_test(budget_is_spent_by_more_deaths_than_allowed_within_the_period),
        cmocka_unit_test(process_that_dies_before_it_is_ready_is_given_up_after_so_many_in_a_row),
        cmocka_unit_test(every_way_to_die_has_its_place_in_the_tally),
        cmocka_unit_test(secret_is_in_the_environment_of_its_own_role_only),
        cmocka_unit_test(environment_carries_flags_and_the_kept_settings),
        cmocka_unit_test(list_of_numbers_is_read_or_refused),
        cmocka_unit_test(env_file_adds_what_the_environment_lacks),
        cmocka_unit_test(a_bad_env_file_is_named_with_its_line_and_no_value),
        cmocka_unit_test(leash_passes_over_what_is_no_word_and_tells_the_end),
        cmocka_unit_test(tickets_differ),
        cmocka_unit_test(watchdog_is_fed_at_half_of_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
