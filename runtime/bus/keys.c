/* keys.c: keys and the files that they stand in; see keys.h.
 *
 * No message of an error has a byte of a secret key in it, and what was read of one is wiped. */
#include "runtime/bus/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "runtime/base/hex.h"
#include "runtime/base/own_file.h"

#define Z85_CHARS 40
/* Largest key file, and largest list: some 10 000 keys. */
#define KEY_FILE_MAX_BYTES   ((size_t)512)
#define ALLOW_FILE_MAX_BYTES ((size_t)1 << 20)

/* ---- text -------------------------------------------------------------------------------------------------------- */

static bool parse_hex(struct ry_key *key, const char *text)
{
    for (size_t i = 0; i < RY_KEY_BYTES; i++) {
        int high = ry_hex_digit(text[2 * i]), low = ry_hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool parse_z85(struct ry_key *key, const char *text)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    for (size_t block = 0; block < Z85_CHARS / 5; block++) {
        uint64_t value = 0;
        for (size_t i = 0; i < 5; i++) {
            char c = text[block * 5 + i];
            const char *at = c ? strchr(alphabet, c) : NULL;
            if (at == NULL)
                return false;
            value = value * 85 + (uint64_t)(at - alphabet);
        }
        if (value > UINT32_MAX)
            return false;
        for (size_t i = 0; i < 4; i++)
            key->bytes[block * 4 + i] = (uint8_t)(value >> (24 - 8 * i));
    }
    return true;
}

bool ry_key_parse(struct ry_key *key, struct ry_str text)
{
    struct ry_key parsed;
    bool good = text.p && ((text.n == 2 * (size_t)RY_KEY_BYTES && parse_hex(&parsed, text.p)) ||
                           (text.n == Z85_CHARS && parse_z85(&parsed, text.p)));
    if (good)
        *key = parsed;
    explicit_bzero(&parsed, sizeof parsed);
    return good;
}

void ry_key_hex(const struct ry_key *key, char hex[RY_KEY_HEX_BYTES])
{
    ry_hex_print(key->bytes, RY_KEY_BYTES, hex);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct ry_str word_of(const char *line, size_t n)
{
    size_t from = 0;
    while (from < n && is_blank(line[from]))
        from++;
    size_t to = from;
    while (to < n && !is_blank(line[to]))
        to++;
    return (struct ry_str){line + from, to - from};
}

static int make_public(struct ry_keypair *pair, struct ry_error *err)
{
    char secret[Z85_CHARS + 1], public_key[Z85_CHARS + 1];
    bool made = zmq_z85_encode(secret, pair->secret.bytes, RY_KEY_BYTES) != NULL &&
                zmq_curve_public(public_key, secret) == 0 && ry_key_parse(&pair->public_key, ry_str_of(public_key));
    explicit_bzero(secret, sizeof secret);
    return made ? RY_OK : ry_fail(err, RY_ECONFIG, "this libzmq has no CURVE: %s", zmq_strerror(errno));
}

int ry_keypair_read(struct ry_keypair *pair, const char *path, struct ry_error *err)
{
    char text[KEY_FILE_MAX_BYTES];
    size_t n = 0;
    int rc = ry_own_file_read(path, RY_OWN_PRIVATE, "key file", text, sizeof text, &n, err);
    const char *end = memchr(text, '\n', n);
    bool parsed = rc == RY_OK && ry_key_parse(&pair->secret, word_of(text, end ? (size_t)(end - text) : n));
    explicit_bzero(text, sizeof text);
    if (rc == RY_ECONFIG)
        return rc;
    if (!parsed)
        return ry_fail(err, RY_ECONFIG,
                       "the key file %s has no key in its first line; `reelyard keys new FILE` makes one", path);
    return make_public(pair, err);
}

static int write_key(const struct ry_keypair *pair, const char *path, struct ry_error *err)
{
    char text[RY_KEY_HEX_BYTES];
    ry_key_hex(&pair->secret, text);
    text[RY_KEY_HEX_BYTES - 1] = '\n';
    int rc = ry_own_file_create(path, "key file", text, sizeof text, err);
    explicit_bzero(text, sizeof text);
    return rc;
}

int ry_keypair_create(struct ry_keypair *pair, const char *path, struct ry_error *err)
{
    char public_key[Z85_CHARS + 1], secret[Z85_CHARS + 1];
    if (zmq_curve_keypair(public_key, secret) != 0)
        return ry_fail(err, RY_ECONFIG, "this libzmq has no CURVE: %s", zmq_strerror(errno));
    bool parsed =
        ry_key_parse(&pair->public_key, ry_str_of(public_key)) && ry_key_parse(&pair->secret, ry_str_of(secret));
    explicit_bzero(secret, sizeof secret);
    return parsed ? write_key(pair, path, err) : ry_fail(err, RY_EBUG, "libzmq made a key that is none");
}

void ry_keypair_forget(struct ry_keypair *pair)
{
    explicit_bzero(&pair->secret, sizeof pair->secret);
}

/* ---- the list ---------------------------------------------------------------------------------------------------- */

static bool lists(const char *text, size_t n, const struct ry_key *key, unsigned *unread)
{
    bool found = false;
    *unread = 0;
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t line = end ? (size_t)(end - text) - at : n - at;
        struct ry_str word = word_of(text + at, line);
        struct ry_key listed;
        /* A key first: Z85 has a '#' too. */
        if (ry_key_parse(&listed, word))
            found = found || memcmp(&listed, key, sizeof listed) == 0;
        else if (word.n > 0 && word.p[0] != '#')
            (*unread)++;
        at += line + 1;
    }
    return found;
}

int ry_keys_allow(const char *path, const struct ry_key *key, bool *allowed, unsigned *unread, struct ry_error *err)
{
    size_t n = 0;
    *allowed = false;
    *unread = 0;
    char *text = malloc(ALLOW_FILE_MAX_BYTES);
    if (text == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for the list of allowed keys");
    int rc = ry_own_file_read(path, RY_OWN_READABLE, "list of allowed keys", text, ALLOW_FILE_MAX_BYTES, &n, err);
    if (rc == RY_OK)
        *allowed = lists(text, n, key, unread);
    else if (rc == RY_ELIMIT)
        rc = RY_ECONFIG;
    free(text);
    return rc;
}
