/* Load the network, which the first call does otherwise, with one instance: `instances` calls can
 * run at the same time (more wait), each on `threads` threads. */
int {{ r.name }}_load(int instances, int threads);

/* The message of this thread's last error. */
const char *{{ r.name }}_message(void);

/* Calls, {{ places }} and seconds since the program began, of all threads together. */
void {{ r.name }}_counters(int64_t *calls, int64_t *{{ places }}, double *seconds);

/* Release the network; no other call may be running. */
void {{ r.name }}_free(void);

