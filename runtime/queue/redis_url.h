/* redis_url.h: redis://[[user]:password@]host[:port][/number], taken apart.
 *
 * User and password are percent-decoded (RFC 3986, section 2.1). A URL holds a password: no error here repeats it. */
#ifndef REELYARD_RUNTIME_QUEUE_REDIS_URL_H
#define REELYARD_RUNTIME_QUEUE_REDIS_URL_H

#include "runtime/base/error.h"

#define RY_REDIS_HOST_BYTES   256
#define RY_REDIS_SECRET_BYTES 512

struct ry_redis_url {
    char host[RY_REDIS_HOST_BYTES]; /* a name or an address, brackets taken off */
    char user[RY_REDIS_SECRET_BYTES];
    char password[RY_REDIS_SECRET_BYTES];
    unsigned port;
    unsigned database;
};

/* RY_OK, or RY_ECONFIG with what is wrong with the URL and how it should look. */
int ry_redis_url_parse(struct ry_redis_url *url, const char *text, struct ry_error *err);

#endif
