/* proxy_test.c: bytes between two sockets arrive whole and in order whoever is slow, and the end arrives behind them.
 */
#include "tests/bed/bed.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/process/proxy.h"

#define MANY_BYTES (5 * RY_PROXY_BYTES + 77)

/* Two pairs with the proxy between them: ends[0] and ends[1] are outside. */
struct way {
    int ends[2];
    int inner[2];
    struct ry_proxy proxy;
};

static int set_up(void **state)
{
    struct way *way = calloc(1, sizeof *way);
    *state = way;
    for (int i = 0; i < 2; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
            return 1;
        way->ends[i] = pair[0];
        way->inner[i] = pair[1];
    }
    ry_proxy_begin(&way->proxy, way->inner[0], way->inner[1]);
    return 0;
}

static int tear_down(void **state)
{
    struct way *way = *state;
    for (int i = 0; i < 2; i++) {
        if (way->ends[i] >= 0)
            (void)close(way->ends[i]);
        (void)close(way->inner[i]);
    }
    free(way);
    return 0;
}

/* Lets the proxy do all it can now. False: the connection is over. */
static bool work(struct way *way)
{
    struct pollfd polls[2];
    for (;;) {
        ry_proxy_polls(&way->proxy, polls);
        if (poll(polls, 2, 0) <= 0)
            return true;
        if (!ry_proxy_work(&way->proxy, polls))
            return false;
    }
}

static char byte_at(size_t i)
{
    return (char)(i * 2654435761u >> 13);
}

/* Says what of MANY_BYTES the socket takes; how far it is then. */
static size_t say(int fd, size_t from)
{
    char bytes[4096];
    for (;;) {
        size_t n = MANY_BYTES - from < sizeof bytes ? MANY_BYTES - from : sizeof bytes;
        for (size_t i = 0; i < n; i++)
            bytes[i] = byte_at(from + i);
        ssize_t said = n ? send(fd, bytes, n, MSG_NOSIGNAL) : 0;
        if (said <= 0)
            return from;
        from += (size_t)said;
    }
}

/* Hears what there is; how far it is then. *ended: nothing more will come. */
static size_t hear(int fd, size_t from, bool *ended)
{
    char bytes[4096];
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != byte_at(from++))
                fail_msg("byte %zu is another", from - 1);
    *ended = n == 0;
    return from;
}

/* Until nothing more goes in from this end, which is long before all of it; how much went in. */
static size_t fill(struct way *way, int end)
{
    size_t said = 0, before;
    do {
        before = said;
        said = say(way->ends[end], said);
        assert_true(work(way));
    } while (said > before);
    return said;
}

static void all_bytes_arrive_in_order_both_ways(void **state)
{
    struct way *way = *state;
    size_t said[2] = {0}, heard[2] = {0};
    bool ended = false;
    while (heard[0] < MANY_BYTES || heard[1] < MANY_BYTES) {
        for (int i = 0; i < 2; i++)
            said[i] = say(way->ends[i], said[i]);
        assert_true(work(way));
        for (int i = 0; i < 2; i++)
            heard[i] = hear(way->ends[i], heard[i], &ended);
    }
    assert_false(ended);
    assert_true(way->proxy.lanes[0].heard && way->proxy.lanes[1].heard);
}

static void one_who_does_not_read_holds_up_his_own_lane_only(void **state)
{
    struct way *way = *state;
    bool ended;
    size_t said = 0, before;
    do { /* until nothing more goes in, which is long before all of it */
        before = said;
        said = say(way->ends[0], said);
        assert_true(work(way));
    } while (said > before);
    assert_true(said < MANY_BYTES);
    assert_true(say(way->ends[1], MANY_BYTES - 10) == MANY_BYTES);
    assert_true(work(way));
    assert_int_equal(hear(way->ends[0], MANY_BYTES - 10, &ended), MANY_BYTES);
}

static void last_words_arrive_before_the_end(void **state)
{
    struct way *way = *state;
    bool ended = false, going = true;
    size_t said = 0, heard = 0, before;
    do {
        before = said;
        said = say(way->ends[0], said);
        assert_true(work(way));
    } while (said > before);
    (void)close(way->ends[0]);
    way->ends[0] = -1;
    while (going) {
        heard = hear(way->ends[1], heard, &ended);
        going = work(way);
    }
    assert_int_equal(hear(way->ends[1], heard, &ended), said);
}

