import copy
import functools
import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import erf

from kernlab.pde import D, Field, Unknown, apply, coords
from kernlab.pde._equation import Equation
from kernlab.pde._functions import DERIVATIVES

x, y = coords("x y")
u, v = Field("u"), Field("v")
k = Unknown("k", bounds=(20, 60))
U, UX, UXX, UY = ("u", (0, 0)), ("u", (1, 0)), ("u", (2, 0)), ("u", (0, 1))


def a(x, y):
    return 1.0 + x**2 + 0.0 * y


def f(x, y):
    return np.sin(x) * y


def _equation(expression):
    return Equation(expression, ("x", "y"))


def _points(n=5, m=4):
    return np.linspace(0.1, 1.0, n)[:, None], np.linspace(0.2, 2.0, m)[None, :]


def _jets(equation, seed=0, shape=(5, 4)):
    rng = np.random.default_rng(seed)
    return {jet: rng.uniform(0.3, 0.9, shape) for jet in equation.jets}


# --- What an equation is read as ----------------------------------------------------------------


def test_the_equation_of_the_design_is_read_exactly():
    expression = D(u, y) - 0.1 * D(u, x, 2) + u * D(u, x) + np.sin(u) + k**2 * u + a * D(u, x) - f
    equation = _equation(expression)
    assert equation.jets == [U, UY, UX, UXX]
    assert equation.constant == {UY: 1.0, UXX: -0.1}
    assert equation.unknowns == ["k"]
    assert not equation.is_linear
    assert not equation.is_constant
    assert repr(equation) == "u_y - 0.1*u_xx + u*u_x + sin(u) + k**2*u + a*u_x = f"
    assert equation.orders("u") == (2, 1)
    assert equation.orders("v") is None
    X, Y = _points()
    J = _jets(equation)
    want = J[UY] - 0.1 * J[UXX] + J[U] * J[UX] + np.sin(J[U]) + 900.0 * J[U] + a(X, Y) * J[UX]
    residual = equation.residual(J, (X, Y), {"k": 30.0})
    # The same operations in another order: a few roundings of values near 900.
    np.testing.assert_allclose(residual, want - f(X, Y), rtol=1e-14)
    partials = equation.partials(J, (X, Y), {"k": 30.0})
    assert list(partials) == equation.jets
    np.testing.assert_allclose(partials[U], J[UX] + np.cos(J[U]) + 900.0, rtol=1e-14)
    np.testing.assert_allclose(partials[UX], J[U] + a(X, Y), rtol=1e-14)
    assert partials[UXX] == -0.1
    assert partials[UY] == 1.0
    by_unknown = equation.partials_unknown(J, (X, Y), {"k": 30.0})
    np.testing.assert_allclose(by_unknown["k"], 60.0 * J[U], rtol=1e-14)


@pytest.mark.parametrize(
    ("expression", "linear", "constant", "coefficients"),
    [
        (2 * (u + D(u, x)) / 4, True, True, {U: 0.5, UX: 0.5}),
        (k**2 * u, True, False, {}),
        (x * u, True, False, {}),
        (u * u, False, False, {}),
        (u**2 - f, False, False, {}),
        (a * u + u, True, False, {U: 1.0}),
        (u - f, True, True, {U: 1.0}),
        (f - u, True, True, {U: -1.0}),
        (u - x * f + 3, True, True, {U: 1.0}),
        (D(u, x) + u - u, True, True, {UX: 1.0}),
        (u / x, True, False, {}),
        (x / u, False, False, {}),
        (a * (u - f), True, False, {}),
        (np.sin(x) * D(u, x) + np.exp(k), True, False, {}),
        (np.sin(u), False, False, {}),
        (0.1 * (f - 2 * u), True, True, {U: -0.2}),
        (u * D(u, x), False, False, {}),
        (D(2 * k * D(u, x) + u, x), True, False, {UX: 1.0}),
    ],
    ids=repr,
)
def test_linear_terms_are_recognised(expression, linear, constant, coefficients):
    equation = _equation(expression)
    assert equation.is_linear is linear
    assert equation.is_constant is constant
    assert equation.constant == coefficients


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (D(u, x, 2) + D(u, y, 2) + u**3 - u - f, "u_xx + u_yy + u**3 - u = f"),
        (f - u, "-u = -f"),
        (a * D(u, x), "a*u_x = 0"),
        (u / (1 + u**2) - 1, "u/(u**2 + 1) = 1"),
        ((u + 1) ** 2 * x, "(u + 1)**2*x = 0"),
        (u * u * u - x, "u**3 = x"),
        (1 / u - 2 / x, "1/u = 2/x"),
        (2 / (3 * u) + f, "2/(3*u) = -f"),
        (-(u**2) + 0.5, "-u**2 = -0.5"),
        ((-u) ** 2, "(-u)**2 = 0"),
        (abs(u) + np.square(u) + apply(erf, u), "absolute(u) + u**2 + erf(u) = 0"),
        (D(D(u, y), x) - functools.partial(f), "u_xy = partial"),
        (2**u, "exp(0.6931471805599453*u) = 0"),
        (u - 1e20, "u = 1e+20"),
        (u**k, "exp(k*log(u)) = 0"),
        (+u + u**0 + erf(u), "u + erf(u) = -1"),
        (D(u + k + 3, x), "u_x = 0"),
    ],
)
def test_equations_print_as_they_are_written_by_hand(expression, text):
    assert repr(_equation(expression)) == text


