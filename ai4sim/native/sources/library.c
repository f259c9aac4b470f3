/* Calls of a surrogate over a host's arrays: every argument is checked before the network runs. */
#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROOM 512
static const double TOLERANCE = 1e-5; /* of stored answers, relative to the range of an output */

static _Thread_local char message[ROOM] = "";
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static atomic_int loaded = 0;
static atomic_llong total_calls = 0, total_columns = 0, total_nanoseconds = 0;

static int fail(int status, const char *format, ...)
{
    va_list arguments;
    int begun = snprintf(message, ROOM, "%s: ", surrogate_name);
    va_start(arguments, format);
    vsnprintf(message + begun, ROOM - (size_t)begun, format, arguments);
    va_end(arguments);
    return status;
}

const char *surrogate_message(void) { return message; }

/* ---- Loading ---- */

static int folder_of_library(char *folder, size_t room)
{
    Dl_info found;
    if (!dladdr((const void *)&surrogate_load, &found) || !found.dli_fname)
        return fail(STATUS_LOAD, "cannot find out where the library lies");
    char *path = realpath(found.dli_fname, NULL);
    const char *name = path ? path : found.dli_fname;
    const char *slash = strrchr(name, '/');
    size_t length = slash ? (size_t)(slash - name) : 1;
    int fits = length < room;
    if (fits) {
        memcpy(folder, slash ? name : ".", length);
        folder[length] = '\0';
    }
    free(path);
    return fits ? STATUS_OK : fail(STATUS_LOAD, "the path of the library is too long");
}

/* Compare what the network returns for the stored samples with the stored answers. */
static int compare_with_samples(void)
{
    int64_t n = surrogate_sample_count, channels = surrogate_output_channels;
    float *found = malloc(sizeof(float) * (size_t)(n * channels));
    char reason[ROOM];
    if (!found)
        return fail(STATUS_MEMORY, "out of memory");
    int status = network_run(n, surrogate_sample_inputs, found, reason, ROOM)
                     ? fail(STATUS_NETWORK, "%s", reason)
                     : STATUS_OK;
    int64_t channel = 0;
    for (int v = 0; v < surrogate_output_count && !status; ++v)
        for (int64_t level = 0; level < surrogate_outputs[v].levels && !status; ++level, ++channel)
            for (int64_t i = 0; i < n && !status; ++i) {
                float stored = surrogate_sample_outputs[i * channels + channel];
                float value = found[i * channels + channel];
                /* Written so that NaN fails. */
                if (!(fabs((double)value - stored) <= TOLERANCE * surrogate_output_ranges[v]))
                    status = fail(STATUS_CHECK,
                                  "the loaded network returns %s = %g for stored sample %lld, "
                                  "expected %g: the library was damaged or made for another "
                                  "processor; couple the experiment again on this machine",
                                  surrogate_outputs[v].name, (double)value, (long long)i + 1,
                                  (double)stored);
            }
    free(found);
    return status;
}

int surrogate_load(int instances, int threads)
{
    char folder[4096], reason[ROOM];
    int status = STATUS_OK;
    if (instances < 1 || threads < 1)
        return fail(STATUS_ARGUMENT, "instances = %d, threads = %d: expected at least 1", instances,
                    threads);
    pthread_mutex_lock(&loading);
    if (!atomic_load(&loaded)) {
        const char *lacking = surrogate_lacking();
        status = lacking ? fail(STATUS_LOAD,
                                "this processor lacks %s, which the library was compiled for; couple "
                                "the experiment for it: --processor x86-64-v3, say",
                                lacking)
                         : folder_of_library(folder, sizeof folder);
        if (!status && network_open(folder, instances, threads, reason, ROOM))
            status = fail(STATUS_LOAD, "%s", reason);
        if (!status && (status = compare_with_samples()))
            network_close();
        atomic_store(&loaded, status == STATUS_OK);
    }
    pthread_mutex_unlock(&loading);
    return status;
}

void surrogate_free(void)
{
    pthread_mutex_lock(&loading);
    if (atomic_exchange(&loaded, 0))
        network_close();
    pthread_mutex_unlock(&loading);
}

/* ---- Arrays ---- */

static const struct variable *variable_of(int i)
{
    return i < surrogate_input_count ? &surrogate_inputs[i]
                                     : &surrogate_outputs[i - surrogate_input_count];
}

/* The first and the last byte of n columns of an array. */
static void extent_of(const struct array *a, int64_t n, const char **first, const char **last)
{
    const char *low = a->data, *high = low + a->bytes;
    for (int axis = 0; axis < a->rank; ++axis) {
        int64_t span = ((axis ? a->extent[axis] : n) - 1) * a->stride[axis];
        if (span < 0)
            low += span;
        else
            high += span;
    }
    *first = low;
    *last = high;
}

