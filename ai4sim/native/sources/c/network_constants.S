/* The weights and other constants, as they are in network_constants.bin. */
    .section .rodata
    .balign 64
    .globl network_constants
    .hidden network_constants
network_constants:
    .incbin "network_constants.bin"
    .section .note.GNU-stack, "", %progbits
