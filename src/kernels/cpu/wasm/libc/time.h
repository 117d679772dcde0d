// A clock that stands still; see ../live.c.
#ifndef NCA_WASM_TIME_H
#define NCA_WASM_TIME_H

struct timespec {
    long tv_sec;
    long tv_nsec;
};

enum { CLOCK_MONOTONIC };
int clock_gettime(int clock, struct timespec *time);

#endif
