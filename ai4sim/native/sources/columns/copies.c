/* Copies between arrays and rows of channels. They run after the processor was checked, as the network
 * does, and are compiled for the same one. */
#include "copies.h"

#include <math.h>
#include <stdio.h>

static void describe_place(char *place, size_t room, const struct variable *v, int64_t column,
                           int64_t level)
{
    if (v->profile)
        snprintf(place, room, " at column %lld, level %lld", (long long)column + 1,
                 (long long)level + 1);
    else
        snprintf(place, room, " at column %lld", (long long)column + 1);
}

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

int gather(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
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

int scatter(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
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
