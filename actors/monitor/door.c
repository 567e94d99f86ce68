/* door.c: accepts connections, and hands them on when the head of their first request is complete.
 *
 * Owns the listening socket and every connection that is not handed on yet, in an epoll set. Promises that their number
 * is bounded, that each has a deadline, and that a new connection is always accepted: the one that has waited longest
 * is closed for it. When the process ends, the kernel closes them; clients connect again. */
#include "actors/monitor/door.h"
#include "runtime/base/assert.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <unistd.h>

/* In one turn: fewer than places, so that each is looked at before another makes it leave. */
#define ACCEPTS_MAX (DOOR_PLACES_EACH / 2)
#define EVENTS_MAX  64
/* How long new connections stay with the kernel when this process has no descriptor left for them. */
#define FULL_MS 100

#define WAITING_MAGIC 0x77616974u

struct waiting {
    unsigned magic;
    TAILQ_ENTRY(waiting) link; /* in the order of their coming, which is that of their deadlines */
    int fd;
    struct peer peer;
    struct sockaddr_storage address;
    socklen_t address_size;
    int64_t deadline_mono_ms;
};

struct door {
    struct door_options options;
    int epoll;
    int listener;
    int64_t shut_until_mono_ms; /* 0: new connections are accepted */
    size_t waiting_n;
    uint64_t turned_away;
    TAILQ_HEAD(waiting_list, waiting) waiting;
    char head[DOOR_HEAD_BYTES]; /* the one that is looked at */
};

/* Takes a connection out of the list; its descriptor is the caller's. */
static int leave(struct door *self, struct waiting *waiting)
{
    int fd = waiting->fd;
    RY_ASSERT(waiting->magic == WAITING_MAGIC && self->waiting_n > 0, "magic %x, %zu wait", waiting->magic,
              self->waiting_n);
    waiting->magic = 0;
    TAILQ_REMOVE(&self->waiting, waiting, link);
    self->waiting_n--;
    (void)epoll_ctl(self->epoll, EPOLL_CTL_DEL, fd, NULL);
    free(waiting);
    return fd;
}

static void turn_away(struct door *self, struct waiting *waiting)
{
    self->turned_away++;
    (void)close(leave(self, waiting));
}

/* The one that has waited longest, of this address (NULL: of any), and how many of it wait. */
static struct waiting *oldest_of(struct door *self, const struct peer *peer, size_t *n)
{
    struct waiting *oldest = NULL;
    struct waiting *waiting;
    *n = 0;
    TAILQ_FOREACH(waiting, &self->waiting, link)
    if (peer == NULL || peer_same(&waiting->peer, peer)) {
        oldest = oldest != NULL ? oldest : waiting;
        ++*n;
    }
    return oldest;
}

static void make_room(struct door *self, const struct peer *peer)
{
    size_t n = 0;
    struct waiting *own = oldest_of(self, peer, &n);
    if (n >= DOOR_PLACES_EACH && self->waiting_n > n)
        turn_away(self, own);
    else if (self->waiting_n >= DOOR_PLACES)
        turn_away(self, n >= DOOR_PLACES_EACH ? own : TAILQ_FIRST(&self->waiting));
    RY_ASSERT(self->waiting_n < DOOR_PLACES, "%zu wait", self->waiting_n);
}

static void take_in(struct door *self, int fd, const struct sockaddr_storage *address, socklen_t address_size)
{
    struct peer peer = peer_of((const struct sockaddr *)address);
    make_room(self, &peer);
    struct waiting *waiting = calloc(1, sizeof *waiting);
    /* Edge-triggered: bytes that were looked at stay in the socket, and are told of once. */
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = waiting};
    if (waiting == NULL || epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(waiting);
        (void)close(fd);
        return;
    }
    *waiting = (struct waiting){.magic = WAITING_MAGIC,
                                .fd = fd,
                                .peer = peer,
                                .address = *address,
                                .address_size = address_size,
                                .deadline_mono_ms = ry_mono_ms(self->options.clock) + self->options.head_ms};
    TAILQ_INSERT_TAIL(&self->waiting, waiting, link);
    self->waiting_n++;
}

static void watch_listener(struct door *self, bool open)
{
    struct epoll_event event = {.events = open ? EPOLLIN : 0, .data.ptr = self};
    (void)epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->listener, &event);
    self->shut_until_mono_ms = open ? 0 : ry_mono_ms(self->options.clock) + FULL_MS;
}

