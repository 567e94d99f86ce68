/* status_cluster.c: the nodes that share a Redis, by what each says of itself every two seconds (actors/relay). */
#include "runtime/cli/status_cluster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/utf8.h"
#include "runtime/cli/message_json.h"
#include "runtime/queue/mail_stream.h"

/* More instances of a role than this a node does not have; its word is not believed. */
#define REMOTE_MAX 65536

/* What the nodes say, as one JSON array. */
struct words {
    struct ry_buf text;
    struct ry_json_writer writer;
    bool keyless; /* there is no key to tell by */
};

static void put_record(struct ry_json_writer *writer, const struct ry_node_record *record)
{
    uint64_t capacity = 0;
    ry_json_put_str(writer, "owner", record->owner);
    ry_json_put_array(writer, "roles");
    for (size_t i = 0; i < record->roles.n; i++)
        ry_json_put_str(writer, NULL, record->roles.items[i].role);
    ry_json_put_end(writer);
    ry_json_put_object(writer, "instances");
    for (size_t i = 0; i < record->roles.n; i++) {
        char role[33]; /* the longest that a record may have */
        (void)snprintf(role, sizeof role, "%.*s", RY_STR_ARG(record->roles.items[i].role));
        ry_json_put_u64(writer, role, record->roles.items[i].instances);
        capacity += record->roles.items[i].capacity;
    }
    ry_json_put_end(writer);
    ry_json_put_u64(writer, "capacity", capacity);
    ry_json_put_u64(writer, "taken", record->taken);
    ry_json_put_u64(writer, "given", record->given);
    ry_json_put_i64(writer, "wall_ms", record->said_wall_ms);
}

/* The record of a node; of one that is not believed, only the name and what is wrong. Who has no key has nothing to
 * tell by, and goes by what is written well. */
static void on_node(void *arg, const struct ry_mail_node *node)
{
    struct words *words = arg;
    ry_json_put_object(&words->writer, NULL);
    ry_json_put_str(&words->writer, "node", node->name);
    if (node->record != NULL && (node->accepted || words->keyless))
        put_record(&words->writer, node->record);
    else
        ry_json_put_text(&words->writer, "refused", node->fault);
    ry_json_put_end(&words->writer);
}

/* All nodes' words as a document, an array. */
static int ask_nodes(struct ry_mail_stream *mail, struct ry_json_doc **nodes, struct ry_error *err)
{
    struct words words = {.text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES)};
    words.keyless = ry_mail_stream_fleet(mail)->n == 0;
    words.writer = ry_json_writer(&words.text, false);
    ry_json_put_array(&words.writer, NULL);
    int rc = ry_mail_stream_nodes(mail, on_node, &words, err);
    ry_json_put_end(&words.writer);
    if (rc == RY_OK && words.text.failed)
        rc = ry_fail(err, RY_ENOMEM, "no memory for the list of nodes");
    if (rc == RY_OK)
        rc = ry_json_parse(ry_buf_str(&words.text), nodes, err);
    ry_buf_free(&words.text);
    return rc;
}

int ry_status_cluster_instances(const struct ry_cli *cli, struct ry_str own_node, unsigned remote[RY_ROLE_COUNT],
                                struct ry_error *err)
{
    struct ry_mail_stream *mail = NULL;
    RY_JSON_AUTO *nodes = NULL;
    memset(remote, 0, RY_ROLE_COUNT * sizeof *remote);
    int rc = ry_mail_stream_new(&mail, cli->config, "status", ry_clock_system(), err);
    if (rc == RY_OK)
        rc = ask_nodes(mail, &nodes, err);
    const struct ry_json *node = NULL;
    struct ry_json_walk walk = ry_json_walk(ry_json_root(nodes));
    while (ry_json_next(&walk, &node)) {
        const struct ry_json *instances = ry_json_get(node, "instances");
        if (ry_str_eq(own_node, ry_json_get_str(node, "node")))
            continue;
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
            int64_t count = 0;
            (void)ry_json_i64(ry_json_get(instances, ry_role_name((enum ry_role)role)), &count);
            remote[role] += count > 0 && count < REMOTE_MAX ? (unsigned)count : 0;
        }
    }
    ry_mail_stream_free(&mail);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    struct ry_str left = ry_json_get_str(*(const struct ry_json *const *)a, "node");
    struct ry_str right = ry_json_get_str(*(const struct ry_json *const *)b, "node");
    int order = memcmp(left.p, right.p, left.n < right.n ? left.n : right.n);
    return order != 0 ? order : (left.n > right.n) - (left.n < right.n);
}

