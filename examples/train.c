// Trains a rule to grow a picture: train TARGET UPDATES RULE.safetensors
#include <nca/nca.h>
#include <stdio.h>
#include <stdlib.h>

// All updates, and a line for every hundredth.
static nca_status learn(nca_trainer *trainer, int64_t updates, nca_error *error)
{
    while (nca_trainer_done(trainer) < updates) {
        nca_update_result done;
        NCA_TRY(nca_trainer_update(trainer, &done, error));
        if (done.update % 100 == 0 || done.update == updates)
            printf("update %lld: loss %.6f\n", (long long)done.update, done.loss);
    }
    return NCA_OK;
}

static nca_status train(const nca_config *config, const char *path, nca_error *error)
{
    const nca_task *task = &nca_task_grow;
    nca_plan plan;
    nca_compute on = {0};
    nca_content picture = {0};
    nca_trainer *trainer = NULL;
    nca_model rule = {0};
    nca_status status;
    NCA_GO(nca_task_plan(task, config, &plan, error));
    const nca_content_source source = {
        .config = config, .grid = plan.grid, .seed_at = plan.seed_at};
    NCA_GO(task->load(&source, &picture, error));
    NCA_GO(nca_compute_open("auto", NULL, &on, error));
    NCA_GO(nca_trainer_create(config, &plan, task, picture.data, &on, &trainer, error));
    NCA_GO(learn(trainer, config->updates, error));
    NCA_GO(nca_trainer_model(trainer, &rule, error));
    NCA_GO(nca_model_save(&rule, path, error));
cleanup:
    nca_model_free(&rule);
    nca_trainer_free(trainer);
    nca_compute_close(&on);
    nca_content_free(task, &picture);
    return status;
}

int main(int argc, char **argv)
{
    nca_error error = {.message = "needs a target, a number of updates and a file for the rule"};
    nca_config config = nca_config_default();   // every setting, as `nca train --help` lists them
    if (argc == 4) {
        snprintf(config.target, sizeof config.target, "%s", argv[1]);
        config.updates = atoll(argv[2]);
    }
    if (argc == 4 && nca_config_settle(&config, &error) == NCA_OK &&
        train(&config, argv[3], &error) == NCA_OK)
        return 0;
    fprintf(stderr, "train: %s\n", error.message);
    return 2;
}
