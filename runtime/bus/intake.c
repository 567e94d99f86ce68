/* intake.c: how much connections from other hosts have sent that is not read yet; see intake.h.
 *
 * The system counts the bytes of a TCP connection (TCP_INFO). They are a little more than what is read, for framing,
 * encryption and heartbeats; so when little is left behind a message, nothing is. */
#include "runtime/bus/intake.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Far more than the overhead of one message. */
#define LITTLE_BYTES ((uint64_t)1 << 20)

static uint64_t received(int fd)
{
    struct tcp_info info;
    socklen_t n = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

static struct ry_intake_item *item_of(const struct ry_intake *intake, int fd)
{
    for (size_t i = 0; i < intake->n; i++)
        if (intake->items[i].fd == fd)
            return &intake->items[i];
    return NULL;
}

void ry_intake_add(struct ry_intake *intake, int fd)
{
    if (intake->n == intake->room) {
        size_t room = intake->room ? intake->room * 2 : 16;
        struct ry_intake_item *more = realloc(intake->items, room * sizeof *more);
        if (more == NULL)
            return;
        intake->items = more;
        intake->room = room;
    }
    intake->items[intake->n++] = (struct ry_intake_item){.fd = fd};
}

void ry_intake_remove(struct ry_intake *intake, int fd)
{
    struct ry_intake_item *item = item_of(intake, fd);
    if (item)
        *item = intake->items[--intake->n];
}

void ry_intake_heard(struct ry_intake *intake, int fd, size_t bytes)
{
    struct ry_intake_item *item = item_of(intake, fd);
    if (item == NULL)
        return;
    uint64_t now = received(fd);
    item->mark += bytes;
    if (now < item->mark + LITTLE_BYTES)
        item->mark = now;
}

int ry_intake_greedy(const struct ry_intake *intake)
{
    uint64_t all = 0, most = 0;
    int greedy = -1;
    for (size_t i = 0; i < intake->n; i++) {
        uint64_t now = received(intake->items[i].fd);
        uint64_t bytes = now > intake->items[i].mark ? now - intake->items[i].mark : 0;
        all += bytes;
        if (bytes >= most) {
            most = bytes;
            greedy = intake->items[i].fd;
        }
    }
    return most > RY_INTAKE_MAX_BYTES || all > RY_INTAKE_ALL_MAX_BYTES ? greedy : -1;
}

void ry_intake_free(struct ry_intake *intake)
{
    free(intake->items);
    *intake = (struct ry_intake){.items = NULL};
}
