/* settings.c: merges the layers, hashes the result as Python prints it, and compiles the rules. */
#include "actors/scanner/settings.h"

#include "runtime/json/read.h"
#include "actors/scanner/pyjson.h"
#include "runtime/json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_FILE_MAX_BYTES ((size_t)1 << 20)
#define HASHED_TEXT_MAX_BYTES   ((size_t)16 << 20)

static const char BUILT_IN_CHANNEL[] =
    "{\"is_enabled\": true, \"scan_mode\": \"forward\", \"max_messages_per_pass\": 1000, \"debounce_ms\": 250,"
    " \"include_threads\": false, \"accept_video\": true, \"min_video_seconds\": 0,"
    " \"mime_allowlist\": [\"video/mp4\", \"video/quicktime\", \"video/webm\", \"video/x-msvideo\","
    " \"video/x-matroska\", \"video/x-flv\", \"video/x-m4v\"],"
    " \"video_extensions\": [\".mp4\", \".mov\", \".webm\", \".avi\", \".mkv\", \".flv\", \".wmv\", \".m4v\"],"
    " \"text_include_regex\": null, \"text_exclude_regex\": null}";

#define BUILT_IN_EXTENSIONS 8

static const char BUILT_IN_GUILD_ADMIN[] =
    "{\"default_visibility\": \"public\", \"ignore_nsfw_channels\": false,"
    " \"auto_archive_after\": {\"unit\": \"never\", \"count\": 0}, \"max_clips_per_channel_per_day\": 0,"
    " \"live_scan_slow_mode\": {\"enabled\": false, \"batch_window_seconds\": 300}}";

/* ---- defaults ---------------------------------------------------------------------------------------------------- */

static int read_file(const char *path, struct ry_buf *out, struct ry_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ry_fail(err, RY_ECONFIG, "cannot open the settings file %s: %s", path, strerror(errno));
    int rc = RY_OK;
    for (;;) {
        char *room = ry_buf_reserve(out, 4096);
        if (room == NULL) {
            rc = ry_fail(err, RY_ECONFIG, "the settings file %s is larger than %zu bytes", path, out->max);
            break;
        }
        ssize_t n = read(fd, room, 4096);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = ry_fail(err, RY_ECONFIG, "cannot read the settings file %s: %s", path, strerror(errno));
        if (n <= 0)
            break;
        out->n += (size_t)n;
    }
    close(fd);
    return rc;
}

/* The member of the file's object, else the built-in text's object, which *doc then owns. */
static int take_default(const struct ry_json *root, const char *path, const char *key, const char *built_in,
                        struct ry_json_doc **doc, const struct ry_json **out, struct ry_error *err)
{
    struct ry_error why;
    if (ry_json_read_object(root, "", key, false, out, &why) != RY_OK)
        return ry_fail(err, RY_ECONFIG, "settings file %s: %s", path, why.text);
    return *out != NULL ? RY_OK : ry_json_parse_object(ry_str_of(built_in), doc, out, err);
}

static int parse_file(const char *path, struct ry_json_doc **doc, struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(SETTINGS_FILE_MAX_BYTES);
    struct ry_error why;
    int rc = read_file(path, &text, err);
    if (rc != RY_OK)
        return rc;
    size_t line = 1;
    rc = ry_json_parse_jsonc(ry_buf_str(&text), doc, &line, &why);
    if (rc != RY_OK)
        return ry_fail(err, rc == RY_ENOMEM ? RY_ENOMEM : RY_ECONFIG, "settings file %s:%zu: %s", path, line, why.text);
    if (!ry_json_is(ry_json_root(*doc), RY_JSON_OBJECT))
        return ry_fail(err, RY_ECONFIG, "settings file %s: not an object", path);
    return RY_OK;
}

int scan_defaults_load(const char *path, struct scan_defaults *defaults, struct ry_error *err)
{
    *defaults = (struct scan_defaults){0};
    int rc = path[0] != '\0' ? parse_file(path, &defaults->file, err) : RY_OK;
    const struct ry_json *root = ry_json_root(defaults->file);
    if (rc == RY_OK)
        rc = take_default(root, path, "server_admin_channel_defaults", BUILT_IN_CHANNEL, &defaults->built_in_channel,
                          &defaults->channel, err);
    if (rc == RY_OK)
        rc = take_default(root, path, "guild_admin_settings_defaults", BUILT_IN_GUILD_ADMIN,
                          &defaults->built_in_guild_admin, &defaults->guild_admin, err);
    return rc;
}

