"""Generated C for networks of columns: no library but libc and libm.

Each value of an exported program is an array whose fastest axis is a block of columns, so that the
innermost loop of every operator runs over columns and is vectorised by any compiler. ``arrays``
holds the arrays, mostly not computed yet; ``loops`` writes the loop nests that compute them;
``operators`` says what each operator of the program is in these terms, ``reductions`` the same of
sums and lookups, ``layers`` of dense layers, convolutions and recurrences, which ``recurrences``
keeps whole; ``generate`` goes through the program and writes the files.
"""
