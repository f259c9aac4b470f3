/* Copies between the arrays of a host and rows of channels. */
#ifndef AI4SIM_COPIES_H
#define AI4SIM_COPIES_H

#include "library.h"

/* Copy `count` columns from `begin` on into rows of channels; refuse values without meaning. */
int gather(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
           float *rows, int64_t channels);
/* The same from rows into an array; refuse values that are not finite. */
int scatter(const struct array *a, const struct variable *v, int64_t begin, int64_t count,
            const float *rows, int64_t channels);

#endif
