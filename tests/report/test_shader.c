// Shaders as nca export writes them, in a browser's WebGL: every kind of rule goes the steps of nca
// run and shows its picture. glslangValidator reads them too, where it is installed.
#define _GNU_SOURCE   // nftw, open_memstream
#include "support.h"

#include "base/files.h"
#include "nca/image.h"
#include "nca/model.h"
#include "nca/task.h"
#include "pages.h"
#include "report/export.h"
#include "scratch.h"

enum { STEPS = 30, TABS = 4 };

// What hosts put around a tab's text.
static const char head[] = "#version 300 es\nprecision highp float;\nprecision highp int;\n"
                           "precision highp sampler2D;\nuniform sampler2D iChannel0, iChannel1;\n"
                           "uniform int iFrame;\nuniform vec4 iMouse;\nuniform vec3 iResolution;\n";
static const char tail[] = "\nout vec4 made;\nvoid main() { mainImage(made, gl_FragCoord.xy); }\n";
static const char *const tabs[TABS] = {"Common", "Buffer A", "Buffer B", "Image"};

typedef struct rollout {
    int frames, height, width, channels;
    const float *states;   // [frames,H,W,C] in `file`
    uint8_t *file;         // owned
} rollout;

// -- Rules and their rollouts ---------------------------------------------------------------------

// Weights that keep states finite.
static void save_rule(const nca_spec *spec, const char *path)
{
    nca_model rule;
    assert_ok(nca_model_create(spec, &rule, error));
    nca_model_initialize(&rule, 5);
    const nca_layout layout = nca_layout_of(spec);
    for (size_t i = 0; i < layout.size[NCA_OUTPUT_WEIGHT]; i++)
        rule.parameters[layout.offset[NCA_OUTPUT_WEIGHT] + i] = (float)sin((double)i) / 40;
    for (size_t i = 0; i < layout.size[NCA_OUTPUT_BIAS]; i++)
        rule.parameters[layout.offset[NCA_OUTPUT_BIAS] + i] = (float)cos((double)i) / 40;
    rule.grid_height = 21;
    rule.grid_width = 26;
    rule.angle = spec->perception == NCA_MOORE ? 0 : 20;
    rule.step_size = 0.75;
    rule.fire_rate = 0.6;
    assert_ok(nca_model_save(&rule, path, error));
    nca_model_free(&rule);
}

// One digit of MNIST's size, whose strokes have edges of every grey.
static void save_digit(void)
{
    uint8_t images[16 + 28 * 28] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 1, 7};
    for (int y = 4; y < 24; y++)
        for (int x = 8; x < 20; x++)
            images[16 + 28 * y + x] = (uint8_t)(y < 8 || x > 15 ? 20 * x - 150 : 0);
    scratch_write("t10k-images-idx3-ubyte", images, sizeof images);
    scratch_write("t10k-labels-idx1-ubyte", labels, sizeof labels);
}

static rollout run_rule(const char *rule, const char *const *options)
{
    const char *arguments[20] = {"run", rule, "--steps", "30", "--force", "--output", NULL};
    char path[1200];
    int count = 6;
    rollout made = {.frames = STEPS + 1};
    size_t size_bytes;
    snprintf(path, sizeof path, "%s", scratch("film.npy"));
    arguments[count++] = path;
    while (*options)
        arguments[count++] = *options++;
    run_program(arguments);
    assert_ok(nca_file_read(path, 1 << 30, &made.file, &size_bytes, error));
    const char *shape = strstr((const char *)made.file + 10, "'shape': (");
    assert_non_null(shape);
    assert_int_equal(sscanf(shape, "'shape': (%d, %d, %d, %d)", &made.frames, &made.height,
                            &made.width, &made.channels),
                     4);
    made.states = (const float *)(made.file + 10 + (made.file[8] | made.file[9] << 8));
    return made;
}

static const float *state_at(const rollout *film, int frame)
{
    return film->states +
           (size_t)frame * (size_t)film->height * (size_t)film->width * (size_t)film->channels;
}

// -- Shaders --------------------------------------------------------------------------------------