def test_a_derivative_by_a_long_name_prints_as_it_is_typed():
    xi, eta = coords("xi, eta")
    assert repr(D(D(u, xi, 2), eta)) == "D(D(u, eta), xi, 2)"


@pytest.mark.parametrize(
    "two",
    [2, 2.0, np.float64(2), np.float32(2), np.int64(2), np.array(2.0), np.array(2), Fraction(2)],
    ids=lambda value: type(value).__name__,
)
def test_numbers_of_every_kind_stand_on_either_side(two):
    for expression in (two * u, u * two, u + two - two + u, u / (1 / two), two + 2 * u - two):
        assert _equation(expression).constant == {U: 2.0}
    assert repr(u**two) == "u**2"
    assert repr(two / u) == "2/u"


# --- Derivatives --------------------------------------------------------------------------------


def _by_complex_step(function, values):
    return np.imag(function(values + 1e-30j)) / 1e-30


@pytest.mark.parametrize("ufunc", sorted(DERIVATIVES, key=lambda ufunc: ufunc.__name__), ids=repr)
def test_derivatives_of_numpy_functions(ufunc):
    # Each function on an interval that it accepts and where it is smooth.
    values = np.linspace(1.1, 3.0, 7) if ufunc is np.arccosh else np.linspace(0.1, 0.9, 7)
    equation = Equation(ufunc(u), ("x",))
    jets, points = {("u", (0,)): values}, (np.zeros(7),)
    np.testing.assert_array_equal(equation.residual(jets, points), ufunc(values))
    (slope,) = equation.partials(jets, points).values()
    if ufunc in (np.absolute, np.fabs):
        want = np.ones(7)
    elif ufunc is np.cbrt:
        want = values ** (-2.0 / 3.0) / 3.0
    elif ufunc is np.exp2:
        want = math.log(2.0) * np.exp2(values)
    else:
        want = _by_complex_step(ufunc, values)
    # The complex step has no error but rounding's; the functions lose a few units each.
    np.testing.assert_allclose(slope, want, rtol=1e-14)


def test_derivatives_of_a_function_keep_their_digits_in_its_tail():
    equation = Equation(np.tanh(u), ("x",))
    (slope,) = equation.partials({("u", (0,)): np.array([30.0])}, (np.zeros(1),)).values()
    # 1 - tanh**2 is 4 exp(-60) here, and zero when it is computed as written.
    np.testing.assert_allclose(slope, 4.0 * np.exp(-60.0), rtol=1e-14)


_LEAVES = [u, D(u, x), D(u, x, 2), v, x, y, k, a, f, 0.5, -2.0]
_trees = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from("+-*/"), inner, inner),
        st.tuples(st.sampled_from(["sin", "tanh", "expm1", "arctan"]), inner),
        st.tuples(st.sampled_from([2, 3, -1, -2]), inner),
    ),
    max_leaves=8,
)


def _build(tree, leaf):
    """A tree as a formula, or as its value: NumPy's arithmetic is the oracle."""
    if not isinstance(tree, tuple):
        return leaf(tree)
    operation, *inner = tree
    first, *rest = (_build(part, leaf) for part in inner)
    if operation == "+":
        return first + rest[0]
    if operation == "-":
        return first - rest[0]
    if operation == "*":
        return first * rest[0]
    if operation == "/":
        return first / (2.0 + np.square(rest[0]))
    if operation == "expm1":
        # Of a bounded argument: nested, it leaves the range of floats.
        return np.expm1(np.arctan(first))
    if isinstance(operation, str):
        return getattr(np, operation)(first)
    return (1.5 + np.sin(first)) ** operation


