/* pyregex.c: the grammar of Python's regular expressions; see pyregex.h.
 *
 * One pass from left to right that writes while it reads. A sequence knows what its last item was, for `nothing to
 * repeat` and `multiple repeat`, and how wide it is, for look-behinds. Flags go down by value; a group whose case
 * folding differs from what surrounds it opens with (?i: or (?-i:. All that is allocated is the reader itself. */
#include "actors/scanner/pyregex.h"

#include "actors/scanner/pyregex_internal.h"

#include <stdlib.h>

/* Items without a callout among them. */
#define ITEMS_MAX 16
/* A longer pattern has one at its beginning too: a single set may take as long as many items. */
#define SHORT_BYTES 256
/* PCRE2 looks up the other case of every character of a range, two nanoseconds each. */
#define FOLDED_MAX 8000000

static int read_alternatives(struct pyregex *self, unsigned flags, bool outermost, struct pyregex_width *width);
static int read_sequence(struct pyregex *self, struct pyregex_sequence *sequence);

static void skip_comment_line(struct pyregex *self)
{
    const char *line_end = memchr(self->at, '\n', (size_t)(self->end - self->at));
    self->at = line_end != NULL ? line_end + 1 : self->end;
}

static void put_reference(struct pyregex *self, int group, unsigned flags)
{
    bool fold = (flags & PYREGEX_IGNORECASE) && (flags & PYREGEX_ASCII);
    ry_buf_addf(self->out, fold ? "(?i:\\g{%d})" : "\\g{%d}", group);
}

static int read_escape_item(struct pyregex *self, struct pyregex_sequence *sequence)
{
    struct pyregex_escape escape;
    int rc = pyregex_read_escape(self, false, &escape);
    if (rc != RY_OK)
        return rc;
    switch (escape.kind) {
    case PYREGEX_CHARACTER: pyregex_put_character(self, escape.value, sequence->flags); break;
    case PYREGEX_CLASS: pyregex_put_class(self, (char)escape.value, sequence->flags); break;
    case PYREGEX_POSITION:
        pyregex_put_position(self, (char)escape.value, sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_POSITION, 0, 0);
        return RY_OK;
    case PYREGEX_REFERENCE: {
        struct pyregex_width width = self->groups[escape.value].width;
        put_reference(self, escape.value, sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, width.min, width.max);
        return RY_OK;
    }
    }
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 1, 1);
    return RY_OK;
}

static bool is_identifier(struct ry_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i], lower = c | 0x20;
        if (c != '_' && c < 0x80 && !(lower >= 'a' && lower <= 'z') && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return name.n > 0;
}

/* The number of a group by its name; 0: there is none. */
static int group_named(const struct pyregex *self, struct ry_str name)
{
    for (int i = 1; i < self->groups_n; i++)
        if (ry_str_eq(self->groups[i].name, name))
            return i;
    return 0;
}

static int read_group_name(struct pyregex *self, char mark, struct ry_str *name)
{
    int rc = pyregex_until(self, mark, "group name", name);
    if (rc == RY_OK && !is_identifier(*name))
        return pyregex_refuse(self, "bad character in group name '%.*s'", RY_STR_ARG(*name));
    return rc;
}

static int close_bracket(struct pyregex *self)
{
    return pyregex_match(self, ')') ? RY_OK : pyregex_refuse(self, "missing ), unterminated subpattern");
}

/* Alternatives in brackets whose opening was written, to their end. */
static int read_bracketed(struct pyregex *self, unsigned flags, struct pyregex_width *width)
{
    int rc = read_alternatives(self, flags, false, width);
    if (rc == RY_OK)
        rc = close_bracket(self);
    if (rc == RY_OK)
        ry_buf_add_str(self->out, RY_STR(")"));
    return rc;
}

