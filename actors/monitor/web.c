/* web.c: finding the embedded files. Pure functions on constant tables. */
#include "actors/monitor/web.h"

#include "runtime/base/assert.h"

const struct web_asset *web_find(struct ry_str path, bool *current)
{
    const struct ry_str prefix = RY_STR(WEB_ASSETS);
    if (!ry_str_starts(path, prefix))
        return NULL;
    struct ry_str rest = {path.p + prefix.n, path.n - prefix.n};
    const char *slash = rest.n > 0 ? memchr(rest.p, '/', rest.n) : NULL;
    if (slash == NULL)
        return NULL;
    struct ry_str digest = {rest.p, (size_t)(slash - rest.p)};
    struct ry_str name = {slash + 1, rest.n - digest.n - 1};
    *current = ry_str_is(digest, web_digest);
    for (const struct web_asset *asset = web_assets; asset->name; asset++)
        if (ry_str_is(name, asset->name))
            return asset;
    return NULL;
}

struct ry_str web_template(const char *name)
{
    const struct web_template *entry = web_templates;
    while (entry->name && strcmp(entry->name, name) != 0)
        entry++;
    RY_ASSERT(entry->name != NULL, "there is no template %s", name);
    return entry->text;
}
