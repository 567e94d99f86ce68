/* settings_test.c: settings resolve in their order, hash as the databases hold it, and are believed for a while. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/scanner/settings_cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_LAYERS ((struct scan_layers){.guild = {0}})

static int load_defaults(void **state)
{
    struct scan_defaults *defaults = calloc(1, sizeof *defaults);
    struct ry_error err;
    *state = defaults;
    return defaults == NULL ? -1 : scan_defaults_load("", defaults, &err);
}

static int free_defaults(void **state)
{
    scan_defaults_free(*state);
    free(*state);
    return 0;
}

static struct scan_settings *resolve(const struct scan_defaults *defaults, struct scan_layers layers)
{
    struct scan_settings *settings = NULL;
    struct ry_error err = {0};
    if (scan_settings_resolve(defaults, &layers, &settings, &err) != RY_OK)
        fail_msg("%s", err.text);
    return settings;
}

static void the_hash_is_the_one_that_databases_hold(void **state)
{
    static const struct {
        struct scan_layers layers;
        const char *hash;
    } CASES[] = {
        {{.guild = {0}}, "27b3234951922ec2213c626963892154"},
        {{.guild_default_channel = {"null", 4}, .guild = {"{}", 2}}, "27b3234951922ec2213c626963892154"},
        {{.guild = {"{\"default_visibility\": \"unlisted\", \"text_include_regex\": \"clip|n\u00e9\"}", 68}},
         "f5ab75111e87c33e08c860ac93764c2c"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct scan_settings *settings = resolve(*state, CASES[i].layers);
        assert_string_equal(settings->hash, CASES[i].hash);
        scan_settings_unref(&settings);
    }
}

static void a_later_layer_wins_with_whole_values(void **state)
{
    static const char PUBLIC[] = "{\"default_visibility\":\"public\",\"ignore_nsfw_channels\":true}";
    static const char UNLISTED[] = "{\"default_visibility\":\"unlisted\"}";
    static const char PRIVATE[] = "{\"default_visibility\":\"private\",\"video_extensions\":[\".x\"]}";
    static const struct {
        struct scan_layers layers;
        const char *visibility;
        bool ignore_nsfw;
        bool takes_mp4;
    } CASES[] = {
        {{.guild = {0}}, "PUBLIC", false, true},
        {{.guild_default_channel = {PRIVATE, sizeof PRIVATE - 1}}, "PRIVATE", false, false},
        {{.guild_default_channel = {PRIVATE, sizeof PRIVATE - 1}, .guild = {UNLISTED, sizeof UNLISTED - 1}},
         "UNLISTED",
         false,
         false},
        {{.guild = {UNLISTED, sizeof UNLISTED - 1}, .channel = {PUBLIC, sizeof PUBLIC - 1}}, "PUBLIC", true, true},
        {{.guild = {PUBLIC, sizeof PUBLIC - 1}, .channel = {UNLISTED, sizeof UNLISTED - 1}}, "UNLISTED", true, true},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct scan_settings *settings = resolve(*state, CASES[i].layers);
        assert_string_equal(settings->visibility, CASES[i].visibility);
        assert_int_equal(settings->ignore_nsfw_channels, CASES[i].ignore_nsfw);
        assert_int_equal(clip_rules_is_video(settings->rules, RY_STR("a.mp4"), (struct ry_str){0}), CASES[i].takes_mp4);
        assert_true(settings->store_content);
        scan_settings_unref(&settings);
    }
}

static void content_is_not_stored_where_the_setting_says_so(void **state)
{
    struct scan_settings *settings =
        resolve(*state, (struct scan_layers){.guild = RY_STR("{\"enable_message_content_storage\":false}")});
    assert_false(settings->store_content);
    scan_settings_unref(&settings);
}

/* What a scan goes by, in one line: visibility, NSFW channels ignored, content stored, clips a day, whether a.mp4 and
 * a.x of the type video/x are videos, and what is taken of a message "clip" and of one that is empty. */
