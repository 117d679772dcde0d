// What the tests may ask of the emulator beyond CUDA's own API; C11 and C++17.
//
// Every value starts from the environment:
//   NCA_EMULATOR_SEED      order of blocks, warps and lanes; 0 natural, 1 reversed, others shuffled
//                          by it
//   NCA_EMULATOR_ABORT     1: an error found in a kernel aborts the program (for a debugger)
//   NCA_EMULATOR_DEVICES   how many devices there are, 0..16; 1 unless set
//   NCA_EMULATOR_MEMORY    bytes of a device's memory; 2 GiB unless set
//   NCA_EMULATOR_DRIVER    the driver's version as 1000 * major + 10 * minor; 13000 unless set
//   NCA_EMULATOR_LOSE      the device is lost at this launch (counted from 1); 0 never
//   NCA_EMULATOR_FULL      its memory is full from this taking of some on (an allocation, the
//                          making of a graph; counted from 1), whatever cudaMemGetInfo says;
//                          0 never
//   NCA_EMULATOR_SM        multiprocessors; 4 unless set
//   NCA_EMULATOR_CAPABILITY  compute capability that devices say they have, as 10 * major + minor;
//                          90 unless set
//   NCA_EMULATOR_IMAGE     newest architecture that kernels were compiled for, likewise; 90 unless
//                          set
//   NCA_EMULATOR_TF32_FROM  cuBLAS rounds to tf32 only where two of a product's sizes are at least
//                          this (512 on an H100, by public measurement); 0 unless set: always
//   NCA_EMULATOR_CHECKS    0: accesses of kernels are not looked at (several times faster)
#ifndef NCA_EMULATOR_EMULATOR_H
#define NCA_EMULATOR_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nca_emulator_settings {
    uint64_t seed;
    int abort_on_error;
    int devices;
    size_t memory_bytes;
    int driver_version;
    int lose_at_launch;
    int multiprocessors;
    int capability;
    int image;
    int checks;
    int full_at_taking;
    int tf32_from;
} nca_emulator_settings;

// Changes count from the next call of the API on.
nca_emulator_settings *nca_emulator_get(void);

// What the last error found in a kernel or a call was, in one line; "" if none since
// cudaDeviceReset.
const char *nca_emulator_message(void);

// Whether accesses of kernels are looked at one by one: the .cu files are compiled so, and `checks`
// is set.
int nca_emulator_checks(void);

// Launches since the program started: all, and those of one kernel, its template's instances
// together.
uint64_t nca_emulator_launches(void);
uint64_t nca_emulator_launches_of(const char *kernel);
// Launches with over 48 KB of dynamic shared memory whose kernel leaves the carve-out to the
// driver: it makes room for one block, and a second one that would fit waits.
uint64_t nca_emulator_uncarved_launches(void);

#ifdef __cplusplus
}
#endif
#endif