// The text below each line of ====, each a string of its own.
static void split(char *text, const char *parts[TABS])
{
    for (int i = 0; i < TABS; i++) {
        char line[40];
        snprintf(line, sizeof line, "// ==== %s ====", tabs[i]);
        char *found = strstr(text, line);
        if (!found)
            fail_msg("no part for the tab %s", tabs[i]);
        parts[i] = text = strchr(found, '\n') + 1;
        *found = 0;
    }
}

// glslangValidator, which knows the language by its specification.
static void validate(const char *const parts[TABS])
{
    for (int i = 1; i < TABS; i++) {
        char command[1300];
        FILE *to = fopen(scratch("tab.frag"), "w");
        assert_non_null(to);
        fprintf(to, "%s%s%s%s", head, parts[0], parts[i], tail);
        fclose(to);
        snprintf(command, sizeof command, "glslangValidator '%s'", scratch("tab.frag"));
        assert_int_equal(system(command), 0);
    }
}

static bool has_validator(void)
{
    return system("command -v glslangValidator >/dev/null") == 0;
}

static int tiles_of(const rollout *film)
{
    return (int)ceil(sqrt(film->channels / 4.0));
}

// Where channel 0 of a cell's group lies among the pixels.
static size_t pixel_of(const rollout *film, int y, int x, int group, int width)
{
    const int tiles = tiles_of(film);
    return (size_t)(y + group / tiles * film->height) * (size_t)width +
           (size_t)(x + group % tiles * film->width);
}

// A state as Buffer B holds it.
static json_t *lay_out(const rollout *film, const float *state, const int size[2])
{
    const size_t count = (size_t)size[0] * (size_t)size[1] * 4;
    float *pixels = calloc(count, sizeof *pixels);
    json_t *list = json_array();
    assert_non_null(pixels);
    for (int y = 0; y < film->height; y++)
        for (int x = 0; x < film->width; x++)
            for (int c = 0; c < film->channels; c++)
                pixels[4 * pixel_of(film, y, x, c / 4, size[0]) + (size_t)(c % 4)] = *state++;
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_real((double)pixels[i]));
    free(pixels);
    return list;
}

// Every pass in the browser, after as many steps as the film has.
//   first   the state to begin with; NULL: the shader's own
static void open_shader(const char *shader, const rollout *film, const float *first,
                        const int size[2])
{
    uint8_t *text, *host;
    size_t size_bytes;
    const char *parts[TABS];
    assert_ok(nca_text_read(shader, 1 << 24, &text, &size_bytes, error));
    assert_ok(nca_text_read("tests/report/shadertoy.html", 1 << 20, &host, &size_bytes, error));
    split((char *)text, parts);
    if (has_validator())
        validate(parts);
    json_t *given = json_pack("{s:s, s:s}", "head", head, "tail", tail);
    for (int i = 0; i < TABS; i++)
        json_object_set_new(given, tabs[i], json_string(parts[i]));
    json_t *pixels = first ? lay_out(film, first, size) : json_null();
    char *words = json_dumps(given, 0), *list = json_dumps(pixels, JSON_ENCODE_ANY);
    FILE *page = fopen(scratch("shader.html"), "w");
    assert_non_null(page);
    fprintf(page, "<script>const parts = %s, size = [%d, %d], first = %s, steps = %d</script>\n%s",
            words, size[0], size[1], list, film->frames - 1, (const char *)host);
    fclose(page);
    browser_open(&chromium, scratch("shader.html"), 800, 600);
    json_decref(given);
    json_decref(pixels);
    free(words);
    free(list);
    free(text);
    free(host);
}

// The largest difference of Buffer B to the film's last state, relative to its largest number.
static double state_error(const rollout *film, const int size[2])
{
    const float *expected = state_at(film, film->frames - 1);
    json_t *found = browser_evaluate(&chromium, "read_state()");
    double worst = 0, largest = 0;
    for (int y = 0; y < film->height; y++)
        for (int x = 0; x < film->width; x++)
            for (int c = 0; c < film->channels; c++, expected++) {
                const size_t at = 4 * pixel_of(film, y, x, c / 4, size[0]) + (size_t)(c % 4);
                const double value = json_number_value(json_array_get(found, at));
                worst = fmax(worst, fabs(value - (double)*expected));
                largest = fmax(largest, fabs((double)*expected));
            }
    json_decref(found);
    return worst / largest;
}

