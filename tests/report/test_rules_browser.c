// The page of nca export in a browser, opened from the disk: its rules leave the same bits as nca
// run, it is wounded by mouse, finger and keys and heals, and it asks nobody for anything. Pictures
// of the page stay beside the program, as live-*.png.
#define _GNU_SOURCE   // nftw, realpath
#include "support.h"

#include "base/base64.h"
#include "pages.h"
#include "scratch.h"

enum { SIDE = 72, CHANNELS = 16, STEPS = 200, PAGE_BYTES_MAX = 120000 };

static const char rule[] = "zoo/lizard.safetensors";
static char page[1100], several[1100];

static int make_pages(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    const char *target = scratch("target.png");
    // A picture of what the rule grows, for its size: the white around it is no part of the target.
    run_program((const char *const[]){"run", rule, "-o", target, "--scale", "1", NULL});
    snprintf(page, sizeof page, "%s", scratch("page.html"));
    snprintf(several, sizeof several, "%s", scratch("several.html"));
    run_program((const char *const[]){"export", rule, "-o", page, "--target", target,
                                      "--target-size", "72", "--background", "#ffffff", NULL});
    run_program((const char *const[]){"export", rule, "zoo/eye.safetensors", "zoo/fish.safetensors",
                                      "-o", several, NULL});
    browser_start(&chromium, browser_find(), scratch("profile"));
    return 0;
}

static int remove_pages(void **state)
{
    browser_stop(&chromium);
    return scratch_teardown(state);
}

static const char *picture(const char *name)
{
    char whole[64];
    snprintf(whole, sizeof whole, "live-%s.png", name);
    return beside_program(whole);
}

// -- The same bits --------------------------------------------------------------------------------

// A rollout by the program.
typedef struct rollout {
    const char *model;
    int side, channels;
    const char *const *more;   // arguments
} rollout;

static size_t state_size(const rollout *of)
{
    return (size_t)of->side * (size_t)of->side * (size_t)of->channels;
}

// Its numbers, [STEPS + 1,side,side,channels].
static float *run_by_program(const rollout *of)
{
    const char *path = scratch("states.npy");
    const char *arguments[24] = {"run", of->model, "-o", path, "--force", "--device", "cpu"};
    const size_t size = (STEPS + 1) * state_size(of);
    float *states = malloc(size * sizeof *states);
    for (int i = 0; of->more[i]; i++)
        arguments[7 + i] = of->more[i];
    run_program(arguments);
    FILE *file = fopen(path, "rb");
    assert_true(file && states);
    assert_int_equal(fseek(file, -(long)(size * sizeof *states), SEEK_END), 0);
    assert_int_equal(fread(states, sizeof *states, size, file), size);
    fclose(file);
    return states;
}

// FNV-1a of 32-bit words.
static uint32_t hash_of(const float *values, size_t count)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        hash = (hash ^ bits) * 16777619u;
    }
    return hash;
}

// A world of its own beside the one that is shown, whose hashes are taken after every step: of a
// module, a side, settings, and a state to start from (empty: as the world begins).
static const char by_page[] =
    "(async () => {"
    "  const {exports} = await nca.module('%s'), start = '%s', hashes = [];"
    "  const world = new nca.World(exports, nca.data.rules[0], %d, %d);"
    "  Object.assign(world, %s);"
    "  if (start) world.state.set(new Float32Array(nca.bytes(start).buffer));"
    "  for (let step = 0; step <= 200; step++) {"
    "    if (step > 0) world.run(1);"
    "    const {buffer, byteOffset, length} = world.state;"
    "    let hash = 2166136261;"
    "    for (const word of new Uint32Array(buffer, byteOffset, length))"
    "      hash = Math.imul(hash ^ word, 16777619);"
    "    hashes.push(hash >>> 0);"
    "  }"
    "  return hashes;"
    "})()";

static void expect_same_bits(const char *module, const char *settings, const rollout *of,
                             bool starts_alike)
{
    const size_t count = state_size(of), bytes = count * sizeof(float);
    float *states = run_by_program(of);
    char *start = calloc(bytes * 2, 1), *script = malloc(bytes * 2 + sizeof by_page + 200);
    assert_true(start && script);
    if (!starts_alike)
        nca_base64_encode((const uint8_t *)states, bytes, start);
    sprintf(script, by_page, module, start, of->side, of->side, settings);
    json_t *hashes = browser_evaluate(&chromium, script);
    assert_int_equal(json_array_size(hashes), STEPS + 1);
    for (size_t step = 0; step <= STEPS; step++)
        assert_int_equal(json_integer_value(json_array_get(hashes, step)),
                         hash_of(states + step * count, count));
    assert_int_not_equal(hash_of(states + STEPS * count, count),
                         hash_of(states + (STEPS - 1) * count, count));
    json_decref(hashes);
    free(start);
    free(script);
    free(states);
}

