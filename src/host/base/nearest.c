// What a mistyped word probably meant: the nearest of some words by edit distance.
#define _GNU_SOURCE   // strsep
#include "base/nearest.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 64, PREFIX_MIN = 3 };

static char plain(char c)
{
    return c == '_' ? '-' : c;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Edit distance in which two neighbours that changed places count as one; '_' and '-' are the same.
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];   // of the last three letters of `a`, by turns
    const size_t length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        rows[0][j] = j;
    size_t i = 0;
    for (; a[i]; i++) {
        const size_t *above = rows[i % 3], *before = rows[(i + 2) % 3];
        size_t *row = rows[(i + 1) % 3];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            const bool is_same = plain(a[i]) == plain(b[j]);
            row[j + 1] = smaller(above[j] + !is_same, smaller(row[j], above[j + 1]) + 1);
            if (i > 0 && j > 0 && plain(a[i]) == plain(b[j - 1]) && plain(a[i - 1]) == plain(b[j]))
                row[j + 1] = smaller(row[j + 1], before[j - 1] + 1);
        }
    }
    return rows[i % 3][length];
}

static bool starts_with(const char *text, const char *start)
{
    size_t i = 0;
    while (start[i] && plain(text[i]) == plain(start[i]))
        i++;
    return !start[i];
}

const char *nca_nearest(const char *word, const char *const *candidates, size_t count)
{
    const char *nearest = NULL, *longer = NULL;
    const size_t length = strlen(word);
    size_t best = length < 5 ? 2 : length / 4 + 2;   // further away it is another word
    for (size_t i = 0; i < count && length <= WORD_MAX; i++) {
        if (strlen(candidates[i]) > WORD_MAX)
            continue;
        if (!longer && length >= PREFIX_MIN && starts_with(candidates[i], word))
            longer = candidates[i];
        const size_t d = distance(word, candidates[i]);
        if (d < best) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest ? nearest : longer;
}

nca_status nca_choice_check(const char *option, const char *asked, const char *choices,
                            nca_error *error)
{
    enum { CHOICES_MAX = 16, CHOICES_BYTES = 256 };
    const char *names[CHOICES_MAX];
    char words[CHOICES_BYTES], known[2 * CHOICES_BYTES] = "", *rest = words;
    size_t count = 0;
    assert(strlen(choices) < sizeof words);
    snprintf(words, sizeof words, "%s", choices);
    for (char *name; (name = strsep(&rest, "|")) && count < CHOICES_MAX; count++) {
        const size_t used = strlen(known);
        if (!asked || strcmp(asked, name) == 0)
            return NCA_OK;
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name);
        names[count] = name;
    }
    const char *near = nca_nearest(asked, names, count);
    return nca_fail(error, NCA_ARGUMENT, "%s %.40s: no such choice; %s%s%sthere are %s", option,
                    asked, near ? "did you mean " : "", near ? near : "", near ? "? " : "", known);
}
