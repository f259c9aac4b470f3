/* What all surrogates have: loading, stored samples, messages, counters. */
#define _GNU_SOURCE
#include "library.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double TOLERANCE = 1e-5; /* of stored answers, relative to the range of an output */

static _Thread_local char message[ROOM] = "";
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
static atomic_int loaded = 0;
static int loaded_instances, loaded_threads;
static atomic_llong total_calls = 0, total_places = 0, total_nanoseconds = 0;

int fail(int status, const char *format, ...)
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
    float *found = malloc(sizeof(float) * (size_t)surrogate_sample_values);
    char reason[ROOM];
    if (!found)
        return fail(STATUS_MEMORY, "out of memory");
    int status =
        run_samples(found, reason, ROOM) ? fail(STATUS_NETWORK, "%s", reason) : STATUS_OK;
    for (int64_t i = 0; i < surrogate_sample_values && !status; ++i) {
        int v = output_of_sample(i);
        double stored = surrogate_sample_outputs[i];
        /* Written so that NaN fails. */
        if (!(fabs(found[i] - stored) <= TOLERANCE * surrogate_output_ranges[v]))
            status = fail(STATUS_CHECK,
                          "the loaded network returns %s = %g for a stored sample, expected %g: the "
                          "library was damaged or made for another processor; couple the "
                          "experiment again on this machine",
                          surrogate_outputs[v].name, (double)found[i], stored);
    }
    free(found);
    return status;
}

static int load(int instances, int threads, int again)
{
    char folder[4096], reason[ROOM];
    int status = STATUS_OK;
    pthread_mutex_lock(&loading);
    if (atomic_load(&loaded)) {
        if (!again && (instances != loaded_instances || threads != loaded_threads))
            status = fail(STATUS_ARGUMENT,
                          "instances = %d, threads = %d: the network is loaded already, with "
                          "instances = %d, threads = %d; load it before the first call, or call "
                          "%s_free first",
                          instances, threads, loaded_instances, loaded_threads, surrogate_name);
    } else {
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
        loaded_instances = instances;
        loaded_threads = threads;
        atomic_store(&loaded, status == STATUS_OK);
    }
    pthread_mutex_unlock(&loading);
    return status;
}

int surrogate_load(int instances, int threads)
{
    if (instances < 1 || threads < 1)
        return fail(STATUS_ARGUMENT, "instances = %d, threads = %d: expected at least 1", instances,
                    threads);
    struct call call = begin_call();
    return end_call(&call, 0, load(instances, threads, 0));
}

void surrogate_free(void)
{
    pthread_mutex_lock(&loading);
    if (atomic_exchange(&loaded, 0))
        network_close();
    pthread_mutex_unlock(&loading);
}

int ensure_loaded(void)
{
    return atomic_load_explicit(&loaded, memory_order_acquire) ? STATUS_OK : load(1, 1, 1);
}

/* ---- Calls and their counters ---- */

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct call begin_call(void)
{
    struct call call = {.begun = now()};
    fegetenv(&call.host);
    fesetenv(FE_DFL_ENV);
    return call;
}

int end_call(const struct call *call, int64_t places, int status)
{
    if (places && !status) {
        atomic_fetch_add_explicit(&total_calls, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&total_places, places, memory_order_relaxed);
        atomic_fetch_add_explicit(&total_nanoseconds, now() - call->begun, memory_order_relaxed);
    }
    fesetenv(&call->host);
    return status;
}

void surrogate_counters(int64_t *calls, int64_t *places, double *seconds)
{
    if (calls)
        *calls = atomic_load(&total_calls);
    if (places)
        *places = atomic_load(&total_places);
    if (seconds)
        *seconds = (double)atomic_load(&total_nanoseconds) * 1e-9;
}
