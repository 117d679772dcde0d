// A heal map: its shares are those of a rule whose healing can be counted by hand, it is the same
// for any number of threads, and its words claim no more than the counts allow.
#include "support.h"

#include "eval/heal_map.h"
#include "eval/heal_map_json.h"
#include "eval/heal_map_picture.h"
#include "nca/nca.h"

enum { SIDE = 21, CELLS = SIDE * SIDE, HIDDEN = 8, SPREAD = 3 };

static nca_heal_map map;

// A rule by which the alpha of every living cell becomes 1: the pattern grows by a cell a step in
// every direction, and a hole closes as fast, where every cell fires.
static nca_model make_filling(void)
{
    const nca_spec spec = NCA_GROWING(8, HIDDEN);
    const nca_layout layout = nca_layout_of(&spec);
    nca_model model;
    assert_ok(nca_model_create(&spec, &model, error));
    memset(model.parameters, 0, layout.total * sizeof *model.parameters);
    // Hidden unit 0 is what alpha lacks, and is added to alpha.
    model.parameters[layout.offset[NCA_HIDDEN_WEIGHT] + NCA_ALPHA] = -1;
    model.parameters[layout.offset[NCA_HIDDEN_BIAS]] = 1;
    model.parameters[layout.offset[NCA_OUTPUT_WEIGHT] + NCA_ALPHA * HIDDEN] = 1;
    return model;
}

// Opaque and nearly black: a full grid has a loss of 0.0075, and every cell that is missing adds a
// quarter of its share of the grid.
static nca_growth make_target(void)
{
    nca_growth growth = {0};
    assert_ok(nca_image_create(SIDE, SIDE, &growth.target, error));
    for (int i = 0; i < CELLS * 4; i++)
        growth.target.pixels[i] = i % 4 == 3 ? 1 : 0.1f;
    return growth;
}

typedef struct request {
    nca_evaluate_options options;
    int side, trials;
} request;

static request ask(int cut_at, int heal_steps)
{
    return (request){.options = {.grid = {SIDE, SIDE},
                                 .seed = 4,
                                 .cut_at = cut_at,
                                 .heal_steps = heal_steps,
                                 .fire_rate = 1,
                                 .step_size = 1},
                     .side = 3,
                     .trials = 2};
}

static void make(const nca_compute *on, const request *asked, nca_heal_map *out)
{
    nca_model model = make_filling();
    nca_growth growth = make_target();
    assert_ok(nca_heal_map_make(&model, &nca_task_grow, &growth, &asked->options, asked->side,
                                asked->trials, on, out, error));
    nca_image_free(&growth.target);
    nca_model_free(&model);
}

// -- What heals -----------------------------------------------------------------------------------

static bool is_inside(const nca_region *circle, int y, int x)
{
    return pow((y - circle->center_y) / circle->radius_y, 2) +
               pow((x - circle->center_x) / circle->radius_x, 2) <
           1;
}

// Whether a cell of the hole is further than so many steps from every cell that is left.
static bool is_out_of_reach(const nca_region *circle, int y, int x, int steps)
{
    for (int v = y - steps; v <= y + steps; v++)
        for (int u = x - steps; u <= x + steps; u++)
            if (v >= 0 && v < SIDE && u >= 0 && u < SIDE && !is_inside(circle, v, u))
                return false;
    return true;
}

static bool is_healed_after(const nca_region *circle, int steps)
{
    int missing = 0;
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            missing += is_out_of_reach(circle, y, x, steps);
    return missing * 0.25 / CELLS <= 0.0075 * (pow(10, NCA_HEALED_WITHIN) - 1);
}

static void check_damages(const nca_map_damage *damages, int count, int steps, int *healed)
{
    for (int i = 0; i < count; i++) {
        const bool heals = is_healed_after(&damages[i].region, steps);
        assert_int_equal(damages[i].tally.tried, map.trials);
        assert_int_equal(damages[i].tally.healed, heals ? map.trials : 0);
        *healed += heals;
    }
}

static void test_shares_are_those_counted_by_hand(void **state)
{
    (void)state;
    static const char *const devices[] = {"reference", "cpu"};
    for (int i = 0; i < 2; i++)
        for (int steps = 1; steps < 5; steps++) {
            nca_compute on;
            int healed = 0;
            const request asked = ask(12, steps);
            assert_ok(nca_compute_open(devices[i], NULL, &on, error));
            make(&on, &asked, &map);
            assert_true(map.has_pattern);
            for (int radius = 0; radius < NCA_MAP_RADII; radius++)
                check_damages(map.circle[radius], 9, steps, &healed);
            check_damages(map.half, NCA_MAP_ANGLES, steps, &healed);
            assert_true(healed >= 9 && healed < NCA_MAP_RADII * 9 + NCA_MAP_ANGLES);
            nca_compute_close(&on);
        }
}

