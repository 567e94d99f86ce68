/* parrot.c: a server that answers every read with the same bytes. Owns its thread and its socket until it is ended. */
#include "tests/bed/parrot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64

struct parrot {
    struct ry_str words;
    struct pollfd fds[2 + CLIENTS_MAX]; /* the end, the door, the clients */
    nfds_t n;
    unsigned port;
    pthread_t thread;
};

/* Says it to a client that spoke; false: it hung up. */
static bool answer(const struct parrot *parrot, int fd)
{
    char heard[65536];
    if (recv(fd, heard, sizeof heard, 0) <= 0)
        return false;
    return send(fd, parrot->words.p, parrot->words.n, MSG_NOSIGNAL) == (ssize_t)parrot->words.n;
}

static void *run(void *arg)
{
    struct parrot *parrot = arg;
    while (poll(parrot->fds, parrot->n, -1) > 0 && parrot->fds[0].revents == 0) {
        for (nfds_t i = parrot->n; i-- > 2;)
            if (parrot->fds[i].revents != 0 && !answer(parrot, parrot->fds[i].fd)) {
                close(parrot->fds[i].fd);
                parrot->fds[i] = parrot->fds[--parrot->n];
            }
        if (parrot->fds[1].revents != 0 && parrot->n < 2 + CLIENTS_MAX) {
            int fd = accept4(parrot->fds[1].fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd >= 0)
                parrot->fds[parrot->n++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
    return NULL;
}

struct parrot *parrot_start(unsigned port, struct ry_str words)
{
    struct parrot *parrot = calloc(1, sizeof *parrot);
    assert_non_null(parrot);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    assert_int_equal(setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes), 0);
    assert_int_equal(bind(door, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(door, 64), 0);
    assert_int_equal(getsockname(door, (struct sockaddr *)&address, &size), 0);
    parrot->words = words;
    parrot->port = ntohs(address.sin_port);
    parrot->fds[0] = (struct pollfd){.fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN};
    parrot->fds[1] = (struct pollfd){.fd = door, .events = POLLIN};
    parrot->n = 2;
    assert_int_equal(pthread_create(&parrot->thread, NULL, run, parrot), 0);
    return parrot;
}

unsigned parrot_port(const struct parrot *parrot)
{
    return parrot->port;
}

void parrot_stop(struct parrot *parrot)
{
    if (parrot == NULL)
        return;
    assert_int_equal(eventfd_write(parrot->fds[0].fd, 1), 0);
    assert_int_equal(pthread_join(parrot->thread, NULL), 0);
    for (nfds_t i = 0; i < parrot->n; i++)
        close(parrot->fds[i].fd);
    free(parrot);
}
