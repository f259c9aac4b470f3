/* Functions of a number in plain C without branches, which compilers turn into vector code.
 *
 * Polynomials are least-maximum fits over the ranges in the comments. Compile without any option
 * that lets the compiler reorder sums (-ffast-math and the like), and with -ffp-contract=off: a
 * difference of two equal products must be zero, as in PyTorch. */
#ifndef AI4SIM_FUNCTIONS_H
#define AI4SIM_FUNCTIONS_H

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* a b + c, rounded once where the processor can. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define FUSED(a, b, c) __builtin_fmaf(a, b, c)
#else
#define FUSED(a, b, c) ((a) * (b) + (c))
#endif

static inline int32_t bits_of(float x)
{
    int32_t i;
    memcpy(&i, &x, sizeof i);
    return i;
}

static inline float float_of(int32_t i)
{
    float x;
    memcpy(&x, &i, sizeof x);
    return x;
}

/* NaN wins, as in PyTorch. */
static inline float larger(float a, float b) { return (a > b) | (a != a) ? a : b; }
static inline float smaller(float a, float b) { return (a < b) | (a != a) ? a : b; }

/* An index that cannot leave its array. */
static inline int within(int i, int size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }

/* e^x for x = n log 2 + r, |r| <= log(2)/2. The sum with 1.5 * 2^23 rounds to a whole number. */
static inline float vector_exp(float x)
{
    float y = x > 89.0f ? 89.0f : x;
    y = y < -105.0f ? -105.0f : y;
    float rounded = FUSED(y, 1.44269504f, 12582912.0f);
    float n = rounded - 12582912.0f;
    int32_t whole = bits_of(rounded) - 0x4b400000;
    float r = FUSED(n, -0.693359375f, y);
    r = FUSED(n, 2.12194440e-4f, r);
    float p = 1.99075803e-4f;
    p = FUSED(p, r, 1.39336498e-3f);
    p = FUSED(p, r, 8.33328627e-3f);
    p = FUSED(p, r, 4.16664667e-2f);
    p = FUSED(p, r, 1.66666672e-1f);
    p = FUSED(p, r, 0.5f);
    p = FUSED(p, r * r, r) + 1.0f;
    /* Two steps reach the smallest numbers, and infinity. */
    int32_t half = whole >> 1;
    return p * float_of((int32_t)((uint32_t)(half + 127) << 23)) *
           float_of((int32_t)((uint32_t)(whole - half + 127) << 23));
}

/* e^x - 1: a polynomial within +-0.5. */
static inline float vector_expm1(float x)
{
    float p = 2.49570458e-5f;
    p = FUSED(p, x, 1.99621849e-4f);
    p = FUSED(p, x, 1.38886075e-3f);
    p = FUSED(p, x, 8.33318196e-3f);
    p = FUSED(p, x, 4.16666679e-2f);
    p = FUSED(p, x, 1.66666672e-1f);
    p = FUSED(p, x, 0.5f);
    p = FUSED(p, x * x, x);
    float e = vector_exp(x) - 1.0f;
    return (x > -0.5f) & (x < 0.5f) ? p : e;
}

/* log x for x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). */
static inline float vector_log(float x)
{
    int tiny = x < 1.17549435e-38f;
    int32_t i = bits_of(tiny ? x * 33554432.0f : x);
    int32_t whole = (i - 0x3f3504f3) >> 23;
    float f = float_of((int32_t)((uint32_t)i - ((uint32_t)whole << 23))) - 1.0f;
    float n = (float)(tiny ? whole - 25 : whole);
    float p = 7.33252540e-2f;
    p = FUSED(p, f, -1.16599992e-1f);
    p = FUSED(p, f, 1.16346940e-1f);
    p = FUSED(p, f, -1.23966932e-1f);
    p = FUSED(p, f, 1.42511517e-1f);
    p = FUSED(p, f, -1.66691512e-1f);
    p = FUSED(p, f, 2.00006887e-1f);
    p = FUSED(p, f, -2.49999806e-1f);
    p = FUSED(p, f, 3.33333313e-1f);
    float y = FUSED(n, -2.12194440e-4f, (f * f) * (p * f));
    y = FUSED(-0.5f, f * f, y);
    y = FUSED(n, 0.693359375f, y + f);
    y = x > 3.40282347e38f ? x : y;
    y = x < 0.0f ? NAN : y;
    y = x == 0.0f ? -INFINITY : y;
    return x != x ? x : y;
}

/* log(1 + x), with what 1 + x rounds off. */
static inline float vector_log1p(float x)
{
    float u = 1.0f + x;
    float lost = x - (u - 1.0f);
    float y = vector_log(u);
    return (u > 0.0f) & (u < 3.40282347e38f) ? y + lost / u : y;
}

static inline float vector_sigmoid(float x) { return 1.0f / (1.0f + vector_exp(-x)); }

/* tanh x: a polynomial within +-0.625, else 1 - 2 / (e^2x + 1). */
static inline float vector_tanh(float x)
{
    float a = fabsf(x), z = x * x;
    float p = -6.11277856e-3f;
    p = FUSED(p, z, 2.10098010e-2f);
    p = FUSED(p, z, -5.38540110e-2f);
    p = FUSED(p, z, 1.33327946e-1f);
    p = FUSED(p, z, -3.33333284e-1f);
    p = FUSED(p, z * x, x);
    float y = 1.0f - 2.0f / (vector_exp(2.0f * a) + 1.0f);
    return a < 0.625f ? p : copysignf(y, x);
}

