// Child processes of this program.
#include "cli/children.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

enum { ARGUMENTS_MAX = 32 };

nca_status nca_child_start(const char *const *arguments, const char *log, pid_t *out,
                           nca_error *error)
{
    const char *words[ARGUMENTS_MAX + 2] = {"nca"};
    size_t count = 1;
    for (const char *const *word = arguments; *word && count <= ARGUMENTS_MAX; word++)
        words[count++] = *word;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int failed =
        posix_spawn(out, "/proc/self/exe", &actions, &attributes, (char *const *)words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
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
