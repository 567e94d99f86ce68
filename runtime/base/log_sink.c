/* log_sink.c: a descriptor that is never waited for.
 *
 * Whether a write waits is a flag of the open file description, which standard error shares with whoever started the
 * program, so that flag is not ours to set. A pipe is opened anew by its name in /proc, which gives a description of
 * our own (ry_log_own). A socket is told with each send. Where neither is possible (a pipe that another user made) it
 * is asked first whether there is room: PIPE_BUF bytes then go in at once, unless another process takes the room in
 * that moment. A file of a disk has always room.
 *
 * The buffer lies in memory that the kernel wipes in a forked child: what waits is the parent's to write, and its lock,
 * all zero, is a free one. No thread is started for it, since a sealed process may start none; the loops tend it. */
#include "runtime/base/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/log.h"

#define BUFFER_BYTES ((size_t)64 << 10)
#define URGENT_BYTES (BUFFER_BYTES / 4)
/* How soon it is tried again by a loop that has nothing else to do. */
#define AGAIN_MS 100

struct store {
    pthread_mutex_t lock; /* all zero: PTHREAD_MUTEX_INITIALIZER */
    size_t begin;         /* of what waits in bytes */
    size_t end;
    atomic_size_t waiting;         /* end - begin, to be looked at without the lock */
    _Atomic uint64_t gap_lines;    /* dropped behind what waits, and not told of yet */
    _Atomic uint64_t untold_lines; /* dropped since ry_log_take_dropped */
    atomic_bool lost;              /* the last try failed for another reason than room: a closed pipe, a full disk */
    char bytes[BUFFER_BYTES];
};

static struct {
    struct store *store; /* NULL: there is no memory for one, so nothing waits */
    log_gap_line *gap_line;
    int fd;
    bool socket;
    bool whole; /* a write takes all of a line or nothing */
    bool asked; /* to be asked for room before each write */
    bool at_exit;
} sink = {.fd = STDERR_FILENO, .whole = true};

/* ---- the descriptor ---------------------------------------------------------------------------------------------- */

void ry_log_own(int fd)
{
    struct stat st;
    char path[40];
    if (fstat(fd, &st) != 0 || (!S_ISFIFO(st.st_mode) && isatty(fd) != 1))
        return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (own < 0)
        return;
    (void)dup2(own, fd);
    (void)close(own);
}

void ry_log_descriptor(int fd)
{
    struct stat st;
    int flags = fcntl(fd, F_GETFL);
    bool known = fstat(fd, &st) == 0;
    sink.fd = fd;
    sink.socket = known && S_ISSOCK(st.st_mode);
    sink.whole = !sink.socket && isatty(fd) != 1;
    bool may_fill = known && (S_ISFIFO(st.st_mode) || isatty(fd) == 1);
    sink.asked = may_fill && flags >= 0 && (flags & O_NONBLOCK) == 0;
}

static bool has_room(int timeout_ms)
{
    struct pollfd fd = {.fd = sink.fd, .events = POLLOUT};
    return poll(&fd, 1, timeout_ms) > 0;
}