void scan_defaults_free(struct scan_defaults *defaults)
{
    ry_json_free(&defaults->file);
    ry_json_free(&defaults->built_in_channel);
    ry_json_free(&defaults->built_in_guild_admin);
    *defaults = (struct scan_defaults){0};
}

/* ---- one channel ------------------------------------------------------------------------------------------------- */

/* Adds a sentence to what is wrong with the settings; what does not fit is left out. */
static void note_problem(struct scan_settings *settings, const char *text)
{
    size_t n = strlen(settings->problems);
    (void)snprintf(settings->problems + n, sizeof settings->problems - n, "%s%s", n > 0 ? "; " : "", text);
}

/* A layer that is no object is passed over. */
static int overlay_text(struct scan_settings *settings, struct ry_json_writer *merged, const char *name,
                        struct ry_str text, struct ry_error *err)
{
    RY_JSON_AUTO *layer = NULL;
    struct ry_error why = {.code = RY_OK};
    if (text.p == NULL)
        return RY_OK;
    int rc = ry_json_parse(text, &layer, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "%s: %s", name, why.text);
    const struct ry_json *root = ry_json_root(layer);
    if (rc == RY_OK && root != NULL && !ry_json_is(root, RY_JSON_OBJECT))
        rc = ry_fail(&why, RY_EINVAL, "not an object");
    if (rc == RY_OK) {
        ry_json_put_members(merged, root);
        return RY_OK;
    }
    char problem[128];
    (void)snprintf(problem, sizeof problem, "%s: %.80s", name, why.text);
    note_problem(settings, problem);
    return RY_OK;
}

