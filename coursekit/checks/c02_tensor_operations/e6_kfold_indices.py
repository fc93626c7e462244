"""Exercise 02.6: ``kfold_indices``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, tensors_to_plain


def _probe_kfold(answer: Answer, case: Case) -> Plain:
    pairs = answer(*case.args)
    if isinstance(pairs, list | tuple):  # which of the two does not matter here
        pairs = [tuple(p) if isinstance(p, list) else p for p in pairs]
    return tensors_to_plain(pairs)


def _kfold_inputs(rng: np.random.Generator) -> list[Case]:
    k = int(rng.integers(4, 7))
    many = int(rng.integers(6, 9))
    size = int(rng.integers(3, 5))
    equal, remainder = "folds of equal size", "a remainder"
    two, single = "two folds", "folds of one row"
    return [
        Case(equal, (3 * size, 3)),
        Case(equal, (2 * k, k)),
        Case(remainder, (size * k + 2, k)),
        Case(remainder, (3 * k + 1, k)),
        Case(remainder, (12 * many - 1, many)),
        Case(two, (2 * size + 3, 2)),
        Case(two, (2 * size, 2)),
        Case(single, (k, k)),
        Case(single, (k + 1, k)),
        Case(single, (2, 2)),
    ]


def _kfold_expected(case: Case) -> Plain:
    n, k = case.args
    fold = [-1] * n  # which fold each row is in
    row = 0
    for i in range(k):
        for _ in range(n // k + (i < n % k)):
            fold[row] = i
            row += 1
    rows = np.arange(n, dtype="int32")
    inside = [np.array(fold) == i for i in range(k)]
    return [(rows[~i], rows[i]) for i in inside]


def _kfold_pairs(n, folds):
    """Each fold with the rows of 0 … n - 1 that are not in it."""
    return [
        (
            tf.constant([r for r in range(n) if r not in f], tf.int32),
            tf.constant(list(f), tf.int32),
        )
        for f in folds
    ]


def _kfold_blocks(sizes):
    stops = np.cumsum(sizes).tolist()
    return [range(b - size, b) for size, b in zip(sizes, stops, strict=True)]


def _kfold_sizes(n, k):
    return [n // k + (i < n % k) for i in range(k)]


def _kfold_loses_rest(n, k):
    return _kfold_pairs(n // k * k, _kfold_blocks([n // k] * k))


def _kfold_never_validates_rest(n, k):
    return _kfold_pairs(n, _kfold_blocks([n // k] * k))


def _kfold_rest_last(n, k):
    return _kfold_pairs(n, _kfold_blocks([n // k] * (k - 1) + [n // k + n % k]))


def _kfold_larger_last(n, k):
    return _kfold_pairs(n, _kfold_blocks(_kfold_sizes(n, k)[::-1]))


def _kfold_even_borders(n, k):
    return _kfold_pairs(n, [range(i * n // k, (i + 1) * n // k) for i in range(k)])


def _kfold_rounds_up(n, k):
    size = -(-n // k)
    folds = [range(n)[i * size : (i + 1) * size] for i in range(k)]
    return _kfold_pairs(n, folds)


def _kfold_one_more(n, k):
    size = n // k
    return _kfold_pairs(n, [range(n)[i : i + size] for i in range(0, n, size)])


def _kfold_even_split(n, k):
    folds = tf.split(tf.range(n), k)
    return _kfold_pairs(n, [fold.numpy().tolist() for fold in folds])


def _kfold_leaks(n, k):
    return [(tf.range(n), val) for _, val in _kfold_variant_ranges(n, k)]


def _kfold_past_only(n, k):
    return [
        (tf.range(f.start), tf.range(f.start, f.stop))
        for f in _kfold_blocks(_kfold_sizes(n, k))
    ]


def _kfold_swaps(n, k):
    return [(val, train) for train, val in _kfold_variant_ranges(n, k)]


def _kfold_deals(n, k):
    return _kfold_pairs(n, [range(i, n, k) for i in range(k)])


def _kfold_rotates(n, k):
    return [
        (
            tf.concat([tf.range(f.stop, n), tf.range(f.start)], 0),
            tf.range(f.start, f.stop),
        )
        for f in _kfold_blocks(_kfold_sizes(n, k))
    ]


def _kfold_stops_early(n, k):
    blocks = _kfold_blocks(_kfold_sizes(n, k))
    return _kfold_pairs(n, [range(f.start, f.stop - 1) for f in blocks])


def _kfold_counts_from_one(n, k):
    return [(train + 1, val + 1) for train, val in _kfold_variant_ranges(n, k)]


def _kfold_int64(n, k):
    pairs = _kfold_variant_ranges(n, k)
    return [(tf.cast(t, tf.int64), tf.cast(v, tf.int64)) for t, v in pairs]


def _kfold_numpy(n, k):
    pairs = _kfold_variant_ranges(n, k)
    return [(t.numpy(), v.numpy()) for t, v in pairs]


def _kfold_numpy_int64(n, k):
    pairs = _kfold_variant_ranges(n, k)
    return [(t.numpy().astype("int64"), v.numpy().astype("int64")) for t, v in pairs]


def _kfold_lists(n, k):
    pairs = _kfold_variant_ranges(n, k)
    return [(t.numpy().tolist(), v.numpy().tolist()) for t, v in pairs]


def _kfold_variant_ranges(n, k):
    pairs, start = [], 0
    for i in range(k):
        stop = start + n // k + (1 if i < n % k else 0)
        train = tf.concat([tf.range(start), tf.range(stop, n)], axis=0)
        pairs.append((train, tf.range(start, stop)))
        start = stop
    return pairs


def _kfold_variant_numpy(n, k):
    rows = np.arange(n, dtype=np.int32)
    folds = np.array_split(rows, k)
    return [(tf.constant(np.setdiff1d(rows, f)), tf.constant(f)) for f in folds]


def _kfold_variant_mask(n, k):
    rows = tf.range(n)
    small, large = n // k, n // k + 1
    border = n % k * large
    fold = tf.where(rows < border, rows // large, (rows - border) // small + n % k)
    return [
        (tf.boolean_mask(rows, fold != i), tf.boolean_mask(rows, fold == i))
        for i in range(k)
    ]


EXERCISE = Exercise(
    id="02.6",
    name="kfold_indices",
    points=3,
    minutes=15,
    difficulty="core",
    inputs=_kfold_inputs,
    probe=_probe_kfold,
    expected=_kfold_expected,
    mistakes=(
        Mistake(
            "loses the rows left over",
            "n // k rows in each of k folds are fewer than n, and the rest is in none "
            "of your pairs. Give the first n % k folds one row more.",
            _kfold_loses_rest,
        ),
        Mistake(
            "never validates the rows left over",
            "Your folds take n // k rows each, so the last n % k rows are always in "
            "the training part and never validated. Give the first n % k folds one "
            "row more.",
            _kfold_never_validates_rest,
        ),
        Mistake(
            "puts all that is left over into the last fold",
            "No row is lost, but the last fold can become much larger than the others: "
            "with 11 rows in 4 folds it has 5, and they have 2. Spread the n % k rows, "
            "one to each of the first folds.",
            _kfold_rest_last,
        ),
        Mistake(
            "makes the last folds the larger ones",
            "The sizes are right, in the wrong order: the extra rows belong to the "
            "first n % k folds.",
            _kfold_larger_last,
        ),
        Mistake(
            "puts the borders at i · n // k",
            "No row is lost, and your folds differ by one row at most, but the larger "
            "ones lie spread among the others. In this task the first n % k folds are "
            "the larger ones.",
            _kfold_even_borders,
        ),
        Mistake(
            "rounds the size up",
            "With folds of ⌈n / k⌉ rows the last ones get too few, or none. Folds "
            "differ by one row at most: n // k rows each, and one more for the first "
            "n % k.",
            _kfold_rounds_up,
        ),
        Mistake(
            "makes one fold too many",
            "Steps of n // k leave a remainder, which becomes a fold of its own, or "
            "several. There are exactly k folds; the first n % k take one row more.",
            _kfold_one_more,
        ),
        Mistake(
            "splits by a number",
            "`tf.split` with a number wants it to divide the length, as the message "
            "says. It also takes a list of sizes: n // k for each fold, and 1 more for "
            "the first n % k.",
            _kfold_even_split,
        ),
        Mistake(
            "trains on what it validates",
            "Every row is in your training part, those of the fold included. A model "
            "that has seen the answers passes any test; leave the fold out.",
            _kfold_leaks,
        ),
        Mistake(
            "trains on the past only",
            "Your training part ends where the fold begins, as one does for time "
            "series, and the first one is empty. Here all rows outside the fold are "
            "trained on: join those before it and those after it with `tf.concat`.",
            _kfold_past_only,
        ),
        Mistake(
            "swaps the two parts",
            "The fold comes first in your pairs and the rest second. The order is "
            "(train_idx, val_idx).",
            _kfold_swaps,
        ),
        Mistake(
            "deals the rows out like cards",
            "Your fold i takes every k-th row. The task wants consecutive rows: the "
            "first fold starts at row 0, the second where the first one ends.",
            _kfold_deals,
        ),
        Mistake(
            "begins behind the fold",
            "Your training part has the right rows, but those after the fold come "
            "first. Join them in ascending order: before the fold, then after it.",
            _kfold_rotates,
        ),
        Mistake(
            "stops one row early",
            "The last row of each fold is missing. The end of a range or slice is not "
            "part of it, so nothing is to be subtracted.",
            _kfold_stops_early,
        ),
        Mistake(
            "counts rows from one",
            "Your rows run from 1 to n. They are indices: from 0 to n - 1.",
            _kfold_counts_from_one,
        ),
        Mistake(
            "hands over int64",
            "The rows are right, in `int64`. `tf.range` gives `int32`, and so does "
            "`tf.constant(rows, tf.int32)`; the task asks for that.",
            _kfold_int64,
        ),
        Mistake(
            "hands over NumPy arrays",
            "The rows are right, but they come in NumPy arrays. The task asks for "
            "tensors, as `tf.range`, `tf.split` and `tf.concat` give them.",
            _kfold_numpy,
        ),
        Mistake(
            "hands over NumPy arrays of int64",
            "The rows are right, but they come in NumPy arrays, of `int64`. The task "
            "asks for tensors of `int32`: `tf.constant(rows, tf.int32)` makes one.",
            _kfold_numpy_int64,
        ),
        Mistake(
            "hands over lists",
            "The rows are right, but they come in Python lists. The task asks for "
            "tensors: `tf.constant(rows, tf.int32)` makes one.",
            _kfold_lists,
        ),
    ),
    variants=(_kfold_variant_ranges, _kfold_variant_numpy, _kfold_variant_mask),
    hints=(
        "First the sizes: a Python list of k numbers that add up to n. Then let "
        "`tf.split` cut `tf.range(n)` into pieces of these sizes.",
        "The size of fold i is n // k, plus 1 if i < n % k. The training part is all "
        "other pieces, joined: `tf.concat(folds[:i] + folds[i + 1:], axis=0)`.",
        "`sizes = [n // k + (i < n % k) for i in range(k)]`, then "
        "`folds = tf.split(tf.range(n), sizes)`, and for each i the pair "
        "`(tf.concat(folds[:i] + folds[i + 1:], axis=0), folds[i])`.",
    ),
    explain="Cross-validation stands or falls with this: every row is validated "
    "exactly once and never trained on in the same round. `tf.split` with a list of "
    "sizes takes a remainder in its stride, and concat is its inverse. The folds are "
    "consecutive, so shuffle the rows before, if their order means something.",
)
