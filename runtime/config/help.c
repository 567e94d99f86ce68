/* help.c: the table of options as text for a terminal and as markdown. Owns nothing; writes into the caller's buffer. */
#include "runtime/config/option.h"

/* Every name a value can be given by, joined by commas. */
static void add_names(const struct ry_option_row *row, const char *tick, struct ry_buf *out)
{
    const char *comma = "";
    if (row->flag) {
        (void)ry_buf_addf(out, "%s--%s%s", tick, row->flag, tick);
        comma = ", ";
    }
    if (row->env) {
        (void)ry_buf_addf(out, "%s%s%s%s", comma, tick, row->env, tick);
        comma = ", ";
    }
    if (row->setting)
        (void)ry_buf_addf(out, "%s%s%s%s (settings file)", comma, tick, row->setting, tick);
}

static const char *fallback(const struct ry_option_row *row)
{
    return *row->fallback ? row->fallback : "empty";
}

/* A cell of a markdown table: a bar would end it. */
static void add_cell(struct ry_buf *out, const char *text)
{
    for (; *text; text++)
        (void)ry_buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void add_markdown(const struct ry_option_row *row, struct ry_buf *out)
{
    (void)ry_buf_addf(out, "| ");
    add_names(row, "`", out);
    (void)ry_buf_addf(out, " | ");
    add_cell(out, fallback(row));
    (void)ry_buf_addf(out, " | ");
    ry_option_allowed(row, out);
    (void)ry_buf_addf(out, " | ");
    add_cell(out, row->doc);
    (void)ry_buf_addf(out, " |\n");
}

static void add_text(const struct ry_option_row *row, struct ry_buf *out)
{
    add_names(row, "", out);
    (void)ry_buf_addf(out, "\n    %s\n    ", row->doc);
    ry_option_allowed(row, out);
    (void)ry_buf_addf(out, "; default: %s\n", fallback(row));
}

void ry_config_help(struct ry_buf *out, bool markdown)
{
    if (markdown)
        (void)ry_buf_addf(out, "| option | default | allowed | meaning |\n| --- | --- | --- | --- |\n");
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const struct ry_option_row *row = ry_option_row((enum ry_option)i);
        if (markdown)
            add_markdown(row, out);
        else
            add_text(row, out);
    }
}
