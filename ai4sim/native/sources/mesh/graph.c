/* The graph of a mesh, made of its elements: checked, each edge once in both directions. */
#include "graph.h"

#include <math.h>
#include <stdlib.h>

/* Pairs of corners that an edge joins, of edges, tetrahedra, pyramids, prisms and hexahedra; corners
 * as in CGNS and VTK: the base first, then the top above it. */
static const struct {
    int corners, edges;
    signed char pairs[12][2];
} SHAPES[] = {
    {2, 1, {{0, 1}}},
    {4, 6, {{0, 1}, {1, 2}, {2, 0}, {0, 3}, {1, 3}, {2, 3}}},
    {5, 8, {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {0, 4}, {1, 4}, {2, 4}, {3, 4}}},
    {6, 9, {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}, {0, 3}, {1, 4}, {2, 5}}},
    {8,
     12,
     {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {4, 5}, {5, 6}, {6, 7}, {7, 4}, {0, 4}, {1, 5}, {2, 6}, {3, 7}}},
};

static int shape_of(int64_t corners)
{
    for (int i = 0; i < (int)(sizeof SHAPES / sizeof *SHAPES); ++i)
        if (SHAPES[i].corners == corners)
            return i;
    return -1;
}

static const char *at(const struct array *a, int64_t i, int64_t k)
{
    return (const char *)a->data + i * a->stride[0] + k * a->stride[1];
}

static int64_t integer_at(const struct array *a, int64_t i, int64_t k)
{
    const char *p = at(a, i, k);
    return a->bytes == 8 ? *(const int64_t *)p : (int64_t)*(const int32_t *)p;
}

static double number_at(const struct array *a, int64_t i, int64_t k)
{
    const char *p = at(a, i, k);
    return a->bytes == 8 ? *(const double *)p : (double)*(const float *)p;
}

static int check_positions(const struct array *positions)
{
    int status = check_form(positions, "positions", 2);
    if (status)
        return status;
    if (positions->extent[1] != 3)
        return fail(STATUS_ARGUMENT, "positions: %lld coordinates of a node, expected 3",
                    (long long)positions->extent[1]);
    if (positions->extent[0] < 2 || positions->extent[0] > surrogate_most_nodes)
        return fail(STATUS_ARGUMENT, "positions: %lld nodes, expected 2 ... %lld",
                    (long long)positions->extent[0], (long long)surrogate_most_nodes);
    if ((status = check_memory(positions, "positions", positions->extent)))
        return status;
    for (int64_t i = 0; i < positions->extent[0]; ++i)
        for (int64_t axis = 0; axis < 3; ++axis)
            if (!isfinite(number_at(positions, i, axis)))
                return fail(STATUS_NOT_FINITE, "positions: coordinate %lld of node %lld is %s",
                            (long long)axis + 1, (long long)i + 1,
                            isnan(number_at(positions, i, axis)) ? "NaN" : "infinite");
    return STATUS_OK;
}

static int check_elements(const struct array *elements, int first, int64_t nodes)
{
    int status = check_form(elements, "elements", 2);
    if (status)
        return status;
    int64_t count = elements->extent[0], corners = elements->extent[1];
    if (first != 0 && first != 1)
        return fail(STATUS_ARGUMENT,
                    "first = %d: expected 0 or 1, the number of the first node in elements", first);
    if (shape_of(corners) < 0)
        return fail(STATUS_ARGUMENT,
                    "elements: %lld nodes each, expected 2 (edges), 4 (tetrahedra), 5 (pyramids), 6 "
                    "(prisms) or 8 (hexahedra)",
                    (long long)corners);
    if (count < 1 || count > surrogate_most_edges / (2 * SHAPES[shape_of(corners)].edges))
        return fail(STATUS_ARGUMENT, "elements: %lld of them, expected 1 ... %lld", (long long)count,
                    (long long)(surrogate_most_edges / (2 * SHAPES[shape_of(corners)].edges)));
    if ((status = check_memory(elements, "elements", elements->extent)))
        return status;
    for (int64_t i = 0; i < count; ++i)
        for (int64_t k = 0; k < corners; ++k) {
            int64_t node = integer_at(elements, i, k);
            if (node < first || node >= nodes + first)
                return fail(STATUS_ARGUMENT,
                            "elements: element %lld names node %lld, expected %d ... %lld, as first "
                            "= %d says%s",
                            (long long)i + 1, (long long)node, first,
                            (long long)(nodes + first - 1), first,
                            first == 1 && node == 0        ? ": they seem to be counted from 0"
                            : first == 0 && node == nodes ? ": they seem to be counted from 1"
                                                           : "");
            for (int64_t other = 0; other < k; ++other)
                if (integer_at(elements, i, other) == node)
                    return fail(STATUS_ARGUMENT, "elements: element %lld names node %lld twice",
                                (long long)i + 1, (long long)node);
        }
    return STATUS_OK;
}

