/* Grids that the host describes once, and calls over the fields on them. */
#include "library.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64 }; /* sets, inputs, outputs or tables */
static const double ROUND_OFF = 1e-3; /* of sums that must be some number */

struct grids {
    int64_t size[MOST];
    void *table[MOST]; /* float, or int64_t from 0 */
};

static const char *address_of(const struct array *a, const int64_t *i)
{
    const char *p = a->data;
    for (int axis = 0; axis < a->rank; ++axis)
        p += i[axis] * a->stride[axis];
    return p;
}

static double number_at(const struct array *a, const int64_t *i)
{
    const char *p = address_of(a, i);
    return a->bytes == 8 ? *(const double *)p : (double)*(const float *)p;
}

static int64_t integer_at(const struct array *a, const int64_t *i)
{
    const char *p = address_of(a, i);
    return a->bytes == 8 ? *(const int64_t *)p : (int64_t)*(const int32_t *)p;
}

/* ---- Tables ---- */

static void release(struct grids *grids)
{
    if (grids) {
        for (int i = 0; i < surrogate_table_count; ++i)
            free(grids->table[i]);
        free(grids);
    }
}

static int check_sizes(const int64_t *sizes)
{
    for (int i = 0; i < surrogate_set_count; ++i)
        if (sizes[i] < 2 || sizes[i] > surrogate_most_nodes)
            return fail(STATUS_ARGUMENT, "%s = %lld, expected 2 ... %lld", surrogate_sets[i],
                        (long long)sizes[i], (long long)surrogate_most_nodes);
    return STATUS_OK;
}

static int check_table(const struct table *t, const struct array *a, const int64_t *sizes)
{
    int status = check_form(a, t->name, 1 + t->rank);
    if (status)
        return status;
    for (int axis = 0; axis <= t->rank; ++axis) {
        int64_t expected = axis ? t->width[axis - 1] : sizes[t->set];
        if (a->extent[axis] != expected)
            return fail(STATUS_ARGUMENT, "%s: %lld values along axis %d, expected %lld%s%s", t->name,
                        (long long)a->extent[axis], axis + 1, (long long)expected,
                        axis ? "" : ", as many as ", axis ? "" : surrogate_sets[t->set]);
    }
    return check_memory(a, t->name, a->extent);
}

static int take_number(const struct table *t, int64_t number, int64_t place, int first,
                       const int64_t *sizes, int64_t *taken)
{
    if (number < first || number >= sizes[t->to] + first)
        return fail(STATUS_ARGUMENT,
                    "%s: place %lld names number %lld of %s, expected %d ... %lld, as first = %d "
                    "says%s",
                    t->name, (long long)place + 1, (long long)number, surrogate_sets[t->to], first,
                    (long long)(sizes[t->to] + first - 1), first,
                    first == 1 && number == 0               ? ": they seem to be counted from 0"
                    : first == 0 && number == sizes[t->to] ? ": they seem to be counted from 1"
                                                            : "");
    *taken = number - first;
    return STATUS_OK;
}

static int take_value(const struct table *t, double value, int64_t place, float *taken)
{
    if (!isfinite(value))
        return fail(STATUS_NOT_FINITE, "%s is %s at place %lld", t->name,
                    isnan(value) ? "NaN" : "infinite", (long long)place + 1);
    if (value < t->lowest || value > t->highest)
        return fail(STATUS_RANGE, "%s is %g %s at place %lld, expected %g ... %g %s", t->name, value,
                    t->units, (long long)place + 1, t->lowest, t->highest, t->units);
    *taken = (float)value;
    return STATUS_OK;
}

static int take_table(const struct table *t, const struct array *a, int first, const int64_t *sizes,
                      void *taken)
{
    int64_t i[3], k = 0;
    for (i[0] = 0; i[0] < sizes[t->set]; ++i[0]) {
        double sum = 0;
        for (i[1] = 0; i[1] < t->width[0]; ++i[1])
            for (i[2] = 0; i[2] < t->width[1]; ++i[2], ++k) {
                int status = t->to < 0
                                 ? take_value(t, number_at(a, i), i[0], (float *)taken + k)
                                 : take_number(t, integer_at(a, i), i[0], first, sizes,
                                               (int64_t *)taken + k);
                if (status)
                    return status;
                if (t->to < 0)
                    sum += ((float *)taken)[k];
            }
        if (fabs(sum - t->total) > ROUND_OFF)
            return fail(STATUS_RANGE, "%s: the values of place %lld add up to %g, expected %g",
                        t->name, (long long)i[0] + 1, sum, t->total);
    }
    return STATUS_OK;
}

