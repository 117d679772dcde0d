// What the programs that time have in common: their options, the sizes and devices that these ask
// for, and how what they print begins.
#ifndef NCA_CLI_BENCHING_H
#define NCA_CLI_BENCHING_H

#include "cli/command.h"
#include "verify/measure.h"

typedef struct nca_bench_options {
    int64_t batch, steps, channels, hidden, repeats, warmup, seed;
    double active, fire_rate;   // 0, as above: the case's
    const char *grid, *name;
    bool json;
    nca_device_arguments device;
} nca_bench_options;

extern const nca_option nca_bench_rows[];
extern const nca_bench_options nca_bench_defaults;

// What was timed, and where.
typedef struct nca_bench_place {
    const nca_measure_options *options;
    const char *device;   // the backend's name
    nca_device_info info;
} nca_bench_place;

typedef struct nca_benching nca_benching;

// A bench while it runs.
struct nca_benching {
    const nca_bench_options *options;
    // Times one device, calls nca_bench_begin() and prints what it found.
    nca_status (*time)(nca_benching *benching, const nca_compute *on, nca_bench_place *place,
                       nca_error *error);
    bool times_plainest;   // of a CPU also the plainest instruction set, where all are timed
    bool is_everywhere;    // every device is timed
    void *context;         // of time()
    nca_measure_options asked;
    int printed;         // tables or objects so far
    nca_error refused;   // the latest
    bool has_untold;     // it is not printed yet; where nothing was timed, it becomes the error
};

// Reads the sizes, then times the device that was asked for ("auto" unless said) or, by "all" or
// where is_everywhere is set, every device of this machine and both paths of a GPU. What one of
// several devices refuses is told, and the next is timed; a failure where none was left.
nca_status nca_bench_run(nca_benching *benching, nca_error *error);

// What separates objects of a list, or tables; and the path that a GPU chose becomes the variant.
void nca_bench_begin(nca_benching *benching, nca_bench_place *place,
                     const nca_session_info *session);

// The first line, and the first members.
void nca_bench_print_head(const nca_bench_place *on, const char *subject);
void nca_bench_json_head(const nca_bench_place *on, const char *subject);
// A share in percent or a number; "-" or null where the peak it is a part of was not measured.
void nca_bench_print_share(double share, double peak);
void nca_bench_json_number(const char *name, double value, double peak);

#endif
