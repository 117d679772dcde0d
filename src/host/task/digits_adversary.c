// The task of an adversary among the cells of a digit: a second rule moves a share of the cells and
// learns what makes the others, whose own rule stays as it is, say another digit.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
//
// An item is a digit with a mask, the cells that the adversary moves: digit + mask * digits.
#include <stdlib.h>
#include <string.h>

#include "nca/task.h"
#include "task/digit_set.h"
#include "task/digits.h"
#include "task/victim.h"

typedef struct turned_digits {
    nca_digits *digits;   // owned
    nca_model victim;     // owned
    double share;         // of the cells, the adversary's
    int say;              // the class that the others are to say
} turned_digits;

// -- Settings and content -------------------------------------------------------------------------

static nca_status complete_plan(const nca_config *config, nca_plan *plan, nca_error *error)
{
    if (config->say >= NCA_DIGIT_CLASSES)
        return nca_fail(error, NCA_ARGUMENT, "--say %lld: must be a digit, 0 to 9",
                        (long long)config->say);
    return nca_task_digits.plan(config, plan, error);
}

static void unload(void *data)
{
    turned_digits *turned = data;
    if (!turned)
        return;
    if (turned->digits)
        nca_task_digits.unload(turned->digits);
    nca_model_free(&turned->victim);
    free(turned);
}

static nca_status load(const nca_content_source *source, nca_content *out, nca_error *error)
{
    nca_content content = {0};
    nca_status status;
    turned_digits *turned = calloc(1, sizeof *turned);
    if (!turned)
        return nca_fail(error, NCA_MEMORY, "--victim: no memory for it");
    NCA_GO(nca_victim_load(source, &nca_digits_usual, &turned->victim, error));
    NCA_GO(nca_task_digits.load(source, &content, error));
    turned->digits = content.data;
    turned->share = source->config->share;
    turned->say = (int)source->config->say;
    content.data = turned;
    *out = content;
cleanup:
    if (status != NCA_OK)
        unload(turned);
    return status;
}

static nca_status keep(const nca_content_source *source, const char *folder, nca_error *error)
{
    return nca_victim_keep(source, &nca_digits_usual, folder, error);
}

static void shape_session(const nca_config *config, nca_shape *shape)
{
    nca_task_digits.shape(config, shape);
    shape->rules = 2;
    shape->shares_samples = true;
}

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    const turned_digits *turned = content;
    NCA_TRY(nca_task_digits.check(turned->digits, shape, error));
    return nca_frozen_rule_check("victim", &turned->victim, shape, error);
}

static const float *numbers(const void *content, const nca_shape *shape, size_t *count)
{
    return nca_task_digits.numbers(((const turned_digits *)content)->digits, shape, count);
}

static int64_t items(const void *content)
{
    return ((const turned_digits *)content)->digits->count * NCA_MASKS;
}

static int64_t digit_of(const turned_digits *turned, int64_t item)
{
    return item % turned->digits->count;
}

static int64_t mask_of(const turned_digits *turned, int64_t item)
{
    return item / turned->digits->count;
}

static int64_t item_of(const turned_digits *turned, int64_t digit, int64_t mask)
{
    return digit + mask * turned->digits->count;
}

// -- Samples --------------------------------------------------------------------------------------

// The draw of a digit, with a mask of its own.
static nca_sample draw(const nca_task_update *update, uint32_t number)
{
    const turned_digits *turned = update->content;
    nca_task_update plain = *update;
    uint32_t words[4];
    plain.content = turned->digits;
    nca_sample sample = nca_task_digits.draw(&plain, number);
    nca_random_words(update->key, NCA_RANDOM_TASK, number, 1, 0, words);
    sample.item = item_of(turned, sample.item, words[0]);
    return sample;
}

// All zero: the grey comes as the digit's.
static void nothing(const void *content, const nca_shape *shape, int beginning, float *state)
{
    (void)content, (void)shape, (void)beginning, (void)state;
}

static void copy_grey(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    const turned_digits *turned = content;
    nca_task_digits.frozen(turned->digits, shape, digit_of(turned, item), values);
}

// Every cell is to say the same class, or its label.
static void make_target(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    const turned_digits *turned = content;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    (void)item;
    if (shape->objective.kind == NCA_CROSS_ENTROPY) {
        *values = (float)turned->say;
        return;
    }
    memset(values, 0, cells * NCA_DIGIT_CLASSES * sizeof *values);
    for (size_t i = 0; i < cells; i++)
        values[i * NCA_DIGIT_CLASSES + (size_t)turned->say] = 1;
}

