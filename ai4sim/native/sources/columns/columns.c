/* Calls over columns: every argument is checked before the network runs, in blocks. */
#include "library.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local int64_t columns_of_call;

static void lengths_of(int i, int64_t *length)
{
    length[0] = columns_of_call;
    length[1] = variable_of(i)->levels;
}

static int check_array(int64_t n, const struct array *a, int i)
{
    const struct variable *v = variable_of(i);
    int64_t length[3];
    int status = check_form(a, v->name, v->profile ? 2 : 1);
    if (status)
        return status;
    if (a->extent[0] < n)
        return fail(STATUS_ARGUMENT, "%s: an array of %lld columns, expected at least n = %lld",
                    v->name, (long long)a->extent[0], (long long)n);
    if (v->profile && a->extent[1] != v->levels)
        return fail(STATUS_ARGUMENT, "%s: an array of %lld levels, expected %lld", v->name,
                    (long long)a->extent[1], (long long)v->levels);
    lengths_of(i, length);
    return check_memory(a, v->name, length);
}

static int check_arrays(int64_t n, const struct array *arrays, int count)
{
    int status = check_count(count);
    if (status)
        return status;
    if (n < 0)
        return fail(STATUS_ARGUMENT, "n = %lld, expected at least 0", (long long)n);
    columns_of_call = n;
    for (int i = 0; n && i < count; ++i)
        if ((status = check_array(n, &arrays[i], i)))
            return status;
    return n ? check_overlaps(arrays, count, lengths_of) : STATUS_OK;
}

static void describe_place(char *place, size_t room, const struct variable *v, int64_t column,
                           int64_t level)
{
    if (v->profile)
        snprintf(place, room, " at column %lld, level %lld", (long long)column + 1,
                 (long long)level + 1);
    else
        snprintf(place, room, " at column %lld", (long long)column + 1);
}

/* ---- Copies between arrays and rows of channels ---- */

/* Two loops over the values of a variable: strides in bytes of the array, steps in floats of rows. */
struct loops {
    int64_t outer, inner, outer_stride, inner_stride, outer_step, inner_step;
};

/* The inner loop is the one along which the array is dense. */
static struct loops loops_of(const struct array *a, const struct variable *v, int64_t count,
                             int64_t channels)
{
    if (a->stride[0] == a->bytes)
        return (struct loops){v->levels, count, v->profile ? a->stride[1] : 0, a->bytes, 1, channels};
    return (struct loops){count, v->levels, a->stride[0], v->profile ? a->stride[1] : 0, channels, 1};
}

/* Copy and tell whether all values lie between two numbers, as NaN does not. Sizes, strides and steps
 * that the compiler knows make vector code of the loop, which has no branch. */
static inline __attribute__((always_inline)) int take(int bytes, int64_t stride, int64_t step,
                                                      struct loops l, const char *from, double low,
                                                      double high, float *rows)
{
    int good = 1;
    for (int64_t i = 0; i < l.outer; ++i, from += l.outer_stride, rows += l.outer_step)
        for (int64_t j = 0; j < l.inner; ++j) {
            const char *at = from + j * stride;
            double value = bytes == 8 ? *(const double *)at : (double)*(const float *)at;
            good &= (value >= low) & (value <= high);
            rows[j * step] = (float)value;
        }
    return good;
}

/* The same from rows to an array; whether all values are finite. */
static inline __attribute__((always_inline)) int give(int bytes, int64_t stride, int64_t step,
                                                      struct loops l, char *to, const float *rows)
{
    int good = 1;
    for (int64_t i = 0; i < l.outer; ++i, to += l.outer_stride, rows += l.outer_step)
        for (int64_t j = 0; j < l.inner; ++j) {
            char *at = to + j * stride;
            float value = rows[j * step];
            good &= (value >= -FLT_MAX) & (value <= FLT_MAX);
            if (bytes == 8)
                *(double *)at = value;
            else
                *(float *)at = value;
        }
    return good;
}

