/* Calls over columns: every argument is checked before the network runs, in blocks. */
#include "copies.h"

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
    int status = check_count(arrays, count);
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

static int run(int64_t n, const struct array *arrays, int count)
{
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
    return status;
}

int surrogate_run(int64_t n, const struct array *arrays, int count)
{
    struct call call = begin_call();
    return end_call(&call, n, run(n, arrays, count));
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
