/* The parts of a surrogate's library: its tables, the network behind it, and calls over arrays.
 *
 * Everything here is hidden inside the library. Programs include <name>.h instead. */
#ifndef AI4SIM_LIBRARY_H
#define AI4SIM_LIBRARY_H

#include <fenv.h>
#include <float.h>
#include <stddef.h>
#include <stdint.h>

#define ROOM 512 /* of a message */

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

/* A variable: in columns one value, or a profile of `levels` values; on a grid or
 * a mesh a field. */
struct variable {
    const char *name, *units;
    int64_t levels;
    int profile;            /* whether the array has an axis of levels */
    double lowest, highest; /* bounds of physics, infinite where there are none */
};

/* Values of each place of a set that never change, or numbers of places. */
struct table {
    const char *name, *units;
    int set;                /* whose places have them */
    int to;                 /* the set whose places are numbered, or -1 */
    int rank;               /* axes beside that of places: 0, 1 or 2 */
    int64_t width[2];       /* their lengths, 1 where there is none */
    double lowest, highest; /* bounds, of values */
    double total;           /* what the values of a place add up to, or NaN */
};

/* What an array is in memory; strides in bytes. The axes are column and level, or x, y and z,
 * or the node. */
struct array {
    void *data;
    int32_t bytes; /* of a value: 4 or 8 */
    int32_t rank;
    int64_t extent[3], stride[3];
};

/* ---- tables.c: this surrogate, written by its exporter ---- */

extern const char *const surrogate_name;
extern const struct variable surrogate_inputs[], surrogate_outputs[], surrogate_parameters[];
extern const int surrogate_input_count, surrogate_output_count, surrogate_parameter_count;
extern const float surrogate_output_ranges[];
extern const int64_t surrogate_sample_values; /* of all stored answers */
extern const float surrogate_sample_inputs[], surrogate_sample_outputs[];
const char *surrogate_lacking(void); /* an instruction set that this processor lacks, or NULL */
/* Of columns: */
extern const int64_t surrogate_input_channels, surrogate_output_channels;
extern const int64_t surrogate_block; /* columns that the network takes at once */
/* Of grids: */
extern const int64_t surrogate_least_cells, surrogate_most_cells; /* along an axis */
extern const int64_t surrogate_halo; /* cells by which periodic fields are continued */
extern const int64_t surrogate_sample_size[3];
extern const double surrogate_sample_parameters[];
/* Of meshes: */
extern const int64_t surrogate_most_nodes, surrogate_most_edges; /* the latter directed */
extern const double surrogate_shortest, surrogate_longest; /* mean edge over the first parameter */
extern const int64_t surrogate_sample_nodes, surrogate_sample_edges;
extern const int64_t surrogate_sample_edge_index[];
extern const float surrogate_sample_offsets[];
/* Of an exchange: */
extern const char *const surrogate_sets[];
extern const int surrogate_set_count;
extern const int surrogate_set_of[]; /* of each input, then of each output */
extern const struct table surrogate_tables[];
extern const int surrogate_table_count;
extern const int64_t surrogate_sample_sizes[];    /* of the sets */
extern const float surrogate_sample_reals[];      /* the tables of values, one after the other */
extern const int64_t surrogate_sample_numbers[]; /* and those of numbers */

/* ---- network_*: the back end. Each returns 0, or leaves a message. ---- */

/* `folder` is where the library lies; so many calls may run at once, on so many threads each. */
int network_open(const char *folder, int instances, int threads, char *message, size_t room);
/* (columns, channel) to (columns, channel). */
int network_run(int64_t columns, const float *inputs, float *outputs, char *message, size_t room);
/* (channel, x, y, z) to (channel, x, y, z). */
int network_run_grid(const int64_t *size, const float *inputs, const double *parameters,
                     float *outputs, char *message, size_t room);
/* Fields (node, channel); senders, then receivers; (edge, 3) [m] to fields (node, channel). */
int network_run_mesh(int64_t nodes, int64_t edges, const float *inputs, const int64_t *edge_index,
                     const float *offsets, const double *parameters, float *outputs, char *message,
                     size_t room);
/* The inputs (place, level) and tables (place, width), float or int64_t, to all outputs in a row. */
int network_run_exchange(const int64_t *sizes, const float *const *inputs, const void *const *tables,
                         float *outputs, char *message, size_t room);
void network_close(void);

/* ---- library.c: what all surrogates have ---- */

int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
int ensure_loaded(void);

/* A call in progress. It computes in the usual floating-point environment, whatever traps, rounding
 * or flushing to zero the host has set, and leaves the host's own as it was. */
struct call {
    int64_t begun;
    fenv_t host;
};
struct call begin_call(void);
int end_call(const struct call *call, int64_t places, int status); /* returns the status */
int surrogate_load(int instances, int threads);
const char *surrogate_message(void);
void surrogate_counters(int64_t *calls, int64_t *places, double *seconds);
void surrogate_free(void);

/* ---- arrays.c: what must hold of any array ---- */

const struct variable *variable_of(int i); /* the inputs, then the outputs */
int check_count(const struct array *arrays, int count);
int check_form(const struct array *a, const char *name, int rank);
int check_memory(const struct array *a, const char *name, const int64_t *length);
int check_overlaps(const struct array *arrays, int count, void (*lengths)(int, int64_t *));
static inline int has_meaning(const struct variable *v, double value)
{
    /* Written so that NaN has none. */
    return value >= v->lowest && value <= v->highest && value <= FLT_MAX && value >= -FLT_MAX;
}
int refuse_value(const struct variable *v, double value, const char *place);
int refuse_result(const struct variable *v, double value, const char *place);

/* ---- kept.c: what a host describes once ---- */

int keep(void *thing, int *number);
/* The thing of a number, or NULL and a message; where `taken` it is no longer kept. */
void *numbered(int number, const char *what, int taken);

/* ---- columns.c, grid.c, mesh.c or exchange.c: calls ---- */

int surrogate_run(int64_t n, const struct array *arrays, int count);
int surrogate_run_grid(const struct array *arrays, int count, const double *parameters,
                       const int *periodic);
int surrogate_run_mesh(int mesh, const struct array *arrays, int count, const double *parameters);
/* Positions are (node, 3); elements, int32 or int64, are (element, corner). */
int surrogate_make_mesh(const struct array *positions, const struct array *elements, int first,
                        int *mesh);
int surrogate_free_mesh(int mesh);
int64_t surrogate_nodes_of(int mesh); /* 0 where there is no such mesh */
/* As many sizes as there are sets, as many arrays as there are tables. */
int surrogate_make_grids(const int64_t *sizes, const struct array *tables, int count, int first,
                         int *grids);
int surrogate_free_grids(int grids);
const int64_t *surrogate_sizes_of(int grids); /* NULL where there are no such grids */
int surrogate_run_exchange(int grids, const struct array *arrays, int count);
int run_samples(float *found, char *reason, size_t room);
int output_of_sample(int64_t i);

#endif
