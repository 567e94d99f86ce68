/* The program's front door: the table of commands, and what every command says and returns in the same way. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ry_command commands[] = {
    {.name = "run",
     .usage = "[--roles ROLE,...] [--ROLE NUMBER]... [options]",
     .summary = "work: take jobs, write the archive, make thumbnails, serve the web page",
     .help = "Starts all roles as threads of this process, or only those named by --roles; --encoder 2 starts two\n"
             "instances of a role, --encoder 0 none (others may then attach with `reelyard actor`).\n"
             "SIGINT and SIGTERM finish what is begun, within --drain-seconds; a second one ends at once.\n",
     .run = ry_cmd_run,
     .logs = true},
    {.name = "up",
     .usage = "[--roles ROLE,...] [--ROLE NUMBER]... [--env-file FILE] [options]",
     .summary = "the same as run, with every instance as a process of its own",
     .help =
         "Starts a router and one process for each instance, and starts again those that die. Each gets the secrets\n"
         "of its own role only. --env-file names a file of NAME=value lines.\n"
         "SIGTERM and SIGINT finish what is begun, within --drain-seconds; a second one ends at once. SIGTSTP takes "
         "no\n"
         "new work until SIGCONT. SIGHUP reads --env-file and --settings again and replaces the processes one by "
         "one.\n",
     .run = ry_cmd_up,
     .logs = true},
    {.name = "scale",
     .usage = "ROLE=NUMBER...",
     .summary = "change how many instances a running `reelyard up` has",
     .help = "",
     .run = ry_cmd_scale},
    {.name = "router",
     .usage = "SOCKET",
     .summary = "the router of `reelyard up`, which starts it",
     .help = "",
     .run = ry_cmd_router,
     .hidden = true,
     .logs = true},
    {.name = "actor",
     .usage = "ROLE [--join ipc:///PATH|tcp://HOST:PORT] [--name NAME] [options]",
     .summary = "attach one more instance of a role, as a process of its own, to a running node",
     .help = "Joins the node that runs on the data folder, or the one at the socket named by --join.\n\n"
             "An encoder may join a node of another host, by tcp://HOST:PORT: it needs REELYARD_JOIN_KEY (its key\n"
             "file) and REELYARD_JOIN_NODE_KEY (the node's public key), and joins again when the connection was cut.\n",
     .run = ry_cmd_actor,
     .logs = true},
    {.name = "keys",
     .usage = "new|show|fleet FILE [options]",
     .summary =
         "make a key by which a node and its encoders on other hosts know each other, or show one; make a fleet's key",
     .help = "new makes a key file, which nobody else may read and which is never written over. Both print the public\n"
             "key: a node lists those of its encoders (REELYARD_JOIN_ALLOW), an encoder is told the node's\n"
             "(REELYARD_JOIN_NODE_KEY). Each names its own file in REELYARD_JOIN_KEY.\n\n"
             "fleet makes the one key that all nodes on a Redis share (REELYARD_FLEET_KEY_FILE), and prints by what\n"
             "name logs call it.\n",
     .run = ry_cmd_keys},
    {.name = "import",
     .usage = "EXPORT.json|FOLDER... [--media FOLDER]... [--json] [--rows-only] [--ROLE N]... [options]",
     .summary = "archive exports of DiscordChatExporter with their videos",
     .help =
         "Reads the exports, stores what they say and makes the thumbnails of their videos. Goes on where it\n"
         "stopped when it is run again, and doubles nothing. Joins the node that runs on the data folder, or does\n"
         "the work itself. --rows-only stores rows only and leaves the videos to a later `reelyard run`.\n\n"
         "Of a FOLDER all exports are read, at any depth; other .json files are passed over, and named. Videos lie\n"
         "in the export's folder or below it. For those of a shared media folder (--media-dir), or of an export\n"
         "that was made on another machine, name their folder by --media FOLDER: a file is found there by the end\n"
         "of its path. Nothing outside these folders is read.\n",
     .run = ry_cmd_import},
    {.name = "scan",
     .usage =
         "--guild ID --channel ID [--direction forward|backward] [--rescan stop|continue|update] [--since ID|DATE] "
         "[--limit N] [--ROLE N]... [options]",
     .summary = "archive a channel of Discord as it is now",
     .help =
         "Reads the channel's history with the bot's token (BOT_TOKEN), stores what it says of videos and makes their\n"
         "thumbnails. Goes on where it stopped when it is run again, and doubles nothing. Joins the node that runs on\n"
         "the data folder, or does the work itself.\n\n"
         "Without further options: all that is new, and all that is older than what was read before.\n"
         "  --direction  backward (from the newest message) or forward (from the oldest, or --since)\n"
         "  --rescan     what is stored already ends the scan (stop), is passed over (continue), or is read anew and\n"
         "               brought up to date (update); continue when forward\n"
         "  --since      only messages behind this one, or from this day or moment on (2024-10-19,\n"
         "               2024-10-19T15:03:09Z), read forward\n"
         "  --limit      read at most so many messages\n\n"
         "With DATABASE_URL the archive is in PostgreSQL, with REDIS_URL the job goes through Redis; then the bot's\n"
         "rows of guild and channel say whether a scan is allowed. Exit code 0 when all is stored and every new clip\n"
         "has its thumbnails, 1 when something failed.\n",
     .run = ry_cmd_scan},
    {.name = "enqueue",
     .usage = "FILE|- [--priority live|backfill] [options]",
     .summary = "put jobs into the queue of the data folder",
     .help =
         "The file (-: standard input) holds one job as JSON, an array of jobs, or one job after the other. Jobs that\n"
         "are not well-formed are named with their reason and left out; the others are pushed, safe on disk when\n"
         "the command returns. A job without job_id gets one, which is printed.\n",
     .run = ry_cmd_enqueue},
    {.name = "status",
     .usage = "[--json] [options]",
     .summary = "what the archive holds, what waits, what runs",
     .help = "",
     .run = ry_cmd_status},
    {.name = "advise",
     .usage = "[--seconds N] [--json] [options]",
     .summary = "which role is the bottleneck, and how many instances would balance the node",
     .help =
         "Looks at the running node for 10 seconds (--seconds N) and tells of each role how busy it is, what a mail\n"
         "costs and how many wait; which role holds the others up, and whether more instances, a faster database or\n"
         "line, a larger clip window or another host would help. Ask while it works: an idle node tells nothing.\n"
         "docs/SCALING.md has the formulae.\n",
     .run = ry_cmd_advise},
    {.name = "ping",
     .usage = "[options]",
     .summary = "whether the node of the data folder answers",
     .help = "Ends with 0 when its router does, within 30 s; with 1 when no node runs or none answers. Asks neither\n"
             "database nor queue: for health checks.\n",
     .run = ry_cmd_ping},
    {.name = "failed",
     .usage = "list [--json] | retry CLIP... | retry --all",
     .summary = "clips whose thumbnails failed: list them, try them again",
     .help = "retry makes clips wait for thumbnails again, at once whatever their next try was to be.\n",
     .run = ry_cmd_failed},
    {.name = "dead",
     .usage = "list [--json] | show ID | replay ID...|--all | drop ID...|--all",
     .summary = "dead letters: jobs and mails that failed for good",
     .help = "replay puts a job back into the queue, and a mail back into its mailbox (which needs a running node).\n"
             "drop deletes them.\n",
     .run = ry_cmd_dead},
    {.name = "migrate",
     .usage = "[options]",
     .summary = "make the database, or bring it to this program's schema",
     .help = "`reelyard run` does so too; this does nothing else.\n",
     .run = ry_cmd_migrate},
    {.name = "doctor",
     .usage = "[--sandbox]",
     .summary = "try whether this machine is fit for reelyard",
     .help = "Looks at what the kernel gives to a sandbox, at the folders, the database and the queue.\n"
             "--sandbox: has child processes try, in the sandbox of the decoders, what a decoder that was taken over\n"
             "would try. Ends with 0 only if all of it is denied. docs/BARRIERS.md tells more.\n",
     .run = ry_cmd_doctor},
    {.name = "debug",
     .usage = "heap INSTANCE|router [--seconds N] [--stop] [options]",
     .summary = "write a heap profile of a process of the running node",
     .help =
         "`reelyard status` lists the instances. The process samples its allocations from the first call on (or from\n"
         "its start, with --heap-profile); the profile is written --seconds later (30), at once when it samples\n"
         "already. Prints the file's path, for jeprof. --stop ends the sampling. Under `reelyard run` all instances\n"
         "share one process. docs/MEMORY.md has a worked example.\n",
     .run = ry_cmd_debug},
    {.name = "config",
     .usage = "[options]",
     .summary = "print every option's value and where it comes from (secrets as ***)",
     .help = "",
     .run = ry_cmd_config},
    {.name = "options",
     .usage = "[--markdown]",
     .summary = "print what can be set, how, and to what",
     .help = "",
     .run = ry_cmd_options},
    {.name = "help",
     .usage = "[COMMAND]",
     .summary = "print this list, or the help of a command",
     .help = "",
     .run = ry_cmd_help},
    {.name = "version", .usage = "", .summary = "print the version", .help = "", .run = ry_cmd_version},
};

#define COMMAND_COUNT (sizeof commands / sizeof *commands)

const struct ry_command *ry_cli_commands(size_t *count)
{
    *count = COMMAND_COUNT;
    return commands;
}

static const struct ry_command *command_find(const char *name)
{
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0)
            return &commands[i];
    return NULL;
}

static int unknown_command(struct ry_cli *cli, const char *name)
{
    if (name[0] == '-')
        return ry_cli_complain(cli, RY_EXIT_USAGE, "the command comes first, then its options; see `reelyard help`");
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    const char *near = ry_cli_nearest(name, names, COMMAND_COUNT);
    if (near)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "there is no command \"%s\"; did you mean \"%s\"?", name, near);
    return ry_cli_complain(cli, RY_EXIT_USAGE, "there is no command \"%s\"; see `reelyard help`", name);
}

/* Standard input, output or error that was closed by whoever started the program would be the next descriptor that is
 * opened: lines of the log would then go into a connection. It is held in a way in which it cannot be used, so that
 * whoever uses it hears of it as before. */
