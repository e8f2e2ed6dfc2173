import copy
import math
import pickle

import numpy as np
import pytest

import kernlab.pde
from kernlab.pde import (
    PDE,
    Box,
    D,
    Dirichlet,
    Field,
    Initial,
    Neumann,
    Periodic,
    Robin,
    Unknown,
    coords,
)

x, y, z, t = coords("x y z t")
u, v = Field("u"), Field("v")
SQUARE = Box(x=(0, 1), y=(-1, 2))
STRIP = Box(x=(0, 1), t=(0, 2))
LAPLACE = D(u, x, 2) + D(u, y, 2)
HEAT = D(u, t) - D(u, x, 2)
WAVE = D(u, t, 2) - D(u, x, 2)


def f(x, y):
    return np.sin(x) * y


def _kinds(pde, field="u"):
    """Per axis the kinds of condition at either end, or 'periodic'."""
    found = []
    for axis in range(len(pde.box)):
        ends = pde.conditions[field, axis]
        kinds = [[condition.kind for condition in end] for end in (ends.low, ends.high)]
        found.append("periodic" if ends.periodic else tuple(kinds))
    return found


# --- Boxes --------------------------------------------------------------------------------------


def test_a_box_keeps_its_order():
    box = Box(t=(0, 2), x=(-1, 1.5))
    assert box.names == ("t", "x")
    assert box.faces == ("t_min", "t_max", "x_min", "x_max")
    assert len(box) == 2
    np.testing.assert_array_equal(box.low, [0.0, -1.0])
    np.testing.assert_array_equal(box.high, [2.0, 1.5])
    np.testing.assert_array_equal(box.lengths, [2.0, 2.5])
    assert repr(box) == "Box(t=(0, 2), x=(-1, 1.5))"
    with pytest.raises(ValueError, match="read-only"):
        box.low[0] = 1.0


@pytest.mark.parametrize(
    ("intervals", "error", "message"),
    [
        ({}, ValueError, "at least one coordinate"),
        ({"x": (1, 1)}, ValueError, r"x satisfy low < high; got \(1, 1\)"),
        ({"x": (2, 1)}, ValueError, "low < high"),
        ({"x": (0, math.inf)}, ValueError, "finite"),
        ({"x": (math.nan, 1)}, ValueError, "finite"),
        ({"x": (-1e308, 1e308)}, ValueError, "its length are finite"),
        ({"x": 1.0}, TypeError, "x is a pair of numbers"),
        ({"x": (0, 1, 2)}, TypeError, "a pair"),
        ({"x": ("a", 1)}, TypeError, "a pair"),
    ],
)
def test_what_is_no_box_is_refused(intervals, error, message):
    with pytest.raises(error, match=message):
        Box(**intervals)


# --- Which face carries which condition ---------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "box", "bcs", "kinds"),
    [
        (LAPLACE, SQUARE, Dirichlet(), [(["value"], ["value"])] * 2),
        (
            LAPLACE,
            SQUARE,
            [Dirichlet(), Neumann(faces="x_max"), Robin(1, 2, faces=["y_min"])],
            [(["value"], ["slope"]), (["robin"], ["value"])],
        ),
        (LAPLACE, SQUARE, [Periodic("x"), Dirichlet(1)], ["periodic", (["value"], ["value"])]),
        (LAPLACE, SQUARE, [Periodic((x, "y"))], ["periodic", "periodic"]),
        (HEAT, STRIP, [Dirichlet(), Initial(0)], [(["value"], ["value"]), (["value"], [])]),
        (HEAT, STRIP, [Neumann(), Initial(5)], [(["slope"], ["slope"]), (["value"], [])]),
        (
            WAVE,
            STRIP,
            [Initial(0, rate=1), Dirichlet()],
            [(["value"], ["value"]), (["value", "slope"], [])],
        ),
        # A boundary-value problem in time, once it is asked for.
        (
            WAVE,
            STRIP,
            [Initial(0), Dirichlet(faces="t_max"), Dirichlet()],
            [(["value"], ["value"]), (["value"], ["value"])],
        ),
        (
            D(u, t) + D(u, x),
            STRIP,
            [Initial(0), Dirichlet(faces="x_min")],
            [(["value"], []), (["value"], [])],
        ),
        # No derivative along x, so that no face of it is left to be given a value.
        (D(u, t) + x * u, STRIP, [Initial(0), Dirichlet()], [([], []), (["value"], [])]),
        (D(u, y, 2) - x, SQUARE, Dirichlet(), [([], []), (["value"], ["value"])]),
        (
            D(u, x, 2) - x,
            Box(x=(0, 1)),
            Initial(0, rate=1, coordinate=x),
            [(["value", "slope"], [])],
        ),
    ],
)
def test_conditions_come_to_their_faces(equation, box, bcs, kinds):
    assert _kinds(PDE(equation, box, bcs)) == kinds


