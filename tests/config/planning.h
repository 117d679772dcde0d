// What tests of the settings share: a plan that is made of them, or refused and left as it was.
#ifndef NCA_TESTS_CONFIG_PLANNING_H
#define NCA_TESTS_CONFIG_PLANNING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nca/plan.h"

static inline void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

static nca_plan plan;

// The last plan stays as it was.
static inline void expect_refused(const nca_config *config, const char *message)
{
    nca_error error = {0};
    const nca_plan before = plan;
    assert_int_equal(nca_plan_make(config, &plan, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, message);
    assert_memory_equal(&plan, &before, sizeof plan);
}

#endif
