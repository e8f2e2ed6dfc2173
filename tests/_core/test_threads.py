import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from kernlab._core.threads import effective_n_jobs, run_slices


def _blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_number_of_threads():
    import numba

    assert effective_n_jobs(3) == 3
    assert effective_n_jobs(None) == numba.get_num_threads()
    assert effective_n_jobs(-1) >= 1
    assert effective_n_jobs(-10_000) == 1
    with pytest.raises(ValueError, match="n_jobs=0 has no meaning; give a positive"):
        effective_n_jobs(0)


@pytest.mark.parametrize("n_jobs", [1, 2, 5])
@pytest.mark.parametrize("n_items", [0, 1, 7, 64])
def test_slices_cover_the_range_once(n_jobs, n_items):
    seen = np.zeros(n_items, dtype=int)

    def work(part):
        seen[part] += 1

    run_slices(work, n_items, slice_size=5, n_jobs=n_jobs)
    np.testing.assert_array_equal(seen, 1)


def test_two_threads_work_at_once():
    barrier = threading.Barrier(2, timeout=30)
    run_slices(lambda part: barrier.wait(), 2, slice_size=1, n_jobs=2)


def test_blas_is_held_to_one_thread_and_restored():
    before = _blas_threads()
    during = []
    run_slices(
        lambda part: during.extend(_blas_threads()), 1, slice_size=1, n_jobs=1, uses_blas=True
    )
    assert set(during) == {1}
    assert _blas_threads() == before


def test_blas_is_restored_when_callers_overlap():
    before = _blas_threads()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()

    def call(wait, tell, done):
        def work(part):
            tell.set()
            wait.wait(30)

        run_slices(work, 1, slice_size=1, n_jobs=1, uses_blas=True)
        done.set()

    # The first to enter is the first to leave.
    first = threading.Thread(target=call, args=(second_in, first_in, first_out))
    first.start()
    first_in.wait(30)
    second = threading.Thread(target=call, args=(first_out, second_in, threading.Event()))
    second.start()
    first.join(30)
    second.join(30)
    assert first_out.is_set()
    assert _blas_threads() == before


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_in_a_slice_reaches_the_caller(n_jobs):
    def work(part):
        if part.start == 3:
            raise RuntimeError("slice three")

    with pytest.raises(RuntimeError, match="slice three"):
        run_slices(work, 10, slice_size=1, n_jobs=n_jobs)
