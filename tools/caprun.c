/* tools/caprun.c — run a command and say what it really used: time, peak resident set, swap.
 *
 *     caprun -o REPORT [-t SECONDS] [-p MILLISECONDS] [-m] [-i FILE] [-c CGROUP]... [-k SIG:SEC]...
 *            [--] COMMAND [ARG...]
 *
 * -t kills the whole process group after that time; -k sends a signal to the command at a time
 * (INT, TERM, KILL, STOP, CONT, PIPE); -c puts the command into a cgroup folder before it starts;
 * -p samples its process tree that often (default 20, 0 = never); -m reads smaps_rollup as well.
 * The report is one JSON object; the command keeps stdin, stdout and stderr. Exit code: the
 * command's, 128 + N if it died of signal N, 124 after -t, 125 if caprun itself failed.
 *
 * Invariants
 *  1. maxrss_bytes is the kernel's own figure (wait4), for the largest single process. A child
 *     inherits the peak of the process it was made from; hence a static program of less than 1 MB
 *     that vforks: started from Python every figure would be Python's.
 *  2. Nothing the command started survives: caprun is the subreaper, kills what is left, counts it.
 * Linux only; linked statically; allocates nothing. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KICKS_MAX = 8, CGROUPS_MAX = 4, TREE_MAX = 512, TEXT_MAX = 4096 };

typedef struct kick {
    int    signal_number;
    double at_seconds;
    bool   is_sent;
} kick;

typedef struct run_plan {
    const char *report_path, *input_path;
    double      timeout_seconds;
    long        period_ms;
    bool        smaps;
    const char *cgroups[CGROUPS_MAX];
    int         cgroup_count;
    kick        kicks[KICKS_MAX];
    int         kick_count;
    char      **argv;
} run_plan;

typedef struct usage {
    uint64_t tree_rss_bytes, tree_swap_bytes, tree_smaps_bytes; /* highest sum over the tree */
    uint64_t hwm_bytes;                                         /* highest of one process   */
    int      process_count, sample_count, orphan_count;
} usage;

static void die(const char *what)
{
    fprintf(stderr, "caprun: %s: %s\n", what, strerror(errno));
    exit(125);
}

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- Reading /proc --------------------------------------------------------------------------- */

