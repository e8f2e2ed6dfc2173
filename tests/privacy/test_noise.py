"""Noise has exactly the law it claims, wherever it comes from.

Private sources draw fresh entropy, so their tests have p-values: each fails by chance once in 1e8
runs, all of them together less than once in 1e6.
"""

import importlib.util
import inspect

import numpy as np
import pytest
from scipy import special, stats

from kernlab._core.jit import njit
from kernlab.exceptions import MissingExtraError
from kernlab.privacy import _noise, _noise_numba
from kernlab.privacy._noise import exact_laplace, noise_source

RARE = 1e-8
SCALES = (1, 2, 7, 1000, 10**9)
DRAWS = {"builtin": 500_000, "insecure-test": 500_000, "opendp": 40_000}
_drawn = {}


def _laplace(name, scale):
    """One set of draws per source and scale, shared by the tests of this run."""
    if (name, scale) not in _drawn:
        seed = 5 if name == "insecure-test" else None
        _drawn[name, scale] = noise_source(name, seed=seed).laplace(scale, DRAWS[name])
    return _drawn[name, scale]


def _survival(k, scale):
    """P(X > k) for the discrete Laplace law: geometric series."""
    k = np.asarray(k, dtype=float)
    one = 1 + np.exp(-1 / scale)
    return np.where(k >= -1, np.exp(-(k + 1) / scale) / one, 1 - np.exp(k / scale) / one)


def _edges(scale, size):
    """Right ends of bins: the integers themselves for small scales, quantiles for large ones.

    The least bins expect 250 counts, at which chi-square's law holds far into its tail.
    """
    tail = 500 / size
    if scale <= 7:
        last = int(-scale * np.log(tail * scale))
        return np.arange(-last, last)
    chances = np.unique(np.concatenate((np.geomspace(tail, 0.5, 20), np.linspace(0, 1, 60)[1:-1])))
    chances = np.unique(np.concatenate((chances, 1 - chances)))
    return np.unique(np.rint(stats.laplace.ppf(chances, scale=scale)).astype(np.int64))


def _counts(draws, edges):
    return np.bincount(np.searchsorted(edges, draws, side="left"), minlength=edges.size + 1)


def _p_value(draws, scale):
    edges = _edges(scale, draws.size)
    chances = -np.diff(_survival(edges, scale), prepend=1.0, append=0.0)
    return stats.chisquare(_counts(draws, edges), draws.size * chances).pvalue


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", DRAWS)
def test_laplace_draws_have_the_exact_law(name, scale):
    assert _p_value(_laplace(name, scale), scale) > RARE


@pytest.mark.parametrize("scale", SCALES)
def test_the_builtin_sampler_agrees_with_opendp(scale):
    edges = _edges(scale, DRAWS["opendp"])
    table = np.stack([_counts(_laplace(name, scale), edges) for name in ("builtin", "opendp")])
    assert stats.chi2_contingency(table).pvalue > RARE


@pytest.mark.parametrize("scale", SCALES)
def test_builtin_moments_signs_and_tails(scale):
    draws = _laplace("builtin", scale).astype(float)
    q = np.exp(-1 / scale)
    variance = 2 * q / (np.expm1(-1 / scale)) ** 2
    # Sixth moments of the law are finite, so means are normal: 6 standard errors are one in 5e8.
    fourth = variance * (1 + 10 * q + q**2) / np.expm1(-1 / scale) ** 2
    n = draws.size
    assert abs(draws.mean()) < 6 * np.sqrt(variance / n)
    assert abs((draws**2).mean() - variance) < 6 * np.sqrt((fourth - variance**2) / n)
    signs = np.sign(draws)
    assert abs(signs.sum()) < 6 * np.sqrt((signs != 0).sum())
    beyond = int(8 * scale)
    chance = 2 * _survival(beyond, scale)
    assert stats.binomtest(int((abs(draws) > beyond).sum()), n, float(chance)).pvalue > RARE


@pytest.mark.parametrize("scale", SCALES)
def test_low_bits_of_builtin_draws(scale):
    # Where floats are rounded, it is the low bits that betray the value beneath.
    q = np.exp(-1 / scale)
    r = np.arange(8)
    chances = np.exp(-r / scale) + np.where(r == 0, np.exp(-8 / scale), np.exp(-(8 - r) / scale))
    chances *= np.expm1(-1 / scale) / np.expm1(-8 / scale) / (1 + q)
    counts = np.bincount(_laplace("builtin", scale) & 7, minlength=8)
    np.testing.assert_allclose(chances.sum(), 1, rtol=1e-12)
    assert stats.chisquare(counts, counts.sum() * chances / chances.sum()).pvalue > RARE