// The largest difference of the picture, in 255ths, in the middle of every cell.
static int colour_error(const rollout *film, nca_paint paint, const int size[2])
{
    const int side = size[0] / film->width < size[1] / film->height ? size[0] / film->width
                                                                    : size[1] / film->height;
    const int left = (size[0] - side * film->width) / 2, low = (size[1] - side * film->height) / 2;
    uint8_t *rgb = malloc((size_t)film->height * (size_t)film->width * 3);
    json_t *found = browser_evaluate(&chromium, "read_colours()");
    int worst = 0;
    assert_non_null(rgb);
    paint(state_at(film, film->frames - 1), film->height, film->width, film->channels, rgb);
    for (int i = 0; i < film->height * film->width * 3; i++) {
        const int y = i / 3 / film->width, x = i / 3 % film->width;
        const int row = low + side * (film->height - 1 - y) + side / 2;
        const int at = 4 * (row * size[0] + left + side * x + side / 2) + i % 3;
        const int value = (int)json_integer_value(json_array_get(found, (size_t)at));
        worst = abs(value - rgb[i]) > worst ? abs(value - rgb[i]) : worst;
    }
    json_decref(found);
    free(rgb);
    return worst;
}

// -- Tests ----------------------------------------------------------------------------------------

static const int screen[2] = {160, 144};
static const char *const no_options[] = {NULL};

// Both sides compute in f32, in another order; a rule that is stable forgets the differences.
static void test_a_creature_grows_as_in_nca_run(void **state)
{
    (void)state;
    char shader[1200];
    snprintf(shader, sizeof shader, "%s", scratch("lizard.glsl"));
    rollout film = run_rule("zoo:lizard", no_options);
    run_program(
        (const char *const[]){"export", "zoo:lizard", "-o", shader, "--numbers", "float32", NULL});
    open_shader(shader, &film, NULL, screen);
    const double error = state_error(&film, screen);
    print_message("float32: state within %.1e, picture within %d of 255\n", error,
                  colour_error(&film, nca_image_on_white, screen));
    assert_true(error < 1e-4);
    assert_true(colour_error(&film, nca_image_on_white, screen) <= 1);
    free(film.file);
}

// Half floats keep 11 bits of a weight. The mouse then wipes out the cells around row 30, counted
// from the top, and column 40; those of row 41 stay.
static void test_half_floats_show_the_same_creature_and_the_mouse_wipes(void **state)
{
    (void)state;
    char shader[1200];
    snprintf(shader, sizeof shader, "%s", scratch("half.glsl"));
    rollout film = run_rule("zoo:lizard", no_options);
    run_program((const char *const[]){"export", "zoo:lizard", "-o", shader, NULL});
    open_shader(shader, &film, NULL, screen);
    const int error = colour_error(&film, nca_image_on_white, screen);
    print_message("float16: state within %.1e, picture within %d of 255\n",
                  state_error(&film, screen), error);
    assert_true(error <= 8);
    browser_run(&chromium, "window.alpha = (y, x) => read_state()[4 * (y * 160 + x) + 3];"
                           "window.before = [alpha(30, 40), alpha(41, 40)];"
                           "draw_frame(steps + 1, [8 + 2 * 40 + 1, 144 - 2 * 30 - 1, 1, 1]); 0");
    assert_true(browser_number(&chromium, "before[0] > 0.1 && before[1] > 0.1"));
    assert_true(browser_number(&chromium, "alpha(30, 40) === 0 && alpha(41, 40) > 0.1"));
    free(film.file);
}

static const nca_spec kinds[] = {
    {8, NCA_SOBEL, {16, 0}, 0, NCA_ALIVE_EVERYWHERE, 0, 0, 0},
    {12, NCA_SUMMED, {16, 12}, 0, NCA_ALIVE_EVERYWHERE, 0, 0.02, 0},
    {4, NCA_MOORE, {12, 0}, 0, NCA_ALIVE_MAXIMUM, 0, 0, 0},
};