/* name absent: a group without one. */
static int read_capture(struct pyregex *self, struct pyregex_sequence *sequence, struct ry_str name)
{
    if (self->groups_n == PYREGEX_GROUPS_MAX)
        return pyregex_refuse(self, "more than %d groups", PYREGEX_GROUPS_MAX - 1);
    if (name.p != NULL && group_named(self, name) != 0)
        return pyregex_refuse(self, "redefinition of group name '%.*s'", RY_STR_ARG(name));
    struct pyregex_group *group = &self->groups[self->groups_n++];
    *group = (struct pyregex_group){.name = name, .open = true};
    ry_buf_add_str(self->out, RY_STR("("));
    int rc = read_bracketed(self, sequence->flags, &group->width);
    group->open = false;
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, group->width.min, group->width.max);
    return rc;
}

static int read_named_reference(struct pyregex *self, struct pyregex_sequence *sequence)
{
    struct ry_str name;
    int rc = read_group_name(self, ')', &name);
    if (rc != RY_OK)
        return rc;
    int group = group_named(self, name);
    if (group == 0)
        return pyregex_refuse(self, "unknown group name '%.*s'", RY_STR_ARG(name));
    if ((rc = pyregex_check_reference(self, group, NULL, true)) != RY_OK)
        return rc;
    put_reference(self, group, sequence->flags);
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, self->groups[group].width.min, self->groups[group].width.max);
    return RY_OK;
}

/* Behind (?P */
static int read_python_group(struct pyregex *self, struct pyregex_sequence *sequence)
{
    if (pyregex_match(self, '='))
        return read_named_reference(self, sequence);
    if (!pyregex_match(self, '<'))
        return pyregex_refuse(self, "unknown extension ?P");
    struct ry_str name;
    int rc = read_group_name(self, '>', &name);
    return rc != RY_OK ? rc : read_capture(self, sequence, name);
}

/* opening: one of (?= (?! (?<= (?<! */
static int read_look(struct pyregex *self, struct pyregex_sequence *sequence, const char *opening, bool behind)
{
    bool outermost = behind && self->lookbehind_groups == 0;
    if (outermost)
        self->lookbehind_groups = self->groups_n;
    ry_buf_add_str(self->out, ry_str_of(opening));
    struct pyregex_width width;
    int rc = read_bracketed(self, sequence->flags, &width);
    if (outermost)
        self->lookbehind_groups = 0;
    if (rc == RY_OK && behind && (width.min != width.max || width.max == PYREGEX_ENDLESS))
        return pyregex_refuse(self, "look-behind requires fixed-width pattern");
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 0, 0);
    return rc;
}

static int read_condition_group(struct pyregex *self, int *group)
{
    struct ry_str name;
    uint64_t number = 0;
    int rc = pyregex_until(self, ')', "group name", &name);
    if (rc != RY_OK)
        return rc;
    if (is_identifier(name)) {
        *group = group_named(self, name);
        if (*group == 0)
            return pyregex_refuse(self, "unknown group name '%.*s'", RY_STR_ARG(name));
    } else {
        if (!ry_str_u64(name, &number))
            return pyregex_refuse(self, "bad character in group name '%.*s'", RY_STR_ARG(name));
        if (number == 0 || number >= PYREGEX_GROUPS_MAX)
            return pyregex_refuse(self, "bad group number");
        *group = (int)number;
        if (*group > self->condition_max)
            self->condition_max = *group;
    }
    return pyregex_check_reference(self, *group, NULL, false);
}

/* Behind (?( : a group, what to match when it took part, and what when it did not. */
static int read_condition(struct pyregex *self, struct pyregex_sequence *sequence)
{
    int group = 0;
    int rc = read_condition_group(self, &group);
    if (rc != RY_OK)
        return rc;
    ry_buf_addf(self->out, "(?(%d)", group);
    struct pyregex_sequence yes = {.flags = sequence->flags}, no = {.flags = sequence->flags};
    if ((rc = read_sequence(self, &yes)) != RY_OK)
        return rc;
    if (pyregex_match(self, '|')) {
        ry_buf_add_str(self->out, RY_STR("|"));
        pyregex_put_callout(self);
        if ((rc = read_sequence(self, &no)) != RY_OK)
            return rc;
        if (self->at < self->end && *self->at == '|')
            return pyregex_refuse(self, "conditional backref with more than two branches");
    }
    if ((rc = close_bracket(self)) != RY_OK)
        return rc;
    ry_buf_add_str(self->out, RY_STR(")"));
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, yes.width.min < no.width.min ? yes.width.min : no.width.min,
                     yes.width.max > no.width.max ? yes.width.max : no.width.max);
    return RY_OK;
}