static size_t read_text(const char *path, char text[TEXT_MAX])
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : read(fd, text, TEXT_MAX - 1);

    if (fd >= 0)
        close(fd);
    text[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

/* The bytes of "Name:   123 kB"; 0 if the line is missing. */
static uint64_t kilobytes_of(const char *text, const char *name)
{
    const char *line = strstr(text, name);

    return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

/* Append the children of every thread of `pid`; returns the new count. */
static int append_children(pid_t pid, pid_t *pids, int count)
{
    char           path[64 + NAME_MAX], text[TEXT_MAX];
    struct dirent *entry;
    DIR           *folder;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    folder = opendir(path);
    while (folder && (entry = readdir(folder))) {
        char *at = text, *end;

        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/children", pid, entry->d_name);
        read_text(path, text);
        for (long child = strtol(at, &end, 10); end != at && count < TREE_MAX;
             at = end, child = strtol(at, &end, 10))
            pids[count++] = (pid_t)child;
    }
    if (folder)
        closedir(folder);
    return count;
}

static void sample_tree(const run_plan *plan, pid_t root, usage *use)
{
    static pid_t pids[TREE_MAX];
    int          count = 1;
    uint64_t     rss = 0, swap = 0, smaps = 0;
    char         path[64], text[TEXT_MAX];

    pids[0] = root;
    for (int i = 0; i < count; i++) {
        uint64_t hwm;

        count = append_children(pids[i], pids, count);
        snprintf(path, sizeof path, "/proc/%d/status", pids[i]);
        read_text(path, text);
        rss += kilobytes_of(text, "VmRSS:");
        swap += kilobytes_of(text, "VmSwap:");
        hwm = kilobytes_of(text, "VmHWM:");
        use->hwm_bytes = hwm > use->hwm_bytes ? hwm : use->hwm_bytes;
        if (!plan->smaps)
            continue;
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", pids[i]);
        read_text(path, text);
        smaps += kilobytes_of(text, "\nRss:") + kilobytes_of(text, "\nSwap:");
    }
    use->tree_rss_bytes = rss > use->tree_rss_bytes ? rss : use->tree_rss_bytes;
    use->tree_swap_bytes = swap > use->tree_swap_bytes ? swap : use->tree_swap_bytes;
    use->tree_smaps_bytes = smaps > use->tree_smaps_bytes ? smaps : use->tree_smaps_bytes;
    use->process_count = count > use->process_count ? count : use->process_count;
    use->sample_count++;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* In the vforked child: system calls only. */
static void become_command(const run_plan *plan, const sigset_t *mask)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < plan->cgroup_count; i++) {
        int fd = open(plan->cgroups[i], O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, "0", 1) != 1)
            _exit(125);
        close(fd);
    }
    if (plan->input_path) {
        int fd = open(plan->input_path, O_RDONLY);

        if (fd < 0 || dup2(fd, 0) < 0)
            _exit(125);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(plan->argv[0], plan->argv);
    _exit(127);
}

/* Reap orphans that ended; kill those that did not. */
static int kill_orphans(void)
{
    static pid_t pids[TREE_MAX];
    int          count = append_children(getpid(), pids, 0);

    for (int i = 0; i < count; i++)
        kill(pids[i], SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    return count;
}

/* How long to sleep at most: to the next sample, kick or the timeout. */
static struct timespec next_wait(const run_plan *plan, double elapsed)
{
    double seconds = plan->period_ms > 0 ? (double)plan->period_ms * 1e-3 : 3600;

    for (int i = 0; i < plan->kick_count; i++)
        if (!plan->kicks[i].is_sent && plan->kicks[i].at_seconds - elapsed < seconds)
            seconds = plan->kicks[i].at_seconds - elapsed;
    if (plan->timeout_seconds > 0 && plan->timeout_seconds - elapsed < seconds)
        seconds = plan->timeout_seconds - elapsed;
    seconds = seconds < 0 ? 0 : seconds;
    return (struct timespec){(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
}

/* Returns true if the timeout ended it. */
static bool wait_for(run_plan *plan, pid_t pid, double start, int *out_status,
                     struct rusage *out_used, usage *use)
{
    sigset_t child;
    bool     timed_out = false;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    while (wait4(pid, out_status, WNOHANG, out_used) == 0) {
        double          elapsed = now_seconds() - start;
        struct timespec wait = next_wait(plan, elapsed);

        for (int i = 0; i < plan->kick_count; i++)
            if (!plan->kicks[i].is_sent && plan->kicks[i].at_seconds <= elapsed) {
                kill(pid, plan->kicks[i].signal_number);
                plan->kicks[i].is_sent = true;
            }
        if (plan->timeout_seconds > 0 && elapsed >= plan->timeout_seconds && !timed_out) {
            kill(-pid, SIGKILL);
            timed_out = true;
        }
        if (plan->period_ms > 0)
            sample_tree(plan, pid, use);
        sigtimedwait(&child, NULL, timed_out ? &(struct timespec){0, 10000000} : &wait);
    }
    return timed_out;
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

static void write_report(const run_plan *plan, int status, const struct rusage *used,
                         const usage *use, double wall, bool timed_out)
{
    FILE *report = plan->report_path ? fopen(plan->report_path, "w") : stderr;

    if (!report)
        die(plan->report_path);
    fprintf(report,
            "{\"exit\": %d, \"signal\": %d, \"timed_out\": %s, \"wall_s\": %.6f, \"user_s\": %.6f, "
            "\"system_s\": %.6f, \"maxrss_bytes\": %llu, \"tree_rss_bytes\": %llu, "
            "\"tree_swap_bytes\": %llu, \"tree_smaps_bytes\": %llu, \"hwm_bytes\": %llu, "
            "\"processes\": %d, \"orphans\": %d, \"samples\": %d, \"read_blocks\": %ld, "
            "\"written_blocks\": %ld}\n",
            WIFEXITED(status) ? WEXITSTATUS(status) : -1,
            WIFSIGNALED(status) ? WTERMSIG(status) : 0,
            timed_out ? "true" : "false", wall, seconds_of(used->ru_utime),
            seconds_of(used->ru_stime), (unsigned long long)used->ru_maxrss * 1024,
            (unsigned long long)use->tree_rss_bytes, (unsigned long long)use->tree_swap_bytes,
            (unsigned long long)use->tree_smaps_bytes, (unsigned long long)use->hwm_bytes,
            use->process_count, use->orphan_count, use->sample_count, used->ru_inblock,
            used->ru_oublock);
    if (report != stderr)
        fclose(report);
}

/* ---- Arguments ------------------------------------------------------------------------------- */

static void add_kick(run_plan *plan, const char *text)
{
    static const struct {
        const char *name;
        int         number;
    } SIGNALS[] = {{"INT", SIGINT},   {"TERM", SIGTERM}, {"KILL", SIGKILL},
                   {"STOP", SIGSTOP}, {"CONT", SIGCONT}, {"PIPE", SIGPIPE}};
    const char *colon = strchr(text, ':');

    for (size_t i = 0; colon && i < sizeof SIGNALS / sizeof SIGNALS[0]; i++)
        if (plan->kick_count < KICKS_MAX && strlen(SIGNALS[i].name) == (size_t)(colon - text) &&
            strncmp(SIGNALS[i].name, text, (size_t)(colon - text)) == 0) {
            plan->kicks[plan->kick_count++] =
                (kick){SIGNALS[i].number, strtod(colon + 1, NULL), false};
            return;
        }
    errno = EINVAL;
    die(text);
}

static void parse_arguments(int argc, char **argv, run_plan *plan)
{
    int option;

    while ((option = getopt(argc, argv, "+o:t:p:mi:c:k:")) != -1) {
        switch (option) {
        case 'o':
            plan->report_path = optarg;
            break;
        case 't':
            plan->timeout_seconds = strtod(optarg, NULL);
            break;
        case 'p':
            plan->period_ms = strtol(optarg, NULL, 10);
            break;
        case 'm':
            plan->smaps = true;
            break;
        case 'i':
            plan->input_path = optarg;
            break;
        case 'c':
            if (plan->cgroup_count < CGROUPS_MAX)
                plan->cgroups[plan->cgroup_count++] = optarg;
            break;
        case 'k':
            add_kick(plan, optarg);
            break;
        default:
            exit(125);
        }
    }
    plan->argv = argv + optind;
    if (!plan->argv[0]) {
        errno = EINVAL;
        die("a command is missing");
    }
}

int main(int argc, char **argv)
{
    run_plan      plan = {.period_ms = 20};
    usage         use = {0};
    struct rusage used;
    sigset_t      child, before;
    double        start, wall;
    int           status = 0;
    bool          timed_out;
    pid_t         pid;

    parse_arguments(argc, argv, &plan);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &before);
    start = now_seconds();
    pid = vfork();
    if (pid == 0)
        become_command(&plan, &before);
    if (pid < 0)
        die("vfork");
    timed_out = wait_for(&plan, pid, start, &status, &used, &use);
    wall = now_seconds() - start;
    use.orphan_count = kill_orphans();
    write_report(&plan, status, &used, &use, wall, timed_out);
    if (timed_out)
        return 124;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