/* All layers' members one after the other: of those with the same name the last counts, which is the upper layer's. */
static int merge(const struct scan_defaults *defaults, const struct scan_layers *layers, struct scan_settings *settings,
                 struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    struct ry_json_writer writer = ry_json_writer(&text, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_members(&writer, defaults->channel);
    ry_json_put_members(&writer, defaults->guild_admin);
    int rc =
        overlay_text(settings, &writer, "guild_settings.default_channel_settings", layers->guild_default_channel, err);
    if (rc == RY_OK)
        rc = overlay_text(settings, &writer, "guild_settings.settings", layers->guild, err);
    if (rc == RY_OK)
        rc = overlay_text(settings, &writer, "channel_settings.settings", layers->channel, err);
    ry_json_put_end(&writer);
    if (rc == RY_OK && text.failed)
        rc = ry_fail(err, RY_EINVAL, "the settings have more than %zu bytes or are nested too deep", text.max);
    return rc == RY_OK ? ry_json_parse(ry_buf_str(&text), &settings->resolved, err) : rc;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int take_visibility(struct scan_settings *settings, const struct ry_json *value, struct ry_error *err)
{
    static const struct {
        const char *word, *column;
    } words[] = {{"public", "PUBLIC"}, {"unlisted", "UNLISTED"}, {"private", "PRIVATE"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (ry_str_is(ry_json_str(value), words[i].word)) {
            settings->visibility = words[i].column;
            return RY_OK;
        }
    return ry_fail(err, RY_EINVAL, "default_visibility is none of public, unlisted, private");
}

static int take_flag(const char *name, const struct ry_json *value, bool *out, struct ry_error *err)
{
    if (!ry_json_is(value, RY_JSON_BOOL))
        return ry_fail(err, RY_EINVAL, "%s is neither true nor false", name);
    *out = ry_json_true(value);
    return RY_OK;
}

static int take_number(const char *name, const struct ry_json *value, double *out, struct ry_error *err)
{
    double number = 0;
    if (!ry_json_f64(value, &number) || !(number >= 0))
        return ry_fail(err, RY_EINVAL, "%s is not a number from 0 up", name);
    *out = number;
    return RY_OK;
}

static int take_clips_per_day(struct scan_settings *settings, const struct ry_json *value, struct ry_error *err)
{
    double number = 0;
    int rc = take_number("max_clips_per_channel_per_day", value, &number, err);
    if (rc == RY_OK)
        settings->clips_per_day_max = number < 1e15 ? (uint64_t)number : 0;
    return rc;
}

/* What the writer goes by, which reads it from the database itself; here it is looked at for the warning. */
static int check_archive_after(const struct ry_json *value, struct ry_error *err)
{
    static const char *const units[] = {"never", "days", "weeks", "months"};
    double count = 0;
    struct ry_error why;
    bool good = take_number("count", ry_json_get(value, "count"), &count, &why) == RY_OK;
    bool known = false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        known = known || ry_str_is(ry_json_get_str(value, "unit"), units[i]);
    return good && known
               ? RY_OK
               : ry_fail(err, RY_EINVAL,
                         "auto_archive_after is not an object of unit (never, days, weeks, months) and count");
}

/* Takes a value; RY_EINVAL: it is none, and what was taken before stays. */
static int take(struct scan_settings *settings, struct ry_str name, const struct ry_json *value, struct ry_error *err)
{
    double seconds = 0;
    if (ry_str_is(name, "default_visibility"))
        return take_visibility(settings, value, err);
    if (ry_str_is(name, "ignore_nsfw_channels"))
        return take_flag("ignore_nsfw_channels", value, &settings->ignore_nsfw_channels, err);
    if (ry_str_is(name, "enable_message_content_storage"))
        return take_flag("enable_message_content_storage", value, &settings->store_content, err);
    if (ry_str_is(name, "include_threads"))
        return take_flag("include_threads", value, &settings->threads, err);
    if (ry_str_is(name, "max_clips_per_channel_per_day"))
        return take_clips_per_day(settings, value, err);
    if (ry_str_is(name, "min_video_seconds")) /* of which the writer judges, too */
        return take_number("min_video_seconds", value, &seconds, err);
    if (ry_str_is(name, "auto_archive_after"))
        return check_archive_after(value, err);
    return clip_rules_take(settings->rules, name, value, err);
}

/* Whether the list is the built-in one, in any order. */
static bool has_plain_extensions(const struct ry_json *resolved)
{
    const char *list = strstr(BUILT_IN_CHANNEL, "\"video_extensions\"");
    const struct ry_json *extensions = ry_json_get(resolved, "video_extensions");
    size_t n = ry_json_is(extensions, RY_JSON_ARRAY) ? ry_json_count(extensions) : 0;
    size_t same = 0;
    for (size_t i = 0; i < n; i++) {
        char quoted[32];
        struct ry_str extension = ry_json_str(ry_json_at(extensions, i));
        int length = snprintf(quoted, sizeof quoted, "\"%.*s\"", RY_STR_ARG(extension));
        same += extension.n > 0 && length < (int)sizeof quoted && strstr(list, quoted) != NULL;
    }
    return same == n && n == BUILT_IN_EXTENSIONS;
}

static int hash_resolved(const struct ry_json *resolved, char hash[RY_MD5_HEX_BYTES], struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    int rc = pyjson_print(resolved, &text);
    if (rc != RY_OK)
        return ry_fail(err, rc, "the settings are too large to be hashed");
    ry_md5_hex(ry_buf_str(&text), hash);
    return RY_OK;
}

/* The layers' values one after the other, so that one that is none leaves that of the layer below in force. */
static int fill(struct scan_settings *settings, const struct ry_json *resolved, struct ry_error *err)
{
    struct ry_str name;
    const struct ry_json *value = NULL;
    struct ry_error why;
    settings->visibility = "PUBLIC";
    settings->store_content = true;
    int rc = hash_resolved(resolved, settings->hash, err);
    if (rc == RY_OK)
        rc = clip_rules_new(&settings->rules, err);
    for (struct ry_json_walk walk = ry_json_walk(resolved); rc == RY_OK && ry_json_next_member(&walk, &name, &value);) {
        int taken = take(settings, name, value, &why);
        if (taken == RY_ENOMEM)
            rc = ry_fail(err, taken, "%s", why.text);
        else if (taken != RY_OK)
            note_problem(settings, why.text);
    }
    settings->plain_extensions = has_plain_extensions(resolved);
    return rc;
}

int scan_settings_resolve(const struct scan_defaults *defaults, const struct scan_layers *layers,
                          struct scan_settings **settings, struct ry_error *err)
{
    *settings = calloc(1, sizeof **settings);
    if (*settings == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for settings");
    (*settings)->references = 1;
    int rc = merge(defaults, layers, *settings, err);
    if (rc == RY_OK)
        rc = fill(*settings, ry_json_root((*settings)->resolved), err);
    if (rc != RY_OK)
        scan_settings_unref(settings);
    return rc;
}

struct scan_settings *scan_settings_ref(struct scan_settings *settings)
{
    settings->references++;
    return settings;
}

void scan_settings_unref(struct scan_settings **settings)
{
    struct scan_settings *self = *settings;
    *settings = NULL;
    if (self == NULL || --self->references > 0)
        return;
    clip_rules_free(&self->rules);
    ry_json_free(&self->resolved);
    free(self);
}
