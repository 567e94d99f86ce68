/* keys.h: the keys by which a node and who joins it over TCP know each other (CURVE, rfc.zeromq.org/spec/26).
 *
 * A key is 32 bytes, written as 64 hexadecimal digits or in Z85 (40 characters, rfc.zeromq.org/spec/32). A key file has
 * the secret one, from which the public one follows; nobody but its owner may read it. A list of allowed keys is a
 * text: a public key begins a line, what follows on the line is for people; so is a line that begins with '#'. */
#ifndef REELYARD_RUNTIME_BUS_KEYS_H
#define REELYARD_RUNTIME_BUS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"

#define RY_KEY_BYTES     32
#define RY_KEY_HEX_BYTES (2 * RY_KEY_BYTES + 1)

struct ry_key {
    uint8_t bytes[RY_KEY_BYTES];
};

struct ry_keypair {
    struct ry_key public_key;
    struct ry_key secret; /* wiped by ry_keypair_forget */
};

/* What one who joins needs: its own keys, and the public key of the node that it trusts. */
struct ry_curve {
    struct ry_keypair own;
    struct ry_key node;
};

/* False: text is no key. */
bool ry_key_parse(struct ry_key *key, struct ry_str text);
void ry_key_hex(const struct ry_key *key, char hex[RY_KEY_HEX_BYTES]);

/* Makes a pair and a key file at path, which must not exist (mode 0600). RY_EBUSY: it exists; RY_EIO. */
int ry_keypair_create(struct ry_keypair *pair, const char *path, struct ry_error *err);
/* Reads a key file. RY_ECONFIG: there is none, others may read it, it belongs to another user, it has no key. */
int ry_keypair_read(struct ry_keypair *pair, const char *path, struct ry_error *err);
void ry_keypair_forget(struct ry_keypair *pair);

/* Whether the list at path has the key. RY_ECONFIG: it cannot be read, or others may write it; *allowed is false. Lines
 * that are neither keys nor comments are counted in *unread. Blocks on the disk. */
int ry_keys_allow(const char *path, const struct ry_key *key, bool *allowed, unsigned *unread, struct ry_error *err);

#endif