// A pattern of seven cells a side: circles in the corners clear nothing.
static void test_what_clears_nothing_is_no_trial(void **state)
{
    (void)state;
    nca_compute on;
    const request asked = ask(SPREAD, 30);
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    make(&on, &asked, &map);
    for (int place = 0; place < 9; place++)
        assert_int_equal(map.circle[0][place].tally.tried, place == 4 ? asked.trials : 0);
    assert_int_equal(nca_map_circles(&map, 0).tried, asked.trials);
    assert_ptr_equal(nca_map_worst(map.circle[0], 9), &map.circle[0][4]);
    nca_compute_close(&on);
}

// A pattern that is not there cannot be healed, and nothing is tried.
static void test_without_a_pattern_nothing_is_tried(void **state)
{
    (void)state;
    char line[NCA_MAP_LINES][NCA_MAP_BYTES];
    nca_compute on;
    const request asked = ask(2, 2);
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    make(&on, &asked, &map);
    assert_false(map.has_pattern);
    assert_int_equal(nca_map_halves(&map).tried, 0);
    assert_int_equal(nca_map_write(&map, line), 1);
    assert_non_null(strstr(line[0], "nothing to heal"));
    nca_compute_close(&on);
}

// -- Draws ----------------------------------------------------------------------------------------

static bool is_same(const nca_heal_map *a, const nca_heal_map *b)
{
    for (int radius = 0; radius < NCA_MAP_RADII; radius++)
        for (int i = 0; i < a->side * a->side; i++)
            if (memcmp(&a->circle[radius][i].tally, &b->circle[radius][i].tally,
                       sizeof a->half[0].tally) != 0)
                return false;
    for (int i = 0; i < NCA_MAP_ANGLES; i++)
        if (memcmp(&a->half[i].tally, &b->half[i].tally, sizeof a->half[0].tally) != 0)
            return false;
    return memcmp(&a->whole, &b->whole, sizeof a->whole) == 0;
}

// Cells that fire seldom close a hole sometimes: the same draws for any number of threads, others
// for each trial and for another seed.
static void test_a_map_is_its_seed_alone(void **state)
{
    (void)state;
    static nca_heal_map again, other;
    nca_compute one, two;
    request asked = ask(200, 6);
    asked.options.fire_rate = 0.3;
    asked.trials = 20;
    assert_true(open_cpu("scalar", 1, &one));
    assert_true(open_cpu("scalar", 2, &two));
    make(&one, &asked, &map);
    make(&two, &asked, &again);
    asked.options.seed++;
    make(&two, &asked, &other);
    assert_true(is_same(&map, &again));
    assert_false(is_same(&map, &other));
    int sometimes = 0;
    for (int place = 0; place < 9; place++) {
        const nca_map_tally *tally = &map.circle[NCA_MAP_RADII - 1][place].tally;
        sometimes += tally->healed > 0 && tally->healed < tally->tried;
    }
    assert_true(sometimes > 0);
    nca_compute_close(&one);
    nca_compute_close(&two);
}

static volatile sig_atomic_t stop_now = 1;

static void test_a_map_is_stopped_and_refused(void **state)
{
    (void)state;
    nca_compute on;
    nca_model model = make_filling();
    nca_growth growth = make_target();
    request asked = ask(12, 2);
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    asked.options.stop = &stop_now;
    assert_refused(NCA_INTERRUPTED, nca_heal_map_make(&model, &nca_task_grow, &growth,
                                                      &asked.options, 2, 1, &on, &map, error));
    assert_refused(NCA_ARGUMENT, nca_heal_map_make(&model, &nca_task_digits, NULL, &asked.options,
                                                   2, 1, &on, &map, error));
    nca_compute_close(&on);
    nca_image_free(&growth.target);
    nca_model_free(&model);
}

// -- What is claimed ------------------------------------------------------------------------------

// A map of which each circle was tried so often and always healed.
static void fill(int trials)
{
    map = (nca_heal_map){
        .grid = {41, 41}, .side = 7, .trials = trials, .has_pattern = true, .heal_steps = 400};
    for (int radius = 0; radius < NCA_MAP_RADII; radius++)
        for (int i = 0; i < 49; i++)
            map.circle[radius][i] = (nca_map_damage){{.kind = NCA_REGION_CIRCLE,
                                                      .center_y = 10 + 3 * (i / 7),
                                                      .center_x = 11 + 3 * (i % 7),
                                                      .radius_y = 20 * nca_map_radius[radius],
                                                      .radius_x = 20 * nca_map_radius[radius]},
                                                     {trials, trials}};
    for (int i = 0; i < NCA_MAP_ANGLES; i++)
        map.half[i].tally = (nca_map_tally){trials, trials};
}

