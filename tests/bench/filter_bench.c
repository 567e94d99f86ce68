/* filter_bench.c: what it costs to hold ordinary regular expressions to a budget.
 *
 * Each pattern on each text three ways, in turns: PCRE2's interpreter without callouts, the same with the callouts of
 * the translation (where the system allows no machine code), and text_filter_search. Read the ratios; the best of some
 * rounds counts. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/scanner/pyregex.h"
#include "actors/scanner/text_filter.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define ROUNDS      9
#define ROUND_BYTES 60000 /* of text, searched in a round */

static const char *const PATTERNS[] = {
    "clip",
    "(?i)clip",
    "(?i)\\b(clip|highlight|moment)s?\\b",
    "https?://\\S+",
    "^!clip\\s+(\\w+)",
    "(?i)(?:#|@)\\w+",
    "\\[(?:nsfw|spoiler)\\]",
    ".*(win|ace|clutch)",
    "^(?!.*private).*$",
    "[^a-z]{3,}",
    "(foo|bar|baz|qux|quux)",
    "\\d{2}:\\d{2}",
};
#define PATTERNS_N (sizeof PATTERNS / sizeof *PATTERNS)

static struct ry_str texts[3];

static void make_texts(void)
{
    static const char lorem[] = "lorem ipsum dolor sit amet, consectetur ";
    static char longest[2001];
    for (size_t i = 0; i + 1 < sizeof longest; i++)
        longest[i] = lorem[i % (sizeof lorem - 1)];
    texts[0] = RY_STR("look at this clip from yesterday");
    texts[1] = RY_STR("GG https://example.org/v/1234 that was an insane moment, 12:34 in the round, watch to the end");
    texts[2] = ry_str_of(longest);
}

static double now_ns(void)
{
    const struct text_clock *clock = text_clock_thread();
    return (double)clock->now_ns(clock->arg);
}

struct plain {
    pcre2_code *code;
    pcre2_match_data *match;
    pcre2_match_context *limits;
};

static int pass(pcre2_callout_block *block, void *arg)
{
    (void)block;
    return ++*(unsigned *)arg == 0;
}

static struct plain plain_make(struct ry_str translated, bool callouts)
{
    static unsigned passed;
    RY_BUF_AUTO text = ry_buf_make(PYREGEX_OUT_BYTES_MAX);
    for (size_t i = 0; i < translated.n; i++) {
        bool callout = translated.n - i >= 4 && memcmp(translated.p + i, "(?C)", 4) == 0;
        if (callout && !callouts)
            i += 3;
        else
            (void)ry_buf_add(&text, translated.p + i, 1);
    }
    int number = 0;
    PCRE2_SIZE at = 0;
    struct plain plain = {.code = pcre2_compile((PCRE2_SPTR)text.p, text.n, PCRE2_UTF, &number, &at, NULL),
                          .match = pcre2_match_data_create(1, NULL),
                          .limits = pcre2_match_context_create(NULL)};
    if (plain.code == NULL || plain.match == NULL || plain.limits == NULL)
        abort();
    (void)pcre2_set_callout(plain.limits, pass, &passed);
    return plain;
}

static double plain_ns(const struct plain *plain, struct ry_str text, int n)
{
    double began = now_ns();
    for (int i = 0; i < n; i++)
        (void)pcre2_match(plain->code, (PCRE2_SPTR)text.p, text.n, 0, 0, plain->match, plain->limits);
    return (now_ns() - began) / n;
}

static double filter_ns(const struct text_filter *filter, struct text_searcher *searcher, struct ry_str text, int n)
{
    double began = now_ns();
    for (int i = 0; i < n; i++) {
        int64_t left_ns = 5000000;
        (void)text_filter_search(filter, searcher, text, &left_ns);
    }
    return (now_ns() - began) / n;
}

static void plain_free(struct plain *plain)
{
    pcre2_code_free(plain->code);
    pcre2_match_data_free(plain->match);
    pcre2_match_context_free(plain->limits);
}

static double logs[2];

static void measure(const char *pattern, struct text_searcher *searcher, struct ry_str text)
{
    RY_BUF_AUTO translated = ry_buf_make(PYREGEX_OUT_BYTES_MAX);
    struct text_filter *filter = NULL;
    struct ry_error err;
    if (pyregex_translate(ry_str_of(pattern), &translated, &err) != RY_OK ||
        text_filter_compile("pattern", ry_str_of(pattern), &filter, &err) != RY_OK)
        abort();
    struct plain plain = plain_make(ry_buf_str(&translated), false);
    struct plain called = plain_make(ry_buf_str(&translated), true);
    double best[3] = {1e18, 1e18, 1e18};
    int n = ROUND_BYTES / (int)text.n;
    for (int round = 0; round < ROUNDS; round++) {
        best[0] = fmin(best[0], plain_ns(&plain, text, n));
        best[1] = fmin(best[1], plain_ns(&called, text, n));
        best[2] = fmin(best[2], filter_ns(filter, searcher, text, n));
    }
    printf("| `%s` | %zu | %.0f | %.2f | %.2f |\n", pattern, text.n, best[0], best[1] / best[0], best[2] / best[0]);
    logs[0] += log(best[1] / best[0]);
    logs[1] += log(best[2] / best[0]);
    plain_free(&plain);
    plain_free(&called);
    text_filter_free(&filter);
}

int main(void)
{
    struct text_searcher *searcher = NULL;
    struct ry_error err;
    make_texts();
    if (text_searcher_new(&searcher, text_clock_thread(), &err) != RY_OK)
        return 1;
    printf("| pattern | bytes | interpreted, ns | with callouts | as searched |\n| --- | --- | --- | --- | --- |\n");
    for (size_t p = 0; p < PATTERNS_N; p++)
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++)
            measure(PATTERNS[p], searcher, texts[t]);
    const double n = (double)(PATTERNS_N * (sizeof texts / sizeof *texts));
    printf("| geometric mean | | | %.2f | %.2f |\n", exp(logs[0] / n), exp(logs[1] / n));
    text_searcher_free(&searcher);
    return 0;
}
