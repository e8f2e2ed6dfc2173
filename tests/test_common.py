"""Every public estimator passes scikit-learn's own checks."""

import math
import warnings

import pytest
from sklearn.base import ClusterMixin
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from kernlab.cluster import (
    AttributedGraphClustering,
    GraphClustering,
    GraphMeasureSearch,
    KernelKMeans,
    LikelihoodAdjustedSDP,
    SparseGraphClustering,
)
from kernlab.density import (
    ConditionalKernelDensity,
    DirectionalKernelDensity,
    KernelDensity,
    VonMisesFisher,
    VonMisesFisherMixture,
)
from kernlab.embedding import DiffusionMap, HeatGeodesicEmbedding
from kernlab.exceptions import (
    BandwidthWarning,
    DisconnectedGraphWarning,
    IsolatedNodesWarning,
    SelfLoopWarning,
    UndetectableCommunitiesWarning,
)
from kernlab.gp import (
    FunctionalTuckerRegressor,
    KroneckerGPRegressor,
    ManifoldGPRegressor,
    MarkovGPRegressor,
    SpectralMixtureGPRegressor,
    StudentTProcessRegressor,
)
from kernlab.graph import GraphProximity, GraphSketch, KNNGraph, LandmarkLogEmbedding
from kernlab.pde import GPPDESolver
from kernlab.privacy import (
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateKernelSum,
    PrivateSimilarityClassifier,
)

ESTIMATORS = [
    LikelihoodAdjustedSDP(tol=0.01, random_state=0),
    KernelDensity(),
    KernelDensity(bandwidth=0.7, kernel="biweight"),
    KernelDensity(bandwidth="silverman", precision="mixed"),
    KernelDensity(bandwidth="lcv"),
    KernelDensity(bandwidth="auto"),
    KernelDensity(bandwidth=0.7, bounds=[-1e6, None], boundary="renormalize"),
    KernelDensity(bandwidth="kl", kernel="exponential"),
    KernelDensity(bandwidth=0.9, adaptive="sample-point"),
    ConditionalKernelDensity(),
    ConditionalKernelDensity(bandwidth=0.8),
    DirectionalKernelDensity(normalize=True),
    DirectionalKernelDensity(bandwidth=0.4, normalize=True),
    VonMisesFisher(normalize=True),
    VonMisesFisherMixture(n_components=2, normalize=True, random_state=0),
    PrivateDistanceSum(bounds=(-10, 10), epsilon=1, noise="builtin"),
    PrivateKernelSum(bandwidth=1.0, epsilon=1, noise="builtin", n_features=64),
    PrivateKernelDensity(bandwidth=1.0, epsilon=1, noise="builtin", n_features=64),
    PrivateSimilarityClassifier(
        # Little noise, and the same in each fit, or the checks would tell of nothing else.
        classes=[0, 1, 2],
        bandwidth=1.0,
        epsilon=1000,
        noise="insecure-test",
        projection_seed=0,
    ),
    FunctionalTuckerRegressor(rank=1, n_init=1),  # one start: the checks fit dozens of times
    KroneckerGPRegressor(),
    MarkovGPRegressor(),
    SpectralMixtureGPRegressor(n_components=1),
    GraphProximity("heat"),
    GraphSketch(n_components=4, random_state=0),
    LandmarkLogEmbedding(n_components=1, n_landmarks=9, random_state=0),
    SparseGraphClustering(n_clusters=2, refine=True, random_state=0),
    KNNGraph(5),
    KNNGraph(4, kernel="umap", prune="heat", random_state=0),
    DiffusionMap(n_neighbors=4),
    HeatGeodesicEmbedding(n_neighbors=5, random_state=0),
    HeatGeodesicEmbedding(n_neighbors=5, metric="pruned", n_landmarks=10, random_state=0),
    HeatGeodesicEmbedding(metric="precomputed", mds="smacof", random_state=0),
    ManifoldGPRegressor(n_neighbors=5),
    ManifoldGPRegressor(nu=math.inf),
    StudentTProcessRegressor(),
    StudentTProcessRegressor(kernel=RBF(1.0) + WhiteKernel(0.1), optimizer=None, normalize_y=True),
    GraphClustering(2, measure="logfor", param=0.5, n_init=2, random_state=0),
    GraphClustering(2, measure="for", param=[0.3, 0.7], method="ward"),
    GraphMeasureSearch(2, measures=["for", "comm2"], params=2, n_init=2, random_state=0),
    AttributedGraphClustering(2, random_state=0),
    KernelKMeans(3, random_state=0),
    KernelKMeans(3, kernel="rbf", random_state=0),
]


# With a data-driven bandwidth the error is the right answer to the data of these checks; the
# second estimator, whose bandwidth is a number, passes them.
SINGULAR = {
    "check_sample_weight_equivalence_on_dense_data": "27 rows cannot determine a covariance in 30 "
    "features",
    **dict.fromkeys(
        (
            "check_array_api_input",
            "check_array_api_mixed_inputs",
            "check_array_api_same_namespace",
        ),
        "two columns of the check's data are linear in the others",
    ),
}