def test_normal_derivatives_are_turned_to_the_axis():
    pde = PDE(
        LAPLACE,
        SQUARE,
        [Neumann(3.0, faces=("x_min", "x_max")), Robin(2, 5, f, faces=("y_min", "y_max"))],
    )
    ends = [pde.conditions["u", axis] for axis in (0, 1)]
    got = [[end[0][1:3] for end in (axis.low, axis.high)] for axis in ends]
    # du/dn at the low end is -du/dx: alpha*u + beta*du/dx = g there with beta = -b.
    assert got == [[(0.0, -1.0), (0.0, 1.0)], [(2.0, -5.0), (2.0, 5.0)]]
    linear = {"x": 4.0}  # u = 4x satisfies du/dn = -4 at x_min, du/dx = 4
    low = ends[0].low[0]
    assert low.beta * linear["x"] == -4.0


def test_boundary_data_take_all_coordinates_in_order():
    xs, ys = np.linspace(0, 1, 3)[:, None], np.linspace(-1, 2, 4)[None, :]
    for data in (f, np.sin(x) * y, lambda x, y: np.sin(x) * y + 0):
        pde = PDE(LAPLACE, SQUARE, Dirichlet(data))
        g = pde.conditions["u", 1].low[0].g
        np.testing.assert_allclose(g(xs, ys), f(xs, ys), rtol=1e-15)
        np.testing.assert_allclose(g(xs, -1.0), f(xs, -1.0), rtol=1e-15)
        assert g(0.5, 1.0).shape == ()
    number = PDE(LAPLACE, SQUARE, Dirichlet(2)).conditions["u", 0].low[0].g
    np.testing.assert_array_equal(number(xs, ys), np.full((3, 4), 2.0))


def test_systems_are_counted_as_a_whole():
    # u_t = v_x, v_t = u_x: two conditions along x, here both on u, and one per field in time.
    waves = [D(u, t) - D(v, x), D(v, t) - D(u, x)]
    pde = PDE(
        waves,
        STRIP,
        [
            Dirichlet(0, faces=("x_min", "x_max"), field=u),
            Initial(0),
        ],
    )
    assert pde.fields == ["u", "v"]
    assert _kinds(pde, "u") == [(["value"], ["value"]), (["value"], [])]
    assert _kinds(pde, "v") == [([], []), (["value"], [])]
    with pytest.raises(ValueError, match="order 2 along x and take as many .* got 4 .*field="):
        PDE(waves, STRIP, [Dirichlet(0), Initial(0)])
    plate = PDE([D(u, x, 2) - v, D(v, x, 2) - 1], Box(x=(0, 1)), [Dirichlet()])
    assert _kinds(plate, "u") == _kinds(plate, "v") == [(["value"], ["value"])]
    mixed = PDE(
        [HEAT - v, D(v, t) + u],
        STRIP,
        [Dirichlet(1, field="u"), Initial(1, field=u), Initial(2, field="v")],
    )
    assert _kinds(mixed, "v") == [([], []), (["value"], [])]
    # Solved for v by u, and for u by nothing: no condition at all.
    assert _kinds(PDE([LAPLACE + v, u - 1], SQUARE), "u") == [([], []), ([], [])]
    assert [mixed.conditions[name, 1].low[0].g(0.0, 0.0) for name in "uv"] == [1.0, 2.0]


