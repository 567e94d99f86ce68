/* monitor_slow_test.c: visitors of the web port who are slow, or many, over real connections on the loopback, with a
 * clock that the test moves. */
#include "tests/bed/bed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/monitor/listener.h"
#include "actors/monitor/monitor.h"
#include "tests/bed/between.h"
#include "tests/bed/skip.h"

#define TIMEOUT_MS 10000
/* Turns before a test gives up; each waits up to 20 ms of real time for the monitor and moves the clock by 1 ms. */
#define TURNS_MAX 3000
#define SEATS     128
#define EACH      32

static struct bed *bed;
static uint16_t port;

static struct sockaddr_in loopback(unsigned host, uint16_t at)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(at), .sin_addr.s_addr = htonl(0x7F000000u + host)};
}

static void site_open(const char *proxies)
{
    struct sockaddr_in address = loopback(1, 0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(close(fd), 0);
    port = ntohs(address.sin_port);
    char text[8];
    (void)snprintf(text, sizeof text, "%u", (unsigned)port);
    const char *const options[][2] = {{"http_port", text}, {"http_proxies", proxies}, {NULL, NULL}};
    bed = bed_new(&ry_monitor_spec, options);
}

static void site_close(void)
{
    bed_free(bed);
}

static void pump(void)
{
    (void)bed_wait_engine(bed, 20);
    bed_advance(bed, 1);
}

/* The monitor works until there is nothing to do. */
static void settle(void)
{
    while (bed_wait_engine(bed, 0))
        bed_advance(bed, 0);
}

/* Closed by a reset, so that no port stays taken for a minute; there are thousands. */
static void leave_no_trace(int fd)
{
    const struct linger linger = {.l_onoff = 1};
    const int on = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on), 0);
}