/* How much was written without waiting, 0 when there is no room now; less than 0: nobody will ever read it. */
static ssize_t attempt(const char *p, size_t n)
{
    ssize_t written = 0;
    if (sink.asked && !has_room(0))
        return 0;
    do
        written = sink.socket ? send(sink.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(sink.fd, p, n);
    while (written < 0 && errno == EINTR);
    return written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : written;
}

/* ---- what waits; with the lock --------------------------------------------------------------------------------- */

static void set_bounds(struct store *store, size_t begin, size_t end)
{
    store->begin = begin == end ? 0 : begin;
    store->end = begin == end ? 0 : end;
    atomic_store(&store->waiting, end - begin);
}

static void drop(struct store *store, uint64_t lines)
{
    atomic_fetch_add(&store->gap_lines, lines);
    atomic_fetch_add(&store->untold_lines, lines);
}

static bool append(struct store *store, const char *p, size_t n, size_t room)
{
    if (store->end - store->begin + n > room)
        return false;
    if (store->end + n > BUFFER_BYTES) {
        memmove(store->bytes, store->bytes + store->begin, store->end - store->begin);
        store->end -= store->begin;
        store->begin = 0;
    }
    memcpy(store->bytes + store->end, p, n);
    set_bounds(store, store->begin, store->end + n);
    return true;
}

/* The line that stands for the dropped ones, behind what waits. */
static void append_gap(struct store *store, size_t room)
{
    char line[LOG_LINE_BYTES];
    uint64_t lines = atomic_load(&store->gap_lines);
    if (lines == 0 || sink.gap_line == NULL)
        return;
    if (append(store, line, sink.gap_line(lines, line), room))
        atomic_fetch_sub(&store->gap_lines, lines);
}

static void keep(struct store *store, const char *p, size_t n, size_t room)
{
    if (store->end - store->begin + n + LOG_LINE_BYTES <= room)
        append_gap(store, room);
    if (atomic_load(&store->gap_lines) > 0 || !append(store, p, n, room))
        drop(store, 1);
}

/* Writes what waits, as much as there is room for: whole lines, in order. */
static void write_waiting(struct store *store)
{
    while (store->begin < store->end) {
        const char *p = store->bytes + store->begin;
        const char *end = memchr(p, '\n', store->end - store->begin);
        size_t n = end ? (size_t)(end - p) + 1 : store->end - store->begin;
        ssize_t written = attempt(p, n);
        if (written == 0)
            return;
        atomic_store(&store->lost, written < 0);
        if (written < 0)
            drop(store, 1);
        set_bounds(store, store->begin + (written < 0 ? n : (size_t)written), store->end);
    }
}

static void tend(struct store *store)
{
    write_waiting(store);
    if (store->begin == store->end && atomic_load(&store->gap_lines) > 0 && !atomic_load(&store->lost) && has_room(0)) {
        append_gap(store, BUFFER_BYTES);
        write_waiting(store);
    }
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void put_locked(struct store *store, const char *line, size_t n, size_t room)
{
    tend(store);
    bool next = store->begin == store->end && (atomic_load(&store->gap_lines) == 0 || atomic_load(&store->lost));
    ssize_t written = next ? attempt(line, n) : 0;
    if (next)
        atomic_store(&store->lost, written < 0);
    if (written < 0)
        drop(store, 1);
    else if ((size_t)written < n)
        keep(store, line + written, n - (size_t)written, room);
}

void log_sink_put(const char *line, size_t n, bool urgent)
{
    struct store *store = sink.store;
    bool nothing_waits = store == NULL || (atomic_load(&store->waiting) == 0 && atomic_load(&store->gap_lines) == 0);
    if (nothing_waits && (sink.whole || store == NULL)) {
        ssize_t written = attempt(line, n);
        if (written == (ssize_t)n || store == NULL)
            return;
        if (written > 0) { /* the end of a disk's last block */
            line += written;
            n -= (size_t)written;
        }
    }
    (void)pthread_mutex_lock(&store->lock);
    put_locked(store, line, n, urgent ? BUFFER_BYTES : BUFFER_BYTES - URGENT_BYTES);
    (void)pthread_mutex_unlock(&store->lock);
}

void ry_log_pass(const char *line, size_t n)
{
    log_sink_put(line, n, false);
}

static bool is_waiting(const struct store *store)
{
    return store &&
           (atomic_load(&store->waiting) > 0 || (atomic_load(&store->gap_lines) > 0 && !atomic_load(&store->lost)));
}

int64_t ry_log_tend(int64_t wait_ms)
{
    struct store *store = sink.store;
    if (!is_waiting(store))
        return wait_ms;
    if (pthread_mutex_trylock(&store->lock) == 0) { /* who has it tends it */
        tend(store);
        (void)pthread_mutex_unlock(&store->lock);
    }
    return is_waiting(store) && (wait_ms < 0 || wait_ms > AGAIN_MS) ? AGAIN_MS : wait_ms;
}

void ry_log_drain(int64_t for_ms)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + for_ms;
    while (is_waiting(sink.store)) {
        (void)ry_log_tend(0);
        int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
        if (left_ms <= 0 || (is_waiting(sink.store) && !has_room((int)left_ms)))
            return;
    }
}

static void say_last_words(void)
{
    ry_log_drain(RY_LOG_LAST_WORDS_MS);
}

uint64_t ry_log_take_dropped(void)
{
    return sink.store ? atomic_exchange(&sink.store->untold_lines, 0) : 0;
}

void log_sink_open(int fd, log_gap_line *gap_line)
{
    sink.gap_line = gap_line;
    ry_log_descriptor(fd);
    if (sink.store == NULL) {
        void *memory = mmap(NULL, sizeof *sink.store, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return;
        (void)madvise(memory, sizeof *sink.store, MADV_WIPEONFORK);
        sink.store = memory;
    }
    if (!sink.at_exit)
        sink.at_exit = atexit(say_last_words) == 0;
}