static int read_global_flags(struct pyregex *self, struct pyregex_sequence *sequence, const struct pyregex_flags *flags)
{
    if (!sequence->first)
        return pyregex_refuse(self, "global flags not at the start of the expression");
    self->flags |= flags->on;
    self->unicode = self->unicode || flags->unicode;
    if (self->unicode && (self->flags & PYREGEX_ASCII))
        return pyregex_refuse(self, "ASCII and UNICODE flags are incompatible");
    sequence->flags = self->flags;
    ry_buf_add_str(self->out, pyregex_native_fold(self->flags) ? RY_STR("(?i)") : RY_STR("(?-i)"));
    return RY_OK;
}

/* Behind (? when flags follow. */
static int read_flag_group(struct pyregex *self, struct pyregex_sequence *sequence)
{
    struct pyregex_flags flags = {0};
    int rc = pyregex_read_flags(self, &flags);
    if (rc != RY_OK)
        return rc;
    if (flags.mark == ')')
        return read_global_flags(self, sequence, &flags);
    unsigned inner = sequence->flags;
    if (flags.unicode)
        inner &= ~(unsigned)PYREGEX_ASCII;
    inner = (inner | flags.on) & ~flags.off;
    ry_buf_add_str(self->out, pyregex_native_fold(inner) ? RY_STR("(?i:") : RY_STR("(?-i:"));
    struct pyregex_width width;
    rc = read_bracketed(self, inner, &width);
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, width.min, width.max);
    return rc;
}

static int read_plain_group(struct pyregex *self, struct pyregex_sequence *sequence, const char *opening)
{
    ry_buf_add_str(self->out, ry_str_of(opening));
    struct pyregex_width width;
    int rc = read_bracketed(self, sequence->flags, &width);
    pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, width.min, width.max);
    return rc;
}

static int skip_comment(struct pyregex *self)
{
    const char *stop = memchr(self->at, ')', (size_t)(self->end - self->at));
    if (stop == NULL)
        return pyregex_refuse(self, "missing ), unterminated comment");
    self->at = stop + 1;
    return RY_OK;
}

/* Behind (?< */
static int read_look_behind(struct pyregex *self, struct pyregex_sequence *sequence)
{
    if (pyregex_match(self, '='))
        return read_look(self, sequence, "(?<=", true);
    if (pyregex_match(self, '!'))
        return read_look(self, sequence, "(?<!", true);
    return pyregex_refuse(self, "unknown extension ?<");
}

/* Behind an opening bracket. */
static int read_group(struct pyregex *self, struct pyregex_sequence *sequence)
{
    if (!pyregex_match(self, '?'))
        return read_capture(self, sequence, (struct ry_str){0});
    int32_t c = pyregex_get(self);
    switch (c) {
    case -1: return pyregex_refuse(self, "unexpected end of pattern");
    case 'P': return read_python_group(self, sequence);
    case ':': return read_plain_group(self, sequence, "(?:");
    case '>': return read_plain_group(self, sequence, "(?>");
    case '#': return skip_comment(self);
    case '=': return read_look(self, sequence, "(?=", false);
    case '!': return read_look(self, sequence, "(?!", false);
    case '<': return read_look_behind(self, sequence);
    case '(': return read_condition(self, sequence);
    default: break;
    }
    if (c != '-' && c != 'L' && (c >= 0x80 || pyregex_flag_of((char)c) < 0))
        return pyregex_refuse(self, "unknown extension ?");
    self->at--;
    return read_flag_group(self, sequence);
}

static bool is_quantifier(int32_t c)
{
    return c == '*' || c == '+' || c == '?' || c == '{';
}

