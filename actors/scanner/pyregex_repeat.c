/* pyregex_repeat.c: what repeats an item, how wide that makes a sequence, and where callouts stand.
 *
 * Widths are exact or PYREGEX_ENDLESS; arithmetic on them never wraps. Pure: writes to the translation's buffer. */
#include "actors/scanner/pyregex_internal.h"

#include "runtime/base/assert.h"

static uint64_t times(uint64_t width, uint64_t count)
{
    if (width == 0 || count == 0)
        return 0;
    return width > PYREGEX_ENDLESS / count ? PYREGEX_ENDLESS : width * count;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > PYREGEX_ENDLESS - b ? PYREGEX_ENDLESS : a + b;
}

void pyregex_item_end(struct pyregex_sequence *sequence, enum pyregex_item kind, uint64_t min, uint64_t max)
{
    sequence->last = kind;
    sequence->last_width = (struct pyregex_width){min, max};
    sequence->width.min = plus(sequence->width.min, min);
    sequence->width.max = plus(sequence->width.max, max);
    sequence->first = false;
}

/* Work between two callouts must be short, so they stand where a search can take another way: behind everything that is
 * repeated and before every further alternative; and in long stretches that have neither. */
void pyregex_put_callout(struct pyregex *self)
{
    ry_buf_add_str(self->out, RY_STR("(?C)"));
    self->items_n = 0;
}

/* {m}, {m,}, {,n}, {m,n} behind its brace. *literal: it is none of these, the brace stands for itself. */
static int read_braces(struct pyregex *self, uint64_t *min, uint64_t *max, bool *literal)
{
    const char *behind = self->at;
    *literal = true;
    if (self->at < self->end && *self->at == '}')
        return RY_OK;
    bool has_min = pyregex_digits(self, 10, INT32_MAX, min) > 0, has_max = has_min;
    *max = *min;
    if (pyregex_match(self, ','))
        has_max = pyregex_digits(self, 10, INT32_MAX, max) > 0;
    if (!pyregex_match(self, '}')) {
        self->at = behind;
        return RY_OK;
    }
    *literal = false;
    if (!has_max)
        *max = PYREGEX_ENDLESS;
    if (*max < *min)
        return pyregex_refuse(self, "min repeat greater than max repeat");
    return RY_OK;
}

int pyregex_read_quantifier(struct pyregex *self, struct pyregex_sequence *sequence, char mark)
{
    uint64_t min = mark == '+', max = mark == '?' ? 1 : PYREGEX_ENDLESS;
    bool literal = false;
    int rc = mark == '{' ? read_braces(self, &min, &max, &literal) : RY_OK;
    if (rc != RY_OK)
        return rc;
    if (literal) {
        pyregex_put_character(self, '{', sequence->flags);
        pyregex_item_end(sequence, PYREGEX_ITEM_OTHER, 1, 1);
        return RY_OK;
    }
    if (sequence->last == PYREGEX_ITEM_NONE || sequence->last == PYREGEX_ITEM_POSITION)
        return pyregex_refuse(self, "nothing to repeat");
    if (sequence->last == PYREGEX_ITEM_REPEATED)
        return pyregex_refuse(self, "multiple repeat");
    if (mark != '{')
        ry_buf_addf(self->out, "%c", mark);
    else if (max == PYREGEX_ENDLESS)
        ry_buf_addf(self->out, "{%llu,}", (unsigned long long)min);
    else
        ry_buf_addf(self->out, "{%llu,%llu}", (unsigned long long)min, (unsigned long long)max);
    if (pyregex_match(self, '?'))
        ry_buf_add_str(self->out, RY_STR("?"));
    else if (pyregex_match(self, '+'))
        ry_buf_add_str(self->out, RY_STR("+"));
    /* The width that the item added is taken back and added as often as it is repeated. */
    struct pyregex_width one = sequence->last_width;
    RY_ASSERT(one.min <= sequence->width.min && one.max <= sequence->width.max);
    sequence->width.min = plus(sequence->width.min - one.min, times(one.min, min));
    sequence->width.max = sequence->width.max == PYREGEX_ENDLESS
                              ? PYREGEX_ENDLESS
                              : plus(sequence->width.max - one.max, times(one.max, max));
    sequence->last = PYREGEX_ITEM_REPEATED;
    pyregex_put_callout(self);
    return RY_OK;
}
