/* clip_rules.c: the rules of one channel, compiled once and used for all its messages.
 *
 * A message's filters have MESSAGE_NS together. Over many messages they have EACH_NS on average: every message saves
 * that much up, and a slow one spends of it. So a channel whose filter is slow on each of a hundred thousand messages
 * takes twenty seconds of the scanner, a page at a time, and not eight minutes. */
#include "actors/scanner/clip_rules.h"

#include "actors/scanner/clip_file.h"

#include <stdlib.h>

#define MESSAGE_NS   INT64_C(5000000)
#define EACH_NS      INT64_C(200000)
#define SAVED_NS_MAX INT64_C(100000000) /* and what a channel begins with */
/* Each attachment is compared with each. */
#define LIST_MAX ((size_t)256)
/* Each is compiled: two for each of the layers, and some more. */
#define REGEXES_MAX 16

struct clip_rules {
    const struct ry_json *mime_types; /* arrays of strings, of the settings; NULL: empty */
    const struct ry_json *extensions;
    struct text_filter *include; /* NULL: none */
    struct text_filter *exclude;
    unsigned regexes; /* that were taken */
    int64_t saved_ns; /* of searching time */
};

static int take_regex(struct clip_rules *rules, const char *setting, const struct ry_json *value,
                      struct text_filter **filter, struct ry_error *err)
{
    if (value != NULL && !ry_json_is(value, RY_JSON_STRING))
        return ry_fail(err, RY_EINVAL, "%s is neither a string nor null", setting);
    struct ry_str pattern = ry_json_str(value);
    if (pattern.n > 0 && rules->regexes++ >= REGEXES_MAX)
        return ry_fail(err, RY_EINVAL, "%s is there too often", setting);
    struct text_filter *made = NULL;
    int rc = pattern.n > 0 ? text_filter_compile(setting, pattern, &made, err) : RY_OK; /* '' is falsy in Python */
    if (rc != RY_OK)
        return rc;
    text_filter_free(filter);
    *filter = made;
    return RY_OK;
}

static int take_strings(const char *setting, const struct ry_json *value, const struct ry_json **list,
                        struct ry_error *err)
{
    if (!ry_json_is(value, RY_JSON_ARRAY))
        return ry_fail(err, RY_EINVAL, "%s is not an array", setting);
    if (ry_json_count(value) > LIST_MAX)
        return ry_fail(err, RY_EINVAL, "%s has more than %zu elements", setting, LIST_MAX);
    for (size_t i = 0; i < ry_json_count(value); i++)
        if (!ry_json_is(ry_json_at(value, i), RY_JSON_STRING))
            return ry_fail(err, RY_EINVAL, "%s[%zu] is not a string", setting, i);
    *list = value;
    return RY_OK;
}

int clip_rules_take(struct clip_rules *rules, struct ry_str setting, const struct ry_json *value, struct ry_error *err)
{
    if (ry_str_is(setting, "mime_allowlist"))
        return take_strings("mime_allowlist", value, &rules->mime_types, err);
    if (ry_str_is(setting, "video_extensions"))
        return take_strings("video_extensions", value, &rules->extensions, err);
    if (ry_str_is(setting, "text_include_regex"))
        return take_regex(rules, "text_include_regex", value, &rules->include, err);
    if (ry_str_is(setting, "text_exclude_regex"))
        return take_regex(rules, "text_exclude_regex", value, &rules->exclude, err);
    return RY_OK;
}

int clip_rules_new(struct clip_rules **rules, struct ry_error *err)
{
    struct clip_rules *made = calloc(1, sizeof *made);
    *rules = made;
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a channel's rules");
    made->saved_ns = SAVED_NS_MAX;
    return RY_OK;
}

void clip_rules_free(struct clip_rules **rules)
{
    struct clip_rules *self = *rules;
    if (self == NULL)
        return;
    text_filter_free(&self->include);
    text_filter_free(&self->exclude);
    free(self);
    *rules = NULL;
}

bool clip_rules_is_video(const struct clip_rules *rules, struct ry_str filename, struct ry_str content_type)
{
    size_t n = rules->mime_types && content_type.p ? ry_json_count(rules->mime_types) : 0;
    for (size_t i = 0; i < n; i++)
        if (ry_str_eq(content_type, ry_json_str(ry_json_at(rules->mime_types, i))))
            return true;
    n = rules->extensions ? ry_json_count(rules->extensions) : 0;
    for (size_t i = 0; i < n; i++)
        if (clip_name_ends(filename, ry_json_str(ry_json_at(rules->extensions, i))))
            return true;
    return false;
}

/* Both filters together have this message's time. */
static bool finds(struct clip_rules *rules, const struct text_filter *filter, struct text_searcher *searcher,
                  struct ry_str content, int64_t *left_ns, bool *gave_up)
{
    int64_t before_ns = *left_ns;
    enum text_found found = text_filter_search(filter, searcher, content, left_ns);
    int64_t took_ns = before_ns - *left_ns;
    rules->saved_ns -= took_ns < rules->saved_ns ? took_ns : rules->saved_ns;
    *gave_up = *gave_up || found == TEXT_GIVEN_UP;
    return found == TEXT_FOUND;
}

bool clip_rules_want(struct clip_rules *rules, struct text_searcher *searcher, struct ry_str content, bool *gave_up)
{
    *gave_up = false;
    if (rules->include == NULL && rules->exclude == NULL)
        return true;
    rules->saved_ns = rules->saved_ns < SAVED_NS_MAX - EACH_NS ? rules->saved_ns + EACH_NS : SAVED_NS_MAX;
    int64_t left_ns = rules->saved_ns < MESSAGE_NS ? rules->saved_ns : MESSAGE_NS;
    if (rules->include != NULL && !finds(rules, rules->include, searcher, content, &left_ns, gave_up))
        return false;
    return rules->exclude == NULL || !finds(rules, rules->exclude, searcher, content, &left_ns, gave_up);
}
