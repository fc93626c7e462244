"""Exercise 02.5: ``masked_mean``."""

import warnings

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, tensors_to_plain
from coursekit.engine.plain import brief


def _probe_masked_mean(answer: Answer, case: Case) -> Plain:
    x, mask, axis = case.args
    return tensors_to_plain(answer(tf.constant(x), tf.constant(mask), axis))


def _mean_inputs(rng: np.random.Generator) -> list[Case]:
    def values(*shape: int, dtype: str = "float32") -> np.ndarray:
        """Quarters, with a zero at the front and elsewhere; their sums are exact."""
        x = rng.integers(5, 90, shape) * rng.choice([-1, 1, 1], shape) / 4
        x[rng.random(shape) < 0.15] = 0
        x[(0,) * x.ndim] = 0
        return x.astype(dtype)

    def keeps(*shape: int, axis=None) -> np.ndarray:
        """A mask that keeps something and hides something wherever it is reduced."""
        while True:
            mask = rng.random(shape) < 0.6
            mask[(0,) * mask.ndim] = True
            if (mask.any(axis) & ~mask.all(axis)).all():
                return mask

    def case(group: str, x: np.ndarray, mask: np.ndarray, axis) -> Case:
        if x.ndim < 3:
            shown = f"{brief(x.tolist(), 150)}, {brief(mask.tolist(), 150)}"
        else:
            shown = f"x of shape {x.shape}, mask of shape {mask.shape}"
        call = f"masked_mean({shown}, axis={axis}), {x.dtype}"
        return Case(group, (x, mask, axis), call)

    plain, none, hidden = "kept values", "nothing kept", "what is hidden"
    spread, wide = "a mask that broadcasts", "float64"
    b, t, d = (int(n) for n in rng.permutation([3, 4, 5]))

    empty_row = keeps(4, 5, axis=1)
    empty_row[int(rng.integers(4))] = False
    empty_block = keeps(b, t, d)
    empty_block[:, 1] = False
    nothing = np.zeros((t, d), bool)
    single, single_mask = values(4, 6), keeps(4, 6, axis=1)
    single[2, 3], single_mask[2] = 5.25, np.arange(6) == 3

    bad, bad_mask = values(b, d), keeps(b, d, axis=1)
    bad[~bad_mask] = rng.choice([np.nan, np.inf, -np.inf, np.nan], (~bad_mask).sum())
    worse, worse_mask = values(b, t, 2), keeps(b, t, 2, axis=(1, 2))
    worse[~worse_mask] = np.nan
    worse_mask[0] = False  # and here nothing is kept
    kept, kept_mask = values(5, 3), keeps(5, 3, axis=0)
    kept[:3, 0], kept_mask[:3, 0] = [1.5, np.nan, 7.25], True
    steps = np.arange(t) < rng.permutation(np.arange(b) % t + 1)[:, None]
    far, far_mask = values(d, 6, dtype="float64"), keeps(d, 6, axis=1)
    far[:, 0] += 2.0**27  # float32 is 16 apart up there
    far[:, 1] = -(2.0**27)
    far_mask[:, :2] = True

    return [
        case(plain, single, single_mask, 1),
        case(plain, values(6, 4), keeps(6, 4, axis=0), 0),
        case(plain, values(b, t, d), keeps(b, t, d, axis=-2), -2),
        case(plain, values(b, t, d), keeps(b, t, d, axis=(0, 2)), (0, 2)),
        case(plain, values(3, 5), keeps(3, 5), None),
        case(plain, values(7), keeps(7), 0),
        case(none, values(4, 5), empty_row, 1),
        case(none, values(b, t, d), empty_block, (0, -1)),
        case(none, values(t, d), nothing, None),
        case(none, np.zeros((3, 0), "float32"), np.zeros((3, 0), bool), 1),
        case(hidden, bad, bad_mask, 1),
        case(hidden, worse, worse_mask, (1, 2)),
        case(hidden, kept, kept_mask, 0),
        case(spread, values(b, t, d), steps[..., None], (1, 2)),
        case(spread, values(b, t, d), steps[..., None], None),
        case(spread, values(4, 6), keeps(6), 0),
        case(spread, values(4, 6), np.arange(4)[:, None] < 3, -1),
        case(wide, far, far_mask, 1),
        case(wide, values(b, t, dtype="float64"), keeps(b, t), None),
    ]


