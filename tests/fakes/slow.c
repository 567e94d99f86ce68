/* slow.c: visitors of a web port who send their request a byte at a time and read nothing.
 *
 *   slow PORT COUNT [SOURCE]
 *
 * Opens COUNT connections to 127.0.0.1:PORT, from SOURCE (an address of the loopback) if given, each with the beginning
 * of a request, and prints "open COUNT". Then each line on standard input makes it send one byte more on every
 * connection that is left, and print "open N". A connection that was cut off is opened again, as an attacker would, and
 * counted in "again N". It ends with standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in target, source;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int begin(void)
{
    static const char head[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    /* Closed by a reset, so that no port stays taken for a minute. */
    static const struct linger linger = {.l_onoff = 1};
    static const int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) != 0 ||
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&source, sizeof source) != 0 ||
        connect(fd, (struct sockaddr *)&target, sizeof target) != 0)
        die("connect");
    if (send(fd, head, sizeof head - 1, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        die("send");
    return fd;
}

static bool is_cut_off(int fd)
{
    char byte;
    ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN) || send(fd, "x", 1, MSG_NOSIGNAL) < 0;
}

static void allow_descriptors(size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("getrlimit");
    if (limit.rlim_cur < count + 32)
        limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        die("setrlimit");
}

int main(int argc, char **argv)
{
    char line[16];
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        (void)fprintf(stderr, "slow PORT COUNT [SOURCE]\n");
        return 2;
    }
    target.sin_family = source.sin_family = AF_INET;
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    target.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
    if (inet_pton(AF_INET, argc > 3 ? argv[3] : "127.0.0.1", &source.sin_addr) != 1)
        die("source");
    allow_descriptors(count);
    int *fds = calloc(count, sizeof *fds);
    if (fds == NULL)
        die("memory");
    for (size_t i = 0; i < count; i++)
        fds[i] = begin();
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)printf("open %zu\n", count);
    while (fgets(line, sizeof line, stdin) != NULL) {
        size_t again = 0;
        for (size_t i = 0; i < count; i++)
            if (is_cut_off(fds[i])) {
                (void)close(fds[i]);
                fds[i] = begin();
                again++;
            }
        (void)printf("again %zu\n", again);
    }
    return 0;
}
