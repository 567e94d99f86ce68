/* settings.c: merges the layers, hashes the result as Python prints it, and compiles the rules. */
#include "actors/scanner/settings.h"

#include "actors/scanner/json_read.h"
#include "actors/scanner/pyjson.h"
#include "runtime/config/jsonc.h"

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

/* The member of root, else the built-in text, as an object of its own. */
static int take_default(struct json_object *root, const char *path, const char *key, const char *built_in,
                        struct json_object **out, struct ry_error *err)
{
    struct ry_error why;
    if (root != NULL && json_read_object(root, "", key, false, out, &why) != RY_OK)
        return ry_fail(err, RY_ECONFIG, "settings file %s: %s", path, why.text);
    if (*out != NULL) {
        json_object_get(*out);
        return RY_OK;
    }
    return json_read_text(ry_str_of(built_in), out, err);
}

static int parse_file(const char *path, struct json_object **root, struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(SETTINGS_FILE_MAX_BYTES);
    struct ry_error why;
    int rc = read_file(path, &text, err);
    if (rc != RY_OK)
        return rc;
    if (ry_jsonc_strip(text.p, text.n, &why) != RY_OK || json_read_text(ry_buf_str(&text), root, &why) != RY_OK)
        return ry_fail(err, RY_ECONFIG, "settings file %s: %s", path, why.text);
    if (!json_object_is_type(*root, json_type_object))
        return ry_fail(err, RY_ECONFIG, "settings file %s: not an object", path);
    return RY_OK;
}

int scan_defaults_load(const char *path, struct scan_defaults *defaults, struct ry_error *err)
{
    *defaults = (struct scan_defaults){0};
    struct json_object *root = NULL;
    int rc = path[0] != '\0' ? parse_file(path, &root, err) : RY_OK;
    if (rc == RY_OK)
        rc = take_default(root, path, "server_admin_channel_defaults", BUILT_IN_CHANNEL, &defaults->channel, err);
    if (rc == RY_OK)
        rc = take_default(root, path, "guild_admin_settings_defaults", BUILT_IN_GUILD_ADMIN, &defaults->guild_admin,
                          err);
    json_object_put(root);
    return rc;
}

void scan_defaults_free(struct scan_defaults *defaults)
{
    json_object_put(defaults->channel);
    json_object_put(defaults->guild_admin);
    *defaults = (struct scan_defaults){0};
}

/* ---- one channel ------------------------------------------------------------------------------------------------- */

static int overlay(struct json_object *resolved, struct json_object *layer, struct ry_error *err)
{
    json_object_object_foreach(layer, key, value) if (json_object_object_add(resolved, key, json_object_get(value)) !=
                                                      0) return json_object_put(value),
        ry_fail(err, RY_ENOMEM, "no memory for settings");
    return RY_OK;
}

static int overlay_text(struct json_object *resolved, const char *name, struct ry_str text, struct ry_error *err)
{
    if (text.p == NULL)
        return RY_OK;
    struct json_object *layer = NULL;
    struct ry_error why;
    int rc = json_read_text(text, &layer, &why);
    if (rc != RY_OK)
        return ry_fail(err, rc, "%s: %s", name, why.text);
    if (layer == NULL)
        return RY_OK;
    if (json_object_is_type(layer, json_type_object))
        rc = overlay(resolved, layer, err);
    else
        rc = ry_fail(err, RY_EINVAL, "%s is not an object", name);
    json_object_put(layer);
    return rc;
}

static int merge(const struct scan_defaults *defaults, const struct scan_layers *layers, struct json_object *resolved,
                 struct ry_error *err)
{
    int rc = overlay(resolved, defaults->channel, err);
    if (rc == RY_OK)
        rc = overlay(resolved, defaults->guild_admin, err);
    if (rc == RY_OK)
        rc = overlay_text(resolved, "guild_settings.default_channel_settings", layers->guild_default_channel, err);
    if (rc == RY_OK)
        rc = overlay_text(resolved, "guild_settings.settings", layers->guild, err);
    if (rc == RY_OK)
        rc = overlay_text(resolved, "channel_settings.settings", layers->channel, err);
    return rc;
}

static int read_flag(struct json_object *resolved, const char *key, bool fallback, bool *out, struct ry_error *err)
{
    struct json_object *value = NULL;
    *out = fallback;
    if (!json_object_object_get_ex(resolved, key, &value) || value == NULL)
        return RY_OK;
    if (!json_object_is_type(value, json_type_boolean))
        return ry_fail(err, RY_EINVAL, "%s is neither true nor false", key);
    *out = json_object_get_boolean(value);
    return RY_OK;
}

static int read_visibility(struct json_object *resolved, const char **out, struct ry_error *err)
{
    struct ry_str text;
    int rc = json_read_str(resolved, "", "default_visibility", false, &text, err);
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

static int hash_resolved(struct json_object *resolved, char hash[MD5_HEX_BYTES], struct ry_error *err)
{
    RY_BUF_AUTO text = ry_buf_make(HASHED_TEXT_MAX_BYTES);
    int rc = pyjson_print(resolved, &text);
    if (rc != RY_OK)
        return ry_fail(err, rc, "the settings are too large to be hashed");
    md5_hex(ry_buf_str(&text), hash);
    return RY_OK;
}

static int fill(struct scan_settings *settings, struct json_object *resolved, struct ry_error *err)
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
    struct json_object *resolved = json_object_new_object();
    int rc = RY_OK;
    if (*settings == NULL || resolved == NULL) {
        rc = ry_fail(err, RY_ENOMEM, "no memory for settings");
        goto out;
    }
    (*settings)->references = 1;
    rc = merge(defaults, layers, resolved, err);
    if (rc == RY_OK)
        rc = fill(*settings, resolved, err);
out:
    json_object_put(resolved);
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
    free(self);
}
