import sys

import networkx as nx
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from kernlab.cluster import GraphClustering, GraphMeasureSearch, ProximityDisplay, reject_curve
from kernlab.exceptions import MissingExtraError
from kernlab.graph import GraphProximity

pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
KARATE = nx.karate_club_graph()
CLUB = [KARATE.nodes[node]["club"] for node in KARATE]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


@pytest.fixture(scope="module")
def fitted():
    params = [0.6, 0.2, 0.9]
    return GraphClustering(2, measure="rsp", param=params, n_init=2, random_state=0).fit(KARATE)


def lines(display):
    return {line.get_label(): line.get_xydata() for line in display.ax_.lines}


def test_the_sweep_of_an_estimator(fitted):
    _, ax = pyplot.subplots()
    display = ProximityDisplay.from_estimator(fitted, CLUB, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    shown = lines(display)
    # Unit parameters rise where natural ones of randomised shortest paths fall.
    order = [2, 0, 1]
    np.testing.assert_allclose(
        shown["modularity"], np.column_stack((fitted.params_, fitted.scores_))[order]
    )
    rand = [adjusted_rand_score(CLUB, labels) for labels in fitted.candidate_labels_]
    np.testing.assert_allclose(shown["adjusted Rand index"][:, 1], np.array(rand)[order])
    np.testing.assert_allclose(shown["selected"], [[fitted.param_, fitted.modularity_]])
    assert ax.get_xscale() == "log"
    assert "adjusted Rand index" not in lines(ProximityDisplay.from_estimator(fitted))


def test_the_measures_of_a_search():
    search = GraphMeasureSearch(2, measures=["for", "ct", "heat2"], params=3, n_init=2,
                                random_state=0).fit(KARATE)  # fmt: skip
    results = search.search_results_
    shown = lines(ProximityDisplay.from_estimator(search))
    assert set(shown) == {"for", "heat2", "selected"}
    of_for = results["measure"] == "for"
    expected = [
        [x, np.nanmax(results["score"][of_for & (results["param"] == x)])]
        for x in np.unique(results["param"][of_for])
    ]
    np.testing.assert_allclose(shown["for"], expected)
    display = ProximityDisplay.from_estimator(search, CLUB)
    rand = adjusted_rand_score(CLUB, search.labels_)
    assert display.chosen == (search.best_measure_, search.best_param_, rand)
    one = ProximityDisplay.from_estimator(search, measures=["HEAT2"], color="red", linewidth=3)
    assert set(lines(one)) == {"heat2"}
    assert (one.artists_[0].get_color(), one.artists_[0].get_linewidth()) == ("red", 3)
    for measures in (["ct"], ["katz"], []):
        with pytest.raises(ValueError, match="some that were searched.*: 'for', 'heat2'"):
            ProximityDisplay.from_estimator(search, measures=measures)
    assert display.ax_.get_ylabel() == "adjusted Rand index"
    with pytest.raises(ValueError, match="no sweep"):
        ProximityDisplay.from_estimator(search.set_params(params=1).fit(KARATE))


def test_more_than_six_measures_are_a_map_the_best_on_top():
    rng = np.random.default_rng(0)
    scores = {f"m{i}": rng.random(3) for i in range(7)}
    scores["none"] = np.full(3, np.nan)
    display = ProximityDisplay.from_sweep([0.9, 0.1, 0.5], scores, label="index", cmap="magma")
    (image,) = display.artists_
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    best = [np.nanmax(scores[name]) for name in names[:-1]]
    assert best == sorted(best, reverse=True)
    assert names[-1] == "none"
    table = np.stack([scores[name][[1, 2, 0]] for name in names])
    np.testing.assert_array_equal(image.get_array().filled(np.nan), table)
    assert image.get_cmap().name == "magma"
    assert [text.get_text() for text in display.ax_.get_xticklabels()] == ["0.1", "0.5", "0.9"]
    assert display.figure_.axes[1].get_ylabel() == "index"
    display.chosen = ("m3", 0.5, 0.0)
    (ring,) = display.plot().ax_.lines
    np.testing.assert_array_equal(ring.get_xydata(), [[1, names.index("m3")]])
    assert display.ax_.get_title() == "selected: m3 at 0.5"


def test_the_legend_hides_no_curve():
    display = ProximityDisplay.from_sweep([0.1, 0.9], {"for": [1.0, 1.0], "heat": [0.0, 1.0]})
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend().get_window_extent()
    assert legend.x0 > display.ax_.get_window_extent().x1
    assert legend.x1 <= display.figure_.bbox.x1


def test_sweeps_of_several_measures():
    scores = {"for": [0.1, 0.3, np.nan], "scct": [0.4, 0.5, 0.6]}
    display = ProximityDisplay.from_sweep([0.9, 0.1, 0.5], scores, label="modularity")
    np.testing.assert_array_equal(lines(display)["for"], [[0.1, 0.3], [0.5, np.nan], [0.9, 0.1]])
    assert display.ax_.get_ylabel() == "modularity"


def test_reject_curves_are_drawn_with_their_areas():
    curves = {
        name: reject_curve(GraphProximity(name).fit(KARATE).distance_, CLUB)
        for name in ("for", "scct")
    }
    shown = lines(ProximityDisplay.from_reject_curves(curves))
    for name, curve in curves.items():
        points = shown[f"{name} (area {curve.auc:.3f})"]
        np.testing.assert_array_equal(points, np.column_stack((curve.fpr, curve.tpr)))


def test_what_cannot_be_drawn_is_refused(fitted):
    with pytest.raises(TypeError, match="give a fitted GraphClustering"):
        ProximityDisplay.from_estimator(None)
    with pytest.raises(ValueError, match="not fitted"):
        ProximityDisplay.from_estimator(GraphClustering(2))
    with pytest.raises(ValueError, match=r"y has shape \(3,\), expected \(34,\)"):
        ProximityDisplay.from_estimator(fitted, [0, 1, 2])
    with pytest.raises(ValueError, match="y has no class for 1 of 34 nodes.*draw without y"):
        ProximityDisplay.from_estimator(fitted, [None, *CLUB[1:]])
    with pytest.raises(ValueError, match="measures=.*has one alone, 'rsp'"):
        ProximityDisplay.from_estimator(fitted, measures=["rsp"])
    one = GraphClustering(2, param=0.5, n_init=1).fit(KARATE)
    with pytest.raises(ValueError, match="tried one parameter.*param='auto'"):
        ProximityDisplay.from_estimator(one)
    with pytest.raises(ValueError, match=r"scores\['for'\] has shape \(1,\), expected \(2,\)"):
        ProximityDisplay.from_sweep([0.1, 0.2], {"for": [1.0]})
    with pytest.raises(ValueError, match="scores 0 measures"):
        ProximityDisplay.from_sweep([0.1, 0.2], {})
    with pytest.raises(ValueError, match="curves is empty"):
        ProximityDisplay.from_reject_curves({})
    with pytest.raises(TypeError, match=r"curves\['for'\] is float"):
        ProximityDisplay.from_reject_curves({"for": 0.9})


def test_without_matplotlib_the_extra_is_named(fitted, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match=r"kernlab\[plot\]"):
        ProximityDisplay.from_estimator(fitted)
