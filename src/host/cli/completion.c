// Completion for three shells: each a prologue, something for every command and every option of it,
// and an epilogue.
#include "cli/completion.h"

#include <ctype.h>
#include <string.h>

#include "attack/attack.h"
#include "config/presets.h"
#include "model/zoo.h"
#include "nca/task.h"
#include "report/export.h"
#include "sweep/regeneration.h"
#include "task/cuts.h"

enum { WORDS_BYTES = 512 };

typedef struct shell {
    const char *name;
    void (*print)(FILE *to, const nca_command *const *commands);
} shell;

static void add_word(char words[WORDS_BYTES], const char *word)
{
    const size_t used = strlen(words);
    snprintf(words + used, WORDS_BYTES - used, "%s%s", used ? " " : "", word);
}

// What the zoo has, each name behind `before` and with a blank behind it.
static void print_zoo(FILE *to, const char *before)
{
    nca_zoo zoo;
    nca_zoo_list(&zoo);
    for (int i = 0; i < zoo.count; i++)
        fprintf(to, "%s%s ", before, zoo.name[i]);
}

// Whether rules are among its arguments.
static bool takes_rules(const nca_command *command)
{
    return strstr(command->arguments, "MODEL") || strstr(command->arguments, "RULE");
}

static bool takes_rule(const nca_option *row)
{
    return strcmp(row->name, "from") == 0;
}

// "on|off" as words; nothing where it is a name that stands for something else, such as FILE.
static void split_words(const char *text, size_t length, char words[WORDS_BYTES])
{
    for (size_t i = 0; i < length; i++)
        if (!islower((unsigned char)text[i]) && !isdigit((unsigned char)text[i]) && text[i] != '|')
            return;
    snprintf(words, WORDS_BYTES, "%.*s", (int)length, text);
    for (char *c = words; *c; c++)
        *c = *c == '|' ? ' ' : *c;
}

// The words an option may take, with blanks between; empty where it takes anything else.
static void list_words(const nca_option *row, char words[WORDS_BYTES])
{
    words[0] = 0;
    if (strcmp(row->name, "preset") == 0)
        for (const nca_preset *one = nca_presets(); one->name; one++)
            add_word(words, one->name);
    if (strcmp(row->name, "task") == 0)
        for (const nca_task *const *one = nca_tasks(); *one; one++)
            add_word(words, (*one)->name);
    if (strcmp(row->name, "settings") == 0)
        for (const nca_study_setting *one = nca_study_settings(); one->name; one++)
            add_word(words, one->name);
    if (strcmp(row->name, "format") == 0 && !strchr(row->value, '|'))
        for (const nca_exporter *const *one = nca_exporters(); *one; one++)
            add_word(words, (*one)->extension + 1);
    if (strcmp(row->name, "damage") == 0)
        for (int cut = 0; cut < NCA_CUT_COUNT; cut++) {
            char at[32];
            snprintf(at, sizeof at, "%s@200", nca_cut_name(cut));
            add_word(words, at);
        }
    if (!*words && row->value && strchr(row->value, '|'))
        split_words(row->value, strlen(row->value), words);
}

// The words that its first argument may be; empty where that is anything else.
static void list_first_words(const nca_command *command, char words[WORDS_BYTES])
{
    const char *first = command->arguments + strspn(command->arguments, "[");
    words[0] = 0;
    if (strncmp(first, "KIND", strlen("KIND")) == 0)
        for (const nca_attack *const *one = nca_attacks(); *one; one++)
            add_word(words, (*one)->name);
    else
        split_words(first, strcspn(first, "] ."), words);
}

static bool is_number(const nca_option *row)
{
    return row->kind == NCA_OPTION_INT || row->kind == NCA_OPTION_REAL;
}

// The name of an option as it is typed, without the dashes in front.
static void print_name(FILE *to, const nca_option *row)
{
    char name[NCA_OPTION_NAME_BYTES];
    fputs(nca_option_spell(row->name, name), to);
}

// A text inside single quotes; zsh's brackets and colons get a backslash.
static void print_quoted(FILE *to, const char *text, const char *escaped)
{
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            fputs("'\\'", to);
        else if (strchr(escaped, *c))
            fputc('\\', to);
        fputc(*c, to);
    }
}

typedef void print_option(FILE *to, const nca_command *command, const nca_option *row);

static void for_each_option(FILE *to, const nca_command *command, print_option *print)
{
    const nca_option *tables[] = {command->options,
                                  command->has_config ? nca_config_sources() : NULL,
                                  command->has_config ? nca_config_options() : NULL};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const nca_option *row = tables[t]; row && row->name; row++)
            print(to, command, row);
}

// What stands in the place of a command and is none of the table.
static const char shells_words[] = "bash zsh fish";

static void print_commands(FILE *to, const nca_command *const *commands)
{
    for (; *commands; commands++)
        fprintf(to, "%s ", (*commands)->name);
}

