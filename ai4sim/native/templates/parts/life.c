EXPORTED int {{ r.name }}_load(int instances, int threads)
{
    return surrogate_load(instances, threads);
}

EXPORTED const char *{{ r.name }}_message(void) { return surrogate_message(); }

EXPORTED void {{ r.name }}_counters(int64_t *calls, int64_t *{{ places }}, double *seconds)
{
    surrogate_counters(calls, {{ places }}, seconds);
}

EXPORTED void {{ r.name }}_free(void) { surrogate_free(); }
