/* held.c: jobs that the database did not take, through no fault of their own, known by the hashes of their ids.
 *
 * Plain data without errors. After a crash nothing is known, and they are tried again one by one. */
#include "actors/ingester/held.h"

/* FNV-1a (http://www.isthe.com/chongo/tech/comp/fnv/); never 0. Two jobs with the same are tried again too early. */
static uint64_t hash_of(struct ry_str id)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < id.n; i++)
        hash = (hash ^ (unsigned char)id.p[i]) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

bool held_has(const struct held *held, struct ry_str job_id)
{
    uint64_t hash = hash_of(job_id);
    for (size_t i = 0; i < HELD_KNOWN; i++)
        if (held->hashes[i] == hash)
            return true;
    return false;
}

unsigned held_note(struct held *held, struct ry_str job_id, int64_t now_mono_ms)
{
    if (held->rounds == 0 || now_mono_ms >= held->round_ends_mono_ms) {
        held->rounds++;
        held->round_ends_mono_ms = now_mono_ms;
    }
    if (!held_has(held, job_id)) {
        held->hashes[held->next] = hash_of(job_id);
        held->next = (held->next + 1) % HELD_KNOWN;
    }
    return held->rounds - 1;
}

void held_round_waits(struct held *held, int64_t delay_ms, int64_t now_mono_ms)
{
    /* Delays are jittered by less than half. */
    if (held->round_ends_mono_ms <= now_mono_ms)
        held->round_ends_mono_ms = now_mono_ms + delay_ms / 2;
}
