"""Exercise 01.4: ``update_mean``."""

import math

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain
from coursekit.engine.plain import brief


def _probe_update_mean(answer: Answer, case: Case) -> Plain:
    """Feed the batches; look at the two variables that were handed over."""
    mean_before, count_before, batches = case.args
    mean = tf.Variable(mean_before, dtype=tf.float32)
    count = tf.Variable(count_before, dtype=tf.float32)
    seen = {}
    for number, batch in enumerate(batches, 1):
        answer(mean, count, tf.constant(batch, tf.float32, shape=(len(batch),)))
        seen[f"after batch {number}"] = {
            "mean": round(float(mean.numpy()), 4),
            "count": float(count.numpy()),
        }
    return seen


def _mean_inputs(rng: np.random.Generator) -> list[Case]:
    levels = [-15.0, 25.0, -5.0, 40.0]  # far apart, so that every weight shows

    def batch(k: int, size: int) -> list[float]:
        values = levels[k] + rng.uniform(-2, 2, size)
        return [round(float(v), 1) for v in values]

    def case(group: str, mean: float, count: float, batches: list) -> Case:
        before = f"mean {mean:g} and count {count:g}"
        calls = ", then ".join(brief([float(v) for v in b]) for b in batches)
        call = f"update_mean(mean, count, batch) from {before}, for batch = {calls}"
        return Case(group, (mean, count, batches), call)

    sizes = [int(n) for n in rng.permutation([1, 2, 3, 5, 6, 7])]
    mean = round(float(rng.uniform(55, 65)), 1)
    count = float(rng.integers(8, 12))
    some = [batch(k, sizes[k]) for k in range(3 + int(rng.integers(2)))]
    a, b, c = (int(n) / 2 for n in rng.permutation(np.arange(5, 40))[:3])
    level = [[-a, 0.0, a], [c, c, 0.0, c], [-b]]  # the mean is 0 after the first
    twice = [[b, -b, c, -c], [a, -c, a, 0.0, 0.0]]
    unequal, signs = "batches of unequal size", "zeros, repeats and negative numbers"
    return [
        case("first batch", 0.0, 0.0, [batch(1, int(rng.integers(2, 6)))]),
        case(unequal, 0.0, 0.0, some),
        case(unequal, mean, count, [batch(2, sizes[4]), batch(0, sizes[5])]),
        case(signs, 0.0, 0.0, level),
        case(signs, -mean, count, twice),
        case("empty batches", 0.0, 0.0, [[], batch(1, sizes[1]), []]),
        case("empty batches", mean, count, [[], batch(2, sizes[2])]),
    ]


def _mean_expected(case: Case) -> Plain:
    mean, count, batches = case.args
    total = mean * count
    seen = {}
    for number, batch in enumerate(batches, 1):
        total, count = math.fsum([total, *batch]), count + len(batch)
        now = total / count if count else mean
        seen[f"after batch {number}"] = {"mean": round(now, 4), "count": count}
    return seen


def _mean_rebinds(mean, count, batch):
    n = len(batch)
    if n:
        mean = (mean * count + tf.reduce_sum(batch)) / (count + n)
        count = count + n


def _mean_rebinds_mean(mean, count, batch):
    n = len(batch)
    if n:
        mean = (mean * count + tf.reduce_sum(batch)) / (count + n)
        count.assign_add(n)


def _mean_forgets_past(mean, count, batch):
    if len(batch):
        mean.assign(tf.reduce_mean(batch))
        count.assign_add(len(batch))


def _mean_count_of_batch(mean, count, batch):
    n = len(batch)
    if n:
        mean.assign((mean * count + tf.reduce_sum(batch)) / (count + n))
        count.assign(n)


def _mean_count_by_one(mean, count, batch):
    n = len(batch)
    if n:
        mean.assign((mean * count + tf.reduce_sum(batch)) / (count + n))
        count.assign_add(1)


def _mean_halfway(mean, count, batch):
    if len(batch):
        mean.assign((mean + tf.reduce_mean(batch)) / 2)
        count.assign_add(len(batch))


def _mean_counts_batches(mean, count, batch):
    if len(batch):
        count.assign_add(1)
        mean.assign_add((tf.reduce_mean(batch) - mean) / count)


def _mean_count_first(mean, count, batch):
    if len(batch):
        count.assign_add(len(batch))
        mean.assign((mean * count + tf.reduce_sum(batch)) / count)


def _mean_count_first_unguarded(mean, count, batch):
    count.assign_add(len(batch))
    mean.assign((mean * count + tf.reduce_sum(batch)) / count)


def _mean_count_twice(mean, count, batch):
    n = len(batch)
    if n:
        count.assign_add(n)
        mean.assign((mean * count + tf.reduce_sum(batch)) / (count + n))


def _mean_forgets_count(mean, count, batch):
    n = len(batch)
    if n:
        mean.assign((mean * count + tf.reduce_sum(batch)) / (count + n))


def _mean_of_nothing(mean, count, batch):
    n = len(batch)
    total = count + n
    mean.assign((mean * count + tf.reduce_mean(batch) * n) / total)
    count.assign(total)


def _mean_zero_by_zero(mean, count, batch):
    total = count + len(batch)
    mean.assign((mean * count + tf.reduce_sum(batch)) / total)
    count.assign(total)