static void accept_all(struct door *self)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage address = {0};
        socklen_t size = sizeof address;
        int fd = accept4(self->listener, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            take_in(self, fd, &address, size);
        else if (errno == EAGAIN)
            return;
        else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (TAILQ_EMPTY(&self->waiting)) {
                watch_listener(self, false);
                return;
            }
            turn_away(self, TAILQ_FIRST(&self->waiting));
        }
    }
}

/* Whether the head of a request is whole. Blank lines may stand before it (RFC 9112, section 2.2). */
static bool is_whole(const char *head, size_t n)
{
    bool full = n == DOOR_HEAD_BYTES;
    for (; n > 0 && (*head == '\r' || *head == '\n'); head++)
        n--;
    return memmem(head, n, "\r\n\r\n", 4) != NULL || memmem(head, n, "\n\n", 2) != NULL || full;
}

static void look_at(struct door *self, struct waiting *waiting)
{
    RY_ASSERT(waiting->magic == WAITING_MAGIC, "magic %x", waiting->magic);
    ssize_t n = recv(waiting->fd, self->head, sizeof self->head, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        (void)close(leave(self, waiting));
        return;
    }
    if (n < 0 || !is_whole(self->head, (size_t)n))
        return;
    struct sockaddr_storage address = waiting->address;
    struct door_guest guest = {.peer = waiting->peer,
                               .address = (const struct sockaddr *)&address,
                               .address_size = waiting->address_size,
                               .head = {self->head, (size_t)n}};
    guest.fd = leave(self, waiting);
    self->options.on_guest(self->options.arg, &guest);
}

static void turn_away_late(struct door *self)
{
    int64_t now = ry_mono_ms(self->options.clock);
    struct waiting *first;
    while ((first = TAILQ_FIRST(&self->waiting)) != NULL && first->deadline_mono_ms <= now)
        turn_away(self, first);
    if (self->shut_until_mono_ms != 0 && self->shut_until_mono_ms <= now)
        watch_listener(self, true);
}

int64_t door_run(struct door *door)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(door->epoll, events, EVENTS_MAX, 0);
    bool knocked = false;
    for (int i = 0; i < n; i++)
        if (events[i].data.ptr == door)
            knocked = true;
        else
            look_at(door, events[i].data.ptr);
    if (knocked) /* last, for it turns some away that events may be about */
        accept_all(door);
    turn_away_late(door);
    const struct waiting *first = TAILQ_FIRST(&door->waiting);
    RY_ASSERT((door->waiting_n == 0) == (first == NULL), "%zu wait", door->waiting_n);
    int64_t next = first != NULL ? first->deadline_mono_ms : INT64_MAX;
    if (door->shut_until_mono_ms != 0 && door->shut_until_mono_ms < next)
        next = door->shut_until_mono_ms;
    int64_t now = ry_mono_ms(door->options.clock);
    return next == INT64_MAX ? -1 : next > now ? next - now : 0;
}

uint64_t door_turned_away(struct door *door)
{
    uint64_t n = door->turned_away;
    door->turned_away = 0;
    return n;
}

int door_fd(const struct door *door)
{
    return door->epoll;
}

int door_open(struct door **door, int listener, const struct door_options *options, struct ry_error *err)
{
    struct door *made = calloc(1, sizeof *made);
    if (made == NULL) {
        (void)close(listener);
        return ry_fail(err, RY_ENOMEM, "out of memory");
    }
    made->options = *options;
    made->listener = listener;
    TAILQ_INIT(&made->waiting);
    made->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = made};
    if (made->epoll < 0 || epoll_ctl(made->epoll, EPOLL_CTL_ADD, listener, &event) != 0) {
        int rc = ry_fail(err, RY_ECONFIG, "cannot wait for connections: %m");
        door_close(&made);
        return rc;
    }
    *door = made;
    return RY_OK;
}

void door_close(struct door **door)
{
    struct door *self = *door;
    *door = NULL;
    if (self == NULL)
        return;
    while (!TAILQ_EMPTY(&self->waiting))
        (void)close(leave(self, TAILQ_FIRST(&self->waiting)));
    if (self->epoll >= 0)
        (void)close(self->epoll);
    (void)close(self->listener);
    free(self);
}
