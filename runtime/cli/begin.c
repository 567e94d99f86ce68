/* How every command begins: words are told from options, the configuration is read, the log is set up. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "runtime/base/heap.h"
#include "runtime/base/log.h"
#include "runtime/cli/nearest.h"
#include "runtime/config/config.h"
#include "runtime/config/option.h"

/* What ry_cli_begin works on. */
struct begin {
    struct ry_cli *cli;
    int argc;
    char **argv;
    const struct ry_cli_flag *flags;
    size_t flag_count;
    int words; /* how many were found, the command's name included */
};

static void print_help(const struct ry_cli *cli)
{
    const struct ry_command *command = cli->command;
    (void)fprintf(cli->out, "usage: reelyard %s %s\n%s.\n%s%s", command->name, command->usage, command->summary,
                  *command->help ? "\n" : "", command->help);
    (void)fprintf(cli->out, "\nEvery option can also be set by the environment; `reelyard options` prints them.\n");
}

static int usage_error(struct ry_cli *cli, const char *text)
{
    return ry_cli_complain(cli, RY_EXIT_USAGE, "%s; usage: reelyard %s %s", text, cli->command->name,
                           cli->command->usage);
}

static int unknown_option(struct begin *begin, const char *word)
{
    const char *names[RY_OPT_COUNT + 64];
    size_t n = 0;
    for (size_t i = 0; i < begin->flag_count && n < 64; i++)
        names[n++] = begin->flags[i].name;
#define OPTION(name, type, env, flag, setting, fallback, min, max, unit, secret_of, doc) \
    if ((const char *)(flag) != NULL) \
        names[n++] = (flag);
#include "runtime/config/options.def"
#undef OPTION
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = ry_nearest(name + strspn(name, "-"), names, n);
    if (near)
        return ry_cli_complain(begin->cli, RY_EXIT_USAGE, "unknown option %s; did you mean --%s?", name, near);
    return ry_cli_complain(begin->cli, RY_EXIT_USAGE, "unknown option %s; see `reelyard help %s`", name,
                           begin->cli->command->name);
}

/* Takes the command's own flag at *at, if it is one, and steps over it. RY_OK, RY_ENOENT, or RY_EINVAL (said). */
static int take_own(struct begin *begin, int *at)
{
    const char *word = begin->argv[*at] + 2;
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < begin->flag_count; i++) {
        const struct ry_cli_flag *flag = &begin->flags[i];
        if (strncmp(begin->argv[*at], "--", 2) != 0 || strlen(flag->name) != n || strncmp(flag->name, word, n) != 0)
            continue;
        const char *value = word[n] == '=' ? word + n + 1 : NULL;
        (*at)++;
        if (flag->given && value == NULL) {
            *flag->given = true;
            return RY_OK;
        }
        if (flag->given) {
            (void)ry_cli_complain(begin->cli, RY_EXIT_USAGE, "--%s takes no value", flag->name);
            return RY_EINVAL;
        }
        if (value == NULL && *at < begin->argc && strncmp(begin->argv[*at], "--", 2) != 0)
            value = begin->argv[(*at)++];
        if (value == NULL) {
            (void)ry_cli_complain(begin->cli, RY_EXIT_USAGE, "--%s needs a value", flag->name);
            return RY_EINVAL;
        }
        if (flag->list == NULL) {
            *flag->value = value;
            return RY_OK;
        }
        if (flag->list->n == RY_CLI_LIST_MAX) {
            (void)ry_cli_complain(begin->cli, RY_EXIT_USAGE, "--%s may be given at most %d times", flag->name,
                                  RY_CLI_LIST_MAX);
            return RY_EINVAL;
        }
        flag->list->items[flag->list->n++] = value;
        return RY_OK;
    }
    return RY_ENOENT;
}

/* Takes the run of common options at *at and steps over it; *ended: it ended with "--". RY_CLI_GO or the exit code. */
static int take_common(struct begin *begin, int *at, bool *ended)
{
    struct ry_error err;
    int next = *at;
    int rc = ry_config_flags(begin->cli->config, begin->argc, begin->argv, *at, &next, &err);
    if (rc == RY_ENOENT && next == *at)
        return unknown_option(begin, begin->argv[*at]);
    if (rc == RY_EINVAL)
        return usage_error(begin->cli, err.text);
    if (rc != RY_OK && rc != RY_ENOENT)
        return ry_cli_fail(begin->cli, &err);
    /* "--" is never an option's value, so if it stands there it ended the run. */
    *ended = strcmp(begin->argv[next - 1], "--") == 0;
    *at = next;
    return RY_CLI_GO;
}

static int sort_words(struct begin *begin)
{
    bool ended = false;
    begin->words = 1;
    for (int at = 1; at < begin->argc;) {
        char *word = begin->argv[at];
        if (ended || word[0] != '-' || word[1] == '\0') {
            begin->argv[begin->words++] = word;
            at++;
            continue;
        }
        int rc = take_own(begin, &at);
        if (rc == RY_EINVAL)
            return RY_EXIT_USAGE;
        int code = rc == RY_ENOENT ? take_common(begin, &at, &ended) : RY_CLI_GO;
        if (code != RY_CLI_GO)
            return code;
    }
    return RY_CLI_GO;
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || (i == 1 && strcmp(argv[i], "-h") == 0))
            return true;
    return false;
}

