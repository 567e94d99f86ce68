/* seats.c: the connections that are being served, and their deadlines.
 *
 * Owns the list of seats; the sockets are the HTTP library's. Promises that the number of seats per use and per client
 * stays within its limit, and that a connection that misses a deadline is shut down. Lost with the process, as the
 * connections are. */
#include "actors/monitor/seats.h"
#include "runtime/base/assert.h"

#include <stdlib.h>
#include <string.h>

/* A visitor has this many timeouts to read a small answer. */
#define SENDING_TIMEOUTS 3

int seats_init(struct seats *seats, const struct ry_clock *clock, int64_t timeout_ms, int64_t each_max,
               const char *proxies, struct ry_error *err)
{
    RY_ASSERT(timeout_ms > 0 && each_max >= 0, "%lld ms, %lld of one", (long long)timeout_ms, (long long)each_max);
    *seats = (struct seats){.clock = clock, .timeout_ms = timeout_ms, .each_max = (size_t)each_max};
    TAILQ_INIT(&seats->list);
    for (const char *at = proxies + strspn(proxies, ", "); *at != '\0';) {
        size_t n = strcspn(at, ", ");
        if (seats->proxies_n == sizeof seats->proxies / sizeof *seats->proxies)
            return ry_fail(err, RY_ECONFIG, "http-proxies has more than %zu addresses", seats->proxies_n);
        if (!peer_parse((struct ry_str){at, n}, &seats->proxies[seats->proxies_n++]))
            return ry_fail(err, RY_ECONFIG, "http-proxies has '%.*s', which is not an IPv4 or IPv6 address", (int)n,
                           at);
        at += n;
        at += strspn(at, ", ");
    }
    return RY_OK;
}

bool seats_is_proxy(const struct seats *seats, const struct peer *peer)
{
    for (size_t i = 0; i < seats->proxies_n; i++)
        if (peer_same(&seats->proxies[i], peer))
            return true;
    return false;
}

enum seat_use seat_use_of_path(struct ry_str path)
{
    const char *end = path.n > 0 ? memchr(path.p, '?', path.n) : NULL;
    struct ry_str bare = {path.p, end ? (size_t)(end - path.p) : path.n};
    if (ry_str_starts(bare, RY_STR("/watch/")) || ry_str_starts(bare, RY_STR("/playable/")))
        return SEAT_WATCH;
    return ry_str_is(bare, "/ping") ? SEAT_PING : ry_str_is(bare, "/ready") ? SEAT_READY : SEAT_PAGE;
}

enum seat_use seat_use_of_head(struct ry_str head)
{
    for (; head.n > 0 && (*head.p == '\r' || *head.p == '\n'); head.p++)
        head.n--;
    const char *line_end = head.n > 0 ? memchr(head.p, '\n', head.n) : NULL;
    size_t n = line_end ? (size_t)(line_end - head.p) : head.n;
    const char *blank = n > 0 ? memchr(head.p, ' ', n) : NULL;
    if (blank == NULL)
        return SEAT_PAGE;
    const char *path = blank + 1;
    n -= (size_t)(path - head.p);
    const char *end = n > 0 ? memchr(path, ' ', n) : NULL;
    return seat_use_of_path((struct ry_str){path, end ? (size_t)(end - path) : n});
}

struct peer seats_visitor(const struct seats *seats, const struct peer *peer, const char *forwarded)
{
    struct peer visitor = *peer;
    size_t n = forwarded ? strlen(forwarded) : 0;
    while (n > 0 && seats_is_proxy(seats, &visitor)) {
        size_t end = n;
        while (n > 0 && forwarded[n - 1] != ',')
            n--;
        if (!peer_parse((struct ry_str){forwarded + n, end - n}, &visitor))
            return *peer;
        n -= n > 0;
    }
    return visitor;
}

/* The descriptor is the library's, which closes it when it has noticed. */
static void disconnect(struct seat *seat)
{
    seat->phase = SEAT_LEAVING;
    seat->deadline_mono_ms = INT64_MAX;
    (void)shutdown(seat->fd, SHUT_RDWR);
}

