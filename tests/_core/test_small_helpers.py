"""Chunks, progress bars, optional imports."""

import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st

from kernlab._core.chunks import CPU_CHUNK_BYTES, chunk_bytes, chunk_shape
from kernlab._core.extras import import_extra
from kernlab._core.progress import progress
from kernlab.exceptions import MissingExtraError


@given(
    rows=st.integers(1, 10**7),
    columns=st.integers(1, 10**7),
    bytes_per_pair=st.integers(1, 400),
    working_memory=st.floats(0.01, 4096),
)
def test_a_chunk_fits_the_bound(rows, columns, bytes_per_pair, working_memory):
    with sklearn.config_context(working_memory=working_memory):
        r, c = chunk_shape(rows, columns, bytes_per_pair)
        bound = chunk_bytes()
    assert 1 <= r <= rows
    assert 1 <= c <= columns
    assert r * c * bytes_per_pair <= max(bound, bytes_per_pair)
    # Either all is in one chunk, or half of the bound at least is used.
    assert r * c == rows * columns or 4 * r * c * bytes_per_pair >= bound - 4 * bytes_per_pair


def test_the_bound_follows_working_memory():
    with sklearn.config_context(working_memory=1):
        assert chunk_bytes() == 2**20
    with sklearn.config_context(working_memory=4096):
        assert chunk_bytes() == CPU_CHUNK_BYTES
        assert chunk_bytes(on_cpu=False) == 2**32


def test_missing_extra_names_the_remedy():
    with pytest.raises(MissingExtraError, match=r"Plots needs no_such_package.*kernlab\[plot\]"):
        import_extra("no_such_package.module", extra="plot", purpose="Plots")
    assert import_extra("math", extra="plot", purpose="Plots").pi > 3


def test_progress_is_silent_unless_asked(capsys):
    items = [1, 2, 3]
    assert progress(items, total=3, verbose=0, label="x") is items
    assert list(progress(items, total=3, verbose=1, label="x")) == items
    assert capsys.readouterr() == ("", "")  # under two seconds no bar appears
