"""Every public estimator passes scikit-learn's own checks."""

import warnings

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from kernlab.density import (
    ConditionalKernelDensity,
    DirectionalKernelDensity,
    KernelDensity,
    VonMisesFisher,
    VonMisesFisherMixture,
)
from kernlab.exceptions import BandwidthWarning

ESTIMATORS = [
    KernelDensity(),
    KernelDensity(bandwidth=0.7, kernel="biweight"),
    KernelDensity(bandwidth="silverman", kernel="logistic", precision="mixed"),
    KernelDensity(bandwidth="lcv", kernel="logistic"),
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


def expected_failures(estimator):
    if isinstance(estimator, KernelDensity):
        return SINGULAR if estimator.bandwidth in ("scott", "silverman") else {}
    if isinstance(estimator, ConditionalKernelDensity):
        return {}
    return DIRECTIONS


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_check(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn's own, in its checks
        # Some checks fit labels of classes, which have no likeliest bandwidth.
        warnings.simplefilter("ignore", BandwidthWarning)
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
    assert public == {type(estimator) for estimator in ESTIMATORS}


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_html_representation(estimator):
    assert type(estimator).__name__ in estimator._repr_html_()
