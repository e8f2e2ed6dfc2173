"""Time in slabs: one after the other, each starting from the end of the one before."""

# Reference: Schötzau and Schwab, Time discretization of parabolic problems by the hp-version of
# the discontinuous Galerkin method, SIAM J. Numer. Anal. 38 (2000).

import copy

import numpy as np

from kernlab._core.progress import progress
from kernlab.linalg import apply_along_axes
from kernlab.pde._conditions import AxisConditions, Initial
from kernlab.pde._domain import Box

# Most features along time in a slab, those aimed at where the data tell, and most slabs.
MOST_ALONG, _GOOD, _MOST_SLABS = 150, 100, 4096


def time_axis(pde):
    """The axis that carries an `Initial`, and no condition at its other end; None without one."""
    for condition in pde.bcs:
        if isinstance(condition, Initial):
            axis = pde.box.names.index(condition.coordinate)
            ends = [pde.conditions[field, axis] for field in pde.fields]
            if not any(end.high or end.periodic for end in ends):
                return axis
    return None


def slab_ends(solution):
    """Ends of the slabs of a solution; none where there is no time."""
    if isinstance(solution, SlabSolution):
        return solution.ends
    pde = solution.discretization.pde
    axis = time_axis(pde)
    return np.array([]) if axis is None else pde.box.high[[axis]]


def march(pde, axis, size, refine, *, verbose=0):
    """Solve a PDE in slabs of time, in one where that does.

    Parameters
    ----------
    pde : PDE
    axis : int
        That of time.
    size : int
        Features along it that the data ask for.
    refine : callable
        ``refine(part, like, is_last_resort)`` solves a PDE on a part of the box, as the
        one before it, ``like`` (None for the first), where that does; the last resort takes all
        means.

    Returns
    -------
    solution : DirectSolution or SlabSolution
    """
    count = 1 if size <= MOST_ALONG else 2 ** int(np.ceil(np.log2(size / _GOOD)))
    slabs = list(
        progress(_march(pde, axis, count, refine), total=None, verbose=verbose, label="Slabs")
    )
    return slabs[0] if len(slabs) == 1 else SlabSolution(pde, axis, slabs)


def _march(pde, axis, count, refine):
    """Slabs of equal length as long as they can be solved, then of half of it."""
    low, high = pde.box.low[axis], pde.box.high[axis]
    done, last = 0, None
    while done < count:
        ends = low + (high - low) * np.array([done, done + 1]) / count
        part = _part(pde, axis, ends, last)
        slab = refine(part, last, False)
        if slab.is_short_along[axis]:
            if count < _MOST_SLABS:
                done, count = 2 * done, 2 * count
                continue
            # Nothing helps from here: what can be had for the rest is marked as failed.
            yield refine(_part(pde, axis, np.array([ends[0], high]), last), None, True)
            return
        if last is not None:
            last.solver = None
        yield slab
        done, last = done + 1, slab


def held(discretization, axis):
    """Coefficients of the initial state, held for all time: where Newton's method starts from."""
    coefficients = []
    for field, space in discretization.spaces.items():
        values = [c for c in discretization.pde.conditions[field, axis].low if not c.beta]
        if not values:
            coefficients.append(np.zeros(space.shape))
            continue
        points = list(space.nodes)
        points[axis] = np.full_like(points[axis], discretization.pde.box.low[axis])
        state = np.broadcast_to(values[0].g(*points), discretization.n_nodes)
        raw = apply_along_axes([a.projection for a in space.axes], state)
        coefficients.append(space.coefficients(raw))
    return coefficients


def _part(pde, axis, ends, last):
    """The PDE between two times, from the end of the slab before."""
    part = copy.copy(pde)
    intervals = list(zip(pde.box.low.tolist(), pde.box.high.tolist(), strict=True))
    intervals[axis] = tuple(ends.tolist())
    part.box = Box(**dict(zip(pde.box.names, intervals, strict=True)))
    if last is not None:
        part.conditions = dict(pde.conditions)
        for field in pde.fields:
            started = [
                condition._replace(g=EndState(last, field, axis, int(condition.beta != 0)))
                for condition in pde.conditions[field, axis].low
            ]
            part.conditions[field, axis] = AxisConditions(started, [], False)
    return part


