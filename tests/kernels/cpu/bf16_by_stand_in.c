// The network in bf16 for processors without AVX-512 BF16, by the stand-in: beside the processor's
// own, or, with NCA_TEST_BY_STAND_IN, in its place, so that whole rollouts have it.
#define NCA_AVX512_BY_SIMDE
#if !defined(NCA_TEST_BY_STAND_IN)
#define nca_cpu_fill_avx512bf16 nca_cpu_fill_avx512bf16_by_stand_in
#endif
#include "words_stand_in.h"

#include "cpu/simd_avx512bf16.c"