static void describe(const struct scan_settings *settings, char text[64])
{
    struct clip_rules *rules = settings->rules;
    struct text_searcher *searcher = NULL;
    struct ry_error err = {0};
    bool gave_up = false;
    assert_int_equal(text_searcher_new(&searcher, text_clock_thread(), &err), RY_OK);
    (void)snprintf(text, 64, "%s %d%d %llu %d%d %d%d", settings->visibility, settings->ignore_nsfw_channels,
                   settings->store_content, (unsigned long long)settings->clips_per_day_max,
                   clip_rules_is_video(rules, RY_STR("a.mp4"), (struct ry_str){0}),
                   clip_rules_is_video(rules, RY_STR("a.x"), RY_STR("video/x")),
                   clip_rules_want(rules, searcher, RY_STR("clip"), &gave_up),
                   clip_rules_want(rules, searcher, RY_STR(""), &gave_up));
    text_searcher_free(&searcher);
}

#define USUAL "PUBLIC 01 0 10 11"

static const struct {
    const char *guild, *channel;
    const char *means;
    const char *problems;
} BAD_VALUES[] = {
    /* layers that are none */
    {NULL, "[]", USUAL, "channel_settings.settings: not an object"},
    {NULL, "3", USUAL, "channel_settings.settings: not an object"},
    {"\"x\"", "{\"default_visibility\":\"private\"}", "PRIVATE 01 0 10 11", "guild_settings.settings: not an object"},
    {NULL, "{\"a\":[{\"b\":null}],\"scan_mode\":7,\"debounce_ms\":\"x\"}", USUAL, ""},
    /* default_visibility */
    {NULL, "{\"default_visibility\":\"hidden\"}", USUAL, "default_visibility is none of public, unlisted, private"},
    {"{\"default_visibility\":\"private\"}", "{\"default_visibility\":\"Public\"}", "PRIVATE 01 0 10 11",
     "default_visibility is none of public, unlisted, private"},
    {"{\"default_visibility\":\"private\"}", "{\"default_visibility\":null}", "PRIVATE 01 0 10 11",
     "default_visibility is none of public, unlisted, private"},
    {"{\"default_visibility\":[]}", "{\"default_visibility\":1}", USUAL,
     "default_visibility is none of public, unlisted, private; default_visibility is none of public, unlisted, "
     "private"},
    /* flags */
    {"{\"ignore_nsfw_channels\":true}", "{\"ignore_nsfw_channels\":\"false\"}", "PUBLIC 11 0 10 11",
     "ignore_nsfw_channels is neither true nor false"},
    {NULL, "{\"ignore_nsfw_channels\":1}", USUAL, "ignore_nsfw_channels is neither true nor false"},
    {"{\"enable_message_content_storage\":false}", "{\"enable_message_content_storage\":null}", "PUBLIC 00 0 10 11",
     "enable_message_content_storage is neither true nor false"},
    /* numbers */
    {"{\"max_clips_per_channel_per_day\":5}", "{\"max_clips_per_channel_per_day\":\"7\"}", "PUBLIC 01 5 10 11",
     "max_clips_per_channel_per_day is not a number from 0 up"},
    {NULL, "{\"max_clips_per_channel_per_day\":-1}", USUAL, "max_clips_per_channel_per_day is not a number from 0 up"},
    {NULL, "{\"max_clips_per_channel_per_day\":2.5}", "PUBLIC 01 2 10 11", ""},
    {NULL, "{\"max_clips_per_channel_per_day\":1e400}", USUAL, ""},
    {NULL, "{\"min_video_seconds\":\"3\"}", USUAL, "min_video_seconds is not a number from 0 up"},
    {NULL, "{\"min_video_seconds\":3}", USUAL, ""},
    /* objects */
    {NULL, "{\"auto_archive_after\":{\"unit\":\"weeks\",\"count\":2}}", USUAL, ""},
    {NULL, "{\"auto_archive_after\":{\"unit\":\"years\",\"count\":2}}", USUAL,
     "auto_archive_after is not an object of unit (never, days, weeks, months) and count"},
    {NULL, "{\"auto_archive_after\":\"never\"}", USUAL,
     "auto_archive_after is not an object of unit (never, days, weeks, months) and count"},
    /* lists */
    {"{\"mime_allowlist\":[\"video/x\"]}", "{\"mime_allowlist\":\"video/mp4\"}", "PUBLIC 01 0 11 11",
     "mime_allowlist is not an array"},
    {NULL, "{\"video_extensions\":[1]}", USUAL, "video_extensions[0] is not a string"},
    {NULL, "{\"video_extensions\":null}", USUAL, "video_extensions is not an array"},
    {NULL, "{\"video_extensions\":[]}", "PUBLIC 01 0 00 11", ""},
    /* regexes: without one nothing is filtered */
    {NULL, "{\"text_include_regex\":\"a(\"}", USUAL, "text_include_regex is not a valid regular expression"},
    {"{\"text_include_regex\":\"^clip\"}", "{\"text_include_regex\":\"a(\"}", "PUBLIC 01 0 10 10",
     "text_include_regex is not a valid regular expression"},
    {"{\"text_include_regex\":\"^clip\"}", "{\"text_include_regex\":null}", USUAL, ""},
    {"{\"text_include_regex\":\"^clip\"}", "{\"text_include_regex\":\"\"}", USUAL, ""},
    {"{\"text_exclude_regex\":\"^clip\"}", "{\"text_exclude_regex\":7}", "PUBLIC 01 0 10 01",
     "text_exclude_regex is neither a string nor null"},
    {NULL, "{\"text_exclude_regex\":\"*\"}", USUAL, "text_exclude_regex is not a valid regular expression"},
};

