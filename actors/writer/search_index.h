/* search_index.h: the search index's part of a transaction. */
#ifndef REELYARD_ACTORS_WRITER_SEARCH_INDEX_H
#define REELYARD_ACTORS_WRITER_SEARCH_INDEX_H

#include "actors/writer/batch.h"

/* Before a transaction is committed: brings the search index up to what it changed. Carefully, what the index cannot
 * take is left as it is marked, and the transaction goes on: nothing is lost because it cannot be found. Briskly it
 * fails the transaction, which is then done again carefully. */
int search_index_write(struct writer_engine *engine, enum writer_care care, struct ry_error *err);

#endif