static int read_item(struct pyregex *self, struct pyregex_sequence *sequence, int32_t c)
{
    if (!is_quantifier(c) && self->items_n++ == ITEMS_MAX)
        pyregex_put_callout(self);
    switch (c) {
    case '\\': return read_escape_item(self, sequence);
    case '(': return read_group(self, sequence);
    case '*':
    case '+':
    case '?':
    case '{': return pyregex_read_quantifier(self, sequence, (char)c);
    case '^':
    case '$':
        pyregex_put_position(self, (char)c, sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_POSITION, 0, 0);
        return RY_OK;
    case '[': {
        int rc = pyregex_read_set(self, sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 1, 1);
        return rc;
    }
    case '.':
        ry_buf_add_str(self->out, sequence->flags & PYREGEX_DOTALL ? RY_STR("(?s:.)") : RY_STR("\\N"));
        pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 1, 1);
        return RY_OK;
    default:
        pyregex_put_character(self, c, sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 1, 1);
        return RY_OK;
    }
}

static bool is_verbose_blank(int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Items up to | or ) or the end. */
static int read_sequence(struct pyregex *self, struct pyregex_sequence *sequence)
{
    while (self->at < self->end && *self->at != '|' && *self->at != ')') {
        int32_t c = pyregex_get(self);
        int rc = RY_OK;
        if ((sequence->flags & PYREGEX_VERBOSE) && c == '#')
            skip_comment_line(self);
        else if (!(sequence->flags & PYREGEX_VERBOSE) || !is_verbose_blank(c))
            rc = read_item(self, sequence, c);
        if (rc != RY_OK)
            return rc;
    }
    return RY_OK;
}

static int read_alternatives(struct pyregex *self, unsigned flags, bool outermost, struct pyregex_width *width)
{
    *width = (struct pyregex_width){PYREGEX_ENDLESS, 0};
    if (++self->depth > PYREGEX_DEPTH_MAX)
        return pyregex_refuse(self, "brackets nested deeper than %d", PYREGEX_DEPTH_MAX);
    for (bool first = outermost;; first = false) {
        struct pyregex_sequence sequence = {.flags = flags | (outermost ? self->flags : 0), .first = first};
        int rc = read_sequence(self, &sequence);
        if (rc != RY_OK)
            return rc;
        width->min = width->min < sequence.width.min ? width->min : sequence.width.min;
        width->max = width->max > sequence.width.max ? width->max : sequence.width.max;
        if (!pyregex_match(self, '|'))
            break;
        ry_buf_add_str(self->out, RY_STR("|"));
        pyregex_put_callout(self);
    }
    self->depth--;
    return RY_OK;
}

static int translate(struct pyregex *self)
{
    struct pyregex_width width;
    if (self->end - self->start > SHORT_BYTES)
        pyregex_put_callout(self);
    int rc = read_alternatives(self, 0, true, &width);
    if (rc == RY_OK && self->folded > FOLDED_MAX)
        rc = pyregex_refuse(self, "character ranges without case cover more than %d characters", FOLDED_MAX);
    if (rc == RY_OK && self->at < self->end)
        rc = pyregex_refuse(self, "unbalanced parenthesis");
    if (rc == RY_OK && self->condition_max >= self->groups_n)
        rc = pyregex_refuse(self, "invalid group reference %d", self->condition_max);
    if (rc == RY_OK && self->out->failed)
        rc = ry_fail(self->err, RY_ENOMEM, "no room for the translation");
    return rc;
}

int pyregex_translate(struct ry_str pattern, struct ry_buf *out, struct ry_error *err)
{
    if (pattern.n > PYREGEX_PATTERN_BYTES_MAX)
        return ry_fail(err, RY_EINVAL, "it is longer than %zu bytes", PYREGEX_PATTERN_BYTES_MAX);
    struct pyregex *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ry_fail(err, RY_ENOMEM, "no memory for a regular expression");
    self->start = self->at = pattern.n > 0 ? pattern.p : "";
    self->end = self->at + pattern.n;
    self->out = out;
    self->err = err;
    self->groups_n = 1;
    int rc = translate(self);
    free(self);
    return rc;
}
