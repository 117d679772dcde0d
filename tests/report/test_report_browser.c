// The page of nca report in a browser, opened from the disk: it draws itself without an error, asks
// nobody for anything, and its legends, keys and policy do what they are there for. Pictures of the
// page stay beside the program, as report-*.png.
//   test_report_browser [RUN_DIR]     the page of that run instead of one made for the purpose
#define _GNU_SOURCE   // nftw, realpath
#include "support.h"

#include "media/writers.h"
#include "pages.h"
#include "report/page.h"
#include "scratch.h"

enum { COLOURS = 8 };

// What a run folder may be called, and what it may be said to have grown.
static const char run_name[] = "run <b onclick=bad()>&amp;\"'";
static const char target_name[] = "<img src=x onerror=document.body.remove()>.png";

static char page[1100];
static const char *given_run;   // NULL: the tests make one

static void write_target(const char *path)
{
    uint8_t rgb[12 * 12 * 3];
    memset(rgb, 255, sizeof rgb);
    for (int y = 2; y < 10; y++)
        for (int x = 2; x < 10; x++)
            rgb[(y * 12 + x) * 3 + (y < 6)] = 40;
    assert_ok(nca_png_write(path, rgb, 12, 12, error));
}

static const char *train_run(void)
{
    const char *target = scratch(target_name), *run = scratch(run_name);
    write_target(target);
    const char *const train[] = {"train",       "--target",
                                 target,        "--background",
                                 "#ffffff",     "--target-size",
                                 "12",          "--padding",
                                 "2",           "--out",
                                 run,           "--quiet",
                                 "--updates",   "6",
                                 "--steps-min", "8",
                                 "--pool",      "8",
                                 "--batch",     "4",
                                 "--steps-max", "9",
                                 "--hidden",    "16",
                                 "--damaged",   "1",
                                 NULL};
    run_program(train);
    return run;
}

static int make_page(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    snprintf(page, sizeof page, "%s", scratch("page.html"));
    if (given_run)
        run_program((const char *const[]){"report", given_run, "-o", page, NULL});
    else
        run_program((const char *const[]){"report", train_run(), "-o", page, "--cut-at", "20",
                                          "--heal-steps", "30", NULL});
    browser_start(&chromium, browser_find(), scratch("profile"));
    return 0;
}

static int remove_page(void **state)
{
    browser_stop(&chromium);
    return scratch_teardown(state);
}

// The path of a picture that stays.
static const char *picture(const char *name)
{
    char whole[64];
    snprintf(whole, sizeof whole, "%s-%s.png", given_run ? "quickstart" : "report", name);
    return beside_program(whole);
}

static void test_it_opens_from_the_disk_and_asks_for_nothing(void **state)
{
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_true(
        browser_number(&chromium, "document.querySelectorAll('.dygraph-axis-label').length") > 20);
    assert_int_equal(
        browser_number(&chromium, "[...document.images].filter(i => !i.naturalWidth).length"), 0);
    browser_screenshot(&chromium, picture("1280"));
    assert_int_equal(count_complaints(page), 0);
}

// The rule runs above everything that is only drawn; four of its channels are charted at first.
static void test_the_rule_lives_at_the_top(void **state)
{
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_int_equal(browser_number(&chromium, "document.querySelectorAll('main > section')[0] ==="
                                               "document.getElementById('live')"),
                     1);
    const char step[] = "nca.runs[0].shown.world.step";
    for (int i = 0; i < 200 && browser_number(&chromium, step) < 3; i++)
        usleep(50000);
    assert_true(browser_number(&chromium, step) >= 3);
    assert_int_equal(browser_number(&chromium, "document.querySelectorAll('#cells .legend "
                                               "[aria-pressed=\"true\"]').length"),
                     4);
    assert_int_equal(count_complaints(page), 0);
}

static void test_what_a_folder_says_is_text(void **state)
{
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_int_equal(
        browser_number(&chromium, "document.querySelectorAll('b[onclick], img[onerror]').length"),
        0);
    assert_int_equal(
        browser_number(
            &chromium,
            "document.querySelector('#settings dd').textContent.includes('onerror=document')"),
        1);
    assert_int_equal(
        browser_number(
            &chromium,
            "document.getElementById('lead').textContent.includes('<b onclick=bad()>&amp;')"),
        1);
}

