/* option.h: the rows of options.def as data, and how a value's text is read. Within runtime/config and its test. */
#ifndef REELYARD_RUNTIME_CONFIG_OPTION_H
#define REELYARD_RUNTIME_CONFIG_OPTION_H

#include "runtime/config/config.h"

/* Longest text of a value. */
#define RY_OPTION_TEXT_MAX ((size_t)4096)

enum ry_option_type { RY_TYPE_STRING, RY_TYPE_INT, RY_TYPE_REAL, RY_TYPE_BOOL, RY_TYPE_INTS, RY_TYPE_CHOICE };

struct ry_option_row {
    const char *name;
    const char *env;     /* NULL: none */
    const char *flag;    /* without the dashes; NULL: none */
    const char *setting; /* key in the settings file; NULL: none */
    const char *fallback;
    const char *min; /* of a CHOICE, the words joined by | */
    const char *max;
    const char *unit;
    const char *doc;
    enum ry_option_type type;
    const char *secret_of; /* roles, joined by commas, whose secret it is; NULL (false in the table): it is none */
};

/* A value that was read: its text in canonical form (a CHOICE as it is declared), and what it means. */
struct ry_option_value {
    char *text; /* owned; never NULL */
    union {
        int64_t integer;
        double real;
        bool truth;
    };
};

/* The row of an option; aborts for what is none. */
const struct ry_option_row *ry_option_row(enum ry_option option);

/* Reads text as a value of the row. `place` tells where it came from ("--http-port", "LOG_LEVEL in the environment")
 * and begins the sentence of an error: RY_ECONFIG, or RY_ENOMEM. */
int ry_option_parse(const struct ry_option_row *row, const char *text, const char *place, struct ry_option_value *value,
                    struct ry_error *err);

/* Reads the numbers of an INTS value; writes up to max of them and returns how many there are. */
size_t ry_option_ints(const char *text, int64_t *values, size_t max);

/* Appends what the row allows, in words: "a whole number from 0 to 65535 (port)". */
void ry_option_allowed(const struct ry_option_row *row, struct ry_buf *out);

/* Takes the next of the words joined by |; *words moves behind it. False at the end. */
bool ry_option_next_word(const char **words, struct ry_str *word);

#endif
