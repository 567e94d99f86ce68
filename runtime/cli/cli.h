/* cli.h: the command line: what a command is and what it is given.
 *
 * `reelyard COMMAND words... --options` finds the command in the table (cli.c) and calls its function with argv[0] the
 * command's name. A command first calls ry_cli_begin, which sorts its words from options, loads the configuration and
 * sets up the log; then it works and returns an exit code. Output that was asked for goes to cli->out, everything else
 * (errors, progress, log) to cli->err. */
#ifndef REELYARD_RUNTIME_CLI_CLI_H
#define REELYARD_RUNTIME_CLI_CLI_H

#include <stdio.h>

#include "runtime/process/exit_code.h"
#include "runtime/bus/node.h"

/* Most values of an option that may be given more than once. */
#define RY_CLI_LIST_MAX 16

struct ry_cli;

struct ry_command {
    const char *name;
    const char *usage;   /* what follows the name: "FILE|- [--priority live|backfill]" */
    const char *summary; /* a line, for the list of commands */
    const char *help;    /* paragraphs behind the usage line, ending in a newline */
    int (*run)(struct ry_cli *cli, int argc, char **argv);
    bool hidden; /* not for people */
    bool logs;   /* works for long: logs from LOG_LEVEL on; else only warnings unless told otherwise */
};

struct ry_cli {
    FILE *out;
    FILE *err;
    char *const *env;
    char **words; /* all words as they were given, the program's name first, NULL behind the last */
    const struct ry_actor_spec *const *registry; /* the troupe */
    size_t registry_count;
    const struct ry_command *commands; /* all, in the order of the list; set by ry_cli_main */
    size_t command_count;
    const struct ry_command *command; /* the one that runs */
    struct ry_config *config;         /* there once ry_cli_begin said RY_CLI_GO; freed by ry_cli_main */
};

/* Runs the program: finds the command, runs it, returns the exit code. */
int ry_cli_main(struct ry_cli *cli, int argc, char **argv);

/* The values of an option that may be given more than once. */
struct ry_cli_list {
    const char *items[RY_CLI_LIST_MAX];
    size_t n;
};

/* An option of one command: `--name VALUE` sets *value (with value) or is added to *list (with list), `--name` sets
 * *given (with given). */
struct ry_cli_flag {
    const char *name; /* without the dashes */
    const char **value;
    bool *given;
    struct ry_cli_list *list;
};

/* What ry_cli_begin returns when the command shall go on; else it is the exit code and everything has been said. */
#define RY_CLI_GO (-1)

/* Sorts options (the command's and those of options.def) from words, answers --help, loads and finishes the
 * configuration, sets up the log. On RY_CLI_GO the words are argv[1] to argv[*argc - 1] and argv[0] is the command's
 * name. Fewer than words_min or more than words_max words are a usage error. "-" is a word; behind "--" all are. */
int ry_cli_begin(struct ry_cli *cli, int *argc, char **argv, const struct ry_cli_flag *flags, size_t flag_count,
                 int words_min, int words_max);

/* Says a sentence on cli->err ("reelyard COMMAND: ...") and returns code. */
int ry_cli_complain(struct ry_cli *cli, enum ry_exit code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Says err's sentence and returns the exit code of its class: 78 for RY_ECONFIG, else 1. */
int ry_cli_fail(struct ry_cli *cli, const struct ry_error *err);

/* Writes text with control characters and bytes that are not UTF-8 as '?', for text that strangers wrote. */
void ry_cli_print_safe(FILE *out, struct ry_str text);

/* The commands: one file each (cmd_*.c). */
int ry_cmd_actor(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_advise(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_clips(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_config(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_dead(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_debug(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_doctor(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_enqueue(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_verify(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_sweep(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_failed(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_help(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_import(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_keys(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_migrate(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_options(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_ping(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_router(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_run(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_scale(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_scan(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_status(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_up(struct ry_cli *cli, int argc, char **argv);
int ry_cmd_version(struct ry_cli *cli, int argc, char **argv);

#endif
