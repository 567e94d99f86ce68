/* main.c: the program: the command line, and the troupe that it may start. */
#include <unistd.h>

#include "actors/registry.h"
#include "actors/writer/engine_sqlite.h"
#include "runtime/cli/cli.h"

int main(int argc, char **argv)
{
    lite_set_up_process();
    struct ry_cli cli = {
        .out = stdout, .err = stderr, .env = environ, .registry = ry_registry, .registry_count = RY_REGISTRY_COUNT};
    return ry_cli_main(&cli, argc, argv);
}
