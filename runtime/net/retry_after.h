/* retry_after.h: reads the Retry-After header. Pure; any thread.
 *
 * libcurl's CURLINFO_RETRY_AFTER is not used: from version 8.14 on it tells at most six hours. */
#ifndef REELYARD_RUNTIME_NET_RETRY_AFTER_H
#define REELYARD_RUNTIME_NET_RETRY_AFTER_H

#include "runtime/base/str.h"

/* What is told of a longer wait. */
#define RY_RETRY_AFTER_MAX_MS ((int64_t)INT32_MAX * 1000)

/* An HTTP date in any of its three forms (RFC 9110, section 5.6.7) in Unix milliseconds; -1: it is none, or before
 * 1970. */
int64_t ry_http_date_ms(struct ry_str text);

/* How long a server asks to wait, in ms, 0..RY_RETRY_AFTER_MAX_MS; -1: text is malformed. text is a number of seconds,
 * with a fraction as Discord sends it (rounded up), or an HTTP date, which counts from date_ms: the answer's own Date,
 * or now. A date that is over is 0. */
int64_t ry_retry_after_ms(struct ry_str text, int64_t date_ms);

#endif
