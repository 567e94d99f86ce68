/* engine_pg_roots.c: see engine_pg_ops.h. */
#include "actors/writer/engine_pg_ops.h"

#include <stdlib.h>
#include <string.h>

const char pg_roots_sql[] = "SELECT path FROM reelyard_media_root";

static int compare_str(const void *a, const void *b)
{
    const struct ry_str *left = a, *right = b;
    size_t n = left->n < right->n ? left->n : right->n;
    int by = n > 0 ? memcmp(left->p, right->p, n) : 0;
    return by != 0 ? by : left->n < right->n ? -1 : left->n > right->n;
}

int pg_roots_read(struct pg *pg, const PGresult *result, struct pg_roots *roots, struct ry_error *err)
{
    roots->n = (size_t)PQntuples(result);
    roots->items = pg_room(pg, roots->n * sizeof *roots->items);
    if (roots->items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for media roots");
    for (size_t i = 0; i < roots->n; i++)
        roots->items[i] = (struct ry_str){PQgetvalue(result, (int)i, 0), (size_t)PQgetlength(result, (int)i, 0)};
    qsort(roots->items, roots->n, sizeof *roots->items, compare_str);
    return RY_OK;
}

struct ry_str pg_root_of(const struct pg_roots *roots, struct ry_str url, struct ry_arena *arena)
{
    struct ry_str path = writer_text_file_path(url, arena);
    while (path.n > 1) {
        do
            path.n--;
        while (path.n > 0 && path.p[path.n] != '/');
        struct ry_str folder = path.n > 0 ? path : (struct ry_str){path.p, 1};
        if (bsearch(&folder, roots->items, roots->n, sizeof *roots->items, compare_str) != NULL)
            return folder;
    }
    return (struct ry_str){0};
}