static void test_the_policy_refuses_what_is_not_in_the_page(void **state)
{
    (void)state;
    browser_open(&chromium, page, 800, 600);
    assert_int_equal(count_complaints(page), 0);
    browser_run(&chromium,
                "(async () => { const s = document.createElement('script');"
                "s.textContent = 'window.bad = true'; document.body.append(s);"
                "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png';"
                "let refused = 0; try { await fetch('http://127.0.0.1:9/') } catch { refused = 1 }"
                "await new Promise((done) => setTimeout(done, 300)); return refused })()");
    assert_int_equal(browser_number(&chromium, "'bad' in window"), 0);
    assert_true(count_complaints(page) >= 3);   // which also shows that complaints are seen
}

// clang-format off
// The canvases are read from a copy: a browser warns of a canvas that is read again and again.
static const char counter[] =
    "(() => {"
    "  const chart = nca.charts.find((c) => c.spec.title === 'Loss over time');"
    "  const want = [1, 3, 5].map((at) => parseInt(nca.colour(%d).slice(at, at + 2), 16));"
    "  let count = 0;"
    "  for (const canvas of chart.plot.querySelectorAll('canvas')) {"
    "    const copy = new OffscreenCanvas(canvas.width, canvas.height)"
    "      .getContext('2d', {willReadFrequently: true});"
    "    copy.drawImage(canvas, 0, 0);"
    "    const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);"
    "    for (let i = 0; i < data.length; i += 4)"
    "      count += data[i + 3] > 200 && want.every((w, k) => Math.abs(w - data[i + k]) < 3);"
    "  }"
    "  return count;"
    "})()";
// clang-format on

// Pixels of the colour of an entry in the chart of losses over time, which has every colour once.
static int count_pixels(int entry)
{
    char script[sizeof counter + 16];
    snprintf(script, sizeof script, counter, entry);
    return (int)browser_number(&chromium, script);
}

// Clicks an entry of the legend below that chart.
static void click_entry(int entry, int times)
{
    char script[600];
    snprintf(script, sizeof script,
             "(() => { const b = document.querySelectorAll('#rollouts .legend button')[%d];"
             "b.scrollIntoView({block: 'center'}); const r = b.getBoundingClientRect();"
             "return [r.x + r.width / 2, r.y + r.height / 2] })()",
             entry);
    json_t *place = browser_evaluate(&chromium, script);
    browser_click(&chromium, json_number_value(json_array_get(place, 0)),
                  json_number_value(json_array_get(place, 1)), times);
    json_decref(place);
}

static void test_a_legend_entry_hides_its_trace(void **state)
{
    enum { UPPER = 1, LOWER = 2 };
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_true(count_pixels(UPPER) > 20);
    const int lower = count_pixels(LOWER);
    assert_true(lower > 20);
    click_entry(UPPER, 1);
    assert_int_equal(count_pixels(UPPER), 0);
    assert_true(count_pixels(LOWER) > 20);
    browser_screenshot(&chromium, picture("hidden-trace"));
    click_entry(UPPER, 1);
    assert_true(count_pixels(UPPER) > 20);
    // A double click leaves one alone; another brings all back.
    click_entry(UPPER, 2);
    assert_true(count_pixels(UPPER) > 20);
    assert_int_equal(count_pixels(LOWER), 0);
    click_entry(UPPER, 2);
    assert_true(count_pixels(LOWER) > 20);
    assert_int_equal(count_complaints(page), 0);
}

static void test_keys_do_what_the_mouse_does(void **state)
{
    enum { UPPER = 1 };
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    browser_run(&chromium, "document.querySelectorAll('#rollouts .legend button')[1].focus()");
    browser_key(&chromium, "Enter", "\r", 13);
    assert_int_equal(count_pixels(UPPER), 0);
    browser_key(&chromium, "Enter", "\r", 13);
    assert_true(count_pixels(UPPER) > 20);
    // A focused chart zooms and shows all again.
    const char width[] =
        "(() => { const [a, b] = nca.charts[0].graph.xAxisRange(); return b - a })()";
    const double all = browser_number(&chromium, width);
    browser_run(&chromium, "nca.charts[0].plot.focus()");
    browser_key(&chromium, "+", "+", 187);
    assert_true(browser_number(&chromium, width) < 0.6 * all);
    browser_key(&chromium, "0", "0", 48);
    usleep(600000);   // the way back is animated
    assert_true(fabs(browser_number(&chromium, width) - all) < 1e-6 * all);
    // The arrow keys move the cell whose channels are drawn.
    browser_run(&chromium, "document.querySelector('#cells canvas[tabindex]').focus()");
    const char title[] =
        "document.querySelector('#cells .chart b').textContent.includes('Cell 7, 8')";
    assert_int_equal(browser_number(&chromium, title), 0);
    browser_key(&chromium, "ArrowUp", "", 38);
    assert_int_equal(browser_number(&chromium, title), 1);
    assert_int_equal(count_complaints(page), 0);
}