static void test_the_page_computes_what_the_program_does(void **state)
{
    static const char *const usual[] = {NULL};
    static const char *const other[] = {"--seed", "7",           "--fire-rate", "0.7", "--angle",
                                        "37",     "--step-size", "0.9",         NULL};
    const rollout as_trained = {rule, SIDE, CHANNELS, usual};
    const rollout otherwise = {rule, SIDE, CHANNELS, other};
    (void)state;
    setenv("NCA_CPU_ISA", "scalar", 1);
    browser_open(&chromium, page, 1280, 800);
    expect_same_bits("vector-module", "{}", &as_trained, true);
    expect_same_bits("module", "{}", &as_trained, true);
    expect_same_bits("vector-module", "{seed: 7, fireRate: 0.7, angle: 37, stepSize: 0.9}",
                     &otherwise, true);
    unsetenv("NCA_CPU_ISA");
    assert_int_equal(count_complaints(page), 0);
}

// Another perception, two hidden layers, a frozen channel, noise: a published rule on a digit of
// MNIST, which both lie outside the project.
static const char digits_rule[] = "../shared/data/published_float/digits_l2_noise.safetensors";
static const char digits_data[] = "../shared/data/mnist";

static const char *open_digits(void)
{
    static char path[1100];
    snprintf(path, sizeof path, "%s", scratch("digits.html"));
    run_program((const char *const[]){"export", digits_rule, "--task", "digits", "-o", path,
                                      "--force", NULL});
    browser_open(&chromium, path, 1280, 800);
    return path;
}

static bool has_digits(void)
{
    const bool has = access(digits_rule, R_OK) == 0 && access(digits_data, R_OK) == 0;
    if (!has)
        print_message("no digits in ../shared/data: not compared\n");
    return has;
}

static void test_so_does_the_page_of_digits(void **state)
{
    static const char *const more[] = {"--task", "digits", "--data", digits_data, NULL};
    const rollout of_digits = {digits_rule, 28, 20, more};
    (void)state;
    if (!has_digits())
        skip();
    setenv("NCA_CPU_ISA", "scalar", 1);
    open_digits();
    expect_same_bits("vector-module", "{}", &of_digits, false);
    expect_same_bits("module", "{}", &of_digits, false);
    unsetenv("NCA_CPU_ISA");
}

// -- A visitor ------------------------------------------------------------------------------------

static bool waits_for(const char *script)
{
    for (int i = 0; i < 300; i++) {
        if (browser_number(&chromium, script))
            return true;
        usleep(50000);
    }
    return false;
}

static double living(void)
{
    return browser_number(&chromium,
                          "(({world}) => { let count = 0; for (let y = 0; y < world.height; y++)"
                          " for (let x = 0; x < world.width; x++) count += world.isAlive(y, x);"
                          " return count; })(nca.shown)");
}

static void mouse(const char *type, double x, double y)
{
    browser_do(&chromium, "Input.dispatchMouseEvent",
               json_pack("{s:s, s:f, s:f, s:s, s:i, s:i}", "type", type, "x", x, "y", y, "button",
                         "left", "buttons", 1, "clickCount", 1));
}

static void drag(double from_x, double from_y, double to_x, double to_y)
{
    mouse("mousePressed", from_x, from_y);
    for (int i = 1; i <= 8; i++)
        mouse("mouseMoved", from_x + (to_x - from_x) * i / 8, from_y + (to_y - from_y) * i / 8);
    mouse("mouseReleased", to_x, to_y);
}

static void touch(const char *type, json_t *points)
{
    browser_do(&chromium, "Input.dispatchTouchEvent",
               json_pack("{s:s, s:o}", "type", type, "touchPoints", points));
}

