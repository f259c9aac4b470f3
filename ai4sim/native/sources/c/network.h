/* What generated C has to offer: the network for blocks of several sizes, and its constants. */
#ifndef AI4SIM_NETWORK_H
#define AI4SIM_NETWORK_H

#include <stdint.h>

/* The network for blocks of so many columns, of which `count` are there. */
struct network_form {
    int columns;
    void (*run)(int64_t count, const float *inputs, float *outputs, float *scratch);
};

extern const struct network_form network_forms[]; /* the smallest first */
extern const int network_form_count;
extern const int64_t network_scratch; /* floats that the largest form needs */
extern const float network_constants[] __attribute__((visibility("hidden")));

#endif
