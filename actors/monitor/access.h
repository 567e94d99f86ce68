/* access.h: who may see the web page, and who may change something through it. Pure functions on what a request contains.
 *
 * Without a token the page is open to everybody who can reach the port: by default, this machine. A web page of another
 * site must not be able to read it through the user's browser (DNS rebinding), so on a loopback address only host names
 * of this machine are accepted. With a token this check is not needed: another host name has no cookie, and a reverse
 * proxy may use a name of its own. */
#ifndef REELYARD_ACTORS_MONITOR_ACCESS_H
#define REELYARD_ACTORS_MONITOR_ACCESS_H

#include "runtime/base/buf.h"

#define ACCESS_COOKIE "reelyard_token"

/* Whether a and b are equal, in a time that tells nothing of where they differ. */
bool access_same(struct ry_str a, struct ry_str b);

/* The token of "Authorization: Bearer TOKEN"; the absent string if header (may be NULL) is not of that form. */
struct ry_str access_bearer(const char *header);

/* Whether a cookie's value is that of the token. A cookie cannot hold every character, so it is the token's bytes in
 * hexadecimal. */
bool access_cookie(struct ry_str token, const char *value);

/* Appends "reelyard_token=...; HttpOnly; SameSite=Lax; Path=/". */
void access_set_cookie(struct ry_str token, struct ry_buf *out);

/* Whether a Host header (may be NULL) names this machine's loopback, with any port. */
bool access_host_is_loopback(const char *host);

/* Who asks for a change: a page of this very origin, which knows its token, or a program that shows the web token. */
struct access_change {
    const char *fetch_site; /* Sec-Fetch-Site, Origin and Host as they came; NULL: absent */
    const char *origin;
    const char *host;
    struct ry_str given;  /* the token that came with it */
    struct ry_str wanted; /* of this process */
    bool bearer;          /* it came with the web token as Authorization, which no other site can send */
};

/* Why a change is refused, a sentence; NULL: it is allowed. */
const char *access_refuses(const struct access_change *change);

#endif
