/* settings.c: merges the layers, hashes the result as Python prints it, and compiles the rules. */
#include "actors/scanner/settings.h"

#include "runtime/json/read.h"
#include "actors/scanner/pyjson.h"
#include "runtime/json/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static int overlay_text(struct ry_json_writer *resolved, const char *name, struct ry_str text, struct ry_error *err)
{
    if (text.p == NULL)
        return RY_OK;
    RY_JSON_AUTO *layer = NULL;
    struct ry_error why;
    int rc = ry_json_parse(text, &layer, &why);
    if (rc != RY_OK)
        return ry_fail(err, rc, "%s: %s", name, why.text);
    const struct ry_json *root = ry_json_root(layer);
    if (root != NULL && !ry_json_is(root, RY_JSON_OBJECT))
        return ry_fail(err, RY_EINVAL, "%s is not an object", name);
    ry_json_put_members(resolved, root, NULL);
    return RY_OK;
}

/* All layers' members one after the other: of those with the same name the last counts, which is the upper layer's. */
static int merge(const struct scan_defaults *defaults, const struct scan_layers *layers, struct ry_json_doc **resolved,
                 struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    struct ry_json_writer writer = ry_json_writer(&text, false);
    ry_json_put_object(&writer, NULL);
    ry_json_put_members(&writer, defaults->channel, NULL);
    ry_json_put_members(&writer, defaults->guild_admin, NULL);
    int rc = overlay_text(&writer, "guild_settings.default_channel_settings", layers->guild_default_channel, err);
    if (rc == RY_OK)
        rc = overlay_text(&writer, "guild_settings.settings", layers->guild, err);
    if (rc == RY_OK)
        rc = overlay_text(&writer, "channel_settings.settings", layers->channel, err);
    ry_json_put_end(&writer);
    if (rc == RY_OK && text.failed)
        rc = ry_fail(err, RY_EINVAL, "the settings have more than %zu bytes or are nested too deep", text.max);
    return rc == RY_OK ? ry_json_parse(ry_buf_str(&text), resolved, err) : rc;
}

static int read_flag(const struct ry_json *resolved, const char *key, bool fallback, bool *out, struct ry_error *err)
{
    const struct ry_json *value = ry_json_get(resolved, key);
    *out = fallback;
    if (value == NULL)
        return RY_OK;
    if (!ry_json_is(value, RY_JSON_BOOL))
        return ry_fail(err, RY_EINVAL, "%s is neither true nor false", key);
    *out = ry_json_true(value);
    return RY_OK;
}

static int read_visibility(const struct ry_json *resolved, const char **out, struct ry_error *err)
{
    struct ry_str text;
    int rc = ry_json_read_str(resolved, "", "default_visibility", false, &text, err);
    if (rc != RY_OK)
        return rc;
    if (text.p == NULL || ry_str_is(text, "public"))
        *out = "PUBLIC";
    else if (ry_str_is(text, "unlisted"))
        *out = "UNLISTED";
    else if (ry_str_is(text, "private"))
        *out = "PRIVATE";
    else
        return ry_fail(err, RY_EINVAL, "default_visibility is none of public, unlisted, private");
    return RY_OK;
}

static int hash_resolved(const struct ry_json *resolved, char hash[MD5_HEX_BYTES], struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    int rc = pyjson_print(resolved, &text);
    if (rc != RY_OK)
        return ry_fail(err, rc, "the settings are too large to be hashed");
    md5_hex(ry_buf_str(&text), hash);
    return RY_OK;
}

static int fill(struct scan_settings *settings, const struct ry_json *resolved, struct ry_error *err)
{
    int rc = hash_resolved(resolved, settings->hash, err);
    if (rc == RY_OK)
        rc = read_visibility(resolved, &settings->visibility, err);
    if (rc == RY_OK)
        rc = read_flag(resolved, "ignore_nsfw_channels", false, &settings->ignore_nsfw_channels, err);
    if (rc == RY_OK)
        rc = read_flag(resolved, "enable_message_content_storage", true, &settings->store_content, err);
    if (rc == RY_OK)
        rc = clip_rules_new(resolved, &settings->rules, err);
    return rc;
}

int scan_settings_resolve(const struct scan_defaults *defaults, const struct scan_layers *layers,
                          struct scan_settings **settings, struct ry_error *err)
{
    *settings = calloc(1, sizeof **settings);
    if (*settings == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for settings");
    (*settings)->references = 1;
    int rc = merge(defaults, layers, &(*settings)->resolved, err);
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