static void stroke(double from_x, double from_y, double to_x, double to_y)
{
    touch("touchStart", json_pack("[{s:f, s:f}]", "x", from_x, "y", from_y));
    for (int i = 1; i <= 8; i++)
        touch("touchMove", json_pack("[{s:f, s:f}]", "x", from_x + (to_x - from_x) * i / 8, "y",
                                     from_y + (to_y - from_y) * i / 8));
    touch("touchEnd", json_array());
}

static void click_button(const char *words)
{
    char script[256];
    snprintf(script, sizeof script,
             "[...document.querySelectorAll('button')].find((one) => one.title.startsWith('%s'))"
             ".click()",
             words);
    browser_run(&chromium, script);
}

// Opens the page, and waits until the rule has grown: what a world of its own grew before is the
// target, alpha and all.
static void open_grown(int width, int height)
{
    browser_open(&chromium, page, width, height);
    browser_run(&chromium,
                "(async () => {"
                "  const {exports} = await nca.module();"
                "  const world = new nca.World(exports, nca.data.rules[0], 72, 72), values = [];"
                "  world.seed = 2;"
                "  world.run(300);"
                "  for (let at = 0; at < world.state.length; at += world.channels)"
                "    values.push(...world.state.slice(at, at + 4));"
                "  nca.shown.stage.target = {height: 72, width: 72, values};"
                "})()");
    assert_true(waits_for("nca.shown.stage.verdict() === 'grown' && nca.shown.world.step > 250"));
}

// Grown, wounded by `wound`, healed; a picture of each.
static void expect_healing(int width, int height, void (*wound)(double, double, double, double))
{
    char name[32];
    open_grown(width, height);
    snprintf(name, sizeof name, "%d-before", width);
    browser_screenshot(&chromium, picture(name));
    const double before = living();
    click_button("Pause");
    wound(width * 0.3, height * 0.5, width * 0.7, height * 0.5);
    assert_true(living() < 0.9 * before);
    snprintf(name, sizeof name, "%d-during", width);
    browser_screenshot(&chromium, picture(name));
    assert_true(waits_for("nca.shown.stage.verdict() === 'healing'"));
    click_button("Play");
    assert_true(waits_for("nca.shown.stage.verdict() === 'healed'"));
    snprintf(name, sizeof name, "%d-after", width);
    browser_screenshot(&chromium, picture(name));
    assert_true(living() > 0.95 * before);
    assert_int_equal(count_complaints(page), 0);
}

static void test_it_heals_from_the_mouse(void **state)
{
    (void)state;
    expect_healing(1280, 800, drag);
}

static void test_it_heals_from_a_finger(void **state)
{
    (void)state;
    expect_healing(390, 844, stroke);
    assert_true(browser_number(&chromium, "document.documentElement.scrollWidth") <= 390);
}

// A creature that is whole again up to three cells beside its old place is healed.
static void test_it_may_heal_aside(void **state)
{
    (void)state;
    open_grown(1280, 800);
    click_button("Pause");
    for (int cells = 1; cells <= 5; cells++) {
        char script[300];
        snprintf(script, sizeof script,
                 "(() => { const {world, stage} = nca.shown; if (!stage.wasHurt)"
                 " stage.best = stage.loss; stage.wasHurt = true;"
                 " world.state.copyWithin(0, world.width * world.channels);"
                 " stage.look();"
                 " return stage.verdict() === '%s' && stage.moved === %d; })()",
                 cells <= 3 ? "healed" : "healing", cells <= 3 ? cells : 0);
        assert_true(browser_number(&chromium, script));
        if (cells == 2)
            assert_true(browser_number(&chromium, "document.body.textContent.includes("
                                                  "', 2 cells aside')"));
    }
    assert_int_equal(count_complaints(page), 0);
}

static void test_keys_do_what_hands_do(void **state)
{
    (void)state;
    open_grown(1280, 800);
    browser_key(&chromium, " ", " ", 32);   // nothing has the focus yet
    assert_false(browser_number(&chromium, "nca.shown.stage.isPlaying"));
    browser_run(&chromium, "nca.shown.stage.canvas.focus()");
    const double before = living(), step = browser_number(&chromium, "nca.shown.world.step");
    browser_key(&chromium, "Enter", "\r", 13);
    assert_true(living() < before);
    browser_key(&chromium, ".", ".", 190);
    assert_true(browser_number(&chromium, "nca.shown.world.step") == step + 1);
    browser_key(&chromium, "r", "r", 82);
    assert_true(browser_number(&chromium, "nca.shown.world.step") == 200);   // paused: as grown
    browser_run(&chromium, "nca.shown.hand.cut('left')");
    assert_true(living() < 0.8 * before);
}

