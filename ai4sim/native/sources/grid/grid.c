/* Calls over fields on a grid: every argument is checked before the network runs. */
#include "library.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local int64_t cells_of_call[3];

static void lengths_of(int i, int64_t *length)
{
    (void)i;
    for (int axis = 0; axis < 3; ++axis)
        length[axis] = cells_of_call[axis];
}

static int check_arrays(const struct array *arrays, int count)
{
    int status = check_count(arrays, count);
    for (int i = 0; i < count && !status; ++i) {
        const char *name = variable_of(i)->name;
        if ((status = check_form(&arrays[i], name, 3)))
            return status;
        for (int axis = 0; axis < 3; ++axis) {
            int64_t cells = arrays[i].extent[axis];
            if (!i && (cells < surrogate_least_cells || cells > surrogate_most_cells))
                return fail(STATUS_ARGUMENT, "%s: %lld cells along axis %d, expected %lld ... %lld",
                            name, (long long)cells, axis + 1, (long long)surrogate_least_cells,
                            (long long)surrogate_most_cells);
            if (i && cells != cells_of_call[axis])
                return fail(STATUS_ARGUMENT, "%s: %lld cells along axis %d, %s has %lld", name,
                            (long long)cells, axis + 1, variable_of(0)->name,
                            (long long)cells_of_call[axis]);
            cells_of_call[axis] = cells;
        }
        status = check_memory(&arrays[i], name, cells_of_call);
    }
    return status ? status : check_overlaps(arrays, count, lengths_of);
}

static int check_parameters(const double *parameters)
{
    if (surrogate_parameter_count && !parameters)
        return fail(STATUS_ARGUMENT, "%s: no parameters were given", surrogate_parameters[0].name);
    for (int i = 0; i < surrogate_parameter_count; ++i)
        if (!has_meaning(&surrogate_parameters[i], parameters[i]))
            return refuse_value(&surrogate_parameters[i], parameters[i], "");
    return STATUS_OK;
}

static const char *place_of(char *place, size_t room, const int64_t *cell)
{
    snprintf(place, room, " at cell (%lld, %lld, %lld)", (long long)cell[0] + 1,
             (long long)cell[1] + 1, (long long)cell[2] + 1);
    return place;
}

static char *address_of(const struct array *a, const int64_t *cell)
{
    return (char *)a->data + cell[0] * a->stride[0] + cell[1] * a->stride[1] +
           cell[2] * a->stride[2];
}

/* Copy a field, continued by `halo` cells where it repeats; refuse values without meaning. */
static int gather(const struct array *a, const struct variable *v, const int64_t *halo, float *field)
{
    int64_t i[3], cell[3];
    const int64_t *n = a->extent;
    for (i[0] = -halo[0]; i[0] < n[0] + halo[0]; ++i[0])
        for (i[1] = -halo[1]; i[1] < n[1] + halo[1]; ++i[1])
            for (i[2] = -halo[2]; i[2] < n[2] + halo[2]; ++i[2]) {
                for (int axis = 0; axis < 3; ++axis)
                    cell[axis] = ((i[axis] % n[axis]) + n[axis]) % n[axis];
                const char *at = address_of(a, cell);
                double value = a->bytes == 8 ? *(const double *)at : (double)*(const float *)at;
                if (!has_meaning(v, value)) {
                    char place[96];
                    return refuse_value(v, value, place_of(place, sizeof place, cell));
                }
                *field++ = (float)value;
            }
    return STATUS_OK;
}

static int scatter(const struct array *a, const struct variable *v, const int64_t *halo,
                   const int64_t *size, const float *field)
{
    int64_t cell[3];
    for (cell[0] = 0; cell[0] < a->extent[0]; ++cell[0])
        for (cell[1] = 0; cell[1] < a->extent[1]; ++cell[1])
            for (cell[2] = 0; cell[2] < a->extent[2]; ++cell[2]) {
                float value = field[((cell[0] + halo[0]) * size[1] + cell[1] + halo[1]) * size[2] +
                                    cell[2] + halo[2]];
                if (!isfinite(value)) {
                    char place[96];
                    return refuse_result(v, (double)value, place_of(place, sizeof place, cell));
                }
                char *at = address_of(a, cell);
                if (a->bytes == 8)
                    *(double *)at = value;
                else
                    *(float *)at = value;
            }
    return STATUS_OK;
}

static int run_fields(const struct array *arrays, const double *parameters, const int64_t *halo)
{
    char reason[ROOM];
    int64_t size[3], cells = 1;
    for (int axis = 0; axis < 3; ++axis)
        cells *= size[axis] = cells_of_call[axis] + 2 * halo[axis];
    size_t fields = (size_t)(surrogate_input_count + surrogate_output_count);
    float *inputs = malloc(sizeof(float) * fields * (size_t)cells);
    if (!inputs)
        return fail(STATUS_MEMORY, "out of memory");
    float *outputs = inputs + surrogate_input_count * cells;
    int status = STATUS_OK;
    for (int v = 0; v < surrogate_input_count && !status; ++v)
        status = gather(&arrays[v], &surrogate_inputs[v], halo, inputs + v * cells);
    if (!status && network_run_grid(size, inputs, parameters, outputs, reason, ROOM))
        status = fail(STATUS_NETWORK, "%s", reason);
    for (int v = 0; v < surrogate_output_count && !status; ++v)
        status = scatter(&arrays[surrogate_input_count + v], &surrogate_outputs[v], halo, size,
                         outputs + v * cells);
    free(inputs);
    return status;
}

static int run(const struct array *arrays, int count, const double *parameters, const int *periodic)
{
    int64_t halo[3];
    int status = check_arrays(arrays, count);
    if (!status)
        status = check_parameters(parameters);
    if (!status)
        status = ensure_loaded();
    if (status)
        return status;
    for (int axis = 0; axis < 3; ++axis)
        halo[axis] = periodic && periodic[axis] ? surrogate_halo : 0;
    return run_fields(arrays, parameters, halo);
}

int surrogate_run_grid(const struct array *arrays, int count, const double *parameters,
                       const int *periodic)
{
    struct call call = begin_call();
    int status = run(arrays, count, parameters, periodic);
    return end_call(&call, cells_of_call[0] * cells_of_call[1] * cells_of_call[2], status);
}

/* ---- The stored sample: (channel, x, y, z) ---- */

int run_samples(float *found, char *reason, size_t room)
{
    return network_run_grid(surrogate_sample_size, surrogate_sample_inputs,
                            surrogate_sample_parameters, found, reason, room);
}

int output_of_sample(int64_t i)
{
    return (int)(i / (surrogate_sample_size[0] * surrogate_sample_size[1] * surrogate_sample_size[2]));
}
