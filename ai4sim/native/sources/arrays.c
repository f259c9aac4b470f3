/* What must hold of any array of a host. */
#include "library.h"

#include <math.h>
#include <stdlib.h>

const struct variable *variable_of(int i)
{
    return i < surrogate_input_count ? &surrogate_inputs[i]
                                     : &surrogate_outputs[i - surrogate_input_count];
}

int check_count(const struct array *arrays, int count)
{
    int expected = surrogate_input_count + surrogate_output_count;
    return count != expected ? fail(STATUS_ARGUMENT, "%d arrays, expected %d", count, expected)
           : arrays          ? STATUS_OK
                             : fail(STATUS_ARGUMENT, "no descriptions of arrays were given");
}

int check_form(const struct array *a, const char *name, int rank)
{
    if (!a || !a->data)
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

/* ---- Memory that arrays share ---- */

/* Where the values that are used lie: strides are positive, the largest one first. */
struct layout {
    const char *first, *end;
    int64_t stride[3], length[3];
    int rank, bytes;
};

static struct layout layout_of(const struct array *a, const int64_t *length)
{
    struct layout l = {.first = a->data, .end = (const char *)a->data + a->bytes, .bytes = a->bytes};
    for (int axis = 0; axis < a->rank; ++axis) {
        int64_t stride = a->stride[axis], n = length[axis], span = (n - 1) * stride;
        if (n < 2)
            continue;
        l.first += span < 0 ? span : 0;
        l.end += span > 0 ? span : 0;
        stride = llabs(stride);
        int k = l.rank++;
        for (; k && l.stride[k - 1] < stride; --k) {
            l.stride[k] = l.stride[k - 1];
            l.length[k] = l.length[k - 1];
        }
        l.stride[k] = stride;
        l.length[k] = n;
    }
    return l;
}

/* Whether each value has memory of its own: the values along an axis lie between two along the axis
 * of the next larger stride. */
static int is_nested(const struct layout *l)
{
    int64_t inside = l->bytes;
    for (int axis = l->rank - 1; axis >= 0; --axis) {
        if (l->stride[axis] < inside)
            return 0;
        inside += (l->length[axis] - 1) * l->stride[axis];
    }
    return 1;
}

static int64_t floor_of(int64_t a, int64_t b) { return a / b - (a % b < 0); } /* a / b, b > 0 */

/* Whether a value of `y` and one of `x`, whose distance is `distance` so far, have a byte in common
 * for some of the steps along the axes that are left. A step k of the larger stride is tried where
 * the others can make up for the rest. */
static int meet(const struct layout *x, int x_axis, const struct layout *y, int y_axis,
                int64_t distance)
{
    if (x_axis == x->rank && y_axis == y->rank)
        return distance > -y->bytes && distance < x->bytes;
    int of_x = y_axis == y->rank || (x_axis < x->rank && x->stride[x_axis] > y->stride[y_axis]);
    int both = x_axis < x->rank && y_axis < y->rank && x->stride[x_axis] == y->stride[y_axis];
    int64_t stride = of_x ? x->stride[x_axis] : y->stride[y_axis];
    int64_t least = of_x || both ? 1 - x->length[x_axis] : 0;
    int64_t most = of_x ? 0 : y->length[y_axis] - 1;
    x_axis += of_x || both;
    y_axis += !of_x;
    int64_t before = y->bytes - 1, after = x->bytes - 1; /* bytes that the rest can make up for */
    for (int axis = x_axis; axis < x->rank; ++axis)
        after += (x->length[axis] - 1) * x->stride[axis];
    for (int axis = y_axis; axis < y->rank; ++axis)
        before += (y->length[axis] - 1) * y->stride[axis];
    int64_t from = -floor_of(distance + before, stride), to = floor_of(after - distance, stride);
    for (int64_t k = from > least ? from : least; k <= to && k <= most; ++k)
        if (meet(x, x_axis, y, y_axis, distance + k * stride))
            return 1;
    return 0;
}

/* Interleaved arrays, such as the parts of one larger array, share a range of addresses but no
 * value. */
int check_overlaps(const struct array *arrays, int count, void (*lengths)(int, int64_t *))
{
    struct layout layouts[count];
    for (int i = 0; i < count; ++i) {
        int64_t length[3];
        lengths(i, length);
        layouts[i] = layout_of(&arrays[i], length);
    }
    for (int i = surrogate_input_count; i < count; ++i) {
        const struct layout *x = &layouts[i];
        if (!is_nested(x))
            return fail(STATUS_ARGUMENT, "%s: its strides give several values the same memory",
                        variable_of(i)->name);
        for (int k = 0; k < i; ++k) {
            const struct layout *y = &layouts[k];
            if (x->first < y->end && y->first < x->end && meet(x, 0, y, 0, y->first - x->first))
                return fail(STATUS_ARGUMENT, "%s and %s share memory", variable_of(k)->name,
                            variable_of(i)->name);
        }
    }
    return STATUS_OK;
}

int refuse_value(const struct variable *v, double value, const char *place)
{
    if (!isfinite(value))
        return fail(STATUS_NOT_FINITE, "%s is %s%s", v->name, isnan(value) ? "NaN" : "infinite",
                    place);
    return fail(STATUS_RANGE, "%s is %g %s%s, expected %g ... %g %s", v->name, value, v->units,
                place, fmax(v->lowest, -FLT_MAX), fmin(v->highest, FLT_MAX), v->units);
}

int refuse_result(const struct variable *v, double value, const char *place)
{
    return fail(STATUS_RESULT, "the network returned %s = %g%s", v->name, value, place);
}
