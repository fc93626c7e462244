"""Exercise 02.4: ``pick_per_row``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, tensors_to_plain
from coursekit.engine.plain import brief


def _probe_pick(answer: Answer, case: Case) -> Plain:
    x, idx = case.args
    return tensors_to_plain(answer(tf.constant(x), tf.constant(idx)))


def _pick_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, x: np.ndarray, idx: np.ndarray) -> Case:
        rows = brief(x.tolist(), 140) if x.ndim == 2 else f"x of shape {x.shape}"
        shown = f"pick_per_row({rows}, {brief(idx.tolist(), 100)})"
        return Case(group, (x, idx), f"{shown}; {x.dtype.name}, idx {idx.dtype}")

    def values(*shape: int, dtype: str = "float32") -> np.ndarray:
        return (rng.permutation(np.prod(shape)).reshape(shape) + 10).astype(dtype)

    def places(n: int, k: int, low: int, high: int, dtype: str = "int32") -> np.ndarray:
        """Indices in [low, high), with other columns in every row."""
        start = rng.integers(0, high - low)
        steps = start + np.arange(n)[:, None] + rng.integers(1, 4, (n, k)).cumsum(1)
        return (low + steps % (high - low)).astype(dtype)

    def mixed(n: int, k: int, m: int, low: int, dtype: str = "int32") -> np.ndarray:
        """Both signs in every row, from ``low`` to m - 1."""
        idx = places(n, k, 0, m, dtype)
        idx[:, ::2] -= m
        idx[idx < low] = low
        idx[0, 0], idx[1, 0], idx[-1, 1] = low, -1, m - 1
        return idx

    table, deep = "tables", "more axes"
    back, few, kinds = "counting from the end", "few of everything", "any dtype"
    words = np.array([f"w{n}".encode() for n in rng.permutation(15)]).reshape(3, 5)
    odd = values(4, 6)
    odd[:, 0], odd[:, 3] = np.nan, np.inf  # next to what is picked
    plain = places(4, 3, 1, 3)
    return [
        case(table, values(4, 7), places(4, 3, 0, 7)),
        case(table, values(6, 3), places(6, 2, 0, 3)),
        case(table, values(4, 4), places(4, 4, 0, 4)),
        case(table, values(3, 4), places(3, 6, 0, 4, "int64")),
        case(deep, values(4, 5, 2), places(4, 3, 0, 5)),
        case(deep, values(5, 3, 2, 4), places(5, 2, 0, 3)),
        case(back, values(3, 6), mixed(3, 4, 6, -5)),
        case(back, values(5, 3, 2), mixed(5, 2, 3, -3)),
        case(back, values(3, 5), mixed(3, 4, 5, -5, "int64")),
        case(few, values(1, 6), places(1, 3, 0, 6)),
        case(few, values(5, 4), places(5, 1, 0, 4)),
        case(few, values(4, 1), np.zeros((4, 2), "int32")),
        case(few, values(3, 4, 2, dtype="int64"), np.zeros((3, 0), "int32")),
        case(kinds, values(5, 4, dtype="int64"), places(5, 2, 0, 4)),
        case(kinds, values(3, 5) % 2 == 0, places(3, 4, 0, 5)),
        case(kinds, words, places(3, 2, 0, 5)),
        case(kinds, odd, plain),
    ]


def _pick_expected(case: Case) -> Plain:
    x, idx = case.args
    picked = [x[i, j] for i, row in enumerate(idx) for j in row]
    return np.array(picked, x.dtype).reshape(*idx.shape, *x.shape[2:])


def _pick_from_start(x, idx):
    """Indices as they count from the start, whatever their dtype."""
    return tf.where(idx < 0, idx + tf.cast(x.shape[1], idx.dtype), idx)


def _pick_rows(x, idx):
    return tf.gather(x, idx)


def _pick_columns(x, idx):
    return tf.gather(x, idx, axis=1)


def _pick_all_columns(x, idx):
    return tf.gather(x, _pick_from_start(x, idx), axis=1)


def _pick_first_row(x, idx):
    return tf.gather(x, _pick_from_start(x, idx)[0], axis=1)


def _pick_nd(x, idx):
    return tf.gather_nd(x, idx)


def _pick_nd_batched(x, idx):
    return tf.gather_nd(x, idx, batch_dims=1)


def _pick_flat(x, idx):
    flat = tf.reshape(x, [-1, *x.shape[2:]])
    return tf.gather(flat, _pick_from_start(x, idx))


def _pick_brackets(x, idx):
    return x[idx]


def _pick_no_negative(x, idx):
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_clips(x, idx):
    return tf.gather(x, tf.maximum(idx, 0), axis=1, batch_dims=1)


def _pick_absolute(x, idx):
    return tf.gather(x, tf.abs(idx), axis=1, batch_dims=1)


def _pick_from_last(x, idx):
    idx = tf.where(idx < 0, idx + x.shape[1] - 1, idx)
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_adds_rows(x, idx):
    idx = tf.where(idx < 0, idx + x.shape[0], idx)
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_adds_last_axis(x, idx):
    idx = tf.where(idx < 0, idx + x.shape[-1], idx)
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_last_axis(x, idx):
    return tf.gather(x, _pick_from_start(x, idx), axis=-1, batch_dims=1)


def _pick_one_by_one(x, idx):
    rows = enumerate(_pick_from_start(x, idx).numpy())
    return tf.stack([[x[i, j] for j in row] for i, row in rows])


def _pick_mirrors(x, idx):
    idx = tf.where(idx < 0, -idx - 1, idx)
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_mixes_dtypes(x, idx):
    idx = tf.where(idx < 0, idx + tf.shape(x)[1], idx)
    return tf.gather(x, idx, axis=1, batch_dims=1)


def _pick_one_hot(x, idx):
    choice = tf.one_hot(_pick_from_start(x, idx), x.shape[1], dtype=x.dtype)
    return tf.einsum("nkm,nm...->nk...", choice, x)


def _pick_stacked_across(x, idx):
    idx = _pick_from_start(x, idx)
    rows = [tf.gather(x[i], idx[i]) for i in range(len(x))]
    return tf.stack(rows, axis=1)


def _pick_squeezed(x, idx):
    return tf.squeeze(_pick_variant_rows(x, idx))


def _pick_concatenated(x, idx):
    idx = _pick_from_start(x, idx)
    return tf.concat([tf.gather(x[i], idx[i]) for i in range(len(x))], axis=0)


def _pick_numpy(x, idx):
    return _pick_variant_rows(x, idx).numpy()


def _pick_variant_rows(x, idx):
    size = tf.cast(tf.shape(x)[1], idx.dtype)
    return tf.stack([tf.gather(row, at % size) for row, at in zip(x, idx, strict=True)])


def _pick_variant_nd(x, idx):
    idx = _pick_from_start(x, idx)
    rows = tf.broadcast_to(tf.range(len(x), dtype=idx.dtype)[:, None], idx.shape)
    return tf.gather_nd(x, tf.stack([rows, idx], axis=-1))


def _pick_variant_flat(x, idx):
    n, m = x.shape[:2]
    start = tf.range(n, dtype=idx.dtype)[:, None] * m
    flat = tf.reshape(x, [n * m, *x.shape[2:]])
    return tf.gather(flat, start + tf.math.floormod(idx, m))


EXERCISE = Exercise(
    id="02.4",
    name="pick_per_row",
    points=3,
    minutes=12,
    difficulty="core",
    inputs=_pick_inputs,
    probe=_probe_pick,
    expected=_pick_expected,
    mistakes=(
        Mistake(
            "picks rows",
            "`tf.gather(x, idx)` takes every index for the number of a row, since it "
            "gathers along axis 0. Yours are places within a row: `axis=1`, and "
            "`batch_dims=1`, so that row i of `idx` is used for row i of `x`.",
            _pick_rows,
        ),
        Mistake(
            "forgets batch_dims",
            "With `axis=1` alone, every row of `x` gets the picks of all rows of "
            "`idx`: the shape is (n, n, k). `batch_dims=1` pairs row i with row i. "
            "After that, see to the negative indices, which `tf.gather` does not know.",
            _pick_columns,
        ),
        Mistake(
            "forgets batch_dims only",
            "Your indices are right, the negative ones, too. But with `axis=1` alone "
            "every row of `x` gets the picks of all rows of `idx`, (n, n, k). "
            "`batch_dims=1` pairs row i with row i.",
            _pick_all_columns,
        ),
        Mistake(
            "uses the first row's picks for all",
            "You picked the columns `idx[0]` from every row. Each row has picks of "
            "its own: hand over the whole of `idx`, with `batch_dims=1`.",
            _pick_first_row,
        ),
        Mistake(
            "takes a row of idx for one position",
            "To `tf.gather_nd` a row of `idx` is one position (row, column, …), and "
            "not k columns. It wants pairs (i, idx[i, j]), of shape (n, k, 2); "
            "`tf.gather` with `batch_dims=1` gets along without them.",
            _pick_nd,
        ),
        Mistake(
            "takes k columns for one position",
            "`tf.gather_nd` reads the last axis of `idx` as one position, also with "
            "`batch_dims=1`. It would need shape (n, k, 1). `tf.gather` takes the "
            "columns as they are.",
            _pick_nd_batched,
        ),
        Mistake(
            "forgets where the rows start",
            "In the flattened `x` row i starts at i · m. Without that offset, all rows "
            "pick from the first one.",
            _pick_flat,
        ),
        Mistake(
            "puts a tensor into the brackets",
            "`x[idx]` is NumPy's notation; a tensor of indices in brackets is refused "
            "by TensorFlow. The operation for it is `tf.gather`.",
            _pick_brackets,
        ),
        Mistake(
            "hands negative indices to gather",
            "`tf.gather` knows no negative index: it fails on a CPU and gives zeros on "
            "a GPU. Turn them into ordinary ones first: "
            "`tf.where(idx < 0, idx + m, idx)`.",
            _pick_no_negative,
        ),
        Mistake(
            "clips negative indices",
            "You set each negative index to 0, so all of them pick the first place. "
            "-1 means the last one: add m to what is negative.",
            _pick_clips,
        ),
        Mistake(
            "drops the sign",
            "`tf.abs` turns -1 into 1, the second place from the start. -1 is the "
            "last: add m to what is negative.",
            _pick_absolute,
        ),
        Mistake(
            "counts from the last but one",
            "You add m - 1 to a negative index, which makes -1 the last place but one. "
            "There is no -0, so the count from the end starts at -1: add m.",
            _pick_from_last,
        ),
        Mistake(
            "adds the number of rows",
            "To a negative index you add n, the number of rows. Its places are those "
            "within a row, and there are m of them: `x.shape[1]`.",
            _pick_adds_rows,
        ),
        Mistake(
            "adds the length of the last axis",
            "`x.shape[-1]` is m for a table only. If `x` has more axes, the places of "
            "a row are still counted by axis 1: add `x.shape[1]`.",
            _pick_adds_last_axis,
        ),
        Mistake(
            "gathers along the last axis",
            "`axis=-1` is the axis of the places for a table only. If `x` has more "
            "axes, the places are still on axis 1: `axis=1`, with `batch_dims=1`.",
            _pick_last_axis,
        ),
        Mistake(
            "mirrors negative indices",
            "-1 became 0 and -2 became 1: you count from the start again. -1 is m - 1, "
            "so add m to what is negative.",
            _pick_mirrors,
        ),
        Mistake(
            "adds an int32 to an int64",
            "`tf.shape(x)[1]` is an `int32` tensor, and `idx` may be `int64`; "
            "TensorFlow does not mix the two. `x.shape[1]` is a Python number, which "
            "fits next to either.",
            _pick_mixes_dtypes,
        ),
        Mistake(
            "multiplies instead of picking",
            "A product with a one-hot table adds 0 · x for everything not picked. "
            "That is NaN if x is NaN or infinite, and `bool` and text cannot be "
            "multiplied at all. `tf.gather` copies, and looks at nothing else.",
            _pick_one_hot,
        ),
        Mistake(
            "stacks along the wrong axis",
            "The picks are right, but with `axis=1` the rows stand side by side as "
            "columns, (k, n, …). Rows come first: `tf.stack(rows)`.",
            _pick_stacked_across,
        ),
        Mistake(
            "squeezes too much",
            "`tf.squeeze` without an axis removes every axis of length 1, also where n "
            "or k happens to be 1. The result always has the shape of `idx`, followed "
            "by the further axes of `x`.",
            _pick_squeezed,
        ),
        Mistake(
            "picks one by one, and finds nothing",
            "Pick by pick it is right, but where k is 0 the lists are empty, and a "
            "tensor made of them knows neither the dtype nor the further axes of `x`. "
            "`tf.gather` knows both.",
            _pick_one_by_one,
        ),
        Mistake(
            "joins the rows into one",
            "`tf.concat` joins along an axis that is there, so the rows of picks "
            "become one long row. `tf.stack` gives each row its own place on a new "
            "axis.",
            _pick_concatenated,
        ),
        Mistake(
            "hands over a NumPy array",
            "The values are right, but they come as a NumPy array. Return the tensor "
            "itself, so that your function also works in a graph.",
            _pick_numpy,
        ),
    ),
    variants=(_pick_variant_rows, _pick_variant_nd, _pick_variant_flat),
    hints=(
        "There are two questions: how row i of `idx` meets row i of `x`, and what to "
        "do with a negative index.",
        "`tf.gather` has the arguments `axis` and `batch_dims`. And `tf.where` "
        "selects, place by place, between `idx` as it is and `idx` made positive.",
        "`tf.gather(x, tf.where(idx < 0, idx + x.shape[1], idx), axis=1, "
        "batch_dims=1)`.",
    ),
    explain="`batch_dims=1` says that the first axis of both is the same axis, to be "
    "walked in step. This is how the probability of the right class is picked from "
    "each row of a batch, and the value of the action taken in reinforcement learning. "
    "Where an index may count from the end, `tf.where` is the place to say so.",
)