/* What is under way to the one that ended cannot be delivered, which must not cost what it sent itself. */
static void last_words_arrive_although_the_end_left_words_unread(void **state)
{
    const struct {
        int end;
        bool carried; /* the words for it have been carried when it ends, else the proxy finds both at once */
    } cases[] = {{0, true}, {0, false}, {1, true}, {1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int end = cases[i].end;
        bool ended = false, going = true;
        assert_int_equal(set_up(state), 0);
        struct way *way = *state;
        size_t said = fill(way, end), heard = 0;
        assert_true(said > RY_PROXY_BYTES);
        assert_int_equal(send(way->ends[1 - end], "words", 5, 0), 5);
        if (cases[i].carried)
            assert_true(work(way));
        (void)close(way->ends[end]);
        way->ends[end] = -1;
        while (going) {
            going = work(way);
            heard = hear(way->ends[1 - end], heard, &ended);
        }
        assert_int_equal(hear(way->ends[1 - end], heard, &ended), said);
        assert_int_equal(tear_down(state), 0);
    }
}

static void end_of_both_sides_is_the_end_whatever_is_under_way(void **state)
{
    struct way *way = *state;
    (void)fill(way, 0);
    (void)fill(way, 1);
    for (int i = 0; i < 2; i++) {
        (void)close(way->ends[i]);
        way->ends[i] = -1;
    }
    assert_false(work(way));
}

static void end_of_either_side_is_the_end(void **state)
{
    struct way *way = *state;
    assert_true(work(way));
    (void)close(way->ends[1]);
    way->ends[1] = -1;
    assert_false(work(way));
}

static void nobody_to_hear_the_last_words_is_the_end_too(void **state)
{
    struct way *way = *state;
    size_t said = 0, before;
    do {
        before = said;
        said = say(way->ends[0], said);
        assert_true(work(way));
    } while (said > before);
    (void)close(way->ends[1]);
    way->ends[1] = -1;
    assert_false(work(way));
}

/* Else one that reads nothing could hide the end of the other for ever. */
static void hang_up_is_noticed_although_the_other_side_reads_nothing(void **state)
{
    struct way *way = *state;
    assert_true(fill(way, 1) < MANY_BYTES);
    assert_false(way->proxy.hung[1]);
    (void)close(way->ends[1]);
    way->ends[1] = -1;
    struct pollfd polls[2];
    ry_proxy_polls(&way->proxy, polls);
    assert_true(poll(polls, 2, 0) > 0);
    assert_true(ry_proxy_work(&way->proxy, polls));
    assert_true(way->proxy.hung[1]);
    ry_proxy_polls(&way->proxy, polls);
    assert_int_equal(poll(polls, 2, 0), 0);
}

static bool no_byte(void *arg, const char *bytes, size_t n)
{
    *(size_t *)arg += n;
    (void)bytes;
    return false;
}

static void refused_bytes_are_not_passed_on(void **state)
{
    struct way *way = *state;
    size_t seen = 0;
    char byte;
    way->proxy.inspect = no_byte;
    way->proxy.arg = &seen;
    assert_int_equal(send(way->ends[1], "answer", 6, 0), 6);
    assert_true(work(way)); /* the other direction is not inspected */
    assert_int_equal(send(way->ends[0], "word", 4, 0), 4);
    assert_false(work(way));
    assert_int_equal(seen, 4);
    assert_int_equal(recv(way->ends[1], &byte, 1, 0), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(all_bytes_arrive_in_order_both_ways),
        TEST(one_who_does_not_read_holds_up_his_own_lane_only),
        TEST(last_words_arrive_before_the_end),
        cmocka_unit_test(last_words_arrive_although_the_end_left_words_unread),
        TEST(end_of_both_sides_is_the_end_whatever_is_under_way),
        TEST(end_of_either_side_is_the_end),
        TEST(nobody_to_hear_the_last_words_is_the_end_too),
        TEST(hang_up_is_noticed_although_the_other_side_reads_nothing),
        TEST(refused_bytes_are_not_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