static void test_seeds_and_copies(void **state)
{
    (void)state;
    open_grown(1280, 800);
    click_button("Pause");
    const double before = living();
    click_button("Drag out a copy");
    drag(640, 400, 1180, 400);
    assert_true(living() > 1.4 * before);
    click_button("Plant a seed");
    const double with_copy = living();
    browser_click(&chromium, 60, 60, 1);
    assert_true(living() == with_copy + 1);
    assert_int_equal(count_complaints(page), 0);
}

static void test_cells_vote_on_what_is_drawn(void **state)
{
    (void)state;
    if (!has_digits())
        skip();
    const char *path = open_digits();
    drag(640, 160, 640, 640);
    assert_true(waits_for("(({counts, living}) => living > 30 && counts[1] > 0.7 * living)"
                          "(nca.shown.world.votes())"));
    browser_screenshot(&chromium, picture("digits"));
    assert_int_equal(count_complaints(path), 0);
}

static void test_it_invites_once_there_is_something_to_wound(void **state)
{
    static const char shown[] = "document.querySelector('.invitation.early') === null";
    (void)state;
    browser_open(&chromium, page, 1280, 800);
    assert_true(browser_number(&chromium, "document.title === 'lizard'"));
    browser_run(&chromium, "nca.shown.stage.isPlaying = false; nca.shown.world.begin();"
                           "nca.shown.stage.look()");
    assert_false(browser_number(&chromium, shown));   // a seed
    browser_run(&chromium, "nca.shown.world.run(200); nca.shown.stage.look()");
    assert_true(browser_number(&chromium, shown));
    browser_run(&chromium, "nca.shown.world.state.fill(0); nca.shown.stage.look()");
    assert_false(browser_number(&chromium, shown));
    assert_true(browser_number(&chromium, "nca.shown.stage.verdict() === 'gone'"));
    assert_int_equal(count_complaints(page), 0);
}

static void test_one_of_several_is_chosen(void **state)
{
    (void)state;
    browser_open(&chromium, several, 1280, 800);
    assert_true(browser_number(&chromium, "document.querySelectorAll('#rules button').length") ==
                3);
    click_button("fish");
    assert_true(waits_for("nca.shown.world && nca.shown.world.rule.name === 'fish' && "
                          "nca.shown.world.step > 10"));
    browser_screenshot(&chromium, picture("several"));
    assert_int_equal(count_complaints(several), 0);
}

static void test_a_frame_has_room_to_spare(void **state)
{
    (void)state;
    open_grown(1280, 800);
    // The fastest of many, for others may use the processor too.
    const double ms = browser_number(
        &chromium, "(() => { const {world, stage} = nca.shown; let least = Infinity;"
                   " stage.isPlaying = false;"
                   " for (let i = 0; i < 200; i++) { const start = performance.now(); world.run(1);"
                   " least = Math.min(least, performance.now() - start); }"
                   " return least; })()");
    print_message("a step takes %.2f ms\n", ms);
    assert_true(ms < 8);   // half of one of sixty frames a second; a tenth on an idle machine
}

static void test_the_page_is_small(void **state)
{
    struct stat about;
    (void)state;
    assert_int_equal(stat(page, &about), 0);
    print_message("%lld bytes\n", (long long)about.st_size);
    assert_true(about.st_size <= PAGE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_page_is_small),
        cmocka_unit_test(test_the_page_computes_what_the_program_does),
        cmocka_unit_test(test_so_does_the_page_of_digits),
        cmocka_unit_test(test_it_heals_from_the_mouse),
        cmocka_unit_test(test_it_heals_from_a_finger),
        cmocka_unit_test(test_it_may_heal_aside),
        cmocka_unit_test(test_keys_do_what_hands_do),
        cmocka_unit_test(test_seeds_and_copies),
        cmocka_unit_test(test_cells_vote_on_what_is_drawn),
        cmocka_unit_test(test_it_invites_once_there_is_something_to_wound),
        cmocka_unit_test(test_one_of_several_is_chosen),
        cmocka_unit_test(test_a_frame_has_room_to_spare),
    };
    if (!browser_find()) {
        print_message("no Chromium here (Debian: chromium-headless-shell): skipped\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, make_pages, remove_pages);
}
