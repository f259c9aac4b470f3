/* The network in generated C: blocks of columns, each in memory that no other call uses meanwhile. */
#include "library.h"
#include "network.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* pieces of memory that wait for the next call */

static _Atomic(float *) waiting[SLOTS];

static float *take(void)
{
    for (int i = 0; i < SLOTS; ++i) {
        float *found = atomic_exchange(&waiting[i], NULL);
        if (found)
            return found;
    }
    return aligned_alloc(64, (sizeof(float) * (size_t)network_scratch + 63) / 64 * 64);
}

static void give_back(float *memory)
{
    for (int i = 0; i < SLOTS; ++i) {
        float *none = NULL;
        if (atomic_compare_exchange_strong(&waiting[i], &none, memory))
            return;
    }
    free(memory);
}

int network_open(const char *folder, int instances, int threads, char *message, size_t room)
{
    (void)folder, (void)instances, (void)threads;
    float *memory = take();
    if (!memory) {
        snprintf(message, room, "out of memory");
        return 1;
    }
    give_back(memory);
    return 0;
}

/* The form for the most columns that are there; for a rest, the smallest one that holds it. */
static const struct network_form *form_for(int64_t columns)
{
    const struct network_form *best = &network_forms[0];
    for (int i = 1; i < network_form_count; ++i)
        if (columns > 2 * best->columns)
            best = &network_forms[i];
    return best;
}

int network_run(int64_t columns, const float *inputs, float *outputs, char *message, size_t room)
{
    const int64_t in = surrogate_input_channels, out = surrogate_output_channels;
    float *memory = take();
    if (!memory) {
        snprintf(message, room, "out of memory");
        return 1;
    }
    for (int64_t begin = 0; begin < columns;) {
        const struct network_form *form = form_for(columns - begin);
        int64_t count = columns - begin < form->columns ? columns - begin : form->columns;
        form->run(count, inputs + begin * in, outputs + begin * out, memory);
        begin += count;
    }
    give_back(memory);
    return 0;
}

void network_close(void)
{
    for (int i = 0; i < SLOTS; ++i)
        free(atomic_exchange(&waiting[i], NULL));
}
