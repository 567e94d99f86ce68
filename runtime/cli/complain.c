/* complain.c: how every command reports an error: one line on cli->err, after what it has written, and an exit code.
 *
 * Text of strangers is made harmless to a terminal on its way out. */
#include "runtime/cli/cli.h"

#include <stdarg.h>

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
