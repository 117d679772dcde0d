// The network in bf16 for processors without AVX-512 BF16, by the stand-in.
#define NCA_AVX512_BY_SIMDE
#define nca_cpu_fill_avx512bf16 nca_cpu_fill_avx512bf16_by_stand_in
#include "words_stand_in.h"

#include "cpu/simd_avx512bf16.c"
