// Child processes of this program.
#define _GNU_SOURCE   // pipe2
#include "sweep/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS_MAX = 32 };

// In the child. A parent that is killed cannot stop it, so the system does: with SIGTERM, on which
// training writes a checkpoint. The parent may have ended before the system was asked to do that.
static noreturn void become(const char **words, const char *log, pid_t parent, int report)
{
    const int in = open("/dev/null", O_RDONLY);
    const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (in >= 0 && out >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2 &&
        setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0) {
        if (getppid() != parent)
            _exit(128 + SIGTERM);
        execv("/proc/self/exe", (char *const *)words);
    }
    const int failed = errno;
    (void)!write(report, &failed, sizeof failed);
    _exit(127);
}

// The errno that kept the child from becoming nca; 0: none. Waits for exec, which closes the pipe.
static int read_failure(int from)
{
    int failed = 0;
    ssize_t got;
    do
        got = read(from, &failed, sizeof failed);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof failed ? failed : 0;
}

nca_status nca_child_start(const char *const *arguments, const char *log, pid_t *out,
                           nca_error *error)
{
    const char *words[ARGUMENTS_MAX + 2] = {"nca"};
    size_t count = 1;
    for (const char *const *word = arguments; *word && count <= ARGUMENTS_MAX; word++)
        words[count++] = *word;
    int report[2];
    const pid_t parent = getpid();
    int failed = pipe2(report, O_CLOEXEC) == 0 ? 0 : errno;
    if (!failed) {
        *out = fork();
        if (*out == 0)
            become(words, log, parent, report[1]);
        failed = *out < 0 ? errno : 0;
        close(report[1]);
        failed = failed ? failed : read_failure(report[0]);
        close(report[0]);
    }
    if (!failed)
        return NCA_OK;
    return nca_fail(error, NCA_FILE, "%s: no process of nca train that writes there: %s", log,
                    strerror(failed));
}

bool nca_child_has_ended(pid_t child, int *code)
{
    int ended;
    pid_t found;
    do
        found = waitpid(child, &ended, WNOHANG);
    while (found < 0 && errno == EINTR);
    if (found == 0)
        return false;
    *code = found < 0          ? 2   // it was nobody's child: cannot be
            : WIFEXITED(ended) ? WEXITSTATUS(ended)
                               : 128 + WTERMSIG(ended);
    return true;
}
