/* advice.c: measures each role between two samples, then asks in a fixed order what holds the node up.
 *
 * A role whose instances are busier than the target is the bottleneck: by the utilisation law nothing else can be
 * faster than it is. Whether more instances help is another question: not where they would wait for the same database,
 * nor where no CPU is idle. When no role is busy and work waits all the same, it waits for somebody outside the node,
 * and where it lies tells for whom: clips that the downloader holds and no encoder has wait for bytes, jobs that the
 * scanner holds and the writer does not know of wait for Discord. What is said of time spent waiting rests on the
 * means of the samples, so more samples make it steadier; what is said of busy time rests on totals and is exact.
 *
 * A mail that one handler works on longer than the samples are apart shows in the busy time only at its end; with
 * fewer than DONE_MIN mails nothing is said. */
#include "runtime/advice/advice.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/assert.h"
#include "runtime/stats/stats.h"

#define DONE_MIN      5    /* mails of the bottleneck; fewer tell nothing */
#define BUSY_MIN      0.05 /* below this nobody works */
#define CPU_IDLE_MIN  0.5  /* CPUs; with less than half of one idle another instance only takes turns */
#define NEARLY        0.8  /* of the clip window: clips on their way to their end are not seen by the downloader */
#define DB_SHARE_MIN  0.5
#define ABOUT_AS_BUSY 0.05

/* As many as a command takes, of instances of a role and of clips in the works. */
#define INSTANCES_MAX   256
#define CLIP_WINDOW_MAX 10000

/* The roles that clips and jobs go through, in the order of the story. */
static const enum ry_role stages[] = {RY_ROLE_INGESTER,   RY_ROLE_SCANNER, RY_ROLE_WRITER, RY_ROLE_SCHEDULER,
                                      RY_ROLE_DOWNLOADER, RY_ROLE_ENCODER, RY_ROLE_STORAGE};
#define STAGE_COUNT (sizeof stages / sizeof *stages)

/* ---- samples ----------------------------------------------------------------------------------------------------- */

void ry_advice_sample(const struct ry_node_state *state, struct ry_advice_sample *sample)
{
    *sample = (struct ry_advice_sample){.uptime_ms = state->uptime_ms};
    for (size_t i = 0; i < state->roles.n; i++)
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
            const struct ry_role_state *of = &state->roles.items[i];
            if (ry_str_is(of->role, ry_role_name((enum ry_role)role)))
                sample->roles[role] = (struct ry_advice_mark){.queued = of->queued,
                                                              .held = of->held,
                                                              .oldest_ms = of->oldest_ms,
                                                              .instances = of->instances,
                                                              .capacity = of->capacity,
                                                              .accepted = of->accepted,
                                                              .done = of->done,
                                                              .busy_ms = of->busy_ms};
        }
    struct ry_stats stats = {0};
    for (size_t i = 0; i < state->counters.n; i++)
        if (state->counters.items[i].index < RY_STATS_FLAT) /* a newer router may count more */
            *ry_stats_at(&stats, (size_t)state->counters.items[i].index) = state->counters.items[i].value;
    for (size_t i = 0; i <= RY_HISTOGRAM_BOUNDS; i++)
        sample->transactions += stats.histograms[RY_HISTOGRAM_db_transaction].buckets[i];
    sample->transactions_us = stats.histograms[RY_HISTOGRAM_db_transaction].sum_micro;
}

/* A total's growth; 0 if it shrank. */
static double grown(uint64_t from, uint64_t to)
{
    return to > from ? (double)(to - from) : 0;
}

