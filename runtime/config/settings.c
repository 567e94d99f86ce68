/* The settings file as a source of options: JSON with comments, of which two objects concern the program itself. What
 * concerns channels and guilds is the scanner's. The file is read whole (it is bounded), stripped in place so that
 * positions stay those of the original, and walked once. */
#include "runtime/config/settings.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "runtime/config/jsonc.h"

#define PLACE_BYTES 4400

struct settings {
    const char *path;
    struct ry_buf text;
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

static int parse(struct settings *settings, struct json_object **root, struct ry_error *err)
{
    struct ry_error reason;
    if (ry_jsonc_strip(settings->text.p, settings->text.n, &reason) != RY_OK)
        return ry_fail(err, RY_ECONFIG, "%s, %s", settings->path, reason.text);
    struct json_tokener *tokener = json_tokener_new();
    if (tokener == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the settings file %s", settings->path);
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct ry_str text = ry_buf_str(&settings->text);
    *root = json_tokener_parse_ex(tokener, text.p, (int)text.n);
    size_t offset = json_tokener_get_parse_end(tokener);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    json_tokener_free(tokener);
    if (error == json_tokener_success && json_object_is_type(*root, json_type_object))
        return RY_OK;
    const char *why = error == json_tokener_success    ? "not an object"
                      : error == json_tokener_continue ? "it ends too early"
                                                       : json_tokener_error_desc(error);
    return ry_fail(err, RY_ECONFIG, "%s:%zu: not JSON: %s", settings->path, ry_jsonc_line(text.p, text.n, offset), why);
}

/* The line of a key of a section: json-c keeps no positions, so it is looked for in the text. */
static size_t key_line(const struct settings *settings, const char *section, const char *key)
{
    char quoted[128];
    struct ry_str text = ry_buf_str(&settings->text);
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", section);
    const char *at = memmem(text.p, text.n, quoted, strlen(quoted));
    size_t from = at ? (size_t)(at - text.p) : 0;
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", key);
    at = memmem(text.p + from, text.n - from, quoted, strlen(quoted));
    return ry_jsonc_line(text.p, text.n, at ? (size_t)(at - text.p) : from);
}

/* A JSON value as a flag would spell it: a list's items joined by commas. */
static void print_value(struct json_object *value, struct ry_buf *out)
{
    if (!json_object_is_type(value, json_type_array)) {
        (void)ry_buf_add_str(out, ry_str_of(json_object_get_string(value)));
        return;
    }
    size_t n = json_object_array_length(value);
    for (size_t i = 0; i < n; i++)
        (void)ry_buf_addf(out, "%s%s", i ? "," : "", json_object_get_string(json_object_array_get_idx(value, i)));
}

static int take_section(struct settings *settings, struct json_object *root, const char *section, struct ry_error *err)
{
    struct json_object *object = NULL;
    if (!json_object_object_get_ex(root, section, &object))
        return RY_OK;
    if (!json_object_is_type(object, json_type_object))
        return ry_fail(err, RY_ECONFIG, "%s:%zu: %s must be an object", settings->path,
                       key_line(settings, section, section), section);
    for (unsigned i = 0; i < RY_OPT_COUNT; i++) {
        const char *key = ry_option_row((enum ry_option)i)->setting;
        struct json_object *value = NULL;
        if (key == NULL || !json_object_object_get_ex(object, key, &value) || value == NULL)
            continue;
        char place[PLACE_BYTES];
        (void)snprintf(place, sizeof place, "%s:%zu: %s", settings->path, key_line(settings, section, key), key);
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
    struct json_object *root = NULL;
    int rc = read_file(&settings, err);
    if (rc == RY_OK)
        rc = parse(&settings, &root, err);
    if (rc == RY_OK)
        rc = take_section(&settings, root, "worker_settings_defaults", err);
    if (rc == RY_OK)
        rc = take_section(&settings, root, "database_settings_defaults", err);
    (void)json_object_put(root);
    ry_buf_free(&settings.text);
    return rc;
}
