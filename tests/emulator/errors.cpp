// Settings, the line that says what is wrong, and CUDA's two kinds of errors: those of one call,
// which cudaGetLastError forgets, and those that break the context until the device is reset.
#include "internal.h"

#include <cstdio>
#include <cstdlib>

namespace nca_emulator
{
namespace
{
std::string message;
cudaError_t last = cudaSuccess;
cudaError_t broken = cudaSuccess;

unsigned long long number_of(const char *variable, unsigned long long otherwise)
{
    const char *text = std::getenv(variable);
    return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}
}   // namespace

std::string format(const char *words, ...)
{
    char line[1000];
    va_list list;
    va_start(list, words);
    std::vsnprintf(line, sizeof line, words, list);
    va_end(list);
    return line;
}

cudaError_t report(cudaError_t error, const std::string &line)
{
    message = line;
    std::fprintf(stderr, "emulator: %s\n", line.c_str());
    if (nca_emulator_get()->abort_on_error)
        std::abort();
    return error;
}

cudaError_t done(cudaError_t error)
{
    if (broken != cudaSuccess)
        error = broken;
    if (error != cudaSuccess && error != cudaErrorNotReady)
        last = error;
    return error;
}

cudaError_t break_context(cudaError_t error)
{
    if (broken == cudaSuccess)
        broken = error;
    return error;
}

cudaError_t broken_context()
{
    return broken;
}
}   // namespace nca_emulator

using namespace nca_emulator;

extern "C" nca_emulator_settings *nca_emulator_get(void)
{
    static nca_emulator_settings settings = {
        number_of("NCA_EMULATOR_SEED", 0),
        static_cast<int>(number_of("NCA_EMULATOR_ABORT", 0)),
        static_cast<int>(number_of("NCA_EMULATOR_DEVICES", 1)),
        number_of("NCA_EMULATOR_MEMORY", 2ull << 30),
        static_cast<int>(number_of("NCA_EMULATOR_DRIVER", 13000)),
        static_cast<int>(number_of("NCA_EMULATOR_LOSE", 0)),
        static_cast<int>(number_of("NCA_EMULATOR_SM", 4)),
        static_cast<int>(number_of("NCA_EMULATOR_CAPABILITY", 90)),
        static_cast<int>(number_of("NCA_EMULATOR_IMAGE", 90)),
        static_cast<int>(number_of("NCA_EMULATOR_CHECKS", 1)),
        static_cast<int>(number_of("NCA_EMULATOR_FULL", 0)),
        static_cast<int>(number_of("NCA_EMULATOR_TF32_FROM", 0)),
    };
    return &settings;
}

extern "C" const char *nca_emulator_message(void)
{
    return message.c_str();
}

extern "C" const char *cudaGetErrorName(cudaError_t error)
{
    switch (error) {
#define NCA_EMULATOR_ROW(name, value, words)                                                       \
    case name:                                                                                     \
        return #name;
        NCA_EMULATOR_ERRORS(NCA_EMULATOR_ROW)
#undef NCA_EMULATOR_ROW
    }
    return "unrecognized error code";
}

extern "C" const char *cudaGetErrorString(cudaError_t error)
{
    switch (error) {
#define NCA_EMULATOR_ROW(name, value, words)                                                       \
    case name:                                                                                     \
        return words;
        NCA_EMULATOR_ERRORS(NCA_EMULATOR_ROW)
#undef NCA_EMULATOR_ROW
    }
    return "unrecognized error code";
}

extern "C" cudaError_t cudaPeekAtLastError(void)
{
    return broken != cudaSuccess ? broken : last;
}

extern "C" cudaError_t cudaGetLastError(void)
{
    const cudaError_t error = cudaPeekAtLastError();
    last = cudaSuccess;
    return error;
}

extern "C" cudaError_t cudaDeviceReset(void)
{
    free_all();
    message.clear();
    last = broken = cudaSuccess;
    return cudaSuccess;
}
