/* probe.h: what a taken-over process would try, tried in a sandbox.
 *
 * Each attempt has a child process and a sandbox of its own. Those of the first kind are made before the seal, so that
 * namespaces, privileges and limits show what they are worth without the filter; the others after it. */
#ifndef REELYARD_RUNTIME_SANDBOX_PROBE_H
#define REELYARD_RUNTIME_SANDBOX_PROBE_H

#include "runtime/sandbox/sandbox.h"

struct ry_probe {
    const char *name; /* "read a file of the host" */
    bool sealed;      /* tried behind the filter, too; else behind the namespaces alone */
    int (*attempt)(void);
};

enum ry_probe_verdict {
    RY_PROBE_KILLED,  /* the process was killed */
    RY_PROBE_REFUSED, /* the call failed */
    RY_PROBE_ALLOWED,
    RY_PROBE_UNKNOWN /* no sandbox could be entered */
};

struct ry_probe_result {
    enum ry_probe_verdict verdict;
    int number; /* the signal (KILLED) or errno (REFUSED) */
};

/* What the attempts are made against: a process that lives and a port that is listened on, of the caller's. */
struct ry_probe_targets {
    pid_t victim;
    int listener;
    unsigned short port;
};

/* RY_EIO when they cannot be had. Ended by close; a half-open one may be closed. */
int ry_probe_targets_open(struct ry_probe_targets *targets, struct ry_error *err);
void ry_probe_targets_close(struct ry_probe_targets *targets);

/* All probes. */
const struct ry_probe *ry_probes(size_t *count);

/* Tries one, as far as a sandbox can be had (AUTO). The caller has one thread. */
struct ry_probe_result ry_probe_try(const struct ry_probe *probe, const struct ry_probe_targets *targets);

/* Whether a sealed process can still do its work: allocate, write to its log, read the clock, end well. */
bool ry_probe_works(void);

#endif
