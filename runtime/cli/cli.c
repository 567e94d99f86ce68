/* cli.c: the table of commands, and the program from its words to its exit code.
 *
 * Owns what all commands have in common: the state of the process (umask, standard descriptors, SIGPIPE), a copy of the
 * words, the configuration, which is freed here, and the check that the output was written. Nothing below this file
 * knows the table; a command that needs it (help) gets it by struct ry_cli. */
#include "runtime/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/cli/nearest.h"

static const struct ry_command commands[] = {
    {.name = "run",
     .usage = "[--roles ROLE,...] [--ROLE NUMBER]... [options]",
     .summary = "process jobs, write the archive, make thumbnails, serve the web page",
     .help = "Runs all roles as threads of this process, or only those named by --roles. --encoder 2 starts two\n"
             "instances of a role, --encoder 0 none (others may then attach with `reelyard actor`).\n"
             "On SIGINT or SIGTERM, work in progress is finished within --drain-seconds; a second signal stops at "
             "once.\n",
     .run = ry_cmd_run,
     .logs = true},
    {.name = "up",
     .usage = "[--roles ROLE,...] [--ROLE NUMBER]... [--env-file FILE] [options]",
     .summary = "like run, with a separate supervised process for each instance",
     .help = "Starts a router and one process per instance, and restarts those that die. Each process receives only\n"
             "the secrets its role needs. --env-file reads NAME=value lines from a file.\n"
             "On SIGINT or SIGTERM, work in progress is finished within --drain-seconds; a second signal stops at "
             "once.\n"
             "On SIGTSTP, no new work is accepted until SIGCONT. On SIGHUP, --env-file and --settings are read again "
             "and\n"
             "the processes are replaced one by one.\n",
     .run = ry_cmd_up,
     .logs = true},
    {.name = "scale",
     .usage = "ROLE=NUMBER...",
     .summary = "change the number of instances of a running `reelyard up`",
     .help = "",
     .run = ry_cmd_scale},
    {.name = "router",
     .usage = "SOCKET",
     .summary = "the router process; started by `reelyard up`",
     .help = "",
     .run = ry_cmd_router,
     .hidden = true,
     .logs = true},
    {.name = "actor",
     .usage = "ROLE [--join ipc:///PATH|tcp://HOST:PORT] [--name NAME] [options]",
     .summary = "run one more instance of a role, in this process, for a running node",
     .help = "Joins the node that runs on the data folder, or the one whose socket is given by --join.\n\n"
             "An encoder may join a node on another host (tcp://HOST:PORT). It needs REELYARD_JOIN_KEY (its own key\n"
             "file) and REELYARD_JOIN_NODE_KEY (the node's public key), and reconnects when the connection is lost.\n",
     .run = ry_cmd_actor,
     .logs = true},
    {.name = "keys",
     .usage = "new|show|fleet FILE [options]",
     .summary = "create or show the key of a node or a remote encoder, or create a fleet key",
     .help =
         "new creates a key file that only its owner can read; an existing file is never overwritten. new and show\n"
         "print the public key: list those of remote encoders in the node's REELYARD_JOIN_ALLOW, and set the\n"
         "node's as REELYARD_JOIN_NODE_KEY of each encoder. Each side sets REELYARD_JOIN_KEY to its own file.\n\n"
         "fleet creates the key that all nodes on one Redis share (REELYARD_FLEET_KEY_FILE), and prints the name\n"
         "under which it appears in logs.\n",
     .run = ry_cmd_keys},
    {.name = "import",
     .usage = "EXPORT.json|FOLDER... [--keep] [--media FOLDER]... [--json] [--rows-only] [--ROLE N]... [options]",
     .summary = "archive DiscordChatExporter exports and their videos",
     .help =
         "Reads the exports, stores their messages and makes thumbnails of their videos. An interrupted import\n"
         "continues where it stopped when it is run again; nothing is stored twice. Joins the node that runs on the\n"
         "data folder; if there is none, does the work itself. --rows-only stores rows and leaves the videos to a\n"
         "later `reelyard run`. --keep also copies the videos themselves into the archive, after the thumbnails, and\n"
         "returns when all are there.\n\n"
         "In a FOLDER all exports are read, at any depth; other .json files are ignored and listed. Videos must be\n"
         "in the export's folder or below it. For a shared media folder (--media-dir), or an export made on another\n"
         "machine, give the folder of the videos with --media FOLDER: files are matched by the end of their path.\n"
         "Nothing outside these folders is read.\n",
     .run = ry_cmd_import},
    {.name = "scan",
     .usage =
         "--guild ID --channel ID [--direction forward|backward] [--rescan stop|continue|update] [--since ID|DATE] "
         "[--limit N] [--keep] [--ROLE N]... [options]",
     .summary = "archive a Discord channel",
     .help =
         "Reads the channel's history with the bot's token (BOT_TOKEN), stores the messages that have videos and\n"
         "makes thumbnails. An interrupted scan continues where it stopped when it is run again; nothing is stored\n"
         "twice. Joins the node that runs on the data folder; if there is none, does the work itself.\n\n"
         "By default, reads all messages newer and all messages older than those already read.\n"
         "  --direction  backward (from the newest message) or forward (from the oldest, or from --since)\n"
         "  --rescan     what to do at messages that are already stored: end the scan (stop), skip them (continue),\n"
         "               or read and update them (update); the default is continue with --direction forward\n"
         "  --since      read only messages after this one, or from this date or time on (2024-10-19,\n"
         "               2024-10-19T15:03:09Z), forward\n"
         "  --limit      read at most N messages\n"
         "  --keep       download the channel's videos themselves into the archive, after the thumbnails\n\n"
         "With DATABASE_URL the archive is in PostgreSQL; with REDIS_URL the job goes through Redis, and the bot's\n"
         "guild and channel rows decide whether a scan is allowed. Exit code 0 when everything is stored and every\n"
         "new clip has its thumbnails, 1 when something failed.\n",
     .run = ry_cmd_scan},
    {.name = "enqueue",
     .usage = "FILE|- [--priority live|backfill] [options]",
     .summary = "add jobs to the queue of the data folder",
     .help = "The file (-: standard input) contains one job as JSON, an array of jobs, or one job after another. "
             "Malformed\n"
             "jobs are reported with the reason and skipped; the others are on disk when the command returns. A job\n"
             "without job_id is assigned one, which is printed.\n",
     .run = ry_cmd_enqueue},
    {.name = "status",
     .usage = "[--json] [--cluster] [options]",
     .summary = "show the contents of the archive, the queues and the running instances",
     .help = "",
     .run = ry_cmd_status},
    {.name = "advise",
     .usage = "[--seconds N] [--json] [options]",
     .summary = "find the bottleneck and the number of instances that would balance the node",
     .help =
         "Observes the running node for 10 seconds (--seconds N) and reports for each role how busy it is, the time\n"
         "per mail and how many are queued; then which role is the bottleneck, and whether more instances, a faster\n"
         "database or network, a larger clip window or another host would help. Run it under load: an idle node\n"
         "gives no information. docs/SCALING.md has the formulas.\n",
     .run = ry_cmd_advise},
    {.name = "ping",
     .usage = "[options]",
     .summary = "check whether the node of the data folder responds",
     .help = "Exit code 0 when its router responds within 30 s, 1 when no node runs or none responds. Does not check\n"
             "the database or the queue. For health checks.\n",
     .run = ry_cmd_ping},
    {.name = "clips",
     .usage = "[--json|--csv] [--limit N] [--sort ORDER] [filters] [QUERY...]",
     .summary = "find clips by words in message, file name, title, author and channel",
     .help = "Every word must be there, at least as the beginning of a word; case and accents do not matter. \"Quoted "
             "words\"\n"
             "stand together and are whole, -word must not be there (behind --, so that it is no option). Filters: "
             "--guild,\n"
             "--channel and --author ID, --status pending|processing|completed|failed, --orientation "
             "landscape|portrait|square,\n"
             "--kept yes|no, --longer and --shorter LENGTH (30s, 5m, 1h), --larger and --smaller SIZE (500k, 10M, 1G), "
             "--from\n"
             "and --to DAY (2024-10-19, in UTC; --to without it). ORDER: newest, oldest, longest, largest, relevance. "
             "N: 50\n"
             "clips unless told otherwise.\n",
     .run = ry_cmd_clips},
    {.name = "failed",
     .usage = "list [--json] | retry CLIP... | retry --all",
     .summary = "list or retry clips whose thumbnails failed",
     .help = "retry makes clips due for thumbnails at once, regardless of their next scheduled attempt.\n",
     .run = ry_cmd_failed},
    {.name = "verify",
     .usage = "[--json] [options]",
     .summary = "read all kept videos again and compare their digests",
     .help = "Lists the files that are missing, have another size or other content than the database says. Changes\n"
             "nothing. Exit code 0 when every file is as it was kept, 1 otherwise.\n",
     .run = ry_cmd_verify},
    {.name = "sweep",
     .usage = "[--dry-run] [--json] [options]",
     .summary = "delete files of the store that no row names; list rows whose file is missing",
     .help = "Files that are younger than an hour are left alone: their rows may be on the way. --dry-run only lists.\n"
             "May run beside a node. Exit code 1 when a file is missing.\n",
     .run = ry_cmd_sweep},
    {.name = "dead",
     .usage = "list [--json] | show ID | replay ID...|--all | drop ID...|--all",
     .summary = "list, replay or delete dead letters: jobs and mails that failed permanently",
     .help = "replay returns a job to the queue, or a mail to its mailbox (which requires a running node).\n"
             "drop deletes them.\n",
     .run = ry_cmd_dead},
    {.name = "migrate",
     .usage = "[options]",
     .summary = "create the database, or update it to this version's schema",
     .help = "`reelyard run` also does this when it starts.\n",
     .run = ry_cmd_migrate},
    {.name = "doctor",
     .usage = "[--sandbox]",
     .summary = "check whether this machine meets the requirements",
     .help =
         "Checks kernel support for the sandbox, the folders, the database and the queue.\n"
         "--sandbox: starts child processes in the decoders' sandbox that attempt what a compromised decoder would\n"
         "attempt. Exit code 0 only if every attempt is denied. See docs/BARRIERS.md.\n",
     .run = ry_cmd_doctor},
    {.name = "debug",
     .usage = "heap INSTANCE|router [--seconds N] [--stop] [options]",
     .summary = "write a heap profile of a process of the running node",
     .help =
         "`reelyard status` lists the instances. The process samples its allocations from the first call on (or from\n"
         "its start, with --heap-profile). The profile is written after --seconds (30), or at once when sampling was\n"
         "already on. Prints the file's path, for jeprof. --stop ends the sampling. Under `reelyard run` all "
         "instances\n"
         "share one process. docs/MEMORY.md has a worked example.\n",
     .run = ry_cmd_debug},
    {.name = "config",
     .usage = "[options]",
     .summary = "print the value and source of every option (secrets as ***)",
     .help = "",
     .run = ry_cmd_config},
    {.name = "options",
     .usage = "[--markdown]",
     .summary = "list all options: how to set them, allowed values, defaults",
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
    const char *near = ry_nearest(name, names, COMMAND_COUNT);
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
    cli->commands = commands;
    cli->command_count = COMMAND_COUNT;
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
