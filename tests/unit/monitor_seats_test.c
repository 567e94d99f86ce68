/* monitor_seats_test.c: places of those who watch: besides those of the page, and given to others when nothing is read. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/monitor/seats.h"

#define TIMEOUT_MS 10000

struct hall {
    struct ry_clock_manual clock;
    struct seats seats;
    struct seat *taken[SEATS + SEATS_WATCH];
    int fds[2]; /* of all: what is cut is told by its phase */
};

static struct peer peer_number(unsigned n)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0A000000u + n)};
    return peer_of((const struct sockaddr *)&address);
}

static void hall_open(struct hall *hall, int64_t each_max)
{
    struct ry_error err;
    *hall = (struct hall){.fds = {-1, -1}};
    ry_clock_manual_init(&hall->clock, 0);
    assert_int_equal(seats_init(&hall->seats, &hall->clock.clock, TIMEOUT_MS, each_max, "", &err), RY_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, hall->fds), 0);
}

static void hall_close(struct hall *hall)
{
    while (!TAILQ_EMPTY(&hall->seats.list))
        seats_give_back(&hall->seats, TAILQ_FIRST(&hall->seats.list));
    close(hall->fds[0]);
    close(hall->fds[1]);
}

/* A connection that comes to watch, and does; NULL: there is no place. */
static struct seat *come_to_watch(struct hall *hall, unsigned peer)
{
    struct peer who = peer_number(peer);
    bool admitted = seats_admit(&hall->seats, &who, SEAT_WATCH);
    seats_have_arrived(&hall->seats);
    if (!admitted)
        return NULL;
    struct seat *seat = seats_take(&hall->seats, hall->fds[0], &who);
    assert_non_null(seat);
    seats_answering(&hall->seats, seat, SEAT_WATCH);
    seats_streaming(&hall->seats, seat);
    return seat;
}

static void viewers_take_no_place_of_the_page(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall, 0);
    for (unsigned i = 0; i < SEATS_WATCH; i++)
        assert_non_null(come_to_watch(&hall, i));
    assert_null(come_to_watch(&hall, 1000));
    struct peer who = peer_number(1000);
    assert_true(seats_admit(&hall.seats, &who, SEAT_PAGE));
    assert_true(seats_admit(&hall.seats, &who, SEAT_PING));
    hall_close(&hall);
}

static void viewer_who_has_read_nothing_for_longest_makes_room(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall, 0);
    for (unsigned i = 0; i < SEATS_WATCH; i++)
        hall.taken[i] = come_to_watch(&hall, i);
    hall.clock.now_mono_ms += SEAT_STALLED_TIMEOUTS * TIMEOUT_MS - 1;
    assert_null(come_to_watch(&hall, 1000));
    hall.clock.now_mono_ms += 1;
    for (unsigned i = 0; i < SEATS_WATCH; i++)
        if (i != 7)
            seats_moved(&hall.seats, hall.taken[i]);
    assert_non_null(come_to_watch(&hall, 1000));
    for (unsigned i = 0; i < SEATS_WATCH; i++)
        assert_int_equal(hall.taken[i]->phase, i == 7 ? SEAT_LEAVING : SEAT_STREAMING);
    assert_null(come_to_watch(&hall, 1001));
    hall_close(&hall);
}

static void one_address_has_its_share(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall, 4);
    for (unsigned i = 0; i < 4; i++)
        hall.taken[i] = come_to_watch(&hall, 1);
    assert_null(come_to_watch(&hall, 1));
    assert_non_null(come_to_watch(&hall, 2));
    hall.clock.now_mono_ms += SEAT_STALLED_TIMEOUTS * TIMEOUT_MS;
    assert_non_null(come_to_watch(&hall, 1)); /* in place of one of its own */
    hall_close(&hall);
}

static void viewer_is_late_only_when_it_takes_nothing_for_long(void **state)
{
    (void)state;
    struct hall hall;
    hall_open(&hall, 0);
    struct seat *seat = come_to_watch(&hall, 1);
    for (int turn = 0; turn < 100; turn++) { /* for hours */
        hall.clock.now_mono_ms += SEAT_PAUSE_TIMEOUTS * TIMEOUT_MS - 1;
        (void)seats_run(&hall.seats);
        assert_int_equal(seat->phase, SEAT_STREAMING);
        seats_moved(&hall.seats, seat);
    }
    hall.clock.now_mono_ms += SEAT_PAUSE_TIMEOUTS * TIMEOUT_MS;
    (void)seats_run(&hall.seats);
    assert_int_equal(seat->phase, SEAT_LEAVING);
    assert_int_equal(hall.seats.late, 1);
    hall_close(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(viewers_take_no_place_of_the_page),
        cmocka_unit_test(viewer_who_has_read_nothing_for_longest_makes_room),
        cmocka_unit_test(one_address_has_its_share),
        cmocka_unit_test(viewer_is_late_only_when_it_takes_nothing_for_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
