// A headless Chromium that a test drives through its DevTools pipe: JSON messages, each ended by a
// zero byte, on the child's descriptors 3 and 4. What the page says on its console and what it asks
// the network for is collected as events.
#ifndef NCA_TESTS_BROWSER_H
#define NCA_TESTS_BROWSER_H

#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BROWSER_PATIENCE_MS = 240000 };

typedef struct browser_process {
    pid_t process;
    int to, from, number;
    char *text;   // what came and is no whole message yet
    size_t used, room;
    char session[64];
    json_t *events;
} browser_process;

// The first browser there is on the path, or $NCA_CHROMIUM; NULL where there is none.
static inline const char *browser_find(void)
{
    static const char *const names[] = {"chromium-headless-shell", "chromium", "chromium-browser",
                                        "google-chrome"};
    static char found[4096];
    const char *given = getenv("NCA_CHROMIUM"), *path = getenv("PATH");
    if (given && *given)
        return given;
    for (size_t i = 0; path && i < sizeof names / sizeof *names; i++)
        for (const char *at = path; *at; at += strspn(at, ":")) {
            const int length = (int)strcspn(at, ":");
            snprintf(found, sizeof found, "%.*s/%s", length, at, names[i]);
            if (access(found, X_OK) == 0)
                return found;
            at += length;
        }
    return NULL;
}

static inline void browser_start(browser_process *browser, const char *program, const char *profile)
{
    int down[2], up[2];
    char folder[1200];
    snprintf(folder, sizeof folder, "--user-data-dir=%s", profile);
    assert_true(pipe(down) == 0 && pipe(up) == 0);
    *browser =
        (browser_process){.process = fork(), .to = down[1], .from = up[0], .events = json_array()};
    assert_true(browser->process >= 0);
    if (browser->process == 0) {
        // Out of the way first: a pipe's end may be 3 or 4 itself.
        const int in = fcntl(down[0], F_DUPFD, 10), out = fcntl(up[1], F_DUPFD, 10);
        const int nothing = open("/dev/null", O_RDWR);
        for (int i = 0; i < 3; i++)
            dup2(nothing, i);
        dup2(in, 3);
        dup2(out, 4);
        // The page is our own, and a sandbox is not to be had for root in a container.
        execlp(program, program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
               "--remote-debugging-pipe", "--disable-dev-shm-usage", folder, "about:blank",
               (char *)NULL);
        _exit(127);
    }
    close(down[0]);
    close(up[1]);
    signal(SIGPIPE, SIG_IGN);
}

// The next message; the caller owns it.
static inline json_t *browser_read(browser_process *browser)
{
    for (;;) {
        char *end = browser->used ? memchr(browser->text, 0, browser->used) : NULL;
        if (end) {
            json_t *message = json_loads(browser->text, 0, NULL);
            const size_t length = (size_t)(end - browser->text) + 1;
            memmove(browser->text, browser->text + length, browser->used -= length);
            assert_non_null(message);
            return message;
        }
        if (browser->room - browser->used < 1 << 16)
            browser->text = realloc(browser->text, browser->room = browser->room * 2 + (1 << 17));
        assert_non_null(browser->text);
        struct pollfd wait = {.fd = browser->from, .events = POLLIN};
        if (poll(&wait, 1, BROWSER_PATIENCE_MS) <= 0)
            fail_msg("the browser says nothing any more");
        const ssize_t got =
            read(browser->from, browser->text + browser->used, browser->room - browser->used);
        if (got <= 0)
            fail_msg("the browser is gone");
        browser->used += (size_t)got;
    }
}

// Calls a method with `parameters` (taken over; NULL for none) and returns its result.
static inline json_t *browser_call(browser_process *browser, const char *method, json_t *parameters)
{
    json_t *call = json_pack("{s:i, s:s, s:o}", "id", ++browser->number, "method", method, "params",
                             parameters ? parameters : json_object());
    if (*browser->session)
        json_object_set_new(call, "sessionId", json_string(browser->session));
    char *text = json_dumps(call, JSON_COMPACT);
    assert_non_null(text);
    const size_t size = strlen(text) + 1;
    for (size_t sent = 0; sent < size;) {
        const ssize_t part = write(browser->to, text + sent, size - sent);
        assert_true(part > 0);
        sent += (size_t)part;
    }
    free(text);
    json_decref(call);
    for (;;) {
        json_t *message = browser_read(browser);
        if (json_integer_value(json_object_get(message, "id")) != browser->number) {
            json_array_append_new(browser->events, message);
            continue;
        }
        json_t *result = json_incref(json_object_get(message, "result"));
        if (!result)
            fail_msg("%s: %s", method, json_dumps(message, 0));
        json_decref(message);
        return result;
    }
}

static inline void browser_do(browser_process *browser, const char *method, json_t *parameters)
{
    json_decref(browser_call(browser, method, parameters));
}

