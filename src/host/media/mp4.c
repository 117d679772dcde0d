// MP4 (H.264) by ffmpeg as a child process that reads frames from a pipe.
#define _GNU_SOURCE   // pipe2, memfd_create
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "media/writers.h"

extern char **environ;

enum { PATH_BYTES = 8192 };

typedef struct movie {
    char *path;
    nca_output *output;   // its temporary name is what ffmpeg writes
    pid_t child;
    int pipe;
    int said;   // a file in memory, for what ffmpeg says
    size_t frame_bytes;
} movie;

static nca_status start_child(movie *mp4, const nca_writer_options *options, int from,
                              nca_error *error)
{
    char size[32], rate[32], output[PATH_BYTES];
    // Without "file:" a name like "a:b.mp4" would be a protocol, and "-x.mp4" an option.
    snprintf(output, sizeof output, "file:%s", nca_output_temporary(mp4->output));
    snprintf(size, sizeof size, "%dx%d", options->width, options->height);
    snprintf(rate, sizeof rate, "%g", options->frames_per_second);
    // Without -xerror a trailer that fails ends it with 0.
    // H.264 wants even sides; the padding is white as the picture's ground.
    const char *const arguments[] = {
        "ffmpeg",    "-hide_banner", "-loglevel",
        "error",     "-nostdin",     "-xerror",
        "-f",        "rawvideo",     "-pix_fmt",
        "rgb24",     "-s",           size,
        "-r",        rate,           "-i",
        "pipe:0",    "-vf",          "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white",
        "-c:v",      "libx264",      "-pix_fmt",
        "yuv420p",   "-crf",         "16",
        "-movflags", "+faststart",   "-f",
        "mp4",       "-y",           output,
        NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, from, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, mp4->said, 2);
    // In a group of its own, or Ctrl-C would end it before the film is closed or abandoned.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    // A signal that ends the program between the start of the child and its entry in the list of
    // those to be ended would leave a child that makes the file again.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    posix_spawnattr_setsigmask(&attributes, &before);
    const int failed = posix_spawnp(&mp4->child, "ffmpeg", &actions, &attributes,
                                    (char *const *)arguments, environ);
    nca_output_set_child(mp4->output, failed ? 0 : mp4->child);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (!failed)
        return NCA_OK;
    return nca_fail(error, NCA_MISSING,
                    "%s: mp4 needs the program ffmpeg (%s); install the package ffmpeg, or write "
                    ".webp or .gif",
                    mp4->path, strerror(failed));
}

static void free_movie(movie *mp4)
{
    if (mp4->said >= 0)
        close(mp4->said);
    nca_output_abandon(mp4->output);
    free(mp4->path);
    free(mp4);
}

// libx264's limit, behind the padding to even sides.
static nca_status check_size(const char *path, const nca_writer_options *options, nca_error *error)
{
    enum { SIDE_MAX = 16384 };
    if (options->width <= SIDE_MAX && options->height <= SIDE_MAX)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "%s: frames of %dx%d pixels are too large for MP4 (H.264); at most %d a side",
                    path, options->height, options->width, SIDE_MAX);
}

// The last line that ffmpeg has said, or a guess where it said nothing.
static nca_status fail_by_ffmpeg(const movie *mp4, nca_error *error)
{
    char text[1025] = "";
    const off_t size = lseek(mp4->said, 0, SEEK_END);
    const off_t from = size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0;
    const ssize_t got = pread(mp4->said, text, sizeof text - 1, from);
    size_t end = got > 0 ? (size_t)got : 0;
    while (end > 0 && isspace((unsigned char)text[end - 1]))
        end--;
    text[end] = 0;
    char *start = strrchr(text, '\n');
    if (start && strcmp(start + 1, "Conversion failed!") == 0) {   // says nothing
        *start = 0;
        start = strrchr(text, '\n');
    }
    start = start ? start + 1 : text;
    if (!*start)
        return nca_fail(
            error, NCA_FILE,
            "%s: ffmpeg failed without a word; is the disk full, or this build of ffmpeg "
            "without libx264?",
            mp4->path);
    return nca_fail(error, NCA_FILE, "%s: ffmpeg failed: %.400s", mp4->path, start);
}

// A child that no longer reads is about to end, and says why; some seconds are enough. It is left
// to be waited for.
static void await_last_words(const movie *mp4)
{
    enum { TRIES = 50 };
    const struct timespec pause = {.tv_nsec = 100000000};
    siginfo_t found = {0};
    for (int i = 0; i < TRIES && found.si_pid == 0; i++) {
        if (waitid(P_PID, (id_t)mp4->child, &found, WEXITED | WNOHANG | WNOWAIT) != 0)
            return;
        if (found.si_pid == 0)
            nanosleep(&pause, NULL);
    }
}

