/* fold.c: one character at a time, by what Unicode says of it (libunistring).
 *
 * ASCII, which most text is, takes a short way. */
#include "actors/writer/fold.h"

#include "runtime/base/error.h"

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

/* The longest decomposition is 18 characters (U+FDFA). */
#define PARTS_MAX 32

struct folding {
    struct ry_buf *out;
    size_t words;
    size_t word_bytes; /* of the word that is being made; 0: none is */
    size_t began;      /* where it begins in out */
};

static void end_word(struct folding *f)
{
    if (f->word_bytes == 0)
        return;
    if (ry_buf_add(f->out, " ", 1) == RY_OK)
        f->words++;
    else
        f->out->n = f->began;
    f->word_bytes = 0;
}

static void add_bytes(struct folding *f, const char *bytes, size_t n)
{
    if (f->word_bytes == 0)
        f->began = f->out->n;
    if (f->word_bytes + n <= FOLD_WORD_MAX_BYTES && ry_buf_add(f->out, bytes, n) == RY_OK)
        f->word_bytes += n;
}

static void add_char(struct folding *f, ucs4_t c)
{
    uint8_t bytes[6];
    int n = u8_uctomb(bytes, c, sizeof bytes);
    if (n > 0)
        add_bytes(f, (const char *)bytes, (size_t)n);
}

/* Letters that no decomposition takes apart, but people do. */
static const char *plain_letters(ucs4_t c)
{
    switch (c) {
    case 0xDF: return "ss";
    case 0xE6: return "ae";
    case 0xF0: return "d";
    case 0xF8: return "o";
    case 0xFE: return "th";
    case 0x111: return "d";
    case 0x131: return "i";
    case 0x142: return "l";
    case 0x153: return "oe";
    default: return NULL;
    }
}

static bool stands_alone(ucs4_t c)
{
    return (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) ||
           (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x20000 && c <= 0x3FFFF);
}

static bool is_skin_tone(ucs4_t c)
{
    return c >= 0x1F3FB && c <= 0x1F3FF;
}

/* One character that is decomposed. */
static void fold_part(struct folding *f, ucs4_t c)
{
    c = uc_tolower(c);
    const char *plain = c < 0x180 ? plain_letters(c) : NULL;
    if (plain != NULL) {
        add_bytes(f, plain, strlen(plain));
    } else if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_Mn | UC_CATEGORY_MASK_Me | UC_CATEGORY_MASK_Cf) ||
               is_skin_tone(c)) {
        return; /* an accent, a joiner, a variant */
    } else if (stands_alone(c) || uc_is_general_category_withtable(c, UC_CATEGORY_MASK_So)) {
        end_word(f);
        add_char(f, c);
        end_word(f);
    } else if (uc_is_general_category_withtable(c, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_Mc |
                                                       UC_CATEGORY_MASK_Co)) {
        add_char(f, c);
    } else {
        end_word(f);
    }
}

static void fold_char(struct folding *f, ucs4_t c)
{
    ucs4_t parts[PARTS_MAX];
    size_t n = PARTS_MAX;
    if (u32_normalize(UNINORM_NFKD, &c, 1, parts, &n) != parts) {
        end_word(f);
        return;
    }
    for (size_t i = 0; i < n; i++)
        fold_part(f, parts[i]);
}

size_t fold_words(struct ry_str text, struct ry_buf *out)
{
    struct folding f = {.out = out};
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x80) {
            char lower = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
            if ((lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9'))
                add_bytes(&f, &lower, 1);
            else
                end_word(&f);
            i++;
            continue;
        }
        size_t step = ry_str_utf8_step((struct ry_str){text.p + i, text.n - i});
        if (step == 0) {
            end_word(&f);
            i++;
            continue;
        }
        ucs4_t wide = 0;
        (void)u8_mbtouc(&wide, (const uint8_t *)text.p + i, step);
        fold_char(&f, wide);
        i += step;
    }
    end_word(&f);
    return f.words;
}