@pytest.mark.parametrize("scale", [2**52 + 1, 2**53])
def test_builtin_draws_at_the_largest_scales(scale):
    draws = noise_source("builtin").laplace(scale, 100_000)
    # Here the law is continuous to nine digits.
    assert stats.kstest(draws / scale, "laplace").pvalue > RARE
    assert stats.binomtest(int((draws & 1).sum()), draws.size).pvalue > RARE


@pytest.mark.parametrize("scale", [1.0, 4.5, 1e6])
def test_opendp_gaussian_draws_have_the_exact_law(scale):
    draws = noise_source("opendp").gaussian(scale, 25_000)
    assert draws.dtype == np.int64
    if scale < 100:
        last = int(2.5 * scale)
        k = np.arange(-60 * last, 60 * last + 1)
        chances = np.exp(-0.5 * (k / scale) ** 2)
        chances /= chances.sum()
        edges = np.arange(-last, last)
        below = np.concatenate(([0], np.cumsum(chances)[np.searchsorted(k, edges)], [1]))
    else:
        # Beyond a scale of 100 the discrete law is the continuous one in unit bins but for 1e-6
        # of a count, by Poisson's summation formula.
        edges = np.rint(scale * special.ndtri(np.linspace(0, 1, 40)[1:-1])).astype(np.int64)
        below = np.concatenate(([0], special.ndtr((edges + 0.5) / scale), [1]))
    expected = draws.size * np.diff(below)
    assert stats.chisquare(_counts(draws, edges), expected).pvalue > RARE


def test_insecure_gaussian_draws_have_their_scale():
    draws = noise_source("insecure-test", seed=3).gaussian(1000.0, 100_000)
    assert draws.dtype == np.int64
    # Four standard errors; the seed is fixed.
    np.testing.assert_allclose(draws.std(), 1000.0, rtol=4 / np.sqrt(2 * draws.size))
    assert abs(draws.mean()) < 4 * 1000 / np.sqrt(draws.size)


# --- The builtin sampler is one function of its words, and the tests above can fail -------------


class _Stream:
    """A fixed stream of bytes, handed out as asked."""

    def __init__(self, seed):
        self._bytes = np.random.default_rng(seed).bytes(2**20)
        self.taken = 0

    def __call__(self, n_bytes):
        start, self.taken = self.taken, self.taken + n_bytes
        assert self.taken <= len(self._bytes)
        return self._bytes[start : self.taken]


@pytest.mark.parametrize("scale", [1, 7, 1000, 2**31 + 1, 2**53])
def test_draws_do_not_depend_on_the_blocks_entropy_comes_in(scale):
    whole = exact_laplace(scale, 3000, entropy=_Stream(1))
    for block in (1, 2, 3, 64):
        np.testing.assert_array_equal(
            exact_laplace(scale, 3000, entropy=_Stream(1), block=block), whole
        )
    assert not np.array_equal(exact_laplace(scale, 3000, entropy=_Stream(2)), whole)


def test_tiny_blocks_leave_the_law_alone():
    assert _p_value(exact_laplace(7, 100_000, block=2), 7) > RARE


def test_the_words_used_are_erased(monkeypatch):
    blocks = []

    def spying(scale, bits, block, *rest):
        blocks.append(block)
        assert block.any()
        return _noise_numba.fill_laplace(scale, bits, block, *rest)

    monkeypatch.setattr(_noise, "fill_laplace", spying)
    exact_laplace(1000, 500, block=100)
    assert len(blocks) > 3
    assert not any(block.any() for block in blocks)


def test_no_float_occurs_in_the_compiled_sampler():
    compiled = njit(_noise_numba.fill_laplace.py_func, cache=False)
    words = np.zeros(1, np.uint64)
    compiled(np.uint64(7), 3, words, np.uint64(0), 0, np.empty(0, np.int64), 0)
    (code,) = compiled.inspect_llvm().values()
    assert "i64" in code
    assert "double" not in code
    assert "float" not in code


