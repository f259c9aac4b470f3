/* The graph of a mesh, made of its elements. */
#ifndef AI4SIM_MESH_H
#define AI4SIM_MESH_H

#include "library.h"

/* The graph of a mesh as the network takes it: each edge runs both ways, once, sorted by receiver,
 * then sender. */
struct mesh {
    int64_t nodes, edges;
    int64_t *edge_index; /* senders, then receivers */
    float *offsets;      /* sender minus receiver, [m] */
    double mean_edge;    /* [m] */
};

/* Both leave a message where they do not return 0. `mesh` has no memory of its own yet. */
int check_mesh(const struct array *positions, const struct array *elements, int first);
int build_mesh(struct mesh *mesh, const struct array *positions, const struct array *elements,
               int first);
void release_mesh(struct mesh *mesh);

#endif