@settings(max_examples=150, deadline=None)
@given(_trees, st.integers(0, 1000))
def test_random_formulas_have_the_value_and_derivatives_of_plain_arithmetic(tree, seed):
    from kernlab.pde._expressions import as_expression

    # Jets of every kind occur, so that their coefficients can be zero.
    base = u + D(u, x) + D(u, x, 2) + v
    equation = _equation(base + _build(tree, as_expression) + 0.25 * k)
    points = _points(3, 2)
    jets = _jets(equation, seed, (3, 2))
    names = {U: u, UX: _LEAVES[1], UXX: _LEAVES[2], ("v", (0, 0)): v}

    def value(jets, parameter):
        by_leaf = {id(leaf): jets[jet] for jet, leaf in names.items() if jet in jets}
        by_leaf.update({id(x): points[0], id(y): points[1], id(k): parameter})
        by_leaf.update({id(a): a(*points), id(f): f(*points)})

        def leaf(thing):
            return by_leaf.get(id(thing), thing)

        return sum(jets.values()) + _build(tree, leaf) + 0.25 * parameter

    for jet in names:
        # One that the tree cancels is absent, and does not count.
        jets.setdefault(jet, np.zeros((3, 2)))
    plain = value(jets, 1.3)
    size = max(1.0, float(np.max(np.abs(plain))))
    # Both round some twenty operations on numbers that are below a few thousand.
    np.testing.assert_allclose(equation.residual(jets, points, {"k": 1.3}), plain, atol=1e-9 * size)
    partials = equation.partials(jets, points, {"k": 1.3})
    for jet in equation.jets:
        moved = {**jets, jet: jets[jet] + 1e-30j}
        want = np.imag(value(moved, 1.3)) / 1e-30
        bound = 1e-9 * max(1.0, float(np.max(np.abs(want))))
        np.testing.assert_allclose(
            np.broadcast_to(partials[jet], (3, 2)), want * np.ones((3, 2)), atol=bound
        )
    want = np.imag(value(jets, 1.3 + 1e-30j)) / 1e-30
    bound = 1e-9 * max(1.0, float(np.max(np.abs(want))))
    for slope in equation.partials_unknown(jets, points, {"k": 1.3}).values():
        np.testing.assert_allclose(slope * np.ones((3, 2)), want * np.ones((3, 2)), atol=bound)


@pytest.mark.parametrize("exponent", [-3, -1, -0.5, 0.5, 1.5, 2, 7, 64, 65, 101])
def test_powers(exponent):
    values = np.linspace(0.5, 1.5, 9)
    equation = Equation(u**exponent, ("x",))
    jets, points = {("u", (0,)): values}, (np.zeros(9),)
    # A power by squaring rounds as often as it multiplies, and each rounding is doubled on.
    tolerance = 2.3e-16 * max(4.0, abs(exponent))
    np.testing.assert_allclose(equation.residual(jets, points), values**exponent, rtol=tolerance)
    (slope,) = equation.partials(jets, points).values()
    np.testing.assert_allclose(slope, exponent * values ** (exponent - 1.0), rtol=tolerance)


def test_a_function_that_tells_no_signature_is_called():
    class Opaque:
        __signature__ = "none"

        def __call__(self, x, y):
            return x + y

    points = _points()
    source = _equation(u - Opaque()).source(points)
    np.testing.assert_array_equal(source, points[0] + points[1])


def test_each_subexpression_and_callable_is_evaluated_once():
    calls = []

    def counted(x, y):
        calls.append("data")
        return x + y

    def reaction(values):
        calls.append("function")
        return values**3

    term = apply(reaction, u, derivative=lambda values: 3.0 * values**2)
    equation = _equation(term * D(u, x) + np.sin(term) + counted * u + counted * D(u, x))
    equation.residual(_jets(equation), _points())
    assert sorted(calls) == ["data", "function"]


def test_derivatives_do_not_evaluate_a_source():
    def source(x, y):
        raise AssertionError("called")

    equation = _equation(D(u, x, 2) + u**3 - source)
    partials = equation.partials(_jets(equation), _points())
    assert partials[UXX] == 1.0