static void test_it_fits_a_phone(void **state)
{
    (void)state;
    expect_fits_a_phone(page, picture("390"));
}

// Side by side, every chart is as wide as its own column, and what a run's legend hides takes its
// marks along.
static void test_runs_stand_side_by_side(void **state)
{
    (void)state;
    const char *both = scratch("both.html"), *run = scratch(run_name);
    run_program((const char *const[]){"report", run, run, "-o", both, "--cut-at", "20",
                                      "--heal-steps", "30", NULL});
    browser_open(&chromium, both, 1280, 900);
    assert_true(browser_number(&chromium, "nca.charts.length") > 10);
    assert_int_equal(browser_number(&chromium,
                                    "nca.charts.filter(({plot, graph}) => Math.abs("
                                    "plot.clientWidth - graph.size().width) > 1).length"),
                     0);
    assert_int_equal(browser_number(&chromium,
                                    "(() => { let drawn = []; const chart = nca.charts[0];"
                                    "chart.spec.marks = [{x: 2, text: 'a', series: 0},"
                                    "{x: 3, text: 'b', series: 1}];"
                                    "nca.drawMarks = (marks) => { drawn = marks };"
                                    "nca.show(chart, [false, true]);"
                                    "return drawn.length === 1 && drawn[0].text === 'b' })()"),
                     1);
    assert_int_equal(count_complaints(both), 0);
}

// Numbers that differ look different, and whole numbers stay whole.
static void test_numbers_of_an_axis_tell_ticks_apart(void **state)
{
    static const struct {
        const char *tick, *text;
    } cases[] = {
        {"nca.tick(11016, 11010, 11030)", "11,016"},
        {"nca.tick(100000, 0, 100000)", "100,000"},
        {"nca.tick(-1.179, -1.18, -1.178)", "-1.179"},
        {"nca.tick(-1.1795, -1.18, -1.178)", "-1.1795"},
        {"nca.tick(0, -2, 2)", "0"},
        {"nca.tick(-1e-17, -2, 2)", "0"},
        {"nca.tick(1.5e10, 0, 3e10)", "1.5e10"},
        {"nca.tick(2e-4, 0, 6e-4)", "2e-4"},
        {"nca.number(1e-7)", "1e-7"},
        {"nca.number(-3.14159)", "-3.142"},
    };
    (void)state;
    browser_open(&chromium, page, 800, 600);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *text = browser_evaluate(&chromium, cases[i].tick);
        assert_string_equal(json_string_value(text), cases[i].text);
        json_decref(text);
    }
}

// The events of a run that gave up, of which there can be hundreds: the last is named at the edge.
static void test_marks_are_named_where_there_is_room(void **state)
{
    (void)state;
    browser_open(&chromium, page, 800, 600);
    const char script[] =
        "(() => { const said = []; const context = {beginPath() {}, moveTo() {}, lineTo() {},"
        "  stroke() {}, setLineDash() {}, measureText: () => ({width: 60}),"
        "  fillText: (text, x) => said.push([text, x])};"
        "const marks = Array.from({length: 50}, (_, i) => ({x: 50 + i, text: 'skipped'}));"
        "nca.drawMarks([...marks, {x: 100, text: 'gave up'}], context,"
        "  {x: 0, y: 0, w: 1000, h: 100}, {toDomXCoord: (x) => x * 10});"
        "return said[0][0] === 'gave up' && said[0][1] === 936 && said.length > 3 &&"
        "  said.every(([, x], i) => said.every(([, y], j) => i === j || Math.abs(x - y) >= 60))"
        "})()";
    assert_int_equal(browser_number(&chromium, script), 1);
}

