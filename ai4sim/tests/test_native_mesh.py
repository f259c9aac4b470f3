"""A surrogate of fields on meshes as a native library: meshes that the host describes once."""

from __future__ import annotations

import ctypes
import itertools
import math
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ai4sim.io.ranges import Bounds
from ai4sim.native.couple import command
from ai4sim.native.routine import Mesh, Samples
from ai4sim.nets.graph import Graph
from ai4sim.surrogate import Surrogate
from ai4sim.tests.host_programs import needs, require_check
from ai4sim.use_case import UseCase
from ai4sim.variables import Variable
from ai4sim.weights import write_mesh

ARGUMENT, NOT_FINITE, RANGE = 1, 2, 3
LENGTH = 0.25
Numbers = NDArray[Any]
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler: g++")


class PerLength(nn.Module):
    """The surrogate on a mesh that is measured in a length, with one over it as output scale."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate

    def forward(
        self, fields: Tensor, edge_index: Tensor, offsets: Tensor, parameters: Tensor
    ) -> Tensor:
        """Map fields, edges and the length to fields."""
        length = parameters[0]
        graph = Graph.unplaced(edge_index, offsets / length, fields.shape[0])
        density: Tensor = self.surrogate(fields, graph=graph) / length
        return density


def routine(surrogate: Surrogate) -> Mesh:
    """Return the call of a surrogate of this test."""

    def meshes(samples: Samples) -> tuple[Tensor, ...]:
        positions = samples["positions"].double() * LENGTH
        return samples["inputs"], positions, samples["edges"], torch.tensor([[LENGTH]])

    return Mesh(
        name="front",
        title="Density of a front",
        inputs=tuple(surrogate.inputs),
        outputs=tuple(surrogate.outputs),
        parameters=(Variable("length", "m"),),
        module=PerLength(surrogate),
        bounds={"progress": Bounds(-0.1, 1.1), "length": Bounds(1e-6, 1e3)},
        meshes=meshes,
        edge=Bounds(0.1, 10.0),
        reach=getattr(surrogate.net, "reach", None),
    )


USE_CASE = UseCase("fronts", "Fronts", Path(), "", "", "", f"{__name__}:routine")
DIRECTED = {"name": "EdgeConditionedNet", "hidden_channels": 4, "num_layers": 1, "kernels": 2}
STACK = {"hidden_channels": 4, "num_layers": 2}
OTHERS: list[tuple[dict[str, Any], Sequence[int]]] = [
    ({**DIRECTED, "num_layers": 2}, (1, 2)),
    ({"name": "GCN", **STACK, "jk": "cat", "norm": "batch_norm"}, ()),
    ({"name": "GIN", **STACK, "jk": "max"}, ()),
    ({"name": "GAT", **STACK, "heads": 2}, ()),
]
"""Networks and the axes along which they are symmetric."""


@pytest.fixture(
    scope="module",
    params=[(DIRECTED, ()), *(pytest.param(case, marks=pytest.mark.compiled) for case in OTHERS)],
    ids=lambda case: f"{case[0]['name']}{len(case[1])}",
)
def surrogate(request: pytest.FixtureRequest) -> Surrogate:
    """A graph network with drawn weights."""
    torch.manual_seed(3)
    net = {**request.param[0], "in_channels": 2, "out_channels": 2}
    inputs = [Variable("progress", "1"), Variable("mixture", "1")]
    outputs = [Variable("density", "1/m"), Variable("curvature", "1/m")]
    made = Surrogate(net, inputs, outputs, reflections=request.param[1])
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.5 if parameter.ndim > 1 else 0.1)
    made.input_norm.set(0.5, 0.5)
    made.output_norm.set(0.0, 3.0)
    return made.eval()


@pytest.fixture(scope="module")
def coupled(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command makes of an experiment."""
    root = tmp_path_factory.mktemp("coupled")
    artifacts = root / "experiments" / "run" / "artifacts"
    surrogate.save(artifacts)
    positions, edges = mesh(300)
    graph = Graph.from_edges(edges, positions, LENGTH)
    inputs = torch.rand(300, 2, generator=torch.Generator().manual_seed(1))
    write_mesh(artifacts, {"inputs": inputs, "graph": graph})
    command(USE_CASE, root / "experiments")(root / "front", experiment="run")
    return root / "front"


