"""The ways in which private releases are commonly betrayed, one test each."""

import functools
import pickle
import traceback
import types

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from kernlab.exceptions import PrivacyBudgetError
from kernlab.privacy import (
    PrivacyBudget,
    PrivateDistanceSum,
    PrivateKernelDensity,
    PrivateKernelSum,
    PrivateSimilarityClassifier,
    _release,
)
from kernlab.privacy._leaks import walk
from kernlab.privacy._noise import noise_source

COLUMNS = 2
DISTANCE = functools.partial(PrivateDistanceSum, bounds=(0, 1), epsilon=1, noise="builtin")
KERNEL = functools.partial(
    PrivateKernelSum, bandwidth=0.5, n_features=8, epsilon=1, noise="builtin"
)
DENSITY = functools.partial(
    PrivateKernelDensity, bandwidth=0.5, n_features=8, epsilon=1, noise="builtin"
)
CLASSIFIER = functools.partial(
    PrivateSimilarityClassifier,
    classes=["a", "b"],
    bandwidth=0.5,
    n_features=8,
    epsilon=1,
    noise="builtin",
)
ESTIMATORS = {
    "l1": DISTANCE,
    "dyadic": functools.partial(DISTANCE, method="dyadic", levels=3),
    "l1.5": functools.partial(DISTANCE, "lp", p=1.5, levels=4),
    "l2": functools.partial(DISTANCE, "l2", n_projections=4),
    "sqeuclidean": functools.partial(DISTANCE, "sqeuclidean"),
    "ball": functools.partial(DISTANCE, "sqeuclidean", norm_bound=0.3),
    "gaussian": KERNEL,
    "sorf": functools.partial(KERNEL, "exponential", features="sorf"),
    "race": functools.partial(KERNEL, "laplacian", features="race"),
    "fast-gauss": functools.partial(KERNEL, features="fast-gauss", bounds=(0, 1), bandwidth=2.0),
    "density": DENSITY,
}
every_estimator = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS.keys())


@pytest.fixture
def X(rng):
    return rng.random((37, COLUMNS))


class Recorder:
    """Records that tell their shape and dtype, and note when they are read."""

    def __init__(self, values, shape=None, dtype=None):
        self.values = values
        self.shape = values.shape if shape is None else shape
        self.dtype = values.dtype if dtype is None else np.dtype(dtype)
        self.reads = 0

    def __len__(self):
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        self.reads += 1
        return np.array(self.values, dtype=dtype)


@every_estimator
def test_structure_is_refused_before_values_are_read_or_anything_is_spent(make, X):
    budget = PrivacyBudget(1)
    wrong = {
        "dtype object": Recorder(X, dtype=object),
        "2D array": Recorder(X, shape=(74,)),
        "0 feature": Recorder(X, shape=(37, 0)),
        "Complex": Recorder(X, dtype=complex),
        "dtype <U3": Recorder(X, dtype="<U3"),
    }
    for message, table in wrong.items():
        with pytest.raises((TypeError, ValueError), match=message):
            make(budget=budget).fit(table)
        assert table.reads == 0
    table = Recorder(X)
    with pytest.raises((TypeError, ValueError), match="bounds"):
        make(budget=budget, bounds=(1, 0)).fit(table)
    assert table.reads == 0
    assert budget.spent == (0, 0)
    make(budget=budget).fit(table)
    assert table.reads == 1


@every_estimator
def test_budget_is_spent_before_records_are_read(make, X):
    table, budget = Recorder(X), PrivacyBudget("1/2")
    with pytest.raises(PrivacyBudgetError):
        make(budget=budget).fit(table)
    assert table.reads == 0

    class Seen(Recorder):
        def __array__(self, dtype=None, copy=None):
            self.spent = budget.spent[0]
            return super().__array__(dtype, copy)

    table, budget = Seen(X), PrivacyBudget(1)
    make(budget=budget).fit(table)
    assert table.spent == 1


@every_estimator
def test_memory_maps_are_accepted(make, X, tmp_path):
    np.save(tmp_path / "records.npy", X)
    options = {"noise": "insecure-test", "projection_seed": 1, "n_hint": 30}
    mapped = make(**options).fit(np.load(tmp_path / "records.npy", mmap_mode="r"))
    for a, b in zip(mapped.statistics_, make(**options).fit(X).statistics_, strict=True):
        np.testing.assert_array_equal(a, b)


