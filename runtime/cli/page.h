/* page.h: where the web page is, as commands tell it: the one of the node that runs, or the one that a node would have.
 */
#ifndef REELYARD_RUNTIME_CLI_PAGE_H
#define REELYARD_RUNTIME_CLI_PAGE_H

#include "runtime/cli/session.h"

#define RY_PAGE_URL_BYTES 301

struct ry_page {
    bool joined;                 /* a node runs that this command joined; else one has to be started first */
    bool known;                  /* joined: it told its URL */
    char url[RY_PAGE_URL_BYTES]; /* "": it has no page */
};

/* The URL by which a node with this configuration is reached on its own host; "" when it has no page (port 0). */
void ry_page_of_config(const struct ry_config *config, char url[RY_PAGE_URL_BYTES]);

/* Asks the session's node, if it was joined: its address, port and roles may be other than this command's configuration
 * says. Before the session is closed. */
void ry_page_ask(struct ry_page *page, struct ry_session *session);

/* Tells how to look at the archive: the URL of the node that runs, or the command that starts one, with the options
 * that this command was given for the page. */
void ry_page_tell(FILE *out, const struct ry_config *config, const struct ry_page *page);

#endif
