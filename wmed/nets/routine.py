"""A trained network as the call of a host program: of rho points, or of both grids."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.routine import Columns, Exchange, Routine, Samples, Table
from ai4sim.surrogate import Surrogate
from ai4sim.variables import Variable
from wmed.io.bounds import BOUNDS
from wmed.io.graph import CouplingGraph
from wmed.io.layout import HEAT_PARTS, PROFILES, SURFACE
from wmed.nets.coupler import layout_of, on_own_points
from wmed.nets.coupling_net import CouplingNet, coupled
from wmed.nets.inputs import turned

BLOCK = 1024
"""Points at once, the fastest number on a processor."""
HEAT = Variable("heat", "W/m2")
SURFACE_BOUNDS = {
    "sea_surface_temperature": BOUNDS["sst"],
    "current_x": BOUNDS["current_u"],
    "current_y": BOUNDS["current_v"],
    "cos_zenith": Bounds(-1.001, 1.001),
    "toa_shortwave": Bounds(-2.0, 1500.0),
}


class SeaFluxes(nn.Module):
    """The column of air, the sea surface and the sun to the fluxes and the net heat flux.

    Parameters
    ----------
    surrogate : Surrogate
        A network of rho points.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        names = [v.name for v in surrogate.outputs]
        self.parts = [names.index(part) for part in HEAT_PARTS]

    def forward(self, rows: Tensor) -> Tensor:
        """Map (point, input channel) to (point, 7)  [N/m2], [W/m2]."""
        fluxes = self.surrogate(rows)
        # The sea loses no heat and gains none between the parts and their sum.
        heat = torch.stack([fluxes[:, part] for part in self.parts]).sum(0)
        return torch.cat([fluxes, heat[:, None]], dim=-1)


AIR = {"wind_x": "wind_east", "wind_y": "wind_north"}
"""Names of the winds on the atmosphere's own grid."""
TABLES = (
    Table("angle", "from east to the xi axis", units="rad", of="points", bounds=Bounds(-7, 7)),
    Table(
        "around",
        "the columns of sea among which it lies, any one where the weight is 0",
        of="points",
        width=(4,),
        to="columns",
    ),
    Table(
        "weights",
        "the weights of these in the interpolation, which add up to 1",
        of="points",
        width=(4,),
        bounds=Bounds(-1e-6, 1 + 1e-6),
        total=1.0,
    ),
    Table(
        "offsets",
        "their positions relative to it, to the east and north, in spacings of the atmosphere",
        of="points",
        width=(4, 2),
        bounds=Bounds(-100, 100),
    ),
    Table(
        "u_ends", "the points before and after it along xi", of="u_points", width=(2,), to="points"
    ),
    Table(
        "v_ends", "the points before and after it along eta", of="v_points", width=(2,), to="points"
    ),
)
"""The grids as a host describes them; places are those of the sea alone."""


class SeaFluxesOnGrids(nn.Module):
    """The states of both sides on their own grids to the fluxes on the ocean's points.

    Parameters
    ----------
    surrogate : Surrogate
        A network of the graph of both grids.
    """

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        self.levels = layout_of(surrogate).levels

    def forward(self, *given: Tensor) -> Tensor:
        """Map the inputs and the tables of :func:`on_grids` to its outputs in a row."""
        air, surface = torch.cat(given[:5], dim=-1), torch.stack(given[5:10], dim=-1)
        current_u, current_v = given[10:12]
        graph = graph_of(air.shape[0], *given[12:])
        profiles = graph.interpolate(air).unflatten(-1, (5, self.levels))
        winds = turned(profiles[:, 0], profiles[:, 1], graph.angle[:, None])
        rows = torch.cat([*winds, profiles[:, 2:].flatten(1), surface], dim=-1)
        fields = {"atmosphere": air, "current_u": current_u, "current_v": current_v}
        both = coupled(graph, {name: values[None] for name, values in fields.items()})
        fluxes = on_own_points(self.surrogate(rows, graph=both)[None], graph)
        return torch.cat([values[0] for values in fluxes.values()])