static void print_command_names(FILE *to, const nca_command *const *commands)
{
    print_commands(to, commands);
    fputs("completion help man --help --version", to);
}

static void print_bash_name(FILE *to, const nca_command *command, const nca_option *row)
{
    (void)command;
    fputs(nca_option_is_output(row) ? "-o --" : "--", to);
    print_name(to, row);
    fputc(' ', to);
}

static void print_bash_words(FILE *to, const nca_command *command, const nca_option *row)
{
    char words[WORDS_BYTES];
    list_words(row, words);
    if (!*words)
        return;
    fprintf(to, "        '%s --", command->name);
    print_name(to, row);
    fprintf(to, "') words='%s' ;;\n", words);
}

// A rule of the zoo, as soon as its first letter says so. "zoo:l" is three words to bash, or one
// where the user's COMP_WORDBREAKS has no ":".
static void print_bash_zoo(FILE *to, const nca_command *const *commands)
{
    fputs("    case ${COMP_WORDS[1]} in\n        ", to);
    for (const char *between = ""; *commands; commands++)
        if (takes_rules(*commands) || (*commands)->has_config) {
            fprintf(to, "%s%s", between, (*commands)->name);
            between = "|";
        }
    fputs(")\n            if [[ $COMP_CWORD -gt 1 && -n $word && ($word == zoo:* || zoo: == "
          "$word*) ]]; then\n"
          "                words='",
          to);
    print_zoo(to, NCA_ZOO_PREFIX);
    fputs("'\n            elif [[ $word == : && ${COMP_WORDS[COMP_CWORD-1]} == zoo ||\n"
          "                $before == : && ${COMP_WORDS[COMP_CWORD-2]} == zoo ]]; then\n"
          "                word=${word#:} words='",
          to);
    print_zoo(to, "");
    fputs("'\n            fi ;;\n    esac\n", to);
}

// File names come from the shell itself, where nothing else fits. "--preset=h" is three words to
// bash, or one where the user's COMP_WORDBREAKS has no "=".
static void print_bash(FILE *to, const nca_command *const *commands)
{
    char words[WORDS_BYTES];
    fputs("# nca in bash: source <(nca completion bash)\n"
          "_nca() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words= "
          "front=\n"
          "    [[ $word != = ]] || word=\n"
          "    [[ $before != = ]] || before=${COMP_WORDS[COMP_CWORD-2]}\n"
          "    if [[ $word == --*=* ]]; then\n"
          "        before=${word%%=*} front=${word%%=*}= word=${word#*=}\n"
          "    elif [[ ${COMP_WORDS[COMP_CWORD]} == = ]]; then\n"
          "        before=${COMP_WORDS[COMP_CWORD-1]}\n"
          "    fi\n"
          "    case \"${COMP_WORDS[1]} $before\" in\n"
          "        'completion completion') words='",
          to);
    fprintf(to, "%s' ;;\n        'help help') words='", shells_words);
    print_commands(to, commands);
    fputs("completion man' ;;\n        'man man') words='", to);
    print_commands(to, commands);
    fputs("' ;;\n", to);
    for (const nca_command *const *command = commands; *command; command++) {
        list_first_words(*command, words);
        if (*words)
            fprintf(to, "        '%s %s') words='%s' ;;\n", (*command)->name, (*command)->name,
                    words);
        for_each_option(to, *command, print_bash_words);
    }
    fputs("    esac\n"
          "    if [[ $COMP_CWORD -eq 1 ]]; then\n        words='",
          to);
    print_command_names(to, commands);
    fputs("'\n    elif [[ $word == -* && -z $front ]]; then\n        case ${COMP_WORDS[1]} in\n",
          to);
    for (const nca_command *const *command = commands; *command; command++) {
        fprintf(to, "        %s) words='", (*command)->name);
        for_each_option(to, *command, print_bash_name);
        fputs("--help' ;;\n", to);
    }
    fputs("        esac\n    fi\n", to);
    print_bash_zoo(to, commands);
    fputs("    COMPREPLY=($(compgen -P \"$front\" -W \"$words\" -- \"$word\"))\n"
          "}\n"
          "complete -o bashdefault -o default -F _nca nca\n",
          to);
}

static void print_zsh_option(FILE *to, const nca_command *command, const nca_option *row)
{
    char words[WORDS_BYTES];
    (void)command;
    list_words(row, words);
    if (nca_option_is_output(row))
        fprintf(to, "            '-o[the same as --%s]:%s:_files' \\\n", row->name, row->value);
    fprintf(to, "            '%s--", row->kind == NCA_OPTION_LIST ? "*" : "");
    print_name(to, row);
    fprintf(to, "%s[", nca_option_is_flag(row) ? "" : "=");
    print_quoted(to, row->help, "[]:\\");
    fputc(']', to);
    if (!nca_option_is_flag(row)) {
        fputc(':', to);
        print_quoted(to, row->value, "[]:\\");
        if (*words)
            fprintf(to, ":(%s)", words);
        else
            fputs(is_number(row) ? ": " : takes_rule(row) ? ":_nca_rules" : ":_files", to);
    }
    fputs("' \\\n", to);
}

