/* greedy.c: an encoder of another host, with a key that is allowed, that sends one message of many large parts.
 *
 *   greedy --join tcp://ADDRESS:PORT --key FILE --node-key KEY --name NAME@HOST --parts N --bytes N
 *
 * Joins, sends the message and waits until its connection is cut. Prints "cut", exit code 0. Owns nothing that outlives
 * it; all parts share one buffer, so that its own memory is small. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/bus/instance_loop.h"

#define JOIN_MS 60000

struct options {
    const char *join, *key, *node_key, *name;
    size_t parts, bytes;
};

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"join", 1, NULL, 'j'}, {"key", 1, NULL, 'k'},   {"node-key", 1, NULL, 'n'},
                                          {"name", 1, NULL, 'a'}, {"parts", 1, NULL, 'p'}, {"bytes", 1, NULL, 'b'},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.join = NULL};
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;)
        switch (c) {
        case 'j': options->join = optarg; break;
        case 'k': options->key = optarg; break;
        case 'n': options->node_key = optarg; break;
        case 'a': options->name = optarg; break;
        case 'p': options->parts = (size_t)atol(optarg); break;
        case 'b': options->bytes = (size_t)atol(optarg); break;
        default: return false;
        }
    return options->join && options->key && options->node_key && options->name && options->parts && options->bytes;
}

static void keep(void *bytes, void *hint)
{
    (void)bytes, (void)hint;
}

static bool send_parts(void *socket, char *part, const struct options *options)
{
    for (size_t i = 0; i < options->parts; i++) {
        zmq_msg_t message;
        if (zmq_msg_init_data(&message, part, options->bytes, keep, NULL) != 0 ||
            zmq_msg_send(&message, socket, i + 1 < options->parts ? ZMQ_SNDMORE : 0) < 0)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct options options;
    struct ry_curve curve;
    struct ry_link link;
    struct ry_error err = {0};
    if (!read_options(argc, argv, &options))
        return 2;
    if (!ry_key_parse(&curve.node, ry_str_of(options.node_key)) ||
        ry_keypair_read(&curve.own, options.key, &err) != RY_OK) {
        (void)fprintf(stderr, "no key: %s\n", err.text);
        return 2;
    }
    const struct ry_link_options link_options = {.endpoint = options.join,
                                                 .role = RY_ROLE_ENCODER,
                                                 .name = options.name,
                                                 .timeout_ms = JOIN_MS,
                                                 .curve = &curve};
    if (ry_link_open_with(&link, &link_options, &err) != RY_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    char *part = calloc(1, options.bytes);
    if (part == NULL || !send_parts(ry_socket_raw(link.dealer), part, &options))
        return 1;
    zmq_pollitem_t loss = {.socket = ry_socket_raw(link.losses), .events = ZMQ_POLLIN};
    while (zmq_poll(&loss, 1, -1) != 1)
        continue;
    (void)puts("cut");
    (void)fflush(stdout);
    _exit(0); /* what was not sent goes nowhere */
}