#define DISPATCH(copy, l, ...)                                                                      \
    (a->bytes == 8 ? l.inner_stride != 8 ? copy(8, l.inner_stride, l.inner_step, l, __VA_ARGS__)    \
                     : l.inner_step == 1 ? copy(8, 8, 1, l, __VA_ARGS__)                            \
                                         : copy(8, 8, l.inner_step, l, __VA_ARGS__)                 \
     : l.inner_stride != 4 ? copy(4, l.inner_stride, l.inner_step, l, __VA_ARGS__)                  \
     : l.inner_step == 1   ? copy(4, 4, 1, l, __VA_ARGS__)                                          \
                           : copy(4, 4, l.inner_step, l, __VA_ARGS__))

/* Copy `count` columns from `begin` on into rows of channels; refuse values without meaning. */
static int gather(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
                  float *rows, int64_t channels)
{
    const char *from = (const char *)a->data + begin * a->stride[0];
    struct loops l = loops_of(a, v, count, channels);
    if (DISPATCH(take, l, from, fmax(v->lowest, -FLT_MAX), fmin(v->highest, FLT_MAX), rows))
        return STATUS_OK;
    for (int64_t i = 0; i < count; ++i)
        for (int64_t level = 0; level < v->levels; ++level) {
            const char *at = from + i * a->stride[0] + (v->profile ? level * a->stride[1] : 0);
            double value = a->bytes == 8 ? *(const double *)at : (double)*(const float *)at;
            if (!has_meaning(v, value)) {
                char place[96];
                describe_place(place, sizeof place, v, begin + i, level);
                return refuse_value(v, value, place);
            }
        }
    return STATUS_OK;
}

static int scatter(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
                   const float *rows, int64_t channels)
{
    char *to = (char *)a->data + begin * a->stride[0];
    struct loops l = loops_of(a, v, count, channels);
    if (DISPATCH(give, l, to, rows))
        return STATUS_OK;
    for (int64_t i = 0; i < count; ++i)
        for (int64_t level = 0; level < v->levels; ++level)
            if (!isfinite(rows[i * channels + level])) {
                char place[96];
                describe_place(place, sizeof place, v, begin + i, level);
                return refuse_result(v, (double)rows[i * channels + level], place);
            }
    return STATUS_OK;
}

static int run_blocks(int64_t n, const struct array *arrays, float *inputs, float *outputs)
{
    char reason[ROOM];
    for (int64_t begin = 0; begin < n; begin += surrogate_block) {
        int64_t count = n - begin < surrogate_block ? n - begin : surrogate_block;
        int64_t channel = 0;
        for (int v = 0; v < surrogate_input_count; channel += surrogate_inputs[v++].levels) {
            int status = gather(&arrays[v], &surrogate_inputs[v], begin, count, inputs + channel,
                                surrogate_input_channels);
            if (status)
                return status;
        }
        if (network_run(count, inputs, outputs, reason, ROOM))
            return fail(STATUS_NETWORK, "%s", reason);
        channel = 0;
        for (int v = 0; v < surrogate_output_count; channel += surrogate_outputs[v++].levels) {
            int status = scatter(&arrays[surrogate_input_count + v], &surrogate_outputs[v], begin,
                                 count, outputs + channel, surrogate_output_channels);
            if (status)
                return status;
        }
    }
    return STATUS_OK;
}

int surrogate_run(int64_t n, const struct array *arrays, int count)
{
    int64_t begun = now();
    int status = check_arrays(n, arrays, count);
    if (!status)
        status = ensure_loaded();
    if (status || !n)
        return status;
    int64_t rows = n < surrogate_block ? n : surrogate_block;
    size_t room = (size_t)(rows * (surrogate_input_channels + surrogate_output_channels));
    float *inputs = malloc(sizeof(float) * room);
    if (!inputs)
        return fail(STATUS_MEMORY, "out of memory");
    status = run_blocks(n, arrays, inputs, inputs + rows * surrogate_input_channels);
    free(inputs);
    count_call(n, begun);
    return status;
}

/* ---- Stored samples: (sample, channel) ---- */

int run_samples(float *found, char *reason, size_t room)
{
    return network_run(surrogate_sample_values / surrogate_output_channels,
                       surrogate_sample_inputs, found, reason, room);
}

int output_of_sample(int64_t i)
{
    int v = 0;
    for (i %= surrogate_output_channels; i >= surrogate_outputs[v].levels; ++v)
        i -= surrogate_outputs[v].levels;
    return v;
}