def _mean_expected(case: Case) -> Plain:
    x, mask, axis = case.args
    mask = np.broadcast_to(mask, x.shape)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # a mean of nothing
        mean = np.mean(x, axis=axis, where=mask, dtype="float64")
    return np.where(mask.any(axis=axis), mean, 0.0).astype(x.dtype)


def _mean_by(select: bool, safe: bool, full: bool):
    """A mean that selects or multiplies, minds 0 / 0 or not, counts the full mask."""

    def answer(x, mask, axis):
        hidden = tf.zeros_like(x)
        kept = tf.where(mask, x, hidden) if select else x * tf.cast(mask, x.dtype)
        counted = tf.broadcast_to(mask, x.shape) if full else mask
        count = tf.reduce_sum(tf.cast(counted, x.dtype), axis)
        divide = tf.math.divide_no_nan if safe else tf.divide
        return divide(tf.reduce_sum(kept, axis), count)

    return answer


_mean_right = _mean_by(select=True, safe=True, full=True)
_mean_on_paper = _mean_by(select=False, safe=False, full=False)
_mean_product_of_mask = _mean_by(select=False, safe=True, full=False)
_mean_product_zero_by_zero = _mean_by(select=False, safe=False, full=True)
_mean_product = _mean_by(select=False, safe=True, full=True)
_mean_zero_by_zero = _mean_by(select=True, safe=False, full=True)
_mean_zero_by_zero_of_mask = _mean_by(select=True, safe=False, full=False)
_mean_counts_mask = _mean_by(select=True, safe=True, full=False)


def _mean_full_length(x, mask, axis):
    return tf.reduce_mean(tf.where(mask, x, tf.zeros_like(x)), axis)


def _mean_flattened(x, mask, axis):
    return tf.reduce_mean(tf.boolean_mask(x, mask))


def _mean_filtered(x, mask, axis):
    return tf.reduce_mean(tf.boolean_mask(x, mask), axis)


def _mean_counts_non_zero(x, mask, axis):
    kept = tf.where(mask, x, tf.zeros_like(x))
    count = tf.math.count_nonzero(kept, axis, dtype=x.dtype)
    return tf.math.divide_no_nan(tf.reduce_sum(kept, axis), count)


def _mean_keeps_axes(x, mask, axis):
    kept = tf.where(mask, x, tf.zeros_like(x))
    ones = tf.cast(tf.broadcast_to(mask, x.shape), x.dtype)
    total = tf.reduce_sum(kept, axis, keepdims=True)
    return tf.math.divide_no_nan(total, tf.reduce_sum(ones, axis, keepdims=True))


def _mean_inverted(x, mask, axis):
    return _mean_right(x, ~mask, axis)


def _mean_hides_nan(x, mask, axis):
    mean = _mean_zero_by_zero(x, mask, axis)
    return tf.where(tf.math.is_nan(mean), tf.zeros_like(mean), mean)


def _mean_hides_every_nan(x, mask, axis):
    mean = _mean_on_paper(x, mask, axis)
    return tf.where(tf.math.is_nan(mean), tf.zeros_like(mean), mean)


def _mean_cleans_first(x, mask, axis):
    return _mean_right(tf.where(tf.math.is_finite(x), x, 0), mask, axis)


def _mean_skips_nan(x, mask, axis):
    return _mean_right(x, mask & ~tf.math.is_nan(x), axis)


def _mean_over_everything(x, mask, axis):
    return _mean_right(x, mask, None)


def _mean_ignores_mask(x, mask, axis):
    return tf.reduce_mean(x, axis)


def _mean_float32_mask(x, mask, axis):
    total = tf.reduce_sum(tf.where(mask, x, tf.zeros_like(x)), axis)
    ones = tf.cast(tf.broadcast_to(mask, x.shape), tf.float32)
    return tf.math.divide_no_nan(total, tf.reduce_sum(ones, axis))


def _mean_numpy(x, mask, axis):
    return _mean_right(x, mask, axis).numpy()