static void a_value_that_is_none_leaves_that_of_the_layer_below(void **state)
{
    for (size_t i = 0; i < sizeof BAD_VALUES / sizeof BAD_VALUES[0]; i++) {
        struct scan_settings *settings =
            resolve(*state, (struct scan_layers){.guild = ry_str_of(BAD_VALUES[i].guild),
                                                 .channel = ry_str_of(BAD_VALUES[i].channel)});
        char text[64];
        describe(settings, text);
        bool told = strncmp(settings->problems, BAD_VALUES[i].problems, strlen(BAD_VALUES[i].problems)) == 0 &&
                    (settings->problems[0] == '\0') == (BAD_VALUES[i].problems[0] == '\0');
        if (strcmp(text, BAD_VALUES[i].means) != 0 || !told)
            fail_msg("case %zu: %s: %s", i, text, settings->problems);
        scan_settings_unref(&settings);
    }
}

/* What docs/CONFIGURATION.md says of the case that no layer has a value: whether it is left out or is none. */
static void without_any_value_the_documented_one_holds(void **state)
{
    (void)state;
    static const char *const CHANNEL[] = {
        "{}", "{\"mime_allowlist\":0,\"video_extensions\":\"x\",\"text_include_regex\":\"(\",\"text_exclude_regex\":0,"
              "\"include_threads\":1,\"min_video_seconds\":\"x\",\"enable_message_content_storage\":0}"};
    static const char *const GUILD[] = {"{}", "{\"default_visibility\":0,\"ignore_nsfw_channels\":0,"
                                              "\"max_clips_per_channel_per_day\":-1,\"auto_archive_after\":1}"};
    for (size_t i = 0; i < 2; i++) {
        struct scan_defaults defaults = {0};
        struct scan_settings *settings = NULL;
        struct scan_layers none = {.guild = {0}};
        struct ry_error err = {0};
        char text[64];
        assert_int_equal(
            ry_json_parse_object(ry_str_of(CHANNEL[i]), &defaults.built_in_channel, &defaults.channel, &err), RY_OK);
        assert_int_equal(
            ry_json_parse_object(ry_str_of(GUILD[i]), &defaults.built_in_guild_admin, &defaults.guild_admin, &err),
            RY_OK);
        assert_int_equal(scan_settings_resolve(&defaults, &none, &settings, &err), RY_OK);
        describe(settings, text);
        assert_string_equal(text, "PUBLIC 01 0 00 11");
        assert_false(settings->threads);
        scan_settings_unref(&settings);
        scan_defaults_free(&defaults);
    }
}

