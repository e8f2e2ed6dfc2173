"""Solve a ready problem, list them, or measure them all: ``python -m solvers``."""

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import kernlab.pde
import solvers
from kernlab.exceptions import MissingExtraError
from solvers import table
from solvers.plot import plot
from solvers.reference import chebyshev

PROGRAM = "python -m solvers"


def main(arguments=None):
    """Run a command line and return its exit status.

    0 means done; 1 that the solver did not converge, or that a check failed; 2 that the command
    could not be carried out.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    # Titles are mathematics; a terminal without its symbols shows question marks.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    commands = {"list": _list, "table": _table}
    if arguments and arguments[0] in commands:
        return commands[arguments[0]](arguments[1:])
    return _solve(arguments)


def _list(arguments):
    parser = argparse.ArgumentParser(prog=f"{PROGRAM} list", description="List the problems.")
    parser.add_argument("--tag", help="only those with this tag, such as 1d, time or nonlinear")
    options = parser.parse_args(arguments)
    tags = sorted(set().union(*(problem.tags for problem in solvers.PROBLEMS.values())))
    if options.tag is not None and options.tag not in tags:
        parser.error(f"there is no tag {options.tag!r}; there are {', '.join(tags)}.")
    found = [p for p in solvers.PROBLEMS.values() if options.tag in (None, *p.tags)]
    width = max(len(problem.name) for problem in found)
    for problem in found:
        print(f"{problem.name:{width}}  {problem.title}")
        print(f"{'':{width}}  {problem.description} [{', '.join(sorted(problem.tags))}]")
    if options.tag is None:
        names = ", ".join(f"{alias} = {name}" for alias, name in solvers.ALIASES.items())
        print(f"\nother names: {names}")
    return 0


def _table(arguments):
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} table",
        description="Measure every problem and write benchmarks/results/pde.json and the table in "
        "docs/benchmarks; runs in a checkout, and takes some minutes.",
    )
    parser.add_argument(
        "--map",
        action="store_true",
        help="measure the rows of method='map' that are not there yet; each is saved as it is done",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="check the errors of the problems that are solved in a moment; writes nothing",
    )
    options = parser.parse_args(arguments)
    if options.quick and options.map:
        parser.error("--quick checks the default method; leave out --map.")
    if options.quick:
        return table.check(print)
    try:
        table.update(by_map=options.map, say=print)
    except (FileNotFoundError, MissingExtraError) as error:
        parser.error(str(error))
    return 0


def _solve(arguments):
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} NAME [options] | list [--tag TAG] | table [--map | --quick]",
        description="Solve a ready problem with kernlab.pde.GPPDESolver and compare it with the "
        "exact solution.",
    )
    parser.add_argument("name", metavar="NAME", help=f"a problem; {PROGRAM} list has them")
    parser.add_argument("--tol", type=float, default=1e-10, help="relative error (default 1e-10)")
    parser.add_argument("--method", default="direct", help="direct (default) or map")
    parser.add_argument("--kernel", default="sm", help="of the method map (default sm)")
    parser.add_argument("--basis", default="auto", help="features (default auto)")
    parser.add_argument("--max-points", type=int, default=10**7, help="bound on the unknowns")
    parser.add_argument("--backend", default="numpy", help="numpy (default) or torch")
    parser.add_argument("--seed", type=int, help="random_state of the solver")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw solution and error")
    parser.add_argument(
        "--chebyshev",
        action="store_true",
        help="also solve by Chebyshev collocation with as many unknowns",
    )
    options = parser.parse_args(arguments)
    try:
        problem = solvers.find(options.name)
    except ValueError as error:
        parser.error(str(error))
    if options.plot is not None and not options.plot.absolute().parent.is_dir():
        parser.error(f"--plot: there is no folder {options.plot.parent}.")

    print(f"{problem.name}: {problem.title}")
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            solver = kernlab.pde.GPPDESolver(
                problem.pde,
                method=options.method,
                kernel=options.kernel,
                basis=options.basis,
                tol=options.tol,
                max_points=options.max_points,
                backend=options.backend,
                random_state=options.seed,
            ).fit()
    except (ValueError, TypeError, MissingExtraError) as error:
        print(f"{PROGRAM}: error: {error}", file=sys.stderr)
        return 2
    seconds = time.perf_counter() - start
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)

    shape = [int(n) for n in np.atleast_1d(solver.n_points_)]
    _report("kernlab", problem, solver.predict, shape, seconds)
    print(f"{'residual':<20}{solver.residual_:.2g}")
    print(f"{'converged':<20}{'yes' if solver.converged_ else 'no'}")
    if options.chebyshev:
        _report_chebyshev(problem, shape)
    if options.plot is not None:
        try:
            plot(problem, solver.predict, options.plot)
        except (ValueError, OSError, MissingExtraError) as error:
            print(f"{PROGRAM}: error: {error}", file=sys.stderr)
            return 2
        print(f"wrote {options.plot}")
    return 0 if solver.converged_ else 1


def _report(what, problem, predict, shape, seconds):
    product = " x ".join(map(str, shape)) + (f" = {np.prod(shape):,}" if len(shape) > 1 else "")
    print(f"\n{what}")
    if problem.exact is None:
        print(f"{'error':<20}unknown: no exact solution")
    else:
        size = solvers.error(problem, predict)
        print(f"{'error':<20}{size:.2g}, relative, off the grid at 2,000 random points")
    print(f"{'seconds':<20}{seconds:.3g}")
    print(f"{'unknowns':<20}{product}")


def _report_chebyshev(problem, shape):
    start = time.perf_counter()
    try:
        reference = chebyshev(problem.pde, shape)
    except ValueError as error:
        print(f"\nChebyshev collocation: {error}")
        return
    seconds = time.perf_counter() - start
    _report("Chebyshev collocation", problem, reference.predict, shape, seconds)


if __name__ == "__main__":
    sys.exit(main())
