 * Functions return 0, or a status with the text of {{ r.name }}_message():
 *   1 an array is missing, or has another shape, type or stride   5 the network cannot be loaded
 *   2 an input is NaN or infinite                                 6 it does not return the stored answers
 *   3 an input lies beyond the bounds of physics (other units?)   7 out of memory
 *   4 the network returned NaN or infinity                        8 the network failed
 * After an error the outputs are undefined. Nothing here ends the process or throws.
