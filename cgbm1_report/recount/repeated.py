"""Models of repeated measures anew: restricted likelihood, unstructured covariance, from sums by treatment and visits seen.

SQL takes the sums; subjects with the same visits share a covariance, so that no subject is looked at again. A fit that is not
sure of its maximum says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cgbm1_report.recount.conditions import quote
from cgbm1_report.recount.database import Database, View
from cgbm1_report.rows import Explained, Key

if TYPE_CHECKING:
    import numpy as np

_STEPS, _HALVINGS = 200, 30
#: What a step may still gain of the likelihood where it is the last, and how near to singular a matrix may be.
_DONE, _SINGULAR = 1e-10, 1e-10

_SEEN = "seen AS (SELECT USUBJID, string_agg(CAST(row AS VARCHAR), ' ' ORDER BY row) AS pattern FROM changes GROUP BY USUBJID)"
_PAIRS = f"""
WITH {_SEEN}, middle AS (SELECT avg(x) AS x, avg(y) AS y FROM changes),
own AS (
    SELECT head, levels, pattern, row, USUBJID, changes.x - middle.x AS x, changes.y - middle.y AS y
    FROM changes JOIN seen USING (USUBJID) CROSS JOIN middle)
SELECT a.pattern, a.head, a.levels, a.row, b.row, count(*), sum(a.x), sum(b.x), sum(a.x * b.x), sum(a.y), sum(b.y), sum(a.y * b.y),
    sum(a.x * b.y), sum(a.y * b.x)
