// Lets a rule grow and prints a picture of it: grow lizard.safetensors > lizard.ppm
#include <nca/nca.h>
#include <stdio.h>
#include <stdlib.h>

static nca_status grow(const nca_model *rule, const nca_compute *on, nca_error *error)
{
    const int height = rule->grid_height, width = rule->grid_width;
    const nca_shape shape = {.batch = 1, .height = height, .width = width, .spec = rule->spec};
    const nca_rollout rollout = {.steps = 200,
                                 .key = {.seed = 1},
                                 .fire_rate = rule->fire_rate,
                                 .angle = nca_radians(rule->angle),
                                 .step_size = rule->step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    const size_t parameters = nca_buffer_elements(&shape, NCA_PARAMETERS);
    const size_t size = nca_buffer_elements(&shape, NCA_BATCH);
    float *state = calloc(size, sizeof *state);
    uint8_t *rgb = malloc(3 * (size_t)height * (size_t)width);
    nca_session *session = NULL;
    nca_status status = NCA_OK;
    nca_task_grow.place(&shape, height / 2 + rule->seed[0], width / 2 + rule->seed[1], state);
    NCA_GO(on->backend->create(on->device, &shape, &session, error));
    NCA_GO(on->backend->upload(session, NCA_PARAMETERS, 0, parameters, rule->parameters, error));
    NCA_GO(on->backend->upload(session, NCA_BATCH, 0, size, state, error));
    NCA_GO(on->backend->forward(session, &rollout, NULL, error));
    NCA_GO(on->backend->download(session, NCA_BATCH, 0, size, state, error));
    NCA_GO(on->backend->synchronize(session, error));
    nca_image_on_white(state, height, width, rule->spec.channels, rgb);
    printf("P6\n%d %d\n255\n", width, height);
    fwrite(rgb, 3, (size_t)height * (size_t)width, stdout);
cleanup:
    on->backend->destroy(session);
    free(rgb);
    free(state);
    return status;
}

int main(int argc, char **argv)
{
    nca_error error = {.message = "needs one rule, such as lizard.safetensors"};
    nca_model rule = {0};
    nca_compute on = {0};
    const bool is_done = argc == 2 && nca_model_load(argv[1], &rule, &error) == NCA_OK &&
                         nca_compute_open("auto", NULL, &on, &error) == NCA_OK &&
                         grow(&rule, &on, &error) == NCA_OK;
    if (!is_done)
        fprintf(stderr, "grow: %s\n", error.message);
    nca_compute_close(&on);
    nca_model_free(&rule);
    return is_done ? 0 : 2;
}
