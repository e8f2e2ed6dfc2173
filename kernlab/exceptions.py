"""Errors and warnings that kernlab raises beside the standard ones."""

__all__ = [
    "BandwidthWarning",
    "CondensedDensityWarning",
    "EigenpairWarning",
    "MissingExtraError",
    "PrivacyBudgetError",
    "SingularCovarianceError",
    "SingularOperatorError",
]


class CondensedDensityWarning(UserWarning):
    """A few points carry a density estimate, or its error at a point is not normal.

    The message names the regime, the index that says so, and the bandwidth that would mend it.
    """


class EigenpairWarning(UserWarning):
    """Eigenpairs are less accurate than was asked for; the message gives the largest residual."""


class MissingExtraError(ImportError):
    """An optional dependency is missing; the message names the extra that installs it."""


class PrivacyBudgetError(ValueError):
    """A release was refused because it does not fit what is left of a privacy budget.

    Nothing was released or spent. The message names what was asked, what remains and the remedy.
    """


class SingularCovarianceError(ValueError):
    """A data-driven bandwidth met data whose covariance has no inverse.

    The message names the columns at fault and the remedy.
    """


class BandwidthWarning(UserWarning):
    """A data-driven bandwidth is not to be relied on: its criterion has no optimum on this data."""


class SingularOperatorError(ValueError):
    """An equation with its conditions has no unique solution.

    The message says what leaves it free and the remedy.
    """
