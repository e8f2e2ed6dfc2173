"""What all tests of the solvers share."""

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Factors of a few hundred rows: a second thread of BLAS costs more than it brings."""
    with threadpool_limits(1, "blas"):
        yield
