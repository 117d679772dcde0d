// Where a seed can stand.
#include "task/seed.h"

static bool is_visible(const nca_image *target, int y, int x)
{
    return y >= 0 && x >= 0 && y < target->height && x < target->width &&
           target->pixels[((size_t)y * (size_t)target->width + (size_t)x) * NCA_VISIBLE +
                          NCA_ALPHA] > NCA_ALIVE_THRESHOLD;
}

bool nca_seed_can_live(const nca_image *target, int y, int x)
{
    for (int i = 0; i < 9; i++)
        if (is_visible(target, y + i / 3 - 1, x + i % 3 - 1))
            return true;
    return false;
}

bool nca_seed_find(const nca_image *target, int place[2])
{
    long nearest = -1;
    for (int y = 0; y < target->height; y++)
        for (int x = 0; x < target->width; x++) {
            const long down = y - target->height / 2, right = x - target->width / 2;
            const long distance = down * down + right * right;
            if (!is_visible(target, y, x) || (nearest >= 0 && distance >= nearest))
                continue;
            nearest = distance;
            place[0] = y;
            place[1] = x;
        }
    return nearest >= 0;
}

nca_status nca_seed_cell(const nca_seed_at *seed, const nca_grid *grid, int place[2],
                         nca_error *error)
{
    const bool is_cell = seed->kind == NCA_SEED_CELL;
    const long y = seed->y + (is_cell ? 0L : grid->height / 2);
    const long x = seed->x + (is_cell ? 0L : grid->width / 2);
    if (y >= 0 && x >= 0 && y < grid->height && x < grid->width) {
        place[0] = (int)y;
        place[1] = (int)x;
        return NCA_OK;
    }
    return is_cell
               ? nca_fail(error, NCA_ARGUMENT,
                          "--seed-at %d,%d: outside the grid of %dx%d; give a row and a column "
                          "of it, 0,0 to %d,%d",
                          seed->y, seed->x, grid->height, grid->width, grid->height - 1,
                          grid->width - 1)
               : nca_fail(error, NCA_ARGUMENT,
                          "--grid %dx%d: the rule's seed stands %d rows and %d columns from the "
                          "middle, outside it; give a larger one, or another --seed-at",
                          grid->height, grid->width, seed->y, seed->x);
}
