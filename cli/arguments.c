/* cli/arguments.c — the option table of the command line: parser, ranges and --help at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef enum option_kind { FLAG, TEXT, BYTES, COUNT, VARIABLE } option_kind;

typedef struct cli_option {
    const char *name, *short_name, *value, *commands, *help;
    option_kind kind;
} cli_option;

static const cli_option OPTIONS[] = {
    {"--pipeline", NULL, "FILE", "run validate explain", "the pipeline file, same as the operand", TEXT},
    {"--memory-cap", NULL, "SIZE", "run validate explain",
     "never use more memory than this: 32MB, 1GiB (default 512 MB or 3/4 of the container)", BYTES},
    {"--threads", "-j", "N", "run validate explain", "worker threads (default: processors)", COUNT},
    {"--spill-dir", NULL, "FOLDER", "run validate explain", "where spilled data goes; on disk", TEXT},
    {"--spill-quota", NULL, "SIZE", "run validate explain",
     "most disk for spilled data (default: free space less 1 GiB)", BYTES},
    {"--set", NULL, "NAME=VALUE", "run validate explain", "replace ${NAME} in the pipeline", VARIABLE},
    {"--deterministic", NULL, NULL, "run validate explain", "fix the order of rows too, byte for byte", FLAG},
    {"--memory", NULL, NULL, "explain", "show the memory certificate", FLAG},
    {"--json", NULL, NULL, "explain", "canonical JSON of the plan", FLAG},
    {"--quiet", "-q", NULL, "run validate clean", "no progress, no summary", FLAG},
    {"--verbose", "-v", NULL, "run validate explain", "more about what is going on", FLAG},
    {"--help", "-h", NULL, "run validate explain clean help version", "this text", FLAG},
};

static const struct {
    const char *name, *operand, *help;
} COMMANDS[] = {
    {"run", "FILE", "run a pipeline"},
    {"validate", "FILE", "check a pipeline and its memory certificate without running it"},
    {"explain", "FILE", "show the plan; with --memory the certificate"},
    {"clean", "[FOLDER]", "remove what killed runs left in a folder (default: this one)"},
    {"help", "TOPIC", "steps and their keys (scan ...), functions, formats and their options (csv ...)"},
    {"version", "", "print the version"},
};

enum {
    OPTION_COUNT = sizeof OPTIONS / sizeof OPTIONS[0],
    COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0],
};

static bool has_word(const char *words, const char *word)
{
    const char *at = strstr(words, word);

    return at != NULL;
}

void cli_help(const char *command)
{
    if (!command) {
        printf("weir — a data engine that never uses more memory than the cap it was given\n\n");
        for (size_t i = 0; i < COMMAND_COUNT; i++)
            printf("  weir %-9s %-9s %s\n", COMMANDS[i].name, COMMANDS[i].operand,
                   COMMANDS[i].help);
        printf("\n`weir COMMAND --help` lists the options of a command.\n"
               "Exit codes: 0 ok, 1 run failed, 2 bad usage or invalid pipeline, 3 bad data,\n"
               "4 cap below the certificate or disk quota, 5 cancelled, 6 input/output or remote.\n");
        return;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(COMMANDS[i].name, command) == 0)
            printf("weir %s %s [options]: %s\n\n", command, COMMANDS[i].operand, COMMANDS[i].help);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[64];

        if (!has_word(OPTIONS[i].commands, command))
            continue;
        snprintf(name, sizeof name, "%s%s%s%s%s", OPTIONS[i].name,
                 OPTIONS[i].short_name ? ", " : "",
                 OPTIONS[i].short_name ? OPTIONS[i].short_name : "", OPTIONS[i].value ? " " : "",
                 OPTIONS[i].value ? OPTIONS[i].value : "");
        printf("  %-24s %s\n", name, OPTIONS[i].help);
    }
}

/* ---- Parsing --------------------------------------------------------------------------------- */

static int usage_error(const char *what, const char *which)
{
    fprintf(stderr, "weir: %s '%s' (see weir --help)\n", what, which);
    return WEIR_INVALID;
}