// Linear light of the sRGB colour as that of somebody without red or green cones (Machado, Oliveira
// and Fernandes 2009, severity 1), then CIE Lab; two colours are as far apart as the nearest pair.
// clang-format off
static const char lab_script[] =
    "(() => {"
    "  const light = (hex) => [1, 3, 5].map((at) => {"
    "    const v = parseInt(hex.slice(at, at + 2), 16) / 255;"
    "    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });"
    "  const times = (rows, v) => rows.map((row) => row[0] * v[0] + row[1] * v[1] + row[2] * v[2]);"
    "  const eyes = [[[1, 0, 0], [0, 1, 0], [0, 0, 1]],"
    "    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],"
    "     [-0.003882, -0.048116, 1.051998]],"
    "    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],"
    "     [-0.011820, 0.042940, 0.968881]]];"
    "  const xyz = [[0.43390, 0.37622, 0.18991], [0.21267, 0.71515, 0.07218],"
    "    [0.01776, 0.10947, 0.87277]];"    // each by that of white
    "  const lab = (eye, hex) => {"
    "    const seen = times(eye, light(hex)).map((v) => Math.min(1, Math.max(0, v)));"
    "    const [x, y, z] = times(xyz, seen).map((v) =>"
    "      v > 216 / 24389 ? Math.cbrt(v) : (24389 / 27 * v + 16) / 116);"
    "    return [116 * y - 16, 500 * (x - y), 200 * (y - z)] };"
    "  let least = Infinity;"
    "  for (const palette of Object.values(nca.palettes))"
    "    for (const eye of eyes)"
    "      palette.forEach((a, i) => palette.slice(0, i).forEach((b) => {"
    "        const one = lab(eye, a), other = lab(eye, b);"
    "        least = Math.min(least, Math.hypot(...one.map((v, k) => v - other[k]))) }));"
    "  return least;"
    "})()";
// clang-format on

static void test_colours_can_be_told_apart_by_everyone(void **state)
{
    (void)state;
    browser_open(&chromium, page, 800, 600);
    assert_int_equal(browser_number(&chromium, "nca.palettes.light.length"), COLOURS);
    assert_int_equal(browser_number(&chromium, "nca.palettes.dark.length"), COLOURS);
    assert_true(browser_number(&chromium, lab_script) > 16.5);   // Okabe and Ito's own: 17.0
}

// On paper nothing is folded away, and the phone's rules do not hold.
static void test_paper_shows_all(void **state)
{
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    browser_do(&chromium, "Emulation.setEmulatedMedia", json_pack("{s:s}", "media", "print"));
    browser_do(&chromium, "Emulation.setDeviceMetricsOverride",
               json_pack("{s:i, s:i, s:i, s:b}", "width", 680, "height", 900, "deviceScaleFactor",
                         1, "mobile", 0));
    browser_run(&chromium, "dispatchEvent(new Event('beforeprint'))");
    assert_int_equal(
        browser_number(&chromium, "document.querySelectorAll('main details:not([open])').length"),
        0);
    assert_true(browser_number(&chromium, "document.querySelectorAll('main details').length") > 0);
    assert_int_equal(
        browser_number(&chromium, "parseFloat(getComputedStyle(nca.charts[0].plot).height)"),
        17 * 16);
    browser_run(&chromium, "dispatchEvent(new Event('afterprint'))");
    assert_int_equal(
        browser_number(&chromium, "document.querySelectorAll('main details[open]').length"), 0);
    browser_do(&chromium, "Emulation.setEmulatedMedia", json_pack("{s:s}", "media", ""));
}

int main(int argc, char **argv)
{
    if (!can_open_pages())
        return SKIPPED;
    const struct CMUnitTest own[] = {
        cmocka_unit_test(test_it_opens_from_the_disk_and_asks_for_nothing),
        cmocka_unit_test(test_the_rule_lives_at_the_top),
        cmocka_unit_test(test_what_a_folder_says_is_text),
        cmocka_unit_test(test_the_policy_refuses_what_is_not_in_the_page),
        cmocka_unit_test(test_a_legend_entry_hides_its_trace),
        cmocka_unit_test(test_keys_do_what_the_mouse_does),
        cmocka_unit_test(test_it_fits_a_phone),
        cmocka_unit_test(test_runs_stand_side_by_side),
        cmocka_unit_test(test_numbers_of_an_axis_tell_ticks_apart),
        cmocka_unit_test(test_marks_are_named_where_there_is_room),
        cmocka_unit_test(test_colours_can_be_told_apart_by_everyone),
        cmocka_unit_test(test_paper_shows_all),
    };
    const struct CMUnitTest given[] = {
        cmocka_unit_test(test_it_opens_from_the_disk_and_asks_for_nothing),
        cmocka_unit_test(test_the_policy_refuses_what_is_not_in_the_page),
        cmocka_unit_test(test_a_legend_entry_hides_its_trace),
        cmocka_unit_test(test_it_fits_a_phone),
    };
    given_run = argc > 1 ? argv[1] : NULL;
    return given_run ? cmocka_run_group_tests(given, make_page, remove_page)
                     : cmocka_run_group_tests(own, make_page, remove_page);
}
