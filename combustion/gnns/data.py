"""Filtered flames as graphs: blocks of grids, patches of meshes, and whole fields of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ai4sim.data.batches import BatchIndex
from ai4sim.data.datamodule import Stage
from ai4sim.nets.graph import Graph
from ai4sim.variables import Batch
from combustion.crops import REFLECTED, Augmentation, CropDataModule
from combustion.io.companions import companions
from combustion.io.mesh_files import MESH_NAMES
from combustion.io.meshes import MeshSnapshot
from combustion.matching import cells_per_filter


class Patches(Dataset):
    """Parts of meshes for training, each with some of the nodes around it.

    A mesh is cut once into compact parts of about equal size. The nodes of a part are what the loss
    is taken over; those of its halo only send messages.

    Parameters
    ----------
    meshes : sequence of MeshSnapshot
    size : int
        Nodes of a part, at most.
    halo : int
        Steps along edges from a part to the outermost node of its halo. From the reach of the
        network on, nothing is missed that it sees in the whole mesh.
    augment : {"none", "cross_stream", "isotropic"}
        Which axes are reflected at random, as for :class:`combustion.crops.Crops`.
    """

    def __init__(
        self, meshes: Sequence[MeshSnapshot], size: int, halo: int, augment: Augmentation
    ) -> None:
        self.meshes, self.halo, self.augment = meshes, halo, augment
        self.parts = [(mesh, part) for mesh in meshes for part in mesh.graph.parts(size)]
        self.groups = ["patch"] * len(self.parts)

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return the patches of an index as one graph, see :func:`batch_of`."""
        rng = np.random.default_rng(index.draw)
        chosen = [self.parts[i] for i in index.samples]
        nodes = [mesh.graph.neighbourhood(part, self.halo) for mesh, part in chosen]
        graphs = [
            self._mirrored(mesh.graph.induced(inside).scaled(1 / mesh.dx), rng)
            for (mesh, _), inside in zip(chosen, nodes, strict=True)
        ]
        inner = [
            torch.searchsorted(inside, part)
            for (_, part), inside in zip(chosen, nodes, strict=True)
        ]
        return batch_of([mesh for mesh, _ in chosen], graphs, nodes, inner)

    def _mirrored(self, graph: Graph, rng: np.random.Generator) -> Graph:
        axes = REFLECTED[self.augment]
        return graph.reflected([axis for axis in axes if rng.random() < 0.5]) if axes else graph


class Meshes(Dataset):
    """Whole meshes, for validation, test and prediction.

    Parameters
    ----------
    meshes : sequence of MeshSnapshot
    """

    def __init__(self, meshes: Sequence[MeshSnapshot]) -> None:
        self.meshes = meshes
        self.groups = [str(cells_per_filter(mesh)) for mesh in meshes]

    def __getitem__(self, index: BatchIndex) -> Batch:
        """Return the meshes of an index as one graph, see :func:`batch_of`, and ``files``."""
        chosen = [self.meshes[i] for i in index.samples]
        graphs = [mesh.scaled_graph() for mesh in chosen]
        nodes = [torch.arange(graph.nodes) for graph in graphs]
        return {
            **batch_of(chosen, graphs, nodes, nodes),
            "files": [str(mesh.path) for mesh in chosen],
        }


def batch_of(
    meshes: Sequence[MeshSnapshot],
    graphs: Sequence[Graph],
    nodes: Sequence[Tensor],
    inner: Sequence[Tensor],
) -> Batch:
    """Put parts of meshes side by side.

    Parameters
    ----------
    meshes : sequence of MeshSnapshot
    graphs : sequence of Graph
        One per mesh, lengths in units of its reference length.
    nodes : sequence of Tensor
        Which nodes of each mesh these graphs hold.
    inner : sequence of Tensor
        The nodes of each graph that are predicted.

    Returns
    -------
    dict
        ``inputs`` (nodes, 1), ``graph``, ``inner`` (inner nodes,), and for these ``targets`` (inner
        nodes, 1) [1/m], where all meshes have them, and ``dx`` (inner nodes,) [m]; of each mesh its
        ``cells`` per filter width and ``sizes``, the number of its inner nodes.
    """

    def values(name: str, of: Sequence[Tensor]) -> Tensor:
        fields = [getattr(mesh, name)[n.numpy()] for mesh, n in zip(meshes, of, strict=True)]
        return torch.from_numpy(np.concatenate(fields))[:, None]

    starts = np.cumsum([0, *(graph.nodes for graph in graphs)])[:-1]
    batch: Batch = {
        "inputs": values("progress_variable", nodes),
        "graph": Graph.batched(graphs),
        "inner": torch.cat([i + int(start) for i, start in zip(inner, starts, strict=True)]),
        "dx": torch.cat([torch.full((len(i),), mesh.dx) for mesh, i in zip(meshes, inner)]),
        "cells": torch.tensor([cells_per_filter(mesh) for mesh in meshes]),
        "sizes": [len(i) for i in inner],
    }
    if all(mesh.flame_surface_density is not None for mesh in meshes):
        predicted = [n[i] for n, i in zip(nodes, inner, strict=True)]
        batch["targets"] = values("flame_surface_density", predicted)
    return batch


class GraphDataModule(CropDataModule):
    """Filtered flames on grids (CNF, R2, R3) or on unstructured meshes, as their files are.

    Grids are cut into random blocks for training, meshes into patches; a training set is of one
    kind. Validation, test and prediction take whole fields, of both kinds.

    Parameters
    ----------
    patch_nodes : int
        Nodes of a mesh patch.
    halo : int
        Steps along edges by which a patch is surrounded with nodes that only send messages.
    **kwargs
        See :class:`combustion.crops.CropDataModule`.
    """

    raw_patterns = MESH_NAMES
    beside = staticmethod(companions)

    def __init__(self, patch_nodes: int = 4096, halo: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.patch_nodes, self.halo = patch_nodes, halo

    def raw_files(self, folder: Path | None = None) -> list[Path]:
        """Return the raw files, without those that XDMF files or meshes in pieces consist of."""
        files = super().raw_files(folder)
        parts = {other.resolve() for file in files for other in companions(file)}
        return [file for file in files if file.resolve() not in parts]

    def dataset(self, files: Sequence[Path], stage: Stage) -> Dataset:
        """Return blocks or patches for training, whole fields otherwise.

        Raises
        ------
        ValueError
            Files of one stage are partly grids, partly meshes.
        """
        snapshots = [self.snapshot(path, stage != "predict") for path in files]
        meshes = [s for s in snapshots if isinstance(s, MeshSnapshot)]
        if not meshes:
            return super().dataset(files, stage)
        if len(meshes) < len(snapshots):
            grid = next(s for s in snapshots if not isinstance(s, MeshSnapshot))
            raise ValueError(
                f"{stage}: grids and meshes cannot be mixed, found the grid {grid.path} and the "
                f"mesh {meshes[0].path}; give each kind a folder of its own"
            )
        if stage == "train":
            return Patches(meshes, self.patch_nodes, self.halo, self.augment)
        return Meshes(meshes)

    def by_file(
        self, batch: Batch, prediction: Tensor, channel: int = 0
    ) -> list[tuple[Path, Tensor]]:
        """Divide the prediction of a batch: each raw file with its flame surface density [1/m]."""
        if "graph" not in batch:
            return super().by_file(batch, prediction, channel)
        fields = prediction[:, channel].float().cpu().split(batch["sizes"])
        return list(zip(map(Path, batch["files"]), fields, strict=True))
