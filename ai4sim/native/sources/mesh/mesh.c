/* Meshes that the host describes once, and calls over the fields at their nodes. */
#include "graph.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Meshes by number ---- */

static int make(const struct array *positions, const struct array *elements, int first, int *mesh)
{
    int status = check_mesh(positions, elements, first);
    if (status)
        return status;
    struct mesh *made = calloc(1, sizeof *made);
    if (!made)
        return fail(STATUS_MEMORY, "out of memory");
    status = build_mesh(made, positions, elements, first);
    if (!status)
        status = keep(made, mesh);
    if (status)
        release_mesh(made);
    return status;
}

int surrogate_make_mesh(const struct array *positions, const struct array *elements, int first,
                        int *mesh)
{
    if (!mesh)
        return fail(STATUS_ARGUMENT, "mesh: no place for its number was given");
    *mesh = 0;
    struct call call = begin_call();
    return end_call(&call, 0, make(positions, elements, first, mesh));
}

int surrogate_free_mesh(int mesh)
{
    struct mesh *found = numbered(mesh, "mesh", 1);
    release_mesh(found);
    return found ? STATUS_OK : STATUS_ARGUMENT;
}

int64_t surrogate_nodes_of(int mesh)
{
    const struct mesh *found = numbered(mesh, "mesh", 0);
    return found ? found->nodes : 0;
}

/* ---- Calls ---- */

static _Thread_local int64_t nodes_of_call;

static void lengths_of(int i, int64_t *length)
{
    (void)i;
    length[0] = nodes_of_call;
}

static int check_arrays(const struct mesh *mesh, const struct array *arrays, int count)
{
    int status = check_count(arrays, count);
    nodes_of_call = mesh->nodes;
    for (int i = 0; i < count && !status; ++i) {
        const char *name = variable_of(i)->name;
        if ((status = check_form(&arrays[i], name, 1)))
            return status;
        if (arrays[i].extent[0] != mesh->nodes)
            return fail(STATUS_ARGUMENT, "%s: %lld nodes, the mesh has %lld", name,
                        (long long)arrays[i].extent[0], (long long)mesh->nodes);
        status = check_memory(&arrays[i], name, &mesh->nodes);
    }
    return status ? status : check_overlaps(arrays, count, lengths_of);
}

static int check_parameters(const struct mesh *mesh, const double *parameters)
{
    if (!parameters)
        return fail(STATUS_ARGUMENT, "%s: no parameters were given", surrogate_parameters[0].name);
    for (int i = 0; i < surrogate_parameter_count; ++i)
        if (!has_meaning(&surrogate_parameters[i], parameters[i]))
            return refuse_value(&surrogate_parameters[i], parameters[i], "");
    double ratio = mesh->mean_edge / parameters[0];
    if (!(ratio >= surrogate_shortest && ratio <= surrogate_longest))
        return fail(STATUS_RANGE,
                    "positions: the mean edge of the mesh is %g m, %.3g times %s = %g m, expected %.3g "
                    "... %.3g times: other units?",
                    mesh->mean_edge, ratio, surrogate_parameters[0].name, parameters[0],
                    surrogate_shortest, surrogate_longest);
    return STATUS_OK;
}

static int gather(const struct array *a, const struct variable *v, int64_t channels, float *rows)
{
    for (int64_t i = 0; i < nodes_of_call; ++i) {
        const char *p = (const char *)a->data + i * a->stride[0];
        double value = a->bytes == 8 ? *(const double *)p : (double)*(const float *)p;
        if (!has_meaning(v, value)) {
            char place[64];
            snprintf(place, sizeof place, " at node %lld", (long long)i + 1);
            return refuse_value(v, value, place);
        }
        rows[i * channels] = (float)value;
    }
    return STATUS_OK;
}

static int scatter(const struct array *a, const struct variable *v, int64_t channels,
                   const float *rows)
{
    for (int64_t i = 0; i < nodes_of_call; ++i) {
        float value = rows[i * channels];
        if (!isfinite(value)) {
            char place[64];
            snprintf(place, sizeof place, " at node %lld", (long long)i + 1);
            return refuse_result(v, (double)value, place);
        }
        char *p = (char *)a->data + i * a->stride[0];
        if (a->bytes == 8)
            *(double *)p = value;
        else
            *(float *)p = value;
    }
    return STATUS_OK;
}

static int run_fields(const struct mesh *mesh, const struct array *arrays, const double *parameters)
{
    char reason[ROOM];
    size_t fields = (size_t)(surrogate_input_count + surrogate_output_count);
    float *inputs = malloc(sizeof(float) * fields * (size_t)mesh->nodes);
    if (!inputs)
        return fail(STATUS_MEMORY, "out of memory");
    float *outputs = inputs + surrogate_input_count * mesh->nodes;
    int status = STATUS_OK;
    for (int v = 0; v < surrogate_input_count && !status; ++v)
        status = gather(&arrays[v], &surrogate_inputs[v], surrogate_input_count, inputs + v);
    if (!status && network_run_mesh(mesh->nodes, mesh->edges, inputs, mesh->edge_index,
                                    mesh->offsets, parameters, outputs, reason, ROOM))
        status = fail(STATUS_NETWORK, "%s", reason);
    for (int v = 0; v < surrogate_output_count && !status; ++v)
        status = scatter(&arrays[surrogate_input_count + v], &surrogate_outputs[v],
                         surrogate_output_count, outputs + v);
    free(inputs);
    return status;
}

static int run(const struct mesh *mesh, const struct array *arrays, int count,
               const double *parameters)
{
    int status = check_arrays(mesh, arrays, count);
    if (!status)
        status = check_parameters(mesh, parameters);
    if (!status)
        status = ensure_loaded();
    return status ? status : run_fields(mesh, arrays, parameters);
}

int surrogate_run_mesh(int mesh, const struct array *arrays, int count, const double *parameters)
{
    const struct mesh *found = numbered(mesh, "mesh", 0);
    if (!found)
        return STATUS_ARGUMENT;
    struct call call = begin_call();
    return end_call(&call, found->nodes, run(found, arrays, count, parameters));
}

/* ---- The stored sample: (node, channel) ---- */

int run_samples(float *found, char *reason, size_t room)
{
    return network_run_mesh(surrogate_sample_nodes, surrogate_sample_edges, surrogate_sample_inputs,
                            surrogate_sample_edge_index, surrogate_sample_offsets,
                            surrogate_sample_parameters, found, reason, room);
}

int output_of_sample(int64_t i) { return (int)(i % surrogate_output_count); }
