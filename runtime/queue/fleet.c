/* fleet.c: the key of a fleet, read and made, and the seals that are made with it; see fleet.h.
 *
 * Owns the keys that are derived from the fleet's, in the memory of this process alone. No error has a byte of a key in
 * it, and what was read of one is wiped. */
#include "runtime/queue/fleet.h"

#include <stdlib.h>

#include <sodium.h>

#include "runtime/base/assert.h"
#include "runtime/base/own_file.h"

#define KEY_CHARS      (2 * (size_t)RY_FLEET_KEY_BYTES)
#define FILE_MAX_BYTES ((size_t)4096)

_Static_assert(RY_SEAL_CHARS == RY_FLEET_ID_CHARS + 2 * crypto_generichash_BYTES, "a seal is a key's name and a code");
_Static_assert(RY_FLEET_KEY_BYTES == crypto_generichash_KEYBYTES, "keys are of libsodium's usual size");

/* ---- keys -------------------------------------------------------------------------------------------------------- */

/* Keys for different uses: what the fleet's key makes of different words. */
static void derive(uint8_t *out, size_t n, const uint8_t key[RY_FLEET_KEY_BYTES], const char *use)
{
    (void)crypto_generichash(out, n, (const uint8_t *)use, strlen(use), key, RY_FLEET_KEY_BYTES);
}

static void name_key(const uint8_t key[RY_FLEET_KEY_BYTES], char id[RY_FLEET_ID_CHARS + 1])
{
    uint8_t hash[crypto_generichash_BYTES_MIN];
    derive(hash, sizeof hash, key, "reelyard: name of a fleet key");
    (void)sodium_bin2hex(id, RY_FLEET_ID_CHARS + 1, hash, RY_FLEET_ID_CHARS / 2);
}

static bool add_key(struct ry_fleet *fleet, struct ry_str word)
{
    uint8_t key[RY_FLEET_KEY_BYTES];
    bool good = word.n == KEY_CHARS && fleet->n < RY_FLEET_KEYS_MAX &&
                sodium_hex2bin(key, sizeof key, word.p, word.n, NULL, NULL, NULL) == 0;
    if (good) {
        name_key(key, fleet->keys[fleet->n].id);
        derive(fleet->keys[fleet->n].seal_key, RY_FLEET_KEY_BYTES, key, "reelyard: seals of the relay");
        fleet->n++;
    }
    sodium_memzero(key, sizeof key);
    return good;
}

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* False: a word is no key, or there are more than two. */
static bool read_keys(struct ry_fleet *fleet, struct ry_str text)
{
    for (size_t at = 0; at < text.n;) {
        size_t from = at;
        if (text.p[at] == '#') {
            while (at < text.n && text.p[at] != '\n')
                at++;
        } else if (is_between(text.p[at])) {
            at++;
        } else {
            while (at < text.n && !is_between(text.p[at]))
                at++;
            if (!add_key(fleet, (struct ry_str){text.p + from, at - from}))
                return false;
        }
    }
    return fleet->n > 0;
}

static int read_key_file(struct ry_fleet *fleet, const char *path, struct ry_error *err)
{
    char text[FILE_MAX_BYTES];
    size_t n = 0;
    int rc = ry_own_file_read(path, RY_OWN_PRIVATE, "fleet key file", text, sizeof text, &n, err);
    bool good = rc == RY_OK && read_keys(fleet, (struct ry_str){text, n});
    sodium_memzero(text, sizeof text);
    if (rc == RY_ECONFIG || good)
        return rc;
    return ry_fail(
        err, RY_ECONFIG,
        "the fleet key file %s must hold one or two keys of %zu hex digits; `reelyard keys fleet FILE` makes one", path,
        KEY_CHARS);
}

int ry_fleet_load(struct ry_fleet *fleet, const struct ry_config *config, struct ry_error *err)
{
    const char *text = ry_config_str(config, RY_OPT_fleet_key);
    const char *path = ry_config_str(config, RY_OPT_fleet_key_file);
    *fleet = (struct ry_fleet){.open = ry_config_bool(config, RY_OPT_fleet_open)};
    int rc = RY_OK;
    if (sodium_init() < 0)
        rc = ry_fail(err, RY_ECONFIG, "libsodium cannot be used on this system");
    else if (text[0] != '\0' && path[0] != '\0')
        rc = ry_fail(err, RY_ECONFIG,
                     "REELYARD_FLEET_KEY and REELYARD_FLEET_KEY_FILE are both set; one of them is enough");
    else if (text[0] != '\0' && !read_keys(fleet, ry_str_of(text)))
        rc = ry_fail(
            err, RY_ECONFIG,
            "REELYARD_FLEET_KEY must be one or two keys of %zu hex digits; `reelyard keys fleet FILE` makes one",
            KEY_CHARS);
    else if (path[0] != '\0')
        rc = read_key_file(fleet, path, err);
    if (rc != RY_OK)
        ry_fleet_forget(fleet);
    return rc;
}

