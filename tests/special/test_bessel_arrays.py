"""The same functions on arrays of other libraries."""

import numpy as np
import pytest

from kernlab._core.namespace import to_numpy
from kernlab.special import iv_ratio, log_iv, log_kv

FUNCTIONS = [log_iv, log_kv, iv_ratio]


def grid(rng):
    ends = np.array(
        [0.0, 5e-324, 1e-300, 1e-160, 0.3, 25.9, 26.1, 1e4, 1e160, np.inf, np.nan, -1.0]
    )
    v, x = (a.ravel() for a in np.meshgrid(ends, ends))
    near = rng.uniform(0, 30, (2, 300))
    wide = 10.0 ** rng.uniform(-3, 5, (2, 300))
    return np.concatenate([v, near[0], wide[0]]), np.concatenate([x, near[1], wide[1]])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_equal_to_numpy(rng, xp, function):
    v, x = grid(rng)
    expected = function(v, x)
    result = function(xp.asarray(v), xp.asarray(x))
    assert result.dtype == xp.float64
    result = to_numpy(result)
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(result[~finite], expected[~finite])
    scale = np.maximum(np.maximum(v, x), np.maximum(1.0, np.abs(expected)))[finite]
    if function is iv_ratio:
        scale = expected[finite]
    error = np.abs(result[finite] - expected[finite])
    assert np.all(error <= 8e-15 * scale)  # the promise of both


@pytest.mark.parametrize("function", FUNCTIONS)
def test_types_and_mixed_arguments(xp, function):
    x = xp.asarray([1.0, 50.0], dtype=xp.float32)
    single = function(2, x)
    assert single.dtype == xp.float32
    expected = function(2.0, np.float32([1.0, 50.0]))
    np.testing.assert_allclose(to_numpy(single), expected, rtol=1e-6)
    whole = function(xp.asarray([[1], [2]]), 3.0)
    assert whole.dtype == xp.float64
    assert tuple(whole.shape) == (2, 1)
    np.testing.assert_allclose(to_numpy(whole), function([[1], [2]], 3.0), rtol=1e-14)
    with pytest.raises(TypeError, match="real numbers"):
        function(1.0, xp.asarray([1j]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_gradients_in_torch(rng, function):
    torch = pytest.importorskip("torch", reason="gradients are torch's")
    v = torch.tensor(np.append(rng.uniform(0, 40, 6), [0.0, 0.5, 1.0]))
    x = torch.tensor(rng.uniform(0.1, 60, 9), requires_grad=True)
    # Central differences of a function that is right to 1e-14 are right to about 1e-8.
    assert torch.autograd.gradcheck(lambda t: function(v, t), (x,), eps=1e-5, atol=1e-6)
    assert torch.autograd.gradgradcheck(lambda t: function(v, t), (x,), eps=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match=r"v requires a gradient.*v\.detach\(\)"):
        function(v.clone().requires_grad_(), x)


def test_gradients_at_zero():
    torch = pytest.importorskip("torch", reason="gradients are torch's")
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    # I_0 is even; I_{v+1}/I_v = x/(2v+2) + …
    assert torch.autograd.grad(log_iv(0.0, x), x)[0].item() == 0.0
    assert torch.autograd.grad(iv_ratio(3.0, x), x)[0].item() == 0.125
    # K_v falls from infinity like x^-v, K_0 like -log x.
    for v in (0.0, 0.5, 1.0, 3.0, 40.0):
        assert torch.autograd.grad(log_kv(v, x), x)[0].item() == -np.inf
    single = torch.tensor([2.0], dtype=torch.float32, requires_grad=True)
    assert torch.autograd.grad(log_kv(0.5, single), single)[0].item() == pytest.approx(-1.25)
