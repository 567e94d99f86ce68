/* witness.h: all that an archive holds, as lines that can be compared: rows, files, the queue and its dead letters.
 *
 * Times, and figures that follow from rows, are left out; so is what belongs to clips that somebody may touch. */
#ifndef REELYARD_TESTS_FAKES_ROGUE_WITNESS_H
#define REELYARD_TESTS_FAKES_ROGUE_WITNESS_H

#include <stdbool.h>
#include <stddef.h>

struct witness {
    char **lines; /* sorted */
    size_t n;
    size_t room;
};

/* Reads the data folder's database and files. spared: ids that may not stand in a line; NULL behind the last. */
void witness_look(struct witness *witness, const char *data, const char *const *spared);
void witness_free(struct witness *witness);

/* Prints what only one of them has, at most `most` lines with this before each; how many there are. */
size_t witness_differ(const struct witness *before, const struct witness *after, const char *prefix, size_t most);

/* One value of the database as text, "" if there is none. */
void witness_ask(const char *data, const char *sql, char *to, size_t size);

#endif
