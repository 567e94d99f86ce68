/* redis_ops.h: the calls of job_queue.h on Redis, each in the file that its group names; job_queue.h says what they
 * promise. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_OPS_H
#define REELYARD_RUNTIME_QUEUE_REDIS_OPS_H

#include "runtime/queue/job_queue.h"

/* redis_watch.c */
int ry_redis_fd(struct ry_job_queue *queue);
bool ry_redis_ready(struct ry_job_queue *queue);
/* redis_push.c */
int ry_redis_push(struct ry_job_queue *queue, const struct ry_job_push *jobs, size_t n, struct ry_str cursor_key,
                  struct ry_str cursor, size_t *accepted, struct ry_error *err);
int ry_redis_cursor_get(struct ry_job_queue *queue, struct ry_str key, struct ry_arena *arena, struct ry_str *cursor,
                        struct ry_error *err);
int ry_redis_depth(struct ry_job_queue *queue, struct ry_depth *depth, struct ry_error *err);
int ry_redis_find(struct ry_job_queue *queue, const struct ry_job_queue_channel *channels, size_t n,
                  const char *const *types, bool *found, struct ry_error *err);
/* redis_fair_read.c */
int ry_redis_read(struct ry_job_queue *queue, struct ry_str consumer, size_t max, enum ry_priority least,
                  int64_t lease_ms, struct ry_arena *arena, struct ry_lease *leases, size_t *n, struct ry_error *err);
/* redis_lease.c */
int ry_redis_renew(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t lease_ms,
                   struct ry_error *err);
int ry_redis_ack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, const struct ry_job_push *next,
                 size_t n, struct ry_error *err);
int ry_redis_hurry(struct ry_job_queue *queue, struct ry_error *err);
int ry_redis_nack(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, int64_t delay_ms, bool counted,
                  struct ry_error *err);
int ry_redis_bury(struct ry_job_queue *queue, struct ry_str job_id, uint64_t token, struct ry_str reason,
                  struct ry_error *err);
int ry_redis_release(struct ry_job_queue *queue, struct ry_str consumer_prefix, struct ry_str except, size_t *released,
                     struct ry_error *err);
/* redis_dead.c */
int ry_redis_dead_add(struct ry_job_queue *queue, const struct ry_dead *dead, struct ry_error *err);
int ry_redis_dead_list(struct ry_job_queue *queue, int64_t after_id, size_t max, struct ry_arena *arena,
                       struct ry_dead *letters, size_t *n, struct ry_error *err);
int ry_redis_dead_get(struct ry_job_queue *queue, int64_t id, struct ry_arena *arena, struct ry_dead *letter,
                      struct ry_error *err);
int ry_redis_dead_take(struct ry_job_queue *queue, const int64_t *ids, size_t n, bool replay, struct ry_error *outcomes,
                       struct ry_error *err);

#endif