static void set_up_log(const struct ry_cli *cli)
{
    static const struct {
        const char *name;
        enum ry_level least;
    } levels[] = {{"TRACE", RY_DEBUG}, {"DEBUG", RY_DEBUG},    {"VERBOSE", RY_INFO},
                  {"INFO", RY_INFO},   {"WARN", RY_WARNING},   {"WARNING", RY_WARNING},
                  {"ERROR", RY_ERROR}, {"FATAL", RY_CRITICAL}, {"CRITICAL", RY_CRITICAL}};
    const char *level = ry_config_str(cli->config, RY_OPT_log_level);
    const char *format = ry_config_str(cli->config, RY_OPT_log_format);
    size_t at = 0;
    while (at + 1 < sizeof levels / sizeof *levels && strcmp(levels[at].name, level) != 0)
        at++;
    enum ry_level least = levels[at].least;
    bool told = ry_config_source(cli->config, RY_OPT_log_level) != RY_SOURCE_DEFAULT;
    if (!cli->command->logs && !told)
        least = RY_WARNING;
    /* A person may hold up a terminal; a command that is a service goes on all the same. */
    if (cli->command->logs || isatty(fileno(cli->err)) != 1)
        ry_log_own(fileno(cli->err));
    ry_log_setup(least,
                 strcmp(format, "json") == 0   ? RY_LOG_JSON
                 : strcmp(format, "text") == 0 ? RY_LOG_TEXT
                                               : RY_LOG_AUTO,
                 fileno(cli->err));
    ry_log_thread(cli->command->name);
}

static void set_up_profiler(const struct ry_cli *cli)
{
    struct ry_error err;
    if (ry_config_bool(cli->config, RY_OPT_heap_profile) && ry_heap_sample(true, &err) != RY_OK)
        RY_LOG(RY_WARNING, "heap_not_profiled", "reason=%s", err.text);
}

#define OWN_PREFIX     "REELYARD_"
#define VARIABLE_BYTES 64

/* Warns of variables that look like settings of reelyard and are none: a slip of the finger would else change nothing,
 * in silence. */
static void warn_of_unknown(struct ry_cli *cli)
{
    const char *names[RY_OPT_COUNT];
    size_t n = 0;
    for (unsigned i = 0; i < RY_OPT_COUNT; i++)
        if (ry_option_row((enum ry_option)i)->env)
            names[n++] = ry_option_row((enum ry_option)i)->env;
    for (char *const *at = cli->env; at && *at; at++) {
        char name[VARIABLE_BYTES];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        bool known = strncmp(name, OWN_PREFIX, strlen(OWN_PREFIX)) != 0;
        for (size_t i = 0; i < n && !known; i++)
            known = strcmp(name, names[i]) == 0;
        if (known)
            continue;
        /* BOT_TOKEN and others are the origin's names, and have no prefix. */
        const char *near = NULL;
        for (size_t i = 0; i < n && !near; i++)
            near = strcmp(name + strlen(OWN_PREFIX), names[i]) == 0 ? names[i] : NULL;
        near = near ? near : ry_nearest(name, names, n);
        if (cli->command->logs)
            RY_LOG(RY_WARNING, "unknown_variable", "name=%s nearest=%s", name, near ? near : "none");
        else if (near)
            (void)ry_cli_complain(cli, RY_EXIT_DONE, "%s is ignored: no such setting; did you mean %s?", name, near);
        else
            (void)ry_cli_complain(cli, RY_EXIT_DONE, "%s is ignored: no such setting; see `reelyard options`", name);
    }
}

int ry_cli_begin(struct ry_cli *cli, int *argc, char **argv, const struct ry_cli_flag *flags, size_t flag_count,
                 int words_min, int words_max)
{
    struct begin begin = {.cli = cli, .argc = *argc, .argv = argv, .flags = flags, .flag_count = flag_count};
    struct ry_error err;
    if (asks_for_help(*argc, argv)) {
        print_help(cli);
        return RY_EXIT_DONE;
    }
    if (ry_config_load(&cli->config, cli->env, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    int code = sort_words(&begin);
    if (code != RY_CLI_GO)
        return code;
    if (begin.words - 1 < words_min)
        return usage_error(cli, "something is missing");
    if (begin.words - 1 > words_max) {
        char text[128];
        (void)snprintf(text, sizeof text, "\"%.80s\" is an unexpected argument", argv[words_max + 1]);
        return usage_error(cli, text);
    }
    if (ry_config_finish(cli->config, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    set_up_log(cli);
    set_up_profiler(cli);
    warn_of_unknown(cli);
    *argc = begin.words;
    return RY_CLI_GO;
}
