/* `reelyard scale`: changes how many instances of roles a running node of `reelyard up` has. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "runtime/cli/datadir.h"
#include "runtime/supervisor/supervisor.h"

#define REQUEST_BYTES 900
#define WORDS_MAX     64

int ry_cmd_scale(struct ry_cli *cli, int argc, char **argv)
{
    char request[REQUEST_BYTES] = "scale";
    char control[RY_SOCKET_PATH_BYTES + 16];
    struct ry_datadir_holder holder;
    struct ry_error answer = {0};
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 1, WORDS_MAX);
    if (code != RY_CLI_GO)
        return code;
    size_t n = strlen(request);
    for (int i = 1; i < argc; i++) {
        int more = snprintf(request + n, sizeof request - n, "%s%s", i == 1 ? " " : ",", argv[i]);
        n += (size_t)more;
        if (n >= sizeof request)
            return ry_cli_complain(cli, RY_EXIT_USAGE, "too many words");
    }
    if (ry_datadir_ask(cli->config, &holder, &answer) != RY_OK)
        return ry_cli_fail(cli, &answer);
    char *slash = strrchr(holder.socket, '/');
    if (slash == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "no node runs on the data folder %s; start one with `reelyard up`",
                               ry_config_str(cli->config, RY_OPT_data));
    *slash = '\0';
    (void)snprintf(control, sizeof control, "%s/up.sock", holder.socket);
    return ry_up_ask(control, request, &answer) == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &answer);
}
