/* bed.h: the test bed of actors: one instance, driven by hand.
 *
 * The bed opens an instance with a clock that stands still, options of the test's choice and a data folder of its own,
 * delivers typed messages as if from a peer, and hands out what the instance says as typed messages, in order. No
 * socket, no thread, no router. Every expectation that is not met fails the cmocka test and says what came instead. */
#ifndef REELYARD_TESTS_BED_BED_H
#define REELYARD_TESTS_BED_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runtime/actor/instance.h"
#include "tests/bed/between.h"

struct bed;

/* The wall time at which every bed starts: 2024-10-19T15:03:09.000Z. */
#define BED_START_WALL_MS INT64_C(1729350189000)

/* One option as pairs of name and value, ended by {NULL, NULL}:
 *   bed_new(&ry_writer_spec, (const char *const[][2]){{"batch_rows", "10"}, {NULL, NULL}})
 * Names are those of options.def. NULL: all defaults. --data is a temporary folder, removed by bed_free. */
typedef const char *const bed_option[2];

/* Opens an instance; fails the test if it does not open. */
struct bed *bed_new(const struct ry_actor_spec *spec, bed_option *options);
/* Opens an instance that must refuse to open; *err says why. Frees everything. */
void bed_new_fails(const struct ry_actor_spec *spec, bed_option *options, struct ry_error *err);
void bed_free(struct bed *bed);

/* The same data folder, a new instance (after a crash: the old one is closed without a drain; its mail is gone). */
void bed_restart(struct bed *bed);

/* ---- to the instance --------------------------------------------------------------------------------------------- */

/* Delivers a message from a peer under a fresh id of a foreign session, which is returned. send as in ry_tell; NULL: no
 * tenant, no deadline, its own origin. */
uint64_t bed_deliver(struct bed *bed, enum ry_tag tag, const void *message, const struct ry_send *send);
#define BED_DELIVER(bed, name, message, send) \
    bed_deliver((bed), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0), (send))

/* Delivers the same again as the router does after a crash: the id and an attempt of the caller's choice. */
void bed_redeliver(struct bed *bed, uint64_t id, unsigned attempt, enum ry_tag tag, const void *message,
                   const struct ry_send *send);

/* Delivers an ANSWER (or undeliverable, node_state) whose correlation is to_id. */
void bed_answer(struct bed *bed, uint64_t to_id, enum ry_tag tag, const void *message);
#define BED_ANSWER(bed, to_id, name, message) \
    bed_answer((bed), (to_id), RY_TAG_##name, (1 ? (message) : (const struct ry_##name *)0))

/* Tells the instance that its message `id` of tag `tag` is undeliverable. */
void bed_undeliverable(struct bed *bed, uint64_t id, uint64_t origin, enum ry_tag tag,
                       enum ry_undeliverable_cause cause);

/* Moves the clock, firing each timer at its time. */
void bed_advance(struct bed *bed, int64_t by_ms);

/* Waits at most timeout_ms of real time for the engine's descriptor, and calls ready when it is readable. False: it was
 * not. */
bool bed_wait_engine(struct bed *bed, int timeout_ms);

/* Asks the instance to drain; whether it has finished. */
void bed_drain(struct bed *bed);
bool bed_finished(struct bed *bed);
/* Finished by ry_ctx_exit with an error, which is put into *why. */
bool bed_exited(struct bed *bed, struct ry_error *why);

/* ---- from the instance ------------------------------------------------------------------------------------------- */

/* The next thing said must be this message: its typed body, valid until the next bed_expect* or bed_free. */
const void *bed_expect(struct bed *bed, enum ry_tag tag);
#define BED_EXPECT(bed, name) ((const struct ry_##name *)bed_expect((bed), RY_TAG_##name))
/* The envelope of the last expected message. */
const struct ry_envelope *bed_envelope(const struct bed *bed);

void bed_expect_done(struct bed *bed, uint64_t id);
/* Returns the reason, valid until the next bed_expect*. */
const char *bed_expect_fail(struct bed *bed, uint64_t id, bool retry);
void bed_expect_nothing(struct bed *bed);

/* Messages of this tag are ignored from now on: the test is not about them. */
void bed_pass_over(struct bed *bed, enum ry_tag tag);

/* The tag of the next thing said; RY_TAG_NONE: nothing. The end of a custody is RY_TAG_done or RY_TAG_fail. */
enum ry_tag bed_next_tag(struct bed *bed);

/* ---- looking ----------------------------------------------------------------------------------------------------- */

void *bed_self(struct bed *bed);
const char *bed_data(const struct bed *bed);
size_t bed_kept(struct bed *bed);
uint64_t bed_counter(struct bed *bed, enum ry_counter counter);
struct ry_clock_manual *bed_clock(struct bed *bed);
struct ry_instance *bed_instance(struct bed *bed);

#endif
