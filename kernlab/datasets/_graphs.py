"""A graph of known groups that clustering methods are tried on."""

from importlib.resources import files

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Bunch

# Zachary's table 1, nodes from 0. All others were of the instructor's faction.
_PRESIDENT = (8, 9, 14, 15, 18, 20, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33)


def load_karate():
    """Friendships in a karate club that split in two.

    34 members, 78 pairs of which meet outside the club. Asked for are the two groups: node 0 is
    the instructor, node 33 the president. Node 8, of the president's faction, joined the
    instructor's club for reasons of his own; ``target`` has factions.

    Returns
    -------
    graph : Bunch
        ``adjacency``, csr_matrix of shape (34, 34) of zeros and ones; ``weights``, csr_matrix of
        the same pattern: in how many kinds of activity a pair met; ``target`` of shape (34,), 0
        for the instructor's faction and 1 for the president's; ``target_names``; ``DESCR``.

    References
    ----------
    W. W. Zachary, *An information flow model for conflict and fission in small groups*, Journal of
    Anthropological Research 33, 1977.

    Examples
    --------
    >>> from kernlab.datasets import load_karate
    >>> karate = load_karate()
    >>> karate.adjacency.shape, karate.adjacency.nnz // 2
    ((34, 34), 78)
    """
    text = (files("kernlab.datasets") / "data" / "karate.csv").read_text(encoding="utf-8")
    first, second, activities = np.loadtxt(
        text.splitlines(), delimiter=",", skiprows=1, dtype=np.int64
    ).T
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    weights = sp.csr_matrix((np.tile(activities, 2).astype(np.float64), ends), shape=(34, 34))
    target = np.zeros(34, dtype=np.int64)
    target[list(_PRESIDENT)] = 1
    return Bunch(
        adjacency=(weights > 0).astype(np.float64),
        weights=weights,
        target=target,
        target_names=np.array(["instructor", "president"]),
        DESCR=load_karate.__doc__,
    )
