/* cli/cli.h — the pieces of the weir command: option table, progress bar, summary. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

#include "weir/weir.h"

enum { CLI_VARIABLES_MAX = 64 };

/** What the command line said. */
typedef struct cli_arguments {
    const char   *command;    /* "run", "validate" ... */
    const char   *operand;    /* the pipeline file, or clean's folder; NULL: not given */
    weir_options  options;
    weir_variable variables[CLI_VARIABLES_MAX];
    bool          quiet, memory, json, help;
    int           verbose;
} cli_arguments;

/** Parse argv. 0, or the exit code after a message on stderr. */
int cli_parse(int argc, char **argv, cli_arguments *out_arguments);

/** Print the help of a command (NULL: of all), generated from the option table. */
void cli_help(const char *command);

/** Draws one line on stderr, only if stderr is a terminal. `self` is unused. */
void cli_progress(void *self, const weir_progress *now);
/** Wipe the line. */
void cli_progress_end(void);
bool cli_progress_wanted(const cli_arguments *arguments);

/** Rows, time, peak memory against the cap, spill: on stderr. */
void cli_summary(const weir_summary *summary, weir_status status);

/** "31.9 MB", "1,204,311": write into static buffers that rotate, so several fit in one printf. */
const char *cli_bytes(uint64_t bytes);
const char *cli_count(uint64_t count);

#endif