static int visitor_from(unsigned host)
{
    struct sockaddr_in from = loopback(host, 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    leave_no_trace(fd);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    return fd;
}

static void begin(int fd, const char *bytes)
{
    struct sockaddr_in to = loopback(1, port);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

/* A connection from 127.0.0.host, which has sent this. */
static int knock(unsigned host, const char *bytes)
{
    int fd = visitor_from(host);
    begin(fd, bytes);
    return fd;
}

static int ask_as(unsigned host, const char *path, const char *headers)
{
    char request[512];
    (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", path, headers);
    return knock(host, request);
}

static void say(int fd, const char *bytes)
{
    /* who was disconnected hears so at the next look */
    (void)send(fd, bytes, strlen(bytes), MSG_NOSIGNAL);
}

/* What has come by now; closed: the other side is gone. */
static size_t hear(int fd, char *out, size_t room, bool *closed)
{
    ssize_t n = recv(fd, out, room, MSG_DONTWAIT);
    *closed = n == 0 || (n < 0 && errno != EAGAIN);
    return n > 0 ? (size_t)n : 0;
}

static bool is_closed(int fd)
{
    char byte = 0;
    bool closed = false;
    settle();
    (void)hear(fd, &byte, 1, &closed);
    return closed;
}

/* The status of the answer that comes; 0: the connection is closed without one. What follows it stays unread. */
static unsigned status_of(int fd)
{
    char line[14] = "";
    size_t n = 0;
    bool closed = false;
    for (int turn = 0; n < sizeof line - 1 && !closed; turn++) {
        if (turn == TURNS_MAX)
            fail_msg("no answer, only '%s'", line);
        size_t got = hear(fd, line + n, sizeof line - 1 - n, &closed);
        n += got;
        if (got == 0 && !closed)
            pump();
    }
    return n == sizeof line - 1 ? (unsigned)strtoul(line + 9, NULL, 10) : 0;
}

static void expect_ping(unsigned host)
{
    int fd = ask_as(host, "/ping", "");
    assert_int_equal(status_of(fd), 200);
    assert_int_equal(close(fd), 0);
}

static void forget_questions(void)
{
    while (bed_next_tag(bed) != RY_TAG_NONE)
        (void)bed_expect(bed, bed_next_tag(bed));
}

/* /ready answers, whatever it says: here 503, since nobody tells it how things are. */
static void expect_ready(unsigned host)
{
    forget_questions();
    int fd = ask_as(host, "/ready", "");
    for (int turn = 0; bed_next_tag(bed) != RY_TAG_node_get; turn++) {
        assert_true(turn < TURNS_MAX);
        pump();
    }
    forget_questions();
    bed_advance(bed, 5000);
    assert_int_equal(status_of(fd), 503);
    assert_int_equal(close(fd), 0);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

static void a_trickle_of_bytes_moves_no_deadline(void **state)
{
    (void)state;
    static const struct {
        const char *what, *first, *trickle;
    } CASES[] = {
        {"head", "GET / HTTP/1.1\r\nHost: localhost\r\n", "X: y\r\n"},
        {"request line", "G", "E"},
        {"nothing", "", ""},
        {"body", "GET /ping HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "b"},
        {"chunks", "GET /ping HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nb\r\n"},
        {"line ends", "\r\n", "\r\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        site_open("");
        int fd = knock(1, CASES[i].first);
        settle();
        for (int s = 0; s < 9; s++) {
            bed_advance(bed, TIMEOUT_MS / 10);
            say(fd, CASES[i].trickle);
            if (is_closed(fd))
                fail_msg("%s: closed after %d s", CASES[i].what, s + 1);
        }
        bed_advance(bed, TIMEOUT_MS / 10);
        if (!is_closed(fd))
            fail_msg("%s: not closed", CASES[i].what);
        assert_int_equal(bed_counter(bed, RY_COUNTER_http_turned_away), 1);
        assert_int_equal(close(fd), 0);
        site_close();
    }
}

static void take_answer(int fd)
{
    char bytes[4096];
    bool closed = false;
    assert_int_equal(status_of(fd), 200);
    while (hear(fd, bytes, sizeof bytes, &closed) > 0)
        ;
}

static void a_connection_that_is_kept_has_a_deadline_for_its_next_request(void **state)
{
    (void)state;
    static const char *const TRICKLES[] = {"", "X", "GET /assets/-/style.css HTTP/1.1\r\nX: y\r\n"};
    for (size_t i = 0; i < sizeof TRICKLES / sizeof TRICKLES[0]; i++) {
        site_open("");
        int fd = ask_as(1, "/assets/-/style.css", "");
        take_answer(fd);
        bed_advance(bed, TIMEOUT_MS / 2);
        say(fd, TRICKLES[i]);
        assert_false(is_closed(fd));
        bed_advance(bed, TIMEOUT_MS / 2 + 10);
        assert_true(is_closed(fd));
        assert_int_equal(bed_counter(bed, RY_COUNTER_http_turned_away), 0);
        assert_int_equal(close(fd), 0);
        site_close();
    }
}

static void a_connection_is_kept_for_a_hundred_requests_or_two_minutes(void **state)
{
    (void)state;
    static const char next[] = "GET /assets/-/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n";
    static const struct {
        int64_t each_ms;
        unsigned requests;
    } CASES[] = {{0, 100}, {9000, 15}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        site_open("");
        int fd = ask_as(1, "/assets/-/style.css", "");
        unsigned served = 0;
        for (unsigned status = status_of(fd); status != 0; status = status_of(fd)) {
            char bytes[4096];
            bool closed = false;
            assert_int_equal(status, 200);
            served++;
            while (hear(fd, bytes, sizeof bytes, &closed) > 0)
                ;
            if (closed)
                break;
            settle();
            bed_advance(bed, CASES[i].each_ms);
            say(fd, next);
        }
        assert_between(served, CASES[i].requests - 1, CASES[i].requests);
        assert_int_equal(close(fd), 0);
        site_close();
    }
}

static void who_does_not_read_an_answer_is_disconnected(void **state)
{
    (void)state;
    static const size_t bytes = (size_t)14 << 20; /* more than sockets take */
    site_open("");
    int fd = ask_as(1, "/thumbnails/guild_1/d1523646fd8f70dd6e199d427ae00606_small.webp", "");
    while (bed_next_tag(bed) == RY_TAG_NONE)
        pump();
    (void)BED_EXPECT(bed, thumbnail_read);
    char *image = calloc(1, bytes);
    assert_non_null(image);
    struct ry_thumbnail_data data = {.found = true, .bytes = {image, bytes, NULL}};
    BED_ANSWER(bed, bed_envelope(bed)->id, thumbnail_data, &data);
    free(image);
    settle();
    const int64_t allowed_ms = 3 * TIMEOUT_MS + (int64_t)(bytes / 16);
    bed_advance(bed, allowed_ms - 1000);
    settle();
    expect_ping(1);
    char chunk[65536];
    bool closed = false;
    bed_advance(bed, 2000);
    settle();
    size_t got = 0;
    for (size_t n = 1; n > 0; got += n)
        n = hear(fd, chunk, sizeof chunk, &closed);
    assert_true(closed);
    assert_true(got < bytes);
    assert_int_equal(close(fd), 0);
    site_close();
}

/* ---- many -------------------------------------------------------------------------------------------------------- */

static void need_descriptors(rlim_t n)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_max < n)
        skip_test("only %llu descriptors are allowed", (unsigned long long)limit.rlim_max);
    limit.rlim_cur = limit.rlim_cur < n ? n : limit.rlim_cur;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* From the prober's own address and from others. */
static void slow_connections_shut_nobody_out(void **state)
{
    (void)state;
    static const char *const SLOW[] = {"GET / HTTP/1.1\r\nHost: localhost\r\nX-", "G", ""};
    static const size_t COUNTS[] = {140, 1000};
    static int fds[1000];
    need_descriptors(1500);
    for (size_t c = 0; c < sizeof COUNTS / sizeof COUNTS[0]; c++)
        for (unsigned hosts = 1; hosts <= 5; hosts += 4) {
            site_open("");
            for (size_t i = 0; i < COUNTS[c]; i++) {
                fds[i] = knock(1 + (unsigned)i % hosts, SLOW[i % 3]);
                settle();
            }
            expect_ping(1);
            expect_ping(9);
            int page = ask_as(1, "/assets/-/style.css", "");
            assert_int_equal(status_of(page), 200);
            assert_int_equal(close(page), 0);
            expect_ready(1);
            expect_ready(9);
            for (size_t i = 0; i < COUNTS[c]; i++)
                assert_int_equal(close(fds[i]), 0);
            site_close();
        }
}

/* Connections whose request is whole and whose answer does not come. */
static void hold_seats(int *fds, unsigned first_host, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fds[i] = ask_as(first_host + (unsigned)(i / EACH), "/api/clips", "");
        settle();
    }
}

static void one_address_has_so_many_seats_and_a_busy_site_keeps_some(void **state)
{
    (void)state;
    static int fds[SEATS];
    site_open("");
    hold_seats(fds, 1, EACH);
    int refused = ask_as(1, "/api/clips", "");
    assert_int_equal(status_of(refused), 503);
    int other = ask_as(9, "/assets/-/style.css", "");
    assert_int_equal(status_of(other), 200);
    assert_int_equal(close(refused), 0);
    assert_int_equal(close(other), 0);
    expect_ping(1);
    hold_seats(fds + EACH, 2, SEATS - EACH);
    refused = ask_as(9, "/assets/-/style.css", "");
    assert_int_equal(status_of(refused), 503);
    assert_int_equal(close(refused), 0);
    assert_int_equal(bed_counter(bed, RY_COUNTER_http_turned_away), 2);
    expect_ping(9);
    expect_ping(1);
    for (size_t i = 0; i < SEATS; i++)
        assert_int_equal(close(fds[i]), 0);
    site_close();
}

/* Every seat that /ready may take waits for actors that hang; ping still answers. */
static void ready_that_hangs_does_not_shut_out_ping(void **state)
{
    (void)state;
    static int fds[SEATS + 20];
    site_open("");
    hold_seats(fds, 1, SEATS);
    for (size_t i = SEATS; i < SEATS + 20; i++) {
        fds[i] = ask_as(9, "/ready", "");
        settle();
    }
    expect_ping(9);
    expect_ping(1);
    for (size_t i = 0; i < SEATS + 20; i++)
        assert_int_equal(close(fds[i]), 0);
    site_close();
}

static void an_idle_connection_gives_its_seat_to_a_newcomer(void **state)
{
    (void)state;
    int fds[EACH];
    site_open("");
    for (size_t i = 0; i < EACH; i++) {
        fds[i] = ask_as(1, "/assets/-/style.css", "");
        take_answer(fds[i]);
        bed_advance(bed, 10);
    }
    int fd = ask_as(1, "/assets/-/style.css", "");
    assert_int_equal(status_of(fd), 200);
    assert_true(is_closed(fds[0]));
    assert_false(is_closed(fds[EACH - 1]));
    assert_int_equal(close(fd), 0);
    for (size_t i = 0; i < EACH; i++)
        assert_int_equal(close(fds[i]), 0);
    site_close();
}

/* The visitors here are of the same process, and have their descriptors already. */
static void a_process_without_descriptors_turns_the_slow_away_and_not_ping(void **state)
{
    (void)state;
    static const char ping[] = "GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int fds[20];
    struct rlimit limit;
    struct rlimit few;
    site_open("");
    for (size_t i = 0; i < 20; i++)
        fds[i] = visitor_from(1);
    int next = visitor_from(1);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    few = (struct rlimit){.rlim_cur = (rlim_t)next + 4, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (size_t i = 0; i < 19; i++) {
        begin(fds[i], "GET / HTTP/1.1\r\n");
        settle();
    }
    begin(fds[19], ping);
    assert_int_equal(status_of(fds[19]), 200);
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(close(fds[i]), 0);
    settle();
    /* none at all is left, and nobody is there to make room: it waits with the kernel */
    few.rlim_cur = 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    begin(next, ping);
    settle();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    bed_advance(bed, 100);
    assert_int_equal(status_of(next), 200);
    assert_int_equal(close(next), 0);
    site_close();
}

/* ---- proxies ----------------------------------------------------------------------------------------------------- */

static void behind_a_proxy_the_visitor_counts_and_not_the_proxy(void **state)
{
    (void)state;
    static const struct {
        const char *forwarded;
        unsigned status;
    } CASES[] = {
        {"X-Forwarded-For: 203.0.113.7\r\n", 429},
        {"X-Forwarded-For: 203.0.113.7:4711\r\n", 429},
        {"X-Forwarded-For: 198.51.100.9, 203.0.113.7\r\n", 429}, /* the first he may have written himself */
        {"X-Forwarded-For: 203.0.113.7, 127.0.0.2\r\n", 429},
        {"X-Forwarded-For: 203.0.113.7, 198.51.100.9\r\n", 200},
        {"X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 203.0.113.7\r\n", 429},
        {"X-Forwarded-For: 198.51.100.9\r\nAccept: */*\r\nx-forwarded-for: 203.0.113.7, 127.0.0.2\r\n", 429},
        {"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 127.0.0.2\r\n", 429},
        {"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 198.51.100.9\r\n", 200},
        {"X-Forwarded-For: 203.0.113.8\r\n", 200},
        {"X-Forwarded-For: 2001:db8::1\r\n", 200},
        {"X-Forwarded-For: nonsense\r\n", 200},
        {"", 200},
    };
    static int fds[EACH];
    site_open("127.0.0.1, 127.0.0.2");
    for (size_t i = 0; i < EACH; i++) {
        fds[i] = ask_as(1, "/api/clips", "X-Forwarded-For: 203.0.113.7\r\n");
        settle();
    }
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        int fd = ask_as(1, "/assets/-/style.css", CASES[i].forwarded);
        unsigned status = status_of(fd);
        if (status != CASES[i].status)
            fail_msg("%s: %u", CASES[i].forwarded, status);
        assert_int_equal(close(fd), 0);
    }
    /* who is no proxy is not believed, and is counted by his own address */
    int fd = ask_as(3, "/assets/-/style.css", "X-Forwarded-For: 203.0.113.7\r\n");
    assert_int_equal(status_of(fd), 200);
    assert_int_equal(close(fd), 0);
    for (size_t i = 0; i < EACH; i++)
        assert_int_equal(close(fds[i]), 0);
    site_close();
}

static void an_address_is_one_visitor_an_ipv6_network_too(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } CASES[] = {
        {"203.0.113.7", "203.0.113.7:80", true},    {"203.0.113.7", "::ffff:203.0.113.7", true},
        {"203.0.113.7", " 203.0.113.7\t", true},    {"203.0.113.7", "203.0.113.8", false},
        {"2001:db8::1", "2001:db8::2:3:4:5", true}, {"2001:db8::1", "[2001:db8::7]:443", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
    };
    static const char *const NONE[] = {"", " ", "nonsense", "203.0.113", "203.0.113.7.8", "[", "[]", "2001:db8:::1"};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct peer a;
        struct peer b;
        assert_true(peer_parse(ry_str_of(CASES[i].a), &a));
        assert_true(peer_parse(ry_str_of(CASES[i].b), &b));
        if (peer_same(&a, &b) != CASES[i].same)
            fail_msg("%s and %s", CASES[i].a, CASES[i].b);
    }
    for (size_t i = 0; i < sizeof NONE / sizeof NONE[0]; i++) {
        struct peer peer;
        if (peer_parse(ry_str_of(NONE[i]), &peer))
            fail_msg("'%s' is an address", NONE[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trickle_of_bytes_moves_no_deadline),
        cmocka_unit_test(a_connection_that_is_kept_has_a_deadline_for_its_next_request),
        cmocka_unit_test(a_connection_is_kept_for_a_hundred_requests_or_two_minutes),
        cmocka_unit_test(who_does_not_read_an_answer_is_disconnected),
        cmocka_unit_test(slow_connections_shut_nobody_out),
        cmocka_unit_test(one_address_has_so_many_seats_and_a_busy_site_keeps_some),
        cmocka_unit_test(ready_that_hangs_does_not_shut_out_ping),
        cmocka_unit_test(an_idle_connection_gives_its_seat_to_a_newcomer),
        cmocka_unit_test(a_process_without_descriptors_turns_the_slow_away_and_not_ping),
        cmocka_unit_test(behind_a_proxy_the_visitor_counts_and_not_the_proxy),
        cmocka_unit_test(an_address_is_one_visitor_an_ipv6_network_too),
    };
    return skip_exit_code(cmocka_run_group_tests_name("monitor_slow", tests, NULL, NULL));
}