FROM own a JOIN own b USING (USUBJID) GROUP BY ALL ORDER BY ALL
"""
_PATTERNS = f"WITH {_SEEN} SELECT pattern, count(*) FROM seen GROUP BY ALL ORDER BY ALL"


class _Sums(NamedTuple):
    """What a model is made of: treatments and visits of its cells, subjects by the visits they have, sums of products.

    ``products`` are of the columns of the design (a cell each, then levels of factors, then a slope per visit where there is a
    covariate) and the response, last, by visits of pairs of records and by pattern. ``shares`` is what a mean takes of them
    besides its cell.
    """

    cells: list[tuple[str, int]]
    visits: list[int]
    seen: np.ndarray
    subjects: np.ndarray
    products: np.ndarray
    middle: float
    shares: np.ndarray


class Repeated(NamedTuple):
    """A fitted model: its cells, coefficients, their covariance, its slopes by the parameters, the covariance of these.

    ``widened`` is the covariance of the coefficients by Kenward and Roger.
    """

    cells: list[tuple[str, int]]
    coefficients: np.ndarray
    covariance: np.ndarray
    slopes: np.ndarray
    uncertainty: np.ndarray
    middle: float
    shares: np.ndarray
    widened: np.ndarray

    def tell(self, own: tuple[str, int], other: tuple[str, int] | None = None, *, widened: bool = False) -> dict[str, float]:
        """The mean of a cell at the mean baseline of all records, or its difference from another, with Satterthwaite's freedom.

        Kenward and Roger's is the same for a single function; their standard error is that of the ``widened`` covariance.
        """
        import numpy as np
        from scipy.special import stdtr, stdtrit

        asked = np.zeros(len(self.coefficients)) if other else self.shares.copy()
        asked[self.cells.index(own)] += 1
        if other:
            asked[self.cells.index(other)] -= 1
        estimate = float(asked @ self.coefficients) + (0.0 if other else self.middle)
        variance = float(asked @ self.covariance @ asked)
        slope = np.einsum("a,iab,b->i", asked, self.slopes, asked)
        df = float(2 * variance**2 / (slope @ self.uncertainty @ slope))
        error = math.sqrt(asked @ self.widened @ asked if widened else variance)
        half = float(stdtrit(df, 0.975)) * error
        told = {"estimate": estimate, "std.error": error, "df": df, "conf.low": estimate - half, "conf.high": estimate + half}
        return {**told, "p.value": 2 * float(stdtr(df, -abs(estimate / error)))} if other else told


def fit_anew(
    database: Database, view: View, rows: Mapping[int, Key], outcome: str, covariate: str, explained: Explained
) -> Repeated | None:
    """The model over the visits that ``rows`` are of; none where the fit is not sure.

    ``outcome`` and ``covariate`` are told of a record ``r`` as SQL tells them. Means and differences ask the same model.
    """

    def fit() -> Repeated | None:
        sums = _read_sums(database, view, rows, outcome, covariate, explained)
        return _fit(sums) if sums else None

    return database.once((view.text, view.values, tuple(rows.items()), outcome, covariate, explained), fit)


def _read_sums(
    database: Database, view: View, rows: Mapping[int, Key], outcome: str, covariate: str, explained: Explained
) -> _Sums | None:
    import numpy as np

    names = [f"CAST(r.{quote(name)} AS VARCHAR)" for name in explained.factors]
    told = f"{outcome} AS y, {covariate or '0.0'} AS x, [{', '.join(names)}]::VARCHAR[] AS levels"
    whole = " AND ".join(["true", *(f"{name} IS NOT NULL" for name in names)])
    asked = [
        (f"SELECT h.row, r.head, r.USUBJID, {told} {chosen} WHERE {whole}", values) for chosen, values in database.match(view, rows)
    ]
    union = " UNION ALL ".join(question for question, _ in asked)
    heads = f"SELECT * FROM ({union}) WHERE y IS NOT NULL AND x IS NOT NULL"
    database.keep("changes", heads, [value for _, values in asked for value in values])
    pairs = database.ask(_PAIRS)
    if not pairs:
        return None
    patterns = dict(database.ask(_PATTERNS))
    names, visits = list(patterns), sorted({row for _, _, _, row, *_ in pairs})
    cells = sorted({(head, row) for _, head, _, row, *_ in pairs})
    factors = [sorted({levels[factor] for _, _, levels, *_ in pairs}) for factor in range(len(explained.factors))]
    added = [(factor, level) for factor, levels in enumerate(factors) for level in levels[1:]]
    place, at = {cell: number for number, cell in enumerate(cells)}, {row: number for number, row in enumerate(visits)}
    first_slope = len(cells) + len(added)
    last = first_slope + (len(visits) if covariate else 0)
    size = last + 1
    products = np.zeros((len(names), len(visits), len(visits), size, size))
    seen = np.zeros((len(names), len(visits)), dtype=bool)
    shares = np.zeros(last)
    for name, head, levels, row, other, count, x, x_2, xx, y, y_2, yy, xy, yx in pairs:
        own = products[names.index(name), at[row], at[other]]
        # Columns that are 1 in all of these records, of the one and of the other visit, then the covariate and the response.
        common = [len(cells) + number for number, (factor, level) in enumerate(added) if levels[factor] == level]
        ones = [place[head, row], *common], [place[head, other], *common]
        slopes = ([first_slope + at[row]], [first_slope + at[other]]) if covariate else ([], [])
        sums = np.array([[count, x_2, y_2], [x, xx, xy], [y, yx, yy]])
        kinds = [[0] * len(one) + [1] * len(slope) + [2] for one, slope in zip(ones, slopes, strict=True)]
        first, second = ([*one, *slope, last] for one, slope in zip(ones, slopes, strict=True))
        own[np.ix_(first, second)] += sums[np.ix_(*kinds)]
        seen[names.index(name), at[row]] = True
        shares[common] += count if row == other else 0
    ((middle, records),) = database.ask("SELECT avg(y), count(*) FROM changes")
    if explained.weights == "observed":
        shares /= records
    else:
        shares[len(cells) : first_slope] = [1 / len(factors[factor]) for factor, _ in added]
    return _Sums(cells, visits, seen, np.array([patterns[name] for name in names]), products, float(middle), shares)


class _State(NamedTuple):
    value: float
    gradient: np.ndarray
    observed: np.ndarray
    expected: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    slopes: np.ndarray


def _fit(sums: _Sums) -> Repeated | None:
    """Steps of the likelihood's own curvature where it bends upwards, else of the expected one, each halved until it gains."""
    import numpy as np

    size = len(sums.visits)
    row, column = np.tril_indices(size)
    elements = np.zeros((len(row), size, size))
    elements[np.arange(len(row)), row, column] = elements[np.arange(len(row)), column, row] = 1.0
    total = sums.products.sum(axis=0)[np.arange(size), np.arange(size)].sum(axis=0)
    records = total[: len(sums.cells), : len(sums.cells)].trace()
    point = np.where(row == column, total[-1, -1] / records, 0.0)
    state = _look(sums, elements, point)
    for _ in range(_STEPS):
        if state is None:
            return None
        bends = _is_sure(state.observed)
        if not (bends or _is_sure(state.expected)):
            return None
        step = -np.linalg.solve(state.observed if bends else state.expected, state.gradient)
        if bends and -step @ state.gradient < _DONE:
            last = _look(sums, elements, point + step)
            return _tell(sums, elements, last, point + step) if last else None
        for halving in range(_HALVINGS):
            tried = _look(sums, elements, point + step / 2**halving)
            if tried is not None and tried.value < state.value:
                point, state = point + step / 2**halving, tried
                break
        else:
            return None
    return None


def _tell(sums: _Sums, elements: np.ndarray, state: _State, point: np.ndarray) -> Repeated | None:
    import numpy as np

    matrix = np.einsum("i,ivw->vw", point, elements)
    if not (_is_sure(state.observed) and _is_sure(matrix)):
        return None
    uncertainty = np.linalg.inv(state.observed)
    widened = _widen(sums, elements, matrix, state, uncertainty)
    return Repeated(sums.cells, state.coefficients, state.covariance, state.slopes, uncertainty, sums.middle, sums.shares, widened)


