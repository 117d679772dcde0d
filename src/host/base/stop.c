// Signals that ask for an end or for a checkpoint, for the commands that leave something behind.
#include "base/stop.h"

#include "base/files.h"

volatile sig_atomic_t nca_stop_signal, nca_save_signal;

// A terminal that closes often sends SIGHUP twice, once by its shell and once by itself, so only a
// second SIGINT or SIGTERM means that the user will not wait.
static void ask_to_stop(int number)
{
    if (nca_stop_signal == 0) {
        nca_stop_signal = number;
    } else if (number != SIGHUP) {
        nca_outputs_remove();
        signal(number, SIG_DFL);
        raise(number);   // it is blocked in here, and comes when this returns
    }
}

void nca_stop_by_signals(void)
{
    signal(SIGINT, ask_to_stop);
    signal(SIGTERM, ask_to_stop);
    if (signal(SIGHUP, ask_to_stop) == SIG_IGN)
        signal(SIGHUP, SIG_IGN);
}

static void ask_to_save(int number)
{
    nca_save_signal = number;
}

void nca_save_by_signal(void)
{
    signal(SIGUSR1, ask_to_save);
}
