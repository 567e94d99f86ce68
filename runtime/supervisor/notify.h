/* notify.h: words to systemd, on the socket that it names in NOTIFY_SOCKET (sd_notify(3) describes them). */
#ifndef REELYARD_RUNTIME_SUPERVISOR_NOTIFY_H
#define REELYARD_RUNTIME_SUPERVISOR_NOTIFY_H

#include <stdint.h>

struct ry_notify {
    int fd;                    /* -1: nobody listens */
    int64_t watchdog_ms;       /* how often a sign of life is due at the latest; 0: never */
    int64_t next_feed_mono_ms; /* of the watchdog */
};

/* Looks into NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID of env. */
void ry_notify_open(struct ry_notify *notify, char *const *env);
void ry_notify_close(struct ry_notify *notify);

/* Says lines such as "READY=1\nSTATUS=..."; lost if nobody takes it at once. */
void ry_notify_say(const struct ry_notify *notify, const char *lines);

/* Feeds the watchdog when it is due, at half of its time. */
void ry_notify_feed(struct ry_notify *notify, int64_t now_mono_ms);

#endif
