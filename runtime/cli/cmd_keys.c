/* `reelyard keys`: the key of a node, or of one who joins it over TCP; and the key of a fleet. The secret stays in its
 * file. What is printed is the public key, which the other side is to be told; of a fleet's key, its name in logs. */
#include "runtime/cli/cli.h"

#include <string.h>

#include "runtime/bus/keys.h"
#include "runtime/queue/fleet.h"

static int make_fleet_key(struct ry_cli *cli, const char *path)
{
    struct ry_error err;
    char id[RY_FLEET_ID_CHARS + 1];
    if (ry_fleet_key_create(path, id, &err) != RY_OK)
        return ry_cli_fail(cli, &err);
    (void)fprintf(cli->out, "%s\n", id);
    return RY_EXIT_DONE;
}

int ry_cmd_keys(struct ry_cli *cli, int argc, char **argv)
{
    struct ry_error err;
    struct ry_keypair pair;
    char hex[RY_KEY_HEX_BYTES];
    int code = ry_cli_begin(cli, &argc, argv, NULL, 0, 2, 2);
    if (code != RY_CLI_GO)
        return code;
    if (strcmp(argv[1], "fleet") == 0)
        return make_fleet_key(cli, argv[2]);
    bool create = strcmp(argv[1], "new") == 0;
    if (!create && strcmp(argv[1], "show") != 0)
        return ry_cli_complain(cli, RY_EXIT_USAGE, "\"%s\" must be new, show or fleet", argv[1]);
    int rc = create ? ry_keypair_create(&pair, argv[2], &err) : ry_keypair_read(&pair, argv[2], &err);
    if (rc != RY_OK)
        return ry_cli_fail(cli, &err);
    ry_keypair_forget(&pair);
    ry_key_hex(&pair.public_key, hex);
    (void)fprintf(cli->out, "%s\n", hex);
    return RY_EXIT_DONE;
}
