// What someone probably meant: the nearest of some words by edit distance.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

enum { WORD_MAX = 64 };

// Levenshtein's distance, with '_' and '-' the same.
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    const size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            const char x = a[i - 1] == '_' ? '-' : a[i - 1], y = b[j - 1] == '_' ? '-' : b[j - 1];
            const size_t change = diagonal + (x != y);
            diagonal = row[j];
            const size_t insert = row[j - 1] + 1, erase = row[j] + 1;
            row[j] = change < insert ? change : insert;
            row[j] = row[j] < erase ? row[j] : erase;
        }
    }
    return row[length];
}

const char *nca_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2;   // further away it is another word
    for (size_t i = 0; i < count && strlen(word) <= WORD_MAX; i++) {
        if (strlen(candidates[i]) > WORD_MAX)
            continue;
        const size_t d = distance(word, candidates[i]);
        if (d < best) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}