static bool disconnect_idle(struct seats *seats, const struct peer *peer, bool watch)
{
    struct seat *seat;
    struct seat *longest = NULL;
    TAILQ_FOREACH(seat, &seats->list, link)
    if (seat->phase == SEAT_READING && seat->requests > 0 && (seat->use == SEAT_WATCH) == watch &&
        (peer == NULL || peer_same(&seat->peer, peer)) &&
        (longest == NULL || seat->deadline_mono_ms < longest->deadline_mono_ms))
        longest = seat;
    if (longest != NULL)
        disconnect(longest);
    return longest != NULL;
}

/* Disconnects the viewer who has taken nothing for longest, if that is long. */
static bool disconnect_stalled(struct seats *seats, const struct peer *peer)
{
    int64_t before = ry_mono_ms(seats->clock) - SEAT_STALLED_TIMEOUTS * seats->timeout_ms;
    struct seat *seat;
    struct seat *longest = NULL;
    TAILQ_FOREACH(seat, &seats->list, link)
    if (seat->phase == SEAT_STREAMING && seat->moved_mono_ms <= before &&
        (peer == NULL || peer_same(&seat->peer, peer)) &&
        (longest == NULL || seat->moved_mono_ms < longest->moved_mono_ms))
        longest = seat;
    if (longest != NULL)
        disconnect(longest);
    return longest != NULL;
}

/* How many seats are taken: by those who watch, or by all others; and how many of these by the peer. */
static size_t count_taken(const struct seats *seats, bool watch, const struct peer *peer, size_t *own)
{
    size_t all = 0;
    const struct seat *seat;
    *own = 0;
    for (size_t i = 0; i < seats->arriving_n; i++)
        if ((seats->arriving[i].use == SEAT_WATCH) == watch) {
            all++;
            *own += peer_same(&seats->arriving[i].peer, peer);
        }
    TAILQ_FOREACH(seat, &seats->list, link)
    if (seat->phase != SEAT_LEAVING && (seat->use == SEAT_WATCH) == watch) {
        all++;
        *own += (seat->use == SEAT_PAGE || watch) && peer_same(&seat->peer, peer);
    }
    return all;
}

static bool make_room(struct seats *seats, const struct peer *peer, bool watch)
{
    return disconnect_idle(seats, peer, watch) || (watch && disconnect_stalled(seats, peer));
}

static bool has_room_for(struct seats *seats, const struct peer *peer, enum seat_use use)
{
    size_t own = 0;
    bool watch = use == SEAT_WATCH;
    size_t all = count_taken(seats, watch, peer, &own);
    size_t places =
        watch ? SEATS_WATCH : SEATS + (use == SEAT_PAGE ? 0 : SEATS_READY) + (use == SEAT_PING ? SEATS_PING : 0);
    bool limited = (watch || use == SEAT_PAGE) && seats->each_max > 0 && !seats_is_proxy(seats, peer);
    return limited && own >= seats->each_max ? make_room(seats, peer, watch)
                                             : all < places || make_room(seats, NULL, watch);
}

bool seats_admit(struct seats *seats, const struct peer *peer, enum seat_use use)
{
    RY_ASSERT(seats->arriving_n <= SEATS_ARRIVING, "%zu arriving", seats->arriving_n);
    if (!has_room_for(seats, peer, use) || seats->arriving_n == SEATS_ARRIVING)
        return false;
    seats->arriving[seats->arriving_n].peer = *peer;
    seats->arriving[seats->arriving_n++].use = use;
    return true;
}

bool seats_may_watch(struct seats *seats, struct seat *seat)
{
    if (seat->use == SEAT_WATCH || seat->requests == 0) /* it was admitted to watch */
        return true;
    return has_room_for(seats, &seat->peer, SEAT_WATCH);
}

void seats_cut(struct seats *seats, struct seat *seat)
{
    (void)seats;
    disconnect(seat);
}

