/* bag_reader.h: reads the bags (bag.h) that come over a socket, an envelope at a time. One owner, one thread. */
#ifndef REELYARD_RUNTIME_BUS_BAG_READER_H
#define REELYARD_RUNTIME_BUS_BAG_READER_H

#include "runtime/bus/bag.h"

/* A received bag. */
struct ry_bag_reader;

struct ry_bag_reader *ry_bag_reader_new(void);
void ry_bag_reader_free(struct ry_bag_reader **reader);

/* Receives the next bag if there is one, in place of the one before. True: there is one. *malformed: what came was no
 * bag (too many parts, no first part) and was thrown away; false then. route: filled on a ROUTER; NULL on a DEALER. */
bool ry_bag_reader_receive(struct ry_bag_reader *reader, void *socket, struct ry_route *route, bool *malformed);

/* The next envelope, and its frames, borrowed from the reader. False at the end; then *malformed tells whether the
 * bag's heads were right and used up all bytes and frames. */
bool ry_bag_reader_next(struct ry_bag_reader *reader, struct ry_str *envelope, struct ry_frame *const **frames,
                        size_t *frame_count, bool *malformed);

/* All its bytes. */
size_t ry_bag_reader_bytes(const struct ry_bag_reader *reader);

/* The descriptor of the connection that the bag came from, -1 when there is none (inproc). */
int ry_bag_reader_fd(const struct ry_bag_reader *reader);

/* Who the connection's handshake proved to be (ZAP's User-Id); NULL: it proved nothing. Valid until the next bag. */
const char *ry_bag_reader_user(const struct ry_bag_reader *reader);

#endif
