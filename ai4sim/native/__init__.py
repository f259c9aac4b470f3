"""A trained surrogate as a native library that Fortran, C and C++ programs call.

``routine`` describes the call: named arguments with units, and the module behind it. ``network``
compiles the module, ``library`` writes and builds all that a host program needs, ``couple`` is the
command.
"""
