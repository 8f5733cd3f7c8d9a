/* cli/main.c — the weir command: run, validate, explain, clean, help, version.
 *
 * Data goes to stdout, everything else to stderr. Ctrl-C asks the run to stop and cleans up; a
 * second one ends the process at once (spill files are unnamed, half-written outputs are removed by
 * the next run). The exit code is the weir_status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static weir_engine          *running;
static volatile sig_atomic_t interrupts;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    if (interrupts++ > 0)
        _exit(WEIR_CANCELLED);
    if (running)
        weir_cancel(running);
}

static void install_signals(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an EPIPE of the writer, which stops quietly */
}

static void warn(void *self, const char *message)
{
    (void)self;
    fprintf(stderr, "weir: warning: %s\n", message);
}

static int report(weir_status status, const weir_error *error)
{
    fprintf(stderr, "weir: %s\n", error->message);
    return (int)status;
}

static int need_operand(const cli_arguments *arguments)
{
    if (arguments->operand)
        return 0;
    fprintf(stderr, "weir %s: name a pipeline file (see weir %s --help)\n", arguments->command,
            arguments->command);
    return WEIR_INVALID;
}

static int run_command(const cli_arguments *arguments)
{
    static weir_error error;
    weir_engine      *engine;
    weir_summary      summary = {0};
    weir_status       status = weir_open(&arguments->options, &engine, &error);

    if (status != WEIR_OK)
        return report(status, &error);
    running = engine;
    install_signals();
    status = weir_run(engine, cli_progress_wanted(arguments) ? cli_progress : NULL, NULL, &summary,
                      &error);
    cli_progress_end();
    if (status != WEIR_OK)
        fprintf(stderr, "weir: %s\n", error.message);
    if (!arguments->quiet)
        cli_summary(&summary, status);
    if (arguments->verbose)
        fprintf(stderr, "plan %s\n", summary.plan_hash);
    running = NULL;
    weir_close(engine);
    return (int)status;
}

static int validate_command(const cli_arguments *arguments)
{
    static weir_error error;
    weir_engine      *engine;
    weir_status       status = weir_open(&arguments->options, &engine, &error);

    if (status != WEIR_OK)
        return report(status, &error);
    if (!arguments->quiet)
        fprintf(stderr, "%s is valid and fits its cap\n", arguments->operand);
    weir_close(engine);
    return WEIR_OK;
}

static int explain_command(const cli_arguments *arguments)
{
    static weir_error error;
    weir_engine      *engine;
    const char       *text;
    weir_explain_kind kind = arguments->memory ? WEIR_EXPLAIN_MEMORY
                             : arguments->json ? WEIR_EXPLAIN_JSON
                                               : WEIR_EXPLAIN_PLAN;
    weir_status       status = weir_open(&arguments->options, &engine, &error);

    if (status != WEIR_OK)
        return report(status, &error);
    status = weir_explain(engine, kind, &text, &error);
    if (status == WEIR_OK)
        fputs(text, stdout);
    weir_close(engine);
    return status == WEIR_OK ? WEIR_OK : report(status, &error);
}

static int clean_command(const cli_arguments *arguments)
{
    static weir_error error;
    uint64_t          count;
    const char       *folder = arguments->operand ? arguments->operand : ".";
    weir_status       status = weir_clean(folder, &count, &error);

    if (status != WEIR_OK)
        return report(status, &error);
    if (!arguments->quiet)
        fprintf(stderr, "removed %s leftover file%s\n", cli_count(count), count == 1 ? "" : "s");
    return WEIR_OK;
}

/* One line each: name, signature, what it is; tab-separated when somebody reads them by machine. */
static int help_command(const cli_arguments *arguments)
{
    const char      *topic = arguments->operand ? arguments->operand : "functions";
    bool             is_terminal = isatty(STDOUT_FILENO);
    weir_manual_line line;
    size_t           index = 0;

    for (; weir_manual(topic, index, &line); index++) {
        if (is_terminal)
            printf("%s%s  %s\n", line.name, line.signature, line.help);
        else
            printf("%s\t%s\t%s\n", line.name, line.signature, line.help);
    }
    if (index > 0)
        return WEIR_OK;
    fprintf(stderr, "weir help: no topic '%s': steps, a step's name (scan, sort ...), functions, "
                    "aggregates, windows, formats, or a format's name (csv, json)\n", topic);
    return WEIR_INVALID;
}

static int dispatch(int argc, char **argv)
{
    static cli_arguments arguments;
    int                  code = cli_parse(argc, argv, &arguments);

    if (arguments.help) {
        cli_help(arguments.command);
        return code;
    }
    if (code)
        return code;
    arguments.options.warn = arguments.quiet ? NULL : warn;
    if (strcmp(arguments.command, "version") == 0) {
        printf("weir %s\n", weir_version());
        return 0;
    }
    if (strcmp(arguments.command, "help") == 0)
        return help_command(&arguments);
    if (strcmp(arguments.command, "clean") == 0)
        return clean_command(&arguments);
    if (strcmp(arguments.command, "run") != 0 && strcmp(arguments.command, "validate") != 0 &&
        strcmp(arguments.command, "explain") != 0) {
        fprintf(stderr, "weir: unknown command '%s' (see weir --help)\n", arguments.command);
        return WEIR_INVALID;
    }
    code = need_operand(&arguments);
    if (code)
        return code;
    if (strcmp(arguments.command, "run") == 0)
        return run_command(&arguments);
    return strcmp(arguments.command, "validate") == 0 ? validate_command(&arguments)
                                                      : explain_command(&arguments);
}

/* What was said of weir itself counts as output, too: a full disk is no success. */
int main(int argc, char **argv)
{
    int code = dispatch(argc, argv);

    if (fflush(stdout) != 0 && errno != EPIPE && code == WEIR_OK) {
        fprintf(stderr, "weir: cannot write to standard output: %s\n", strerror(errno));
        return WEIR_IO;
    }
    return code;
}
