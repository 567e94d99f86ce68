/* last_words.c: the thread that reports a mail as failed when the system stops the work on it; see last_words.h.
 *
 * Owns nothing but the thread. If it dies first, the process ends as in a crash and the mail is tried again. */
#include "runtime/bus/last_words.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/codec.h"
#include "runtime/base/assert.h"
#include "runtime/bus/bag.h"

/* How long the router may take to hear it; the working thread stands still for longer. */
#define FAREWELL_MS 3000

/* Whether the router has taken the leave: its answer is the last that it says. */
static bool hear_farewell(void *socket)
{
    struct ry_bag_reader *reader = ry_bag_reader_new();
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    bool heard = false;
    while (reader && !heard && zmq_poll(&item, 1, FAREWELL_MS) == 1) {
        struct ry_str bytes;
        struct ry_frame *const *frames;
        size_t frame_count;
        bool bad = false;
        if (!ry_bag_reader_receive(reader, socket, NULL, &bad))
            continue;
        while (!heard && ry_bag_reader_next(reader, &bytes, &frames, &frame_count, &bad)) {
            struct ry_envelope envelope;
            heard = ry_envelope_unpack(bytes, &envelope, NULL) == RY_OK && envelope.tag == RY_TAG_unwelcome;
        }
    }
    return heard;
}

static void *speak(void *arg)
{
    struct ry_last_words *words = arg;
    RY_ASSERT(words->magic == RY_LAST_WORDS_MAGIC);
    uint64_t alarms = 0;
    while (read(words->seal->alarm_fd, &alarms, sizeof alarms) != (ssize_t)sizeof alarms)
        if (errno != EINTR)
            return NULL;
    uint64_t mail = atomic_load(&words->mail);
    if (mail != 0) {
        const struct ry_fail fail = {
            .id = mail, .reason = ry_str_of(words->seal->reason), .class = RY_FAILURE_PERMANENT};
        const struct ry_bye bye = {.end_ = 0};
        void *socket = ry_socket_raw(words->link->dealer);
        if (ry_link_say(words->link, RY_TAG_fail, &fail) != 0 && ry_link_say(words->link, RY_TAG_bye, &bye) != 0 &&
            ry_bag_send(&words->link->bag, socket, NULL, NULL) == RY_OK)
            (void)hear_farewell(socket);
    }
    words->seal->end(words->seal->arg);
    return NULL;
}

int ry_last_words_start(struct ry_last_words **words, struct ry_link *link, const struct ry_seal *seal,
                        struct ry_error *err)
{
    *words = NULL;
    if (seal == NULL || seal->alarm_fd < 0)
        return RY_OK;
    struct ry_last_words *made = malloc(sizeof *made);
    if (made == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a thread");
    made->magic = RY_LAST_WORDS_MAGIC;
    made->link = link;
    made->seal = seal;
    atomic_init(&made->mail, 0);
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    int failed = pthread_create(&thread, NULL, speak, made);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        free(made);
        return ry_fail(err, RY_EIO, "cannot start a thread: %s", strerror(failed));
    }
    (void)pthread_detach(thread);
    *words = made;
    return RY_OK;
}