def test_formulas_that_share_their_parts_stay_small():
    value = u
    for _ in range(60):
        value = np.sin(value) + 0.5 * value * value
    equation = _equation(value)
    assert len(equation._tape.instructions) < 300


# --- Sources ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "source"),
    [
        (D(u, x, 2) - f, f),
        (D(u, x, 2), lambda x, y: 0.0),
        (a * (u - f) + 3 * x, lambda x, y: a(x, y) * f(x, y) - 3 * x),
        (D(u, x) / x - 2 * (f / x), lambda x, y: 2 * f(x, y) / x),
        (np.exp(u) + D(u, x, 2) - f + 1, lambda x, y: f(x, y) - 1),
        (k * u - k**2 * f, lambda x, y: 900.0 * f(x, y)),
    ],
)
def test_the_source_is_what_the_rest_equals(expression, source):
    equation, points = _equation(expression), _points()
    result = equation.source(points, {"k": 30.0})
    assert result.shape == (5, 4)
    np.testing.assert_allclose(result, source(*points) * np.ones((5, 4)), rtol=1e-14)
    if equation.is_linear:
        zero = dict.fromkeys(equation.jets, 0.0)
        residual = equation.residual(zero, points, {"k": 30.0})
        np.testing.assert_allclose(residual, -result, rtol=1e-14)


def test_results_are_new_arrays():
    equation, points = _equation(u), _points()
    jets = _jets(equation)
    equation.residual(jets, points)[:] = 7.0
    assert np.all(jets[U] < 1.0)
    kept = np.ones((5, 4))
    equation = _equation(u - (lambda x, y: kept))
    equation.source(points)[:] = 7.0
    assert np.all(kept == 1.0)


# --- apply --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "slope", "tolerance"),
    [
        # Analytic, and taken by the complex step: rounding alone.
        (lambda w: w * np.exp(-(w**2)), lambda w: (1 - 2 * w**2) * np.exp(-(w**2)), 1e-14),
        (erf, lambda w: 2 / math.sqrt(math.pi) * np.exp(-(w**2)), 1e-14),
        # Real numbers only, or not analytic: differences of fourth order, about eps**0.8.
        (lambda w: np.asarray(np.real(w), dtype=float) ** 3, lambda w: 3 * w**2, 1e-10),
        (lambda w: w * np.abs(w), lambda w: 2 * np.abs(w), 1e-10),
        (lambda w: np.cbrt(w + 2.0), lambda w: np.cbrt(w + 2.0) ** -2 / 3, 1e-10),
    ],
)
def test_apply_differentiates_a_function(function, slope, tolerance):
    values = np.linspace(0.2, 1.2, 300)
    equation = Equation(apply(function, u), ("x",))
    jets, points = {("u", (0,)): values}, (np.zeros(300),)
    np.testing.assert_array_equal(equation.residual(jets, points), function(values))
    (result,) = equation.partials(jets, points).values()
    size = np.max(np.abs(slope(values)))
    np.testing.assert_allclose(result, slope(values), atol=tolerance * size)


@pytest.mark.parametrize("unit", [1e-150, 1e150])
def test_apply_differentiates_in_any_units(unit):
    values = unit * np.linspace(0.2, 1.2, 9)
    equation = Equation(apply(lambda w: unit * np.sin(np.real(w) / unit), u), ("x",))
    (slope,) = equation.partials({("u", (0,)): values}, (np.zeros(9),)).values()
    np.testing.assert_allclose(slope, np.cos(values / unit), atol=1e-10)


@pytest.mark.parametrize("function", [lambda w: w**2, np.cos, lambda w: np.real(w) ** 2 + 3.0])
def test_apply_at_a_stationary_point(function):
    equation = Equation(apply(function, u), ("x",))
    (slope,) = equation.partials({("u", (0,)): np.zeros(3)}, (np.zeros(3),)).values()
    np.testing.assert_allclose(slope, 0.0, atol=1e-12)


def test_apply_uses_the_derivative_given():
    equation = Equation(apply(np.floor, u, derivative=lambda w: 0.0 * w + 5.0), ("x",))
    (slope,) = equation.partials({("u", (0,)): np.ones(3)}, (np.zeros(3),)).values()
    np.testing.assert_array_equal(slope, 5.0)


