/* The parts of a surrogate's library: its tables, the network behind it, and calls over arrays.
 *
 * Everything here is hidden inside the library. Programs include <name>.h instead. */
#ifndef AI4SIM_LIBRARY_H
#define AI4SIM_LIBRARY_H

#include <stddef.h>
#include <stdint.h>

enum status {
    STATUS_OK = 0,
    STATUS_ARGUMENT = 1,   /* an array is missing, or has another shape, type or stride */
    STATUS_NOT_FINITE = 2, /* an input is NaN or infinite */
    STATUS_RANGE = 3,      /* an input lies beyond the bounds of physics: other units? */
    STATUS_RESULT = 4,     /* the network returned NaN or infinity */
    STATUS_LOAD = 5,       /* the network cannot be loaded */
    STATUS_CHECK = 6,      /* the loaded network does not return the stored answers */
    STATUS_MEMORY = 7,
    STATUS_NETWORK = 8 /* the network failed; the message is its own */
};

/* A variable of the columns: one value, or a profile of `levels` values. */
struct variable {
    const char *name, *units;
    int64_t levels;
    int profile;            /* whether the array has an axis of levels */
    double lowest, highest; /* bounds of physics, infinite where there are none */
};

/* What an array is in memory; strides in bytes. The first axis is the column. */
struct array {
    void *data;
    int32_t bytes; /* of a value: 4 or 8 */
    int32_t rank;  /* 1, or 2 with levels */
    int64_t extent[2], stride[2];
};

/* The tables of this surrogate, written by its exporter. */
extern const char *const surrogate_name;
extern const struct variable surrogate_inputs[], surrogate_outputs[];
extern const int surrogate_input_count, surrogate_output_count;
extern const int64_t surrogate_input_channels, surrogate_output_channels;
extern const int64_t surrogate_block; /* columns that the network takes at once */
extern const int64_t surrogate_sample_count;
extern const float surrogate_sample_inputs[], surrogate_sample_outputs[];
extern const float surrogate_output_ranges[]; /* of each output variable */

/* The first instruction set that the network needs and this processor lacks, or NULL. */
const char *surrogate_lacking(void);

/* The network. Each returns 0, or leaves a message. `folder` is where the library lies. */
int network_open(const char *folder, int instances, int threads, char *message, size_t room);
int network_run(int64_t columns, const float *inputs, float *outputs, char *message, size_t room);
void network_close(void);

/* Calls over arrays: see <name>.h. */
int surrogate_load(int instances, int threads);
int surrogate_run(int64_t n, const struct array *arrays, int count);
const char *surrogate_message(void);
void surrogate_counters(int64_t *calls, int64_t *columns, double *seconds);
void surrogate_free(void);

#endif
