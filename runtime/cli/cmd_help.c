/* `reelyard help`, `options`, `config` and `version`: what the program can say of itself. */
#include "runtime/cli/cli.h"
#include "runtime/json/json.h"

#include <string.h>

#define HELP_BYTES_MAX ((size_t)1 << 20)

static void print_commands(const struct ry_cli *cli)
{
    (void)fprintf(cli->out, "reelyard turns the videos posted in a Discord server into a browsable archive.\n\n"
                            "usage: reelyard COMMAND ...\n\n");
    for (size_t i = 0; i < cli->command_count; i++)
        if (!cli->commands[i].hidden)
            (void)fprintf(cli->out, "  %-9s %s\n", cli->commands[i].name, cli->commands[i].summary);
    (void)fprintf(cli->out,
                  "\nSee `reelyard help COMMAND` for the options of a command, `reelyard options` for all others.\n"
                  "Exit codes: 0 done, 1 failed, 2 wrong usage, 78 bad configuration.\n");
}

static int print_options(const struct ry_cli *cli, bool markdown)
{
    RY_BUF_AUTO text = ry_buf_make(HELP_BYTES_MAX);
    ry_config_help(&text, markdown);
    (void)fwrite(text.p, 1, text.n, cli->out);
    return text.failed ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int ry_cmd_help(struct ry_cli *cli, int argc, char **argv)
{
    static char help_word[] = "--help";
    if (argc >= 2 && strcmp(argv[1], "options") == 0)
        return print_options(cli, false);
    if (argc < 2 || argv[1][0] == '-') {
        print_commands(cli);
        return RY_EXIT_DONE;
    }
    for (size_t i = 0; i < cli->command_count; i++) {
        if (strcmp(cli->commands[i].name, argv[1]) != 0)
            continue;
        char *words[] = {argv[1], help_word, NULL};
        int words_count = 2;
        cli->command = &cli->commands[i];
        return ry_cli_begin(cli, &words_count, words, NULL, 0, 0, 0);
    }
    return ry_cli_complain(cli, RY_EXIT_USAGE, "there is no command \"%s\"; see `reelyard help`", argv[1]);
}

int ry_cmd_options(struct ry_cli *cli, int argc, char **argv)
{
    bool markdown = false;
    const struct ry_cli_flag flags[] = {{.name = "markdown", .given = &markdown}};
    int code = ry_cli_begin(cli, &argc, argv, flags, 1, 0, 0);
    return code == RY_CLI_GO ? print_options(cli, markdown) : code;
}

int ry_cmd_config(struct ry_cli *cli, int argc, char **argv)
{
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    RY_BUF_AUTO text = ry_buf_make(HELP_BYTES_MAX);
    ry_config_dump(cli->config, &text);
    (void)fwrite(text.p, 1, text.n, cli->out);
    return text.failed ? RY_EXIT_FAILED : RY_EXIT_DONE;
}

int ry_cmd_version(struct ry_cli *cli, int argc, char **argv)
{
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 0, 0);
    if (code != RY_CLI_GO)
        return code;
    (void)fprintf(cli->out, "reelyard %s\nmessages %d\nyyjson %s\n", REELYARD_VERSION, RY_PROTO_VERSION,
                  ry_json_library());
    return RY_EXIT_DONE;
}