static void measure_role(const struct ry_advice_sample *samples, size_t count, enum ry_role role, double seconds,
                         struct ry_advice_role *out)
{
    RY_ASSERT(count >= 2 && seconds > 0, "%zu samples of %f s", count, seconds);
    const struct ry_advice_mark *first = &samples[0].roles[role];
    const struct ry_advice_mark *last = &samples[count - 1].roles[role];
    for (size_t i = 0; i < count; i++) {
        const struct ry_advice_mark *mark = &samples[i].roles[role];
        out->instances += (double)mark->instances / (double)count;
        out->waiting += (double)mark->queued / (double)count;
        out->held += (double)mark->held / (double)count;
        out->capacity += (double)mark->capacity / (double)count;
    }
    double done = grown(first->done, last->done);
    double busy_s = grown(first->busy_ms, last->busy_ms) / 1000;
    /* What was accepted and is neither here nor in somebody's hands has left: the mails done here, and by others. */
    double left = grown(first->accepted, last->accepted) + (double)(first->queued + first->held) -
                  (double)(last->queued + last->held);
    out->done_per_s = done / seconds;
    out->remote_done_per_s = left > done ? (left - done) / seconds : 0;
    out->service_ms = done > 0 ? busy_s * 1000 / done : 0;
    out->utilisation = out->instances > 0 ? fmin(busy_s / (out->instances * seconds), 1) : 0;
    out->most_per_s = out->service_ms > 0 ? out->instances * 1000 / out->service_ms : 0;
    double through_per_s = fmax(out->done_per_s, left / seconds);
    out->wait_ms = through_per_s > 0 ? out->waiting / through_per_s * 1000 : 0;
    out->oldest_ms = last->oldest_ms;
}

static void measure(const struct ry_advice_sample *samples, size_t count, const struct ry_advice_setting *setting,
                    struct ry_advice *advice)
{
    const struct ry_advice_sample *first = &samples[0], *last = &samples[count - 1];
    for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
        advice->roles[role].remote = setting->remote[role];
        measure_role(samples, count, (enum ry_role)role, advice->seconds, &advice->roles[role]);
        if (setting->remote[role] == 0) /* hints leave too, without being done by anybody */
            advice->roles[role].remote_done_per_s = 0;
    }
    const struct ry_advice_role *roles = advice->roles;
    advice->in_flight = roles[RY_ROLE_DOWNLOADER].waiting + roles[RY_ROLE_DOWNLOADER].held +
                        roles[RY_ROLE_STORAGE].waiting + roles[RY_ROLE_STORAGE].held;
    /* The downloader holds a clip while an encoder works on it; each clip has one request under way. */
    advice->fetching =
        fmax(roles[RY_ROLE_DOWNLOADER].held - roles[RY_ROLE_ENCODER].waiting - roles[RY_ROLE_ENCODER].held, 0);
    double transactions = grown(first->transactions, last->transactions);
    double transactions_s = grown(first->transactions_us, last->transactions_us) / 1e6;
    double writer_s = grown(first->roles[RY_ROLE_WRITER].busy_ms, last->roles[RY_ROLE_WRITER].busy_ms) / 1000;
    advice->db_ms = transactions > 0 ? transactions_s * 1000 / transactions : 0;
    advice->db_share = writer_s > 0 ? fmin(transactions_s / writer_s, 1) : 0;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(struct ry_advice *advice, const char *format, ...)
{
    if (advice->sentence_count == RY_ADVICE_SENTENCES)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(advice->sentences[advice->sentence_count++], RY_ADVICE_SENTENCE_BYTES, format, args);
    va_end(args);
}

const char *ry_advice_limit_name(enum ry_advice_limit limit)
{
    static const char *const names[] = {
        [RY_LIMIT_TOO_LITTLE] = "too_little", [RY_LIMIT_NONE] = "none",       [RY_LIMIT_NOBODY] = "nobody",
        [RY_LIMIT_INSTANCES] = "instances",   [RY_LIMIT_CPUS] = "cpus",       [RY_LIMIT_DATABASE] = "database",
        [RY_LIMIT_NETWORK] = "network",       [RY_LIMIT_DISCORD] = "discord", [RY_LIMIT_CLIP_WINDOW] = "clip_window",
    };
    RY_ASSERT((size_t)limit < sizeof names / sizeof *names && names[limit] != NULL, "limit %d", (int)limit);
    return names[limit];
}

static double percent(double fraction)
{
    return fraction * 100;
}

/* ---- who is the bottleneck --------------------------------------------------------------------------------------- */

/* The busiest stage but `but`; of those about as busy the one with the longer work before it. */
static enum ry_role busiest(const struct ry_advice *advice, enum ry_role but)
{
    enum ry_role best = RY_ROLE_NONE;
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        const struct ry_advice_role *role = &advice->roles[stages[i]], *champion = &advice->roles[best];
        double ahead = role->utilisation - champion->utilisation;
        if (stages[i] == but)
            continue;
        if (best == RY_ROLE_NONE || ahead > ABOUT_AS_BUSY ||
            (ahead > -ABOUT_AS_BUSY && role->waiting * role->service_ms > champion->waiting * champion->service_ms) ||
            (ahead > 0 && role->waiting * role->service_ms == champion->waiting * champion->service_ms))
            best = stages[i];
    }
    return best;
}

