// Functions that the page lends the module.
#ifndef NCA_WASM_MATH_H
#define NCA_WASM_MATH_H

#define BORROWED(name) __attribute__((import_module("math"), import_name(name)))

BORROWED("cos") double cos(double x);
BORROWED("sin") double sin(double x);

#define fabs(x) __builtin_fabs(x)
#define fabsf(x) __builtin_fabsf(x)
#define sqrt(x) __builtin_sqrt(x)
#define fmin(x, y) __builtin_fmin(x, y)
#define fmax(x, y) __builtin_fmax(x, y)
#define isfinite(x) __builtin_isfinite(x)
#define isnan(x) __builtin_isnan(x)

double pow(double x, double y);
#define floorf(x) __builtin_floorf(x)

#endif
