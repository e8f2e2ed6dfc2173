"""How well labels fit a graph: modularity and the likelihood of a block model.

Both are functions of the weights between clusters alone, which are found for many labellings of
one graph at a time.
"""

# References: Newman & Girvan, 2004 (modularity); Karrer & Newman, *Stochastic blockmodels and
# community structure in networks*, Physical Review E 83, 2011 (the degree-corrected likelihood).

import numpy as np
import scipy.sparse as sp
from scipy.special import xlogy


def cluster_weights(adjacency, labels, n_clusters=None):
    """Weights between clusters, shape (n_labellings, n_clusters, n_clusters).

    ``adjacency`` is a symmetric array or sparse matrix, ``labels`` of shape (n_labellings, n_nodes)
    holds integers from zero up. An edge within a cluster counts twice, as in the sum of degrees.
    """
    labels = np.atleast_2d(labels)
    if n_clusters is None:
        n_clusters = int(labels.max()) + 1
    edges = sp.csr_matrix(adjacency).tocoo()
    weights = np.empty((len(labels), n_clusters, n_clusters))
    for one, out in zip(labels, weights, strict=True):
        pairs = one[edges.row].astype(np.int64) * n_clusters + one[edges.col]
        out[:] = np.bincount(pairs, edges.data, n_clusters**2).reshape(n_clusters, n_clusters)
    return weights


def modularity(weights):
    """Newman's modularity at resolution one of each table of :func:`cluster_weights`."""
    total = weights.sum(axis=(1, 2))
    share = weights.sum(axis=2) / total[:, None]
    within = np.trace(weights, axis1=1, axis2=2) / total
    return within - np.sum(share**2, axis=1)


def block_log_likelihood(weights):
    """Profile log likelihood of the degree-corrected block model, up to what labels do not change.

    Half the sum of m_rs log(m_rs / (m_r m_s)), in nats, for each table of
    :func:`cluster_weights`. High where blocks tell who is linked with whom, be it within clusters
    or across them.
    """
    degrees = weights.sum(axis=2)
    expected = degrees[:, :, None] * degrees[:, None, :]
    ratio = weights / np.where(expected > 0, expected, 1.0)
    return 0.5 * np.sum(xlogy(weights, ratio), axis=(1, 2))