// The value of a script's last expression; the caller owns it.
static inline json_t *browser_evaluate(browser_process *browser, const char *script)
{
    json_t *result = browser_call(
        browser, "Runtime.evaluate",
        json_pack("{s:s, s:b, s:b}", "expression", script, "returnByValue", 1, "awaitPromise", 1));
    if (json_object_get(result, "exceptionDetails"))
        fail_msg("%s: %s", script, json_dumps(result, 0));
    json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
    json_decref(result);
    return value;
}

// Its value where that is a number or a truth; everything else, such as what is misspelt, fails.
static inline double browser_number(browser_process *browser, const char *script)
{
    json_t *value = browser_evaluate(browser, script);
    if (!json_is_number(value) && !json_is_boolean(value))
        fail_msg("neither number nor truth: %s", script);
    const double number = json_is_true(value) ? 1 : json_number_value(value);
    json_decref(value);
    return number;
}

// A script for what it does.
static inline void browser_run(browser_process *browser, const char *script)
{
    json_decref(browser_evaluate(browser, script));
}

// A page of its own, `width` x `height` pixels, that opens a file and has drawn itself.
static inline void browser_open(browser_process *browser, const char *path, int width, int height)
{
    static const char *const domains[] = {"Page.enable", "Runtime.enable", "Log.enable",
                                          "Network.enable"};
    char url[1300];
    *browser->session = 0;
    json_array_clear(browser->events);
    json_t *target =
        browser_call(browser, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
    json_t *session = browser_call(
        browser, "Target.attachToTarget",
        json_pack("{s:O, s:b}", "targetId", json_object_get(target, "targetId"), "flatten", 1));
    snprintf(browser->session, sizeof browser->session, "%s",
             json_string_value(json_object_get(session, "sessionId")));
    json_decref(target);
    json_decref(session);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        browser_do(browser, domains[i], NULL);
    browser_do(browser, "Emulation.setDeviceMetricsOverride",
               json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", height,
                         "deviceScaleFactor", 1, "mobile", width < 500));
    snprintf(url, sizeof url, "file://%s", path);
    browser_do(browser, "Page.navigate", json_pack("{s:s}", "url", url));
    for (int i = 0; i < BROWSER_PATIENCE_MS / 100; i++) {
        if (browser_number(browser, "document.documentElement?.dataset.ready === 'true'"))
            return;
        usleep(100000);
    }
    fail_msg("%s does not draw itself", path);
}

// Keeps a picture of the whole page.
static inline void browser_screenshot(browser_process *browser, const char *path)
{
    char script[2 * 4096];
    json_t *size = browser_call(browser, "Page.getLayoutMetrics", NULL);
    json_t *clip = json_deep_copy(json_object_get(size, "cssContentSize"));
    json_object_set_new(clip, "scale", json_integer(1));
    json_t *picture =
        browser_call(browser, "Page.captureScreenshot",
                     json_pack("{s:b, s:o}", "captureBeyondViewport", 1, "clip", clip));
    const char *text = json_string_value(json_object_get(picture, "data"));
    snprintf(script, sizeof script, "base64 -d >'%s'", path);
    FILE *decoder = popen(script, "w");
    assert_non_null(decoder);
    assert_true(text && fputs(text, decoder) >= 0);
    assert_int_equal(pclose(decoder), 0);
    json_decref(size);
    json_decref(picture);
}

static inline void browser_click(browser_process *browser, double x, double y, int times)
{
    static const char *const kinds[] = {"mousePressed", "mouseReleased"};
    for (int i = 1; i <= times; i++)
        for (int k = 0; k < 2; k++)
            browser_do(browser, "Input.dispatchMouseEvent",
                       json_pack("{s:s, s:f, s:f, s:s, s:i}", "type", kinds[k], "x", x, "y", y,
                                 "button", "left", "clickCount", i));
}

static inline void browser_key(browser_process *browser, const char *key, const char *text,
                               int code)
{
    browser_do(browser, "Input.dispatchKeyEvent",
               json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "keyDown", "key", key, "code", key,
                         "text", text, "windowsVirtualKeyCode", code));
    browser_do(browser, "Input.dispatchKeyEvent",
               json_pack("{s:s, s:s, s:s, s:i}", "type", "keyUp", "key", key, "code", key,
                         "windowsVirtualKeyCode", code));
}

// Waits until the browser's helpers are gone too: they write into its profile.
static inline void browser_stop(browser_process *browser)
{
    char rest[4096];
    *browser->session = 0;
    browser_do(browser, "Browser.close", NULL);
    waitpid(browser->process, NULL, 0);
    while (read(browser->from, rest, sizeof rest) > 0)
        ;
    close(browser->to);
    close(browser->from);
    free(browser->text);
    json_decref(browser->events);
}

#endif