static void hold_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

int ry_cli_main(struct ry_cli *cli, int argc, char **argv)
{
    static char help[] = "help";
    static char *no_words[] = {help, NULL};
    hold_standard_descriptors();
    /* No command makes a file for others; thumbnails get the modes that their option says. */
    (void)umask(077);
    /* A peer that hangs up is an error of a write, not the end of the program. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        FILE *out = cli->out;
        cli->out = cli->err;
        (void)ry_cmd_help(cli, 1, no_words);
        cli->out = out;
        return RY_EXIT_USAGE;
    }
    cli->command = command_find(argv[1]);
    if (cli->command == NULL)
        return unknown_command(cli, argv[1]);
    /* Commands sort theirs in place. */
    cli->words = calloc((size_t)argc + 1, sizeof *cli->words);
    if (cli->words == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "out of memory");
    memcpy(cli->words, argv, (size_t)argc * sizeof *argv);
    int code = cli->command->run(cli, argc - 1, argv + 1);
    free(cli->words);
    cli->words = NULL;
    ry_config_free(&cli->config);
    errno = 0;
    if ((fflush(cli->out) != 0 || ferror(cli->out)) && code == RY_EXIT_DONE)
        code = errno == EPIPE ? RY_EXIT_FAILED : ry_cli_complain(cli, RY_EXIT_FAILED, "cannot write the output: %m");
    return code;
}

