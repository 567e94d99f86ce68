/* damaged.h: rows that a message cannot carry, because a foreign hand wrote them into the database.
 *
 * One such row must not take the others of its answer with it. What people look at shows it, changed as far as it must
 * be and marked as damaged; what programs act on leaves it out, since acting on a changed row would be worse. */
#ifndef REELYARD_ACTORS_WRITER_DAMAGED_H
#define REELYARD_ACTORS_WRITER_DAMAGED_H

#include "proto/message.h"
#include "runtime/base/arena.h"
#include "runtime/base/error.h"

/* REFUSED: the answer is about one thing alone, which is what is wrong with it. */
enum damaged_way { DAMAGED_SHOWN, DAMAGED_LEFT_OUT, DAMAGED_REFUSED };

/* Makes the lists of an answer (a struct of the tag's message) fit its message; only for one that does not. Texts that
 * are made lie in the arena. Returns how many rows were changed or left out; *why names the first. What cannot be made
 * to fit by that stays as it is. */
size_t damaged_rows(enum ry_tag tag, void *answer, enum damaged_way way, struct ry_arena *arena, struct ry_error *why);

#endif
