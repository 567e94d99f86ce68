/* mouth.c: the connection of a rogue to its node, in any state. Owns its sockets until it is closed. */
#include "tests/fakes/rogue/mouth.h"

#include <stdlib.h>

#include "proto/codec.h"
#include "runtime/base/clock.h"

#define BODY_MAX ((size_t)1 << 20)

void mouth_init(struct mouth *mouth)
{
    *mouth = (struct mouth){.link = {.router_pidfd = -1}, .counter = 1000};
    ry_bag_init(&mouth->bag);
}

void mouth_close(struct mouth *mouth)
{
    ry_bag_free(&mouth->bag);
    ry_socket_unwatch(mouth->stranger, &mouth->losses);
    zsock_destroy(&mouth->stranger);
    mouth->link.session = 0; /* without a bye */
    if (mouth->link.dealer)
        ry_link_close(&mouth->link);
    mouth->now = NULL;
}

int mouth_open(struct mouth *mouth, const char *endpoint, const struct ry_curve *curve, struct ry_error *err)
{
    int rc = curve ? ry_socket_dealer_once(&mouth->stranger, &mouth->losses, endpoint, curve, err)
                   : ry_socket_dealer(&mouth->stranger, endpoint, err);
    mouth->now = mouth->stranger;
    mouth->one_a_bag = true;
    mouth->session = 1u << 12 | 1;
    return rc;
}

int mouth_join(struct mouth *mouth, const struct ry_link_options *options, struct ry_error *err)
{
    int rc = ry_link_open_with(&mouth->link, options, err);
    if (rc != RY_OK)
        return rc;
    mouth->now = mouth->link.dealer;
    mouth->session = mouth->link.session;
    mouth->one_a_bag = false;
    return RY_OK;
}

void mouth_flush(struct mouth *mouth)
{
    struct ry_error err;
    if (ry_bag_send(&mouth->bag, ry_socket_raw(mouth->now), NULL, &err) != RY_OK)
        (void)fprintf(stderr, "rogue: %s\n", err.text);
}

void mouth_say(void *arg, uint64_t id, uint64_t correlation, enum ry_tag tag, struct ry_str body,
               const struct ry_frames *frames)
{
    struct mouth *mouth = arg;
    RY_BUF_AUTO bytes = ry_buf_make(RY_ENVELOPE_MAX_BYTES);
    uint64_t own = (uint64_t)mouth->session << 32 | ++mouth->counter;
    const struct ry_envelope envelope = {.id = id ? id : own,
                                         .correlation = correlation ? correlation : own,
                                         .tag = (uint16_t)tag,
                                         .attempt = 1,
                                         .frame_count = (uint16_t)frames->n,
                                         .body = body};
    if (ry_envelope_pack(&envelope, &bytes) != RY_OK)
        abort();
    if (ry_bag_full(&mouth->bag))
        mouth_flush(mouth);
    if (ry_bag_add(&mouth->bag, ry_buf_str(&bytes), frames->items, frames->n) != RY_OK)
        abort();
    if (mouth->one_a_bag)
        mouth_flush(mouth);
    mouth->said++;
}

void mouth_tell(struct mouth *mouth, enum ry_tag tag, const void *message)
{
    RY_BUF_AUTO body = ry_buf_make(BODY_MAX);
    struct ry_frames frames = {.n = 0};
    if (ry_pack(ry_descriptor(tag), message, &body, &frames, NULL) != RY_OK)
        abort();
    mouth_say(mouth, 0, 0, tag, ry_buf_str(&body), &frames);
    ry_frames_clear(&frames);
}

void mouth_mark(struct mouth *mouth)
{
    const struct ry_report report = {.busy_ms = ++mouth->mark};
    mouth_tell(mouth, RY_TAG_report, &report);
    mouth_flush(mouth);
}

/* One bag that has come. True: the mail that was waited for is in it. */
static bool look(struct mouth *mouth)
{
    struct ry_str bytes;
    struct ry_frame *const *frames;
    size_t frame_count;
    bool bad, found = false;
    while (ry_bag_reader_next(mouth->link.reader, &bytes, &frames, &frame_count, &bad)) {
        RY_ARENA_AUTO arena = ry_arena_make((size_t)64 << 20);
        struct ry_envelope envelope;
        void *body = NULL;
        if (ry_envelope_unpack(bytes, &envelope, NULL) != RY_OK)
            continue;
        const struct ry_descriptor *descriptor = ry_descriptor(envelope.tag);
        if (ry_unpack(descriptor, envelope.body, frames, frame_count, &arena, &body, NULL) != RY_OK)
            continue;
        if (envelope.tag == RY_TAG_welcome)
            mouth->session = (uint32_t)((const struct ry_welcome *)body)->session;
        if (descriptor->kind == RY_KIND_REQUEST || descriptor->kind == RY_KIND_ASK) {
            cells_held(&mouth->held, descriptor, body, &envelope);
            found = true;
        }
    }
    return found;
}

void mouth_drain(struct mouth *mouth)
{
    bool bad = false;
    while (mouth->link.reader && ry_bag_reader_receive(mouth->link.reader, ry_socket_raw(mouth->now), NULL, &bad))
        (void)look(mouth);
}

bool mouth_take(struct mouth *mouth, int64_t patience_ms)
{
    int64_t until_mono_ms = ry_mono_ms(ry_clock_system()) + patience_ms;
    for (;;) {
        bool bad = false;
        if (ry_bag_reader_receive(mouth->link.reader, ry_socket_raw(mouth->now), NULL, &bad)) {
            if (look(mouth))
                return true;
            continue;
        }
        int64_t left_ms = until_mono_ms - ry_mono_ms(ry_clock_system());
        zmq_pollitem_t item = {.socket = ry_socket_raw(mouth->now), .events = ZMQ_POLLIN};
        if (left_ms <= 0 || zmq_poll(&item, 1, (long)left_ms) < 0)
            return false;
    }
}
