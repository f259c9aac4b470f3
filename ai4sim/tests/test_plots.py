"""Figures: drawn in one style without touching the user's, written whole."""

import matplotlib
import pytest

from ai4sim.evaluation.figures import STYLE, empty_figure, save_figures, styled


@styled
def draw(width: float):
    figure = empty_figure(width, 2.0)
    figure.subplots().plot([0, 1], [1, 0])
    return figure


def test_the_style_holds_in_the_figure_only():
    with matplotlib.rc_context({"font.size": 31, "axes.grid": False, "backend": "svg"}):
        before = dict(matplotlib.rcParams)
        axes = draw(3.0).axes[0]
        assert dict(matplotlib.rcParams) == before
    assert axes.xaxis.label.get_size() == STYLE["font.size"]
    assert axes.xaxis.get_gridlines()[0].get_visible()


def test_no_figure_is_known_to_pyplot():
    import matplotlib.pyplot as plt

    draw(3.0)
    assert not plt.get_fignums()


def test_figures_are_drawn_one_at_a_time_and_written_in_order(tmp_path):
    alive = []

    def figures():
        for name in ("first", "second"):
            alive.append(sorted(path.name for path in tmp_path.glob("**/*.png")))
            yield name, draw(3.0)

    files = save_figures(figures(), tmp_path / "plots")
    assert [file.name for file in files] == ["first.png", "second.png"]
    assert alive == [[], ["first.png"]]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_figure_that_fails_leaves_the_earlier_ones_and_no_half_file(tmp_path):
    def figures():
        yield "first", draw(3.0)
        raise RuntimeError("no second figure")

    with pytest.raises(RuntimeError, match="no second figure"):
        save_figures(figures(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["first.png"]