static bool cpus_are_known(const struct ry_advice_setting *setting)
{
    return setting->cpus > 0;
}

static double cpus_idle(const struct ry_advice_setting *setting)
{
    return fmax((double)setting->cpus - setting->cpus_busy, 0);
}

/* What another host would run: what is worth sending there, the busiest role if it can be sent. */
static void say_cpus(const struct ry_advice_setting *setting, struct ry_advice *advice)
{
    enum ry_role most = busiest(advice, RY_ROLE_NONE);
    advice->limit = RY_LIMIT_CPUS;
    say(advice,
        "This machine's CPUs are the limit: %.1f of %u are at work, so more instances here would only take turns. "
        "Another host would help: %s.",
        setting->cpus_busy, setting->cpus,
        most == RY_ROLE_ENCODER                       ? "`reelyard run --roles encoder` there, with the same REDIS_URL"
        : most == RY_ROLE_WRITER && setting->postgres ? "`reelyard run --roles writer` there, with the same REDIS_URL "
                                                        "and DATABASE_URL"
                                                      : "a whole node there, with the same REDIS_URL and DATABASE_URL");
}

/* How far the node comes once the bottleneck is none any more. */
static void say_next(struct ry_advice *advice)
{
    enum ry_role next = busiest(advice, advice->bottleneck);
    double utilisation = advice->roles[next].utilisation;
    if (utilisation >= RY_ADVICE_TARGET)
        say(advice, "The %s is next: it is %.0f%% busy too.", ry_role_name(next), percent(utilisation));
    else if (utilisation >= BUSY_MIN)
        say(advice, "Behind it the %s is next, %.0f%% busy: it would reach %.0f%% at %.1f times the throughput.",
            ry_role_name(next), percent(utilisation), percent(RY_ADVICE_TARGET), RY_ADVICE_TARGET / utilisation);
}

/* Instances here that bring the role to the target: its load in instances (utilisation law, offered work with what the
 * mailbox grew by), over the target, less those of others. */
static unsigned wanted_of(const struct ry_advice_role *role, double growth_per_s)
{
    double service_s = role->service_ms / 1000;
    double load = role->utilisation * role->instances + (fmax(growth_per_s, 0) + role->remote_done_per_s) * service_s;
    double here = ceil(load / RY_ADVICE_TARGET - 1e-9) - role->remote;
    return (unsigned)fmin(fmax(here, floor(role->instances) + 1), INSTANCES_MAX);
}

static void advise_instances(const struct ry_advice_setting *setting, double growth_per_s, struct ry_advice *advice)
{
    const struct ry_advice_role *role = &advice->roles[advice->bottleneck];
    const char *name = ry_role_name(advice->bottleneck);
    if (cpus_are_known(setting) && cpus_idle(setting) < CPU_IDLE_MIN) {
        say_cpus(setting, advice);
        say_next(advice);
        return;
    }
    unsigned wanted = wanted_of(role, growth_per_s);
    unsigned room = (unsigned)(role->instances + round(cpus_idle(setting)));
    bool capped = cpus_are_known(setting) && wanted > room;
    advice->limit = RY_LIMIT_INSTANCES;
    advice->wanted = capped ? room : wanted;
    say(advice,
        "%u instances of the %s here would balance it: `reelyard scale %s=%u` under `reelyard up`, else --%s %u.",
        advice->wanted, name, name, advice->wanted, name, advice->wanted);
    if (capped)
        say(advice, "%u would bring it to %.0f%%, but only %.1f CPUs are idle; the rest is for another host.", wanted,
            percent(RY_ADVICE_TARGET), cpus_idle(setting));
    say_next(advice);
}