int ry_cli_complain(struct ry_cli *cli, enum ry_exit code, const char *format, ...)
{
    struct ry_error err;
    va_list args;
    va_start(args, format);
    (void)ry_vfail(&err, RY_EINVAL, format, args);
    va_end(args);
    (void)fflush(cli->out);
    (void)fprintf(cli->err, "reelyard%s%s: ", cli->command ? " " : "", cli->command ? cli->command->name : "");
    ry_cli_print_safe(cli->err, ry_str_of(err.text));
    (void)fputc('\n', cli->err);
    return (int)code;
}

int ry_cli_fail(struct ry_cli *cli, const struct ry_error *err)
{
    return ry_cli_complain(cli, err->code == RY_ECONFIG ? RY_EXIT_CONFIG : RY_EXIT_FAILED, "%s", err->text);
}

/* How many letters must be added, taken away, changed or swapped with their neighbour to make a into b (optimal string
 * alignment); words are short. */
#define WORD_MAX 32
static size_t distance(const char *a, const char *b)
{
    size_t rows[WORD_MAX + 1][WORD_MAX + 1];
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            size_t other = 1 + (rows[i - 1][j] < rows[i][j - 1] ? rows[i - 1][j] : rows[i][j - 1]);
            best = other < best ? other : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && rows[i - 2][j - 2] + 1 < best)
                best = rows[i - 2][j - 2] + 1;
            rows[i][j] = best;
        }
    }
    return rows[n][m];
}

const char *ry_cli_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    /* Further than a third of the word is no slip of the finger. */
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        bool begins = strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0;
        size_t d = begins ? 1 : distance(word, candidates[i]);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

void ry_cli_print_safe(FILE *out, struct ry_str text)
{
    for (size_t i = 0; i < text.n;) {
        size_t step = 1;
        while (step <= 4 && i + step <= text.n && !ry_str_is_utf8((struct ry_str){text.p + i, step}))
            step++;
        unsigned char c = (unsigned char)text.p[i];
        bool whole = step <= 4 && i + step <= text.n;
        bool control = c < 0x20 || c == 0x7F || (c == 0xC2 && whole && (unsigned char)text.p[i + 1] < 0xA0);
        if (whole && !control)
            (void)fwrite(text.p + i, 1, step, out);
        else
            (void)fputc('?', out);
        i += whole ? step : 1;
    }
}

const struct ry_actor_spec *ry_cli_spec(const struct ry_cli *cli, struct ry_str role)
{
    for (size_t i = 0; i < cli->registry_count; i++)
        if (ry_str_is(role, ry_role_name(cli->registry[i]->role)))
            return cli->registry[i];
    return NULL;
}
