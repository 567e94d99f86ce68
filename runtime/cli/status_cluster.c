/* status_cluster.c: the nodes that share a Redis, by what each says of itself every two seconds (actors/relay). */
#include "runtime/cli/status_cluster.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "runtime/cli/message_json.h"
#include "runtime/stream/mail_stream.h"

/* More instances of a role than this a node does not have; its word is not believed. */
#define REMOTE_MAX 65536

/* A node's word as it is; what is no JSON is told as text. */
static void on_node(void *arg, struct ry_str name, struct ry_str text)
{
    struct json_object *nodes = arg;
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *news = tokener != NULL ? json_tokener_parse_ex(tokener, text.p, (int)text.n) : NULL;
    if (tokener != NULL)
        json_tokener_free(tokener);
    if (!json_object_is_type(news, json_type_object)) {
        json_object_put(news);
        news = json_object_new_object();
    }
    (void)json_object_object_add(news, "node", json_object_new_string_len(name.p, (int)name.n));
    (void)json_object_array_add(nodes, news);
}

static int by_name(const void *a, const void *b)
{
    struct json_object *const *left = a;
    struct json_object *const *right = b;
    return strcmp(json_object_get_string(json_object_object_get(*left, "node")),
                  json_object_get_string(json_object_object_get(*right, "node")));
}

int ry_status_cluster_instances(const struct ry_cli *cli, struct ry_str own_node, unsigned remote[RY_ROLE_COUNT],
                                struct ry_error *err)
{
    struct ry_mail_stream *mail = NULL;
    struct json_object *nodes = json_object_new_array();
    memset(remote, 0, RY_ROLE_COUNT * sizeof *remote);
    int rc = nodes != NULL ? ry_mail_stream_new(&mail, cli->config, "status", ry_clock_system(), err)
                           : ry_fail(err, RY_ENOMEM, "no memory for the list of nodes");
    if (rc == RY_OK)
        rc = ry_mail_stream_nodes(mail, on_node, nodes, err);
    for (size_t i = 0; rc == RY_OK && i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        struct json_object *instances = json_object_object_get(node, "instances");
        if (ry_str_is(own_node, json_object_get_string(json_object_object_get(node, "node"))) ||
            !json_object_is_type(instances, json_type_object))
            continue;
        for (unsigned role = 1; role < RY_ROLE_COUNT; role++) {
            int64_t count = json_object_get_int64(json_object_object_get(instances, ry_role_name((enum ry_role)role)));
            remote[role] += count > 0 && count < REMOTE_MAX ? (unsigned)count : 0;
        }
    }
    ry_mail_stream_free(&mail);
    json_object_put(nodes);
    return rc;
}

static int ask(struct ry_cli *cli, struct json_object *root, struct ry_error *err)
{
    struct ry_mail_stream *mail = NULL;
    struct json_object *nodes = json_object_new_array();
    struct json_object *waiting = json_object_new_object();
    (void)json_object_object_add(root, "nodes", nodes);
    (void)json_object_object_add(root, "mail", waiting);
    int rc = ry_mail_stream_new(&mail, cli->config, "status", ry_clock_system(), err);
    if (rc == RY_OK)
        rc = ry_mail_stream_nodes(mail, on_node, nodes, err);
    json_object_array_sort(nodes, by_name);
    for (unsigned role = 1; rc == RY_OK && role < RY_ROLE_MONITOR; role++) {
        char stream[RY_MAIL_STREAM_BYTES];
        uint64_t length = 0;
        uint64_t urgent = 0;
        (void)snprintf(stream, sizeof stream, "reelyard:mail:%s", ry_role_name((enum ry_role)role));
        rc = ry_mail_stream_length(mail, stream, &length, err);
        (void)snprintf(stream, sizeof stream, "reelyard:mail:%s:urgent", ry_role_name((enum ry_role)role));
        if (rc == RY_OK)
            rc = ry_mail_stream_length(mail, stream, &urgent, err);
        (void)json_object_object_add(waiting, ry_role_name((enum ry_role)role),
                                     json_object_new_uint64(length + urgent));
    }
    ry_mail_stream_free(&mail);
    return rc;
}

static uint64_t number(struct json_object *object, const char *name)
{
    return json_object_get_uint64(json_object_object_get(object, name));
}

static void tell(const struct ry_cli *cli, struct json_object *root)
{
    struct json_object *nodes = json_object_object_get(root, "nodes");
    fprintf(cli->out, "%-24s %8s %8s %8s  %s\n", "node", "room", "taken", "given", "roles");
    for (size_t i = 0; i < json_object_array_length(nodes); i++) {
        struct json_object *node = json_object_array_get_idx(nodes, i);
        struct json_object *roles = json_object_object_get(node, "roles");
        fprintf(cli->out, "%-24s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 "  ",
                json_object_get_string(json_object_object_get(node, "node")), number(node, "capacity"),
                number(node, "taken"), number(node, "given"));
        for (size_t r = 0; roles != NULL && r < json_object_array_length(roles); r++)
            fprintf(cli->out, "%s%s", r > 0 ? "," : "", json_object_get_string(json_object_array_get_idx(roles, r)));
        fputc('\n', cli->out);
    }
    fputs("mail between them:", cli->out);
    json_object_object_foreach(json_object_object_get(root, "mail"), role, length)
    {
        if (json_object_get_uint64(length) > 0)
            fprintf(cli->out, "  %s %" PRIu64, role, json_object_get_uint64(length));
    }
    fputc('\n', cli->out);
}

int ry_status_cluster(struct ry_cli *cli, bool json)
{
    struct ry_error err = {.code = RY_OK};
    if (ry_config_str(cli->config, RY_OPT_redis_url)[0] == '\0')
        return ry_cli_complain(cli, RY_EXIT_CONFIG, "nodes find each other through Redis: set REDIS_URL");
    struct json_object *root = json_object_new_object();
    if (root == NULL)
        return ry_cli_complain(cli, RY_EXIT_FAILED, "no memory");
    int rc = ask(cli, root, &err);
    if (rc == RY_OK && json)
        ry_message_json_print(root, cli->out);
    else if (rc == RY_OK)
        tell(cli, root);
    (void)json_object_put(root);
    return rc == RY_OK ? RY_EXIT_DONE : ry_cli_fail(cli, &err);
}
