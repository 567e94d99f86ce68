/* intake.h: how much connections from other hosts have sent that is not read yet.
 *
 * ZeroMQ gathers the parts of a message in memory until the last one is there, however many they are, and messages
 * until they are read. What the system has received on a connection and nobody has read is therefore watched, and
 * whoever sends without end is cut. One thread: the router's. */
#ifndef REELYARD_RUNTIME_BUS_INTAKE_H
#define REELYARD_RUNTIME_BUS_INTAKE_H

#include <stddef.h>
#include <stdint.h>

/* Of one connection; the largest message of an encoder has half of it. */
#define RY_INTAKE_MAX_BYTES ((uint64_t)64 << 20)
/* Of all of them together. */
#define RY_INTAKE_ALL_MAX_BYTES ((uint64_t)256 << 20)
/* How often to look while there are connections. */
#define RY_INTAKE_LOOK_MS 50

struct ry_intake {
    struct ry_intake_item {
        int fd;
        uint64_t mark; /* of the bytes received: those that were read */
    } * items;
    size_t n;
    size_t room;
};

/* A connection begins (without memory it goes unwatched), ends, has brought a whole message of so many bytes. */
void ry_intake_add(struct ry_intake *intake, int fd);
void ry_intake_remove(struct ry_intake *intake, int fd);
void ry_intake_heard(struct ry_intake *intake, int fd, size_t bytes);

/* A connection that has sent too much, or, when all together have, the one that has sent the most; -1: none. */
int ry_intake_greedy(const struct ry_intake *intake);

void ry_intake_free(struct ry_intake *intake);

#endif