/* The writer is the bottleneck. False: it is its own work, not the database. */
static bool advise_database(const struct ry_advice_setting *setting, struct ry_advice *advice)
{
    if (setting->postgres && advice->db_share < DB_SHARE_MIN)
        return false;
    advice->limit = RY_LIMIT_DATABASE;
    if (setting->postgres)
        say(advice,
            "The database is the limit: %.0f%% of the writer's time goes into waiting for PostgreSQL, %.1f ms for each "
            "transaction. Look at the server's disk and the way to it first; a second writer helps only as far as the "
            "server has room.",
            percent(advice->db_share), advice->db_ms);
    else
        say(advice,
            "The database is the limit: SQLite takes one writer at a time, %.1f ms for each transaction. A faster disk "
            "helps, or PostgreSQL (DATABASE_URL), which takes several.",
            advice->db_ms);
    say_next(advice);
    return true;
}

static void advise_bottleneck(const struct ry_advice_setting *setting, double growth_per_s, struct ry_advice *advice)
{
    const struct ry_advice_role *role = &advice->roles[advice->bottleneck];
    const char *name = ry_role_name(advice->bottleneck);
    if (role->done_per_s * advice->seconds < DONE_MIN - 0.5) {
        advice->limit = RY_LIMIT_TOO_LITTLE;
        say(advice,
            "The %s was %.0f%% busy but finished only %.0f mails: too few to judge. Observe for longer (--seconds).",
            name, percent(role->utilisation), role->done_per_s * advice->seconds);
        advice->bottleneck = RY_ROLE_NONE;
        return;
    }
    say(advice,
        "The %s is the bottleneck: it is %.0f%% busy, takes %.1f ms for each mail and so cannot do more than %.1f a "
        "second; %.1f mails wait for it, %.0f ms each.",
        name, percent(role->utilisation), role->service_ms, role->most_per_s, role->waiting, role->wait_ms);
    if (role->remote > 0)
        say(advice, "%u instances of other nodes do %.1f a second beside it.", role->remote, role->remote_done_per_s);
    if (advice->bottleneck != RY_ROLE_WRITER || !advise_database(setting, advice))
        advise_instances(setting, growth_per_s, advice);
}

/* ---- nobody is busy ---------------------------------------------------------------------------------------------- */

static void advise_network(const struct ry_advice_setting *setting, struct ry_advice *advice)
{
    const struct ry_advice_role *downloader = &advice->roles[RY_ROLE_DOWNLOADER];
    advice->limit = RY_LIMIT_NETWORK;
    say(advice,
        "The network or the video server is the limit: %.1f of %.1f clips in progress wait for bytes, while the "
        "downloader is %.0f%% and the encoders are %.0f%% busy.",
        advice->fetching, advice->in_flight, percent(downloader->utilisation),
        percent(advice->roles[RY_ROLE_ENCODER].utilisation));
    if (advice->in_flight >= NEARLY * setting->clip_window)
        say(advice,
            "The clip window (%u) is full: if the line has room, a larger --clip-window hides more of the wait.",
            setting->clip_window);
    if (downloader->capacity > 0 && downloader->held >= NEARLY * downloader->capacity)
        say(advice,
            "The downloaders hold as many clips as they may (%.0f): with a larger window --downloader %.0f too.",
            downloader->capacity, ceil(downloader->instances) + 1);
}

static void advise_clip_window(const struct ry_advice_setting *setting, struct ry_advice *advice)
{
    advice->limit = RY_LIMIT_CLIP_WINDOW;
    say(advice,
        "The clip window is the limit: all of its %u clips are in progress, and the encoders are only %.0f%% busy. "
        "Try "
        "--clip-window %u (REELYARD_CLIP_WINDOW).",
        setting->clip_window, percent(advice->roles[RY_ROLE_ENCODER].utilisation),
        setting->clip_window < CLIP_WINDOW_MAX / 2 ? setting->clip_window * 2 : CLIP_WINDOW_MAX);
}

static void advise_discord(struct ry_advice *advice)
{
    const struct ry_advice_role *scanner = &advice->roles[RY_ROLE_SCANNER];
    advice->limit = RY_LIMIT_DISCORD;
    say(advice,
        "Discord is the limit: the scanner holds %.1f jobs, is %.0f%% busy and the writer has nothing of it to do, so "
        "the jobs wait for Discord's answers or its rate limit, which is the bot's. More instances would share the "
        "same "
        "limit.",
        scanner->held, percent(scanner->utilisation));
}

/* How many instances of all roles were in a handler at a time. When other programs use the CPUs up, handlers take
 * longer and this is high too; when it is low, CPUs are not what the work waits for. */