def test_unknowns_are_collected():
    k, c = Unknown("k", bounds=(0, 1)), Unknown("c")
    pde = PDE([D(u, x) + k * v, D(v, x) + c * u + k], Box(x=(0, 1)), Dirichlet(faces="x_min"))
    assert pde.unknowns == {"k": k, "c": c}
    other = Unknown("k", bounds=(0, 2))
    with pytest.raises(ValueError, match="two unknowns named 'k' have different bounds"):
        PDE([D(u, x) + k * v, D(v, x) + other], Box(x=(0, 1)), Dirichlet(faces="x_min"))


# --- Corners ------------------------------------------------------------------------------------


def test_a_corner_where_values_disagree_is_named():
    with pytest.raises(ValueError, match=r"u on x_min and y_min .* 0 \(0\) and 1 \(1\)"):
        PDE(LAPLACE, SQUARE, [Dirichlet(0, faces=("x_min", "x_max")), Dirichlet(1)])
    with pytest.raises(ValueError, match=r"u on x_min and t_min .* 0 \(0\) and 1 \(cos\(x\)\)"):
        PDE(HEAT, STRIP, [Dirichlet(0), Initial(np.cos(x))])
    # A slope need not agree with a value.
    PDE(LAPLACE, SQUARE, [Neumann(7, faces=("x_min", "x_max")), Dirichlet(1)])


@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_corners_are_judged_by_the_scale_of_the_data(unit, offset):
    box = Box(x=(offset, offset + 1), y=(0, 1))

    def sine(x, y):
        return unit * np.sin(np.pi * (x - offset))

    # sin(pi) is 1.2e-16, and further off where x is rounded.
    agreeing = [Dirichlet(sine, faces="y_min"), Dirichlet(0)]
    PDE(LAPLACE, box, agreeing)
    for gap, fits in ((1e-10, True), (1e-6, False)):
        bcs = [Dirichlet(sine, faces="y_min"), Dirichlet(lambda x, y, gap=gap: gap * unit + 0 * x)]
        if fits:
            PDE(LAPLACE, box, bcs)
        elif offset == 0.0:
            with pytest.raises(ValueError, match="do not agree"):
                PDE(LAPLACE, box, bcs)


def test_rounding_of_data_that_vanish_is_no_disagreement():
    bump = Dirichlet(lambda x, y: np.sin(np.pi * x) * np.sin(np.pi * y), faces=("y_min", "y_max"))
    PDE(LAPLACE, SQUARE, [bump, Dirichlet(0)])


def test_edges_are_checked_along_their_length():
    cube = Box(x=(0, 1), y=(0, 1), z=(0, 1))
    laplace = LAPLACE + D(u, z, 2)
    PDE(laplace, cube, [Dirichlet(z * (1 - z), faces=("x_min", "x_max")), Dirichlet(z * (1 - z))])
    # They agree at the corners, and not between them.
    with pytest.raises(ValueError, match="u on x_min and y_min .* 0.25 .* and 0 "):
        PDE(laplace, cube, [Dirichlet(z * (1 - z), faces=("x_min", "x_max")), Dirichlet(0)])


def test_data_around_a_periodic_coordinate_close():
    PDE(HEAT, STRIP, [Periodic("x"), Initial(np.sin(2 * np.pi * x))])
    with pytest.raises(ValueError, match="u is periodic in x, but .* t_min is 0 at x_min and 1 at"):
        PDE(HEAT, STRIP, [Periodic("x"), Initial(x)])


