/* nearest.c: the known word that was probably meant by a mistyped one. Pure. */
#include "runtime/cli/nearest.h"

#include <stdbool.h>
#include <string.h>

/* How many letters must be added, taken away, changed or swapped with their neighbour to make a into b (optimal string
 * alignment); words are short. */
#define WORD_MAX 32
static size_t distance(const char *a, const char *b)
{
    size_t rows[WORD_MAX + 1][WORD_MAX + 1];
    size_t n = strlen(a);
    size_t m = strlen(b);
    if (n > WORD_MAX || m > WORD_MAX)
        return WORD_MAX;
    for (size_t i = 0; i <= n; i++) {
        for (size_t j = 0; j <= m; j++) {
            if (i == 0 || j == 0) {
                rows[i][j] = i + j;
                continue;
            }
            size_t best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            size_t other = 1 + (rows[i - 1][j] < rows[i][j - 1] ? rows[i - 1][j] : rows[i][j - 1]);
            best = other < best ? other : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && rows[i - 2][j - 2] + 1 < best)
                best = rows[i - 2][j - 2] + 1;
            rows[i][j] = best;
        }
    }
    return rows[n][m];
}

const char *ry_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    /* Further than a third of the word is no slip of the finger. */
    size_t best_distance = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        bool begins = strlen(word) >= 2 && strncmp(word, candidates[i], strlen(word)) == 0;
        size_t d = begins ? 1 : distance(word, candidates[i]);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}