ODD_TABLES = {
    "nan": np.full((3, COLUMNS), np.nan),
    "infinity": np.full((3, COLUMNS), np.inf),
    "minus infinity": np.full((3, COLUMNS), -np.inf),
    "huge": np.full((3, COLUMNS), 1e308),
    "minus huge": np.full((3, COLUMNS), -1.7e308),
    "subnormal": np.full((3, COLUMNS), 5e-324),
    "outside": np.full((3, COLUMNS), 7.0),
    "mixed": np.array([[np.nan, np.inf], [-np.inf, 1e308], [0.5, -3.0]]),
    "single": np.full((3, COLUMNS), np.finfo(np.float32).max, dtype=np.float32),
    "signalling": np.full((3, COLUMNS), 0x7FA00000, dtype=np.uint32).view(np.float32),
    "half": np.full((3, COLUMNS), np.inf, dtype=np.float16),
    "long": np.full((3, COLUMNS), np.longdouble("1e4000")),
    "unsigned": np.full((3, COLUMNS), 2**64 - 1, dtype=np.uint64),
    "other byte order": np.full((3, COLUMNS), np.nan, dtype=">f8"),
    "no rows": np.empty((0, COLUMNS)),
}


@every_estimator
def test_values_raise_no_error_and_no_warning(make, X):
    """Warnings are errors here."""
    usual = make(n_hint=30, projection_seed=0).fit(X)
    for table in ODD_TABLES.values():
        fitted = make(n_hint=30, projection_seed=0).fit(table)
        assert vars(fitted).keys() == vars(usual).keys()
        shapes = [part.shape for part in usual.statistics_]
        assert [part.shape for part in fitted.statistics_] == shapes
        assert np.isfinite(fitted.query(X)).all()
        assert np.isfinite(fitted.mean(X)).all()


@every_estimator
def test_values_out_of_bounds_are_fixed_public_ones(make):
    """In a box NaN counts as the centre, all else is moved to the border; or else it is zero."""
    mechanism = make(n_hint=30, projection_seed=0).fit(np.zeros((1, COLUMNS)))._design.mechanism
    if make.func is PrivateDistanceSum:
        odd = np.array([[np.nan, np.inf], [-np.inf, 1e308], [5.0, -3.0]])
        public = np.array([[0.5, 1.0], [0.0, 1.0], [1.0, 0.0]])
    else:
        odd = np.array([[np.nan, np.inf], [-np.inf, 0.3], [0.7, np.nan]])
        public = np.array([[0.0, 0.0], [0.0, 0.3], [0.7, 0.0]])
    for a, b in zip(mechanism.sums(odd), mechanism.sums(public), strict=True):
        np.testing.assert_array_equal(a, b)


@every_estimator
@pytest.mark.parametrize("kind", ["object", "text"])
def test_dtypes_without_numbers_are_refused_without_a_word_of_them(make, kind):
    secret = "Smith, John"
    table = np.array([[secret, secret]], dtype=object if kind == "object" else None)
    for X in (table, table.tolist()):
        with pytest.raises(TypeError, match="dtype") as caught:
            make().fit(X)
        said = "".join(traceback.format_exception(caught.value))
        assert secret not in said.replace(f'secret = "{secret}"', "")


@every_estimator
@pytest.mark.parametrize("adjacency", ["add-remove", "replace"])
def test_number_of_records_shapes_nothing_with_a_hint(make, adjacency, rng):
    sizes = []
    for n in (0, 1, 10, 3000):
        fitted = make(n_hint=100, projection_seed=0, adjacency=adjacency).fit(
            rng.random((n, COLUMNS))
        )
        leaves = dict(walk(fitted, ""))
        sizes.append({path: np.shape(value) for path, value in leaves.items()})
    assert all(size == sizes[0] for size in sizes)


@every_estimator
def test_without_a_hint_the_noisy_count_decides_sizes(make, X, monkeypatch):
    """A count that is all noise makes the layout, whatever the number of records is."""
    count = 10**6
    monkeypatch.setattr(_release, "noisy_count", lambda *arguments: float(count))
    few, many = (make(projection_seed=0).fit(table) for table in (X[:1], np.tile(X, (50, 1))))
    assert few.n_noisy_ == many.n_noisy_ == count
    sizes = [[part.shape for part in fitted.statistics_] for fitted in (few, many)]
    assert sizes[0] == sizes[1]
    for a, b in zip(few.noise_scale_, many.noise_scale_, strict=True):
        np.testing.assert_array_equal(a, b)


def changed(first, second):
    return [
        not np.array_equal(a, b) for a, b in zip(first.statistics_, second.statistics_, strict=True)
    ]


@every_estimator
def test_refit_draws_fresh_noise(make, X):
    # All of a release's noise is drawn again by chance once in some 10^9 or more.
    estimator = make(projection_seed=0, n_hint=30)
    first = clone(estimator).fit(X)
    again = estimator.fit(X)
    assert any(changed(first, again))
    before = [part.copy() for part in estimator.statistics_]
    estimator.fit(X)
    assert any(not np.array_equal(a, b) for a, b in zip(before, estimator.statistics_, strict=True))


