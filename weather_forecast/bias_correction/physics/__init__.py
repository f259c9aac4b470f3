"""A small radiation code that knows cloud sides: Tripleclouds and SPARTACUS.

It labels the demo columns of this use case, and it is the yardstick for the cost of a correction.
Columns go in by variable, fluxes come out (:mod:`.solver`):

====================  ============================================================================
:mod:`.gas_optics`    gases: absorption and scattering at 19 solar and 28 thermal spectral points,
                      black-body fluxes
:mod:`.cloud_optics`  absorption and scattering by droplets and ice crystals
:mod:`.two_stream`    reflection, transmission and emission of a homogeneous layer
:mod:`.regions`       clear sky, thin and thick cloud of each layer, their overlap and borders
:mod:`.layers`        a layer whose regions exchange light through their borders
:mod:`.entrapment`    exchange of light between regions on its way below a cloud and back
:mod:`.adding`        fluxes of a column from what its layers do
:mod:`.columns`       a column from optical depths to fluxes: its layers, then their sum
:mod:`.matrices`      algebra of 3 x 3 matrices, many at a time
====================  ============================================================================

Each of them is written in PyTorch, and what takes the time stands a second time as compiled loops
in a module of the same name with ``_loops`` (:mod:`.shortwave_loops` and :mod:`.longwave_loops` for
:mod:`.columns`), which serve on a CPU; see :mod:`ai4sim.compiled`.

Both solvers are those of ecRad (Hogan & Bozzo 2018) in their operational configuration: two-stream
equations, delta-Eddington scaling of clouds, gamma distribution of cloud water, exponential-random
overlap, long-wave scattering, effective cloud size from fraction and pressure, flux at cloud sides
in the long wave, explicit entrapment in the short wave. Both share every step but for the exchange
between regions, so that a column without cloud has no 3-D effect to the last bit.

What is simpler than in ecRad:

- few spectral points of older k-distributions, without aerosols, methane, nitrous oxide and CFCs:
  a clear sky sends some 5 % more sunlight to the ground, a dusty one 10 %;
- surface albedo of the one interval that fits a point best, instead of a mean over intervals;
- cloud particles by the tables of Chou et al. and Fu; ecRad has newer ones for droplets.

What is different:

- layers with exchange are doubled from thin slabs, not exponentiated: no cap on optical depth;
- long-wave radiation that is reflected into another region is conserved. By default ecRad loses
  it, which adds a third to the effect on what goes to space; ``like_ecrad`` does the same.
"""
