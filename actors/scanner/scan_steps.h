/* scan_steps.h: what a step is, and the table of each file that has some. Included by these files and by the wiring. */
#ifndef REELYARD_ACTORS_SCANNER_SCAN_STEPS_H
#define REELYARD_ACTORS_SCANNER_SCAN_STEPS_H

#include "actors/scanner/scan.h"

/* One row of a table: a step and how it acts. */
struct scan_step_spec {
    enum scan_step step;
    enum ry_tag awaited; /* the answer of the writer that the step waits for; RY_TAG_NONE: none */
    /* Acts and returns the next step. */
    enum scan_step (*act)(struct scan *scan);
    /* What follows from the answer; NULL if none is awaited. */
    enum scan_step (*on_answer)(struct scan *scan, const struct ry_mail *mail);
};

/* The steps of one file. */
struct scan_steps {
    const struct scan_step_spec *specs;
    size_t n;
};

extern const struct scan_steps scan_settings_steps;
extern const struct scan_steps scan_parent_steps;
extern const struct scan_steps scan_place_steps;
extern const struct scan_steps scan_status_steps;
extern const struct scan_steps scan_fetch_steps;
extern const struct scan_steps scan_known_steps;
extern const struct scan_steps scan_days_steps;
extern const struct scan_steps scan_threads_steps;
extern const struct scan_steps scan_write_steps;
extern const struct scan_steps scan_chores_steps;
extern const struct scan_steps scan_next_steps;

#endif
