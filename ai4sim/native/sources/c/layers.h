/* Dense layers, convolutions and recurrences over a block of B columns, the fastest axis.
 *
 * Weights lie in groups of 16 outputs: [group][input][16]. */
#ifndef AI4SIM_LAYERS_H
#define AI4SIM_LAYERS_H

#include "functions.h"
#include <stddef.h>

#define GROUP 16

/* A vector of WIDTH numbers in a register. -DPLAIN, for compilers without vector types. */
#if defined(__GNUC__) && !defined(PLAIN)
#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif
typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
#else
#define WIDTH 1
typedef float vector;
#endif

#if B >= 2 * WIDTH
#define ACROSS 2 /* vectors of columns */
#else
#define ACROSS 1
#endif
#define DOWN (WIDTH == 16 ? 16 / ACROSS : 4) /* outputs at once */

/* Products and sums of a layer may be rounded once. */
#if defined(__clang__)
#define LAYER __attribute__((noinline))
#define CONTRACTED _Pragma("clang fp contract(fast)")
#elif defined(__GNUC__)
#define LAYER __attribute__((noinline, optimize("fp-contract=fast")))
#define CONTRACTED
#else
#define LAYER
#define CONTRACTED
#endif

/* Add the taps from first to last of a layer to `sums`, or to its bias where there are none.
 *
 * x + (from + tap * step) * B is where the inputs of a tap begin. */
static LAYER void convolve_from(float *restrict y, const float *restrict sums,
                                 const float *restrict x, ptrdiff_t from, ptrdiff_t step,
                                 const float *restrict w, const float *restrict bias, int first,
                                 int last, int taps, int inputs, int outputs)
{
    CONTRACTED
#if B == 1
    for (int o = 0; o < outputs; o += GROUP) {
        const float *v = w + (ptrdiff_t)o * taps * inputs;
        vector sum[2][GROUP / WIDTH];
        for (int k = 0; k < GROUP / WIDTH; ++k)
            sum[0][k] = sum[1][k] = (vector){0};
        for (int tap = first; tap <= last; ++tap) {
            const float *given = x + from + tap * step, *u = v + tap * inputs * GROUP;
            for (int i = 0; i < inputs; ++i)
                for (int k = 0; k < GROUP / WIDTH; ++k)
                    sum[i % 2][k] += *(const vector *)(u + i * GROUP + k * WIDTH) * given[i];
        }
        float found[GROUP];
        for (int k = 0; k < GROUP / WIDTH; ++k)
            *(vector *)(found + k * WIDTH) = sum[0][k] + sum[1][k];
        for (int r = 0; r < GROUP && o + r < outputs; ++r)
            y[o + r] = (sums ? sums[o + r] : bias[o + r]) + found[r];
    }
#else
    for (int o = 0; o < outputs; o += DOWN) {
        const float *v = w + (ptrdiff_t)(o / GROUP) * GROUP * taps * inputs + o % GROUP;
        int count = outputs - o < DOWN ? outputs - o : DOWN;
        for (int c = 0; c < B; c += ACROSS * WIDTH) {
            vector sum[DOWN][ACROSS];
            for (int r = 0; r < DOWN; ++r)
                for (int k = 0; k < ACROSS; ++k)
                    sum[r][k] = (vector){0} + (sums ? 0.0f : bias[o + r]);
            for (int tap = first; tap <= last; ++tap) {
                const float *given = x + (from + tap * step) * B + c;
                const float *u = v + tap * inputs * GROUP;
                for (int i = 0; i < inputs; ++i, u += GROUP) {
                    vector a[ACROSS];
                    for (int k = 0; k < ACROSS; ++k)
                        a[k] = *(const vector *)(given + i * B + k * WIDTH);
                    for (int r = 0; r < DOWN; ++r)
                        for (int k = 0; k < ACROSS; ++k)
                            sum[r][k] += a[k] * u[r];
                }
            }
            for (int r = 0; r < count; ++r)
                for (int k = 0; k < ACROSS; ++k) {
                    ptrdiff_t place = (ptrdiff_t)(o + r) * B + c + k * WIDTH;
                    vector before = {0};
                    if (sums)
                        before = *(const vector *)(sums + place);
                    *(vector *)(y + place) = sum[r][k] + before;
                }
        }
    }
#endif
}

