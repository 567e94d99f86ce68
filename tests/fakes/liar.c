/* liar.c: stands before a Redis and gives wrong answers, for clients that must survive them.
 *
 *   liar PORT SEED LIES
 *
 * Prints "port N" and passes what clients say on to 127.0.0.1:PORT. Of the answers, about every third is changed, LIES
 * in all: a value somewhere in it is of another type, nil, empty, a huge or negative number, text without an end or with
 * bytes that are no text, cut off, or there twice; or the connection ends. What is sent is always well-formed RESP2. The
 * same seed tells the same lies as long as the same answers come. Ends with its parent. */
#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/error.h"
#include "runtime/base/rng.h"

#define CONNECTIONS_MAX  32
#define LONG_TEXT_BYTES  70000
#define ANSWER_MAX_BYTES ((size_t)64 << 20)
#define LIE_ONE_IN       3

struct connection {
    int client, server;
    redisReader *reader;
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static struct sockaddr_in target = {.sin_family = AF_INET};
static struct ry_rng rng;
static unsigned lies_left;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t below(uint64_t n)
{
    return ry_rng_below(&rng, n);
}

/* ---- lies -------------------------------------------------------------------------------------------------------- */

static void put_text(struct ry_buf *out, const char *text, size_t n)
{
    if (ry_buf_addf(out, "$%zu\r\n", n) != RY_OK || ry_buf_add(out, text, n) != RY_OK ||
        ry_buf_add(out, "\r\n", 2) != RY_OK)
        die("memory");
}

static void put(struct ry_buf *out, const redisReply *reply, int *until_lie);

static void put_elements(struct ry_buf *out, const redisReply *reply, size_t n, size_t twice, int *until_lie)
{
    (void)ry_buf_addf(out, "*%zu\r\n", n + (twice < n));
    for (size_t i = 0; i < n; i++) {
        put(out, reply->element[i], until_lie);
        if (i == twice)
            put(out, reply->element[i], until_lie);
    }
}

static void put_long_text(struct ry_buf *out, char with)
{
    char *text = malloc(LONG_TEXT_BYTES);
    if (text == NULL)
        die("memory");
    memset(text, with, LONG_TEXT_BYTES);
    put_text(out, text, LONG_TEXT_BYTES);
    free(text);
}

/* Something else in place of a value. */
static void put_lie(struct ry_buf *out, const redisReply *reply)
{
    static const char bytes[] = {'\xff', '\xfe', '\0', '-', '\x80'};
    int none = -1;
    bool array = reply->type == REDIS_REPLY_ARRAY;
    switch (below(array ? 11 : 9)) {
    case 0: (void)ry_buf_addf(out, "$-1\r\n"); break;
    case 1: (void)ry_buf_addf(out, "*0\r\n"); break;
    case 2: (void)ry_buf_addf(out, ":9223372036854775807\r\n"); break;
    case 3: (void)ry_buf_addf(out, ":-1\r\n"); break;
    case 4: put_text(out, "", 0); break;
    case 5: put_text(out, bytes, sizeof bytes); break;
    case 6: put_long_text(out, '9'); break;
    case 7: (void)ry_buf_addf(out, "-ERR a lie\r\n"); break;
    case 8:
        if (reply->str != NULL)
            put_text(out, reply->str, reply->len / 2);
        else
            (void)ry_buf_addf(out, "*2\r\n$1\r\na\r\n*1\r\n:7\r\n");
        break;
    case 9: put_elements(out, reply, reply->elements / 2, SIZE_MAX, &none); break;
    default:
        put_elements(out, reply, reply->elements, reply->elements ? below(reply->elements) : SIZE_MAX, &none);
        break;
    }
}

/* Appends an answer; the value at which *until_lie is 0, counted in the order of the text, is a lie. */
static void put(struct ry_buf *out, const redisReply *reply, int *until_lie)
{
    if ((*until_lie)-- == 0) {
        put_lie(out, reply);
        return;
    }
    switch (reply->type) {
    case REDIS_REPLY_STATUS: (void)ry_buf_addf(out, "+%s\r\n", reply->str); break;
    case REDIS_REPLY_ERROR: (void)ry_buf_addf(out, "-%s\r\n", reply->str); break;
    case REDIS_REPLY_INTEGER: (void)ry_buf_addf(out, ":%lld\r\n", reply->integer); break;
    case REDIS_REPLY_STRING: put_text(out, reply->str, reply->len); break;
    case REDIS_REPLY_ARRAY: put_elements(out, reply, reply->elements, SIZE_MAX, until_lie); break;
    default: (void)ry_buf_addf(out, "$-1\r\n"); break;
    }
}

static int count_values(const redisReply *reply)
{
    int n = 1;
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i < reply->elements; i++)
        n += count_values(reply->element[i]);
    return n;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static bool send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* Passes an answer on, true or not. False: the connection ends. */
static bool answer(const struct connection *connection, const redisReply *reply)
{
    int until_lie = -1;
    if (lies_left > 0 && below(LIE_ONE_IN) == 0) {
        lies_left--;
        if (below(16) == 0)
            return false;
        until_lie = (int)below((uint64_t)count_values(reply));
    }
    RY_BUF_AUTO out = ry_buf_make(ANSWER_MAX_BYTES);
    put(&out, reply, &until_lie);
    return send_all(connection->client, out.p, out.n);
}

static bool pass_answers(const struct connection *connection)
{
    char bytes[65536];
    ssize_t n = recv(connection->server, bytes, sizeof bytes, 0);
    if (n <= 0 || redisReaderFeed(connection->reader, bytes, (size_t)n) != REDIS_OK)
        return false;
    for (void *reply = NULL;;) {
        if (redisReaderGetReply(connection->reader, &reply) != REDIS_OK)
            return false;
        if (reply == NULL)
            return true;
        bool goes_on = answer(connection, reply);
        freeReplyObject(reply);
        if (!goes_on)
            return false;
    }
}

static bool pass_commands(const struct connection *connection)
{
    char bytes[65536];
    ssize_t n = recv(connection->client, bytes, sizeof bytes, 0);
    return n > 0 && send_all(connection->server, bytes, (size_t)n);
}

static void end_connection(size_t i)
{
    close(connections[i].client);
    close(connections[i].server);
    redisReaderFree(connections[i].reader);
    connections[i] = connections[--connection_count];
}

static void accept_client(int listener)
{
    int client = accept(listener, NULL, NULL);
    if (client < 0)
        return;
    if (connection_count == CONNECTIONS_MAX) {
        close(client);
        return;
    }
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    redisReader *reader = redisReaderCreate();
    if (server < 0 || reader == NULL)
        die("socket");
    connections[connection_count++] = (struct connection){client, server, reader};
    if (connect(server, (struct sockaddr *)&target, sizeof target) != 0)
        end_connection(connection_count - 1);
}

static int open_listener(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, CONNECTIONS_MAX) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        die("listen");
    printf("port %u\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void serve(int listener)
{
    struct pollfd fds[1 + 2 * CONNECTIONS_MAX];
    for (;;) {
        size_t n = connection_count;
        fds[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        for (size_t i = 0; i < n; i++) {
            fds[1 + 2 * i] = (struct pollfd){.fd = connections[i].client, .events = POLLIN};
            fds[2 + 2 * i] = (struct pollfd){.fd = connections[i].server, .events = POLLIN};
        }
        if (poll(fds, 1 + 2 * n, -1) < 0 && errno != EINTR)
            die("poll");
        /* From the last to the first, because the last takes the place of one that ends. */
        for (size_t i = n; i-- > 0;) {
            bool goes_on = fds[1 + 2 * i].revents == 0 || pass_commands(&connections[i]);
            goes_on = goes_on && (fds[2 + 2 * i].revents == 0 || pass_answers(&connections[i]));
            if (!goes_on)
                end_connection(i);
        }
        if (fds[0].revents != 0)
            accept_client(listener);
    }
}

int main(int argc, char **argv)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (argc != 4) {
        fprintf(stderr, "usage: liar PORT SEED LIES\n");
        return 2;
    }
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    rng.state = strtoull(argv[2], NULL, 10);
    lies_left = (unsigned)strtoul(argv[3], NULL, 10);
    serve(open_listener());
}