static void assert_says(const char *words)
{
    char line[NCA_MAP_LINES][NCA_MAP_BYTES], all[NCA_MAP_LINES * NCA_MAP_BYTES] = "";
    const int lines = nca_map_write(&map, line);
    for (int i = 0; i < lines; i++)
        strcat(strcat(all, line[i]), "\n");
    if (!strstr(all, words))
        fail_msg("no \"%s\" in:\n%s", words, all);
}

// A share of 99 % needs 381 trials that all heal: 1 - 3.84 / (381 + 3.84).
static void test_few_trials_claim_nothing(void **state)
{
    (void)state;
    assert_int_equal(nca_map_trials_needed(), 381);
    fill(7);   // 343 of a radius
    assert_int_equal(nca_map_healed_radii(&map), 0);
    assert_says("Too few trials to show 99 %: 381 of a radius are needed, all healed; of the "
                "smallest there were 343.");
    fill(8);
    assert_int_equal(nca_map_healed_radii(&map), NCA_MAP_RADII);
    assert_says("heals any circle up to radius 10.0 cells (0.5 of half the grid) with at least 99 "
                "%.");
}

static void test_one_bad_place_or_many_failures_end_the_claim(void **state)
{
    (void)state;
    fill(16);
    map.circle[3][7].tally.healed = 14;   // 782 of 784, and two of 16 may fail by chance
    assert_int_equal(nca_map_healed_radii(&map), NCA_MAP_RADII);
    map.circle[3][7].tally.healed = 12;   // four seldom do
    map.circle[3][9].tally.tried = 0;     // and what was not tried is no exception
    map.circle[3][9].tally.healed = 0;
    assert_int_equal(nca_map_healed_radii(&map), 3);
    assert_says("up to radius 6.0 cells (0.3 of half the grid)");
    assert_says("circles of radius 8.0 cells: 764 of 768 healed, 98.7 to 99.8 %; worst at 13,11: "
                "12 of 16");
    for (int i = 0; i < 8; i++)
        map.circle[0][i].tally.healed--;   // 776 of 784 in all, each place but one short
    assert_int_equal(nca_map_healed_radii(&map), 0);
    assert_says("There is no radius up to which this rule heals any circle with at least 99 %.");
    map.half[4].tally.healed = 3;
    assert_says("halves at 16 angles: 243 of 256 healed, 91.5 to 97.0 %; worst at 90 degrees: 3 of "
                "16 (0 is right, 90 lower)");
}

static void test_a_map_has_a_picture_and_json(void **state)
{
    (void)state;
    nca_growth growth = {0};
    nca_canvas canvas;
    int red = 0;
    fill(16);
    map.circle[2][24].tally.healed = 0;   // a dot in the lowest shade
    assert_ok(nca_image_create(41, 41, &growth.target, error));
    assert_ok(nca_heal_map_draw(&map, &nca_task_grow, &growth, &canvas, error));
    for (int i = 0; i < canvas.height * canvas.width; i++)
        red += canvas.rgb[3 * i] == 178 && canvas.rgb[3 * i + 1] == 24;
    assert_true(red > 200 && red < 500);   // the one dot, and the legend's
    json_t *json = nca_heal_map_json(&map), *radius, *place;
    assert_non_null(json);
    radius = json_array_get(json_object_get(json, "circles"), 2);
    place = json_array_get(json_object_get(radius, "places"), 24);
    assert_int_equal(json_integer_value(json_object_get(place, "healed")), 0);
    assert_int_equal(json_integer_value(json_object_get(radius, "healed")), 48 * 16);
    assert_true(json_real_value(json_object_get(json, "heals_up_to")) == 0.2);
    json_decref(json);
    nca_canvas_free(&canvas);
    nca_image_free(&growth.target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares_are_those_counted_by_hand),
        cmocka_unit_test(test_what_clears_nothing_is_no_trial),
        cmocka_unit_test(test_without_a_pattern_nothing_is_tried),
        cmocka_unit_test(test_a_map_is_its_seed_alone),
        cmocka_unit_test(test_a_map_is_stopped_and_refused),
        cmocka_unit_test(test_few_trials_claim_nothing),
        cmocka_unit_test(test_one_bad_place_or_many_failures_end_the_claim),
        cmocka_unit_test(test_a_map_has_a_picture_and_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
