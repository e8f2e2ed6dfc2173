import subprocess
import sys

from kernlab._core import jit

SCRIPT = """
import numpy as np
from kernlab.kernels import _sums, _sums_numba
from kernlab.kernels._sums import prepare_sources, log_kernel_sums
points = np.arange(6.0).reshape(3, 2)
log_kernel_sums(prepare_sources(points, kernel="gaussian", root=1.0), points)
hits = sum(_sums_numba.direct_sums.stats.cache_hits.values())
misses = sum(_sums_numba.direct_sums.stats.cache_misses.values())
print(hits, misses)
"""


def _run():
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    return tuple(map(int, result.stdout.split()))


def test_the_sum_kernels_are_cached_on_disk():
    # Other tests may have filled the cache before.
    assert _run() in [(0, 1), (1, 0)]
    assert _run() == (1, 0)


def test_no_cache_where_none_can_be_written(monkeypatch):
    given = []

    def refusing(function, *, cache=False, **options):
        given.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return function

    monkeypatch.setattr(jit.numba, "njit", refusing)

    @jit.njit
    def double(x):
        return 2 * x

    assert double(3) == 6
    assert given == [True, False]


def test_options_reach_the_compiler():
    @jit.njit(cache=False, fastmath=jit.FAST)
    def reciprocal(x):
        return 1.0 / x

    assert reciprocal(0.0) == float("inf")  # IEEE arithmetic, not ZeroDivisionError
    assert reciprocal.targetoptions["nogil"]


def test_inline_functions_are_not_cached_alone():
    @jit.inline
    def one():
        return 1

    assert one() == 1
    assert one.stats.cache_path is None
