"""The skill-cost front: what is measured, and who is on it."""

import time

import torch

from ai4sim.evaluation.cost import front, front_figure, one_thread, processor, seconds_per_call


def spin(seconds):
    def work():
        begun = time.process_time()
        while time.process_time() - begun < seconds:
            pass

    return work


def test_calls_are_measured_in_processor_time_whatever_their_length():
    found = seconds_per_call({"short": spin(1e-3), "long": spin(0.02), "idle": lambda: None}, 3)
    assert found["idle"] < 1e-4 < 9e-4 < found["short"] < found["long"]
    assert 0.019 < found["long"] < 0.06


def test_waiting_costs_no_processor_time():
    assert seconds_per_call({"asleep": lambda: time.sleep(0.01)}, 2)["asleep"] < 5e-3


def test_one_thread_is_given_back():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_the_front_holds_those_that_no_other_beats_in_cost_and_skill():
    costs = {"zero": 0.1, "line": 1.0, "slow_line": 2.0, "scheme": 30.0, "net": 10.0, "unknown": 3}
    skills = {"zero": 0.0, "line": 0.5, "slow_line": 0.5, "scheme": 0.9, "net": 0.8}
    assert front(costs, skills) == ["zero", "line", "net", "scheme"]
    errors = {name: 1 - skill for name, skill in skills.items()}
    assert front(costs, errors, least=True) == ["zero", "line", "net", "scheme"]
    assert front({}, skills) == []


def test_the_figure_shows_each_contender_and_joins_the_front():
    cost = {"unit": "column", "processor": "P", "least": False}
    cost["microseconds"] = {"line": 1.0, "model": 10.0, "poor_scheme": 30.0, "truth": 90.0}
    skills = {"line": 0.5, "model": 0.8, "poor_scheme": 0.7, "climatology": 0.1}
    (ax,) = front_figure(cost, skills, "r2_mean").axes
    line, *points = ax.lines
    assert line.get_xdata().tolist() == [1.0, 10.0]
    assert [float(p.get_xdata()[0]) for p in points] == [1.0, 10.0, 30.0]
    assert [t.get_text() for t in ax.texts] == ["line", "network", "poor scheme"]
    assert ax.get_xlabel() == "processor time on one thread [µs per column]"
    assert processor()
