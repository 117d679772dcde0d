// The page of nca report in a browser, opened from the disk: it draws itself without an error, asks
// nobody for anything, and its legends, keys and policy do what they are there for. Pictures of the
// page stay beside the program, as report-*.png.
//   test_report_browser [RUN_DIR]     the page of that run instead of one made for the purpose
#define _GNU_SOURCE   // nftw, realpath
#include "support.h"

#include "io/writers.h"
#include "pages.h"
#include "report/page.h"
#include "scratch.h"

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

int main(int argc, char **argv)
{
    if (!can_open_pages())
        return SKIPPED;
    const struct CMUnitTest own[] = {
        cmocka_unit_test(test_it_opens_from_the_disk_and_asks_for_nothing),
        cmocka_unit_test(test_what_a_folder_says_is_text),
        cmocka_unit_test(test_the_policy_refuses_what_is_not_in_the_page),
        cmocka_unit_test(test_a_legend_entry_hides_its_trace),
        cmocka_unit_test(test_keys_do_what_the_mouse_does),
        cmocka_unit_test(test_it_fits_a_phone),
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
