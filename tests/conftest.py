"""Fixtures shared by all tests."""

import os

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - loads the BLAS that the limit below is for
from threadpoolctl import threadpool_limits

os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    # For torch, which reads it when it is first imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True, scope="session")
def one_thread_of_blas_for_each_worker():
    """Tests that run side by side on as many cores would wait for each other's threads."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        yield
        return
    with threadpool_limits(1, "blas"):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(20261122)


def _foreign_namespaces():
    yield "array_api_strict"
    yield "torch"


@pytest.fixture(params=list(_foreign_namespaces()))
def xp(request):
    """Array namespaces other than NumPy, in their array-api-compat form."""
    module = pytest.importorskip(
        request.param, reason=f"{request.param} is not installed, so its arrays cannot be tested"
    )
    if request.param == "array_api_strict":
        return module
    import array_api_compat

    return array_api_compat.array_namespace(module.zeros(1))
