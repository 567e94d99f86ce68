/* author.h: who posted a message, as the database keeps it. */
#ifndef REELYARD_ACTORS_SCANNER_AUTHOR_H
#define REELYARD_ACTORS_SCANNER_AUTHOR_H

#include "proto/message.h"
#include "runtime/base/arena.h"
#include "runtime/base/error.h"

#include "runtime/json/json.h"

/* Fills row from a Discord user and, if there is one, the guild member that he is (nick, avatar; NULL: unknown).
 * given_urls: take author.avatar_url as it stands, if there is one (an import has no avatar hashes). Strings are copied
 * into the arena. RY_EINVAL names the field. */
int scan_author_read(const struct ry_json *user, const struct ry_json *member, struct ry_str guild_id, bool given_urls,
                     struct ry_arena *arena, struct ry_author_row *row, struct ry_error *err);

/* Whether it has the form of Discord's image hashes: letters, digits and _ only, so that it may stand in a URL. */
bool scan_is_image_hash(struct ry_str hash);

#endif