def graph_of(
    columns: int,
    angle: Tensor,
    around: Tensor,
    weights: Tensor,
    offsets: Tensor,
    u_ends: Tensor,
    v_ends: Tensor,
) -> CouplingGraph:
    """Return the graph that :data:`TABLES` describe; it does not know where its points are."""
    ends = torch.cat([u_ends, u_ends.flip(1), v_ends, v_ends.flip(1)])
    steps = offsets.new_tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    of_faces = zip(steps, (u_ends, u_ends, v_ends, v_ends), strict=True)
    nowhere = torch.zeros_like(angle)
    return CouplingGraph(
        index=around,
        weight=weights,
        nearest=around[:, 0],
        offsets=offsets,
        u_faces=u_ends,
        v_faces=v_ends,
        rho_faces=around,
        face_weight=torch.zeros_like(weights),
        rho_edges=ends.t(),
        rho_offsets=torch.cat([step.expand(faces.shape[0], 2) for step, faces in of_faces]),
        angle=angle,
        lat=nowhere,
        lon=nowhere,
        atmosphere_nodes=columns,
    )


def tensors_of(
    fields: Mapping[str, Tensor], inputs: Tensor, graph: CouplingGraph
) -> tuple[Tensor, ...]:
    """Return the arguments of :class:`SeaFluxesOnGrids` for the first time of a batch.

    Parameters
    ----------
    fields : mapping of str to Tensor
        See :func:`.inputs.rho_inputs`.
    inputs : (time, rho, input channel)
        What that makes of them.
    graph : CouplingGraph
    """
    profiles = fields["atmosphere"][0].chunk(len(PROFILES), dim=-1)
    surface = inputs[0, :, -len(SURFACE) :].unbind(-1)
    faces = fields["current_u"][0], fields["current_v"][0]
    tables = graph.angle, graph.index, graph.weight, graph.offsets, graph.u_faces, graph.v_faces
    return tuple(x.contiguous() for x in (*profiles, *surface, *faces, *tables))


def routine(surrogate: Surrogate) -> Routine:
    """Return a trained network as ``sea_fluxes``.

    It takes any number of points of the sea, or, where the network sees the graph of both grids,
    any grids.

    Raises
    ------
    ValueError
        It predicts a spread.
    """
    if len(surrogate.members) > 1 or surrogate.has_spread:
        raise ValueError("sea_fluxes: no library can be made of an ensemble or a Gaussian yet")
    if isinstance(surrogate.net, CouplingNet):
        return on_grids(surrogate)
    return of_points(surrogate)


def on_grids(surrogate: Surrogate) -> Exchange:
    """Return a network of the graph of both grids as ``sea_fluxes``."""
    layout = layout_of(surrogate)
    air = [Variable(AIR.get(n, n), units, layout.levels) for n, units in PROFILES.items()]
    sea = [Variable(name, units) for name, units in SURFACE.items()]
    faces = [Variable("current_u", "m/s"), Variable("current_v", "m/s")]
    outputs = (*surrogate.outputs, HEAT)
    on = {v.name: "points" for v in (*sea, *outputs)} | {v.name: "columns" for v in air}
    on |= {"current_u": "u_points", "tau_x": "u_points"}
    on |= {"current_v": "v_points", "tau_y": "v_points"}
    rounds = len(surrogate.net.beside)  # type: ignore[arg-type]
    return Exchange(
        name="sea_fluxes",
        title="Fluxes of momentum and heat that the sea takes up",
        inputs=(*air, *sea, *faces),
        outputs=outputs,
        module=SeaFluxesOnGrids(surrogate),
        bounds={
            **{AIR.get(name, name): BOUNDS[name] for name in PROFILES},
            **SURFACE_BOUNDS,
            **{face.name: BOUNDS[face.name] for face in faces},
        },
        sets=("points", "columns", "u_points", "v_points"),
        on=on,
        tables=TABLES,
        notes="Level 1 is the lowest one of the air. current_x and current_y are the means "
        "of current_u and current_v on both sides of a point. A result depends on points up to "
        f"{rounds + 1} away, and on the columns there.",
    )


def of_points(surrogate: Surrogate) -> Columns:
    """Return a network of rho points as ``sea_fluxes``."""

    def rows(samples: Samples) -> Tensor:
        return samples["inputs"]

    profiles = {name: BOUNDS[name] for name in PROFILES}
    return Columns(
        name="sea_fluxes",
        title="Fluxes of momentum and heat that the sea takes up",
        inputs=tuple(surrogate.inputs),
        outputs=(*surrogate.outputs, HEAT),
        module=SeaFluxes(surrogate),
        rows=rows,
        block=BLOCK,
        bounds={**profiles, **SURFACE_BOUNDS},
        first_level="the lowest level of the atmosphere",
    )