/* asinh x = log(|x| + sqrt(x^2 + 1)) with the sign of x. */
static inline float vector_asinh(float x)
{
    float a = fabsf(x);
    int large = a > 1e9f;
    float z = large ? 0.0f : a * a;
    float u = large ? a : a + z / (1.0f + sqrtf(z + 1.0f));
    return copysignf(vector_log1p(u) + (large ? 0.693147181f : 0.0f), x);
}

/* atan x: a polynomial within +-1, else pi/2 - atan(1/x). */
static inline float vector_atan(float x)
{
    float a = fabsf(x);
    int large = a > 1.0f;
    float t = large ? 1.0f / a : a, z = t * t;
    float p = -2.50857649e-3f;
    p = FUSED(p, z, 1.39964838e-2f);
    p = FUSED(p, z, -3.66702862e-2f);
    p = FUSED(p, z, 6.31821975e-2f);
    p = FUSED(p, z, -8.68904442e-2f);
    p = FUSED(p, z, 1.10420354e-1f);
    p = FUSED(p, z, -1.42796159e-1f);
    p = FUSED(p, z, 1.99997902e-1f);
    p = FUSED(p, z, -3.33333313e-1f);
    float y = FUSED(p, z * t, t);
    y = large ? 1.57079637f - y - 4.37113883e-8f : y;
    return copysignf(y, x);
}

/* sin(x + quarter pi/2); NaN where x has no digits left to tell. */
static inline float sine(float x, int quarter)
{
    double rounded = (double)x * 0.63661977236758134 + 6755399441055744.0;
    double n = rounded - 6755399441055744.0;
    int64_t i;
    memcpy(&i, &rounded, sizeof i);
    float r = (float)((double)x - n * 1.5707963267341256 - n * 6.0771005065061922e-11);
    int q = (int)i + quarter;
    float z = r * r;
    float s = 2.72499278e-6f;
    s = FUSED(s, z, -1.98400870e-4f);
    s = FUSED(s, z, 8.33333191e-3f);
    s = FUSED(s, z, -1.66666672e-1f);
    s = FUSED(s, z * r, r);
    float c = -2.73009505e-7f;
    c = FUSED(c, z, 2.48005999e-5f);
    c = FUSED(c, z, -1.38888881e-3f);
    c = FUSED(c, z, 4.16666679e-2f);
    c = FUSED(c, z * z, FUSED(-0.5f, z, 1.0f));
    float y = q & 1 ? c : s;
    y = q & 2 ? -y : y;
    return fabsf(x) < 1e6f ? y : NAN;
}

static inline float vector_sin(float x) { return sine(x, 0); }
static inline float vector_cos(float x) { return sine(x, 1); }

/* erf x: a polynomial within +-0.92, else 1 - e^(-x q(x)); from 4 on it is 1. */
static inline float vector_erf(float x)
{
    float a = fabsf(x), z = x * x;
    a = a > 4.0f ? 4.0f : a;
    float p = 8.36230683e-5f;
    p = FUSED(p, z, -8.14148050e-4f);
    p = FUSED(p, z, 5.20099010e-3f);
    p = FUSED(p, z, -2.68594138e-2f);
    p = FUSED(p, z, 1.12836964e-1f);
    p = FUSED(p, z, -3.76126349e-1f);
    p = FUSED(p, z, 1.12837923f);
    float q = -3.27380604e-7f;
    q = FUSED(q, a, 5.48398793e-6f);
    q = FUSED(q, a, -2.10478047e-5f);
    q = FUSED(q, a, -2.37880988e-4f);
    q = FUSED(q, a, 3.56091652e-3f);
    q = FUSED(q, a, -2.38333624e-2f);
    q = FUSED(q, a, 1.06473990e-1f);
    q = FUSED(q, a, 6.34950340e-1f);
    q = FUSED(q, a, 1.12870741f);
    return a < 0.92f ? p * x : copysignf(1.0f - vector_exp(-a * q), x);
}

/* In double precision, which has room for the squares of all floats. */
static inline float vector_hypot(float x, float y)
{
    return (float)sqrt((double)x * x + (double)y * y);
}

/* x^power for x >= 0 and a power that is no whole number: e^(power log x) in double precision. */
static inline float vector_pow(float x, float power)
{
    double d = x;
    int64_t i;
    memcpy(&i, &d, sizeof i);
    int64_t whole = (i - 0x3fe6a09e667f3bcd) >> 52;
    i -= (int64_t)((uint64_t)whole << 52);
    double m;
    memcpy(&m, &i, sizeof m);
    double s = (m - 1.0) / (m + 1.0), z = s * s;
    double p = 1.0 / 13.0;
    p = p * z + 1.0 / 11.0;
    p = p * z + 1.0 / 9.0;
    p = p * z + 1.0 / 7.0;
    p = p * z + 1.0 / 5.0;
    p = p * z + 1.0 / 3.0;
    p = p * z + 1.0;
    double y = power * ((double)(int32_t)whole * 0.69314718055994531 + 2.0 * s * p);
    y = y > 89.0 ? 89.0 : y;
    y = y < -105.0 ? -105.0 : y;
    double rounded = y * 1.4426950408889634 + 6755399441055744.0;
    double n = rounded - 6755399441055744.0;
    memcpy(&i, &rounded, sizeof i);
    double r = y - n * 0.69314718055994531;
    p = 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    i = (int64_t)((uint64_t)((int64_t)(int32_t)i + 1023) << 52);
    double scale;
    memcpy(&scale, &i, sizeof scale);
    float found = (float)(p * scale);
    found = x == 0.0f ? (power > 0.0f ? 0.0f : INFINITY) : found;
    found = x > 3.40282347e38f ? (power > 0.0f ? INFINITY : 0.0f) : found;
    found = x < 0.0f ? NAN : found;
    return x != x ? x : found;
}

#endif
