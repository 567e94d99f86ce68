/* message_meter.h: how large the ZeroMQ message is that a peer is sending, counted from the bytes of its connection.
 *
 * libzmq keeps the parts of a message in memory until the last one has come, however many they are; its own limit
 * (ZMQ_MAXMSGSIZE) is for a single part. The meter reads the frames of ZMTP 3.x (https://rfc.zeromq.org/spec/23/,
 * https://rfc.zeromq.org/spec/37/) without a mechanism that encrypts, and refuses a message that exceeds its limits as
 * soon as the head of the frame that does so has come. Pure; one for each direction of a connection. */
#ifndef REELYARD_RUNTIME_SANDBOX_MESSAGE_METER_H
#define REELYARD_RUNTIME_SANDBOX_MESSAGE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Largest command (READY, PING, ...); those of an honest libzmq have less than a hundred bytes. */
#define RY_METER_COMMAND_MAX_BYTES ((uint64_t)4096)

enum ry_meter_step { RY_METER_GREETING, RY_METER_FLAGS, RY_METER_SIZE, RY_METER_BODY };

struct ry_message_meter {
    uint64_t message_max_bytes; /* all parts together */
    uint64_t message_max_parts;
    enum ry_meter_step step;
    unsigned head_bytes; /* of the greeting or of a size, that have come */
    uint8_t flags;       /* of this frame */
    uint64_t frame_left; /* bytes of this frame that are still to come; while its size is being read, the size so far */
    uint64_t bytes;      /* of this message, this frame included */
    uint64_t parts;
    const char *refused; /* why; NULL: nothing was refused yet */
};

void ry_message_meter_begin(struct ry_message_meter *meter, uint64_t message_max_bytes, uint64_t message_max_parts);

/* Reads the next bytes. False: they are refused, for good, and meter->refused says why in a sentence's end. */
bool ry_message_meter_read(struct ry_message_meter *meter, const char *bytes, size_t n);

#endif