def test_apply_refuses_what_it_cannot_differentiate():
    noise = np.random.default_rng(0)
    equation = Equation(apply(lambda w: noise.normal(size=w.shape), u), ("x",))
    with pytest.raises(ValueError, match="<lambda> cannot be had .* pass derivative="):
        equation.partials({("u", (0,)): np.ones(3)}, (np.zeros(3),))


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda w: w[:-1], ValueError, r"shape \(2,\) for one of shape \(3,\)"),
        (lambda w: w + 1j, TypeError, "complex128, not real"),
    ],
)
def test_apply_checks_what_the_function_returns(function, error, message):
    equation = Equation(apply(function, u), ("x",))
    with pytest.raises(error, match=message):
        equation.residual({("u", (0,)): np.ones(3)}, (np.zeros(3),))


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: np.ones(3) * u, TypeError, r"shape \(3,\) .* callable .* fit\(X, y\)"),
        (lambda: u + np.ones((2, 2)), TypeError, "an array of shape"),
        (lambda: u == f, TypeError, "left - right"),
        (lambda: u != 0, TypeError, "left - right"),
        (lambda: np.float64(0) == u, TypeError, "left - right"),
        (lambda: u < 1, TypeError, "left - right"),
        (lambda: bool(u), TypeError, "neither true nor false"),
        (lambda: u and v, TypeError, "neither true nor false"),
        (lambda: u * True, TypeError, "True .* write 1.0"),
        (lambda: u * 1j, TypeError, "equations are real.* two fields"),
        (lambda: u * math.nan, ValueError, "finite; got nan"),
        (lambda: u + math.inf, ValueError, "finite; got inf"),
        (lambda: 1e200 * (1e200 * u), ValueError, "multiply to inf"),
        (lambda: 1e-200 * (1e-200 * u), ValueError, "multiply to 0.0"),
        (lambda: 1e308 * u + 1e308 * u, ValueError, "add up to something that is not finite"),
        (lambda: u / 0, ZeroDivisionError, "divides by zero"),
        (lambda: (-1.0) ** u, ValueError, "above 0"),
        (lambda: "f" * u, TypeError, "'f' of type str"),
        (lambda: [1, 2] * u, TypeError, "of type list"),
        (lambda: u * float, TypeError, "of type type"),
        (lambda: np.floor(u), TypeError, "apply.function, formula, derivative"),
        (lambda: np.maximum(u, 0), TypeError, "np.maximum of u, 0 .* apply"),
        (lambda: np.add.reduce(u), TypeError, "np.add.reduce cannot be applied"),
        (lambda: np.sin(u, where=True), TypeError, "np.sin cannot be applied"),
        (lambda: D(x, u), TypeError, r"D\(u, x\)"),
        (lambda: D(u, "x"), TypeError, "made by coords"),
        (lambda: D(u, u), TypeError, "made by coords"),
        (lambda: D(u, f), TypeError, "made by coords"),
        (lambda: D(u, x, y), TypeError, r"D\(D\(u, x\), y\)"),
        (lambda: D(u, x, 1.5), TypeError, "an integer; got 1.5"),
        (lambda: D(u, x, True), TypeError, "an integer; got True"),
        (lambda: D(u, x, -1), ValueError, "at least 0; got -1"),
        (lambda: D(u * D(u, x), x), ValueError, "product rule"),
        (lambda: D(a * D(u, x), x), ValueError, r"a\*D\(u, x, 2\) \+ a_x\*D\(u, x\)"),
        (lambda: D(x * u, x), ValueError, "product rule"),
        (lambda: D(np.sin(u), x), ValueError, "chain rule"),
        (lambda: D(f, x), ValueError, "cannot differentiate f"),
        (lambda: D(x, x), ValueError, "cannot differentiate x"),
        (lambda: coords("x x"), ValueError, "each coordinate once"),
        (lambda: coords(" "), ValueError, "at least one name"),
        (lambda: coords("2x"), ValueError, "identifier such as 'x'; got '2x'"),
        (lambda: coords(["x"]), TypeError, "a string such as 'x y'"),
        (lambda: Field("u-v"), ValueError, "the name of a field .* got 'u-v'"),
        (lambda: Field(3), TypeError, "the name of a field is a string"),
        (lambda: Unknown("k", bounds=(2, 1)), ValueError, "low < high"),
        (lambda: Unknown("k", bounds=(math.nan, 1)), ValueError, "low < high"),
        (lambda: Unknown("k", bounds=3), TypeError, "a pair of numbers; got 3"),
        (lambda: apply(u, u), TypeError, "function is a function of one array; got u"),
        (lambda: apply(np.sin, u, derivative=3), TypeError, "derivative is a function"),
    ],
)
def test_what_is_no_formula_is_refused_with_a_remedy(build, error, message):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize(
    ("expression", "error", "message"),
    [
        (f, ValueError, "holds no field"),
        (u - u + x, ValueError, "holds no field"),
        (D(u, coords("z")), ValueError, r"uses the coordinates \['z'\], but the Box has"),
        (coords("t") * u, ValueError, r"\['t'\]"),
        (D(Field("x"), x), ValueError, "'x' names both a field and a coordinate"),
        (D(Field("k"), x) + k, ValueError, "'k' names both a field and an unknown"),
        (u + Unknown("y"), ValueError, "'y' names both an unknown and a coordinate"),
        (u - np.sin, TypeError, r"np.sin takes 1 arrays, .* \(x, y\); write np.sin of a coord"),
        (u - (lambda x: x), TypeError, r"<lambda>\(x, y\), but its signature is <lambda>\(x\)"),
    ],
)
def test_what_is_no_equation_is_refused_with_a_remedy(expression, error, message):
    with pytest.raises(error, match=message):
        _equation(expression)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (
            lambda x, y: np.where((x > 0.5) & (y > 1.0), math.nan, x),
            ValueError,
            r"<lambda> returned nan at x=0.55, y=1.4 \(6 of 20 points",
        ),
        (lambda x, y: 1.0 / (x - 0.1), ValueError, "returned inf at x=0.1, y=0.2"),
        (lambda x, y: np.ones(3), ValueError, r"shape \(3,\) at points of shape \(5, 4\)"),
        (lambda x, y: np.ones((2, 5, 4)), ValueError, r"shape \(2, 5, 4\)"),
        (lambda x, y: np.sqrt(x - 1j), TypeError, "complex128, .* return its real part"),
        (lambda x, y: "one", TypeError, "not real numbers"),
        (lambda x, y: None, TypeError, "not real numbers"),
    ],
)
def test_what_a_callable_returns_is_checked(function, error, message):
    equation = _equation(D(u, x) + function * u - function)
    for evaluate in (equation.residual, equation.partials):
        with pytest.raises(error, match=message):
            evaluate(_jets(equation), _points())
    with pytest.raises(error, match=message):
        equation.source(_points())


