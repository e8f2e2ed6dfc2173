"""Errors and warnings that kernlab raises beside the standard ones."""

__all__ = [
    "AmbiguousGraphWarning",
    "AsymmetricKernelWarning",
    "BandwidthWarning",
    "CondensedDensityWarning",
    "DisconnectedGraphWarning",
    "DistanceLikeWarning",
    "EigenpairWarning",
    "IsolatedNodesWarning",
    "MissingExtraError",
    "PrivacyBudgetError",
    "PruningWarning",
    "SelfLoopWarning",
    "SingularCovarianceError",
    "SingularOperatorError",
    "UndetectableCommunitiesWarning",
    "UnresolvedHeatWarning",
]


class AmbiguousGraphWarning(UserWarning):
    """A graph was read in one way, and may have been meant in another.

    The first line of a file may be a header or an edge, and numbers at the edges may be their
    weights. The message says what was taken for what, and how to settle it.
    """


class AsymmetricKernelWarning(UserWarning):
    """A table given as a kernel is not symmetric, and its symmetric part is used.

    The message says by how much, and what to do if the table holds points.
    """


class BandwidthWarning(UserWarning):
    """A data-driven bandwidth is not to be relied on: its criterion has no optimum on this data."""


class CondensedDensityWarning(UserWarning):
    """A few points carry a density estimate, or its error at a point is not normal.

    The message names the regime, the index that says so, and the bandwidth that would mend it.
    """


class DisconnectedGraphWarning(UserWarning):
    """A graph has several parts.

    Where it is one of neighbours, links were added to join them; the message says how many, how
    long they are beside other edges, and where they are listed. Where its nodes are clustered, the
    message lists the parts and says what stands between them.
    """


class DistanceLikeWarning(UserWarning):
    """Distances were given, it seems, where similarities are wanted: a kernel or edges' weights.

    The message says what makes it seem so, and how to turn distances into what is wanted.
    """


class EigenpairWarning(UserWarning):
    """Eigenpairs are less accurate than was asked for; the message gives the largest residual."""


class IsolatedNodesWarning(UserWarning):
    """Nodes of a graph have no edges, so that nothing tells where they belong.

    The message says how many, and what label they were given.
    """


class MissingExtraError(ImportError):
    """An optional dependency is missing; the message names the extra that installs it."""


class PrivacyBudgetError(ValueError):
    """A release was refused because it does not fit what is left of a privacy budget.

    Nothing was released or spent. The message names what was asked, what remains and the remedy.
    """


class PruningWarning(UserWarning):
    """Taking shortcuts out of a graph made the ways across it much longer.

    So it should where noise had joined what lies far apart along the data, and should not where the
    data is a closed loop. The message gives both diameters and the remedy.
    """


class SelfLoopWarning(UserWarning):
    """A graph has edges from nodes to themselves, and they were left out.

    The message says how many, and how to take them off.
    """


class SingularCovarianceError(ValueError):
    """A data-driven bandwidth met data whose covariance has no inverse.

    The message names the columns at fault and the remedy.
    """


class SingularOperatorError(ValueError):
    """An equation with its conditions has no unique solution.

    The message says what leaves it free and the remedy.
    """


class UndetectableCommunitiesWarning(UserWarning):
    """No communities of a graph stand out from chance, and the labels found mean nothing.

    The message says how far the graph is from where communities could be seen.
    """


class UnresolvedHeatWarning(UserWarning):
    """Heat does not tell the distance of some pairs of points.

    They exchange too little of it, or t is so large that it is mixed, or the correction for volume
    makes squared distances negative. The message names the setting and the remedy.
    """