int check_mesh(const struct array *positions, const struct array *elements, int first)
{
    int status = check_positions(positions);
    return status ? status : check_elements(elements, first, positions->extent[0]);
}

/* ---- The graph ---- */

void release_mesh(struct mesh *mesh)
{
    if (mesh) {
        free(mesh->edge_index);
        free(mesh->offsets);
        free(mesh);
    }
}

static int ascending(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;
    return (first > second) - (first < second);
}

/* Fill `start` (nodes + 2 entries of 0) and, where it is there, `senders`: those of receiver i begin
 * at start[i] in the end. An edge of several elements is there several times. */
static void collect(const struct array *elements, int first, int64_t *start, int64_t *senders)
{
    int shape = shape_of(elements->extent[1]);
    for (int64_t i = 0; i < elements->extent[0]; ++i)
        for (int k = 0; k < SHAPES[shape].edges; ++k) {
            int64_t a = integer_at(elements, i, SHAPES[shape].pairs[k][0]) - first;
            int64_t b = integer_at(elements, i, SHAPES[shape].pairs[k][1]) - first;
            if (senders) {
                senders[start[a + 1]++] = b;
                senders[start[b + 1]++] = a;
            } else {
                ++start[a + 2];
                ++start[b + 2];
            }
        }
}

/* Sort the senders of each receiver and keep each once; return their number, or -1 - i where node i
 * has none. */
static int64_t keep_once(int64_t nodes, int64_t *start, int64_t *senders)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < nodes; ++i) {
        int64_t begin = start[i], count = start[i + 1] - begin, written = kept;
        if (!count)
            return -1 - i;
        qsort(senders + begin, (size_t)count, sizeof *senders, ascending);
        for (int64_t k = begin; k < begin + count; ++k)
            if (kept == written || senders[kept - 1] != senders[k])
                senders[kept++] = senders[k];
        start[i] = written;
    }
    start[nodes] = kept;
    return kept;
}

static int fill(struct mesh *mesh, const struct array *positions, const int64_t *start,
                const int64_t *senders)
{
    mesh->edge_index = malloc(sizeof(int64_t) * 2 * (size_t)mesh->edges);
    mesh->offsets = malloc(sizeof(float) * 3 * (size_t)mesh->edges);
    if (!mesh->edge_index || !mesh->offsets)
        return fail(STATUS_MEMORY, "out of memory");
    double sum = 0;
    for (int64_t i = 0; i < mesh->nodes; ++i)
        for (int64_t k = start[i]; k < start[i + 1]; ++k) {
            double square = 0;
            mesh->edge_index[k] = senders[k];
            mesh->edge_index[mesh->edges + k] = i;
            for (int axis = 0; axis < 3; ++axis) {
                double offset = number_at(positions, senders[k], axis) - number_at(positions, i, axis);
                mesh->offsets[3 * k + axis] = (float)offset;
                square += offset * offset;
            }
            sum += sqrt(square);
        }
    mesh->mean_edge = sum / (double)mesh->edges;
    return STATUS_OK;
}

int build_mesh(struct mesh *mesh, const struct array *positions, const struct array *elements,
               int first)
{
    mesh->nodes = positions->extent[0];
    int64_t twice = 2 * elements->extent[0] * SHAPES[shape_of(elements->extent[1])].edges;
    int64_t *start = calloc((size_t)mesh->nodes + 2, sizeof *start);
    int64_t *senders = malloc(sizeof *senders * (size_t)twice);
    int status = STATUS_OK;
    if (!start || !senders)
        status = fail(STATUS_MEMORY, "out of memory");
    if (!status) {
        collect(elements, first, start, NULL);
        for (int64_t i = 0; i < mesh->nodes; ++i)
            start[i + 2] += start[i + 1];
        collect(elements, first, start, senders);
        mesh->edges = keep_once(mesh->nodes, start, senders);
        if (mesh->edges < 0)
            status = fail(STATUS_ARGUMENT, "positions: node %lld (from %d) belongs to no element",
                          (long long)(-1 - mesh->edges) + first, first);
    }
    if (!status)
        status = fill(mesh, positions, start, senders);
    free(start);
    free(senders);
    return status;
}
