/* advice.h: what limits a node, and how many instances would balance it, from what its router says of itself.
 *
 * Pure: samples in, advice out. `reelyard advise` (cmd_advise.c) takes the samples and prints. Two laws that hold
 * whatever the distributions are (docs/SCALING.md has the formulae and their sources) are all the theory:
 *   utilisation law   U = X * S / n      busy fraction from throughput, mean service time and instances
 *   Little's law      W = L / X          mean wait from mean number that waits and throughput */
#ifndef REELYARD_RUNTIME_ADVICE_ADVICE_H
#define REELYARD_RUNTIME_ADVICE_ADVICE_H

#include "proto/message.h"
#include "proto/role.h"
#include "runtime/base/error.h"

/* Instances are counted so that they would be this busy: above it, waits grow steeply with every bit of work more. */
#define RY_ADVICE_TARGET 0.7

#define RY_ADVICE_SENTENCES      6
#define RY_ADVICE_SENTENCE_BYTES 400

/* A role at one moment; totals since the router started. */
struct ry_advice_mark {
    uint64_t queued, held, oldest_ms;
    uint64_t instances, capacity;
    uint64_t accepted, done, busy_ms;
};

/* The node at one moment. */
struct ry_advice_sample {
    uint64_t uptime_ms;
    struct ry_advice_mark roles[RY_ROLE_COUNT];
    uint64_t transactions;    /* of the database, since the node started */
    uint64_t transactions_us; /* their time together */
};

/* What the router cannot know. */
struct ry_advice_setting {
    unsigned cpus;                  /* of this machine; 0: unknown */
    double cpus_busy;               /* how many of them worked, whoever for; mean over the samples */
    unsigned clip_window;           /* most clips in the works */
    bool postgres;                  /* else SQLite */
    unsigned remote[RY_ROLE_COUNT]; /* instances of other nodes, where the node has a relay */
};

/* A role between the first sample and the last. */
struct ry_advice_role {
    double instances;         /* mean of the samples */
    unsigned remote;          /* instances of other nodes */
    double done_per_s;        /* mails that instances of this node finished */
    double remote_done_per_s; /* mails that went through the mailbox and were finished by others */
    double service_ms;        /* busy time for each mail done; 0: none was */
    double utilisation;       /* 0 to 1 */
    double most_per_s;        /* mails a second at utilisation 1; 0: unknown */
    double waiting;           /* mean number of mails that wait */
    double wait_ms;           /* how long a mail waits, by Little's law; 0: nothing waits or nothing moves */
    double held;              /* mean number of mails in custody */
    double capacity;          /* mails that its instances may hold together, mean */
    uint64_t oldest_ms;       /* age of the oldest waiting mail at the last sample */
};

enum ry_advice_limit {
    RY_LIMIT_TOO_LITTLE,  /* there is too little work to tell */
    RY_LIMIT_NONE,        /* the node keeps up with its work and has room */
    RY_LIMIT_NOBODY,      /* mail waits for a role that nobody has */
    RY_LIMIT_INSTANCES,   /* a role has too few */
    RY_LIMIT_CPUS,        /* this machine's CPUs */
    RY_LIMIT_DATABASE,    /* the writer waits for the database */
    RY_LIMIT_NETWORK,     /* clips wait for bytes */
    RY_LIMIT_DISCORD,     /* the scanner waits for Discord's API */
    RY_LIMIT_CLIP_WINDOW, /* fewer clips are in the works than could be worked on */
};

struct ry_advice {
    double seconds;
    struct ry_advice_role roles[RY_ROLE_COUNT];
    double in_flight;        /* clips with the downloader or behind it, mean */
    double fetching;         /* of these, those that wait for bytes rather than for an encoder */
    double db_ms;            /* mean time of a transaction */
    double db_share;         /* of the writer's busy time, spent in transactions */
    enum ry_role bottleneck; /* RY_ROLE_NONE: no role is */
    enum ry_advice_limit limit;
    unsigned wanted; /* instances of the bottleneck on this node that balance it; 0: not a matter of instances */
    char sentences[RY_ADVICE_SENTENCES][RY_ADVICE_SENTENCE_BYTES]; /* what to do and why */
    size_t sentence_count;
};

/* Copies what is needed of a state. */
void ry_advice_sample(const struct ry_node_state *state, struct ry_advice_sample *sample);

/* Advises from `count` samples, oldest first: totals from the first and the last, means over all. RY_EINVAL: fewer
 * than two, or the node started anew between them. */
int ry_advise(const struct ry_advice_sample *samples, size_t count, const struct ry_advice_setting *setting,
              struct ry_advice *advice, struct ry_error *err);

/* "instances", "cpus", .. : stable, for programs. Static. */
const char *ry_advice_limit_name(enum ry_advice_limit limit);

#endif
