import logging

import pytest

from kernlab import warmup
from kernlab.kernels import _sums_numba


def test_the_named_kernels_are_compiled(caplog):
    with caplog.at_level(logging.INFO, logger="kernlab.warmup"):
        warmup.main(["tricube"])
    assert "compiling tricube in 1 features" in caplog.text
    place = list(warmup.PROFILES).index("tricube")
    compiled = [signature[0] for signature in _sums_numba.direct_sums.signatures]
    assert any(len(tag) == place + 1 for tag in compiled)


def test_an_unknown_kernel_is_refused(capsys):
    with pytest.raises(SystemExit):
        warmup.main(["box"])
    assert "no kernel box; there are gaussian, tophat" in capsys.readouterr().err
