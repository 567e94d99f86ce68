/* clip_words.h: what is said of a clip, on its card and on its own page. Pure functions; what they return borrows from
 * the clip. */
#ifndef REELYARD_ACTORS_MONITOR_CLIP_WORDS_H
#define REELYARD_ACTORS_MONITOR_CLIP_WORDS_H

#include "actors/monitor/links.h"
#include "proto/message.h"

/* Its title, else its file name. */
struct ry_str clip_title(const struct ry_gallery_clip *clip);
/* The author's, channel's and guild's name, else what there is in their place. */
struct ry_str clip_author(const struct ry_gallery_clip *clip);
struct ry_str clip_channel(const struct ry_gallery_clip *clip);
struct ry_str clip_guild(const struct ry_gallery_clip *clip);

/* What stands in the place of a thumbnail that there is not. */
const char *clip_waiting(const struct ry_gallery_clip *clip);

/* "Failed", "Failed permanently", "Damaged"; NULL: nothing is wrong. Then *reason is why. */
const char *clip_failure(const struct ry_gallery_clip *clip, struct ry_str *reason);

/* What is known of a kept copy of its video; absent: nothing is. */
struct ry_str clip_kept(const struct ry_gallery_clip *clip);

/* Whether its small, and its large thumbnail may be shown: storage's own names, and a size. */
bool clip_has_small(const struct ry_gallery_clip *clip);
bool clip_has_large(const struct ry_gallery_clip *clip);

/* Appends "https://discord.com/channels/...", or nothing if its ids are none of Discord's. */
void clip_message_url(const struct ry_gallery_clip *clip, struct ry_buf *out);

/* Appends "/clip/ID" with the arguments of the search and the place in its list. */
void clip_link(struct ry_str clip_id, const struct links *links, struct ry_buf *out);

/* Width and height of the video; false if they are not known. */
bool clip_size(const struct ry_gallery_clip *clip, uint64_t *width, uint64_t *height);

#endif
