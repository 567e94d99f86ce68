/* job_scene.h: an ingester with a real queue in the bed's folder; the test looks at the queue and disturbs it through a
 * connection of its own, and plays the scanner. */
#ifndef REELYARD_TESTS_BED_JOB_SCENE_H
#define REELYARD_TESTS_BED_JOB_SCENE_H

#include "tests/bed/bed.h"

#include "actors/ingester/ingester.h"
#include "runtime/queue/sqlite_queue.h"

#define JOB_SCENE_GUILD    "41771983423143937"
#define JOB_SCENE_LEASE_MS 30000
#define JOB_SCENE_JSON     "{\"type\":\"messages\"}"
#define JOB_SCENE_BATCH(id) \
    "{\"job_id\":\"" id "\",\"type\":\"batch\",\"guild_id\":\"" JOB_SCENE_GUILD \
    "\",\"channel_id\":\"2\",\"created_at\":\"2024-10-19T15:03:09\"}"

struct job_scene {
    struct bed *bed;
    struct ry_job_queue *queue; /* the test's own connection */
    struct ry_arena arena;
};

/* An ingester with these settings of jobs at a time and of places in the mailbox of the scanner. */
struct job_scene *job_scene_new(const char *batch, const char *mailbox);

/* Ends the ingester and removes the queue. */
void job_scene_free(struct job_scene *scene);

/* Queues a job of a type. */
void job_scene_push_of(struct job_scene *scene, const char *id, const char *type, enum ry_priority priority);

/* Queues a job of type messages. */
void job_scene_push(struct job_scene *scene, const char *id, enum ry_priority priority);

/* Runs a statement on the file of the queue. */
void job_scene_sql(struct job_scene *scene, const char *text);

/* Leases a job to another worker. */
struct ry_lease job_scene_lease_to(struct job_scene *scene, const char *consumer);

/* Fails unless the queue has so many jobs. */
void job_scene_expect_depth(struct job_scene *scene, uint64_t ready, uint64_t leased, uint64_t dead);

/* The dead letter, of which there is one. */
struct ry_dead job_scene_only_letter(struct job_scene *scene);

/* The next thing said must be the run of this job: the mail's id. */
uint64_t job_scene_expect_run(struct job_scene *scene, const char *id);

/* The scanner reports a job done. */
void job_scene_done(struct job_scene *scene, uint64_t mail_id, const char *id);

/* The scanner reports a job failed; retry: for now. */
void job_scene_failed(struct job_scene *scene, uint64_t mail_id, const char *id, bool retry);

/* Asks the ingester for the state of the queue. */
struct ry_queue_state job_scene_queue_state(struct job_scene *scene);

/* Makes the queue fail until job_scene_mend. */
void job_scene_break(struct job_scene *scene);

/* Ends what job_scene_break began. */
void job_scene_mend(struct job_scene *scene);

/* A job to be pushed, of a channel. */
struct ry_job_spec job_scene_spec(const char *id, const char *type, const char *channel);

/* What goes on from a job of channel 2. */
struct ry_job_spec job_scene_next(const char *id, struct ry_str json);

#endif