/* The nodes' words, sorted by name. */
static int put_nodes(struct ry_json_writer *writer, const struct ry_json *nodes, struct ry_error *err)
{
    size_t n = ry_json_count(nodes);
    const struct ry_json **sorted = calloc(n + 1, sizeof *sorted);
    if (sorted == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for %zu nodes", n);
    struct ry_json_walk walk = ry_json_walk(nodes);
    for (size_t i = 0; ry_json_next(&walk, &sorted[i]);)
        i++;
    qsort(sorted, n, sizeof *sorted, by_name);
    ry_json_put_array(writer, "nodes");
    for (size_t i = 0; i < n; i++)
        ry_json_put_value(writer, NULL, sorted[i]);
    ry_json_put_end(writer);
    free(sorted);
    return RY_OK;
}

static int put_mail(struct ry_json_writer *writer, struct ry_mail_stream *mail, struct ry_error *err)
{
    int rc = RY_OK;
    ry_json_put_object(writer, "mail");
    for (unsigned role = 1; rc == RY_OK && role < RY_ROLE_MONITOR; role++) {
        char stream[RY_MAIL_STREAM_BYTES];
        uint64_t length = 0;
        uint64_t urgent = 0;
        (void)snprintf(stream, sizeof stream, "reelyard:mail:%s", ry_role_name((enum ry_role)role));
        rc = ry_mail_stream_length(mail, stream, &length, err);
        (void)snprintf(stream, sizeof stream, "reelyard:mail:%s:urgent", ry_role_name((enum ry_role)role));
        if (rc == RY_OK)
            rc = ry_mail_stream_length(mail, stream, &urgent, err);
        ry_json_put_u64(writer, ry_role_name((enum ry_role)role), length + urgent);
    }
    ry_json_put_end(writer);
    return rc;
}

static int ask(struct ry_cli *cli, struct ry_json_writer *writer, struct ry_error *err)
{
    struct ry_mail_stream *mail = NULL;
    RY_JSON_AUTO *nodes = NULL;
    ry_json_put_object(writer, NULL);
    int rc = ry_mail_stream_new(&mail, cli->config, "status", ry_clock_system(), err);
    if (rc == RY_OK)
        rc = ask_nodes(mail, &nodes, err);
    if (rc == RY_OK)
        rc = put_nodes(writer, ry_json_root(nodes), err);
    if (rc == RY_OK)
        rc = put_mail(writer, mail, err);
    ry_json_put_end(writer);
    ry_mail_stream_free(&mail);
    return rc;
}

static int tell(const struct ry_cli *cli, const struct ry_buf *text, struct ry_error *err)
{
    RY_JSON_AUTO *doc = NULL;
    int rc = text->failed ? ry_fail(err, RY_ENOMEM, "no memory") : ry_json_parse(ry_buf_str(text), &doc, err);
    if (rc != RY_OK)
        return rc;
    fprintf(cli->out, "%-24s %8s %8s %8s  %s\n", "node", "room", "taken", "given", "roles");
    const struct ry_json *node = NULL;
    struct ry_json_walk nodes = ry_json_walk(ry_json_get(ry_json_root(doc), "nodes"));
    while (ry_json_next(&nodes, &node)) {
        char name[200]; /* on one line */
        (void)ry_utf8_print(name, sizeof name, "%.*s", RY_STR_ARG(ry_json_get_str(node, "node")));
        struct ry_str refused = ry_json_get_str(node, "refused");
        if (refused.p != NULL) {
            fprintf(cli->out, "%-24s not of this fleet: %.*s\n", name, RY_STR_ARG(refused));
            continue;
        }
        fprintf(cli->out, "%-24s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "  ", name, ry_json_get_u64(node, "capacity"),
                ry_json_get_u64(node, "taken"), ry_json_get_u64(node, "given"));
        const struct ry_json *role = NULL;
        struct ry_json_walk roles = ry_json_walk(ry_json_get(node, "roles"));
        for (size_t i = 0; ry_json_next(&roles, &role); i++)
            fprintf(cli->out, "%s%.*s", i > 0 ? "," : "", RY_STR_ARG(ry_json_str(role)));
        fputc('\n', cli->out);
    }
    fputs("mail between them:", cli->out);
    struct ry_str role = {0};
    const struct ry_json *length = NULL;
    struct ry_json_walk mail = ry_json_walk(ry_json_get(ry_json_root(doc), "mail"));
    while (ry_json_next_member(&mail, &role, &length)) {
        uint64_t waiting = 0;
        if (ry_json_u64(length, &waiting) && waiting > 0)
            fprintf(cli->out, "  %.*s %" PRIu64, RY_STR_ARG(role), waiting);
    }
    fputc('\n', cli->out);
    return RY_OK;
}

int ry_status_cluster(struct ry_cli *cli, bool json)
{
    struct ry_error err = {.code = RY_OK};
    if (ry_config_str(cli->config, RY_OPT_redis_url)[0] == '\0')
        return ry_cli_complain(cli, RY_EXIT_CONFIG, "nodes find each other through Redis: set REDIS_URL");
    RY_BUF_AUTO text = ry_buf_make(RY_MESSAGE_JSON_MAX_BYTES);
    struct ry_json_writer writer = ry_json_writer(&text, true);
    int rc = ask(cli, &writer, &err);
    if (rc == RY_OK)
        rc = json ? ry_message_json_print(&text, cli->out, &err) : tell(cli, &text, &err);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
