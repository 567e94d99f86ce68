/* clip_rules.c: the rules of one channel, compiled once and used for all its messages.
 *
 * Owns the two compiled regexes and their match memory. Once all settings are taken a struct clip_rules is not changed,
 * but for the match data that PCRE2 writes while matching: one owner, one thread. */
#include "actors/scanner/clip_rules.h"

#include "actors/scanner/clip_file.h"
#include "actors/scanner/pyregex.h"
#include "runtime/json/json.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#define MATCH_STEPS_MAX    1000000 /* about 30 ms on a slow core */
#define MATCH_DEPTH_MAX    10000
#define MATCH_HEAP_MAX_KIB 16384

struct clip_rules {
    const struct ry_json *mime_types; /* arrays of strings, of the settings; NULL: empty */
    const struct ry_json *extensions;
    pcre2_code *include; /* NULL: none */
    pcre2_code *exclude;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

/* pattern is Python's; what PCRE2 compiles is its translation. */
static int compile_regex(const char *setting, struct ry_str pattern, pcre2_code **code, struct ry_error *err)
{
    RY_BUF_AUTO translated = ry_buf_make(PYREGEX_OUT_BYTES_MAX);
    struct ry_error why = {0};
    int rc = pyregex_translate(pattern, &translated, &why);
    if (rc == RY_ENOMEM)
        return ry_fail(err, rc, "no memory for %s", setting);
    if (rc != RY_OK)
        return ry_fail(err, RY_EINVAL, "%s is no valid regular expression: %s", setting, why.text);
    int number = 0;
    PCRE2_SIZE at = 0;
    *code = pcre2_compile((PCRE2_SPTR)ry_buf_str(&translated).p, translated.n, PCRE2_UTF, &number, &at, NULL);
    if (*code != NULL)
        return RY_OK;
    if (number == PCRE2_ERROR_HEAP_FAILED)
        return ry_fail(err, RY_ENOMEM, "no memory for %s", setting);
    PCRE2_UCHAR text[120] = "";
    pcre2_get_error_message(number, text, sizeof text);
    return ry_fail(err, RY_EINVAL, "%s is no valid regular expression: %s", setting, (const char *)text);
}

static int take_regex(const char *setting, const struct ry_json *value, pcre2_code **code, struct ry_error *err)
{
    if (value != NULL && !ry_json_is(value, RY_JSON_STRING))
        return ry_fail(err, RY_EINVAL, "%s is neither a string nor null", setting);
    struct ry_str pattern = ry_json_str(value);
    pcre2_code *made = NULL;
    int rc = pattern.n > 0 ? compile_regex(setting, pattern, &made, err) : RY_OK; /* as in Python, where '' is falsy */
    if (rc != RY_OK)
        return rc;
    pcre2_code_free(*code);
    *code = made;
    return RY_OK;
}

static int take_strings(const char *setting, const struct ry_json *value, const struct ry_json **list,
                        struct ry_error *err)
{
    if (!ry_json_is(value, RY_JSON_ARRAY))
        return ry_fail(err, RY_EINVAL, "%s is not an array", setting);
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
        return take_regex("text_include_regex", value, &rules->include, err);
    if (ry_str_is(setting, "text_exclude_regex"))
        return take_regex("text_exclude_regex", value, &rules->exclude, err);
    return RY_OK;
}

int clip_rules_new(struct clip_rules **rules, struct ry_error *err)
{
    struct clip_rules *made = calloc(1, sizeof *made);
    *rules = made;
    if (made != NULL) {
        made->match = pcre2_match_data_create(1, NULL);
        made->limits = pcre2_match_context_create(NULL);
    }
    if (made == NULL || made->match == NULL || made->limits == NULL) {
        clip_rules_free(rules);
        return ry_fail(err, RY_ENOMEM, "no memory for a channel's rules");
    }
    pcre2_set_match_limit(made->limits, MATCH_STEPS_MAX);
    pcre2_set_depth_limit(made->limits, MATCH_DEPTH_MAX);
    pcre2_set_heap_limit(made->limits, MATCH_HEAP_MAX_KIB);
    return RY_OK;
}

void clip_rules_free(struct clip_rules **rules)
{
    struct clip_rules *self = *rules;
    if (self == NULL)
        return;
    pcre2_code_free(self->include);
    pcre2_code_free(self->exclude);
    pcre2_match_data_free(self->match);
    pcre2_match_context_free(self->limits);
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

static enum clip_verdict search(const struct clip_rules *rules, const pcre2_code *code, struct ry_str content)
{
    const char *subject = content.p ? content.p : "";
    int rc = pcre2_match(code, (PCRE2_SPTR)subject, content.n, 0, 0, rules->match, rules->limits);
    if (rc >= 0)
        return CLIP_VERDICT_YES;
    return rc == PCRE2_ERROR_NOMATCH ? CLIP_VERDICT_NO : CLIP_VERDICT_LIMIT;
}

enum clip_verdict clip_rules_wants(const struct clip_rules *rules, struct ry_str content)
{
    if (rules->include != NULL) {
        enum clip_verdict found = search(rules, rules->include, content);
        if (found != CLIP_VERDICT_YES)
            return found;
    }
    if (rules->exclude == NULL)
        return CLIP_VERDICT_YES;
    switch (search(rules, rules->exclude, content)) {
    case CLIP_VERDICT_YES: return CLIP_VERDICT_NO;
    case CLIP_VERDICT_NO: return CLIP_VERDICT_YES;
    default: return CLIP_VERDICT_LIMIT;
    }
}
