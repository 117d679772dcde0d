// Which variant a device computes with: what was asked for, of what this processor has.
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_same(const char *a, const char *b)
{
    return a && strcmp(a, b) == 0;
}

// Where a name stands last; -1 where it is none.
static int find_name(const char *name)
{
    int found = -1;
    for (int i = 0; nca_cpu_variants[i].name; i++)
        found = is_same(name, nca_cpu_variants[i].name) ? i : found;
    return found;
}

void nca_cpu_list_names(char *names, size_t size)
{
    const nca_cpu_variant *table = nca_cpu_variants;
    size_t used = 0;
    for (int i = 0; table[i].name && used < size; i++) {
        const char *joint = used == 0 ? "" : table[i + 1].name ? ", " : " or ";
        if (i == find_name(table[i].name))
            used += (size_t)snprintf(names + used, size - used, "%s%s", joint, table[i].name);
    }
}

// The last that this processor may take by itself.
static int best_supported(void)
{
    int best = 0;
    for (int i = 0; nca_cpu_variants[i].name; i++)
        if (nca_cpu_variants[i].is_supported() && !nca_cpu_variants[i].only_named)
            best = i;
    return best;
}

// Whether this processor has one of the variants of a name.
static bool is_supported(const char *name)
{
    bool found = false;
    for (int i = 0; nca_cpu_variants[i].name; i++)
        found |= is_same(name, nca_cpu_variants[i].name) && nca_cpu_variants[i].is_supported();
    return found;
}

// The last variant up to `cap` that computes in this precision here; -1: none does.
static int find_precision(const char *precision, int cap, const char *name)
{
    const nca_cpu_variant *table = nca_cpu_variants;
    int found = -1;
    for (int i = 0; i <= cap; i++)
        if (is_same(precision, table[i].precision) && table[i].is_supported() &&
            (!table[i].only_named || is_same(name, table[i].name)))
            found = i;
    return found;
}

// What `auto` takes: bf16 where that is faster than f32.
static int find_fast(int cap, const char *name)
{
    const int bf16 = find_precision("bf16", cap, NULL);
    return bf16 >= 0 && nca_cpu_variants[bf16].is_fast() ? bf16 : find_precision("f32", cap, name);
}

// Whether this is a precision that the CPU computes: the plainest variant has each of them. tf32 is
// none, though "rounding" can imitate it.
static bool is_precision(const char *precision)
{
    for (int i = 0; nca_cpu_variants[i].name; i++)
        if (is_same(nca_cpu_variants[0].name, nca_cpu_variants[i].name) &&
            is_same(precision, nca_cpu_variants[i].precision))
            return true;
    return false;
}

// The option, or else NCA_CPU_ISA, caps the choice; what the processor lacks is refused.
static nca_status read_cap(const char *asked, const char *name, int *cap, nca_error *error)
{
    const char *source = asked ? "" : "NCA_CPU_ISA=";
    char names[96];
    *cap = name && *name ? find_name(name) : best_supported();
    nca_cpu_list_names(names, sizeof names);
    if (*cap < 0)
        return nca_fail(error, NCA_ARGUMENT, "%s%.40s: no such instruction set; choose %s", source,
                        name, names);
    if (name && *name && !is_supported(name))
        return nca_fail(error, NCA_DEVICE, "%s%s: this processor lacks it; the best here is %s",
                        source, name, nca_cpu_variants[best_supported()].name);
    return NCA_OK;
}

// Says what there is instead of a precision that none of the variants up to `cap` has.
static nca_status refuse_precision(const char *precision, int cap, const char *name,
                                   nca_error *error)
{
    const nca_cpu_variant *table = nca_cpu_variants;
    const int half = find_precision("bf16", cap, name);
    return nca_fail(
        error, NCA_DEVICE,
        "--precision %s: %s has no instructions for it, and computes in f32 with %s%s%s; "
        "leave it out, or let NCA_CPU_ISA=%s compute it slowly",
        precision, name && *name ? name : "this processor",
        table[find_precision("f32", cap, name)].name, half < 0 ? "" : ", in bf16 with ",
        half < 0 ? "" : table[half].name, table[0].name);
}

nca_status nca_cpu_choose(const nca_device_options *options, int *out, nca_error *error)
{
    const char *name = options->isa ? options->isa : getenv("NCA_CPU_ISA");
    const char *precision = options->precision ? options->precision : "f32";
    const bool is_automatic = is_same(precision, NCA_PRECISION_AUTO);
    int cap;
    NCA_TRY(read_cap(options->isa, name, &cap, error));
    const int found = is_automatic ? find_fast(cap, name) : find_precision(precision, cap, name);
    if (found < 0 && !is_precision(precision))
        return nca_fail(
            error, NCA_ARGUMENT,
            "--precision %.40s: the CPU computes f32, bf16 and bf16x3; tf32 is for --device cuda, "
            "or for tests with NCA_CPU_ISA=rounding",
            precision);
    if (found < 0)
        return refuse_precision(precision, cap, name, error);
    *out = found;
    return NCA_OK;
}
