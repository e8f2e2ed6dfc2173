"""What estimators share that give the nodes of one graph coordinates."""

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from kernlab.graph._adjacency import check_fitted_graph, graph_tags


class GraphEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Coordinates ``embedding_`` of the nodes of ``_adjacency``, both set by ``fit``."""

    def fit_transform(self, X, y=None):
        """Fit, and return ``embedding_``.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
        y : Ignored

        Returns
        -------
        embedding : float32 ndarray of shape (n_nodes, n_components)
        """
        return self.fit(X).embedding_

    def transform(self, X):
        """``embedding_``, of the graph that was fitted and of no other.

        Parameters
        ----------
        X : networkx graph, sparse matrix or array-like of shape (n_nodes, n_nodes)
            That of :meth:`fit`.

        Returns
        -------
        embedding : float32 ndarray of shape (n_nodes, n_components)

        Raises
        ------
        ValueError
            Where X is another graph: a proximity depends on all nodes and edges.
        """
        check_is_fitted(self)
        check_fitted_graph(self, X, self._adjacency)
        return self.embedding_.copy()

    @property
    def _n_features_out(self):
        return self.embedding_.shape[1]

    def __sklearn_tags__(self):
        return graph_tags(super().__sklearn_tags__())
