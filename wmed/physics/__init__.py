"""Physics of the fluxes between air and sea, in torch: vectorised, differentiable, of any dtype.

=======================  =========================================================================
:mod:`.bulk`             algorithms by name, their inputs from model fields, constant coefficients
:mod:`.coare`            COARE 3.6 and 3.0
:mod:`.ecmwf`            the algorithm of the IFS
:mod:`.ncar`             the algorithm of NCAR's ocean models
:mod:`.heat`             net radiation and net heat
:mod:`.skin`             the cool skin of the sea
:mod:`.surface_layer`    what the algorithms share: state, differences, first guess, gusts, fluxes
:mod:`.stability`        profiles in stratified air
:mod:`.thermodynamics`   humidity, temperature, density
:mod:`.stress_coupling`  curl of the stress and vorticity of the currents
:mod:`.constants`        those of the ocean and atmosphere files
=======================  =========================================================================

``coare_loops``, ``ecmwf_loops`` and ``ncar_loops`` are the same algorithms as compiled loops over
points, with ``stability_loops`` and ``surface_layer_loops``; the functions of :mod:`.bulk` choose
them by themselves where no gradient is wanted, on a CPU; see :mod:`ai4sim.compiled`.

Heat fluxes are positive into the sea, the stress is along the wind relative to the current.

The algorithms follow AeroBulk (Brodeau et al. 2017), which made the fluxes of the reference data:
COARE 3.6 and the IFS to 0.1 % of their standard deviation, COARE 3.0 and NCAR to 0.2 % but for the
sensible heat of NCAR in nearly neutral air. They differ from it in these points:

- temperature and humidity that are measured at another height than the wind are compared with the
  sea where they are measured, instead of being extrapolated in every iteration;
- stability functions are continuous in neutral air (AeroBulk: a step of 0.005 from rounded
  constants), and those of the IFS leave out psi(z0 / L);
- the constants of the ocean and atmosphere files (g = 9.80665 instead of 9.8 m/s2, for example).
"""
