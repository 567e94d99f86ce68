/* keeping.c: see keeping.h. The database remembers what is to be kept: stopped at any moment, the next node that runs
 * goes on with it. */
#include "runtime/import/keeping.h"

#include <inttypes.h>
#include <string.h>

#include "runtime/base/utf8.h"

#define WANT_STEP    5000
#define LOOK_MS      300
#define TROUBLE_LOOK 40 /* looks between two lines about the same trouble */

static bool want(struct ry_inquiry *inquiry, struct ry_str channel_id)
{
    bool more = true;
    for (bool again = true; more; again = false) {
        const struct ry_keep_want message = {.channel_id = channel_id, .limit = WANT_STEP, .again = again};
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(inquiry, RY_TAG_keep_want, &message, &mail))
            return false;
        const struct ry_keep_wanted *wanted = RY_BODY(mail, keep_wanted);
        if (wanted->error.n > 0 && !ry_inquiry_endure_answer(inquiry, "the database", wanted->error))
            return false;
        more = wanted->error.n > 0 || wanted->more;
    }
    return true;
}

static bool add_channel(struct ry_inquiry *inquiry, struct ry_str channel_id, struct ry_keeping *sum)
{
    for (;;) {
        const struct ry_keep_get message = {.channel_id = channel_id};
        const struct ry_mail *mail = NULL;
        if (!ry_inquiry_ask(inquiry, RY_TAG_keep_get, &message, &mail))
            return false;
        const struct ry_keep_state *state = RY_BODY(mail, keep_state);
        if (state->error.n > 0) {
            if (!ry_inquiry_endure_answer(inquiry, "the database", state->error))
                return false;
            continue;
        }
        sum->kept += state->kept;
        sum->wanted += state->wanted;
        sum->waiting += state->waiting;
        sum->failed += state->failed;
        sum->gone += state->gone;
        sum->bytes_kept += state->bytes_kept;
        sum->bytes_wanted += state->bytes_wanted;
        if (state->trouble.n > 0)
            (void)ry_utf8_print(sum->trouble, sizeof sum->trouble, "%.*s", RY_STR_ARG(state->trouble));
        return true;
    }
}

static bool is_first(const struct ry_str *ids, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (ry_str_eq(ids[k], ids[i]))
            return false;
    return true;
}

static bool look(struct ry_inquiry *inquiry, const struct ry_str *ids, size_t n, struct ry_keeping *keeping)
{
    struct ry_keeping sum = {.asked = true};
    for (size_t i = 0; i < n; i++)
        if (is_first(ids, i) && !add_channel(inquiry, ids[i], &sum))
            return false;
    *keeping = sum;
    return true;
}

static void show(struct ry_progress *progress, const struct ry_keeping *keeping, bool last)
{
    char detail[128];
    uint64_t total = keeping->bytes_kept + keeping->bytes_wanted;
    (void)snprintf(detail, sizeof detail, "%" PRIu64 " of %" PRIu64 " clips", keeping->kept,
                   keeping->kept + keeping->wanted);
    if (last)
        ry_progress_finish(progress, keeping->bytes_kept, total, detail);
    else
        ry_progress_update(progress, keeping->bytes_kept, total, detail);
}

bool ry_keeping_run(struct ry_inquiry *inquiry, const struct ry_str *channel_ids, size_t n,
                    const struct ry_clock *clock, struct ry_keeping *keeping)
{
    struct ry_progress progress;
    *keeping = (struct ry_keeping){.asked = true};
    ry_progress_init(&progress, inquiry->out, clock, "bytes");
    for (size_t i = 0; i < n; i++)
        if (is_first(channel_ids, i) && !want(inquiry, channel_ids[i]))
            return false;
    for (unsigned looks = 0;; looks++) {
        if (!look(inquiry, channel_ids, n, keeping))
            return false;
        bool over = keeping->wanted == keeping->waiting;
        if (over) {
            if (keeping->kept > 0)
                show(&progress, keeping, true);
            return true;
        }
        show(&progress, keeping, false);
        if (keeping->trouble[0] != '\0' && looks % TROUBLE_LOOK == 0)
            fprintf(inquiry->out, "waiting: %s\n", keeping->trouble);
        if (!ry_inquiry_pause(inquiry, LOOK_MS))
            return false;
    }
}

bool ry_keeping_good(const struct ry_keeping *keeping)
{
    return !keeping->asked || keeping->wanted + keeping->failed + keeping->gone == 0;
}

void ry_keeping_print(const struct ry_keeping *keeping, FILE *out)
{
    if (!keeping->asked)
        return;
    fprintf(out, "originals   %" PRIu64 " kept (%.1f MB)", keeping->kept, (double)keeping->bytes_kept / 1e6);
    if (keeping->wanted > 0)
        fprintf(out, ", %" PRIu64 " still to be kept", keeping->wanted);
    if (keeping->failed > 0)
        fprintf(out, ", %" PRIu64 " failed", keeping->failed);
    if (keeping->gone > 0)
        fprintf(out, ", %" PRIu64 " deleted at the source", keeping->gone);
    fputc('\n', out);
    if (keeping->wanted > 0 && keeping->trouble[0] != '\0')
        fprintf(out, "            %s\n", keeping->trouble);
}

void ry_keeping_put(const struct ry_keeping *keeping, struct ry_json_writer *writer)
{
    if (!keeping->asked)
        return;
    ry_json_put_object(writer, "originals");
    ry_json_put_u64(writer, "kept", keeping->kept);
    ry_json_put_u64(writer, "wanted", keeping->wanted);
    ry_json_put_u64(writer, "failed", keeping->failed);
    ry_json_put_u64(writer, "gone", keeping->gone);
    ry_json_put_u64(writer, "bytes_kept", keeping->bytes_kept);
    if (keeping->trouble[0] != '\0')
        ry_json_put_text(writer, "trouble", keeping->trouble);
    ry_json_put_end(writer);
}
