"""Exercise 06.2: ``target_encode``."""

import math

import numpy as np
import tensorflow as tf

from coursekit.engine import Case, Exercise, Mistake, Plain

_SMOOTH, _PLAIN = "smoothed means", "no smoothing"
_RARE, _FOLDS = "values that stand in one fold only", "unequal folds"
_CASES = (
    # group, the value of each row, its fold, m; values and folds get other names
    (_SMOOTH, "abcabaccbaba", "012012221100", 2.0),
    (_SMOOTH, "bbabaabbab", "0110100111", 0.5),
    (_PLAIN, "aabbababbaab", "011022012210", 0.0),
    (_RARE, "abacbabdb", "010100121", 0.0),
    (_RARE, "cababdab", "01010201", 0.25),
    (_FOLDS, "abcacbbaacab", "110111211011", 1.5),
    (_FOLDS, "abbaabbaba", "2102220222", 4.0),
)


def _target_inputs(rng: np.random.Generator) -> list[Case]:
    names = np.array(["north", "south", "east", "west", "kiosk", "day"])
    cases = []
    for group, values, folds, m in _CASES:
        order = rng.permutation(len(values))
        value = rng.permutation(names)[["abcd".index(v) for v in values]][order]
        numbers = np.arange(3) if group != _FOLDS else rng.permutation([3, 5, 8])
        fold = numbers[[int(k) for k in folds]][order]
        # no two rows are alike, and the values differ in their means
        y = rng.permutation(np.arange(1, 50))[: len(values)] + 25 * (value == value[0])
        args = value, y.astype("float32") / 4, fold, m
        columns = zip(("category", "y", "fold"), args[:3], strict=True)
        told = "".join(f"\n{n}: {' '.join(map(str, x))}" for n, x in columns)
        cases.append(Case(group, args, f"target_encode(category, y, fold, {m}){told}"))
    return cases


def _target_expected(case: Case) -> Plain:
    category, y, fold, m = case.args
    rows = [*zip(category.tolist(), y.tolist(), fold.tolist(), strict=True)]
    codes = []
    for value, _, own, *_ in rows:
        others = [number for _, number, k in rows if k != own]
        same = [number for v, number, k in rows if k != own and v == value]
        prior = math.fsum(others) / len(others)
        weight = len(same) + m
        codes.append((math.fsum(same) + m * prior) / weight if weight else prior)
    return np.array(codes, "float32")


def _mean(y):
    return y.mean() if len(y) else np.float32(0)


def _smoothed(same, prior, m):
    return (same.sum() + m * prior) / (len(same) + m) if len(same) + m else prior


def _coded(category, y, fold, m, seen=None, prior=None, code=_smoothed):
    """A right answer in parts that the mistakes replace.

    Args:
        seen: from a row to the rows that it may learn from, True or False each.
        prior: from those to the prior.
        code: from y of the rows with the same value, the prior and m to the code.
    """
    codes = np.zeros(len(y), "float32")
    for i, value in enumerate(category):
        rows = seen(i) if seen else fold != fold[i]
        codes[i] = code(
            y[rows & (category == value)], prior(rows) if prior else _mean(y[rows]), m
        )
    return codes


def _target_naive(category, y, fold, m):
    return _coded(category, y, fold, m, lambda i: fold > -1)


def _target_leave_one_out(category, y, fold, m):
    return _coded(category, y, fold, m, lambda i: np.arange(len(y)) != i)


def _target_own_fold(category, y, fold, m):
    return _coded(category, y, fold, m, lambda i: fold == fold[i])


def _target_earlier(category, y, fold, m):
    return _coded(category, y, fold, m, lambda i: fold < fold[i])


def _target_prior_of_all(category, y, fold, m):
    return _coded(category, y, fold, m, prior=lambda rows: y.mean())


def _target_prior_of_means(category, y, fold, m):
    def prior(rows):
        values = np.unique(category[rows])
        return np.mean([y[rows & (category == v)].mean() for v in values])

    return _coded(category, y, fold, m, prior=prior)


def _target_no_prior(category, y, fold, m):
    return _coded(category, y, fold, m, prior=lambda rows: 0)


def _target_unsmoothed(category, y, fold, m):
    def code(same, prior, m):
        return same.mean() if len(same) else prior

    return _coded(category, y, fold, m, code=code)


def _target_unsmoothed_nan(category, y, fold, m):
    def code(same, prior, m):
        return same.mean() if len(same) else np.nan

    return _coded(category, y, fold, m, code=code)


def _target_nan(category, y, fold, m):
    def code(same, prior, m):
        return _smoothed(same, prior, m) if len(same) + m else np.nan

    return _coded(category, y, fold, m, code=code)


def _target_zero_by_zero(category, y, fold, m):
    def code(same, prior, m):
        return _smoothed(same, prior, m) if len(same) + m else 0

    return _coded(category, y, fold, m, code=code)