static void print_zsh(FILE *to, const nca_command *const *commands)
{
    char words[WORDS_BYTES];
    fputs("#compdef nca\n# nca in zsh: source <(nca completion zsh)\n"
          "_nca_rules() {\n    compadd -- ",
          to);
    print_zoo(to, NCA_ZOO_PREFIX);
    fputs("\n    _files\n}\n_nca() {\n"
          "    local -a commands=(\n",
          to);
    for (const nca_command *const *command = commands; *command; command++) {
        fprintf(to, "        '%s:", (*command)->name);
        print_quoted(to, (*command)->summary, ":\\");
        fputs("'\n", to);
    }
    fputs("        'completion:Completes commands, options and their words in a shell'\n"
          "        'help:Says more about a command'\n"
          "        'man:Prints a page of the manual'\n"
          "    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $words[1] in\n",
          to);
    for (const nca_command *const *command = commands; *command; command++) {
        fprintf(to, "    %s)\n        _arguments \\\n", (*command)->name);
        for_each_option(to, *command, print_zsh_option);
        list_first_words(*command, words);
        if (*words)
            fprintf(to, "            '1:argument:(%s)' \\\n", words);
        fprintf(to, "            '--help[say more]' '*:argument:%s'\n        ;;\n",
                takes_rules(*command) ? "_nca_rules" : "_files");
    }
    fprintf(to, "    completion)\n        _values shell %s\n        ;;\n", shells_words);
    fputs("    help|man)\n        _describe command commands\n        ;;\n"
          "    esac\n}\n"
          "if [[ $funcstack[1] == _nca ]]; then   # it lies in fpath and is called\n"
          "    _nca \"$@\"\n"
          "else\n"
          "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i -D }\n"
          "    compdef _nca nca\n"
          "fi\n",
          to);
}

static void print_fish_option(FILE *to, const nca_command *command, const nca_option *row)
{
    char words[WORDS_BYTES];
    list_words(row, words);
    fprintf(to, "complete -c nca -n '__fish_seen_subcommand_from %s' -l ", command->name);
    print_name(to, row);
    if (nca_option_is_output(row))
        fputs(" -s o", to);
    if (*words)
        fprintf(to, " -x -a '%s'", words);
    else if (!nca_option_is_flag(row))
        fputs(is_number(row) ? " -x" : " -r", to);
    if (takes_rule(row)) {
        fputs(" -a '", to);
        print_zoo(to, NCA_ZOO_PREFIX);
        fputs("'", to);
    }
    fputs(" -d '", to);
    print_quoted(to, row->help, "\\");
    fputs("'\n", to);
}

static void print_fish(FILE *to, const nca_command *const *commands)
{
    char words[WORDS_BYTES];
    fputs("# nca in fish: nca completion fish | source\n", to);
    for (const nca_command *const *command = commands; *command; command++) {
        fprintf(to, "complete -c nca -n __fish_use_subcommand -f -a %s -d '", (*command)->name);
        print_quoted(to, (*command)->summary, "\\");
        fputs("'\n", to);
        if (takes_rules(*command)) {
            fprintf(to, "complete -c nca -n '__fish_seen_subcommand_from %s' -a '",
                    (*command)->name);
            print_zoo(to, NCA_ZOO_PREFIX);
            fputs("'\n", to);
        }
        list_first_words(*command, words);
        if (*words)
            fprintf(to,
                    "complete -c nca -n '__fish_seen_subcommand_from %s; and not "
                    "__fish_seen_subcommand_from %s' -a '%s'\n",
                    (*command)->name, words, words);
        for_each_option(to, *command, print_fish_option);
    }
    fprintf(to,
            "complete -c nca -n __fish_use_subcommand -f -a 'completion help man'\n"
            "complete -c nca -n '__fish_seen_subcommand_from completion' -f -a '%s'\n"
            "complete -c nca -n '__fish_seen_subcommand_from help' -f -a 'completion man'\n"
            "complete -c nca -n '__fish_seen_subcommand_from help man' -f -a '",
            shells_words);
    print_commands(to, commands);
    fputs("'\n", to);
}

static const shell shells[] = {
    {"bash", print_bash},
    {"zsh", print_zsh},
    {"fish", print_fish},
};

nca_status nca_completion_print(FILE *to, const char *name, const nca_command *const *commands,
                                nca_error *error)
{
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shells[i].name, name) == 0) {
            shells[i].print(to, commands);
            return NCA_OK;
        }
    return nca_fail(error, NCA_ARGUMENT, "%.60s: no such shell here; choose bash, zsh or fish",
                    name);
}
