"""Exercise 02.2: ``pairwise_sq_dists``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, tensors_to_plain
from coursekit.engine.plain import brief


def _probe_pairwise(answer: Answer, case: Case) -> Plain:
    a, b = case.args
    return tensors_to_plain(answer(tf.constant(a), tf.constant(b)))


def _pairwise_inputs(rng: np.random.Generator) -> list[Case]:
    def points(n: int, d: int, dtype: str = "float32") -> np.ndarray:
        return (rng.integers(-20, 21, (n, d)) / 4).astype(dtype)

    def far(n: int, offset: float, dtype: str) -> np.ndarray:
        """Whole steps from the offset: in its square, all but their multiple is lost.

        So a² - 2ab + b² is exactly 0, on any machine and in any order of its terms.
        """
        steps = rng.permutation(np.arange(1, 26))[: 3 * n].reshape(n, 3)
        return (offset + steps).astype(dtype)

    def case(group: str, a: np.ndarray, b: np.ndarray) -> Case:
        shown = ", ".join(brief(p.tolist(), 120) for p in (a, b))
        if not len(a) or not len(b):
            shown = f"tf.zeros({a.shape}), tf.zeros({b.shape})"
        return Case(group, (a, b), f"pairwise_sq_dists({shown}), {a.dtype}")

    small, edge, away, wide = (
        "small tables",
        "one row or none",
        "far from the origin",
        "float64",
    )
    n = int(rng.integers(4, 6))
    wide_away = [far(2, 2.0**49, "float64"), far(3, 2.0**49, "float64")]
    # two clouds about the origin: no shift brings both of them near it
    clouds = [
        np.concatenate([far(k, 2.0**20, "float32"), far(k, -(2.0**20), "float32")])
        for k in (2, 1)
    ]
    # quarters that float32 has lost up there, and float64 squares without a rounding
    precise = [far(k, 2.0**22, "float64") + points(k, 3, "float64") for k in (4, 2)]
    return [
        case(small, points(3, 2), points(n + 1, 2)),
        case(small, points(n, 4), points(2, 4)),
        case(small, points(n, 3), points(n, 3)),
        case(edge, points(1, 3), points(n, 3)),
        case(edge, points(n, 1), points(1, 1)),
        case(edge, np.zeros((0, 3), "float32"), np.zeros((n, 3), "float32")),
        case(edge, np.zeros((n, 2), "float32"), np.zeros((0, 2), "float32")),
        case(away, far(3, 2.0**20, "float32"), far(2, 2.0**20, "float32")),
        case(away, far(1, -(2.0**20), "float32"), far(4, -(2.0**20), "float32")),
        case(away, *clouds),
        case(wide, points(2, n, "float64"), points(3, n, "float64")),
        case(wide, *precise),
        case(wide, *wide_away),
    ]


def _pairwise_expected(case: Case) -> Plain:
    a, b = case.args
    table = np.zeros((len(a), len(b)), a.dtype)
    for i, p in enumerate(a.tolist()):
        for j, q in enumerate(b.tolist()):
            table[i, j] = sum((x - y) ** 2 for x, y in zip(p, q, strict=True))
    return table


def _pairwise_right(a, b):
    return tf.reduce_sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)


def _pairwise_elementwise(a, b):
    return tf.reduce_sum((a - b) ** 2, axis=-1)


def _pairwise_expanded(a, b):
    aa = tf.reduce_sum(a**2, axis=1)[:, None]
    bb = tf.reduce_sum(b**2, axis=1)[None, :]
    return aa - 2 * tf.matmul(a, b, transpose_b=True) + bb


def _pairwise_expanded_wide(a, b):
    wide = _pairwise_expanded(tf.cast(a, tf.float64), tf.cast(b, tf.float64))
    return tf.cast(wide, a.dtype)


def _pairwise_expanded_centred(a, b):
    centre = tf.reduce_mean(a, axis=0)
    return _pairwise_expanded(a - centre, b - centre)


def _pairwise_one_product(a, b):
    aa = tf.reduce_sum(a**2, axis=1)[:, None]
    bb = tf.reduce_sum(b**2, axis=1)[None, :]
    return aa - tf.matmul(a, b, transpose_b=True) + bb


def _pairwise_transposed(a, b):
    return _pairwise_right(b, a)


def _pairwise_root(a, b):
    return tf.sqrt(_pairwise_right(a, b))


def _pairwise_mean(a, b):
    return tf.reduce_mean((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)


def _pairwise_sums_first(a, b):
    return tf.reduce_sum(a[:, None, :] - b[None, :, :], axis=-1) ** 2


def _pairwise_manhattan(a, b):
    return tf.reduce_sum(tf.abs(a[:, None, :] - b[None, :, :]), axis=-1)


def _pairwise_no_sum(a, b):
    return (a[:, None, :] - b[None, :, :]) ** 2


def _pairwise_sums_rows(a, b):
    return tf.reduce_sum((a[:, None, :] - b[None, :, :]) ** 2, axis=0)


def _pairwise_sums_middle(a, b):
    return tf.reduce_sum((a[:, None, :] - b[None, :, :]) ** 2, axis=1)


def _pairwise_sums_all(a, b):
    return tf.reduce_sum((a[:, None, :] - b[None, :, :]) ** 2)


def _pairwise_squeezed(a, b):
    return tf.squeeze(_pairwise_right(a, b))


def _pairwise_narrow(a, b):
    return _pairwise_right(tf.cast(a, tf.float32), tf.cast(b, tf.float32))


def _pairwise_through_narrow(a, b):
    return tf.cast(_pairwise_narrow(a, b), a.dtype)


def _pairwise_stacked(a, b):
    return tf.stack([tf.reduce_sum((row - b) ** 2, axis=1) for row in a])


def _pairwise_numpy(a, b):
    return _pairwise_right(a, b).numpy()


def _pairwise_variant_rows(a, b):
    rows = [tf.reduce_sum(tf.math.squared_difference(row, b), axis=1) for row in a]
    return tf.reshape(tf.stack(rows), [len(a), len(b)]) if rows else a @ tf.transpose(b)


def _pairwise_variant_features(a, b):
    table = tf.zeros([len(a), len(b)], a.dtype)
    for x, y in zip(tf.unstack(a, axis=1), tf.unstack(b, axis=1), strict=True):
        table += tf.square(tf.expand_dims(x, 1) - y)
    return table


def _pairwise_variant_shifted(a, b):
    difference = tf.expand_dims(a, 1) - b
    return tf.einsum("nmd,nmd->nm", difference, difference)


EXERCISE = Exercise(
    id="02.2",
    name="pairwise_sq_dists",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_pairwise_inputs,
    probe=_probe_pairwise,
    expected=_pairwise_expected,
    mistakes=(
        Mistake(
            "goes element by element",
            "`a - b` meets row 0 of `a` with row 0 of `b`, row 1 with row 1, and fails "
            "if there are not equally many. To meet every row with every row, give "
            "each its own axis: `a[:, None, :]` has shape (n, 1, d), and against "
            "(m, d) it broadcasts to (n, m, d).",
            _pairwise_elementwise,
        ),
        Mistake(
            "expands the square",
            "a² - 2ab + b² is right on paper. In floats, far from the origin, it "
            "subtracts huge numbers that have already lost the digits in which the "
            "distance is written: here 0 comes out, elsewhere even less than 0, and "
            "no clipping brings the digits back. Subtract first, then square.",
            _pairwise_expanded,
        ),
        Mistake(
            "expands in float64",
            "`float64` moves the trouble of a² - 2ab + b² farther out, and there it "
            "is again, as the cases in `float64` show. The difference of two points "
            "close together is exact in any dtype: subtract first, then square.",
            _pairwise_expanded_wide,
        ),
        Mistake(
            "expands about the mean",
            "Moving the origin into the points helps a² - 2ab + b² only while all of "
            "them lie together. Of two clouds, far from each other, no origin is near "
            "both, and within each the digits are lost as before. Subtract first, "
            "then square.",
            _pairwise_expanded_centred,
        ),
        Mistake(
            "forgets the 2",
            "(a - b)² is a² - 2ab + b², with a 2. And once that is repaired, the "
            "form still loses its digits far from the origin; subtracting first is "
            "simpler and exact.",
            _pairwise_one_product,
        ),
        Mistake(
            "swaps rows and columns",
            "The distances are right but your table is (m, n). Row i belongs to row i "
            "of `a`: the new axis goes into the middle of `a`, and to the front of "
            "`b`.",
            _pairwise_transposed,
        ),
        Mistake(
            "takes the root",
            "These are the distances; the task asks for their squares. Most uses, such "
            "as finding the nearest point, do not need the root.",
            _pairwise_root,
        ),
        Mistake(
            "takes the mean",
            "`tf.reduce_mean` divides by d. A squared distance is the sum over the "
            "coordinates.",
            _pairwise_mean,
        ),
        Mistake(
            "sums before it squares",
            "You add up the differences and square the sum, so that +3 and -3 cancel. "
            "Square each difference first.",
            _pairwise_sums_first,
        ),
        Mistake(
            "takes absolute values",
            "The sum of absolute differences is another distance (Manhattan). Here the "
            "differences are squared.",
            _pairwise_manhattan,
        ),
        Mistake(
            "does not sum",
            "You have the squared differences of each coordinate, (n, m, d). The "
            "distance is their sum over the last axis.",
            _pairwise_no_sum,
        ),
        Mistake(
            "sums over the rows of a",
            "`axis=0` sums over the rows of `a`, and what is left has shape (m, d). "
            "The coordinates are on the last axis: `axis=-1`.",
            _pairwise_sums_rows,
        ),
        Mistake(
            "sums over the rows of b",
            "Of (n, m, d) your sum takes away m, the rows of `b`. The coordinates are "
            "on the last axis: `axis=-1`.",
            _pairwise_sums_middle,
        ),
        Mistake(
            "sums over everything",
            "`tf.reduce_sum` without `axis` adds up the whole table to one number. "
            "Only the coordinates are to be summed: `axis=-1`.",
            _pairwise_sums_all,
        ),
        Mistake(
            "squeezes too much",
            "`tf.squeeze` without an axis removes every axis of length 1, also when n "
            "or m happens to be 1. The result always has two axes; nothing is to be "
            "squeezed.",
            _pairwise_squeezed,
        ),
        Mistake(
            "goes row by row, and finds none",
            "Row by row it is right, but where `a` has no rows there is nothing to "
            "join, and the result has shape (0,) instead of (0, m). Broadcasting "
            "needs no loop and no special case.",
            _pairwise_stacked,
        ),
        Mistake(
            "returns float32 always",
            "The result has the dtype of the inputs. You cast to `float32`, which "
            "`float64` points far from the origin do not survive.",
            _pairwise_narrow,
        ),
        Mistake(
            "sends float64 through float32",
            "The dtype of the result is right, but on the way the points were "
            "`float32`, and far from the origin they fall together. No cast back "
            "restores them; do not cast at all.",
            _pairwise_through_narrow,
        ),
        Mistake(
            "hands over a NumPy array",
            "The distances are right, but they come as a NumPy array. Return the "
            "tensor itself, so that your function also works in a graph.",
            _pairwise_numpy,
        ),
    ),
    variants=(
        _pairwise_variant_rows,
        _pairwise_variant_features,
        _pairwise_variant_shifted,
    ),
    hints=(
        "Ask for the shape (n, m, d) of all differences first. Which shapes must `a` "
        "and `b` have to broadcast to it?",
        "`a[:, None, :]` has shape (n, 1, d) and `b[None, :, :]` has (1, m, d). Square "
        "their difference, and sum over the axis of the coordinates.",
        "`tf.reduce_sum((a[:, None, :] - b[None, :, :]) ** 2, axis=-1)`.",
    ),
    explain="One new axis for each side, and broadcasting meets every row with every "
    "row. The table of differences takes n · m · d numbers; the expanded form "
    "a² - 2ab + b² gets along with n · m and a fast matmul, and is used for that, but "
    "it pays in digits: what is small is computed as the difference of what is huge.",
)