static void test_every_kind_of_rule_takes_the_steps_of_nca_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char rule[1200], shader[1200];
        snprintf(rule, sizeof rule, "%s", scratch("rule.safetensors"));
        snprintf(shader, sizeof shader, "%s", scratch("rule.glsl"));
        save_rule(&kinds[i], rule);
        rollout film = run_rule(rule, no_options);
        run_program((const char *const[]){"export", rule, "-o", shader, "--force", "--numbers",
                                          "float32", NULL});
        open_shader(shader, &film, state_at(&film, 0), screen);
        const double error = state_error(&film, screen);
        print_message("kind %zu: state within %.1e\n", i, error);
        assert_true(error < 1e-4);
        free(film.file);
    }
}

static void test_digits_are_voted_on_as_in_nca_run(void **state)
{
    (void)state;
    static const nca_spec spec = {20, NCA_MOORE, {24, 16}, 1, NCA_ALIVE_CHANNEL, 0, 0.02, 0};
    char rule[1200], shader[1200], data[1200];
    snprintf(rule, sizeof rule, "%s", scratch("digits.safetensors"));
    snprintf(shader, sizeof shader, "%s", scratch("digits.glsl"));
    snprintf(data, sizeof data, "%s", scratch("."));
    save_rule(&spec, rule);
    save_digit();
    // The grid of the digits is that of the data.
    nca_model saved;
    assert_ok(nca_model_load(rule, &saved, error));
    saved.grid_height = saved.grid_width = 28;
    assert_ok(nca_model_save(&saved, rule, error));
    nca_model_free(&saved);
    rollout film = run_rule(rule, (const char *const[]){"--task", "digits", "--data", data, NULL});
    run_program((const char *const[]){"export", rule, "--task", "digits", "-o", shader, "--numbers",
                                      "float32", NULL});
    open_shader(shader, &film, state_at(&film, 0), screen);
    const double error = state_error(&film, screen);
    print_message("digits: state within %.1e\n", error);
    assert_true(error < 1e-4);
    assert_true(colour_error(&film, nca_task_digits.paint, screen) <= 1);
    free(film.file);
}

// What is in frozen channels, a file alone does not say.
static void test_frozen_channels_need_their_task(void **state)
{
    (void)state;
    static const nca_spec spec = {8, NCA_MOORE, {8, 0}, 1, NCA_ALIVE_CHANNEL, 0, 0, 0};
    static const char *const refusing[] = {"refused.glsl", "refused.json"};
    char rule[1200];
    snprintf(rule, sizeof rule, "%s", scratch("frozen.safetensors"));
    save_rule(&spec, rule);
    nca_export_rule one = {.path = rule};
    assert_ok(nca_model_load(rule, &one.model, error));
    const nca_target_arguments given = NCA_TARGET_NOT_GIVEN;
    const nca_export what = {.rules = &one, .count = 1, .given = &given};
    for (size_t i = 0; i < sizeof refusing / sizeof *refusing; i++) {
        const nca_exporter *exporter;
        assert_ok(nca_exporter_find(NULL, refusing[i], &exporter, error));
        assert_refused(NCA_ARGUMENT, exporter->write(&what, scratch(refusing[i]), error));
        assert_int_not_equal(access(scratch(refusing[i]), F_OK), 0);
    }
    nca_model_free(&one.model);
}

static int start(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    browser_start(&chromium, browser_find(), scratch("profile"));
    return 0;
}

static int stop(void **state)
{
    browser_stop(&chromium);
    return scratch_teardown(state);
}

int main(void)
{
    if (!browser_find()) {
        print_message("no Chromium here (Debian: chromium-headless-shell): skipped\n");
        return SKIPPED;
    }
    if (!has_validator())
        print_message("no glslangValidator here (Debian: glslang-tools): it was not asked\n");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_creature_grows_as_in_nca_run),
        cmocka_unit_test(test_half_floats_show_the_same_creature_and_the_mouse_wipes),
        cmocka_unit_test(test_every_kind_of_rule_takes_the_steps_of_nca_run),
        cmocka_unit_test(test_digits_are_voted_on_as_in_nca_run),
        cmocka_unit_test(test_frozen_channels_need_their_task),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
