/* What a host has described once, such as a mesh, under a number. */
#include "library.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static void **kept; /* number i is kept[i - 1]; NULL where it was released */
static int kept_count;

int keep(void *thing, int *number)
{
    int status = STATUS_OK, i = 0;
    pthread_mutex_lock(&changing);
    while (i < kept_count && kept[i])
        ++i;
    if (i == kept_count) {
        void **more = realloc(kept, sizeof *kept * ((size_t)kept_count + 1));
        if (more) {
            kept = more;
            ++kept_count;
        } else {
            status = fail(STATUS_MEMORY, "out of memory");
        }
    }
    if (!status) {
        kept[i] = thing;
        *number = i + 1;
    }
    pthread_mutex_unlock(&changing);
    return status;
}

void *numbered(int number, const char *what, int taken)
{
    pthread_mutex_lock(&changing);
    void *thing = number >= 1 && number <= kept_count ? kept[number - 1] : NULL;
    if (thing && taken)
        kept[number - 1] = NULL;
    pthread_mutex_unlock(&changing);
    if (!thing)
        fail(STATUS_ARGUMENT, "%s = %d: nothing has this number; %s_%s gives one", what, number,
             surrogate_name, what);
    return thing;
}