static void many_problems_are_told_as_far_as_they_fit(void **state)
{
    char json[4096] = "{\"a\":1";
    for (int i = 0; i < 30; i++)
        (void)snprintf(json + strlen(json), sizeof json - strlen(json), ",\"default_visibility\":%d", i);
    (void)snprintf(json + strlen(json), sizeof json - strlen(json), "}");
    struct scan_settings *settings = resolve(*state, (struct scan_layers){.guild = ry_str_of(json)});
    assert_int_equal(strlen(settings->problems), sizeof settings->problems - 1);
    scan_settings_unref(&settings);
}

/* ---- the settings file ------------------------------------------------------------------------------------------- */

static int load_text(const char *text, struct scan_defaults *defaults, struct ry_error *err)
{
    char path[] = "/tmp/reelyard-settings.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int rc = scan_defaults_load(path, defaults, err);
    unlink(path);
    return rc;
}

static void an_object_of_the_file_takes_the_place_of_the_built_in_one(void **state)
{
    (void)state;
    struct scan_defaults defaults;
    struct ry_error err = {0};
    assert_int_equal(load_text("{ // comment\n \"server_admin_channel_defaults\": {\"is_enabled\": true,}, /* x */ }",
                               &defaults, &err),
                     RY_OK);
    struct scan_settings *settings = resolve(&defaults, NO_LAYERS);
    /* hashlib.md5(json.dumps({"is_enabled": True, **guild admin defaults}, sort_keys=True).encode()) */
    assert_string_equal(settings->hash, "b49ff7d1c51bcc6d2a62da529c4bedc9");
    assert_string_equal(settings->visibility, "PUBLIC");
    assert_false(clip_rules_is_video(settings->rules, RY_STR("a.mp4"), RY_STR("video/mp4")));
    scan_settings_unref(&settings);
    scan_defaults_free(&defaults);
}

static void a_bad_settings_file_is_a_bad_configuration(void **state)
{
    (void)state;
    static const char *const CASES[] = {"", "[]", "{\"a\":", "{\"server_admin_channel_defaults\": 1}", "{ /* x }"};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct scan_defaults defaults;
        struct ry_error err = {0};
        assert_int_equal(load_text(CASES[i], &defaults, &err), RY_ECONFIG);
        assert_non_null(strstr(err.text, "reelyard-settings"));
        scan_defaults_free(&defaults);
    }
    struct scan_defaults defaults;
    struct ry_error err = {0};
    assert_int_equal(scan_defaults_load("/nonexistent/settings", &defaults, &err), RY_ECONFIG);
    scan_defaults_free(&defaults);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

#define TTL_MS 300000

static bool cached(struct settings_cache *cache, const char *guild, const char *channel, int64_t now_mono_ms)
{
    struct scan_settings *settings =
        settings_cache_get(cache, ry_str_of(guild), ry_str_of(channel), false, now_mono_ms);
    bool found = settings != NULL;
    scan_settings_unref(&settings);
    return found;
}

static void settings_are_believed_until_their_time_is_over(void **state)
{
    struct settings_cache *cache = settings_cache_new(TTL_MS);
    struct scan_settings *settings = resolve(*state, NO_LAYERS);
    assert_false(cached(cache, "1", "2", 0));
    settings_cache_put(cache, RY_STR("1"), RY_STR("2"), settings, false, 0);
    assert_true(cached(cache, "1", "2", TTL_MS - 1));
    assert_false(cached(cache, "1", "2", TTL_MS));
    struct settings_cache_figures figures = settings_cache_figures(cache);
    assert_int_equal(figures.hits, 1);
    assert_int_equal(figures.misses, 2);
    assert_int_equal(figures.size, 1);
    scan_settings_unref(&settings);
    settings_cache_free(&cache);
}

