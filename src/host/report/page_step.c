// How a step works, in pictures of a run's own state: what a cell sees of its neighbours, where
// that is gradients; which cells fire; which live, where not all do.
#include <math.h>
#include <stdlib.h>

#include "report/page_json.h"

typedef struct colour {
    uint8_t rgb[3];
} colour;

// Okabe and Ito's, which everyone can tell apart.
static const colour blue = {{0, 114, 178}}, orange = {{230, 159, 0}}, grey = {{205, 205, 205}},
                    white = {{255, 255, 255}};

static const int fire_percents[] = {25, 50, 75};

// A state that is drawn.
typedef struct step_drawing {
    const nca_page_run *run;
    const float *state;
    int step, height, width, channels;
    uint8_t *rgb;
} step_drawing;

static float value_at(const step_drawing *drawing, int y, int x, int k)
{
    if (y < 0 || x < 0 || y >= drawing->height || x >= drawing->width)
        return 0;
    return drawing
        ->state[((size_t)y * (size_t)drawing->width + (size_t)x) * (size_t)drawing->channels +
                (size_t)k];
}

// The definition of nca/backend.h: [[-1,0,1],[-2,0,2],[-1,0,1]]/8, or its transpose.
static float sobel_at(const step_drawing *drawing, int y, int x, int k, bool is_x)
{
    float sum = 0;
    for (int side = -1; side <= 1; side += 2)
        for (int along = -1; along <= 1; along++) {
            const float weight = (float)side * (along == 0 ? 2 : 1) / 8;
            sum += weight * (is_x ? value_at(drawing, y + along, x + side, k)
                                  : value_at(drawing, y + side, x + along, k));
        }
    return sum;
}

static bool is_mature(const step_drawing *drawing, int y, int x)
{
    const size_t cell = (size_t)y * (size_t)drawing->width + (size_t)x;
    const bool is_inside = y >= 0 && x >= 0 && y < drawing->height && x < drawing->width;
    return is_inside && nca_page_is_mature(&drawing->run->observation->spec,
                                           drawing->state + cell * (size_t)drawing->channels);
}

static bool is_alive(const step_drawing *drawing, int y, int x)
{
    if (drawing->run->observation->spec.alive != NCA_ALIVE_MAXIMUM)
        return is_mature(drawing, y, x);
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (is_mature(drawing, y + dy, x + dx))
                return true;
    return false;
}

static void set_pixel(const step_drawing *drawing, int y, int x, const colour *to)
{
    for (size_t k = 0; k < 3; k++)
        drawing->rgb[((size_t)y * (size_t)drawing->width + (size_t)x) * 3 + k] = to->rgb[k];
}

static nca_status add(const step_drawing *drawing, json_t *object, const char *key,
                      nca_error *error)
{
    json_t *picture = NULL;
    NCA_TRY(nca_page_picture(drawing->rgb, drawing->height, drawing->width, &picture, error));
    return nca_json_set(object, key, picture)
               ? NCA_OK
               : nca_fail(error, NCA_MEMORY, "the page: no memory for a picture");
}

// Colours of a gradient: grey is none, a channel brighter where its colour grows to the right (or
// downwards), darker where it fades; the largest of both pictures is full.
static nca_status add_sobel(const step_drawing *drawing, json_t *object, nca_error *error)
{
    float largest = 1e-6f;
    for (int is_x = 0; is_x < 2; is_x++)
        for (int y = 0; y < drawing->height; y++)
            for (int x = 0; x < drawing->width; x++)
                for (int k = 0; k < 3; k++)
                    largest = fmaxf(largest, fabsf(sobel_at(drawing, y, x, k, is_x)));
    for (int is_x = 0; is_x < 2; is_x++) {
        for (int y = 0; y < drawing->height; y++)
            for (int x = 0; x < drawing->width; x++) {
                colour shade;
                for (int k = 0; k < 3; k++) {
                    const float part = sobel_at(drawing, y, x, k, is_x) / largest;
                    shade.rgb[k] = isfinite(part) ? (uint8_t)(127.5f + 127 * part) : 127;
                }
                set_pixel(drawing, y, x, &shade);
            }
        NCA_TRY(add(drawing, object, is_x ? "sobel_x" : "sobel_y", error));
    }
    nca_json_set(object, "sobel_largest", nca_json_number(largest));
    return NCA_OK;
}

