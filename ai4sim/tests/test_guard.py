"""A guard flags what its training set has nothing like, and little else; hosts then do as told."""

import pytest
import torch

from ai4sim.evaluation.reservoir import Reservoir
from ai4sim.evaluation.trust import Trust, found_share, roc, trust_figure
from ai4sim.guard import Guard, fit_to_batches, offer, samples_of
from ai4sim.guarded import Guarded, guarded
from ai4sim.surrogate import Surrogate
from ai4sim.tests.graphs import scattered_graph
from ai4sim.variables import Variable

CHI_SQUARE = 13.2767
"""What 1 % of the values of a chi-square distribution with four degrees of freedom exceed."""


def normal(rows, channels=4, seed=0):
    return torch.randn(rows, channels, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def gaussian():
    """A guard of correlated normal inputs, and the map that makes them of independent ones."""
    mix = torch.linalg.qr(normal(4, seed=5)).Q * torch.tensor([1.0, 10.0, 100.0, 0.1])
    guard = Guard.fit(normal(16384) @ mix, normal(16384, seed=1) @ mix, clusters=1)
    return guard, mix


def test_of_normal_inputs_the_distance_and_the_false_alarms_are_known(gaussian):
    guard, mix = gaussian
    # One standard deviation from the mean along any direction, over the allowed distance.
    unit = guard(torch.eye(4) @ mix).score
    torch.testing.assert_close(unit, torch.full((4,), CHI_SQUARE**-0.5), rtol=0.03, atol=0.01)
    flag = guard(normal(40_000, seed=2) @ mix).flag.double().mean()
    assert 0.005 < flag < 0.02  # 1 % by the distance, 0.5 % by the box


def test_between_two_regimes_there_is_nothing():
    regimes = torch.cat([normal(4000, seed=0) - 6, normal(4000, seed=1) + 6])
    guard = Guard.fit(regimes, regimes + 0.01)
    between = 0.1 * normal(100, seed=2)
    assert ((guard.low < between) & (between < guard.high)).all()
    assert guard(between).flag.all()
    assert guard(regimes).flag.double().mean() < 0.02


def test_an_input_out_of_its_range_is_seen_where_the_leading_components_have_no_part_of_it():
    wide = normal(4000, 12)
    inputs = torch.cat([wide, wide + 0.1 * normal(4000, 12, seed=1)], dim=1)
    guard = Guard.fit(inputs, inputs, components=2)
    spike = inputs[:50].clone()
    spike[:, 3] = 20.0
    assert guard(spike).flag.all()
    assert guard(torch.full((2, 24), torch.nan)).flag.all()


def test_the_box_holds_quantiles_rare_values_and_constants():
    uniform = torch.linspace(0, 1, 5000)
    rare = torch.where(torch.arange(5000) % 1250 == 7, 3.0, 0.0)
    constant = torch.full((5000,), 5.0)
    rows = torch.stack([uniform, rare, constant], dim=1)
    guard = Guard.fit(rows, rows)
    torch.testing.assert_close(guard.low, torch.tensor([0.0, 0.0, 5.0]), atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(guard.high, torch.tensor([1.0, 3.0, 5.0]), atol=4e-3, rtol=1e-4)
    assert guard(torch.tensor([[0.5, 0.0, 5.1]])).flag.all()
    clipped = guard.clip(torch.tensor([[-1.0, 9.0, 5.0]]))
    torch.testing.assert_close(
        clipped, torch.stack([guard.low[0], guard.high[1], clipped[0, 2]])[None]
    )


def test_one_process_and_two_whose_halves_are_merged_have_the_same_guard():
    batches = [normal(500, 6, seed=i) for i in range(8)]
    batches[3][:200] = 0.0  # equal rows, too
    whole = fit_to_batches(batches, batches[:2], 6)
    parts = []
    for half in (batches[1::2], batches[::2]):
        kept = Reservoir(1000)
        for batch in half:
            offer(kept, batch)
        parts.append(kept)
    parts[0].merge(parts[1])
    one = Reservoir(1000)
    for batch in batches:
        offer(one, batch)
    assert torch.equal(one.rows["row"], parts[0].rows["row"])
    zeros = (one.rows["row"] == 0).all(1).sum()
    assert 25 < zeros < 80  # 5 % of all rows, and of those that are kept
    again = Guard.fit(torch.cat(batches[::-1]), torch.cat(batches[:2]))
    for name, x in whole.state().items():
        if name in ("low", "high"):
            torch.testing.assert_close(x, again.state()[name])


@pytest.mark.parametrize("shape", [(9,), (5, 6), (4, 5, 6)])
def test_cells_are_judged_with_their_neighbours(shape):
    fields = torch.rand(8, 2, *shape, generator=torch.Generator().manual_seed(0)).cumsum(2)
    rows = samples_of(fields)
    guard = Guard.fit(rows, rows, channels=2)
    found = guard(fields)
    assert found.flag.shape == (8, *shape)
    points = rows @ guard.projection + guard.offset
    away = (points @ guard.whitening + guard.shift).unflatten(1, (-1, points.shape[1]))
    expected = away.square().sum(2).amin(1).sqrt()
    torch.testing.assert_close(found.score.flatten(), expected, rtol=1e-3, atol=1e-4)
    # The row's own inputs are those of the cell.
    torch.testing.assert_close(
        guard.low, fields.movedim(1, -1).reshape(-1, 2).amin(0), atol=0.3, rtol=0
    )
    changed = fields.clone()
    middle = tuple(n // 2 for n in shape)
    changed[(0, 0, *middle)] += 100.0
    raised = guard(changed).flag & ~found.flag
    assert raised[(0, *middle)] and raised[0].sum() > 1 and not raised[1:].any()
    with pytest.raises(ValueError, match="fitted to samples of 2 channels and"):
        guard(fields[:, :1])


def test_nodes_are_judged_with_their_neighbours():
    graph = scattered_graph(400)
    smooth = graph.positions[:, :1] / graph.positions.max()
    rows = samples_of(smooth, graph)
    guard = Guard.fit(rows, rows, channels=1)
    rough = smooth.clone()
    rough[::2] = smooth.flip(0)[::2]  # the same range, other neighbours
    assert guard(smooth, graph).flag.double().mean() < 0.05
    assert guard(rough, graph).flag.double().mean() > 0.5


def test_hosts_keep_clip_or_fall_back_exactly_where_the_flag_is_up(gaussian):
    guard, mix = gaussian
    rows = normal(200, seed=3) @ mix
    rows[::4] += 1000.0
    flag = guard(rows).flag
    assert flag[::4].all() and 50 <= flag.sum() < 60

    def network(x):
        return x.sum(1, keepdim=True).expand(-1, 2) * torch.tensor([1.0, 2.0])

    def scheme(chosen):
        return torch.stack([chosen.double() * 3.0, torch.full((len(chosen),), torch.nan)], 1)

    kept = Guarded(guard, "keep")
    assert torch.equal(kept(rows, network, scheme), network(rows))
    assert (kept.seen, kept.flagged) == (200, int(flag.sum()))
    clipped = Guarded(guard, "clip")(rows, network, scheme)
    assert torch.equal(clipped[flag], network(guard.clip(rows[flag])))
    fallen = Guarded(guard, "fallback")(rows, network, scheme)
    assert torch.equal(fallen[flag, 0], flag.nonzero()[:, 0] * 3.0)
    assert torch.equal(fallen[flag, 1], network(rows)[flag, 1])  # what no scheme knows
    for found in (clipped, fallen):
        assert torch.equal(found[~flag], network(rows)[~flag])


def test_what_cannot_be_guarded_says_so(tmp_path):
    columns = [Variable("T", "K", 3)], [Variable("dT", "K", 3)]
    net = {"name": "MLP", "in_channels": 3, "out_channels": 3, "features": 4, "layers": 1}
    old = Surrogate(net, *columns).eval()
    fields = {"T": normal(5, 3).numpy()}
    with pytest.raises(ValueError, match="no statistics of its training set for a guard"):
        old.predict(fields, guard=True)
    with pytest.raises(ValueError, match="run-7 has no statistics .* train again"):
        guarded(old.guard, "clip", "run-7")
    assert set(old.predict(fields)) == {"dT"}
    with pytest.raises(ValueError, match="found 1 and 3"):
        Guard.fit(normal(1), normal(3))
    with pytest.raises(ValueError, match="NaN or infinite"):
        Guard.fit(torch.full((9, 2), torch.inf), normal(9, 2))
    old.guard = Guard.fit(normal(500, 3), normal(500, 3))
    old.save(tmp_path)
    new = Surrogate.load(tmp_path)
    judged = new.predict(fields, guard=True)
    assert judged["guard_flag"].shape == judged["guard_score"].shape == (5,)
    single = new.predict({"T": fields["T"][2]}, guard=True)
    assert single["guard_score"] == pytest.approx(judged["guard_score"][2], rel=1e-5)
    assert new.predict({"T": 100 + fields["T"]}, guard=True)["guard_flag"].all()


def test_shares_and_errors_of_a_test_set_add_up():
    flag = torch.arange(1000) % 10 == 0
    score, error = flag + 0.5, torch.where(flag, 3.0, 1.0)
    place = torch.arange(1000) / 100
    one, parts = Trust(), [Trust(), Trust()]
    one.update(flag, score, error, {"x [m]": place, "y [m]": -place})
    for part, half in zip(parts, (slice(0, 300), slice(300, None)), strict=True):
        part.update(
            flag[half], score[half], error[half], {"x [m]": place[half], "y [m]": -place[half]}
        )
    parts[0].merge(parts[1])
    expected = {"samples": 1000, "flagged_share": 0.1, "rmse_inside": 1.0, "rmse_flagged": 3.0}
    for trust in (one, parts[0]):
        assert expected.items() <= trust.metrics().items()
    left, right = trust_figure(one).axes[:2]
    assert "10 %" in left.texts[0].get_text() and right.get_xlabel() == "x [m]"
    assert found_share(flag, error, 2.0) == 1.0


def test_the_curve_of_a_score_and_its_area():
    inside, outside = torch.tensor([1.0, 2.0, 3.0, 4.0]), torch.tensor([3.5, 5.0])
    false_alarms, found, area = roc(inside, outside)
    assert area == pytest.approx(7 / 8)  # the share of pairs in the right order
    assert (0.25, 0.5) in zip(false_alarms.tolist(), found.tolist(), strict=True)
    assert roc(inside, inside)[2] == pytest.approx(0.5)