void ry_fleet_forget(struct ry_fleet *fleet)
{
    sodium_memzero(fleet, sizeof *fleet);
}

int ry_fleet_key_create(const char *path, char id[RY_FLEET_ID_CHARS + 1], struct ry_error *err)
{
    uint8_t key[RY_FLEET_KEY_BYTES];
    char text[KEY_CHARS + 1];
    if (sodium_init() < 0)
        return ry_fail(err, RY_EIO, "libsodium cannot be used on this system");
    randombytes_buf(key, sizeof key);
    name_key(key, id);
    (void)sodium_bin2hex(text, sizeof text, key, sizeof key);
    text[KEY_CHARS] = '\n';
    int rc = ry_own_file_create(path, "fleet key file", text, sizeof text, err);
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    return rc;
}

/* ---- seals ------------------------------------------------------------------------------------------------------- */

static void hash_part(crypto_generichash_state *state, struct ry_str part)
{
    uint8_t length[8];
    for (unsigned i = 0; i < sizeof length; i++)
        length[i] = (uint8_t)((uint64_t)part.n >> (8 * i));
    (void)crypto_generichash_update(state, length, sizeof length);
    if (part.n > 0)
        (void)crypto_generichash_update(state, (const uint8_t *)part.p, part.n);
}

static void make_seal(const struct ry_fleet *fleet, size_t key, const struct ry_sealed *sealed,
                      char seal[RY_SEAL_CHARS + 1])
{
    crypto_generichash_state state;
    uint8_t code[crypto_generichash_BYTES];
    (void)crypto_generichash_init(&state, fleet->keys[key].seal_key, RY_FLEET_KEY_BYTES, sizeof code);
    hash_part(&state, ry_str_of(sealed->purpose));
    hash_part(&state, sealed->place);
    for (size_t i = 0; i < sealed->n; i++)
        hash_part(&state, sealed->parts[i]);
    (void)crypto_generichash_final(&state, code, sizeof code);
    memcpy(seal, fleet->keys[key].id, RY_FLEET_ID_CHARS);
    (void)sodium_bin2hex(seal + RY_FLEET_ID_CHARS, 2 * sizeof code + 1, code, sizeof code);
}

void ry_fleet_seal(const struct ry_fleet *fleet, const struct ry_sealed *sealed, char seal[RY_SEAL_CHARS + 1])
{
    RY_ASSERT(fleet->n > 0 && fleet->n <= RY_FLEET_KEYS_MAX, "%zu keys", fleet->n);
    make_seal(fleet, 0, sealed, seal);
}

enum ry_seal_state ry_fleet_check(const struct ry_fleet *fleet, const struct ry_sealed *sealed, struct ry_str seal)
{
    char right[RY_SEAL_CHARS + 1];
    if (seal.p == NULL || seal.n == 0)
        return RY_SEAL_NONE;
    if (seal.n != RY_SEAL_CHARS)
        return RY_SEAL_FOREIGN;
    for (size_t i = 0; i < fleet->n; i++) {
        if (memcmp(fleet->keys[i].id, seal.p, RY_FLEET_ID_CHARS) != 0)
            continue;
        make_seal(fleet, i, sealed, right);
        return sodium_memcmp(right, seal.p, RY_SEAL_CHARS) == 0 ? RY_SEAL_GOOD : RY_SEAL_WRONG;
    }
    return RY_SEAL_FOREIGN;
}

bool ry_fleet_accepts(const struct ry_fleet *fleet, enum ry_seal_state state)
{
    return state == RY_SEAL_GOOD || (fleet->open && state != RY_SEAL_WRONG);
}

const char *ry_seal_text(enum ry_seal_state state)
{
    switch (state) {
    case RY_SEAL_GOOD: return "its seal is good";
    case RY_SEAL_NONE: return "it has no seal";
    case RY_SEAL_FOREIGN: return "its seal is of a key that this node does not have";
    case RY_SEAL_WRONG: return "its seal is wrong";
    }
    return "its seal is not known";
}
