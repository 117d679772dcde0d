// The page of nca study in a browser, opened from the disk: it draws itself without an error, asks
// nobody for anything, hides the runs of a setting, and fits a phone. Pictures of the page stay
// beside the program, as study-*.png.
#define _GNU_SOURCE   // nftw
#include "support.h"

#include "media/writers.h"
#include "pages.h"
#include "scratch.h"

enum { RUNS = 3, SETTINGS = 2 };

// What a target may be called.
static const char target_name[] = "<img src=x onerror=document.body.remove()>.png";

static char page[1100];

static int make_page(void **state)
{
    if (scratch_setup(state) != 0)
        return -1;
    uint8_t rgb[6 * 6 * 3];
    for (size_t i = 0; i < sizeof rgb; i++)
        rgb[i] = (uint8_t)(i * 7);
    const char *out = scratch("study"), *target = scratch(target_name);
    assert_ok(nca_png_write(target, rgb, 6, 6, error));
    const char *const study[] = {"study",
                                 "regeneration",
                                 "--quick",
                                 "--out",
                                 out,
                                 "--settings",
                                 "blog-unstable,regenerating",
                                 "--updates",
                                 "10",
                                 "--schedule",
                                 "constant",
                                 "--quiet",
                                 "--target",
                                 target,
                                 NULL};
    run_program(study);
    snprintf(page, sizeof page, "%s", scratch("study/study.html"));
    browser_start(&chromium, browser_find(), scratch("profile"));
    return 0;
}

static int remove_page(void **state)
{
    browser_stop(&chromium);
    return scratch_teardown(state);
}

static int count_of(const char *selector)
{
    char script[300];
    snprintf(script, sizeof script, "document.querySelectorAll('%s').length", selector);
    return (int)browser_number(&chromium, script);
}

static void test_it_opens_from_the_disk_and_asks_for_nothing(void **state)
{
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_int_equal(count_of("#found table:first-child tbody tr"), SETTINGS);
    assert_int_equal(count_of("#found table:last-child td"), SETTINGS * 5);   // the cuts
    assert_int_equal(count_of("#runs article"), RUNS);
    assert_int_equal(count_of("#rules dt"), 6);
    assert_int_equal(count_of("img[onerror]"), 0);
    assert_int_equal(browser_number(&chromium, "document.querySelector('#asked dl').textContent"
                                               ".includes('onerror=document')"),
                     1);
    assert_int_equal(count_of("#runs .shots img"), RUNS * 9);   // 8 states and the pool
    assert_true(count_of(".dygraph-axis-label") > 5);
    assert_int_equal(
        browser_number(&chromium, "[...document.images].filter(i => !i.naturalWidth).length"), 0);
    browser_screenshot(&chromium, beside_program("study-1280.png"));
    assert_int_equal(count_complaints(page), 0);
}

// By the keyboard, as a mouse does it.
static void test_a_legend_entry_hides_the_runs_of_its_setting(void **state)
{
    static const char shown[] = "nca.charts[0].graph.visibility().filter((is) => is).length";
    (void)state;
    browser_open(&chromium, page, 1280, 900);
    assert_int_equal(count_of("#training .legend button"), SETTINGS);
    assert_int_equal(browser_number(&chromium, shown), RUNS);
    browser_run(&chromium, "document.querySelector('#training .legend button').focus()");
    browser_key(&chromium, "Enter", "\r", 13);
    assert_int_equal(browser_number(&chromium, shown), 1);   // blog-unstable has two
    browser_key(&chromium, "Enter", "\r", 13);
    assert_int_equal(browser_number(&chromium, shown), RUNS);
    assert_int_equal(count_complaints(page), 0);
}

static void test_it_fits_a_phone(void **state)
{
    (void)state;
    expect_fits_a_phone(page, beside_program("study-390.png"));
}

int main(void)
{
    if (!can_open_pages())
        return SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_opens_from_the_disk_and_asks_for_nothing),
        cmocka_unit_test(test_a_legend_entry_hides_the_runs_of_its_setting),
        cmocka_unit_test(test_it_fits_a_phone),
    };
    return cmocka_run_group_tests(tests, make_page, remove_page);
}
