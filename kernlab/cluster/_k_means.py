"""k-means on the rows of an embedding, of any number of them."""

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

# Points that k-means is started on; passes over all points from there.
_SAMPLE, _PASSES = 20_000, 4


def k_means(points, n_clusters, n_init, rng):
    """Labels, no cluster empty: starts on a sample, then few passes over all points."""
    n = len(points)
    # Threads of OpenMP add up in the order they finish, which is not the same every time.
    with threadpool_limits(limits=1, user_api="openmp"):
        sample = points if n <= _SAMPLE else points[rng.choice(n, _SAMPLE, replace=False)]
        model = KMeans(n_clusters, n_init=n_init, random_state=rng).fit(sample)
        if n > _SAMPLE:
            model = KMeans(n_clusters, init=model.cluster_centers_, n_init=1, max_iter=_PASSES)
            model.fit(points)
    labels, sizes = model.labels_, np.bincount(model.labels_, minlength=n_clusters)
    if not sizes.all():
        # Fewer distinct points than clusters: take single nodes from where there are most.
        for empty in np.flatnonzero(sizes == 0):
            fullest = sizes.argmax()
            labels[np.flatnonzero(labels == fullest)[0]] = empty
            sizes[fullest] -= 1
            sizes[empty] += 1
    return labels
