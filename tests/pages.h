// What the tests of pages share: the program that makes them, the browser that opens them, and what
// it complains of.
#ifndef NCA_TESTS_PAGES_H
#define NCA_TESTS_PAGES_H

#include <libgen.h>

#include "support.h"

#include "browser.h"
#include "report/html.h"

static browser_process chromium;

static inline void run_program(const char *const *arguments)
{
    char *argv[40] = {NCA_PROGRAM};
    int status, count = 1;
    for (; *arguments; arguments++)
        argv[count++] = (char *)*arguments;
    fflush(stdout);
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        execv(NCA_PROGRAM, argv);
        _exit(127);
    }
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Console lines, exceptions and requests other than for the page itself; prints them.
static inline int count_complaints(const char *page)
{
    const char *page_name = strrchr(page, '/');
    int count = 0;
    size_t i;
    json_t *event;
    json_array_foreach(chromium.events, i, event)
    {
        const char *method = json_string_value(json_object_get(event, "method"));
        const json_t *request = json_object_get(json_object_get(event, "params"), "request");
        const char *url = json_string_value(json_object_get(request, "url"));
        const bool is_request = method && strcmp(method, "Network.requestWillBeSent") == 0;
        const bool is_line = method && (strcmp(method, "Log.entryAdded") == 0 ||
                                        strcmp(method, "Runtime.exceptionThrown") == 0 ||
                                        strcmp(method, "Runtime.consoleAPICalled") == 0);
        const bool is_own = url && (strncmp(url, "data:", 5) == 0 ||
                                    (strncmp(url, "file://", 7) == 0 && strstr(url, page_name)));
        if (!is_line && (!is_request || is_own))
            continue;
        char *text = json_dumps(event, JSON_COMPACT);
        print_message("%.600s\n", text);
        free(text);
        count++;
    }
    return count;
}

// The path of a file beside the program, where pictures stay.
static inline const char *beside_program(const char *name)
{
    static char path[4096];
    char program[] = NCA_PROGRAM;
    snprintf(path, sizeof path, "%s/%s", dirname(program), name);
    return path;
}

// Whether pages can be looked at here; says why not.
static inline bool can_open_pages(void)
{
    const bool has_browser = browser_find(), has_charts = nca_page_has_charts();
    if (!has_browser)
        print_message("no Chromium here (Debian: chromium-headless-shell): skipped\n");
    else if (!has_charts)
        print_message("this build has no dygraphs, so its pages have no charts: skipped\n");
    return has_browser && has_charts;
}

// On a phone nothing is wider than the screen; the picture stays.
static inline void expect_fits_a_phone(const char *page, const char *path)
{
    browser_open(&chromium, page, 390, 844);
    assert_true(browser_number(&chromium, "document.documentElement.scrollWidth") <= 390);
    browser_screenshot(&chromium, path);
    assert_int_equal(count_complaints(page), 0);
}

#endif