def test_boundary_data_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="returned nan at x=0"):
        PDE(LAPLACE, SQUARE, Dirichlet(lambda x, y: np.where(x == 0, math.nan, y)))
    with pytest.raises(ValueError, match="returned -inf at x=0"):
        PDE(LAPLACE, SQUARE, Dirichlet(np.log(x)))


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("equation", "box", "bcs", "error", "message"),
    [
        (LAPLACE, SQUARE, (), ValueError, "order 2 along x and take as many .* got 0"),
        (LAPLACE, SQUARE, Dirichlet(faces="x_min"), ValueError, "got 1 .1 at x_min, 0 at x_max"),
        (
            LAPLACE,
            SQUARE,
            [Dirichlet(), Neumann(faces="x_min"), Dirichlet(faces="x_min")],
            ValueError,
            "x_min carries two conditions for u: Neumann.0, faces='x_min'. and Dirichlet",
        ),
        (LAPLACE, SQUARE, [Dirichlet(), Neumann()], ValueError, "carries two conditions"),
        (
            LAPLACE,
            SQUARE,
            [Periodic("x"), Dirichlet(faces="x_min"), Dirichlet()],
            ValueError,
            "x_min carries two",
        ),
        (LAPLACE, SQUARE, Dirichlet(faces="xmin"), ValueError, "did you mean 'x_min'"),
        (LAPLACE, SQUARE, Dirichlet(faces="left"), ValueError, "there are x_min, x_max, y_min"),
        (LAPLACE, SQUARE, Dirichlet(field="w"), ValueError, "field 'w', which is in no equation"),
        (LAPLACE, SQUARE, Periodic("t"), ValueError, "'t', which is not in Box"),
        (LAPLACE, SQUARE, [Dirichlet(), Initial(0)], ValueError, "'t', which is not in Box"),
        (
            HEAT,
            STRIP,
            [Dirichlet(), Initial(0, rate=1)],
            ValueError,
            "order 1 along t and take as many .*2 at t_min, 0 at t_max.+ leave out the rate=",
        ),
        (WAVE, STRIP, [Dirichlet(), Initial(0)], ValueError, "or Initial its rate="),
        (D(u, t) + D(u, x), STRIP, [Dirichlet(), Initial(0)], ValueError, "faces='x_min' or"),
        (
            D(u, y) - x,
            SQUARE,
            [Dirichlet(faces=("x_min", "y_min"))],
            ValueError,
            "no derivative along x",
        ),
        (
            D(u, x, 3),
            Box(x=(0, 1)),
            (),
            ValueError,
            "u_xxx in u_xxx = 0 is of order 3 .* most 2",
        ),
        (D(LAPLACE, x, 2), SQUARE, (), ValueError, "u_xxxx .* as a system of two"),
        (LAPLACE + v, SQUARE, Dirichlet(), ValueError, r"1 equations for 2 fields \(u, v\)"),
        ([LAPLACE, LAPLACE], SQUARE, Dirichlet(), ValueError, "2 equations for 1 fields"),
        ([LAPLACE, u - 1, v + Field("w")], SQUARE, [], ValueError, "cannot determine the fields"),
        ([], SQUARE, (), ValueError, "at least one formula"),
        (
            [D(u, x) + v, D(v, x) + Unknown("u")],
            Box(x=(0, 1)),
            (),
            ValueError,
            "'u' names both a field and an unknown",
        ),
        (LAPLACE, STRIP, Dirichlet(), ValueError, r"uses the coordinates \['y'\]"),
        (LAPLACE - (lambda x: x), SQUARE, Dirichlet(), TypeError, "its signature"),
        (LAPLACE, SQUARE, Dirichlet(lambda x: x), TypeError, "its signature"),
        (LAPLACE, SQUARE, Dirichlet(u), ValueError, "boundary data .* holds u"),
        (LAPLACE, SQUARE, Dirichlet(t), ValueError, "coordinate t, but the Box has"),
        (LAPLACE, ((0, 1), (0, 1)), Dirichlet(), TypeError, "box is a Box"),
        (LAPLACE, SQUARE, [0], TypeError, "bcs holds Dirichlet, .* got 0"),
        (LAPLACE, SQUARE, 0, TypeError, "bcs a sequence"),
        (f, SQUARE, Dirichlet(), TypeError, "equations are formulas"),
    ],
)
def test_what_is_no_problem_is_refused_with_a_remedy(equation, box, bcs, error, message):
    with pytest.raises(error, match=message):
        PDE(equation, box, bcs)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: Dirichlet(np.ones(3)), TypeError, "an array of shape"),
        (lambda: Dirichlet(math.nan), ValueError, "finite; got nan"),
        (lambda: Neumann("1"), TypeError, "of type str"),
        (lambda: Dirichlet("x_min", 0), TypeError, "g of Dirichlet .* faces='x_min'"),
        (lambda: Dirichlet(Field("u")(0)), TypeError, "write u, not u.x."),
        (lambda: Dirichlet(0, faces=[]), ValueError, "at least one face"),
        (lambda: Dirichlet(0, faces=[x]), TypeError, "faces is a name such as 'x_min'"),
        (lambda: Dirichlet(0, faces=3), TypeError, "faces is a name such as 'x_min'"),
        (lambda: Dirichlet(0, field=x), TypeError, "field is a Field or its name; got x"),
        (lambda: Dirichlet(0, field=D(u, x)), TypeError, "field is a Field"),
        (lambda: Robin(1, 0), ValueError, "b of Robin is not zero"),
        (lambda: Robin(f, 1), TypeError, "a is a number; got"),
        (lambda: Robin(1, math.inf), ValueError, "b is finite; got inf"),
        (lambda: Periodic(u), TypeError, "coordinates is a coordinate or its name; got u"),
        (lambda: Periodic(()), ValueError, "at least one name"),
        (lambda: Initial(0, coordinate=u), TypeError, "coordinate is a coordinate or its name"),
        (lambda: Initial(None), TypeError, "of type NoneType"),
        (lambda: Initial(0, rate="fast"), TypeError, "of type str"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_written(build, error, message):
    with pytest.raises(error, match=message):
        build()


# --- Printing and copies ------------------------------------------------------------------------


def test_a_problem_prints_like_mathematics():
    pde = PDE(
        [HEAT + u**3 - f_of_time, D(v, t) - u],
        STRIP,
        [
            Neumann(1, faces=("x_min",), field=u),
            Robin(1, 0.5, np.sin(t), faces="x_max", field=u),
            Initial(f_of_time, field="u"),
            Initial(0, coordinate=t, field=v),
        ],
    )
    assert repr(pde).splitlines() == [
        "u_t - u_xx + u**3 = f_of_time",
        "v_t - u = 0",
        "  on Box(x=(0, 1), t=(0, 2))",
        "  with Neumann(1, faces='x_min', field='u'), "
        "Robin(1, 0.5, sin(t), faces='x_max', field='u'), "
        "Initial(f_of_time, field='u'), Initial(0, field='v')",
    ]
    assert repr(Initial(0, rate=f, coordinate="x")) == "Initial(0, rate=f, coordinate='x')"
    assert repr(Periodic(("x", y))) == "Periodic('x', 'y')"


def f_of_time(x, t):
    return x * t


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_are_the_same_problem(clone):
    original = PDE(
        LAPLACE - Unknown("k") * u - f, SQUARE, [Dirichlet(f), Neumann(np.sin(y), faces="x_max")]
    )
    pde = clone(original)
    assert repr(pde) == repr(original)
    points = np.linspace(0, 1, 3), np.linspace(-1, 2, 3)
    np.testing.assert_array_equal(
        pde.equations[0].source(points), original.equations[0].source(points)
    )
    for key, axis in original.conditions.items():
        for end in ("low", "high"):
            (mine,), (theirs,) = getattr(pde.conditions[key], end), getattr(axis, end)
            assert mine[:3] == theirs[:3]
            np.testing.assert_array_equal(mine.g(*points), theirs.g(*points))


def test_public_names_are_exported():
    for name in kernlab.pde.__all__:
        assert getattr(kernlab.pde, name).__doc__


@pytest.mark.parametrize(
    ("equation", "bcs", "free"),
    [
        (LAPLACE, Neumann(), ["u"]),
        (LAPLACE, [Periodic("x"), Neumann()], ["u"]),
        (LAPLACE, [Periodic("x"), Dirichlet()], []),
        (LAPLACE, [Robin(1, 1, faces="x_min"), Neumann()], []),
        (LAPLACE, [Robin(0, 1, faces="x_min"), Neumann()], ["u"]),
        (LAPLACE - u, Neumann(), []),
        (LAPLACE + D(u, x) ** 2 - f, Neumann(), ["u"]),
        (LAPLACE + np.sin(u), Neumann(), []),
    ],
)
def test_fields_known_up_to_a_constant_are_found(equation, bcs, free):
    # By definition: u + c satisfies all that u does where no equation or condition holds u itself.
    assert PDE(equation, SQUARE, bcs).up_to_a_constant() == free


def test_time_of_another_name_is_to_be_named():
    with pytest.raises(ValueError, match="coordinate='y' say"):
        PDE(D(u, y) - D(u, x, 2), SQUARE, [Initial(0), Dirichlet()])