def _target_at_least_one(category, y, fold, m):
    def code(same, prior, m):
        n = len(same) + m
        return (same.sum() + m * prior) / max(n, 1) if n else prior

    return _coded(category, y, fold, m, code=code)


def _target_last_fold(category, y, fold, m):
    """One table of codes, written anew for each fold and read at the end."""
    return _coded(category, y, fold, m, lambda i: fold != fold.max())


def _target_divides_by_zero(category, y, fold, m):
    def code(same, prior, m):
        return (float(same.sum()) + m * float(prior)) / (len(same) + m)

    return _coded(category, y, fold, m, code=code)


def _target_unseen_zero(category, y, fold, m):
    def code(same, prior, m):
        return _smoothed(same, prior, m) if len(same) else 0

    return _coded(category, y, fold, m, code=code)


def _target_unseen_overall(category, y, fold, m):
    def code(same, prior, m):
        return _smoothed(same, prior, m) if len(same) else y.mean()

    return _coded(category, y, fold, m, code=code)


def _target_share(category, y, fold, m):
    def code(same, prior, m):
        return m * prior + (1 - m) * _mean(same) if len(same) else prior

    return _coded(category, y, fold, m, code=code)


def _target_weight_swapped(category, y, fold, m):
    def code(same, prior, m):
        n = len(same)
        return (m * _mean(same) + n * prior) / (n + m) if n + m else prior

    return _coded(category, y, fold, m, code=code)


def _target_fold_by_fold(category, y, fold, m):
    codes = _coded(category, y, fold, m)
    return codes[np.argsort(fold, kind="stable")]


def _target_folds_from_zero(category, y, fold, m):
    codes = np.zeros_like(y)
    for k in range(len(np.unique(fold))):
        codes[fold == k] = _coded(category, y, fold, m)[fold == k]
    return codes


def _target_float64(category, y, fold, m):
    return _coded(category, y, fold, m).astype("float64")


def _target_table(category, y, fold, m):
    codes = _coded(category, y, fold, m)
    return dict(zip(category.tolist(), codes.tolist(), strict=True))


def _target_variant_tables(category, y, fold, m):
    """A table of sums and one of counts, with a row for each fold."""
    values, column = np.unique(category, return_inverse=True)
    _, row = np.unique(fold, return_inverse=True)
    sums = np.zeros((row.max() + 1, len(values)))
    counts = np.zeros_like(sums)
    np.add.at(sums, (row, column), y)
    np.add.at(counts, (row, column), 1)
    sums, counts = sums.sum(0) - sums, counts.sum(0) - counts
    prior = sums.sum(1, keepdims=True) / counts.sum(1, keepdims=True)
    weight = counts + m
    safe = np.where(weight > 0, weight, 1)
    codes = np.where(weight > 0, (sums + m * prior) / safe, prior)
    return codes[row, column].astype("float32")


def _target_variant_matrix(category, y, fold, m):
    """Which row learns from which, as a matrix of 0 and 1."""
    other = tf.constant(fold[:, None] != fold, tf.float32)
    same = other * tf.constant(category[:, None] == category, tf.float32)
    y = tf.constant(y)
    prior = tf.linalg.matvec(other, y) / tf.reduce_sum(other, 1)
    weight = tf.reduce_sum(same, 1) + m
    codes = tf.math.divide_no_nan(tf.linalg.matvec(same, y) + m * prior, weight)
    return tf.where(weight > 0, codes, prior)