def test_a_callable_cannot_change_the_points():
    def careless(x, y):
        x *= 2.0
        return x

    with pytest.raises(ValueError, match="read-only"):
        _equation(u - careless).source(_points())


def test_missing_values_are_named():
    equation, points = _equation(k * u * D(u, x)), _points()
    jets = _jets(equation)
    with pytest.raises(ValueError, match=r"jets lacks the values of \('u', \(1, 0\)\)"):
        equation.residual({U: jets[U]}, points, {"k": 1.0})
    with pytest.raises(ValueError, match="unknowns lacks the value of 'k'"):
        equation.residual(jets, points)
    with pytest.raises(ValueError, match=r"jets holds values of \('u', \(0, 0\)\) of shape \(3,\)"):
        equation.residual({**jets, U: np.ones(3)}, points, {"k": 1.0})
    with pytest.raises(ValueError, match=r"one array per coordinate \(x, y\)"):
        equation.residual(jets, points[:1], {"k": 1.0})
    with pytest.raises(ValueError, match="got ndarray of length 2"):
        equation.residual(jets, np.ones((2, 3)), {"k": 1.0})


def test_a_residual_beyond_its_domain_is_not_finite_and_does_not_warn():
    equation = Equation(np.log(u) + u**0.5, ("x",))
    residual = equation.residual({("u", (0,)): np.array([-1.0, 1.0])}, (np.zeros(2),))
    assert math.isnan(residual[0])
    assert residual[1] == 1.0


# --- Copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_are_the_same_equation(clone):
    original = _equation(D(u, x, 2) + apply(erf, u) + a * np.sin(u) / (k + 1) - f + y)
    equation = clone(original)
    assert repr(equation) == repr(original)
    jets, points = _jets(original), _points()
    for method in ("residual", "partials"):
        np.testing.assert_equal(
            getattr(equation, method)(jets, points, {"k": 2.0}),
            getattr(original, method)(jets, points, {"k": 2.0}),
        )
    # A copy goes on as a formula.
    assert repr(clone(u) + clone(u)) == "2*u"