@every_estimator
def test_public_seed_fixes_the_layout_and_not_the_noise(make, X):
    first, second = (make(projection_seed=3, n_hint=30).fit(X) for _ in range(2))
    assert first.projection_seed_ == second.projection_seed_ == 3
    assert any(changed(first, second))
    for a, b in zip(first._design.mechanism.sums(X), second._design.mechanism.sums(X), strict=True):
        np.testing.assert_array_equal(a, b)


def test_public_seed_is_drawn_before_records_are_read(X, monkeypatch):
    table = Recorder(X)
    seen = []
    original = PrivateDistanceSum._mechanism

    def mechanism(self, n_features, rng):
        seen.append(table.reads)
        return original(self, n_features, rng)

    monkeypatch.setattr(PrivateDistanceSum, "_mechanism", mechanism)
    fitted = DISTANCE("l2", n_projections=4).fit(table)
    assert seen == [0]
    assert isinstance(fitted.projection_seed_, int)


@every_estimator
def test_clones_and_searches_share_the_budget(make, X):
    budget = PrivacyBudget(4)
    estimator = make(budget=budget)
    copy = clone(estimator)
    assert copy.budget is budget
    estimator.fit(X)
    copy.fit(X)
    assert budget.spent[0] == 2
    search = GridSearchCV(
        make(budget=budget),
        {"n_hint": [10, 20]},
        cv=2,
        refit=False,
        scoring=lambda estimator, X, y=None: 0.0,
        error_score="raise",
    )
    with pytest.raises(PrivacyBudgetError):
        search.fit(X)
    assert budget.remaining[0] == 0


@every_estimator
def test_budget_stays_spent_and_nothing_is_left_when_a_fit_fails(make, X, monkeypatch):
    class Silent:
        is_private = True

        def laplace(self, scale, size):
            raise OSError("no entropy")

    budget = PrivacyBudget(1)
    estimator = make(budget=budget)
    monkeypatch.setattr("kernlab.privacy._base.noise_source", lambda noise, seed: Silent())
    with pytest.raises(OSError, match="no entropy") as caught:
        estimator.fit(X)
    assert budget.remaining[0] == 0
    assert not [name for name in vars(estimator) if name.endswith("_")]
    assert_no_sums_in(caught.value, X)


@every_estimator
def test_errors_hold_no_sums_before_noise(make, X, monkeypatch):
    """The last array's noise fails, after the sums were made."""
    source, left = noise_source("builtin"), [len(make(n_hint=30).fit(X).statistics_)]

    class Failing:
        is_private = True

        def laplace(self, scale, size):
            left[0] -= 1
            if left[0] == 0:
                raise MemoryError
            return source.laplace(scale, size)

    monkeypatch.setattr("kernlab.privacy._base.noise_source", lambda noise, seed: Failing())
    with pytest.raises(MemoryError) as caught:
        make(n_hint=30).fit(X)
    assert_no_sums_in(caught.value, X)