static void a_cache_without_time_keeps_nothing(void **state)
{
    struct settings_cache *cache = settings_cache_new(0);
    struct scan_settings *settings = resolve(*state, NO_LAYERS);
    settings_cache_put(cache, RY_STR("1"), RY_STR("2"), settings, false, 0);
    assert_false(cached(cache, "1", "2", 0));
    scan_settings_unref(&settings);
    settings_cache_free(&cache);
}

static void a_channel_a_guild_or_all_can_be_forgotten(void **state)
{
    static const struct {
        struct ry_str guild;
        struct ry_str channel;
        bool left[4]; /* 1:2, 1:3, 12:2, 4:2 */
    } CASES[] = {
        {{"1", 1}, {"2", 1}, {false, true, true, true}},
        {{"1", 1}, {0}, {false, false, true, true}},
        {{"9", 1}, {0}, {true, true, true, true}},
        {{0}, {0}, {false, false, false, false}},
    };
    static const char *const KEYS[4][2] = {{"1", "2"}, {"1", "3"}, {"12", "2"}, {"4", "2"}};
    struct scan_settings *settings = resolve(*state, NO_LAYERS);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct settings_cache *cache = settings_cache_new(TTL_MS);
        for (size_t k = 0; k < 4; k++)
            settings_cache_put(cache, ry_str_of(KEYS[k][0]), ry_str_of(KEYS[k][1]), settings, false, 0);
        settings_cache_invalidate(cache, CASES[i].guild, CASES[i].channel);
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(cached(cache, KEYS[k][0], KEYS[k][1], 1), CASES[i].left[k]);
        settings_cache_free(&cache);
    }
    assert_int_equal(settings->references, 1);
    scan_settings_unref(&settings);
}

static void a_full_cache_forgets_the_oldest(void **state)
{
    struct settings_cache *cache = settings_cache_new(TTL_MS);
    struct scan_settings *settings = resolve(*state, NO_LAYERS);
    char channel[24];
    for (int i = 0; i <= SETTINGS_CACHE_MAX; i++) {
        snprintf(channel, sizeof channel, "%d", i + 1);
        settings_cache_put(cache, RY_STR("1"), ry_str_of(channel), settings, false, i);
    }
    assert_int_equal(settings_cache_figures(cache).size, SETTINGS_CACHE_MAX);
    assert_false(cached(cache, "1", "1", SETTINGS_CACHE_MAX));
    assert_true(cached(cache, "1", "2", SETTINGS_CACHE_MAX));
    assert_true(cached(cache, "1", channel, SETTINGS_CACHE_MAX));
    scan_settings_unref(&settings);
    settings_cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_the_one_that_databases_hold),
        cmocka_unit_test(a_later_layer_wins_with_whole_values),
        cmocka_unit_test(content_is_not_stored_where_the_setting_says_so),
        cmocka_unit_test(a_value_that_is_none_leaves_that_of_the_layer_below),
        cmocka_unit_test(without_any_value_the_documented_one_holds),
        cmocka_unit_test(many_problems_are_told_as_far_as_they_fit),
        cmocka_unit_test(an_object_of_the_file_takes_the_place_of_the_built_in_one),
        cmocka_unit_test(a_bad_settings_file_is_a_bad_configuration),
        cmocka_unit_test(settings_are_believed_until_their_time_is_over),
        cmocka_unit_test(a_cache_without_time_keeps_nothing),
        cmocka_unit_test(a_channel_a_guild_or_all_can_be_forgotten),
        cmocka_unit_test(a_full_cache_forgets_the_oldest),
    };
    return cmocka_run_group_tests_name("settings", tests, load_defaults, free_defaults);
}
