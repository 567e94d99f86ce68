/* answers.h: what the other actors answered for one HTTP request; the input of every page.
 *
 * An answer that did not arrive is NULL, and `missing` states the reason. */
#ifndef REELYARD_ACTORS_MONITOR_ANSWERS_H
#define REELYARD_ACTORS_MONITOR_ANSWERS_H

#include "proto/message.h"

enum answer {
    ANSWER_NODE,
    ANSWER_QUEUE,
    ANSWER_ARCHIVE,
    ANSWER_GALLERY,
    ANSWER_THUMBNAIL,
    ANSWER_FACETS,
    ANSWER_AROUND,
    ANSWER_FAILED,
    ANSWER_RETRIED,
    ANSWER_COUNT
};

struct answers {
    const struct ry_node_state *node;
    const struct ry_queue_state *queue;
    const struct ry_archive_state *archive;
    const struct ry_gallery_page *gallery;
    const struct ry_thumbnail_data *thumbnail;
    const struct ry_facets_page *facets;
    const struct ry_gallery_page *around; /* the page of the list in which a clip stands */
    const struct ry_failed_page *failed;
    const struct ry_failed_retried *retried;
    const char *missing[ANSWER_COUNT]; /* NULL: it came, or was not asked for */
};

#endif
