"""Exercise 04.5: ``training``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain


class _ProbeSlow:
    """``slow``: from an element to another number; notes its runs if told to."""

    def __init__(self, factor: int, counts: bool) -> None:
        self.factor, self.counts, self.runs = factor, counts, 0

    @tf.autograph.experimental.do_not_convert
    def __call__(self, element: tf.Tensor) -> tf.Tensor:
        if element.shape.rank != 0:
            raise ValueError("slow takes an element of ds, a scalar")
        if not self.counts:
            return element * self.factor
        made = tf.numpy_function(self.run, [element], tf.int64, stateful=False)
        return tf.ensure_shape(made, ())

    def run(self, element: np.ndarray) -> np.ndarray:
        self.runs += 1
        return np.int64(element * self.factor)


def _probe_augment(element: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """``augment``: shows with which seed it was called."""
    element, seed = tf.convert_to_tensor(element), tf.convert_to_tensor(seed)
    if element.shape.rank != 0 or seed.shape.rank != 0:
        raise ValueError("augment takes one element and one seed, two scalars")
    return tf.stack([tf.cast(element, tf.int64), tf.cast(seed, tf.int64)])


def _probe_lean(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The same dataset, without tuning: for small data that is most of the work."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    options.threading.private_threadpool_size = 2
    return dataset.with_options(options)


def _probe_passes(answer: Answer, slow: _ProbeSlow, n: int, size: int, times: int):
    """The batches of some passes, and the runs of slow in each; or what is wrong."""
    dataset = answer(tf.data.Dataset.range(n), slow, _probe_augment, n, size)
    if not isinstance(dataset, tf.data.Dataset):
        return f"no dataset: {type(dataset).__name__}", []
    passes, runs, most = [], [], 2 * (n // size) + 2
    for number in range(times):
        # what was made while the pipeline was built counts for the first pass
        batches, before = [], slow.runs if number else 0
        for batch in _probe_lean(dataset):
            if not tf.is_tensor(batch) or batch.shape.rank != 2:
                shape = dataset.element_spec
                shape = getattr(shape, "shape", type(shape).__name__)
                return f"tensors of shape {shape}, no batches of augmented elements", []
            batches.append(batch.numpy())
            if len(batches) > most:
                return f"a dataset of more than {most} batches", []
        passes.append(batches)
        runs.append(slow.runs - before)
    return passes, runs


def _probe_once(passes: list, runs: list, elements: list[int]) -> dict:
    sizes = [sorted((len(b) for b in batches), reverse=True) for batches in passes]
    seen = [np.concatenate([b[:, 0] for b in batches]) for batches in passes]
    once = all(sorted(rows.tolist()) == elements for rows in seen)
    return {
        "batch sizes": sizes[0] if all(s == sizes[0] for s in sizes) else sizes,
        "runs of slow in each pass": runs,
        "every element once in a pass": once,
    }


def _probe_order(passes: list, n: int, factor: int) -> dict:
    orders = [np.concatenate([b[:, 0] for b in p]) // factor for p in passes]
    if any(not np.array_equal(np.sort(order), np.arange(n)) for order in orders):
        order = "not every element once: is there an old cache file?"
    elif np.array_equal(orders[0], np.arange(n)):
        order = "that of ds"
    elif np.array_equal(*orders):
        order = "the same in every pass"
    else:
        order = "a new one in every pass"
    groups = [{frozenset(b[:, 0].tolist()) for b in p} for p in passes]
    stays = groups[0] == groups[1]
    company = "always the same" if stays else "changes"
    return {"order": order, "who is in a batch with whom": company}


def _probe_reach(passes: list, n: int, factor: int) -> dict:
    """Of 80 elements drawn from all, some are of the last fifth; but a buffer of 1000
    has read no further than 1080 by then.
    """
    early = np.concatenate([b[:, 0] for b in passes[0]])[:80] // factor
    mixed = early.max(initial=-1) >= 0.8 * n
    return {"the end of ds": "may come first" if mixed else "never comes early"}


def _probe_seeds(passes: list) -> dict:
    rows = [np.concatenate(batches) for batches in passes]
    one, other = (dict(row.tolist()) for row in rows[:2])
    pools = [sorted(row[:, 1].tolist()) for row in rows[:2]]
    if len(set(pools[0])) == 1 < len(pools[0]):
        seeds = "one for all"
    elif len(set(pools[0])) < 0.75 * len(pools[0]):
        seeds = "shared by several elements"
    elif pools[0] == list(range(len(pools[0]))):
        seeds = "0, 1, 2 …"
    elif np.array_equal(rows[0][:, 0], rows[0][:, 1]):
        seeds = "the elements themselves"
    elif pools[0] == pools[1]:
        seeds = "the same in every pass"
    else:
        seeds = "new ones in every pass"
    frozen = sum(one[key] == other.get(key) for key in one) > len(one) / 2
    way = "always the same" if frozen else "another in every pass"
    return {"seeds": seeds, "what augment makes of an element": way}


def _probe_training(answer: Answer, case: Case) -> Plain:
    what, n, size, factor = case.args
    slow = _ProbeSlow(factor, what == "once")
    times = {"once": 3, "reach": 1}.get(what, 2)
    passes, runs = _probe_passes(answer, slow, n, size, times)
    none = [[np.zeros((0, 2), "int64")]] * 2
    failed = isinstance(passes, str) or not all(passes)
    told = none if failed else passes
    if what == "once":
        found = _probe_once(told, runs, [k * factor for k in range(n)])
    elif what == "order":
        found = _probe_order(told, n, factor)
    elif what == "reach":
        found = _probe_reach(told, n, factor)
    else:
        found = _probe_seeds(told)
    if failed:
        found = dict.fromkeys(found)
    returned = passes if isinstance(passes, str) else "a dataset of batches"
    if not isinstance(passes, str) and failed:
        returned = "a dataset of no batches"
    return {"returned": returned} | found


def _training_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, n: int, size: int, passes: int) -> Case:
        times = "once" if passes == 1 else f"{passes} times"
        call = f"training(ds, slow, augment, {n}, {size}), read {times}"
        return Case(group, (what, n, size, int(rng.integers(2, 9))), call)

    size = int(rng.integers(4, 8))
    rest = int(rng.integers(1, size))
    return [
        case("slow once, nothing lost", "once", 3 * size + rest, size, 3),
        case("a new order in every pass", "order", 8 * size, size, 2),
        case("a new order in every pass", "reach", 1400, 50, 1),
        case("augmented anew in every pass", "seeds", 5 * size + rest, size, 2),
    ]


def _training_expected(case: Case) -> Plain:
    what, n, size, _ = case.args
    found = {"returned": "a dataset of batches"}
    if what == "once":
        sizes = [size] * (n // size) + [n % size]
        return found | {
            "batch sizes": sizes,
            "runs of slow in each pass": [n, 0, 0],
            "every element once in a pass": True,
        }
    if what == "order":
        changes = {"who is in a batch with whom": "changes"}
        return found | {"order": "a new one in every pass"} | changes
    if what == "reach":
        return found | {"the end of ds": "may come first"}
    return found | {
        "seeds": "new ones in every pass",
        "what augment makes of an element": "another in every pass",
    }


def _dice(anew=True):
    return tf.data.Dataset.random(seed=7, rerandomize_each_iteration=anew)


def _augmented(ds, augment, dice=None):
    return tf.data.Dataset.zip(ds, dice or _dice()).map(augment)


def _kept(ds, slow, n):
    return ds.map(slow).cache().shuffle(n)


def _training_cache_last(ds, slow, augment, n, size):
    return _augmented(ds.map(slow).shuffle(n), augment).batch(size).cache()


def _training_cache_augmented(ds, slow, augment, n, size):
    return _augmented(ds.map(slow), augment).cache().shuffle(n).batch(size)


def _training_no_cache(ds, slow, augment, n, size):
    return _augmented(ds.map(slow).shuffle(n), augment).batch(size)


def _training_cache_shuffled(ds, slow, augment, n, size):
    return _augmented(ds.map(slow).shuffle(n).cache(), augment).batch(size)


def _training_no_shuffle(ds, slow, augment, n, size):
    return _augmented(ds.map(slow).cache(), augment).batch(size)


def _training_small_buffer(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, size), augment).batch(size)


def _training_shuffles_batches(ds, slow, augment, n, size):
    return _augmented(ds.map(slow).cache(), augment).batch(size).shuffle(n)


def _training_drops(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, n), augment).batch(size, drop_remainder=True)


def _training_repeats(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, n).repeat(), augment).batch(size)


def _training_same_dice(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, n), augment, _dice(anew=False)).batch(size)


def _training_one_seed(ds, slow, augment, n, size):
    def once(element):
        return augment(element, tf.constant(42, tf.int64))

    return _kept(ds, slow, n).map(once).batch(size)


def _training_seed_of_batch(ds, slow, augment, n, size):
    def together(batch, seed):
        made = tf.TensorSpec([2], tf.int64)
        return tf.map_fn(lambda x: augment(x, seed), batch, fn_output_signature=made)

    return _augmented(_kept(ds, slow, n).batch(size), together)


def _training_counted(ds, slow, augment, n, size):
    rows = _kept(ds, slow, n).enumerate()
    return rows.map(lambda place, element: augment(element, place)).batch(size)


def _training_element_as_seed(ds, slow, augment, n, size):
    once = _kept(ds, slow, n).map(lambda element: augment(element, element))
    return once.batch(size)


def _training_batches_first(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, n).batch(size), augment)


def _training_swapped(ds, slow, augment, n, size):
    pairs = tf.data.Dataset.zip(_dice(), _kept(ds, slow, n))
    return pairs.map(augment).batch(size)


def _training_augments_first(ds, slow, augment, n, size):
    return _augmented(ds, augment).map(slow).cache().shuffle(n).batch(size)


def _training_unbatched(ds, slow, augment, n, size):
    return _augmented(_kept(ds, slow, n), augment)


def _training_not_augmented(ds, slow, augment, n, size):
    return _kept(ds, slow, n).batch(size)


def _training_variant_fetch_ahead(ds, slow, augment, n, size):
    kept = ds.map(slow, num_parallel_calls=2).cache()
    dice = tf.data.Dataset.random(rerandomize_each_iteration=True)
    mixed = tf.data.Dataset.zip(dice, kept).shuffle(n)
    made = mixed.map(lambda seed, element: augment(element, seed))
    return made.batch(size).prefetch(2)


def _training_variant_numbered(ds, slow, augment, n, size):
    numbers = ds.map(slow).cache().enumerate().shuffle(n, seed=3)
    passes = tf.data.Dataset.random(seed=1, rerandomize_each_iteration=True)
    passes = passes.take(1).repeat()

    def made(numbered, seed):
        number, element = numbered
        return augment(element, seed + number)

    return tf.data.Dataset.zip(numbers, passes).map(made).batch(size)


EXERCISE = Exercise(
    id="04.5",
    name="training",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_training_inputs,
    probe=_probe_training,
    expected=_training_expected,
    mistakes=(
        Mistake(
            "caches at the end",
            "The cache is the last step, so what it keeps is the first pass as a "
            "whole: its order, its batches and its augmentation. Put it behind `slow`, "
            "in front of all that is random.",
            _training_cache_last,
        ),
        Mistake(
            "freezes the augmentation",
            "An element is augmented in the same way in every pass. Either a cache "
            "stands behind `augment` or behind the seeds; it belongs right behind "
            "`slow`. Or the elements meet the same seeds again, since these are not "
            "drawn anew and stand in front of the shuffle.",
            _training_cache_augmented,
        ),
        Mistake(
            "runs slow in every pass",
            "`slow` runs for each element again in every pass: there is no cache, or "
            "it stands in front of `slow`, where it keeps what costs nothing. Put "
            "`.cache()` behind `map(slow)`.",
            _training_no_cache,
        ),
        Mistake(
            "freezes the order",
            "The order of the first pass comes again: a cache stands behind the "
            "shuffle, or `reshuffle_each_iteration=False` keeps it. First the cache, "
            "then a shuffle with its defaults.",
            _training_cache_shuffled,
        ),
        Mistake(
            "never shuffles",
            "The elements come in the order of `ds` in every pass. Put a `shuffle(n)` "
            "behind the cache.",
            _training_no_shuffle,
        ),
        Mistake(
            "shuffles in a small buffer",
            "With a buffer smaller than the data, what stands at the end of `ds` never "
            "comes early. There is room for all: `shuffle(n)`.",
            _training_small_buffer,
        ),
        Mistake(
            "shuffles batches",
            "You shuffle behind `batch`, so whole batches change places, and the same "
            "elements meet in every pass. Shuffle elements, then batch.",
            _training_shuffles_batches,
        ),
        Mistake(
            "drops the short batch",
            "The last batch is missing, so some elements are left out in every pass. "
            "A short batch is welcome here: no `drop_remainder`.",
            _training_drops,
        ),
        Mistake(
            "repeats without an end",
            "A pass over your dataset has no end. An epoch should be one pass; `fit` "
            "asks for the next one itself.",
            _training_repeats,
        ),
        Mistake(
            "rolls the same dice again",
            "In every pass the same seeds come again: a random dataset, or a random "
            "operation in a `map`, starts afresh whenever somebody reads. "
            "`rerandomize_each_iteration=True` is what changes that.",
            _training_same_dice,
        ),
        Mistake(
            "has one seed for all",
            "`augment` got one and the same seed for every element, so all are "
            "treated alike, in every pass. A Python number in a map is a constant; "
            "seeds must come from a dataset, with `zip`.",
            _training_one_seed,
        ),
        Mistake(
            "shares a seed in each batch",
            "All elements of a batch got the same seed, so chance treats them alike. "
            "Pair elements with seeds before you batch: `zip`, map, then `batch`.",
            _training_seed_of_batch,
        ),
        Mistake(
            "counts instead of drawing",
            "Your seeds are 0, 1, 2 … in every pass, from `enumerate` or from a range. "
            "The seeds of a pass must be new: take `Dataset.random(…, "
            "rerandomize_each_iteration=True)`.",
            _training_counted,
        ),
        Mistake(
            "takes the element as its seed",
            "The seed depends on the element alone, so each is augmented in the same "
            "way for ever. The seed must change from pass to pass.",
            _training_element_as_seed,
        ),
        Mistake(
            "augments batches",
            "`augment` takes one element and its seed; you call it with a batch. Move "
            "`batch` behind it.",
            _training_batches_first,
        ),
        Mistake(
            "swaps element and seed",
            "`augment(x, seed)` got them the other way round. What `zip` pairs comes "
            "in the order of its arguments: the elements first, then the dice.",
            _training_swapped,
        ),
        Mistake(
            "augments first",
            "You call `augment` on what `slow` has not seen yet. And whatever stands "
            "behind it cannot be cached: `slow` comes first, then the cache.",
            _training_augments_first,
        ),
        Mistake(
            "forgets to batch",
            "Your dataset hands over single elements. The last step, before a "
            "prefetch, is `batch(size)`.",
            _training_unbatched,
        ),
        Mistake(
            "forgets to augment",
            "Your batches hold what `slow` made, and `augment` was never called. Pair "
            "the elements with seeds, by `zip`, and map it behind the shuffle.",
            _training_not_augmented,
        ),
    ),
    variants=(_training_variant_fetch_ahead, _training_variant_numbered),
    hints=(
        "The order of the steps decides: first what is slow, then the cache, then all "
        "that is random, then batches.",
        "Seeds come from `dice = tf.data.Dataset.random(seed=1, "
        "rerandomize_each_iteration=True)`, and `tf.data.Dataset.zip(ds, dice)` makes "
        "pairs for `map(augment)`.",
        "`kept = ds.map(slow).cache().shuffle(n)`, then "
        "`tf.data.Dataset.zip(kept, dice).map(augment).batch(size)`.",
    ),
    explain="A cache divides a pipeline: in front of it things happen once, behind it "
    "in every pass. So what is slow and always the same goes in front, what is random "
    "goes behind. Random steps have a second trap: seeded, they begin again in every "
    "pass, and only dice that are rerandomized are new.",
)
