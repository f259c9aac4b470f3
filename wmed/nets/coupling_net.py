"""A graph network over both models' grids: columns of air, rho points, and the faces between them.

Nodes carry what does not depend on the observer: scalars, and differences. What has a direction,
where a neighbour lies and how it moves relative to the receiver, is seen along and across the
relative wind of the receiver. So the numbers that come out are the same when the grid is turned or
everything moves with a common current, and the heads make vectors of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from ai4sim.nets.graph_net import GraphNet
from ai4sim.variables import split_channels
from wmed.io.graph import CouplingGraph, hetero
from wmed.io.layout import RhoLayout
from wmed.nets.bulk_flux_net import ColumnEncoder, Numbers, fluxes
from wmed.nets.features import (
    SKY_FEATURES,
    SURFACE_FEATURES,
    SeaSurface,
    sea_surface,
    sky_features,
    surface_features,
)
from wmed.nets.heads import neutral_drag
from wmed.nets.inputs import turned

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

GEOMETRY = 4
"""What a message knows of its edge: displacement and motion of the sender, along and across."""
OVER = ("atmosphere", "over", "rho")
BESIDE = ("rho", "beside", "rho")
FACES = ("u", "v")


class Exchange(MessagePassing):
    """Messages along edges of one kind, from what both ends are and how they lie to each other.

    ``y_i = W sum_j w_ij silu(A x_j + B x_i + G g_ij)``; without weights the mean over the senders.

    Parameters
    ----------
    features : int
        Of nodes of both kinds.
    weighted : bool
        Whether the edges bring weights.
    """

    def __init__(self, features: int, weighted: bool = False) -> None:
        super().__init__(aggr="sum" if weighted else "mean", node_dim=-2)
        self.sender = nn.Linear(features, features)
        self.receiver = nn.Linear(features, features, bias=False)
        self.geometry = nn.Linear(GEOMETRY, features, bias=False)
        self.result = nn.Linear(features, features)

    def forward(
        self,
        senders: Tensor,
        receivers: Tensor,
        edge_index: Tensor,
        geometry: Tensor,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return what each receiver hears.

        Parameters
        ----------
        senders : (time, sender, features)
        receivers : (time, receiver, features)
        edge_index : (2, edge)
        geometry : (time, edge, GEOMETRY)
        weight : (edge,), optional

        Returns
        -------
        (time, receiver, features)
        """
        sums = self.propagate(
            edge_index,
            x=(self.sender(senders), self.receiver(receivers)),
            geometry=self.geometry(geometry),
            weight=weight,
            size=(senders.shape[-2], receivers.shape[-2]),
        )
        return self.result(sums)

    def message(self, x_i: Tensor, x_j: Tensor, geometry: Tensor, weight: Tensor | None) -> Tensor:
        """Form the messages (time, edge, features)."""
        message = nn.functional.silu(x_i + x_j + geometry)
        return message if weight is None else weight[:, None] * message


