/* web.h: the files of the page, which the build embeds (web/embed.cmake).
 *
 * Assets are served as they are, under URLs that change with their contents, and so may be kept forever. Templates are
 * filled in by template.h. All of it is constant and lives as long as the program. */
#ifndef REELYARD_ACTORS_MONITOR_WEB_H
#define REELYARD_ACTORS_MONITOR_WEB_H

#include "runtime/base/buf.h"

struct web_asset {
    const char *name; /* of the file: style.css */
    const char *type;
    struct ry_str plain;
    struct ry_str gzip;
};

struct web_template {
    const char *name; /* of the file, without .html */
    struct ry_str text;
};

/* Both tables end with an entry without a name. */
extern const struct web_asset web_assets[];
extern const struct web_template web_templates[];
/* Of all assets, in hexadecimal digits: their URL is "/assets/" digest "/" name. */
extern const char web_digest[];

#define WEB_ASSETS "/assets/"

/* The asset that a path asks for; NULL if there is none. *current: under the digest of this program, so that the answer
 * may be kept; a page of an older one still finds the file by its name. */
const struct web_asset *web_find(struct ry_str path, bool *current);

/* A template's text. There is one of that name. */
struct ry_str web_template(const char *name);

#endif