EXERCISE = Exercise(
    id="06.2",
    name="target_encode",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_target_inputs,
    expected=_target_expected,
    mistakes=(
        Mistake(
            "learns from the row itself",
            "Every row takes part in its own mean, so the code carries the answer that "
            "a model is to predict. Leave out the whole fold of the row: "
            "`fold != fold[i]`.",
            _target_naive,
        ),
        Mistake(
            "leaves out one row",
            "You leave out the row itself and keep the rest of its fold. A code of "
            "that kind still gives the answer away: within a value it is the higher, "
            "the lower the row's own y. Leave out the whole fold.",
            _target_leave_one_out,
        ),
        Mistake(
            "learns from its own fold",
            "The rows of its own fold are the ones that a row must not see, and you "
            "use only those. Turn the comparison round: `fold != k`.",
            _target_own_fold,
        ),
        Mistake(
            "takes the prior from all rows",
            "The means leave the row's fold out, but the prior is the mean of all "
            "rows, and that contains its y. Take the prior from the other folds too.",
            _target_prior_of_all,
        ),
        Mistake(
            "does not smooth",
            "You return the mean of the value, whatever `m` is. A value seen twice "
            "deserves less trust than one seen two hundred times: add `m * prior` to "
            "the sum, and `m` to the count.",
            _target_unsmoothed,
        ),
        Mistake(
            "neither smooths nor knows the unseen",
            "You return the plain mean of the value, whatever `m` is, and NaN where "
            "the other folds do not have it. Add `m * prior` to the sum and `m` to the "
            "count, and return the prior where nothing was seen.",
            _target_unsmoothed_nan,
        ),
        Mistake(
            "makes NaN of what was not seen",
            "A value that the other folds do not have is 0 divided by 0 where `m` is "
            "0. There the code is the prior; test for it before you divide.",
            _target_nan,
        ),
        Mistake(
            "divides by zero",
            "A value that the other folds do not have has the count 0, and where `m` "
            "is 0 you divide by zero. There the code is the prior.",
            _target_divides_by_zero,
        ),
        Mistake(
            "makes 0 of what was not seen",
            "A value that the other folds do not have became 0, which may be better or "
            "worse than any patient. What is known without the value is the prior.",
            _target_unseen_zero,
        ),
        Mistake(
            "codes 0 of 0 as 0",
            "Where count and `m` are both 0 your code is 0, as if such rows had the "
            "outcome 0. Nothing is known of the value, so the code is the prior.",
            _target_zero_by_zero,
        ),
        Mistake(
            "divides by at least 1",
            "You divide by the larger of count + `m` and 1. With an `m` below 1 a "
            "value that was not seen is then less than the prior. Ask for 0 alone.",
            _target_at_least_one,
        ),
        Mistake(
            "keeps one code for each value",
            "You keep one code for each value, and every fold overwrites it, so all "
            "rows get that of the last. A value has a code for each fold: write it to "
            "the rows of that fold before you go on.",
            _target_last_fold,
        ),
        Mistake(
            "falls back on the mean of all rows",
            "For a value that the other folds do not have you return the mean of all "
            "rows, and the row's own fold is in it. Return the prior of the others.",
            _target_unseen_overall,
        ),
        Mistake(
            "adds m to the count only",
            "You divide by the count plus `m` but leave the sum as it is. That pulls "
            "the codes to 0; add `m * prior` to the sum, and they are pulled to the "
            "prior.",
            _target_no_prior,
        ),
        Mistake(
            "takes m for a share",
            "You blend with the weights `m` and `1 - m`, as if `m` were between 0 and "
            "1. It is a number of rows: the prior counts as much as `m` of them.",
            _target_share,
        ),
        Mistake(
            "swaps the two weights",
            "The mean of a value has the weight of its count, the prior the weight "
            "`m`. You have them the other way round, so the more often a value was "
            "seen, the less it counts.",
            _target_weight_swapped,
        ),
        Mistake(
            "averages the means",
            "Your prior is the mean over values of their means, so a value that occurs "
            "once weighs as much as a frequent one. Take the mean over rows.",
            _target_prior_of_means,
        ),
        Mistake(
            "learns from earlier folds only",
            "Each row sees only the folds with lower numbers. The order of the folds "
            "means nothing here: use all except its own.",
            _target_earlier,
        ),
        Mistake(
            "expects folds to count from 0",
            "Your loop goes over 0, 1, 2 …, and folds may be numbered otherwise, so "
            "some rows were never coded. Go over `np.unique(fold)`.",
            _target_folds_from_zero,
        ),
        Mistake(
            "returns the rows fold by fold",
            "The codes are right, but they come in the order of the folds. Write them "
            "back to the rows they belong to: `codes[fold == k] = …`.",
            _target_fold_by_fold,
        ),
        Mistake(
            "returns a table of values",
            "You return a code for each value. Out of fold one value has several "
            "codes, one for each fold, so the result has an entry for each row.",
            _target_table,
        ),
        Mistake(
            "returns float64",
            "The numbers are right, in `float64`. The task asks for `float32`, the "
            "dtype that a model takes: `.astype(np.float32)`.",
            _target_float64,
        ),
    ),
    variants=(_target_variant_tables, _target_variant_matrix),
    hints=(
        "Go fold by fold: `others = fold != k` says which rows the rows of fold k may "
        "learn from. The prior is `y[others].mean()`.",
        "For each value: `same = others & (category == value)`. The code is "
        "`(y[same].sum() + m * prior) / (same.sum() + m)`, unless that divides by 0.",
        "Make `codes = np.zeros(len(y), np.float32)`, and inside the two loops, over "
        "`np.unique(fold)` and `np.unique(category)`, write "
        "`codes[(fold == k) & (category == value)] = …`: the prior where "
        "`same.sum() + m` is 0.",
    ),
    explain="A mean that contains its own row is an answer in disguise; with rare "
    "values it is nearly all answer. Leaving out the fold takes that away, and "
    "smoothing keeps values that were seen a few times close to what is known without "
    "them. At serving time, for new rows, the means come from all training rows.",
)
