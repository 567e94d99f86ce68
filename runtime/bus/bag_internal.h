/* bag_internal.h: what bag.c and bag_reader.c share. */
#ifndef REELYARD_RUNTIME_BUS_BAG_INTERNAL_H
#define REELYARD_RUNTIME_BUS_BAG_INTERNAL_H

#include <zmq.h>

#include "runtime/bus/bag.h"

/* ZeroMQ is not built with the thread sanitizer, which so cannot see that a part is received after it was sent: it is
 * told, for each part by the address of its bytes. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BAG_TELL_ORDER
#endif
#elif defined(__SANITIZE_THREAD__)
#define BAG_TELL_ORDER
#endif
#ifdef BAG_TELL_ORDER
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#else
#define __tsan_acquire(address) ((void)(address))
#define __tsan_release(address) ((void)(address))
#endif

struct bag_head {
    uint32_t bytes;
    uint32_t frames;
};

/* Lets go of a part that ZeroMQ received and a frame was wrapped around; the holder of such frames (ry_frame_hold). */
void bag_close_part(void *part);

#endif
