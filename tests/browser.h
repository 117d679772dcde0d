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

typedef struct browser {
    pid_t process;
    int to, from, number;
    char *text;   // what came and is no whole message yet
    size_t used, room;
    char session[64];
    json_t *events;
} browser;

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

static inline void browser_start(browser *of, const char *program, const char *profile)
{
    int down[2], up[2];
    char folder[1200];
    snprintf(folder, sizeof folder, "--user-data-dir=%s", profile);
    assert_true(pipe(down) == 0 && pipe(up) == 0);
    *of = (browser){.process = fork(), .to = down[1], .from = up[0], .events = json_array()};
    assert_true(of->process >= 0);
    if (of->process == 0) {
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
static inline json_t *browser_read(browser *of)
{
    for (;;) {
        char *end = of->used ? memchr(of->text, 0, of->used) : NULL;
        if (end) {
            json_t *message = json_loads(of->text, 0, NULL);
            const size_t length = (size_t)(end - of->text) + 1;
            memmove(of->text, of->text + length, of->used -= length);
            assert_non_null(message);
            return message;
        }
        if (of->room - of->used < 1 << 16)
            of->text = realloc(of->text, of->room = of->room * 2 + (1 << 17));
        assert_non_null(of->text);
        struct pollfd wait = {.fd = of->from, .events = POLLIN};
        if (poll(&wait, 1, BROWSER_PATIENCE_MS) <= 0)
            fail_msg("the browser says nothing any more");
        const ssize_t got = read(of->from, of->text + of->used, of->room - of->used);
        if (got <= 0)
            fail_msg("the browser is gone");
        of->used += (size_t)got;
    }
}

// Calls a method with `parameters` (taken over; NULL for none) and returns its result.
static inline json_t *browser_call(browser *of, const char *method, json_t *parameters)
{
    json_t *call = json_pack("{s:i, s:s, s:o}", "id", ++of->number, "method", method, "params",
                             parameters ? parameters : json_object());
    if (*of->session)
        json_object_set_new(call, "sessionId", json_string(of->session));
    char *text = json_dumps(call, JSON_COMPACT);
    assert_non_null(text);
    const size_t size = strlen(text) + 1;
    for (size_t sent = 0; sent < size;) {
        const ssize_t part = write(of->to, text + sent, size - sent);
        assert_true(part > 0);
        sent += (size_t)part;
    }
    free(text);
    json_decref(call);
    for (;;) {
        json_t *message = browser_read(of);
        if (json_integer_value(json_object_get(message, "id")) != of->number) {
            json_array_append_new(of->events, message);
            continue;
        }
        json_t *result = json_incref(json_object_get(message, "result"));
        if (!result)
            fail_msg("%s: %s", method, json_dumps(message, 0));
        json_decref(message);
        return result;
    }
}

static inline void browser_do(browser *of, const char *method, json_t *parameters)
{
    json_decref(browser_call(of, method, parameters));
}

// The value of a script's last expression; the caller owns it.
static inline json_t *browser_evaluate(browser *of, const char *script)
{
    json_t *result = browser_call(
        of, "Runtime.evaluate",
        json_pack("{s:s, s:b, s:b}", "expression", script, "returnByValue", 1, "awaitPromise", 1));
    if (json_object_get(result, "exceptionDetails"))
        fail_msg("%s: %s", script, json_dumps(result, 0));
    json_t *value = json_incref(json_object_get(json_object_get(result, "result"), "value"));
    json_decref(result);
    return value;
}

// Its value where that is a number or a truth; everything else, such as what is misspelt, fails.
static inline double browser_number(browser *of, const char *script)
{
    json_t *value = browser_evaluate(of, script);
    if (!json_is_number(value) && !json_is_boolean(value))
        fail_msg("neither number nor truth: %s", script);
    const double number = json_is_true(value) ? 1 : json_number_value(value);
    json_decref(value);
    return number;
}

// A script for what it does.
static inline void browser_run(browser *of, const char *script)
{
    json_decref(browser_evaluate(of, script));
}

// A page of its own, `width` x `height` pixels, that opens a file and has drawn itself.
static inline void browser_open(browser *of, const char *path, int width, int height)
{
    static const char *const domains[] = {"Page.enable", "Runtime.enable", "Log.enable",
                                          "Network.enable"};
    char url[1300];
    *of->session = 0;
    json_array_clear(of->events);
    json_t *target =
        browser_call(of, "Target.createTarget", json_pack("{s:s}", "url", "about:blank"));
    json_t *session = browser_call(
        of, "Target.attachToTarget",
        json_pack("{s:O, s:b}", "targetId", json_object_get(target, "targetId"), "flatten", 1));
    snprintf(of->session, sizeof of->session, "%s",
             json_string_value(json_object_get(session, "sessionId")));
    json_decref(target);
    json_decref(session);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        browser_do(of, domains[i], NULL);
    browser_do(of, "Emulation.setDeviceMetricsOverride",
               json_pack("{s:i, s:i, s:i, s:b}", "width", width, "height", height,
                         "deviceScaleFactor", 1, "mobile", width < 500));
    snprintf(url, sizeof url, "file://%s", path);
    browser_do(of, "Page.navigate", json_pack("{s:s}", "url", url));
    for (int i = 0; i < BROWSER_PATIENCE_MS / 100; i++) {
        if (browser_number(of, "document.documentElement?.dataset.ready === 'true'"))
            return;
        usleep(100000);
    }
    fail_msg("%s does not draw itself", path);
}

// Keeps a picture of the whole page.
static inline void browser_screenshot(browser *of, const char *path)
{
    char script[2 * 4096];
    json_t *size = browser_call(of, "Page.getLayoutMetrics", NULL);
    json_t *clip = json_deep_copy(json_object_get(size, "cssContentSize"));
    json_object_set_new(clip, "scale", json_integer(1));
    json_t *picture =
        browser_call(of, "Page.captureScreenshot",
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

static inline void browser_click(browser *of, double x, double y, int times)
{
    static const char *const kinds[] = {"mousePressed", "mouseReleased"};
    for (int i = 1; i <= times; i++)
        for (int k = 0; k < 2; k++)
            browser_do(of, "Input.dispatchMouseEvent",
                       json_pack("{s:s, s:f, s:f, s:s, s:i}", "type", kinds[k], "x", x, "y", y,
                                 "button", "left", "clickCount", i));
}

static inline void browser_key(browser *of, const char *key, const char *text, int code)
{
    browser_do(of, "Input.dispatchKeyEvent",
               json_pack("{s:s, s:s, s:s, s:s, s:i}", "type", "keyDown", "key", key, "code", key,
                         "text", text, "windowsVirtualKeyCode", code));
    browser_do(of, "Input.dispatchKeyEvent",
               json_pack("{s:s, s:s, s:s, s:i}", "type", "keyUp", "key", key, "code", key,
                         "windowsVirtualKeyCode", code));
}

// Waits until the browser's helpers are gone too: they write into its profile.
static inline void browser_stop(browser *of)
{
    char rest[4096];
    *of->session = 0;
    browser_do(of, "Browser.close", NULL);
    waitpid(of->process, NULL, 0);
    while (read(of->from, rest, sizeof rest) > 0)
        ;
    close(of->to);
    close(of->from);
    free(of->text);
    json_decref(of->events);
}

#endif
