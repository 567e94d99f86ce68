/* media_head.h: what is said of a video in the head of a response: its type and its name.
 *
 * Both come from strangers, by way of the archive. Pure functions. */
#ifndef REELYARD_ACTORS_MONITOR_MEDIA_HEAD_H
#define REELYARD_ACTORS_MONITOR_MEDIA_HEAD_H

#include "runtime/base/buf.h"
#include "runtime/base/str.h"

/* A Content-Security-Policy for files that strangers made: nothing in them runs, nothing is loaded by them, should a
 * browser ever take one for a page. */
#define MEDIA_SECURITY_POLICY "default-src 'none'; media-src 'self'; style-src 'unsafe-inline'; sandbox"

/* Whether a type is one of a video, in lower case and without parameters: what a browser may show in its place. */
bool media_is_video(struct ry_str type);

/* Appends a value of Content-Disposition (RFC 6266) with a file's name, which may be anything: once in ASCII, and
 * whole in UTF-8 if that says more (RFC 8187). */
void media_disposition(struct ry_buf *out, struct ry_str name, bool attachment);

#endif