MUTANTS = {
    "accepted with exp(-u / (t + 1))": (
        "below, position, pool, left = _uniform(scale, bits,",
        "below, position, pool, left = _uniform(scale + np.uint64(1), bits + 1,",
        2,
    ),
    "draws cut short thrown away": (
        "return filled, start, start_pool, start_left",
        "return filled, size, np.uint64(0), 0",
        7,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_biased_sampler_is_caught(name, monkeypatch, tmp_path):
    right, wrong, scale = MUTANTS[name]
    source = inspect.getsource(_noise_numba)
    assert source.count(right) == 1
    path = tmp_path / "mutant.py"
    path.write_text(source.replace(right, wrong), encoding="utf-8")
    specification = importlib.util.spec_from_file_location("mutant", path)
    mutant = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(mutant)
    monkeypatch.setattr(_noise, "fill_laplace", mutant.fill_laplace)
    assert _p_value(exact_laplace(scale, 400_000, block=8), scale) < RARE


def test_a_zero_counted_with_either_sign_is_caught():
    draws = _laplace("builtin", 1)
    assert _p_value(np.concatenate((draws, draws[draws == 0])), 1) < RARE


# --- Sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_int64_and_never_repeat(name):
    source, other = noise_source(name), noise_source(name)
    assert source.name == name
    draws = [source.laplace(10**6, 50), source.laplace(10**6, 50), other.laplace(10**6, 50)]
    assert all(draw.dtype == np.int64 and draw.shape == (50,) for draw in draws)
    assert len({draw.tobytes() for draw in draws}) == 3
    assert source.laplace(np.int64(5), 0).shape == (0,)


def test_only_the_insecure_source_is_reproducible_and_says_so():
    for name, private in (("opendp", True), ("builtin", True), ("insecure-test", False)):
        first, second = (noise_source(name, seed=7) for _ in range(2))
        assert first.is_private is private
        equal = np.array_equal(first.laplace(10**6, 50), second.laplace(10**6, 50))
        assert equal is not private


def test_insecure_noise_shares_no_stream_with_a_projection_of_the_same_seed():
    noise = noise_source("insecure-test", seed=7).gaussian(1e9, 1000)
    projection = np.random.default_rng(7).normal(size=1000)
    # Five standard errors of a correlation of independent numbers.
    assert abs(np.corrcoef(noise, projection)[0, 1]) < 5 / np.sqrt(1000)


@pytest.mark.parametrize("name", DRAWS)
def test_bad_scales_are_refused(name):
    source = noise_source(name)
    for scale in (2.0, True, "7", None):
        with pytest.raises(TypeError, match="scale of integer Laplace noise is an integer; got"):
            source.laplace(scale, 3)
    for scale in (0, -5):
        with pytest.raises(ValueError, match=f"at least 1; got {scale}. Count in a finer grid"):
            source.laplace(scale, 3)
    with pytest.raises(ValueError, match=r"at most 2\*\*53; got 9007199254740993: .* coarser grid"):
        source.laplace(2**53 + 1, 3)
    with pytest.raises(ValueError, match="size is the number of draws, at least 0; got -1"):
        source.laplace(3, -1)
    if name == "builtin":
        return
    for scale in (0.5, -1.0, float("nan")):
        with pytest.raises(ValueError, match=f"at least 1; got {scale}. Count in a finer grid"):
            source.gaussian(scale, 3)
    with pytest.raises(ValueError, match=r"at most 2\*\*53; got inf"):
        source.gaussian(float("inf"), 3)
    with pytest.raises(TypeError, match="Gaussian noise is a real number; got '7'"):
        source.gaussian("7", 3)


def test_the_builtin_source_has_no_gaussian():
    with pytest.raises(ValueError, match="for Gaussian noise .* use noise='opendp'"):
        noise_source("builtin").gaussian(10.0, 3)


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match="noise='numpy' is unknown; choose 'opendp'"):
        noise_source("numpy")


def test_without_opendp_the_extra_is_named(monkeypatch):
    def missing(module, *, extra, purpose):
        raise MissingExtraError(f"{purpose} kernlab[{extra}]")

    monkeypatch.setattr(_noise, "import_extra", missing)
    with pytest.raises(MissingExtraError, match=r"noise='opendp'.*kernlab\[privacy\]"):
        noise_source("opendp")