def _mean_variant_maximum(x, mask, axis):
    weight = tf.cast(mask, x.dtype) * tf.ones_like(x)
    total = tf.reduce_sum(tf.math.multiply_no_nan(x, weight), axis=axis)
    return total / tf.maximum(tf.reduce_sum(weight, axis=axis), 1)


def _mean_variant_where(x, mask, axis):
    mask = tf.logical_and(mask, tf.fill(tf.shape(x), True))
    some = tf.reduce_any(mask, axis)
    count = tf.math.count_nonzero(mask, axis, dtype=x.dtype)
    total = tf.reduce_sum(tf.where(mask, x, 0), axis)
    return tf.where(some, total / count, 0)


def _mean_variant_weights(x, mask, axis):
    ones = tf.where(mask, tf.ones_like(x), tf.zeros_like(x))
    count = tf.reduce_sum(ones, axis, keepdims=True)
    shares = tf.math.divide_no_nan(ones, count)
    return tf.reduce_sum(tf.where(mask, x * shares, tf.zeros_like(x)), axis)


EXERCISE = Exercise(
    id="02.5",
    name="masked_mean",
    points=4,
    minutes=15,
    difficulty="stretch",
    inputs=_mean_inputs,
    probe=_probe_masked_mean,
    expected=_mean_expected,
    mistakes=(
        Mistake(
            "divides by the full length",
            "Your zeros in place of what is hidden do not add to the sum, but "
            "`tf.reduce_mean` counts them. Divide the sum by the number of values "
            "kept: the sum of the mask, cast to the dtype of `x`.",
            _mean_full_length,
        ),
        Mistake(
            "computes it as on paper",
            "Sum of x · mask by sum of mask is right on paper. Here it fails in three "
            "ways: 0 times NaN is NaN, so what is hidden leaks (select with "
            "`tf.where(mask, x, 0)`); 0 / 0 is NaN (`tf.math.divide_no_nan`); and a "
            "mask that broadcasts stands for more values than it has entries "
            "(`tf.broadcast_to` before you count).",
            _mean_on_paper,
        ),
        Mistake(
            "multiplies by the mask, and counts its entries",
            "Two things: 0 times NaN is NaN, so what is hidden leaks through the "
            "product (select with `tf.where(mask, x, 0)`); and a mask that broadcasts "
            "stands for more values than it has entries (`tf.broadcast_to` before you "
            "count).",
            _mean_product_of_mask,
        ),
        Mistake(
            "multiplies by the mask",
            "0 times a number is 0, but 0 times NaN is NaN, and so is 0 times "
            "infinity: what you hide leaks into the sum. Select instead of "
            "multiplying: `tf.where(mask, x, 0)`.",
            _mean_product,
        ),
        Mistake(
            "multiplies by the mask, and divides zero by zero",
            "Two things: 0 times NaN is NaN, so what is hidden leaks through the "
            "product (select with `tf.where(mask, x, 0)`); and where nothing is kept "
            "you divide 0 by 0 (`tf.math.divide_no_nan` gives 0).",
            _mean_product_zero_by_zero,
        ),
        Mistake(
            "divides zero by zero",
            "Where nothing is kept you divide 0 by 0, which is NaN. "
            "`tf.math.divide_no_nan` gives 0 there, and dividing by "
            "`tf.maximum(count, 1)` does, too.",
            _mean_zero_by_zero,
        ),
        Mistake(
            "divides zero by zero, and counts the mask's entries",
            "Two things: where nothing is kept you divide 0 by 0, which is NaN "
            "(`tf.math.divide_no_nan` gives 0); and a mask that broadcasts stands for "
            "more values than it has entries (`tf.broadcast_to` before you count).",
            _mean_zero_by_zero_of_mask,
        ),
        Mistake(
            "filters, and loses the axes",
            "`tf.boolean_mask` gives one flat list of the kept values: rows keep "
            "different numbers of them, so no table can hold the rest. Set the hidden "
            "values to 0 with `tf.where`, and the shape stays.",
            _mean_flattened,
        ),
        Mistake(
            "filters, and asks for an axis",
            "`tf.boolean_mask` gives one flat list of the kept values, so the axes "
            "over which you want to average are gone. Set the hidden values to 0 with "
            "`tf.where`, and the shape stays.",
            _mean_filtered,
        ),
        Mistake(
            "counts a mask that is not broadcast",
            "The mask may be smaller than `x`, and one of its entries then stands for "
            "many values: (b, t, 1) against (b, t, d) for d of them. Bring it to the "
            "shape of `x`, `tf.broadcast_to(mask, tf.shape(x))`, before you count.",
            _mean_counts_mask,
        ),
        Mistake(
            "counts what is not zero",
            "You count the values that are not 0, but a kept value may be 0 and still "
            "counts. Count the mask, not the values.",
            _mean_counts_non_zero,
        ),
        Mistake(
            "keeps the reduced axes",
            "With `keepdims=True` the reduced axes stay, with length 1. The task wants "
            "them gone.",
            _mean_keeps_axes,
        ),
        Mistake(
            "averages what is hidden",
            "You average where the mask is False. True means keep: "
            "`tf.where(mask, x, 0)` takes `x` where the mask is True.",
            _mean_inverted,
        ),
        Mistake(
            "hides a NaN that is kept",
            "You turn every NaN of the result into 0. Where nothing is kept that is "
            "asked for, but a NaN among the kept values must stay: it says that "
            "something is broken. Avoid 0 / 0 instead of repairing it.",
            _mean_hides_nan,
        ),
        Mistake(
            "wipes away every NaN of the result",
            "A hidden NaN leaks through your product with the mask and makes the "
            "whole mean NaN; turning that into 0 loses the values that were kept. "
            "Select with `tf.where(mask, x, 0)` before you sum.",
            _mean_hides_every_nan,
        ),
        Mistake(
            "cleans x first",
            "You replace every NaN of `x`, also one that is kept, so a broken value "
            "counts as 0 and nobody hears of it. Replace what is hidden and nothing "
            "else: the condition of `tf.where` is the mask.",
            _mean_cleans_first,
        ),
        Mistake(
            "skips a NaN that is kept",
            "You take every NaN out of the mean, also one that the mask keeps, and "
            "the mean of the rest looks healthy. Whether a value counts is for the "
            "mask alone to say.",
            _mean_skips_nan,
        ),
        Mistake(
            "ignores the axis",
            "You average over everything and lose `axis` on the way. Hand it on to "
            "both reductions, that of the values and that of the mask. (`if axis:` "
            "loses it, too, where `axis` is 0.)",
            _mean_over_everything,
        ),
        Mistake(
            "ignores the mask",
            "This is the mean of all values. Set the hidden ones to 0 with "
            "`tf.where(mask, x, 0)`, and divide by the number of the others.",
            _mean_ignores_mask,
        ),
        Mistake(
            "casts the mask to float32",
            "`x` may be `float64`, and TensorFlow does not divide it by a `float32` "
            "count. Cast the mask to the dtype of `x`: `tf.cast(mask, x.dtype)`.",
            _mean_float32_mask,
        ),
        Mistake(
            "hands over a NumPy array",
            "The means are right, but they are NumPy's. Return the tensor itself, so "
            "that your function also works in a graph.",
            _mean_numpy,
        ),
    ),
    variants=(_mean_variant_maximum, _mean_variant_where, _mean_variant_weights),
    hints=(
        "A mean is a sum divided by a number. Which values go into the sum, and how "
        "many are they? Answer the two questions one after the other.",
        "`tf.where(mask, x, 0)` leaves only kept values in the sum, and the mask, "
        "cast to `x.dtype`, can be summed as well. But first it must have the shape of "
        "`x`: `tf.broadcast_to(mask, tf.shape(x))`.",
        "With `mask` broadcast: `tf.math.divide_no_nan(total, count)`, where `total` "
        "is `tf.reduce_sum(tf.where(mask, x, 0), axis)` and `count` is "
        "`tf.reduce_sum(tf.cast(mask, x.dtype), axis)`.",
    ),
    explain="Padding, missing pixels, unlabelled rows: most averages in deep learning "
    "are averages of what is there. Select before you sum, since a product does not "
    "hide a NaN; count what you keep, at its full shape; and decide what a mean of "
    "nothing is before the data decides it for you.",
)