class CouplingNet(GraphNet):
    """Encode columns and rho points, let them and the faces exchange messages, find the fluxes.

    Parameters
    ----------
    levels : int
        Number of levels of the atmosphere.
    features : int
        The number of features of a node.
    rounds : int
        Number of exchanges among rho points and with the faces: each looks one point further.
    layers : int
        Number of hidden layers of the perceptrons that give the numbers of the heads.
    """

    height: Tensor
    strongest: Tensor

    def __init__(
        self, levels: int = 15, features: int = 32, rounds: int = 2, layers: int = 3
    ) -> None:
        super().__init__()
        self.layout = RhoLayout(levels)
        self.register_buffer("height", torch.tensor(10.0))
        self.register_buffer("strongest", torch.tensor(torch.inf))
        self.column = ColumnEncoder(levels, features=features)
        self.point = nn.Linear(SURFACE_FEATURES + SKY_FEATURES, features)
        self.above = Exchange(features, weighted=True)
        self.outwards, self.inwards, self.beside = (
            nn.ModuleList(Exchange(features) for _ in range(rounds)) for _ in range(3)
        )
        self.drag = Numbers(1, SURFACE_FEATURES + features, 2 * features, layers)
        self.transfer = Numbers(2, SURFACE_FEATURES + features, 2 * features, layers)
        self.radiation = Numbers(2, SKY_FEATURES + features, 2 * features, layers)

    def forward(self, nodes: Tensor, graph: HeteroData | None = None) -> Tensor:
        """Map the rho points of some times to their fluxes.

        Parameters
        ----------
        nodes : (time rho, input channel)
            Whole fields, one time after the other.
        graph : HeteroData
            As :func:`coupled` gives it.

        Returns
        -------
        (time rho, 6)  [N/m2], [W/m2]

        Raises
        ------
        ValueError
            There is no graph, or it has other rho points.
        """
        if graph is None:
            raise ValueError("CouplingNet needs the graph that joins both grids, found None")
        if nodes.shape[0] % graph["rho"].num_nodes:
            raise ValueError(
                f"{len(nodes)} rows of inputs: expected a multiple of the "
                f"{graph['rho'].num_nodes} rho points of the graph"
            )
        surface = sea_surface(nodes, self.layout, self.height)
        known = surface_features(surface, self.height, self.strongest)
        sky = sky_features(surface)
        hidden = self._exchange(nodes, surface, torch.cat([known, sky], dim=-1), graph)
        heard = hidden.flatten(0, 1)
        drag = self.drag(torch.cat([known, heard], dim=-1))
        continued = surface_features(surface, self.height)
        transfer = self.transfer(torch.cat([continued, heard], dim=-1))
        radiation = self.radiation(torch.cat([sky, heard], dim=-1))
        exchange = torch.cat([drag, transfer], dim=-1)
        return fluxes(surface, exchange, radiation, neutral_drag(surface.speed, self.height))

    def _exchange(
        self, nodes: Tensor, surface: SeaSurface, known: Tensor, graph: HeteroData
    ) -> Tensor:
        """Return what the rho points have heard, (time, rho, features)."""
        points = graph["rho"].num_nodes

        def of_points(values: Tensor) -> Tensor:
            return values.unflatten(0, (-1, points))

        wind = of_points(torch.stack([surface.wind_x, surface.wind_y], dim=-1))
        ahead = wind / of_points(surface.speed)[..., None]
        named = split_channels(nodes, self.layout.inputs)
        current = of_points(torch.stack([named["current_x"], named["current_y"]], dim=-1))
        hidden = of_points(self.point(known))

        columns = graph["atmosphere"].columns
        over = graph[OVER]
        angle = graph["rho"].angle[over.edge_index[1]]
        lowest = columns[..., [0, self.layout.levels]][:, over.edge_index[0]]
        wind, where = (
            torch.stack(turned(vector[..., 0], vector[..., 1], angle), dim=-1)
            for vector in (lowest, over.edge_attr)
        )
        moves = (wind - current[:, over.edge_index[1]]) / 10
        geometry = seen(ahead[:, over.edge_index[1]], where, moves)
        hidden = hidden + self.above(
            self.column(columns), hidden, over.edge_index, geometry, over.edge_weight
        )

        sender, receiver = graph[BESIDE].edge_index
        moves = 2 * (current[:, sender] - current[:, receiver])
        beside = seen(ahead[:, receiver], graph[BESIDE].edge_attr, moves)
        faces = {name: self._face_geometry(graph, name, ahead, current) for name in FACES}
        for outwards, inwards, along in zip(self.outwards, self.inwards, self.beside, strict=True):
            heard = along(hidden, hidden, graph[BESIDE].edge_index, beside)
            for name, (out, back) in faces.items():
                there, here = graph["rho", "to", name], graph[name, "to", "rho"]
                silent = hidden.new_zeros(len(hidden), graph[name].num_nodes, hidden.shape[-1])
                face = outwards(hidden, silent, there.edge_index, out)
                heard = heard + inwards(face, hidden, here.edge_index, back)
            hidden = hidden + heard
        return hidden

    def _face_geometry(
        self, graph: HeteroData, name: str, ahead: Tensor, current: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the geometry of the edges to the faces of one kind, and of those from them.

        A face knows the current through it only: its motion along itself is that of the rho point.
        """
        axis = FACES.index(name)
        through = graph[name].current
        geometries = []
        for kind in (("rho", "to", name), (name, "to", "rho")):
            edges = graph[kind]
            rho, face = edges.edge_index if kind[0] == "rho" else edges.edge_index.flip(0)
            difference = through[:, face] - current[:, rho, axis]
            moves = torch.zeros_like(current[:, rho])
            moves[..., axis] = 2 * (difference if kind[0] == name else -difference)
            geometries.append(seen(ahead[:, rho], edges.edge_attr, moves))
        return geometries[0], geometries[1]


def seen(ahead: Tensor, where: Tensor, moves: Tensor) -> Tensor:
    """Return displacement and motion of senders as the receiver sees them.

    Parameters
    ----------
    ahead : (time, edge, 2)
        Direction in which the receiver looks.
    where : (edge, 2)
        Position of the sender relative to it.
    moves : (time, edge, 2)
        Velocity of the sender relative to it.

    Returns
    -------
    (time, edge, GEOMETRY)
        Each along the direction, and to the left of it.
    """
    left = torch.stack([-ahead[..., 1], ahead[..., 0]], dim=-1)
    parts = [(vector * axis).sum(-1) for vector in (where, moves) for axis in (ahead, left)]
    return torch.stack(parts, dim=-1)


def coupled(graph: CouplingGraph, fields: Mapping[str, Tensor]) -> HeteroData:
    """Put the fields of some times, which share the edges, on the nodes of the graph.

    Parameters
    ----------
    graph : CouplingGraph
    fields : mapping of str to Tensor
        ``atmosphere``, ``current_u``, ``current_v``, see :func:`.inputs.rho_inputs`.

    Returns
    -------
    HeteroData
        See :func:`.graph.hetero`, and on its nodes ``columns : (time, atmosphere, 5 level)``,
        ``angle : (rho,)`` and ``current : (time, face)``.
    """
    found = hetero(graph)
    found["rho"].angle = graph.angle
    found["atmosphere"].columns = fields["atmosphere"]
    for name in FACES:
        found[name].current = fields[f"current_{name}"]
    return found