static int check_array(int64_t n, const struct array *a, const struct variable *v)
{
    int rank = v->profile ? 2 : 1;
    if (!a->data)
        return fail(STATUS_ARGUMENT, "%s: no array was given", v->name);
    if (a->bytes != 4 && a->bytes != 8)
        return fail(STATUS_ARGUMENT, "%s: values of %d bytes, expected 4 or 8", v->name,
                    (int)a->bytes);
    if (a->rank != rank)
        return fail(STATUS_ARGUMENT, "%s: an array of %d axes, expected %d", v->name, (int)a->rank,
                    rank);
    if (a->extent[0] < n)
        return fail(STATUS_ARGUMENT, "%s: an array of %lld columns, expected at least n = %lld",
                    v->name, (long long)a->extent[0], (long long)n);
    if (rank == 2 && a->extent[1] != v->levels)
        return fail(STATUS_ARGUMENT, "%s: an array of %lld levels, expected %lld", v->name,
                    (long long)a->extent[1], (long long)v->levels);
    for (int axis = 0; axis < rank; ++axis) {
        int64_t length = axis ? a->extent[axis] : n, least = a->bytes;
        if (length > 1 && llabs(a->stride[axis]) < least)
            return fail(STATUS_ARGUMENT,
                        "%s: a stride of %lld bytes along %s, expected at least %lld", v->name,
                        (long long)a->stride[axis], axis ? "the levels" : "the columns",
                        (long long)least);
    }
    if ((uintptr_t)a->data % (uintptr_t)a->bytes)
        return fail(STATUS_ARGUMENT, "%s: its address is not a multiple of %d bytes", v->name,
                    (int)a->bytes);
    return STATUS_OK;
}

static int check_arrays(int64_t n, const struct array *arrays, int count)
{
    int expected = surrogate_input_count + surrogate_output_count;
    if (count != expected)
        return fail(STATUS_ARGUMENT, "%d arrays, expected %d", count, expected);
    if (n < 0)
        return fail(STATUS_ARGUMENT, "n = %lld, expected at least 0", (long long)n);
    for (int i = 0; n && i < count; ++i) {
        int status = check_array(n, &arrays[i], variable_of(i));
        if (status)
            return status;
    }
    /* Interleaved arrays, such as the columns of one larger array, share a range of addresses but
     * no value; only ranges that begin or end at one place are certain to. */
    for (int i = surrogate_input_count; n && i < count; ++i)
        for (int k = 0; k < i; ++k) {
            const char *first, *last, *other_first, *other_last;
            extent_of(&arrays[i], n, &first, &last);
            extent_of(&arrays[k], n, &other_first, &other_last);
            if (first == other_first || last == other_last)
                return fail(STATUS_ARGUMENT, "%s and %s are the same memory", variable_of(k)->name,
                            variable_of(i)->name);
        }
    return STATUS_OK;
}

static int refuse_value(const struct variable *v, double value, int64_t column, int64_t level)
{
    char place[96];
    if (v->profile)
        snprintf(place, sizeof place, "column %lld, level %lld", (long long)column + 1,
                 (long long)level + 1);
    else
        snprintf(place, sizeof place, "column %lld", (long long)column + 1);
    if (!isfinite(value))
        return fail(STATUS_NOT_FINITE, "%s is %s at %s", v->name,
                    isnan(value) ? "NaN" : "infinite", place);
    return fail(STATUS_RANGE, "%s is %g %s at %s, expected %g ... %g %s", v->name, value, v->units,
                place, v->lowest, v->highest, v->units);
}

/* Copy `count` columns from `begin` on into rows of channels; refuse values without meaning. */
static int gather(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
                  float *rows, int64_t channels)
{
    for (int64_t i = 0; i < count; ++i) {
        const char *from = (const char *)a->data + (begin + i) * a->stride[0];
        for (int64_t level = 0; level < v->levels; ++level) {
            const char *at = v->profile ? from + level * a->stride[1] : from;
            double value = a->bytes == 8 ? *(const double *)at : (double)*(const float *)at;
            /* Written so that NaN fails. */
            if (!(value >= v->lowest && value <= v->highest && fabs(value) <= FLT_MAX))
                return refuse_value(v, value, begin + i, level);
            rows[i * channels + level] = (float)value;
        }
    }
    return STATUS_OK;
}

static int scatter(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
                   const float *rows, int64_t channels)
{
    for (int64_t i = 0; i < count; ++i) {
        char *to = (char *)a->data + (begin + i) * a->stride[0];
        for (int64_t level = 0; level < v->levels; ++level) {
            char *at = v->profile ? to + level * a->stride[1] : to;
            float value = rows[i * channels + level];
            if (!isfinite(value))
                return fail(STATUS_RESULT, "the network returned %s = %g at column %lld",
                            v->name, (double)value, (long long)(begin + i) + 1);
            if (a->bytes == 8)
                *(double *)at = value;
            else
                *(float *)at = value;
        }
    }
    return STATUS_OK;
}

/* ---- Calls ---- */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
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
    if (!status && !atomic_load_explicit(&loaded, memory_order_acquire))
        status = surrogate_load(1, 1);
    if (status || !n)
        return status;
    int64_t rows = n < surrogate_block ? n : surrogate_block;
    size_t room = (size_t)(rows * (surrogate_input_channels + surrogate_output_channels));
    float *inputs = malloc(sizeof(float) * room);
    if (!inputs)
        return fail(STATUS_MEMORY, "out of memory");
    status = run_blocks(n, arrays, inputs, inputs + rows * surrogate_input_channels);
    free(inputs);
    atomic_fetch_add_explicit(&total_calls, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&total_columns, n, memory_order_relaxed);
    atomic_fetch_add_explicit(&total_nanoseconds, now() - begun, memory_order_relaxed);
    return status;
}

void surrogate_counters(int64_t *calls, int64_t *columns, double *seconds)
{
    *calls = atomic_load(&total_calls);
    *columns = atomic_load(&total_columns);
    *seconds = (double)atomic_load(&total_nanoseconds) * 1e-9;
}