/* "32MB", "1.5GiB", "4096". */
static bool parse_bytes(const char *text, uint64_t *out_bytes)
{
    static const struct {
        const char *unit;
        double      factor;
    } UNITS[] = {{"", 1},        {"B", 1},           {"KB", 1e3},       {"MB", 1e6},
                 {"GB", 1e9},    {"TB", 1e12},       {"KiB", 1024.0},   {"MiB", 1048576.0},
                 {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};
    char  *unit;
    double number = strtod(text, &unit);

    while (*unit == ' ')
        unit++;
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (unit != text && number > 0 && number * UNITS[i].factor < 1e18 &&
            strcasecmp(unit, UNITS[i].unit) == 0) {
            *out_bytes = (uint64_t)(number * UNITS[i].factor);
            return true;
        }
    return false;
}

static int set_bytes(const cli_option *option, const char *value, cli_arguments *out)
{
    uint64_t bytes;

    if (!parse_bytes(value, &bytes)) {
        fprintf(stderr, "weir: %s: '%s' is not a size: write 32MB, 64MiB, 1.5GB or bytes\n",
                option->name, value);
        return WEIR_INVALID;
    }
    if (strcmp(option->name, "--memory-cap") == 0)
        out->options.memory_cap_bytes = bytes;
    else
        out->options.spill_quota_bytes = bytes;
    return 0;
}

static int set_threads(const char *value, cli_arguments *out)
{
    char         *end;
    unsigned long count = strtoul(value, &end, 10);

    if (*end || count < 1 || count > 256) {
        fprintf(stderr, "weir: --threads: '%s' is not a number from 1 to 256\n", value);
        return WEIR_INVALID;
    }
    out->options.thread_count = (uint32_t)count;
    return 0;
}

static int set_variable(char *value, cli_arguments *out)
{
    char *equals = strchr(value, '=');

    if (!equals || equals == value)
        return usage_error("--set wants NAME=VALUE, not", value);
    if (out->options.variable_count == CLI_VARIABLES_MAX)
        return usage_error("too many --set at", value);
    *equals = '\0';
    out->variables[out->options.variable_count++] = (weir_variable){value, equals + 1};
    return 0;
}

static void set_flag(const cli_option *option, cli_arguments *out)
{
    if (strcmp(option->name, "--quiet") == 0)
        out->quiet = true;
    else if (strcmp(option->name, "--verbose") == 0)
        out->verbose++;
    else if (strcmp(option->name, "--memory") == 0)
        out->memory = true;
    else if (strcmp(option->name, "--json") == 0)
        out->json = true;
    else if (strcmp(option->name, "--deterministic") == 0)
        out->options.deterministic = 1;
    else
        out->help = true;
}

static int set_option(const cli_option *option, char *value, cli_arguments *out)
{
    switch (option->kind) {
    case FLAG:
        set_flag(option, out);
        return 0;
    case TEXT:
        if (strcmp(option->name, "--spill-dir") == 0)
            out->options.spill_folder = value;
        else
            out->operand = value;
        return 0;
    case BYTES:
        return set_bytes(option, value, out);
    case COUNT:
        return set_threads(value, out);
    case VARIABLE:
        return set_variable(value, out);
    }
    return 0;
}

static const cli_option *find_option(const char *text, size_t byte_count, const char *command)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (has_word(OPTIONS[i].commands, command) &&
            ((strlen(OPTIONS[i].name) == byte_count &&
              strncmp(OPTIONS[i].name, text, byte_count) == 0) ||
             (OPTIONS[i].short_name && strcmp(OPTIONS[i].short_name, text) == 0)))
            return &OPTIONS[i];
    return NULL;
}

static int parse_option(char **argv, int argc, int *io_index, cli_arguments *out)
{
    char             *text = argv[*io_index];
    char             *equals = strncmp(text, "--", 2) == 0 ? strchr(text, '=') : NULL;
    size_t            byte_count = equals ? (size_t)(equals - text) : strlen(text);
    const cli_option *option = find_option(text, byte_count, out->command);
    char             *value = equals ? equals + 1 : NULL;

    if (!option)
        return usage_error("unknown option", text);
    if (option->kind != FLAG && !value) {
        if (*io_index + 1 >= argc)
            return usage_error("a value is missing after", text);
        value = argv[++*io_index];
    }
    if (option->kind == FLAG && equals)
        return usage_error("no value is allowed in", text);
    return set_option(option, value, out);
}

int cli_parse(int argc, char **argv, cli_arguments *out)
{
    memset(out, 0, sizeof *out);
    out->options.struct_bytes = sizeof out->options;
    out->options.variables = out->variables;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        (strcmp(argv[1], "help") == 0 && argc < 3)) {
        out->help = true;
        return argc < 2 ? WEIR_INVALID : 0;
    }
    out->command = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (int i = 2; i < argc; i++) {
        int code = 0;

        if (argv[i][0] == '-' && argv[i][1] != '\0')
            code = parse_option(argv, argc, &i, out);
        else if (out->operand)
            code = usage_error("one file at a time; what is", argv[i]);
        else
            out->operand = argv[i];
        if (code)
            return code;
    }
    out->options.pipeline_path = out->operand;
    return 0;
}