void seats_have_arrived(struct seats *seats)
{
    seats->arriving_n = 0;
}

struct seat *seats_take(struct seats *seats, int fd, const struct peer *peer)
{
    struct seat *seat = calloc(1, sizeof *seat);
    if (seat == NULL)
        return NULL;
    int64_t now = ry_mono_ms(seats->clock);
    *seat = (struct seat){.magic = SEAT_MAGIC,
                          .fd = fd,
                          .peer = *peer,
                          .began_mono_ms = now,
                          .deadline_mono_ms = now + seats->timeout_ms};
    TAILQ_INSERT_TAIL(&seats->list, seat, link);
    return seat;
}

void seats_give_back(struct seats *seats, struct seat *seat)
{
    if (seat == NULL)
        return;
    RY_ASSERT(seat->magic == SEAT_MAGIC, "magic %x", seat->magic);
    seat->magic = 0;
    TAILQ_REMOVE(&seats->list, seat, link);
    free(seat);
}

static void enter(struct seat *seat, enum seat_phase phase, int64_t deadline_mono_ms)
{
    if (seat->phase == SEAT_LEAVING)
        return;
    seat->phase = phase;
    seat->deadline_mono_ms = deadline_mono_ms;
}

void seats_answering(struct seats *seats, struct seat *seat, enum seat_use use)
{
    (void)seats;
    RY_ASSERT(seat->phase == SEAT_READING || seat->phase == SEAT_LEAVING, "phase %d", (int)seat->phase);
    seat->use = use;
    enter(seat, SEAT_ANSWERING, INT64_MAX); /* the answer comes by a deadline of its own */
}

void seats_sending(struct seats *seats, struct seat *seat, uint64_t bytes)
{
    int64_t now = ry_mono_ms(seats->clock);
    RY_ASSERT(bytes < INT64_MAX && seat->phase != SEAT_SENDING, "%llu bytes, phase %d", (unsigned long long)bytes,
              (int)seat->phase);
    enter(seat, SEAT_SENDING, now + SENDING_TIMEOUTS * seats->timeout_ms + (int64_t)(bytes / SEAT_BYTES_PER_MS));
}

void seats_streaming(struct seats *seats, struct seat *seat)
{
    RY_ASSERT(seat->phase != SEAT_STREAMING && seat->phase != SEAT_SENDING, "phase %d", (int)seat->phase);
    enter(seat, SEAT_STREAMING, 0);
    seats_moved(seats, seat);
}

void seats_moved(struct seats *seats, struct seat *seat)
{
    if (seat->phase != SEAT_STREAMING)
        return;
    seat->moved_mono_ms = ry_mono_ms(seats->clock);
    seat->deadline_mono_ms = seat->moved_mono_ms + SEAT_PAUSE_TIMEOUTS * seats->timeout_ms;
}

void seats_done(struct seats *seats, struct seat *seat)
{
    seat->requests++;
    enter(seat, SEAT_READING, ry_mono_ms(seats->clock) + seats->timeout_ms);
}

bool seats_is_last_request(const struct seats *seats, const struct seat *seat)
{
    int64_t age_ms = ry_mono_ms(seats->clock) - seat->began_mono_ms;
    RY_ASSERT(age_ms >= 0, "%lld ms", (long long)age_ms);
    return seat->use == SEAT_READY || seat->use == SEAT_PING || seat->requests + 1 >= SEAT_REQUESTS_MAX ||
           age_ms >= SEAT_AGE_MAX_MS;
}

int64_t seats_run(struct seats *seats)
{
    int64_t now = ry_mono_ms(seats->clock);
    int64_t next = INT64_MAX;
    struct seat *seat;
    TAILQ_FOREACH(seat, &seats->list, link)
    if (seat->deadline_mono_ms <= now) {
        seats->late += seat->phase != SEAT_READING || seat->requests == 0;
        disconnect(seat);
    } else if (seat->deadline_mono_ms < next)
        next = seat->deadline_mono_ms;
    return next == INT64_MAX ? -1 : next - now;
}
