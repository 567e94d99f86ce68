/* engine_sqlite_files.c: the list of files to delete, and those that were deleted (ADR 0009, 0034).
 *
 * Rows of the list are written in the transaction that takes away a file's last row, whoever does that; they go when
 * storage has deleted the file. */
#include "actors/writer/engine_sqlite_ops.h"
#include "actors/writer/media_waits.h"

int lite_file_mark_pending_delete(struct lite *lite, struct ry_str path, struct ry_error *err)
{
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_file_pending_delete, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, path);
    lite_bind_now(lite, s, 2);
    return lite_run(lite, s, NULL, err);
}

int lite_file_forget(struct lite *lite, struct ry_str path, struct ry_error *err)
{
    return lite_run_id(lite, LITE_file_forget, path, NULL, err);
}

int lite_file_removed(struct lite *lite, struct ry_str path, struct ry_error *err)
{
    if (!media_is_shared(path))
        return RY_OK;
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_file_removed, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind(s, 1, path);
    lite_bind_now(lite, s, 2);
    rc = lite_run(lite, s, NULL, err);
    if (rc != RY_OK)
        return rc;
    LITE_AUTO *prune = NULL;
    rc = lite_get(lite, LITE_removed_prune, &prune, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_time(lite, prune, 1, lite->now_wall_ms - MEDIA_REMOVED_KEPT_MS);
    return lite_run(lite, prune, NULL, err);
}

int lite_files_forget(struct writer_engine *engine, const struct ry_files_forget *forget, struct ry_error *err)
{
    struct lite *lite = lite_of(engine);
    int rc = RY_OK;
    for (size_t i = 0; rc == RY_OK && i < forget->paths.n; i++) {
        rc = lite_file_removed(lite, forget->paths.items[i], err);
        if (rc == RY_OK)
            rc = lite_file_forget(lite, forget->paths.items[i], err);
    }
    return rc;
}

int lite_files_doomed_get(struct writer_engine *engine, const struct ry_files_doomed_get *get, struct ry_arena *arena,
                          struct ry_files_doomed_got *got, struct ry_error *err)
{
    struct lite *lite = lite_look(engine);
    *got = (struct ry_files_doomed_got){0};
    LITE_AUTO *s = NULL;
    int rc = lite_get(lite, LITE_files_doomed, &s, err);
    if (rc != RY_OK)
        return rc;
    lite_bind_u64(s, 1, get->limit);
    got->paths.items = ry_arena_array(arena, get->limit, sizeof *got->paths.items);
    if (got->paths.items == NULL)
        return ry_fail(err, RY_ENOMEM, "out of memory for a list of files");
    while ((rc = lite_step(lite, s, err)) == 1)
        /* one that is too long for a message stays so: cut, it might be the path of another file */
        got->paths.items[got->paths.n++] = lite_text(s, 0, 4097, arena);
    return rc < 0 ? rc : RY_OK;
}