static double handlers_busy(const struct ry_advice *advice)
{
    double busy = 0;
    for (size_t i = 0; i < STAGE_COUNT; i++)
        busy += advice->roles[stages[i]].utilisation * advice->roles[stages[i]].instances;
    return busy;
}

/* A role that nobody has, though mail waits for it and none of it goes anywhere. */
static enum ry_role missing(const struct ry_advice *advice)
{
    for (size_t i = 0; i < STAGE_COUNT; i++) {
        const struct ry_advice_role *role = &advice->roles[stages[i]];
        if (role->waiting >= 1 && role->instances == 0 && role->remote == 0 && role->wait_ms == 0)
            return stages[i];
    }
    return RY_ROLE_NONE;
}

static bool nothing_goes_on(const struct ry_advice *advice)
{
    for (size_t i = 0; i < STAGE_COUNT; i++)
        if (advice->roles[stages[i]].waiting >= 1)
            return false;
    return advice->roles[busiest(advice, RY_ROLE_NONE)].utilisation < BUSY_MIN && advice->in_flight < 1 &&
           advice->roles[RY_ROLE_SCANNER].held < 0.5;
}

static void advise_without_bottleneck(const struct ry_advice_setting *setting, struct ry_advice *advice)
{
    const struct ry_advice_role *scanner = &advice->roles[RY_ROLE_SCANNER], *writer = &advice->roles[RY_ROLE_WRITER];
    enum ry_role most = busiest(advice, RY_ROLE_NONE);
    double utilisation = advice->roles[most].utilisation;
    if (cpus_are_known(setting) && cpus_idle(setting) < CPU_IDLE_MIN && handlers_busy(advice) >= setting->cpus / 2.0)
        say_cpus(setting, advice);
    else if (advice->fetching >= 1 && advice->fetching >= advice->in_flight / 2)
        advise_network(setting, advice);
    else if (advice->in_flight >= NEARLY * setting->clip_window)
        advise_clip_window(setting, advice);
    else if (scanner->held - writer->held - writer->waiting >= 0.5 && scanner->utilisation < 0.5)
        advise_discord(advice);
    else {
        advice->limit = RY_LIMIT_NONE;
        say(advice, "The node keeps up: its busiest role, the %s, is %.0f%% busy.", ry_role_name(most),
            percent(utilisation));
        if (utilisation >= BUSY_MIN)
            say(advice, "It could take about %.1f times the work before that is %.0f%%.",
                RY_ADVICE_TARGET / utilisation, percent(RY_ADVICE_TARGET));
    }
}

int ry_advise(const struct ry_advice_sample *samples, size_t count, const struct ry_advice_setting *setting,
              struct ry_advice *advice, struct ry_error *err)
{
    *advice = (struct ry_advice){.limit = RY_LIMIT_TOO_LITTLE};
    if (count < 2 || samples[count - 1].uptime_ms <= samples[0].uptime_ms)
        return ry_fail(err, RY_EINVAL, "the node was restarted during the observation; try again");
    advice->seconds = (double)(samples[count - 1].uptime_ms - samples[0].uptime_ms) / 1000;
    measure(samples, count, setting, advice);
    enum ry_role role = missing(advice);
    if (role != RY_ROLE_NONE) {
        advice->limit = RY_LIMIT_NOBODY;
        advice->bottleneck = role;
        advice->wanted = 1;
        say(advice, "%.0f mails are queued for the %s, which has no instance: start one.", advice->roles[role].waiting,
            ry_role_name(role));
        return RY_OK;
    }
    if (nothing_goes_on(advice)) {
        say(advice, "Not enough load: no role was more than %.0f%% busy and nothing is queued. Try again under load.",
            percent(BUSY_MIN));
        return RY_OK;
    }
    role = busiest(advice, RY_ROLE_NONE);
    if (advice->roles[role].utilisation >= RY_ADVICE_TARGET) {
        advice->bottleneck = role;
        const struct ry_advice_mark *first = &samples[0].roles[role], *last = &samples[count - 1].roles[role];
        advise_bottleneck(setting, ((double)last->queued - (double)first->queued) / advice->seconds, advice);
    } else {
        advise_without_bottleneck(setting, advice);
    }
    return RY_OK;
}
