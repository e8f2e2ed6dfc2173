"""Proximities of the nodes of a graph as kernels of Gaussian processes."""

# References: Borovitskiy, Azangulov, Terenin, Mostowsky, Deisenroth, Durrande, *Matérn Gaussian
# processes on graphs*, AISTATS 2021, arXiv 2010.15538; Smola, Kondor, *Kernels and regularization
# on graphs*, COLT 2003.

from functools import partial
from numbers import Real

import numpy as np
from sklearn.gaussian_process.kernels import GenericKernelMixin, Hyperparameter, Kernel

from kernlab.graph._dense import spectral_function
from kernlab.graph._measures import valid_interval
from kernlab.graph._node_spectrum import FAMILIES, NodeSpectrum, node_measure

# Of the end of an interval: how near the optimiser may come.
_INSIDE = 1.0 - 1e-6


class NodeKernel(GenericKernelMixin, Kernel):
    r"""Covariance of a Gaussian process on the nodes of a graph, by a proximity measure.

    A kernel of scikit-learn whose X are nodes. With it ``GaussianProcessRegressor`` and
    ``GaussianProcessClassifier`` predict at the other nodes of the graph, and choose the measure's
    parameter by the marginal likelihood; the gradient is exact.

    Parameters
    ----------
    graph : networkx graph, sparse matrix, or array-like or DataFrame of shape (n_nodes, n_nodes)
        Undirected: weights zero or more, symmetric. Loops are left out with a
        ``SelfLoopWarning``. It is read once, when first needed: pass a copy after a change.
    measure : str, default='for'
        By the names of :class:`GraphProximity`, those that are positive semi-definite: 'for' or
        'forest', 'heat', 'nheat', 'heat2', 'katz' or 'walk', 'comm', 'comm2', 'modifppr', 'ppr2',
        'abs', 'ct' and 'cct'; and 'matern', the graph Matérn family
        :math:`(I + tL/\nu)^{-\nu}` [1]_, whose ν = 1 is 'for' and whose limit is 'heat'.
    param : float, default=0.5
        The measure's t or α in natural units, as of ``GraphProximity(param_scale="natural")``; of
        'katz', 'comm' and 'comm2' in units of 1/ρ, ρ the largest eigenvalue of the adjacency
        matrix. In (0, 1) for 'katz', 'modifppr' and 'ppr2', in (0, 2) for 'abs', else more than
        zero. 'ct' and 'cct' have none, and do not look at it. Of 'matern' it is half the square
        of the length scale κ of [1]_.
    param_bounds : pair of floats > 0 or "fixed", default=(1e-3, 1e3)
        Of the optimiser. The upper one is taken down to the end of the measure's interval less a
        millionth of it.
    nu : float > 0, default=1.5
        Smoothness, of 'matern' alone. Not optimised.
    normalize : bool, default=True
        Divide by the mean of the diagonal over all nodes, so that a ``ConstantKernel`` in front is
        the mean variance. Without, it is the matrix of :class:`GraphProximity` itself.

    See Also
    --------
    GraphProximity : All measures, as matrices between all nodes.
    kernlab.gp.ManifoldGPRegressor : Functions and fields on points near a manifold.

    Notes
    -----
    X for ``fit`` and ``predict`` are nodes, in one dimension or one column: names where the graph
    is of networkx or a DataFrame with labels, row numbers where it is not. A node may come twice.
    Beside other columns, such as time, put it in :class:`kernlab.kernels.OnColumns`.

    Every kernel is :math:`B f(\Lambda; t) B^\top` with one orthogonal decomposition for all
    parameters, of :math:`A`, :math:`L` or :math:`D^{-1/2} A D^{-1/2}`, and B its eigenvectors, over
    the roots of degrees for 'modifppr', 'ppr2', 'abs' and 'cct'. It takes some 10 n_nodes³ flops
    and 8 n_nodes² bytes, three times that while it is made, once for a graph and operator:
    scikit-learn's ``clone``, sums, products and fits share it, ``set_params(measure=...)`` on a
    clone as well. A value and a gradient for m nodes then take m² n_nodes flops each. Pickles, and
    so worker processes, get the graph without it. Graphs end at 20 000 nodes.

    Variances differ between nodes: those of few edges have a larger one with measures of L, and a
    smaller one with those of A. Between components there is no correlation; 'ct' and 'cct' refuse
    graphs of several, and measures that divide by degrees refuse nodes without edges.

    References
    ----------
    .. [1] V. Borovitskiy, I. Azangulov, A. Terenin, P. Mostowsky, M. P. Deisenroth, N. Durrande,
       "Matérn Gaussian processes on graphs", AISTATS 2021, arXiv:2010.15538.
    .. [2] A. J. Smola, R. Kondor, "Kernels and regularization on graphs", COLT 2003.

    Examples
    --------
    >>> import networkx as nx
    >>> from sklearn.gaussian_process import GaussianProcessClassifier
    >>> from kernlab.graph import NodeKernel
    >>> graph = nx.karate_club_graph()
    >>> clubs = [graph.nodes[member]["club"] for member in graph]
    >>> kernel = 10.0 * NodeKernel(graph, "matern", param=10.0)
    >>> model = GaussianProcessClassifier(kernel, optimizer=None)
    >>> model.fit([0, 33], ["Mr. Hi", "Officer"]).score(list(graph), clubs) > 0.9
    True
    """

    def __init__(
        self,
        graph,
        measure="for",
        param=0.5,
        param_bounds=(1e-3, 1e3),
        nu=1.5,
        normalize=True,
    ):
        self.graph = graph
        self.measure = measure
        self.param = param
        self.param_bounds = param_bounds
        self.nu = nu
        self.normalize = normalize

    @property
    def hyperparameter_param(self):
        """The measure's parameter, within its interval; fixed where it has none."""
        interval = valid_interval(node_measure(self.measure), 1.0)
        if interval is None or isinstance(self.param_bounds, str):
            return Hyperparameter("param", "numeric", "fixed")
        low, high = (float(bound) for bound in np.ravel(self.param_bounds))
        end = interval[1] * _INSIDE
        if not 0.0 < low <= high or low > end:
            raise ValueError(
                f"param_bounds={self.param_bounds!r} must be two numbers in (0, {interval[1]:g}), "
                f"the interval of measure={self.measure!r}, the smaller first."
            )
        return Hyperparameter("param", "numeric", (low, min(high, end)))

    def is_stationary(self):
        """Whether the kernel depends on a difference of nodes alone: no."""
        return False

    def __call__(self, X, Y=None, eval_gradient=False):
        """The kernel between nodes.

        Parameters
        ----------
        X : array-like of shape (n,) or (n, 1)
            Nodes, by name or row number.
        Y : array-like of shape (m,) or (m, 1), default=None
            None stands for X.
        eval_gradient : bool, default=False
            Return the gradient as well, for Y=None.

        Returns
        -------
        K : array of shape (n, m)
            For Y=None symmetric to the last bit.
        gradient : array of shape (n, n, n_dims)
            With respect to ``theta``, the logarithm of ``param`` if that is free.

        Raises
        ------
        ValueError
            If X has what is no node, a parameter is out of range, the graph does not have the
            measure, or a gradient is asked for with Y.
        """
        if eval_gradient and Y is not None:
            raise ValueError("Gradient can only be evaluated when Y is None.")
        spectrum = self._spectrum()
        rows = spectrum.rows(X)
        K, dK = self._between(rows, None if Y is None else spectrum.rows(Y, "Y"), eval_gradient)
        if not eval_gradient:
            return K
        return K, np.empty((*K.shape, 0)) if self.hyperparameter_param.fixed else dK[..., None]

    def diag(self, X):
        """The kernel of each node with itself, in O(n n_nodes).

        Parameters
        ----------
        X : array-like of shape (n,) or (n, 1)

        Returns
        -------
        K_diag : array of shape (n,)
        """
        basis, weights, _ = self._weighted()
        return np.square(basis.rows(self._spectrum().rows(X))) @ weights

    def evaluate(self, X, Y, *, gradient):
        """The kernel with its derivative, also between different nodes.

        Parameters
        ----------
        X, Y : arrays of shapes (n, 1) and (m, 1)
            Row numbers, also where the graph has names.
        gradient : bool

        Returns
        -------
        K : array of shape (n, m)
        dK : array of shape (1, n, m) or None
            By the logarithm of ``param``.
        """
        spectrum = self._spectrum()
        X, Y = spectrum.rows_of_numbers(X[:, 0], "X"), spectrum.rows_of_numbers(Y[:, 0], "Y")
        K, dK = self._between(X, Y, gradient)
        return K, dK[None] if gradient else None

    def to_gpytorch(self):
        """This kernel as a module of GPyTorch, its parameter learned by autograd.

        Inputs are row numbers of nodes, as a tensor of floats or integers of shape (n, 1), also
        where the graph has names. Values and derivatives are computed here, in double precision on
        the CPU. ``param`` does not require a gradient where its bounds are ``"fixed"`` or the
        measure has none.

        Returns
        -------
        module : gpytorch.kernels.Kernel
            With a positive parameter ``param``.

        Raises
        ------
        MissingExtraError
            If GPyTorch is not installed: extra ``gp``.
        """
        from kernlab._core.torch_kernel import torch_kernel

        self._weighted()
        return torch_kernel(self)

    def _spectrum(self):
        """What was computed of the graph, unless ``graph`` is another one by now."""
        known = self.__dict__.get("_known")
        if known is None or known.graph is not self.graph:
            known = self._known = NodeSpectrum(self.graph)
        return known

    def __sklearn_clone__(self):
        # scikit-learn's would copy the graph, and decompose the copy.
        copy = type(self)(**self.get_params())
        copy._known = self._spectrum()
        return copy

    def _between(self, rows, columns, gradient):
        """The kernel of two lists of rows, None for the same ones, and its derivative or None."""
        basis, *functions = self._weighted()
        left = basis.rows(rows)
        right = None if columns is None else basis.rows(columns).T
        matrices = [
            spectral_function(left, weights) if right is None else (left * weights) @ right
            for weights in functions[: 1 + gradient]
        ]
        return matrices if gradient else (*matrices, None)

    def _weighted(self):
        """The basis, with the weights of its columns and their derivatives by log param."""
        measure = node_measure(self.measure)
        for name in ("param", "nu"):
            value = getattr(self, name)
            if not isinstance(value, Real) or not 0.0 < float(value) < np.inf:
                raise ValueError(f"{name}={value!r} must be a finite number > 0.")
        interval = valid_interval(measure, 1.0)
        if interval is not None and self.param >= interval[1]:
            raise ValueError(
                f"param={self.param:g} lies outside (0, {interval[1]:g}), the open interval of "
                f"measure={self.measure!r}."
            )
        basis = self._spectrum().basis(measure)
        function, coordinate, _ = FAMILIES[measure.name]
        if measure.name == "matern":
            function = partial(function, nu=self.nu)
        with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
            weights, slopes = function(coordinate(basis.values), self.param)
            if self.normalize:
                mean = weights @ basis.squares
                slopes = (slopes - weights * (slopes @ basis.squares / mean)) / mean
                weights = weights / mean
            else:
                if measure.name in ("comm", "comm2"):
                    # So far over the largest eigenvalue.
                    peak = np.exp(self.param)
                    weights, slopes = weights * peak, (slopes + self.param * weights) * peak
                weights, slopes = weights / basis.unit, slopes / basis.unit
        if not (np.isfinite(weights).all() and np.isfinite(slopes).all()):
            raise ValueError(
                f"The kernel of measure={self.measure!r} at param={self.param:g} is not finite on "
                "this graph; pass normalize=True, a smaller param, or weights in another unit."
            )
        return basis, weights, slopes

    def __eq__(self, other):
        if type(self) is not type(other):
            return False
        mine, theirs = self.get_params(), other.get_params()
        same = mine.pop("graph") is theirs.pop("graph") or self._spectrum().same(other._spectrum())
        return same and all(np.array_equal(mine[name], theirs[name]) for name in mine)

    def __repr__(self):
        shape = getattr(self.graph, "shape", None)
        n_nodes = shape[0] if shape else len(self.graph)
        param = "" if self.measure in ("ct", "cct") else f", param={self.param:.3g}"
        return f"NodeKernel({n_nodes} nodes, {self.measure!r}{param})"