def assert_no_sums_in(error, X):
    """No frame between the fit and the error holds integers made of the records."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    inner = [f for f in frames if "kernlab" in f.f_code.co_filename]
    inner = [f for f in inner if "tests" not in f.f_code.co_filename]
    assert len(inner) > 1
    for frame in inner:
        for name, value in dict(frame.f_locals).items():
            if isinstance(value, types.TracebackType | types.FrameType):
                continue
            for path, leaf in walk(value, name):
                is_sum = isinstance(leaf, np.ndarray) and leaf.dtype == np.int64
                assert not is_sum or "scale" in path or "design" in path, (frame, path)


@every_estimator
def test_seeded_noise_is_declared_not_private(make, X):
    fitted = make(noise="insecure-test", projection_seed=0).fit(X)
    assert fitted.is_private_ is False
    assert "NOT PRIVATE" in str(fitted.privacy_report())
    assert fitted.privacy_report().to_dict()["is_private"] is False
    private = make().fit(X)
    assert private.is_private_ is True
    assert "NOT PRIVATE" not in str(private.privacy_report())


@every_estimator
@pytest.mark.parametrize("adjacency", ["add-remove", "replace"])
def test_adjacency_is_in_the_report(make, adjacency, X):
    report = make(adjacency=adjacency).fit(X).privacy_report()
    assert report.adjacency == adjacency
    expected = {"add-remove": "one record added or removed", "replace": "one record replaced"}
    assert expected[adjacency] in str(report)
    assert report.to_dict()["adjacency"] == adjacency


@every_estimator
def test_saved_and_pickled_releases_answer_the_same(make, X, tmp_path):
    fitted = make(budget=PrivacyBudget(1), projection_seed=0).fit(X)
    fitted.save(tmp_path / "release")
    loaded = type(fitted).load(tmp_path / "release")
    unpickled = pickle.loads(pickle.dumps(fitted))
    for other in (loaded, unpickled):
        np.testing.assert_array_equal(other.query(X), fitted.query(X))
        np.testing.assert_array_equal(other.interval(X), fitted.interval(X))
        assert other.epsilon_ == fitted.epsilon_
        assert other.is_private_ is True
        assert str(other.privacy_report()) == str(fitted.privacy_report())
    assert loaded.budget is None
    # A copy of a budget in a file must not be a second budget.
    with pytest.raises(PrivacyBudgetError):
        unpickled.fit(X)


@every_estimator
@pytest.mark.parametrize(
    ("n", "d", "options", "name"),
    [
        (0, 2, {}, "n=0"),
        (np.inf, 2, {}, "n=inf"),
        ("many", 2, {}, "n='many'"),
        (10, 0, {}, "d=0"),
        (10, 2.5, {}, "d=2.5"),
        (10, 2, {"Y": np.zeros((3, 5))}, "Y has 5 columns"),
        (10, 2, {"sample": np.zeros((3, 1))}, "sample has 1 columns"),
    ],
)
def test_plans_refuse_what_is_no_size(make, n, d, options, name):
    with pytest.raises(ValueError, match=name):
        make().plan(n, d, **options)


@every_estimator
def test_negative_sums_are_returned_as_they_are(make, X):
    """Of no records at ε = 1/100 about half the noisy answers are negative."""
    answers = [
        make(epsilon="1/100", n_hint=30, projection_seed=seed, noise="insecure-test")
        .fit(X[:0])
        .query(X[:1])[0]
        for seed in range(40)
    ]
    # The seeds are fixed; of forty fair coins fewer than six are heads once in 10^6.
    assert 6 <= np.sum(np.array(answers) < 0) <= 34


@every_estimator
def test_parameters_that_depend_on_data_are_mandatory(make):
    options = {**make.keywords}
    public = "bounds" if make.func is PrivateDistanceSum else "bandwidth"
    for name in ("epsilon", public):
        with pytest.raises(TypeError, match=name):
            make.func(**{key: value for key, value in options.items() if key != name})
    for value in ("auto", "median", None):
        with pytest.raises((TypeError, ValueError), match=public):
            make(**{public: value}).fit(np.zeros((3, COLUMNS)))


@every_estimator
def test_there_is_no_parameter_that_seeds_the_noise(make):
    assert "random_state" not in make().get_params()


@every_estimator
def test_threads_do_not_change_the_integers(make, X):
    table = np.tile(X, (2000, 1))
    mechanism = make(n_hint=30, projection_seed=0).fit(X)._design.mechanism
    one, two = mechanism.sums(table, n_jobs=1), mechanism.sums(table, n_jobs=2)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_classes_are_those_given(X):
    with pytest.raises(TypeError, match="classes"):
        PrivateSimilarityClassifier(bandwidth=0.5, epsilon=1)
    for labels in (["b"] * 37, ["secret"] * 37, np.array(["a", "b", "c"])[np.arange(37) % 3]):
        fitted = CLASSIFIER(n_hint=30, projection_seed=0).fit(X, labels)
        assert fitted.classes_.tolist() == ["a", "b"]
        assert [part.shape for part in fitted.statistics_] == [(2, 16)]
        assert set(fitted.predict(X)) <= {"a", "b"}
        leaves = [leaf for _, leaf in walk(fitted, "")]
        assert not [leaf for leaf in leaves if isinstance(leaf, str) and "secret" in leaf]
        assert b"secret" not in pickle.dumps(fitted)


def test_classifier_reads_after_it_pays_and_quotes_no_label(X):
    table, budget = Recorder(X), PrivacyBudget("1/2")
    with pytest.raises(PrivacyBudgetError):
        CLASSIFIER(budget=budget).fit(table, ["a"] * 37)
    assert table.reads == 0
    for labels in (["secret"] * 36, [["secret", "b"]] * 37):
        with pytest.raises(ValueError, match="shape") as caught:
            CLASSIFIER().fit(X, labels)
        assert "secret" not in str(caught.value)


def test_budget_pays_once_for_all_classes(X):
    budget = PrivacyBudget(1)
    CLASSIFIER(budget=budget).fit(X, ["a", "b", *["a"] * 35])
    assert budget.spent[0] == 1
