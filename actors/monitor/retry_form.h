/* retry_form.h: a button that has thumbnails made again, as a form that works without script. */
#ifndef REELYARD_ACTORS_MONITOR_RETRY_FORM_H
#define REELYARD_ACTORS_MONITOR_RETRY_FORM_H

#include "runtime/base/buf.h"

struct retry_form {
    struct ry_str clip_id; /* absent: of all failed clips, or those with `reason` */
    struct ry_str reason;
    struct ry_str token;
    struct ry_str back;  /* the path of the page to return to */
    const char *text;    /* on the button */
    struct ry_str label; /* what the button is called by those who do not see what it stands beside; or absent */
};

void retry_form_add(const struct retry_form *form, struct ry_buf *out);

#endif