static const float *victim_of(const void *content)
{
    return ((const turned_digits *)content)->victim.parameters;
}

static bool is_adversary(const turned_digits *turned, int64_t item, size_t cell)
{
    return nca_mask_has(mask_of(turned, item), cell, turned->share);
}

static void tell_owners(const void *content, const nca_shape *shape, int64_t item, float *owners)
{
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    for (size_t i = 0; i < cells; i++)
        owners[i] = is_adversary(content, item, i) ? NCA_OWNER_ADVERSARY : NCA_OWNER_VICTIM;
}

// The first of a batch start anew with other masks, the last get another digit under their state
// and their mask.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    const turned_digits *turned = update->content;
    const nca_config *config = update->config;
    const int batch = update->shape->batch;
    for (int slot = 0; slot < config->reseeded; slot++)
        samples[slot] = draw(update, (uint32_t)slot);
    for (int slot = batch - (int)config->exchanged; slot < batch; slot++) {
        const int64_t digit = digit_of(turned, draw(update, (uint32_t)slot).item);
        samples[slot].item = item_of(turned, digit, mask_of(turned, samples[slot].item));
    }
}

// -- Judging --------------------------------------------------------------------------------------

// Of the victim's cells: the share that says the adversary's class, and whether all do, both on
// other digits alone; and the share that still says the right one.
static void measure(const void *content, const nca_shape *shape, int64_t item, const float *state,
                    nca_measured *values)
{
    const turned_digits *turned = content;
    const int label = nca_digits_label(turned->digits, digit_of(turned, item));
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const int channels = shape->spec.channels;
    int living = 0, says = 0, right = 0;
    for (size_t i = 0; i < cells; i++, state += channels) {
        if (!(state[0] > NCA_DIGIT_GREY_LIMIT) || is_adversary(turned, item, i))
            continue;
        const int class = nca_digit_said(state, channels);
        says += class == turned->say;
        right += class == label;
        living++;
    }
    const bool counts = living > 0 && label != turned->say;
    values[0] = (nca_measured){counts ? (double)says / living : 0, counts ? living : 0};
    values[1] = (nca_measured){counts && says == living, counts};
    values[2] = (nca_measured){living > 0 ? (double)right / living : 0, living};
}

static const nca_figure figures[] = {{"cells_turned", "other cells turned"},
                                     {"digits_turned", "digits turned whole"},
                                     {"cells_right", "other cells right"},
                                     {NULL, NULL}};

static const nca_task_judging judging = {.samples_words = "digits",
                                         .steps = "0,20,40,60,80,100,120,140,160,180,200",
                                         .samples = 500,
                                         .cut_at = 200};

// -- For people -----------------------------------------------------------------------------------

static void paint(const float *state, int height, int width, int channels, uint8_t *rgb)
{
    nca_task_digits.paint(state, height, width, channels, rgb);
}

static void choose_cells(const void *content, const nca_grid *grid, int64_t item,
                         int cell[NCA_TASK_CELLS][2])
{
    const turned_digits *turned = content;
    nca_task_digits.choose_cells(turned->digits, grid, digit_of(turned, item), cell);
}

static const char *say_loss(const nca_shape *shape)
{
    (void)shape;
    return "half the squared difference to the adversary's class, summed over living cells";
}

static const char *const unread[] = {NCA_DIGITS_UNREAD, NULL};
static const char *const channels[] = {"grey", NULL};

static const nca_task_film films[] = {{.file = "digit.webp", .steps = 200, .every = 2}, {0}};

const nca_task nca_task_digits_adversary = {
    .name = "digits-adversary",
    .summary = "how few cells make the others say another digit",
    .beginning_words = "a new digit",
    .content_words = "set of digits",
    .preset = "digits-adversary",
    .reads_data = true,
    .unread = unread,
    .victim = &nca_task_digits,
    .usual = &nca_digits_usual,
    .exchange_limit = NCA_DIGIT_GREY_LIMIT,
    .good_loss = 1,
    .plan = complete_plan,
    .load = load,
    .unload = unload,
    .keep = keep,
    .shape = shape_session,
    .loss_words = say_loss,
    .check = check,
    .numbers = numbers,
    .items = items,
    .begin = nothing,
    .draw = draw,
    .frozen = copy_grey,
    .target = make_target,
    .others = victim_of,
    .owners = tell_owners,
    .prepare = prepare,
    .figures = figures,
    .measure = measure,
    .judging = &judging,
    .paint = paint,
    .channels = channels,
    .choose_cells = choose_cells,
    .films = films,
};