def _mean_variant_one_by_one(mean, count, batch):
    for value in batch:
        count.assign_add(1.0)
        mean.assign_add((value - mean) / count)


def _mean_variant_no_nan(mean, count, batch):
    total = count + tf.cast(tf.size(batch), tf.float32)
    shift = tf.math.divide_no_nan(tf.reduce_sum(batch - mean), total)
    mean.assign(mean + shift)
    count.assign(total)


EXERCISE = Exercise(
    id="01.4",
    name="update_mean",
    points=3,
    minutes=12,
    difficulty="core",
    inputs=_mean_inputs,
    probe=_probe_update_mean,
    expected=_mean_expected,
    mistakes=(
        Mistake(
            "changes neither variable",
            "Neither variable has changed. If you wrote `mean = ...`: inside your "
            "function the name then points to a new tensor, and the caller's variable "
            "keeps its old value. To change a variable in place, call "
            "`mean.assign(...)` or `mean.assign_add(...)`, and the same for `count`.",
            _mean_rebinds,
        ),
        Mistake(
            "changes the count only",
            "`count` is right, but the variable `mean` has not changed. If you wrote "
            "`mean = ...`, you moved a name and left the variable alone; "
            "`mean.assign(...)` writes into it.",
            _mean_rebinds_mean,
        ),
        Mistake(
            "forgets the earlier batches",
            "Your mean is that of the last batch alone. What came before still "
            "counts: its sum is `mean * count`, so add that to the sum of the batch "
            "and divide by the number of all values.",
            _mean_forgets_past,
        ),
        Mistake(
            "sets the count to the batch's length",
            "`count.assign(n)` replaces the old count, and the next batch meets a "
            "past that looks much shorter than it was. Add to it: "
            "`count.assign_add(n)`.",
            _mean_count_of_batch,
        ),
        Mistake(
            "adds one to the count per batch",
            "The mean starts out right, but `count` grows by 1 a batch. It is to be "
            "the number of values, not of batches: add the batch's length.",
            _mean_count_by_one,
        ),
        Mistake(
            "goes halfway to the batch mean",
            "Halfway between the old mean and the batch's mean would be right if both "
            "stood for equally many values. They do not: weigh the old mean by "
            "`count` and the batch's by its length.",
            _mean_halfway,
        ),
        Mistake(
            "counts batches, not values",
            "You count one per batch, so a batch of 2 weighs as much as a batch of 7, "
            "and the result is a mean of batch means. `count` is the number of "
            "values: add the length of the batch to it.",
            _mean_counts_batches,
        ),
        Mistake(
            "weighs the old mean by the new count",
            "The old mean enters with too much weight, as if it stood for the new "
            "batch, too. Either `count` is updated before `mean * count` is computed, "
            "or you add the batch's share and never scale the old mean down. The old "
            "sum is `mean` times the *old* count: compute it first, and update "
            "`count` last.",
            _mean_count_first,
        ),
        Mistake(
            "weighs by the new count, and divides by 0",
            "`count` is updated first, so `mean * count` is no longer the old sum: the "
            "order of updates is part of the program. Compute the new mean while "
            "`count` still holds the old number, and update `count` last. (Once that "
            "is right, think of a first batch that is empty: 0 divided by 0 is NaN.)",
            _mean_count_first_unguarded,
        ),
        Mistake(
            "adds the batch to the count twice",
            "After `count.assign_add(n)` the variable already holds the new total, so "
            "`count + n` counts the batch a second time. Compute the mean first, or "
            "put the new total into a name of its own and use that.",
            _mean_count_twice,
        ),
        Mistake(
            "never updates the count",
            "The mean changes but the variable `count` stays as it was, so the next "
            "batch is weighed as if this one had never come. Finish with "
            "`count.assign_add(...)`; note that `count = count + n` binds a name and "
            "leaves the variable alone.",
            _mean_forgets_count,
        ),
        Mistake(
            "takes the mean of nothing",
            "`tf.reduce_mean` of an empty batch is 0 divided by 0, which is NaN, and "
            "weighing it by 0 does not help: NaN · 0 is NaN again. Return early when "
            "the batch is empty, or work with `tf.reduce_sum`, which is 0 for nothing.",
            _mean_of_nothing,
        ),
        Mistake(
            "divides by a count of zero",
            "All is well until the very first batch is empty: then the new count is 0 "
            "and 0 divided by 0 is NaN, which never leaves the mean again. Return "
            "early when the batch is empty.",
            _mean_zero_by_zero,
        ),
    ),
    variants=(_mean_variant_one_by_one, _mean_variant_no_nan),
    hints=(
        "The sum of all values so far is not lost: it is `mean * count`. Add the sum "
        "of the batch, and divide by the new number of values.",
        "A variable changes through `.assign(new)` or `.assign_add(change)`, never "
        "through `=`. Compute the new mean while `count` still holds the old number.",
        "With `n = len(batch)`: if `n` is 0, return. Then "
        "`mean.assign((mean * count + tf.reduce_sum(batch)) / (count + n))`, and after "
        "it `count.assign_add(n)`.",
    ),
    explain="A `tf.Variable` is a place that keeps a value between calls, and `assign` "
    "writes to that place, while `=` only moves a Python name. The running statistics "
    "of deep learning, from metrics to batch normalisation, all live like this: a "
    "little state, updated in place.",
    rtol=1e-5,
    atol=2e-4,
)
