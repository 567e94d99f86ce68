/* The settings file as a source of options: JSON with comments, of which two objects concern the program itself. What
 * concerns channels and guilds is the scanner's. The file is read whole (it is bounded) and walked once. */
#include "runtime/config/settings.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/json/writer.h"

#define PLACE_BYTES 4400

struct settings {
    const char *path;
    struct ry_buf text;
    struct ry_json_doc *doc;
    int (*set)(void *arg, enum ry_option option, const char *text, const char *place, struct ry_error *err);
    void *arg;
};

static int read_file(struct settings *settings, struct ry_error *err)
{
    FILE *file = fopen(settings->path, "re");
    if (file == NULL)
        return ry_fail(err, RY_ECONFIG, "cannot open the settings file %s: %s", settings->path, strerror(errno));
    char chunk[8192];
    size_t n = 0;
    int rc = RY_OK;
    while (rc == RY_OK && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        rc = ry_buf_add(&settings->text, chunk, n);
    bool broken = ferror(file) != 0;
    (void)fclose(file);
    if (broken)
        return ry_fail(err, RY_ECONFIG, "cannot read the settings file %s", settings->path);
    if (rc == RY_ELIMIT)
        return ry_fail(err, RY_ECONFIG, "the settings file %s is larger than %zu bytes", settings->path,
                       settings->text.max);
    return rc == RY_OK ? RY_OK : ry_fail(err, rc, "no memory for the settings file %s", settings->path);
}

static int parse(struct settings *settings, struct ry_error *err)
{
    struct ry_error reason;
    size_t line = 1;
    int rc = ry_json_parse_jsonc(ry_buf_str(&settings->text), &settings->doc, &line, &reason);
    if (rc != RY_OK)
        return ry_fail(err, rc == RY_ENOMEM ? RY_ENOMEM : RY_ECONFIG, "%s:%zu: %s", settings->path, line, reason.text);
    if (!ry_json_is(ry_json_root(settings->doc), RY_JSON_OBJECT))
        return ry_fail(err, RY_ECONFIG, "%s:1: not JSON: not an object", settings->path);
    return RY_OK;
}

/* The line of a member's name. */
static size_t name_line(const struct settings *settings, const struct ry_json *object, const char *wanted)
{
    size_t line = 1;
    struct ry_str name = {0};
    const struct ry_json *value = NULL;
    struct ry_json_walk walk = ry_json_walk(object);
    while (ry_json_next_member(&walk, &name, &value))
        if (ry_str_is(name, wanted))
            line = ry_json_line(ry_buf_str(&settings->text), ry_json_offset(settings->doc, name));
    return line;
}

/* A JSON value as a flag would spell it: a list's items joined by commas. */
static void print_value(const struct ry_json *value, struct ry_buf *out)
{
    const struct ry_json *item = NULL;
    struct ry_json_walk walk = ry_json_walk(value);
    struct ry_json_writer writer = ry_json_writer(out, false);
    if (ry_json_is(value, RY_JSON_STRING))
        (void)ry_buf_add_str(out, ry_json_str(value));
    else if (!ry_json_is(value, RY_JSON_ARRAY))
        ry_json_put_value(&writer, NULL, value);
    else
        for (size_t i = 0; ry_json_next(&walk, &item); i++) {
            (void)ry_buf_add_str(out, i > 0 ? RY_STR(",") : RY_STR(""));
            print_value(item, out);
        }
}

static int take_section(struct settings *settings, const struct ry_json *root, const char *section,
                        struct ry_error *err)
{
    const struct ry_json *object = ry_json_get(root, section);
    if (object == NULL)
        return RY_OK;
    if (!ry_json_is(object, RY_JSON_OBJECT))
        return ry_fail(err, RY_ECONFIG, "%s:%zu: %s must be an object", settings->path,
                       name_line(settings, root, section), section);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const char *key = ry_option_row((enum ry_option)i)->setting;
        const struct ry_json *value = key != NULL ? ry_json_get(object, key) : NULL;
        if (value == NULL)
            continue;
        char place[PLACE_BYTES];
        (void)snprintf(place, sizeof place, "%s:%zu: %s", settings->path, name_line(settings, object, key), key);
        RY_BUF_AUTO text = ry_buf_make(RY_SETTINGS_MAX_BYTES);
        print_value(value, &text);
        const char *spelled = text.failed ? NULL : ry_buf_cstr(&text);
        int rc = spelled ? settings->set(settings->arg, (enum ry_option)i, spelled, place, err)
                         : ry_fail(err, RY_ECONFIG, "%s: the value is too long", place);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

int ry_settings_read(const char *path,
                     int (*set)(void *arg, enum ry_option option, const char *text, const char *place,
                                struct ry_error *err),
                     void *arg, struct ry_error *err)
{
    struct settings settings = {.path = path, .text = ry_buf_make(RY_SETTINGS_MAX_BYTES), .set = set, .arg = arg};
    static const char *const sections[] = {"worker_settings_defaults", "database_settings_defaults",
                                           "server_admin_channel_defaults", "guild_admin_settings_defaults"};
    int rc = read_file(&settings, err);
    if (rc == RY_OK)
        rc = parse(&settings, err);
    for (size_t i = 0; i < sizeof sections / sizeof *sections && rc == RY_OK; i++)
        rc = take_section(&settings, ry_json_root(settings.doc), sections[i], err);
    ry_json_free(&settings.doc);
    ry_buf_free(&settings.text);
    return rc;
}
