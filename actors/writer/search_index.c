/* search_index.c: see search_index.h. */
#include "actors/writer/search_index.h"

#include "runtime/base/log.h"

/* Clips of a transaction; more of them are left to the writer's upkeep. */
#define CLIPS_MAX 10000

int search_index_write(struct writer_engine *engine, enum writer_care care, struct ry_error *err)
{
    const struct writer_engine_ops *ops = engine->ops;
    bool left = false;
    if (care == WRITER_BRISK)
        return ops->search_write(engine, CLIPS_MAX, false, &left, err);
    int rc = ops->savepoint(engine, err);
    if (rc != RY_OK)
        return rc;
    struct ry_error why;
    rc = ops->search_write(engine, CLIPS_MAX, false, &left, &why);
    if (rc == RY_OK)
        rc = ops->sync(engine, &why);
    if (rc == RY_OK)
        return ops->release(engine, err);
    if (ry_err_class(why.code) != RY_CLASS_REJECT && why.code != RY_ESCHEMA)
        return ry_fail(err, why.code, "%s", why.text);
    RY_LOG(RY_WARNING, "index_refused", "reason=%s", why.text);
    return ops->rollback_to(engine, err);
}
