"""Exercise 07.5: ``decide``."""

from typing import Any

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_decide(answer: Answer, case: Case) -> Plain:
    """What was said, what for, and the price; integers of any kind will do."""
    y, p, costs = (array.copy() for array in case.args)
    parts = to_plain(answer(y, p, costs))
    names = "said", "confusion", "cost"
    found = {"returned": "a tuple of three", **dict.fromkeys(names)}
    if not isinstance(parts, tuple) or len(parts) != 3:
        many = f" of {len(parts)}" if isinstance(parts, tuple) else ""
        return found | {"returned": type(parts).__name__ + many}
    return found | dict(zip(names, map(_probe_number, parts), strict=True))


def _probe_number(value: Plain) -> Plain:
    """Integers as int64, and floats of any kind as float64."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return value.astype("float64" if value.dtype.kind == "f" else "int64")
    return value


def _decide_inputs(rng: np.random.Generator) -> list[Case]:
    def case(
        group: str, k: int, n: int, given: Any, absent: int = -1, **how: bool
    ) -> Case:
        while True:  # some prices tell nothing apart, whatever the rows: draw anew
            costs = given() if callable(given) else given
            y = rng.choice([c for c in range(k) if c != absent], n)
            table = np.array([_row(rng, k, costs) for _ in range(n)])
            if group not in (columns, several) and not how:
                break
            if _told_apart(table, costs):
                break
        table = table.astype("float32")
        p = table[:, 1:] if k == 2 and group != columns else table
        return Case(group, (y, p, costs.astype("float32")), _told(y, p, costs))

    def prices(k: int, absent: int = -1) -> np.ndarray:
        """No two mistakes cost the same; to be right is cheaper, but not free."""
        table = 2 + rng.permutation(k * k).reshape(k, k) / 2
        np.fill_diagonal(table, rng.permutation(k) * 1.5 / (k - 1))
        if absent >= 0:
            table[:, absent] += 50  # nobody says it
        return table

    one, many = 1 - np.eye(2), 1 - np.eye(4)
    miss = float(rng.integers(6, 12))
    alarm = np.array([[0, 1], [miss, 0]])
    columns, several = "two classes, two columns", "several classes"
    missing = "a class that does not occur"
    k = int(rng.integers(3, 5))
    return [
        case("mistakes that cost the same", 2, 9, one),
        case("mistakes that cost the same", 4, 12, many),
        case("two classes, one column", 2, 10, alarm),
        case("two classes, one column", 2, 9, lambda: prices(2), told_apart=True),
        case("two classes, one column", 2, 8, alarm[::-1, ::-1]),
        case(columns, 2, 10, lambda: prices(2)),
        case(several, 3, 14, lambda: prices(3)),
        case(several, 5, 16, lambda: prices(5)),
        case(missing, k, 12, lambda: prices(k, k - 1), absent=k - 1),
        case(missing, 2, 4, alarm, absent=0),
    ]


def _row(rng: np.random.Generator, k: int, costs: np.ndarray) -> np.ndarray:
    """Probabilities with which no two decisions cost nearly the same."""
    while True:
        row = np.round(rng.dirichlet(np.full(k, 0.9)), 2)
        row[0] = 1 - row[1:].sum()
        gaps = np.diff(np.sort(row @ costs))
        if 0.02 < row.min() and abs(row.max() - 0.5) > 0.02 and gaps.min() > 0.02:
            return row


def _told_apart(p: np.ndarray, costs: np.ndarray) -> bool:
    """Whether each way to read the costs leads to other decisions."""
    free = costs * (1 - np.eye(len(costs)))
    dear = p @ costs, p @ costs.T, p @ free, -p, -p * costs.sum(axis=1)
    ways = {tuple(prices.argmin(axis=1)) for prices in dear}
    return len(ways) == len(dear)


def _told(y: np.ndarray, p: np.ndarray, costs: np.ndarray) -> str:
    rows = "; ".join(" ".join(f"{v:g}" for v in row) for row in costs)
    seen = len(set(y.tolist()))
    return f"decide(y, p, costs), p {p.shape}, {seen} classes in y, costs {rows}"


def _decide_expected(case: Case) -> Plain:
    y, p, costs = (array.tolist() for array in case.args)
    k = len(costs)
    said, matrix, total = [], np.zeros((k, k), "int64"), 0.0
    for truth, row in zip(y, p, strict=True):
        chances = [1 - row[0], row[0]] if len(row) == 1 else row
        dear = [sum(chances[i] * costs[i][j] for i in range(k)) for j in range(k)]
        said.append(dear.index(min(dear)))
        matrix[truth, said[-1]] += 1
        total += costs[truth][said[-1]]
    return {
        "returned": "a tuple of three",
        "said": np.array(said),
        "confusion": matrix,
        "cost": total / len(y),
    }


def _both(p):
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p


def _cheapest(p, costs):
    return (p @ costs).argmin(axis=1)


def _count(y, said, k):
    matrix = np.zeros((k, k), int)
    np.add.at(matrix, (y, said), 1)
    return matrix


def _mean(y, said, costs):
    return float(costs[y, said].mean())


def _decide(y, p, costs, both=_both, choose=_cheapest, count=_count, price=_mean):
    """A right answer in parts that the mistakes replace."""
    said = choose(both(p), costs)
    return said, count(y, said, len(costs)), price(y, said, costs)


def _decide_ignores(y, p, costs):
    return _decide(y, p, costs, choose=lambda p, costs: p.argmax(axis=1))


def _decide_one_column(y, p, costs):
    said = p.argmax(axis=1)
    if p.shape[1] > 1:
        said = _cheapest(p, costs)
    return _decide(y, p, costs, choose=lambda *_: said)


def _decide_half(y, p, costs):
    said = (p[:, 0] > 0.5).astype(int) if p.shape[1] == 1 else _cheapest(p, costs)
    return _decide(y, p, costs, choose=lambda *_: said)


def _decide_swapped_columns(y, p, costs):
    def both(p):
        return np.concatenate([p, 1 - p], axis=1) if p.shape[1] == 1 else p

    return _decide(y, p, costs, both)


def _decide_transposed_costs(y, p, costs):
    return _decide(y, p, costs, choose=lambda p, costs: _cheapest(p, costs.T))


def _decide_dearest(y, p, costs):
    return _decide(y, p, costs, choose=lambda p, costs: (p @ costs).argmax(axis=1))


def _decide_right_is_free(y, p, costs):
    def choose(p, costs):
        return _cheapest(p, costs * (1 - np.eye(len(costs), dtype="float32")))

    return _decide(y, p, costs, choose=choose)


def _decide_weighs_classes(y, p, costs):
    return _decide(
        y, p, costs, choose=lambda p, costs: (p * costs.sum(axis=1)).argmax(axis=1)
    )


def _decide_transposed(y, p, costs):
    return _decide(y, p, costs, count=lambda y, said, k: _count(said, y, k))


def _decide_drops_absent(y, p, costs):
    def count(y, said, k):
        seen = np.union1d(y, said)
        return _count(y, said, k)[np.ix_(seen, seen)]

    return _decide(y, p, costs, count=count)


def _decide_shares(y, p, costs):
    def count(y, said, k):
        matrix = _count(y, said, k)
        return matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)

    return _decide(y, p, costs, count=count)


def _decide_counts_once(y, p, costs):
    def count(y, said, k):
        matrix = np.zeros((k, k), int)
        matrix[y, said] += 1
        return matrix

    return _decide(y, p, costs, count=count)


def _decide_over_mistakes(y, p, costs):
    def price(y, said, costs):
        wrong = y != said
        return float(costs[y, said][wrong].mean()) if wrong.any() else 0.0

    return _decide(y, p, costs, price=price)


def _decide_total(y, p, costs):
    return _decide(
        y, p, costs, price=lambda y, said, costs: float(costs[y, said].sum())
    )


def _decide_hopes(y, p, costs):
    hoped = float((_both(p) @ costs).min(axis=1).mean())
    return _decide(y, p, costs, price=lambda *_: hoped)


def _decide_price_transposed(y, p, costs):
    return _decide(y, p, costs, price=lambda y, said, costs: _mean(said, y, costs))


def _decide_over_table(y, p, costs):
    def price(y, said, costs):
        return float((_count(y, said, len(costs)) * costs).mean())

    return _decide(y, p, costs, price=price)


def _decide_column_of_ids(y, p, costs):
    said, *rest = _decide(y, p, costs)
    return said[:, np.newaxis], *rest


def _decide_variant_tf(y, p, costs):
    chances = tf.concat([1 - p, p], axis=1) if p.shape[1] == 1 else tf.constant(p)
    said = tf.argmin(chances @ costs, axis=1)
    matrix = tf.math.confusion_matrix(y, said, num_classes=len(costs))
    price = tf.reduce_sum(tf.cast(matrix, tf.float32) * costs) / len(y)
    return said, matrix, price


def _decide_variant_loop(y, p, costs):
    k = len(costs)
    matrix = [[0] * k for _ in range(k)]
    said = []
    for truth, row in zip(y, p, strict=True):
        row = row if len(row) > 1 else (1 - row[0], row[0])
        prices = [sum(row[i] * costs[i, j] for i in range(k)) for j in range(k)]
        said.append(int(np.argmin(prices)))
        matrix[truth][said[-1]] += 1
    cost = sum(costs[t, s] for t, s in zip(y, said, strict=True)) / len(y)
    return np.array(said), np.array(matrix), float(cost)


EXERCISE = Exercise(
    id="07.5",
    name="decide",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_decide_inputs,
    probe=_probe_decide,
    expected=_decide_expected,
    mistakes=(
        Mistake(
            "takes the likeliest class",
            "You take the class with the highest probability, whatever mistakes cost. "
            "`chances @ costs` has the expected cost of each decision: take the "
            "lowest.",
            _decide_ignores,
        ),
        Mistake(
            "asks one column which is largest",
            "`argmax` over a single column is 0 for every row: your model says class 0 "
            "to all of them. Make two columns of it first, `1 - p` and `p`.",
            _decide_one_column,
        ),
        Mistake(
            "leaves the threshold at one half",
            "With one column you say class 1 above 0.5, whatever mistakes cost. Make "
            "two columns of it and go by the expected cost, as with several classes.",
            _decide_half,
        ),
        Mistake(
            "takes the sigmoid for class 0",
            "A sigmoid gives the probability of class 1, and you take it for that of "
            "class 0. The columns are `1 - p`, then `p`.",
            _decide_swapped_columns,
        ),
        Mistake(
            "reads the costs the wrong way",
            "You take a row of `costs` for what is said. Rows are the truth: "
            "`chances @ costs`, without turning it round.",
            _decide_transposed_costs,
        ),
        Mistake(
            "takes the dearest",
            "You take the decision that costs most. `chances @ costs` is a price: "
            "`argmin`.",
            _decide_dearest,
        ),
        Mistake(
            "takes right decisions for free",
            "You leave the diagonal of `costs` out. A right decision may have its "
            "price, too, such as a treatment.",
            _decide_right_is_free,
        ),
        Mistake(
            "weighs classes, not decisions",
            "You give each class the weight of its row of `costs`. That is right for "
            "two classes; with more it matters for what they are taken.",
            _decide_weighs_classes,
        ),
        Mistake(
            "turns the confusion round",
            "Your matrix has what was said in its rows. Rows are the truth.",
            _decide_transposed,
        ),
        Mistake(
            "drops classes that do not occur",
            "Your matrix has rows only for classes that were seen. It has one for each "
            "class, k by k: tell the function how many there are.",
            _decide_drops_absent,
        ),
        Mistake(
            "returns shares for counts",
            "You divide each row of the matrix by its sum. Asked for are the counts.",
            _decide_shares,
        ),
        Mistake(
            "counts each pair once",
            "No number in your matrix is above 1: `matrix[y, said] += 1` adds once to "
            "a place, however often it is named. `np.add.at(matrix, (y, said), 1)` "
            "adds each time.",
            _decide_counts_once,
        ),
        Mistake(
            "divides by the mistakes",
            "Your cost is the mean over the rows that are wrong. Asked for is the mean "
            "over all n rows; those that are right may cost something, too.",
            _decide_over_mistakes,
        ),
        Mistake(
            "adds up the cost",
            "Your cost is the total, which grows with the number of rows. Divide it by "
            "them.",
            _decide_total,
        ),
        Mistake(
            "returns the cost that it expects",
            "Your cost is what the model expects, and it believes itself. Take what "
            "the decisions did cost, given the truth: `costs[y, said]`.",
            _decide_hopes,
        ),
        Mistake(
            "pays for the opposite mistake",
            "The decisions are right, but you pay `costs[said, truth]` for them. The "
            "truth is the row.",
            _decide_price_transposed,
        ),
        Mistake(
            "divides by the cells of the matrix",
            "You take the mean over the k by k cells of the matrix. What is wanted is "
            "the mean over the rows: sum, and divide by `len(y)`.",
            _decide_over_table,
        ),
        Mistake(
            "keeps the axis of the columns",
            "Your decisions are a column, of shape (n, 1). Asked for is one number for "
            "each row, shape (n,).",
            _decide_column_of_ids,
        ),
    ),
    variants=(_decide_variant_tf, _decide_variant_loop),
    hints=(
        "First make k columns of `p`: `np.concatenate([1 - p, p], axis=1)` if it has "
        "one. Then both kinds of model go the same way.",
        "`chances @ costs` has shape (n, k): at [row, j] is what it costs on average "
        "to say j. Take `argmin(axis=1)`.",
        "`tf.math.confusion_matrix(y, said, num_classes=len(costs))` has the truth in "
        "its rows. The cost is `costs[y, said].mean()`, as a `float`.",
    ),
    explain="A model gives probabilities, and the decision is yours: with two classes "
    "the lowest expected cost is a threshold, and with more it is no threshold at "
    "all. Both only hold if the probabilities can be believed, which is why "
    "calibration comes before costs. Compare the cost that was paid with that of "
    "saying the same to every row, too: it is the baseline.",
)