// Whether a cell takes its update in this step: the bit that the rule itself would take.
static bool fires(const step_drawing *drawing, int y, int x, double rate)
{
    const uint32_t cell = (uint32_t)(y * drawing->width + x);
    uint32_t words[4];
    nca_random_words((nca_key){.seed = drawing->run->observed->seed}, NCA_RANDOM_FIRE,
                     (uint32_t)drawing->run->observation->rollouts - 1, (uint32_t)drawing->step,
                     cell >> 3, words);
    const uint32_t half = words[(cell & 7) >> 1] >> (cell & 1 ? 16 : 0) & 0xffff;
    return half < nca_fire_threshold(rate);
}

static nca_status add_fire(const step_drawing *drawing, json_t *object, nca_error *error)
{
    json_t *list = json_array();
    if (!nca_json_set(object, "fire", list))
        return nca_fail(error, NCA_MEMORY, "the page: no memory for a picture");
    for (size_t i = 0; i < sizeof fire_percents / sizeof *fire_percents; i++) {
        int living = 0, updated = 0;
        json_t *picture = json_object();
        for (int y = 0; y < drawing->height; y++)
            for (int x = 0; x < drawing->width; x++) {
                const bool lives = is_alive(drawing, y, x);
                const bool does_fire = fires(drawing, y, x, fire_percents[i] / 100.0);
                living += lives;
                updated += lives && does_fire;
                set_pixel(drawing, y, x,
                          lives       ? does_fire ? &blue : &orange
                          : does_fire ? &grey
                                      : &white);
            }
        json_array_append_new(list, picture);
        NCA_TRY(add(drawing, picture, "picture", error));
        nca_json_set(picture, "percent", json_integer(fire_percents[i]));
        nca_json_set(picture, "living", json_integer(living));
        nca_json_set(picture, "updated", json_integer(updated));
    }
    return NCA_OK;
}

static nca_status add_kinds(const step_drawing *drawing, json_t *object, nca_error *error)
{
    int mature = 0, growing = 0;
    for (int y = 0; y < drawing->height; y++)
        for (int x = 0; x < drawing->width; x++) {
            const bool is_grown = is_mature(drawing, y, x), lives = is_alive(drawing, y, x);
            mature += is_grown;
            growing += lives && !is_grown;
            set_pixel(drawing, y, x, is_grown ? &blue : lives ? &orange : &white);
        }
    nca_json_set(object, "mature", json_integer(mature));
    nca_json_set(object, "growing", json_integer(growing));
    nca_json_set(object, "empty",
                 json_integer(drawing->height * drawing->width - mature - growing));
    return add(drawing, object, "kinds", error);
}

nca_status nca_page_step(const nca_page_run *run, const float *state, int step, json_t **out,
                         nca_error *error)
{
    step_drawing drawing = {.run = run,
                            .state = state,
                            .step = step,
                            .height = run->observation->height,
                            .width = run->observation->width,
                            .channels = run->observation->spec.channels};
    json_t *object = json_pack("{s:i}", "step", step);
    drawing.rgb = malloc((size_t)drawing.height * (size_t)drawing.width * 3);
    nca_status status;
    if (!object || !drawing.rgb)
        NCA_GO(nca_fail(error, NCA_MEMORY, "the page: no memory for %dx%d pixels", drawing.height,
                        drawing.width));
    const nca_spec *spec = &run->observation->spec;
    run->task->paint(state, drawing.height, drawing.width, drawing.channels, drawing.rgb);
    NCA_GO(add(&drawing, object, "visible", error));
    if (spec->perception == NCA_SOBEL)
        NCA_GO(add_sobel(&drawing, object, error));
    NCA_GO(add_fire(&drawing, object, error));
    if (spec->alive == NCA_ALIVE_MAXIMUM)
        NCA_GO(add_kinds(&drawing, object, error));
    *out = object;
    object = NULL;
cleanup:
    free(drawing.rgb);
    json_decref(object);
    return status;
}