class EndState:
    """A field, or its rate, at the end of a slab, as a function of all coordinates.

    Parameters
    ----------
    slab : DirectSolution
    field : str
    axis : int
        That of time.
    order : {0, 1}
    """

    # As the field does: see ``FieldSpace``.
    meets_conditions = True

    def __init__(self, slab, field, axis, order):
        space = slab.discretization.spaces[field]
        index = list(slab.discretization.pde.fields).index(field)
        time = space.axes[axis]
        if order and time.rate is not None:
            # Not by differentiating the sum of all, whose rounding n² features would multiply.
            part = np.tensordot(slab.coefficients[index], time.rate_at_end, (axis, 0))
            bases = [a.basis for d, a in enumerate(space.axes) if d != axis]
            state = apply_along_axes(bases, part)
            for lift in space.lift_parts():
                state = state + np.tensordot(lift, time.factor.endpoint("high", 1), (axis, 0))
        else:
            end = time.factor.endpoint("high", order)
            state = np.tensordot(slab.raws[index], end, (axis, 0))
        self._raw = state
        self._factors = [a.factor for d, a in enumerate(space.axes) if d != axis]
        self._axis = axis

    def __call__(self, *points):
        """Values at points, of the shape to which the coordinates broadcast."""
        shape = np.broadcast_shapes(*(np.shape(p) for p in points))
        others = [np.asarray(p, dtype=float) for d, p in enumerate(points) if d != self._axis]
        mesh = np.broadcast_shapes(*(p.shape for p in others))
        if np.prod([p.size for p in others]) == np.prod(mesh):
            tables = [f.features(p.ravel()) for f, p in zip(self._factors, others, strict=True)]
            values = apply_along_axes(tables, self._raw)
        else:
            values = self._raw[None]
            for factor, p in zip(self._factors, others, strict=True):
                table = factor.features(np.broadcast_to(p, mesh).ravel())
                values = np.sum(table.reshape(*table.shape, *[1] * (values.ndim - 2)) * values, 1)
        return np.array(np.broadcast_to(values.reshape(mesh), shape))


class SlabSolution:
    """Solutions of slabs of time that follow each other, as one.

    Parameters
    ----------
    pde : PDE
    axis : int
        That of time.
    slabs : list of DirectSolution

    Attributes
    ----------
    ends : array of shape (n_slabs,)
        Where each slab ends.
    error : float
        Sum of the slabs' estimates: what one errs by is the next one's start.
    residual : float
        The largest of all slabs.

    The others are those of ``DirectSolution``: the largest sizes and numbers of iterations.
    """

    def __init__(self, pde, axis, slabs):
        self.pde, self.axis, self.slabs = pde, axis, slabs
        self.ends = np.array([slab.discretization.pde.box.high[axis] for slab in slabs])
        self.sizes = np.max([slab.sizes for slab in slabs], axis=0).tolist()
        self.error = float(sum(slab.error for slab in slabs))
        self.residual = max(slab.residual for slab in slabs)
        self.n_iter = max(slab.n_iter for slab in slabs)
        self.n_inner = sum(slab.n_inner for slab in slabs)
        self.route = f"{slabs[-1].route}, {len(slabs)} slabs"
        self.history = [entry for slab in slabs for entry in slab.history]
        failed = [slab for slab in slabs if not slab.converged]
        self.converged = not failed
        self.reason = self.remedy = ""
        if failed:
            box = failed[0].discretization.pde.box
            self.reason = f"from {box.names[axis]} = {box.low[axis]:g} on, {failed[0].reason}"
            self.remedy = failed[0].remedy

    def predict(self, X):
        """The fields at points of shape (n, d): (n,), or (n, n_fields) for a system."""
        n_fields = len(self.pde.fields)
        values = np.empty((len(X), n_fields))
        for slab, rows in self._dispatch(X[:, self.axis]):
            values[rows] = slab.predict(X[rows]).reshape(len(rows), n_fields)
        return values[:, 0] if n_fields == 1 else values

    def predict_grid(self, axes):
        """The fields on a grid, with a last axis of fields for a system."""
        tail = (len(self.pde.fields),) if len(self.pde.fields) > 1 else ()
        values = np.empty((*map(len, axes), *tail))
        moved = np.moveaxis(values, self.axis, 0)
        for slab, rows in self._dispatch(axes[self.axis]):
            own = [*axes[: self.axis], axes[self.axis][rows], *axes[self.axis + 1 :]]
            moved[rows] = np.moveaxis(slab.predict_grid(own), self.axis, 0)
        return values

    def _dispatch(self, times):
        """Slabs with the indices of the times in them."""
        found = np.minimum(np.searchsorted(self.ends, times), len(self.ends) - 1)
        for i in np.unique(found):
            yield self.slabs[i], np.flatnonzero(found == i)