class Array(ctypes.Structure):
    """``struct front_array``."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_int32),
        ("rank", ctypes.c_int32),
        ("extent", ctypes.c_int64 * 3),
        ("stride", ctypes.c_int64 * 3),
    )

    @classmethod
    def of(cls, a: Numbers) -> Array:
        """Describe an array."""
        found = cls(data=a.ctypes.data, bytes=a.itemsize, rank=a.ndim)
        found.extent[: a.ndim], found.stride[: a.ndim] = a.shape, a.strides
        return found


class Library:
    """The library through its interface for C, by ctypes."""

    def __init__(self, folder: Path) -> None:
        self.loaded = ctypes.CDLL(str(folder / "libfront.so"))
        self.loaded.front_message.restype = ctypes.c_char_p

    @property
    def message(self) -> str:
        """The message of the last error."""
        text: bytes = self.loaded.front_message()
        return text.decode()

    def mesh(
        self, positions: Numbers, elements: Numbers, first: int = 0, kind: type = np.int32
    ) -> tuple[int, int]:
        """Make a mesh; return status and number."""
        where = np.ascontiguousarray(positions, np.float64)
        what: Numbers = np.ascontiguousarray(elements, kind)
        number = ctypes.c_int(-5)
        status = getattr(self.loaded, f"front_mesh{'_i64' if kind is np.int64 else ''}")(
            *(ctypes.c_int64(len(where)), pointer(where)),
            *(ctypes.c_int64(len(what)), ctypes.c_int(what.shape[1]), pointer(what)),
            *(ctypes.c_int(first), ctypes.byref(number)),
        )
        return status, number.value

    def free(self, number: int) -> int:
        """Release a mesh; return the status."""
        return int(self.loaded.front_mesh_free(ctypes.c_int(number)))

    def __call__(
        self, number: int, given: Numbers, kind: type = np.float32, length: float = LENGTH
    ) -> tuple[int, Numbers]:
        """Call the library on fields, (node, input); return status and fields (node, output)."""
        double = kind is np.float64
        arrays = [*np.array(given.T, kind, order="C"), *np.zeros((2, len(given)), kind)]
        single = ctypes.c_double if double else ctypes.c_float
        pointers = [pointer(a) for a in arrays]
        status = getattr(self.loaded, f"front{'_f64' if double else ''}")(
            ctypes.c_int(number), *pointers[:2], single(length), *pointers[2:]
        )
        return status, np.stack(arrays[2:], axis=1)


def pointer(a: Numbers) -> ctypes.c_void_p:
    return a.ctypes.data_as(ctypes.c_void_p)


@pytest.fixture(scope="module")
def front(coupled: Path) -> Library:
    """The library, loaded."""
    return Library(coupled)


def mesh(nodes: int, seed: int = 0) -> tuple[Numbers, Numbers]:
    """Join random points to their three nearest ones: positions [m], edges from 0."""
    where = np.random.default_rng(seed).random((nodes, 3)) * LENGTH * nodes ** (1 / 3)
    distances = np.linalg.norm(where[:, None] - where[None], axis=-1)
    nearest = np.argsort(distances, axis=1)[:, 1:4]
    pairs = np.stack([np.repeat(np.arange(nodes), 3), nearest.ravel()], axis=1)
    return where, np.unique(np.sort(pairs, axis=1), axis=0)


def fields(nodes: int, seed: int = 0) -> NDArray[np.float32]:
    """Return two random fields, (node, 2)."""
    return np.random.default_rng(seed).random((nodes, 2), dtype=np.float32)


def same(
    found: Numbers,
    surrogate: Surrogate,
    given: NDArray[np.float32],
    positions: Numbers,
    edges: Numbers,
    length: float = LENGTH,
) -> None:
    """Compare fields with PyTorch."""
    graph = Graph.from_edges(np.array(edges), positions, length)
    with torch.inference_mode():
        scale = torch.full((len(given),), 1 / length)
        expected = surrogate(torch.from_numpy(given), scale, graph=graph).numpy()
    assert (np.abs(found - expected) <= 1e-6 * np.abs(expected).max()).all()


@pytest.mark.parametrize("nodes", [4, 17, 1000])
def test_fields_on_any_mesh_are_those_of_pytorch(
    front: Library, surrogate: Surrogate, nodes: int
) -> None:
    (positions, edges), given = mesh(nodes, seed=nodes), fields(nodes)
    for kind, first in itertools.product((np.int32, np.int64), (0, 1)):
        status, number = front.mesh(positions, edges + first, first, kind)
        assert status == 0, front.message
        for precision in (np.float32, np.float64):
            status, found = front(number, given, precision)
            assert status == 0, front.message
            same(found, surrogate, given, positions, edges)
        assert front.free(number) == 0


def test_ranks_with_a_halo_of_the_reach_have_the_result_of_the_whole(
    front: Library, surrogate: Surrogate
) -> None:
    (positions, edges), given = mesh(200), fields(200)
    graph = Graph.from_edges(edges, positions, LENGTH)
    _, whole = front(front.mesh(positions, edges)[1], given)
    reach = routine(surrogate).reach
    assert reach
    for part in graph.parts(80):
        inside = graph.neighbourhood(part, reach).numpy()
        number_of = np.full(200, -1)
        number_of[inside] = np.arange(len(inside))
        own = number_of[edges]
        status, rank = front.mesh(positions[inside], own[(own >= 0).all(1)])
        assert status == 0, front.message
        _, found = front(rank, given[inside])
        kept = found[number_of[part.numpy()]]
        np.testing.assert_allclose(kept, whole[part.numpy()], rtol=0, atol=1e-6 * np.ptp(whole))


SQUARE, TRIANGLE = [(0, 1), (1, 2), (2, 3), (0, 3)], [(0, 1), (1, 2), (0, 2)]


def raised(base: Sequence[tuple[int, int]], corners: int) -> list[tuple[int, int]]:
    """Return the edges of a base, the same above it, and those in between."""
    above = [(a + corners, b + corners) for a, b in base]
    return [*base, *above, *((i, i + corners) for i in range(corners))]


@pytest.mark.parametrize(
    ("corners", "edges"),
    [
        (2, [(0, 1)]),
        (4, list(itertools.combinations(range(4), 2))),
        (5, [*SQUARE, *((i, 4) for i in range(4))]),
        (6, raised(TRIANGLE, 3)),
        (8, raised(SQUARE, 4)),
    ],
)
def test_elements_have_these_edges(
    front: Library, surrogate: Surrogate, corners: int, edges: list[tuple[int, int]]
) -> None:
    positions, given = (
        LENGTH * fields(corners + 3, 5)[:, [0, 1, 0]] ** [1, 1, 3],
        fields(corners + 3),
    )
    # Two elements that share all nodes but three, the second one mirrored.
    other = np.array([*range(corners + 2, corners - 1, -1), *range(corners - 3)])[:corners]
    table = np.array([range(corners), other])
    pairs = {(min(p), max(p)) for e in table for a, b in edges for p in [(int(e[a]), int(e[b]))]}
    used = np.unique(table)
    number_of = {int(node): i for i, node in enumerate(used)}
    table = np.vectorize(number_of.__getitem__)(table)
    renamed = [(number_of[a], number_of[b]) for a, b in sorted(pairs)]
    status, number = front.mesh(positions[used], table)
    assert status == 0, front.message
    status, found = front(number, given[used])
    assert status == 0, front.message
    same(found, surrogate, given[used], positions[used], np.array(renamed))


def test_edges_may_be_given_twice_in_any_order_and_direction(front: Library) -> None:
    (positions, edges), given = mesh(50), fields(50)
    twice = np.concatenate([edges, edges[::-1, ::-1], edges[:7]])
    shuffled = np.random.default_rng(0).permutation(twice)
    numbers = [front.mesh(positions, table)[1] for table in (edges, shuffled)]
    (_, expected), (_, found) = (front(number, given) for number in numbers)
    np.testing.assert_array_equal(found, expected)


def test_a_program_has_several_meshes(front: Library, surrogate: Surrogate) -> None:
    kept = {front.mesh(*mesh(n))[1]: n for n in (10, 20, 30)}
    for number, n in kept.items():
        same(front(number, fields(n))[1], surrogate, fields(n), *mesh(n))
    first = min(kept)
    assert front.free(first) == 0
    assert front(first, fields(10))[0] == ARGUMENT
    assert f"mesh = {first}: nothing has this number; front_mesh gives one" in front.message
    assert front.free(first) == ARGUMENT
    again = front.mesh(*mesh(40))[1]
    assert again == first
    same(front(again, fields(40))[1], surrogate, fields(40), *mesh(40))


def test_arrays_of_any_strides_are_taken_as_they_are(front: Library, surrogate: Surrogate) -> None:
    (positions, edges), given = mesh(40), fields(40)
    # As a host in Fortran may have them: (axis, node) in records of four, the last node first.
    records = np.full((40, 4), np.nan, np.float32)
    records[::-1, :3] = positions
    table = np.asfortranarray(edges + 1)
    where, what = Array.of(records[::-1, :3]), Array.of(table)
    number = ctypes.c_int()
    places = (ctypes.byref(where), ctypes.byref(what), ctypes.c_int(1), ctypes.byref(number))
    assert front.loaded.front_mesh_arrays(*places) == 0, front.message
    state = np.full((40, 5), 7.0)
    state[:, :2] = given
    arrays = (Array * 4)(*(Array.of(state[:, i]) for i in (0, 1, 2, 4)))
    length = (ctypes.c_double * 1)(LENGTH)
    assert front.loaded.front_arrays(number, arrays, ctypes.c_int(4), length) == 0, front.message
    same(state[:, [2, 4]], surrogate, given, positions.astype(np.float32), edges)
    assert (state[:, 3] == 7).all()

    def refused(i: int, words: str, **changes: Any) -> None:
        wrong = (Array * 4)(*(Array.of(state[:, k]) for k in (0, 1, 2, 4)))
        for name, value in changes.items():
            setattr(wrong[i], name, value)
        assert front.loaded.front_arrays(number, wrong, ctypes.c_int(4), length) == ARGUMENT
        assert words in front.message

    refused(1, "mixture: 39 nodes, the mesh has 40", extent=(39, 0, 0))
    refused(0, "progress: values of 2 bytes, expected 4 or 8", bytes=2)
    refused(3, "curvature: no array was given", data=None)
    refused(0, "progress: an array of 2 axes, expected 1", rank=2)
    refused(2, "density: a stride of 0 bytes along axis 1", stride=(0, 0, 0))
    refused(3, "progress and curvature share memory", data=state.ctypes.data)
    assert front.loaded.front_arrays(number, arrays, ctypes.c_int(3), length) == ARGUMENT
    assert "3 arrays, expected 4" in front.message


def changed(table: Numbers, place: tuple[int, int], value: float) -> Numbers:
    table = np.array(table)
    table[place] = value
    return table


WHERE, EDGES = mesh(12)


@pytest.mark.parametrize(
    ("positions", "elements", "first", "status", "words"),
    [
        (
            WHERE,
            changed(EDGES, (3, 1), 99),
            0,
            ARGUMENT,
            "element 4 names node 99, expected 0 ... 11",
        ),
        (
            WHERE,
            changed(EDGES, (0, 0), -2),
            0,
            ARGUMENT,
            "element 1 names node -2, expected 0 ... 11",
        ),
        (WHERE, EDGES + 1, 0, ARGUMENT, "as first = 0 says: they seem to be counted from 1"),
        (WHERE, EDGES, 1, ARGUMENT, "as first = 1 says: they seem to be counted from 0"),
        (WHERE, EDGES, 2, ARGUMENT, "first = 2: expected 0 or 1"),
        (WHERE, EDGES[:, [0, 0]], 0, ARGUMENT, "element 1 names node 0 twice"),
        (WHERE, EDGES[:, [0, 1, 1]], 0, ARGUMENT, "elements: 3 nodes each, expected 2 (edges), 4"),
        (WHERE, EDGES[:0], 0, ARGUMENT, "elements: 0 of them, expected 1 ..."),
        (WHERE[:1], EDGES, 0, ARGUMENT, "positions: 1 nodes, expected 2 ..."),
        (
            np.vstack([WHERE, WHERE[:1]]),
            EDGES,
            0,
            ARGUMENT,
            "node 12 (from 0) belongs to no element",
        ),
        (
            np.vstack([WHERE, WHERE]),
            EDGES + 1,
            1,
            ARGUMENT,
            "node 13 (from 1) belongs to no element",
        ),
        (changed(WHERE, (4, 1), math.nan), EDGES, 0, NOT_FINITE, "coordinate 2 of node 5 is NaN"),
        (
            changed(WHERE, (0, 2), -math.inf),
            EDGES,
            0,
            NOT_FINITE,
            "coordinate 3 of node 1 is infinit",
        ),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(
    front: Library, positions: Numbers, elements: Numbers, first: int, status: int, words: str
) -> None:
    for kind in (np.int32, np.int64):
        assert front.mesh(positions, elements, first, kind) == (status, 0)
        assert words in front.message


@pytest.mark.parametrize(
    ("node", "value", "length", "status", "words"),
    [
        (6, math.nan, LENGTH, NOT_FINITE, "progress is NaN at node 7"),
        (0, math.inf, LENGTH, NOT_FINITE, "progress is infinite at node 1"),
        (11, 300.0, LENGTH, RANGE, "progress is 300 1 at node 12, expected -0.1 ... 1.1 1"),
        (None, 0.0, math.nan, NOT_FINITE, "length is NaN"),
        (None, 0.0, -1.0, RANGE, "length is -1 m, expected 1e-06 ... 1000 m"),
        (None, 0.0, 1000 * LENGTH, RANGE, "times length = 250 m, expected 0.1 ... 10 times: other"),
    ],
)
def test_fields_without_meaning_are_refused_with_their_place(
    front: Library, node: int | None, value: float, length: float, status: int, words: str
) -> None:
    _, number = front.mesh(WHERE, EDGES)
    given = fields(12)
    if node is not None:
        given[node, 0] = value
    assert front(number, given, length=length)[0] == status
    assert words in front.message


@pytest.mark.parametrize("number", [0, -1, 10**6])
def test_a_call_before_there_is_a_mesh_is_refused(front: Library, number: int) -> None:
    assert front(number, fields(12))[0] == ARGUMENT
    assert f"mesh = {number}: nothing has this number" in front.message


def test_a_missing_array_is_named(front: Library) -> None:
    number = ctypes.c_int(front.mesh(WHERE, EDGES)[1])
    assert front.loaded.front(number, None, None, ctypes.c_float(LENGTH), None, None) == ARGUMENT
    assert "progress: no array was given" in front.message


@needs("gfortran")
def test_the_fortran_check_compiles_and_passes(coupled: Path, tmp_path: Path) -> None:
    require_check(coupled, tmp_path)


def test_the_header_of_cpp_compiles(coupled: Path, tmp_path: Path) -> None:
    (tmp_path / "host.cpp").write_text(
        '#include "front.hpp"\n'
        "void call(const front_library::mesh &m, const double *a, double *b)\n"
        "{\n    m.run(a, a, 1.0, b, b + 12);\n}\n"
    )
    line = [
        "g++",
        "-Wall",
        "-Werror",
        f"-I{coupled}",
        "-c",
        str(tmp_path / "host.cpp"),
        "-o",
        "/dev/null",
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
