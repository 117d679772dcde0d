// The signals that ask for an end: Ctrl-C, SIGTERM, and a terminal that is closed. A command looks
// at the flag, saves what it has and ends.
#ifndef NCA_BASE_STOP_H
#define NCA_BASE_STOP_H

#include <signal.h>

// The signal that came first, 0 before it.
extern volatile sig_atomic_t nca_stop_signal;

// From now on SIGINT, SIGTERM and SIGHUP set the flag; a hang-up that was ignored (nohup) stays so.
// A second SIGINT or SIGTERM ends the process at once, without what it had written in part.
void nca_stop_by_signals(void);

#endif