static int make(const int64_t *sizes, const struct array *tables, int count, int first, int *grids)
{
    if (count != surrogate_table_count)
        return fail(STATUS_ARGUMENT, "%d tables, expected %d", count, surrogate_table_count);
    if (first != 0 && first != 1)
        return fail(STATUS_ARGUMENT,
                    "first = %d: expected 0 or 1, the number of the first place in tables", first);
    if (!sizes || !tables)
        return fail(STATUS_ARGUMENT, "no %s were given", sizes ? "tables" : "sizes");
    int status = check_sizes(sizes);
    for (int i = 0; i < count && !status; ++i)
        status = check_table(&surrogate_tables[i], &tables[i], sizes);
    if (status)
        return status;
    struct grids *made = calloc(1, sizeof *made);
    if (!made)
        return fail(STATUS_MEMORY, "out of memory");
    for (int i = 0; i < surrogate_set_count; ++i)
        made->size[i] = sizes[i];
    for (int i = 0; i < count && !status; ++i) {
        const struct table *t = &surrogate_tables[i];
        size_t bytes = t->to < 0 ? sizeof(float) : sizeof(int64_t);
        made->table[i] = malloc(bytes * (size_t)(sizes[t->set] * t->width[0] * t->width[1]));
        status = made->table[i] ? take_table(t, &tables[i], first, sizes, made->table[i])
                                : fail(STATUS_MEMORY, "out of memory");
    }
    if (!status)
        status = keep(made, grids);
    if (status)
        release(made);
    return status;
}

int surrogate_make_grids(const int64_t *sizes, const struct array *tables, int count, int first,
                         int *grids)
{
    if (!grids)
        return fail(STATUS_ARGUMENT, "grids: no place for their number was given");
    *grids = 0;
    struct call call = begin_call();
    return end_call(&call, 0, make(sizes, tables, count, first, grids));
}

int surrogate_free_grids(int grids)
{
    struct grids *found = numbered(grids, "grids", 1);
    release(found);
    return found ? STATUS_OK : STATUS_ARGUMENT;
}

const int64_t *surrogate_sizes_of(int grids)
{
    const struct grids *found = numbered(grids, "grids", 0);
    return found ? found->size : NULL;
}

/* ---- Calls ---- */

static _Thread_local const struct grids *grids_of_call;

static void lengths_of(int i, int64_t *length)
{
    length[0] = grids_of_call->size[surrogate_set_of[i]];
    length[1] = variable_of(i)->levels;
}

static int check_arrays(const struct array *arrays, int count)
{
    int status = check_count(arrays, count);
    for (int i = 0; i < count && !status; ++i) {
        const struct variable *v = variable_of(i);
        int64_t length[2];
        lengths_of(i, length);
        if ((status = check_form(&arrays[i], v->name, v->profile ? 2 : 1)))
            return status;
        if (arrays[i].extent[0] != length[0])
            return fail(STATUS_ARGUMENT, "%s: %lld places, the grids have %s = %lld", v->name,
                        (long long)arrays[i].extent[0], surrogate_sets[surrogate_set_of[i]],
                        (long long)length[0]);
        if (v->profile && arrays[i].extent[1] != v->levels)
            return fail(STATUS_ARGUMENT, "%s: an array of %lld levels, expected %lld", v->name,
                        (long long)arrays[i].extent[1], (long long)v->levels);
        status = check_memory(&arrays[i], v->name, length);
    }
    return status ? status : check_overlaps(arrays, count, lengths_of);
}

static const char *place_of(char *place, size_t room, int i, const int64_t *at)
{
    int length = snprintf(place, room, " at place %lld of %s", (long long)at[0] + 1,
                          surrogate_sets[surrogate_set_of[i]]);
    if (variable_of(i)->profile)
        snprintf(place + length, room - (size_t)length, ", level %lld", (long long)at[1] + 1);
    return place;
}

