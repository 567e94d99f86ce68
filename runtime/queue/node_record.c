/* node_record.c: see node_record.h.
 *
 * Owns nothing. What is read may be any bytes: it becomes a record or a sentence that says what is wrong with it. A
 * version of reelyard before this format wrote a JSON object; it is named, not understood (docs/REDIS.md). */
#include "runtime/queue/node_record.h"

#include "runtime/base/utf8.h"

static struct ry_sealed sealed_record(struct ry_str name, const struct ry_str *body)
{
    return (struct ry_sealed){.purpose = "node", .place = name, .parts = body, .n = 1};
}

int ry_node_record_write(const struct ry_fleet *fleet, struct ry_str name, const struct ry_node_record *record,
                         struct ry_buf *out, struct ry_error *err)
{
    RY_BUF_AUTO packed = ry_buf_make(out->max);
    char seal[RY_SEAL_CHARS + 1] = "";
    int rc = ry_pack_record(&ry_record_node_record, record, &packed, err);
    if (rc != RY_OK)
        return rc;
    const struct ry_str body = ry_buf_str(&packed);
    const struct ry_sealed sealed = sealed_record(name, &body);
    if (fleet->n > 0)
        ry_fleet_seal(fleet, &sealed, seal);
    (void)ry_buf_addf(out, "%s\n", seal);
    (void)ry_buf_add_str(out, body);
    return out->failed ? ry_fail(err, RY_ENOMEM, "no memory for the record of this node") : RY_OK;
}

/* Splits a value at its first line end. False: it has none where one may be. */
static bool split(struct ry_str value, struct ry_str *seal, struct ry_str *body)
{
    const char *end = value.n > 0 ? memchr(value.p, '\n', value.n) : NULL;
    if (end == NULL || (end != value.p && end != value.p + RY_SEAL_CHARS))
        return false;
    *seal = (struct ry_str){value.p, (size_t)(end - value.p)};
    *body = (struct ry_str){end + 1, value.n - seal->n - 1};
    return true;
}

void ry_node_record_read(const struct ry_fleet *fleet, struct ry_str name, struct ry_str value, struct ry_arena *arena,
                         struct ry_mail_node *node)
{
    struct ry_str seal = {0};
    struct ry_str body = value;
    struct ry_error err = {0};
    void *record = NULL;
    *node = (struct ry_mail_node){.name = name};
    bool whole = split(value, &seal, &body);
    const struct ry_sealed sealed = sealed_record(name, &body);
    node->seal = ry_fleet_check(fleet, &sealed, seal);
    node->accepted = ry_fleet_accepts(fleet, node->seal);
    if (whole && ry_unpack_record(&ry_record_node_record, body, arena, &record, &err) == RY_OK)
        node->record = record;
    if (!whole && ry_str_starts(value, RY_STR("{")))
        (void)ry_utf8_print(node->fault, sizeof node->fault,
                            "it is JSON, as an older reelyard writes it, without a seal of this version; nodes that "
                            "share a Redis are exchanged together");
    else if (!node->accepted)
        (void)ry_utf8_print(node->fault, sizeof node->fault, "%s", ry_seal_text(node->seal));
    else if (node->record == NULL)
        (void)ry_utf8_print(node->fault, sizeof node->fault, "it is not a record of a node%s%s", whole ? ": " : "",
                            err.text);
}
