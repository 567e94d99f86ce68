/* plan.c: what shall run: freed as a whole, and read from lists of numbers. Holds nothing itself. */
#include "runtime/supervisor/supervisor.h"

#include <stdlib.h>
#include <string.h>

void ry_up_plan_free(struct ry_up_plan **plan)
{
    struct ry_up_plan *old = *plan;
    *plan = NULL;
    if (old == NULL)
        return;
    ry_config_free(&old->config);
    free(old->env);
    free(old);
}

int ry_up_list(const char *list, const char *place, uint64_t most,
               int (*set)(void *arg, struct ry_str role, uint64_t number, struct ry_error *err), void *arg,
               struct ry_error *err)
{
    while (*list) {
        struct ry_str word = {list, strcspn(list, ", ")};
        const char *equals = memchr(word.p, '=', word.n);
        uint64_t number = 0;
        if (equals == NULL ||
            !ry_str_u64((struct ry_str){equals + 1, word.n - (size_t)(equals + 1 - word.p)}, &number) || number > most)
            return ry_fail(err, RY_ECONFIG, "%s: \"%.*s\" must be a role, \"=\" and a whole number up to %llu", place,
                           RY_STR_ARG(word), (unsigned long long)most);
        int rc = set(arg, (struct ry_str){word.p, (size_t)(equals - word.p)}, number, err);
        if (rc != RY_OK)
            return rc;
        list += word.n;
        list += strspn(list, ", ");
    }
    return RY_OK;
}