def _widen(sums: _Sums, elements: np.ndarray, matrix: np.ndarray, state: _State, uncertainty: np.ndarray) -> np.ndarray:
    """The covariance of the coefficients with what the estimated covariance of the visits adds to it.

    Of a covariance that is linear in its parameters. Reference: Kenward and Roger, Biometrics 1997;53:983-997, section 2.
    """
    import numpy as np

    turned, inverse = (np.zeros((len(sums.seen), *shape)) for shape in (elements.shape, matrix.shape))
    for number, seen in enumerate(sums.seen):
        inverse[number][np.ix_(seen, seen)] = np.linalg.inv(matrix[np.ix_(seen, seen)])
        turned[number] = inverse[number] @ elements
    along = np.einsum("ij,pjbc->pibc", uncertainty, turned)
    twice = np.einsum("piab,pibc,pcd->pad", turned, along, inverse, optimize=True)
    spread = np.einsum("pvw,pvwab->ab", twice, sums.products[..., :-1, :-1])
    # The slopes are the covariance of the coefficients on both sides of what each parameter makes of the design.
    own = np.einsum("iab,ij,jbc->ac", state.slopes, uncertainty, np.linalg.solve(state.covariance, state.slopes))
    return np.asarray(state.covariance + 2 * (state.covariance @ spread @ state.covariance - own))


def _is_sure(matrix: np.ndarray) -> bool:
    """Whether a symmetric matrix is positive definite, its unit apart, and far from one that is not."""
    import numpy as np

    diagonal = np.diagonal(matrix)
    if not (np.isfinite(matrix).all() and (diagonal > 0).all()):
        return False
    scale = 1 / np.sqrt(diagonal)
    return bool(np.linalg.eigvalsh(matrix * scale[:, None] * scale).min() > _SINGULAR)


def _look(sums: _Sums, elements: np.ndarray, point: np.ndarray) -> _State | None:
    """Half of -2 log of the restricted likelihood at these elements of the covariance, with its first and second derivatives."""
    import numpy as np

    size, count = len(sums.visits), len(elements)
    matrix = np.einsum("i,ivw->vw", point, elements)
    inverse = np.zeros((len(sums.seen), size, size))
    logarithm = 0.0
    for number, seen in enumerate(sums.seen):
        own = matrix[np.ix_(seen, seen)]
        if not _is_sure(own):
            return None
        inverse[number][np.ix_(seen, seen)] = np.linalg.inv(own)
        logarithm += sums.subjects[number] * float(np.linalg.slogdet(own)[1])
    turned = inverse[:, None] @ elements
    weights = np.concatenate([inverse[:, None], turned @ inverse[:, None]], axis=1)
    width = sums.products.shape[-1]
    flat = np.swapaxes(weights, 0, 1).reshape(count + 1, -1)
    made = (flat @ sums.products.reshape(-1, width * width)).reshape(count + 1, width, width)
    explained = made[0, :-1, :-1]
    if not _is_sure(explained):
        return None
    covariance = np.linalg.inv(explained)
    # What is left of the response, as a combination of the columns.
    left = np.append(-covariance @ made[0, :-1, -1], 1.0)
    by_first, along = covariance @ made[1:, :-1, :-1], made[1:, :-1] @ left
    # Sums of products of what is left, and of what the coefficients' covariance makes of the design, by pairs of visits.
    residual = sums.products @ left @ left
    spread = np.einsum("pvwab,ab->pvw", sums.products[..., :-1, :-1], covariance)

    def pair(middle: np.ndarray) -> np.ndarray:
        """The trace of each element, inverse, element, middle, over all patterns."""
        return np.asarray(np.einsum("pjvw,piwv->ij", turned, middle[:, None] @ elements, optimize=True))

    own_subjects = sums.subjects[:, None, None]
    expected = pair(own_subjects * inverse - 2 * inverse @ spread @ inverse) + np.einsum("iab,jba->ij", by_first, by_first)
    observed = pair(inverse @ residual @ inverse) - along @ covariance @ along.T - expected / 2
    plain = np.einsum("p,pivv->i", sums.subjects, turned)
    gradient = (plain - np.einsum("iaa->i", by_first) - made[1:] @ left @ left) / 2
    value = (logarithm + float(np.linalg.slogdet(explained)[1]) + made[0] @ left @ left) / 2
    return _State(value, gradient, (observed + observed.T) / 2, expected / 2, -left[:-1], covariance, by_first @ covariance)


def take_back(told: Mapping[str, float], names: Sequence[str] = ("estimate", "conf.low", "conf.high")) -> dict[str, float]:
    """What is told of logarithms, base 10, as the numbers they are of; no standard error."""
    return {name: 10**value if name in names else value for name, value in told.items() if name != "std.error"}
