// nca clean: removes what finished runs no longer need.
#include "base/text.h"
#include "cli/command.h"
#include "cli/printable.h"
#include "run/run_clean.h"

typedef struct clean_options {
    bool checkpoint;
} clean_options;

static const nca_option rows[] = {
    {"checkpoint", NCA_OPTION_FLAG, offsetof(clean_options, checkpoint), 0, 0, NULL,
     "remove the latest checkpoint as well: the run can then no longer be trained on, and a study "
     "no "
     "longer judges its pool",
     NULL},
    {0},
};

static const char details[] =
    "Removes the checkpoints before the latest one, and what a killed process left half written.\n"
    "Settings, metrics, rule, target, pictures and films stay, so that run, eval and report work "
    "as\n"
    "before. A run that is not finished is refused and left as it is.\n"
    "\n"
    "Examples:\n"
    "  nca clean runs/lizard-healing\n"
    "  nca clean --checkpoint runs/a runs/b\n";

static void say(const char *folder, const nca_cleaned *cleaned)
{
    char size[NCA_SIZE_BYTES];
    nca_print_safely(stdout, folder);
    nca_format_size((double)cleaned->checkpoint_bytes, size);
    printf(": removed %d checkpoint%s, %s", cleaned->checkpoints,
           cleaned->checkpoints == 1 ? "" : "s", size);
    nca_format_size((double)cleaned->leftover_bytes, size);
    if (cleaned->leftover_bytes > 0)
        printf(", and %s half written", size);
    nca_format_size((double)cleaned->kept_bytes, size);
    if (cleaned->kept_bytes > 0)
        printf("; the latest one stays, %s", size);
    putchar('\n');
}

static nca_status clean(nca_call *call)
{
    const clean_options *options = call->options;
    for (int i = 0; i < call->arguments.count; i++) {
        nca_cleaned cleaned;
        NCA_TRY(
            nca_run_clean(call->arguments.item[i], options->checkpoint, &cleaned, &call->error));
        say(call->arguments.item[i], &cleaned);
    }
    return NCA_OK;
}

const nca_command nca_command_clean = {
    .name = "clean",
    .arguments = "RUN_DIR...",
    .summary = "Removes what finished runs no longer need, and says what",
    .details = details,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = NCA_OPTION_LIST_MAX,
    .options_bytes = sizeof(clean_options),
    .work = clean,
};
