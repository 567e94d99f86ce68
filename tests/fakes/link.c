/* link.c: a line of poor quality between two hosts, for systems whose kernel cannot make one (tc netem).
 *
 *   link --address A --port N --to HOST:PORT --delay-ms D --loss-percent L
 *
 * Listens on A:N (port 0: any; prints "port N") and passes the bytes of each connection on to HOST:PORT (IPv4) and
 * back. What is read is sent D ms later, in order. A part that is "lost" comes when TCP would have sent it again,
 * RETRANSMIT_MS and one more way later, and all behind it waits for it: of TCP that is what an application sees. The
 * same run gives the same losses as far as the same parts are read. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PART_BYTES    1448 /* what one packet carries */
#define PARTS_MAX     4096 /* on their way in one direction */
#define RETRANSMIT_MS 200

static unsigned delay_ms, loss_percent;
static struct sockaddr_in target;
static atomic_uint seeds;

struct part {
    STAILQ_ENTRY(part) next;
    int64_t due_ms;
    size_t n; /* 0: the end */
    char bytes[PART_BYTES];
};

/* One direction of a connection: one thread reads, one writes. */
struct way {
    int from, to;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    STAILQ_HEAD(, part) parts;
    size_t n;
    bool broken;
    unsigned seed;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void sleep_until(int64_t at_ms)
{
    struct timespec at = {.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

static void *read_parts(void *arg)
{
    struct way *way = arg;
    bool more = true;
    while (more) {
        struct part *part = calloc(1, sizeof *part);
        if (part == NULL)
            abort();
        ssize_t n = recv(way->from, part->bytes, sizeof part->bytes, 0);
        more = n > 0;
        part->n = more ? (size_t)n : 0;
        part->due_ms = now_ms() + delay_ms;
        if ((unsigned)rand_r(&way->seed) % 100 < loss_percent)
            part->due_ms += RETRANSMIT_MS + delay_ms;
        pthread_mutex_lock(&way->lock);
        while (way->n >= PARTS_MAX && !way->broken)
            pthread_cond_wait(&way->changed, &way->lock);
        more = more && !way->broken;
        STAILQ_INSERT_TAIL(&way->parts, part, next);
        way->n++;
        pthread_cond_broadcast(&way->changed);
        pthread_mutex_unlock(&way->lock);
    }
    return NULL;
}

static bool send_whole(int fd, const char *bytes, size_t n)
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

static void *write_parts(void *arg)
{
    struct way *way = arg;
    for (bool more = true; more;) {
        pthread_mutex_lock(&way->lock);
        while (way->n == 0)
            pthread_cond_wait(&way->changed, &way->lock);
        struct part *part = STAILQ_FIRST(&way->parts);
        STAILQ_REMOVE_HEAD(&way->parts, next);
        way->n--;
        pthread_cond_broadcast(&way->changed);
        pthread_mutex_unlock(&way->lock);
        sleep_until(part->due_ms);
        more = part->n > 0;
        if (!way->broken && !send_whole(way->to, part->bytes, part->n)) {
            pthread_mutex_lock(&way->lock);
            way->broken = true;
            pthread_cond_broadcast(&way->changed);
            pthread_mutex_unlock(&way->lock);
            shutdown(way->from, SHUT_RDWR);
        }
        free(part);
    }
    shutdown(way->to, SHUT_WR);
    return NULL;
}

static void begin(struct way *way, int from, int to, pthread_t threads[2])
{
    *way = (struct way){.from = from, .to = to, .seed = atomic_fetch_add(&seeds, 1)};
    pthread_mutex_init(&way->lock, NULL);
    pthread_cond_init(&way->changed, NULL);
    STAILQ_INIT(&way->parts);
    if (pthread_create(&threads[0], NULL, read_parts, way) != 0 ||
        pthread_create(&threads[1], NULL, write_parts, way) != 0)
        abort();
}

static void *serve(void *arg)
{
    int near = (int)(intptr_t)arg, far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct way ways[2];
    pthread_t threads[4];
    setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(far, (struct sockaddr *)&target, sizeof target) == 0) {
        begin(&ways[0], near, far, threads);
        begin(&ways[1], far, near, threads + 2);
        for (size_t i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
    }
    close(near);
    close(far);
    return NULL;
}

static bool address_of(const char *text, uint16_t port, struct sockaddr_in *address)
{
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    return inet_pton(AF_INET, text, &address->sin_addr) == 1;
}

static int listen_on(struct sockaddr_in address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t n = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, n) != 0 || listen(fd, 64) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &n) != 0) {
        perror("link: cannot listen");
        exit(1);
    }
    printf("port %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    char *colon = argc == 11 ? strchr(argv[6], ':') : NULL;
    if (colon == NULL || !address_of(argv[2], (uint16_t)atoi(argv[4]), &address)) {
        fprintf(stderr, "usage: link --address A --port N --to HOST:PORT --delay-ms D --loss-percent L\n");
        return 2;
    }
    *colon = '\0';
    if (!address_of(argv[6], (uint16_t)atoi(colon + 1), &target))
        return 2;
    delay_ms = (unsigned)atoi(argv[8]);
    loss_percent = (unsigned)atoi(argv[10]);
    signal(SIGPIPE, SIG_IGN);
    int listener = listen_on(address);
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_t thread;
        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
}
