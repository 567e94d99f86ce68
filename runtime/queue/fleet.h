/* fleet.h: the key that the nodes of a fleet share, and the seals that they make with it.
 *
 * A seal is a message authentication code (keyed BLAKE2b, libsodium's crypto_generichash) over what it is for, where it
 * stands and every part of it, each with its length; so a text that is sealed for one place is worth nothing at another
 * one. As text: 8 hex digits that name the key, 64 of the code.
 *
 * Keys are 64 hex digits. One or two may be given, separated by blanks, commas or lines: the first seals, both are
 * accepted, so that a key can be replaced while the nodes go on. What stands behind '#' on a line is for people. */
#ifndef REELYARD_RUNTIME_QUEUE_FLEET_H
#define REELYARD_RUNTIME_QUEUE_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/error.h"
#include "runtime/base/str.h"
#include "runtime/config/config.h"

#define RY_FLEET_KEYS_MAX  2
#define RY_FLEET_KEY_BYTES 32
#define RY_FLEET_ID_CHARS  8
#define RY_SEAL_CHARS      (RY_FLEET_ID_CHARS + 64)

struct ry_fleet {
    struct {
        char id[RY_FLEET_ID_CHARS + 1];
        uint8_t seal_key[RY_FLEET_KEY_BYTES]; /* derived; secret */
    } keys[RY_FLEET_KEYS_MAX];
    size_t n;
    bool open; /* what bears no seal of ours is taken all the same (REELYARD_FLEET_OPEN) */
};

/* From REELYARD_FLEET_KEY, or the file REELYARD_FLEET_KEY_FILE, which nobody else may read. Without either the fleet
 * has no key. RY_ECONFIG: a key is malformed, both are given, the file cannot be used. Blocks on the disk. */
int ry_fleet_load(struct ry_fleet *fleet, const struct ry_config *config, struct ry_error *err);
void ry_fleet_forget(struct ry_fleet *fleet);

/* Makes a key file at path, which must not exist (mode 0600); id: what names the key in logs. RY_EBUSY, RY_EIO. */
int ry_fleet_key_create(const char *path, char id[RY_FLEET_ID_CHARS + 1], struct ry_error *err);

/* What a seal is over. */
struct ry_sealed {
    const char *purpose;        /* static */
    struct ry_str place;        /* the stream, or the node's name */
    const struct ry_str *parts; /* in order */
    size_t n;
};

/* Writes the seal of the first key. The fleet has one. */
void ry_fleet_seal(const struct ry_fleet *fleet, const struct ry_sealed *sealed, char seal[RY_SEAL_CHARS + 1]);

enum ry_seal_state { RY_SEAL_GOOD, RY_SEAL_NONE, RY_SEAL_FOREIGN, RY_SEAL_WRONG };

/* NONE: there is no seal; FOREIGN: it names a key that is not ours; WRONG: it names one of ours and is not its seal.
 * Takes the same time wherever a wrong seal differs. */
enum ry_seal_state ry_fleet_check(const struct ry_fleet *fleet, const struct ry_sealed *sealed, struct ry_str seal);

/* Whether to go by what has such a seal. */
bool ry_fleet_accepts(const struct ry_fleet *fleet, enum ry_seal_state state);
/* In words: "it has no seal". Static. */
const char *ry_seal_text(enum ry_seal_state state);

#endif