static __attribute__((unused)) void convolve(float *restrict y, const float *restrict x,
                                             ptrdiff_t from, ptrdiff_t step,
                                             const float *restrict w, const float *restrict bias,
                                             int first, int last, int taps, int inputs, int outputs)
{
    convolve_from(y, NULL, x, from, step, w, bias, first, last, taps, inputs, outputs);
}

static __attribute__((unused)) void dense(float *restrict y, const float *restrict x,
                                          const float *restrict w, const float *restrict bias,
                                          int inputs, int outputs)
{
    convolve_from(y, NULL, x, 0, 0, w, bias, 0, 0, 1, inputs, outputs);
}

static __attribute__((unused)) void dense_on(float *restrict y, const float *restrict sums,
                                             const float *restrict x, const float *restrict w,
                                             int inputs, int outputs)
{
    convolve_from(y, sums, x, 0, 0, w, NULL, 0, 0, 1, inputs, outputs);
}

/* Recurrences over levels, from the last to the first where `backward`: y + level * step * B is the
 * state; `given` is what the inputs give to the gates, [level][gate][unit]; `work` is theirs. */
static __attribute__((unused)) void lstm(float *restrict y, const float *restrict given,
                                         const float *restrict w, const float *restrict bias,
                                         int levels, int units, int step, int backward,
                                         float *restrict work)
{
    float *memory = work + (ptrdiff_t)4 * units * B;
    (void)bias;
    for (ptrdiff_t n = 0; n < levels; ++n) {
        ptrdiff_t level = backward ? levels - 1 - n : n, size = (ptrdiff_t)units * B;
        ptrdiff_t before = level + (backward ? 1 : -1);
        const float *sums = given + level * 4 * size, *gates = sums;
        float *state = y + level * step * B;
        if (n) {
            dense_on(work, sums, y + before * step * B, w, units, 4 * units);
            gates = work;
        }
        for (ptrdiff_t i = 0; i < size; ++i) {
            float kept = n ? memory[i] * vector_sigmoid(gates[size + i]) : 0.0f;
            float m = kept + vector_sigmoid(gates[i]) * vector_tanh(gates[2 * size + i]);
            memory[i] = m;
            state[i] = vector_sigmoid(gates[3 * size + i]) * vector_tanh(m);
        }
    }
}

static __attribute__((unused)) void gru(float *restrict y, const float *restrict given,
                                        const float *restrict w, const float *restrict bias,
                                        int levels, int units, int step, int backward,
                                        float *restrict work)
{
    for (ptrdiff_t n = 0; n < levels; ++n) {
        ptrdiff_t level = backward ? levels - 1 - n : n, size = (ptrdiff_t)units * B;
        ptrdiff_t before = level + (backward ? 1 : -1);
        const float *gates = given + level * 3 * size;
        const float *old = n ? y + before * step * B : y;
        float *state = y + level * step * B;
        if (n)
            dense(work, old, w, bias, units, 3 * units);
        else
            for (ptrdiff_t i = 0; i < 3 * size; ++i)
                work[i] = bias[i / B];
        for (ptrdiff_t i = 0; i < size; ++i) {
            float reset = vector_sigmoid(gates[i] + work[i]);
            float keep = vector_sigmoid(gates[size + i] + work[size + i]);
            float fresh = vector_tanh(gates[2 * size + i] + reset * work[2 * size + i]);
            state[i] = fresh + keep * ((n ? old[i] : 0.0f) - fresh);
        }
    }
}

#endif