# A row of zeros has no direction.
DIRECTIONS = {"check_estimators_dtypes": "a row of the check's data is zero"}


# An error that depends on a value of private data tells of it; that is the principle of them all.
PRIVATE = {
    "check_dtype_object": "records are never converted, for an error would reveal a value",
    "check_estimators_empty_data_messages": "the number of records is private, and no error may "
    "depend on it",
}
PRIVATE_LABELS = {
    **PRIVATE,
    "check_classifiers_classes": "classes are public and given beforehand, never read off labels; "
    "this check has others",
    "check_classifiers_train": "classes are given beforehand, and the check fits two of the three",
    "check_classifiers_regression_target": "whether labels are continuous is told by their values; "
    "those of no class are left out without a word",
    "check_supervised_y_no_nan": "a label that is NaN or infinite is of no class, and an error "
    "would reveal it",
    "check_estimators_pickle": "NaN is let pass in private records, and refused in queries, which "
    "are public",
}


# A Markov process has one coordinate; its own tests do what these checks do, on one column.
ONE_COLUMN = dict.fromkeys(
    (
        "check_array_api_input",
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_fit_returns_self",
        "check_estimators_nan_inf",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1sample",
        "check_fit2d_predict1d",
        "check_fit_check_is_fitted",
        "check_fit_idempotent",
        "check_fit_score_takes_y",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in",
        "check_n_features_in_after_fitting",
        "check_pipeline_consistency",
        "check_positive_only_tag_during_fit",
        "check_readonly_memmap_input",
        "check_regressor_data_not_an_array",
        "check_regressors_int",
        "check_regressors_no_decision_function",
        "check_regressors_train",
        "check_supervised_y_2d",
    ),
    "X of a Markov process has one column, the check's has several",
)


# These, and what else is of tables.
GRID = dict.fromkeys(
    (
        *ONE_COLUMN,
        "check_complex_data",
        "check_estimator_sparse_array",
        "check_estimator_sparse_matrix",
        "check_estimator_sparse_tag",
        "check_estimators_empty_data_messages",
        "check_fit2d_1feature",
        "check_requires_y_none",
    ),
    "fit takes a list of axes and a grid; a table of points is refused",
)


# X is a graph or a kernel between points, and the checks give what is none. KernelKMeans passes all
# of them with 'rbf'.
TABLE = dict.fromkeys(
    ("check_clustering", "check_clustering(readonly_memmap=True)"),
    "the check gives a table of points, which is not square",
)
WHOLE_GRAPH = dict.fromkeys(
    (
        "check_fit_idempotent",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
    ),
    "the check transforms some rows of the graph, and a proximity depends on all of them",
)
LINKED = dict.fromkeys(
    (
        "check_estimator_sparse_tag",
        "check_fit2d_1feature",
    ),
    "the check's graph has nodes without edges, which have no place beside the others",
)


def expected_failures(estimator):
    if isinstance(estimator, GraphProximity):
        return WHOLE_GRAPH
    if isinstance(estimator, GraphSketch | LandmarkLogEmbedding):
        return LINKED | WHOLE_GRAPH
    if isinstance(estimator, ClusterMixin):
        return TABLE if get_tags(estimator).input_tags.pairwise else {}
    if isinstance(estimator, KroneckerGPRegressor):
        return GRID
    if isinstance(estimator, MarkovGPRegressor):
        return ONE_COLUMN
    if isinstance(estimator, PrivateSimilarityClassifier):
        return PRIVATE_LABELS
    if isinstance(estimator, PrivateDistanceSum | PrivateKernelSum):
        return PRIVATE
    if isinstance(estimator, KernelDensity):
        return SINGULAR if estimator.bandwidth in ("scott", "silverman") else {}
    if isinstance(estimator, VonMisesFisher | VonMisesFisherMixture | DirectionalKernelDensity):
        return DIRECTIONS
    return {}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn's own, in its checks
        # Some checks fit labels of classes, which have no likeliest bandwidth.
        warnings.simplefilter("ignore", BandwidthWarning)
        # And the points of some lie in clusters apart.
        warnings.simplefilter("ignore", DisconnectedGraphWarning)
        # Their kernels of points, as graphs, have loops, no communities, and rows of zeros.
        warnings.simplefilter("ignore", SelfLoopWarning)
        warnings.simplefilter("ignore", UndetectableCommunitiesWarning)
        warnings.simplefilter("ignore", IsolatedNodesWarning)
        check(estimator)


def test_every_public_estimator_is_checked():
    from sklearn.base import BaseEstimator

    import kernlab

    public = set()
    for name in kernlab._MODULES:
        module = getattr(kernlab, name)
        for attribute in getattr(module, "__all__", ()):
            member = getattr(module, attribute)
            if isinstance(member, type) and issubclass(member, BaseEstimator):
                public.add(member)
    # An equation is what GPPDESolver is made with, and its X has a column for each coordinate: its
    # own tests do what these checks do.
    assert public - {GPPDESolver} == {type(estimator) for estimator in ESTIMATORS}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_html_representation(estimator):
    assert type(estimator).__name__ in estimator._repr_html_()
