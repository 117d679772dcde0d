// What a heal map says, in counts and in words.
#include <math.h>
#include <stdio.h>

#include "eval/heal_map.h"

static nca_map_tally add_up(const nca_map_damage *damages, int count)
{
    nca_map_tally sum = {0};
    for (int i = 0; i < count; i++) {
        sum.healed += damages[i].tally.healed;
        sum.tried += damages[i].tally.tried;
    }
    return sum;
}

nca_map_tally nca_map_circles(const nca_heal_map *map, int radius)
{
    return add_up(map->circle[radius], map->side * map->side);
}

nca_map_tally nca_map_halves(const nca_heal_map *map)
{
    return add_up(map->half, NCA_MAP_ANGLES);
}

const nca_map_damage *nca_map_worst(const nca_map_damage *damages, int count)
{
    const nca_map_damage *worst = NULL;
    for (int i = 0; i < count; i++) {
        const nca_map_tally *a = &damages[i].tally, *b = worst ? &worst->tally : NULL;
        if (a->tried > 0 && (!b || (double)a->healed / a->tried < (double)b->healed / b->tried))
            worst = &damages[i];
    }
    return worst;
}

// -- The claim ------------------------------------------------------------------------------------

// Whether a rule that heals NCA_MAP_SHARE of all trials would have so many failures, or more, less
// than once in a thousand times: a sum over the binomial distribution.
static bool is_exception(const nca_map_tally *tally)
{
    const double share = NCA_MAP_SHARE;
    double one = pow(share, tally->tried), fewer_fail = 0;
    for (int failed = 0; failed < tally->tried - tally->healed; failed++) {
        fewer_fail += one;
        one *= (double)(tally->tried - failed) / (failed + 1) * (1 - share) / share;
    }
    return 1 - fewer_fail < 0.001;
}

static bool heals_anywhere(const nca_heal_map *map, int radius)
{
    const nca_map_tally all = nca_map_circles(map, radius);
    if (nca_wilson(all.healed, all.tried).low < NCA_MAP_SHARE)
        return false;
    for (int place = 0; place < map->side * map->side; place++)
        if (is_exception(&map->circle[radius][place].tally))
            return false;
    return true;
}

int nca_map_healed_radii(const nca_heal_map *map)
{
    int radii = 0;
    while (radii < NCA_MAP_RADII && heals_anywhere(map, radii))
        radii++;
    return radii;
}

int nca_map_trials_needed(void)
{
    int trials = 1;
    while (nca_wilson(trials, trials).low < NCA_MAP_SHARE)
        trials++;
    return trials;
}

// -- In words -------------------------------------------------------------------------------------

// "10.7 cells", or "10.7 x 14.2 cells" where the grid is no square.
static void write_radius(const nca_heal_map *map, int radius, char text[48])
{
    const nca_region *circle = &map->circle[radius][0].region;
    if (map->grid.height == map->grid.width)
        snprintf(text, 48, "%.1f cells", circle->radius_y);
    else
        snprintf(text, 48, "%.1f x %.1f cells", circle->radius_y, circle->radius_x);
}

static void write_sentence(const nca_heal_map *map, char line[NCA_MAP_BYTES])
{
    const int radii = nca_map_healed_radii(map), needed = nca_map_trials_needed();
    const nca_map_tally smallest = nca_map_circles(map, 0);
    const double percent = 100 * NCA_MAP_SHARE;
    char radius[48];
    if (radii > 0) {
        write_radius(map, radii - 1, radius);
        snprintf(line, NCA_MAP_BYTES,
                 "This rule heals any circle up to radius %s (%.1f of half the grid) with at least "
                 "%.0f %%.",
                 radius, nca_map_radius[radii - 1], percent);
    } else if (!map->has_pattern)
        snprintf(line, NCA_MAP_BYTES,
                 "There is nothing to heal: left whole, the pattern is at a log10 loss of %.2f.",
                 map->whole.median);
    else if (smallest.tried < needed)
        snprintf(line, NCA_MAP_BYTES,
                 "Too few trials to show %.0f %%: %d of a radius are needed, all healed; of the "
                 "smallest there were %d.",
                 percent, needed, smallest.tried);
    else
        snprintf(line, NCA_MAP_BYTES,
                 "There is no radius up to which this rule heals any circle with at least %.0f %%.",
                 percent);
}

// "640 of 640 healed, 99.4 to 100.0 %"
static int write_tally(const nca_map_tally *tally, char *text, size_t size)
{
    const nca_interval interval = nca_wilson(tally->healed, tally->tried);
    if (tally->tried == 0)
        return snprintf(text, size, "nothing was cleared");
    return snprintf(text, size, "%d of %d healed, %.1f to %.1f %%", tally->healed, tally->tried,
                    100 * interval.low, 100 * interval.high);
}

static void write_circles(const nca_heal_map *map, int radius, char line[NCA_MAP_BYTES])
{
    const nca_map_tally all = nca_map_circles(map, radius);
    const nca_map_damage *worst = nca_map_worst(map->circle[radius], map->side * map->side);
    char size[48], tally[80];
    write_radius(map, radius, size);
    write_tally(&all, tally, sizeof tally);
    const int used = snprintf(line, NCA_MAP_BYTES, "circles of radius %s: %s", size, tally);
    if (worst && worst->tally.healed < worst->tally.tried)
        snprintf(line + used, NCA_MAP_BYTES - (size_t)used, "; worst at %.4g,%.4g: %d of %d",
                 worst->region.center_y, worst->region.center_x, worst->tally.healed,
                 worst->tally.tried);
}

static void write_halves(const nca_heal_map *map, char line[NCA_MAP_BYTES])
{
    const nca_map_tally all = nca_map_halves(map);
    const nca_map_damage *worst = nca_map_worst(map->half, NCA_MAP_ANGLES);
    char tally[80];
    write_tally(&all, tally, sizeof tally);
    const int used =
        snprintf(line, NCA_MAP_BYTES, "halves at %d angles: %s", NCA_MAP_ANGLES, tally);
    if (worst && worst->tally.healed < worst->tally.tried)
        snprintf(line + used, NCA_MAP_BYTES - (size_t)used,
                 "; worst at %g degrees: %d of %d (0 is right, 90 lower)",
                 (double)(worst - map->half) * 360 / NCA_MAP_ANGLES, worst->tally.healed,
                 worst->tally.tried);
}

int nca_map_write(const nca_heal_map *map, char line[NCA_MAP_LINES][NCA_MAP_BYTES])
{
    int lines = 0;
    write_sentence(map, line[lines++]);
    if (!map->has_pattern)
        return lines;
    for (int radius = 0; radius < NCA_MAP_RADII; radius++)
        write_circles(map, radius, line[lines++]);
    write_halves(map, line[lines++]);
    return lines;
}
