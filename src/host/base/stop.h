// The signals that ask for an end: Ctrl-C, SIGTERM, and a terminal that is closed. A command looks
// at the flag, saves what it has and ends. SIGUSR1 asks it to save and to go on.
#ifndef NCA_BASE_STOP_H
#define NCA_BASE_STOP_H

#include <signal.h>

// The signal that came first, 0 before it.
extern volatile sig_atomic_t nca_stop_signal;

// From now on SIGINT, SIGTERM and SIGHUP set the flag; a hang-up that was ignored (nohup) stays so.
// A second SIGINT or SIGTERM ends the process at once, without what it had written in part.
void nca_stop_by_signals(void);

// Not 0 after a SIGUSR1; whoever saves sets it to 0 first.
extern volatile sig_atomic_t nca_save_signal;

// From now on SIGUSR1 sets the flag.
void nca_save_by_signal(void);

#endif
