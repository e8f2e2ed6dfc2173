"""Lengths of steps against what the walk's definition gives."""

import numpy as np
import pytest
import scipy.sparse as sp

from kernlab.graph import KNNGraph
from kernlab.graph._steps import coincident_edges, step_length


def test_a_step_is_the_root_mean_square_of_usual_edges():
    graph = KNNGraph(8).fit(np.random.default_rng(0).standard_normal((200, 2)))
    degrees = np.asarray(graph.affinity_.sum(axis=1)).ravel()
    squares = graph.affinity_.multiply(graph.distances_.power(2)).sum() / degrees.sum()
    step = step_length(graph.affinity_, graph.distances_, degrees)
    assert step == pytest.approx(np.sqrt(squares), rel=1e-12)
    huge = step_length(graph.affinity_, graph.distances_ * 1e200, degrees)
    assert huge == pytest.approx(1e200 * step, rel=1e-12)


def test_a_bridge_and_coincident_points_set_no_scale():
    # A path of unit edges, a copy of its first point, and a bridge at its end.
    lengths = np.r_[2.0**-30, np.ones(9), 50.0]
    lengths = sp.diags([lengths, lengths], [1, -1]).tocsr()
    affinity = lengths.copy()
    affinity.data[:] = 1.0
    assert (lengths.data[coincident_edges(lengths)] == 2.0**-30).all()
    assert coincident_edges(lengths).sum() == 2
    assert not coincident_edges(affinity).any()
    mass = np.ones(12)
    assert step_length(affinity, lengths, mass) == pytest.approx(np.sqrt(18 / 12))
