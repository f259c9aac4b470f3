/* What must hold of any array of a host. */
#include "library.h"

#include <math.h>
#include <stdlib.h>

const struct variable *variable_of(int i)
{
    return i < surrogate_input_count ? &surrogate_inputs[i]
                                     : &surrogate_outputs[i - surrogate_input_count];
}

int check_count(int count)
{
    int expected = surrogate_input_count + surrogate_output_count;
    return count == expected ? STATUS_OK
                             : fail(STATUS_ARGUMENT, "%d arrays, expected %d", count, expected);
}

int check_form(const struct array *a, const char *name, int rank)
{
    if (!a->data)
        return fail(STATUS_ARGUMENT, "%s: no array was given", name);
    if (a->bytes != 4 && a->bytes != 8)
        return fail(STATUS_ARGUMENT, "%s: values of %d bytes, expected 4 or 8", name,
                    (int)a->bytes);
    if (a->rank != rank)
        return fail(STATUS_ARGUMENT, "%s: an array of %d axes, expected %d", name, (int)a->rank,
                    rank);
    return STATUS_OK;
}

int check_memory(const struct array *a, const char *name, const int64_t *length)
{
    for (int axis = 0; axis < a->rank; ++axis)
        if (length[axis] > 1 && llabs(a->stride[axis]) < a->bytes)
            return fail(STATUS_ARGUMENT,
                        "%s: a stride of %lld bytes along axis %d, expected at least %d", name,
                        (long long)a->stride[axis], axis + 1, (int)a->bytes);
    if ((uintptr_t)a->data % (uintptr_t)a->bytes)
        return fail(STATUS_ARGUMENT, "%s: its address is not a multiple of %d bytes", name,
                    (int)a->bytes);
    return STATUS_OK;
}

/* The first and the last byte of the values that are used. */
static void span_of(const struct array *a, const int64_t *length, const char **first,
                    const char **last)
{
    const char *low = a->data, *high = low + a->bytes;
    for (int axis = 0; axis < a->rank; ++axis) {
        int64_t span = (length[axis] - 1) * a->stride[axis];
        if (span < 0)
            low += span;
        else
            high += span;
    }
    *first = low;
    *last = high;
}

/* Interleaved arrays, such as the parts of one larger array, share a range of addresses but no
 * value; ranges that begin or end at one place share a value. */
int check_overlaps(const struct array *arrays, int count, void (*lengths)(int, int64_t *))
{
    for (int i = surrogate_input_count; i < count; ++i)
        for (int k = 0; k < i; ++k) {
            const char *first, *last, *other_first, *other_last;
            int64_t length[3];
            lengths(i, length);
            span_of(&arrays[i], length, &first, &last);
            lengths(k, length);
            span_of(&arrays[k], length, &other_first, &other_last);
            if (first == other_first || last == other_last)
                return fail(STATUS_ARGUMENT, "%s and %s are the same memory", variable_of(k)->name,
                            variable_of(i)->name);
        }
    return STATUS_OK;
}

int refuse_value(const struct variable *v, double value, const char *place)
{
    if (!isfinite(value))
        return fail(STATUS_NOT_FINITE, "%s is %s%s", v->name, isnan(value) ? "NaN" : "infinite",
                    place);
    return fail(STATUS_RANGE, "%s is %g %s%s, expected %g ... %g %s", v->name, value, v->units,
                place, v->lowest, v->highest, v->units);
}

int refuse_result(const struct variable *v, double value, const char *place)
{
    return fail(STATUS_RESULT, "the network returned %s = %g%s", v->name, value, place);
}
