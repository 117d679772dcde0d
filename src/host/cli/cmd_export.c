// nca export: rules become a file for another program.
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/help_page.h"
#include "cli/target_options.h"
#include "report/export.h"

typedef struct export_options {
    nca_target_arguments target;
    const char *output, *format, *numbers;
    bool force;
} export_options;

static const nca_option rows[] = {
    {"output", NCA_OPTION_STRING, offsetof(export_options, output), 0, 0, "FILE",
     "what to write, in the format of its extension; - is standard output", NULL},
    {"format", NCA_OPTION_STRING, offsetof(export_options, format), 0, 0, "NAME",
     "the format, whatever the name [by its extension]", NULL},
    {"numbers", NCA_OPTION_STRING, offsetof(export_options, numbers), 0, 0, "float32|float16|uint8",
     "how the rule's numbers are written [as the format usually has them]", NULL},
    {"force", NCA_OPTION_FLAG, offsetof(export_options, force), 0, 0, NULL,
     "write over a file that exists", NULL},
    NCA_TASK_ROW(export_options, target),
    NCA_PICTURE_ROWS(export_options, target, NCA_TARGET_HELP),
    {0},
};

static void describe_formats(const nca_help_page *page)
{
    char numbers[64], text[256];
    page->heading(page->to, "Formats");
    for (const nca_exporter *const *one = nca_exporters(); *one; one++) {
        *numbers = 0;
        for (const nca_numbers *way = (*one)->numbers; *way != NCA_NUMBERS; way++)
            snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), "%s%s",
                     way == (*one)->numbers ? "" : ", ", nca_numbers_words[*way]);
        snprintf(text, sizeof text, "%s (%s)", (*one)->description, numbers);
        page->row(page->to, (*one)->extension, text);
    }
}

static const char details[] =
    "An .html is a page in which the rules live: whoever opens it can wound them and watch them\n"
    "heal. It needs no network and no other file. For a rule that is no run folder, --target says\n"
    "what it should look like.\n"
    "\n"
    "MODEL is a model.safetensors, a run folder, or a trained rule that comes with nca: "
    "zoo:lizard.\n"
    "Which numbers a format has, the usual first, stands in brackets.\n"
    "\n"
    "Examples:\n"
    "  nca export runs/lizard-regenerating -o lizard.html\n"
    "  nca export zoo:lizard zoo:fish runs/digits -o zoo.html\n"
    "  nca export runs/lizard-regenerating -o lizard.json\n"
    "  nca export rule.safetensors -o rule.json --numbers uint8\n"
    "  nca export zoo:lizard -o lizard.glsl\n";

// What is written where, and how.
typedef struct order {
    const nca_exporter *exporter;
    char place[NCA_PATH_BYTES];
    nca_export what;
} order;

static nca_status read_order(const export_options *options, const nca_arguments *arguments,
                             order *out, nca_error *error)
{
    if (!options->output)
        return nca_fail(error, NCA_ARGUMENT,
                        "--output: needed, such as rule.html for a page; its extension says the "
                        "format: see nca export --help");
    NCA_TRY(nca_exporter_find(options->format, options->output, &out->exporter, error));
    NCA_TRY(nca_exporter_numbers(out->exporter, options->numbers, &out->what.numbers, error));
    if (arguments->count > out->exporter->rules_max)
        return nca_fail(error, NCA_ARGUMENT, "%.100s: a %s file holds %d rule%s; export it apart",
                        arguments->item[out->exporter->rules_max], out->exporter->extension,
                        out->exporter->rules_max, out->exporter->rules_max == 1 ? "" : "s");
    out->what.target_option = nca_target_option_given(&options->target);
    if (out->what.target_option && !out->exporter->shows_target)
        return nca_fail(error, NCA_ARGUMENT, "--%s: a %s file shows no target; leave it out",
                        out->what.target_option, out->exporter->extension);
    if (options->target.target && arguments->count > 1)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target: which of the %d rules is it of? give run folders, which know "
                        "their own, or export one rule",
                        arguments->count);
    out->what.given = &options->target;
    NCA_TRY(nca_output_check("output", options->output, options->force, out->place, error));
    return nca_output_check_source("output", out->place, options->target.target, error);
}

static void say_what_was_written(const export_options *options, const order *done)
{
    const nca_export *what = &done->what;
    fprintf(nca_output_words(options->output), "%s: %d rule%s, %s\n", options->output, what->count,
            what->count == 1 ? "" : "s", done->exporter->description);
}

static nca_status export(nca_call *call)
{
    const export_options *options = call->options;
    const nca_arguments *arguments = &call->arguments;
    nca_error *error = &call->error;
    order work;
    nca_export_rule *rules = NULL;
    nca_status status;
    NCA_TRY(read_order(options, arguments, &work, error));
    rules = calloc((size_t)arguments->count, sizeof *rules);
    if (!rules)
        return nca_fail(error, NCA_MEMORY, "no memory for %d rules", arguments->count);
    for (int i = 0; i < arguments->count; i++) {
        rules[i].path = arguments->item[i];
        NCA_GO(nca_output_check_source("output", work.place, rules[i].path, error));
        NCA_GO(nca_run_rule_load(&options->target, rules[i].path, &rules[i].model, error));
        NCA_GO(nca_run_refuse_adversary(&options->target, rules[i].path, &rules[i].model, error));
        if (rules[i].model.spec.mix_bound > 0)
            NCA_GO(nca_fail(error, NCA_ARGUMENT,
                            "%.200s: a matrix mixes its states, for which no format has a place; "
                            "give the rule without",
                            rules[i].path));
        NCA_GO(nca_exporter_check_grid(work.exporter, &rules[i], error));
    }
    work.what.rules = rules;
    work.what.count = arguments->count;
    NCA_GO(work.exporter->write(&work.what, work.place, error));
    say_what_was_written(options, &work);
cleanup:
    for (int i = 0; i < arguments->count; i++)
        nca_model_free(&rules[i].model);
    free(rules);
    return status;
}

static const export_options defaults = {.target = NCA_TARGET_NOT_GIVEN};

const nca_command nca_command_export = {
    .name = "export",
    .arguments = "MODEL...",
    .summary = "Writes a rule for other programs",
    .details = details,
    .describe = describe_formats,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = NCA_OPTION_LIST_MAX,
    .options_bytes = sizeof(export_options),
    .defaults = &defaults,
    .work = export,
};
