/* monitor_site.h: a monitor over real connections on the loopback, with the other actors played by the test.
 *
 * A site is a monitor in a bed with a port of its own; a visit is one connection to it. The monitor works while the
 * test waits, in turns of which each moves the clock by 1 ms. */
#ifndef REELYARD_TESTS_BED_MONITOR_SITE_H
#define REELYARD_TESTS_BED_MONITOR_SITE_H

#include "tests/bed/bed.h"

#include "actors/monitor/monitor.h"

#define SITE_CLIP_ID "d1523646fd8f70dd6e199d427ae00606"
/* Turns of the pump before a test gives up; each waits up to 20 ms of real time and moves the clock by 1 ms. */
#define SITE_TURNS_MAX 500

struct site {
    struct bed *bed;
    uint16_t port;
};

struct visit {
    int fd;
    struct ry_buf got;
    bool closed;
};

/* A port that nobody listens on; the socket that holds it, if asked for. */
uint16_t site_free_port(int *holder);

/* A monitor with this web token; NULL: without one. Close it with site_close. */
struct site site_open(const char *token);

/* Ends the monitor. */
void site_close(struct site *site);

/* Connects and sends a request as it is. End it with visit_end. */
struct visit visit_raw(struct site *site, const char *request);

/* headers: whole lines, with their ends. */
struct visit visit_with(struct site *site, const char *method, const char *path, const char *headers);

/* Asks for a path. */
struct visit visit_get(struct site *site, const char *path);

/* One turn: the monitor works, and the clock moves by 1 ms. */
void site_pump(struct site *site);

/* Lets the monitor work until it has asked somebody. */
void site_until_asked(struct site *site);

/* Reads what has come. False: nothing had. */
bool visit_read(struct visit *visit);

/* The whole answer, to the end of the connection. */
const char *visit_until_answered(struct site *site, struct visit *visit);

/* Closes the connection. */
void visit_end(struct visit *visit);

/* Fails unless text has this part. */
void site_assert_has(const char *text, const char *part);

/* Fails if text has this part. */
void site_assert_has_not(const char *text, const char *part);

/* Fails unless the answer has this status. */
void site_assert_status(const char *answer, unsigned status);

/* A visit that needs no other actor: its status, and a part of its answer. */
void site_expect_at_once(struct site *site, const char *method, const char *path, const char *headers, unsigned status,
                         const char *part);

/* A clip with every field filled. */
struct ry_gallery_clip site_clip(void);

/* An archive with clips in each state. */
struct ry_archive_state site_archive(void);

/* A node with one instance of each role. */
struct ry_node_state site_node(void);

/* What /ready, /metrics and /api/status ask; NULL: no answer. */
void site_answer_state(struct site *site, const struct ry_node_state *node, const struct ry_queue_state *queue,
                       const struct ry_archive_state *archive);

#define SITE_THUMBNAIL "/thumbnails/guild_41771983423143937/" SITE_CLIP_ID "_small.webp"

#endif