static nca_status open_movie(const char *path, const nca_writer_options *options, nca_writer **out,
                             nca_error *error)
{
    int ends[2];
    nca_status status;
    movie *mp4 = calloc(1, sizeof *mp4);
    if (!mp4 || !(mp4->path = strdup(path))) {
        free(mp4);
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    }
    mp4->frame_bytes = (size_t)options->height * (size_t)options->width * 3;
    mp4->pipe = mp4->said = -1;
    NCA_GO(check_size(path, options, error));
    mp4->said = memfd_create("ffmpeg", MFD_CLOEXEC);
    if (mp4->said < 0)
        NCA_GO(nca_fail(error, NCA_FILE, "%s: no file for what ffmpeg says: %s", path,
                        strerror(errno)));
    NCA_GO(nca_output_open(path, &mp4->output, error));
    if (pipe2(ends, O_CLOEXEC) != 0)
        NCA_GO(nca_fail(error, NCA_FILE, "%s: no pipe to ffmpeg: %s", path, strerror(errno)));
    signal(SIGPIPE, SIG_IGN);   // a child that dies is seen by its status
    mp4->pipe = ends[1];
    status = start_child(mp4, options, ends[0], error);
    close(ends[0]);
    if (status != NCA_OK)
        goto cleanup;
    *out = (nca_writer *)mp4;
    return NCA_OK;
cleanup:
    if (mp4->pipe >= 0)
        close(mp4->pipe);
    free_movie(mp4);
    return status;
}

static nca_status add_frame(nca_writer *writer, const void *frame, nca_error *error)
{
    movie *mp4 = (movie *)writer;
    const uint8_t *bytes = frame;
    for (size_t left = mp4->frame_bytes; left > 0;) {
        const ssize_t written = write(mp4->pipe, bytes, left);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            await_last_words(mp4);
            return fail_by_ffmpeg(mp4, error);
        }
        bytes += written;
        left -= (size_t)written;
    }
    return NCA_OK;
}

static uint64_t read_big_endian(const uint8_t *bytes, int count)
{
    uint64_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | bytes[i];
    return value;
}

// Whether boxes, ftyp, moov and mdat among them, fill the file exactly: each begins with its size,
// 32 bits of big endian, and its name; size 1 says that 64 bits of size follow the name.
// Source: ISO/IEC 14496-12, 4.2.
static bool is_whole(const nca_input *input)
{
    static const char *const needed[] = {"ftyp", "moov", "mdat"};
    unsigned found = 0;
    uint64_t at = 0;
    while (input->size_bytes - at >= 16) {   // a box of 8 bytes would be an empty one
        uint8_t head[16];
        if (nca_input_read(input, at, head, sizeof head, NULL) != NCA_OK)
            return false;
        const uint64_t small = read_big_endian(head, 4);
        const uint64_t size = small == 1 ? read_big_endian(head + 8, 8) : small;
        if (size < 8 || size > input->size_bytes - at)
            return false;
        for (unsigned i = 0; i < 3; i++)
            found |= (unsigned)(memcmp(head + 4, needed[i], 4) == 0) << i;
        at += size;
    }
    return found == 7 && at == input->size_bytes;
}

// ffmpeg's word is not enough: some of its versions end with 0 whatever became of the file.
static nca_status check_movie(const movie *mp4, nca_error *error)
{
    nca_input input = {0};
    NCA_TRY(nca_input_open(nca_output_temporary(mp4->output), &input, error));
    const bool is_good = is_whole(&input);
    nca_input_close(&input);
    if (is_good)
        return NCA_OK;
    if (lseek(mp4->said, 0, SEEK_END) > 0)
        return fail_by_ffmpeg(mp4, error);
    return nca_fail(error, NCA_FILE,
                    "%s: ffmpeg left a part of a film; is the disk full? Nothing was written",
                    mp4->path);
}

static nca_status close_movie(nca_writer *writer, bool keep, nca_error *error)
{
    movie *mp4 = (movie *)writer;
    int ended = 0;
    nca_status status = NCA_OK;
    close(mp4->pipe);
    if (!keep)
        kill(mp4->child, SIGKILL);   // what it wrote is removed
    while (waitpid(mp4->child, &ended, 0) < 0 && errno == EINTR)
        ;
    nca_output_set_child(mp4->output, 0);
    if (!keep)
        goto cleanup;
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
        NCA_GO(fail_by_ffmpeg(mp4, error));
    NCA_GO(check_movie(mp4, error));
    status = nca_output_commit(mp4->output, error);
    mp4->output = NULL;
cleanup:
    free_movie(mp4);
    return status;
}

const nca_format nca_format_mp4 = {
    .extension = ".mp4",
    .description = "a film, by the program ffmpeg",
    .open = open_movie,
    .add = add_frame,
    .close = close_movie,
};
