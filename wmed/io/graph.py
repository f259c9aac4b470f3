"""Who neighbours whom: columns of air, rho points, and the faces between these; no land.

All follows from the two grids, and is the same at all times: batches have the time as their leading
axis and share the edges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from wmed.io import remap
from wmed.io.grid import AtmosphereGrid, OceanGrid, at_nodes, node_numbers

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData


@dataclass(frozen=True)
class CouplingGraph(remap.Remap):
    """The nodes of both grids and what lies between them.

    Nodes are numbered as :mod:`.grid` says.

    Attributes
    ----------
    index, weight, nearest, offsets : Tensor
        From the atmosphere to rho nodes; see :class:`.remap.Remap`.
    u_faces : (u, 2), int64
        The rho nodes before and after each u node, along xi.
    v_faces : (v, 2), int64
        The rho nodes before and after each v node, along eta.
    rho_faces : (rho, 4), int64
        The u nodes before and after, then the v nodes before and after each rho node; -1 where
        there is none, at land or at the edge of the domain.
    face_weight : (rho, 4), float32
        What each of them counts in the mean of the two faces along an axis: half, where it is the
        only one inside the domain all; 0 where there is none.
    rho_edges : (2, edge), int64
        From a rho node to the one beside it, along both axes in both directions.
    rho_offsets : (edge, 2), float32
        Position of the first relative to the second, along xi and eta, in spacings of the ocean.
    angle : (rho,), float32  [rad]
        From east to the xi axis.
    lat, lon : (rho,), float32  [degrees]
    atmosphere_nodes : int
    """

    u_faces: Tensor
    v_faces: Tensor
    rho_faces: Tensor
    face_weight: Tensor
    rho_edges: Tensor
    rho_offsets: Tensor
    angle: Tensor
    lat: Tensor
    lon: Tensor
    atmosphere_nodes: int

    @property
    def sizes(self) -> dict[str, int]:
        """Number of nodes of each kind."""
        return {
            "atmosphere": self.atmosphere_nodes,
            "rho": self.lat.shape[0],
            "u": self.u_faces.shape[0],
            "v": self.v_faces.shape[0],
        }

    def to(self, device: torch.device | str) -> Self:
        """Return the graph on a device."""
        tensors = {n: v.to(device) for n, v in vars(self).items() if isinstance(v, Tensor)}
        return replace(self, **tensors)  # type: ignore[arg-type]

    def to_faces(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Bring a vector from rho nodes to the faces: the mean of the two neighbours.

        Parameters
        ----------
        x, y : (..., rho)
            Along xi and eta.

        Returns
        -------
        (..., u), (..., v)
        """
        pairs = ((x, self.u_faces), (y, self.v_faces))
        on_u, on_v = ((a[..., faces[:, 0]] + a[..., faces[:, 1]]) / 2 for a, faces in pairs)
        return on_u, on_v

    def to_rho(self, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Bring a vector from the faces to rho nodes: the mean of the two faces inside the domain.

        On faces at land it is 0.

        Parameters
        ----------
        u, v : (..., u), (..., v)

        Returns
        -------
        x, y : (..., rho)
            Along xi and eta.
        """
        means = []
        for values, pair in ((u, slice(0, 2)), (v, slice(2, 4))):
            # A place behind the last face is where those that are not there point to.
            padded = torch.cat([values, values.new_zeros(*values.shape[:-1], 1)], dim=-1)
            before, after = self.rho_faces[:, pair].unbind(1)
            first, second = self.face_weight[:, pair].to(values.dtype).unbind(1)
            means.append(padded[..., before] * first + padded[..., after] * second)
        return means[0], means[1]


def build(atmosphere: AtmosphereGrid, ocean: OceanGrid) -> CouplingGraph:
    """Build the graph of two grids.

    Raises
    ------
    ValueError
        The ocean reaches beyond the atmosphere, or one of them has no sea.
    """
    if not ocean.sea.any():
        raise ValueError("the ocean has no sea point, so there is no graph")
    rho, u, v = (node_numbers(mask) for mask in ocean.masks.values())
    u_faces = np.stack([rho[:, :-1][u >= 0], rho[:, 1:][u >= 0]], axis=1)
    v_faces = np.stack([rho[:-1][v >= 0], rho[1:][v >= 0]], axis=1)
    around_u = np.pad(u, ((0, 0), (1, 1)), constant_values=-1)
    around_v = np.pad(v, ((1, 1), (0, 0)), constant_values=-1)
    around = (around_u[:, :-1], around_u[:, 1:], around_v[:-1], around_v[1:])
    # At rest behind land, but unknown behind the edge of the domain.
    inside_u = np.pad(np.ones(u.shape), ((0, 0), (1, 1)))
    inside_v = np.pad(np.ones(v.shape), ((1, 1), (0, 0)))
    pair_u, pair_v = inside_u[:, :-1] + inside_u[:, 1:], inside_v[:-1] + inside_v[1:]
    rho_faces = np.stack([numbers[ocean.sea] for numbers in around], axis=1)
    divisor = np.stack([pair[ocean.sea] for pair in (pair_u, pair_u, pair_v, pair_v)], axis=1)
    face_weight = np.where(rho_faces >= 0, 1 / np.maximum(divisor, 1), 0)
    edges = np.concatenate([u_faces, u_faces[:, ::-1], v_faces, v_faces[:, ::-1]]).T
    steps = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]], np.float32)
    counts = [len(u_faces)] * 2 + [len(v_faces)] * 2
    angle, lat, lon = (
        torch.from_numpy(at_nodes(field, ocean.sea).astype(np.float32))
        for field in (ocean.angle, ocean.lat, ocean.lon)
    )
    return CouplingGraph(
        **vars(remap.build(atmosphere, ocean)),
        u_faces=torch.from_numpy(u_faces),
        v_faces=torch.from_numpy(v_faces),
        rho_faces=torch.from_numpy(rho_faces),
        face_weight=torch.from_numpy(face_weight.astype(np.float32)),
        rho_edges=torch.from_numpy(np.ascontiguousarray(edges)),
        rho_offsets=torch.from_numpy(np.repeat(steps, counts, axis=0)),
        angle=angle,
        lat=lat,
        lon=lon,
        atmosphere_nodes=int(atmosphere.sea.sum()),
    )


def hetero(graph: CouplingGraph) -> HeteroData:
    """Return the graph as one of torch_geometric, without fields on its nodes.

    Its nodes are ``atmosphere``, ``rho``, ``u`` and ``v``. Edges go from a column of air ``over`` a
    rho node to it, from a rho node to that ``beside`` it, and from rho nodes ``to`` the faces and
    back. ``edge_attr`` is the position of the sender relative to the receiver, ``(edge, 2)``, in
    spacings of the atmosphere (to the east and north) or of the ocean (along xi and eta);
    ``edge_weight`` of the edges ``over`` their weight in the interpolation, ``(edge,)``. No edge
    stands for nothing: columns without weight have none.
    """
    from torch_geometric.data import HeteroData

    data = HeteroData()
    for name, size in graph.sizes.items():
        data[name].num_nodes = size
    over = data["atmosphere", "over", "rho"]
    if torch.compiler.is_compiling():  # how many have weight depends on the data
        rho = torch.arange(graph.index.shape[0], device=graph.index.device)
        around = graph.index.shape[1]
        over.edge_index = torch.stack(
            [graph.index.flatten(), rho[:, None].expand(-1, around).flatten()]
        )
        over.edge_attr, over.edge_weight = graph.offsets.flatten(0, 1), graph.weight.flatten()
    else:
        rho, corner = (graph.weight > 0).nonzero(as_tuple=True)
        over.edge_index = torch.stack([graph.index[rho, corner], rho])
        over.edge_attr = graph.offsets[rho, corner]
        over.edge_weight = graph.weight[rho, corner]
    data["rho", "beside", "rho"].edge_index = graph.rho_edges
    data["rho", "beside", "rho"].edge_attr = graph.rho_offsets
    for name, faces, axis in (("u", graph.u_faces, 0), ("v", graph.v_faces, 1)):
        face = torch.arange(faces.shape[0], device=faces.device)
        points = torch.cat([faces[:, 0], faces[:, 1]])
        half = graph.rho_offsets.new_full((faces.shape[0],), 0.5)
        along, across = torch.cat([-half, half]), half.new_zeros(2 * faces.shape[0])
        offset = torch.stack([along, across] if axis == 0 else [across, along], dim=1)
        data["rho", "to", name].edge_index = torch.stack([points, face.repeat(2)])
        data["rho", "to", name].edge_attr = offset
        data[name, "to", "rho"].edge_index = torch.stack([face.repeat(2), points])
        data[name, "to", "rho"].edge_attr = -offset
    return data
