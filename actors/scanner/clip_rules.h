/* clip_rules.h: which attachments are clips, and what is written about them; compiled from a channel's resolved
 * settings.
 *
 * Regular expressions are Python's (pyregex.h). Strangers write them, so what they may take of a message, and of many
 * messages, is bounded (text_filter.h). */
#ifndef REELYARD_ACTORS_SCANNER_CLIP_RULES_H
#define REELYARD_ACTORS_SCANNER_CLIP_RULES_H

#include "actors/scanner/text_filter.h"
#include "runtime/json/json.h"

struct clip_rules;

/* Rules without lists and regexes: nothing is a video. RY_ENOMEM. */
int clip_rules_new(struct clip_rules **rules, struct ry_error *err);

/* Takes the value (NULL is the JSON null) of a setting, in the place of what was taken for it before: mime_allowlist
 * and video_extensions are lists of strings, of at most 256, text_include_regex and text_exclude_regex a regex, or null
 * or "" for none. Other settings are no rules: RY_OK. RY_EINVAL names the setting whose value is none, and the rules
 * stay as they were; RY_ENOMEM. The value must live as long as the rules. */
int clip_rules_take(struct clip_rules *rules, struct ry_str setting, const struct ry_json *value, struct ry_error *err);

/* Frees the rules and sets the pointer to NULL; NULL is allowed. */
void clip_rules_free(struct clip_rules **rules);

/* Whether an attachment is a video: its content type (may be absent) stands in the list, or its name ends, any case,
 * in one of the extensions. */
bool clip_rules_is_video(const struct clip_rules *rules, struct ry_str filename, struct ry_str content_type);

/* Whether a message with this content (UTF-8) counts: found by the include regex (if any) and not by the exclude regex.
 * A regex has five milliseconds for a message, both together, and 0.2 ms on average of many; then it counts as not
 * found, and *gave_up tells. */
bool clip_rules_want(struct clip_rules *rules, struct text_searcher *searcher, struct ry_str content, bool *gave_up);

#endif