static int gather(const struct array *a, int i, float *values)
{
    int64_t length[2], at[2];
    char place[128];
    lengths_of(i, length);
    for (at[0] = 0; at[0] < length[0]; ++at[0])
        for (at[1] = 0; at[1] < length[1]; ++at[1]) {
            double value = number_at(a, at);
            if (!has_meaning(variable_of(i), value))
                return refuse_value(variable_of(i), value, place_of(place, sizeof place, i, at));
            *values++ = (float)value;
        }
    return STATUS_OK;
}

static int scatter(const struct array *a, int i, const float *values)
{
    int64_t length[2], at[2];
    char place[128];
    lengths_of(i, length);
    for (at[0] = 0; at[0] < length[0]; ++at[0])
        for (at[1] = 0; at[1] < length[1]; ++at[1]) {
            float value = *values++;
            if (!isfinite(value))
                return refuse_result(variable_of(i), (double)value,
                                     place_of(place, sizeof place, i, at));
            char *p = (char *)(uintptr_t)address_of(a, at);
            if (a->bytes == 8)
                *(double *)p = value;
            else
                *(float *)p = value;
        }
    return STATUS_OK;
}

static int run_fields(const struct array *arrays, int count)
{
    char reason[ROOM];
    int64_t length[2], total = 0, begin[2 * MOST];
    for (int i = 0; i < count; ++i) {
        lengths_of(i, length);
        begin[i] = total;
        total += length[0] * length[1];
    }
    float *values = malloc(sizeof(float) * (size_t)total);
    if (!values)
        return fail(STATUS_MEMORY, "out of memory");
    const float *inputs[MOST];
    int status = STATUS_OK;
    for (int i = 0; i < surrogate_input_count && !status; ++i) {
        inputs[i] = values + begin[i];
        status = gather(&arrays[i], i, values + begin[i]);
    }
    if (!status && network_run_exchange(grids_of_call->size, inputs,
                                        (const void *const *)grids_of_call->table,
                                        values + begin[surrogate_input_count], reason, ROOM))
        status = fail(STATUS_NETWORK, "%s", reason);
    for (int i = surrogate_input_count; i < count && !status; ++i)
        status = scatter(&arrays[i], i, values + begin[i]);
    free(values);
    return status;
}

static int run(const struct array *arrays, int count)
{
    int status = check_arrays(arrays, count);
    if (!status)
        status = ensure_loaded();
    return status ? status : run_fields(arrays, count);
}

int surrogate_run_exchange(int grids, const struct array *arrays, int count)
{
    grids_of_call = numbered(grids, "grids", 0);
    if (!grids_of_call)
        return STATUS_ARGUMENT;
    struct call call = begin_call();
    return end_call(&call, grids_of_call->size[0], run(arrays, count));
}

/* ---- The stored sample: one output after the other ---- */

int run_samples(float *found, char *reason, size_t room)
{
    const float *inputs[MOST], *values = surrogate_sample_inputs, *reals = surrogate_sample_reals;
    const int64_t *numbers = surrogate_sample_numbers;
    const void *tables[MOST];
    for (int i = 0; i < surrogate_input_count; ++i) {
        inputs[i] = values;
        values += surrogate_sample_sizes[surrogate_set_of[i]] * surrogate_inputs[i].levels;
    }
    for (int i = 0; i < surrogate_table_count; ++i) {
        const struct table *t = &surrogate_tables[i];
        int64_t length = surrogate_sample_sizes[t->set] * t->width[0] * t->width[1];
        tables[i] = t->to < 0 ? (const void *)reals : (const void *)numbers;
        reals += t->to < 0 ? length : 0;
        numbers += t->to < 0 ? 0 : length;
    }
    return network_run_exchange(surrogate_sample_sizes, inputs, tables, found, reason, room);
}

int output_of_sample(int64_t i)
{
    int v = 0;
    for (int64_t last = 0; v < surrogate_output_count; ++v) {
        last += surrogate_sample_sizes[surrogate_set_of[surrogate_input_count + v]] *
                surrogate_outputs[v].levels;
        if (i < last)
            break;
    }
    return v;
}
