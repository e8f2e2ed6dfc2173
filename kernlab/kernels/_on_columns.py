"""A kernel that looks at some of X's columns only."""

import numpy as np
from sklearn.gaussian_process.kernels import Exponentiation


class OnColumns(Exponentiation):
    """A kernel of some columns of X: ``k(X[:, columns], Y[:, columns])``.

    Products and sums of these make kernels over the columns separately, which scikit-learn's
    kernels alone cannot.

    Parameters
    ----------
    kernel : Kernel
        Of scikit-learn's kind.
    columns : array-like of int
        Which columns it sees, in this order; not negative.

    Raises
    ------
    ValueError
        When called with an X that lacks one of the columns.

    Examples
    --------
    >>> from sklearn.gaussian_process.kernels import RBF, Matern
    >>> from kernlab.kernels import OnColumns
    >>> kernel = OnColumns(RBF(2.0), [0]) * OnColumns(Matern(0.5), [1])
    >>> kernel([[0.0, 7.0]], [[0.0, 7.0]])
    array([[1.]])
    """

    # Everything but the evaluation is that of scikit-learn's other kernel with one kernel inside.

    def __init__(self, kernel, columns):
        self.kernel = kernel
        self.columns = columns

    def get_params(self, deep=True):
        """Parameters, and with ``deep`` those of the kernel under ``kernel__``."""
        params = {"kernel": self.kernel, "columns": self.columns}
        if deep:
            params.update((f"kernel__{k}", v) for k, v in self.kernel.get_params().items())
        return params

    def __eq__(self, other):
        return (
            type(self) is type(other)
            and self.kernel == other.kernel
            and np.array_equal(self.columns, other.columns)
        )

    def _take(self, X):
        X, columns = np.atleast_2d(X), np.atleast_1d(self.columns)
        if columns.ndim != 1 or columns.dtype.kind not in "iu" or len(columns) == 0:
            raise ValueError(f"columns must be a list of integers, got {self.columns!r}.")
        if columns.min() < 0 or columns.max() >= X.shape[1]:
            raise ValueError(f"columns are {self.columns!r} and X has {X.shape[1]} of them.")
        return X[:, columns]

    def __call__(self, X, Y=None, eval_gradient=False):
        """The kernel's value, and its gradient with ``eval_gradient``."""
        Y = None if Y is None else self._take(Y)
        return self.kernel(self._take(X), Y, eval_gradient=eval_gradient)

    def diag(self, X):
        """Diagonal of k(X, X), (n,)."""
        return self.kernel.diag(self._take(X))

    def __repr__(self):
        return f"OnColumns({self.kernel}, {np.ravel(self.columns).tolist()})"
