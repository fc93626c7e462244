"""Exercise 04.2: ``split``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain

_PARTS = ("train", "held out")


def _probe_dataset(total: int, pairs: bool = False) -> tf.data.Dataset:
    """Numbers, or pairs of a dict and a number; an element is known by its number."""
    numbers = tf.data.Dataset.range(total)
    if not pairs:
        return numbers
    features = np.arange(2 * total, dtype="float32").reshape(total, 2)
    scans = tf.data.Dataset.from_tensor_slices({"scan": features})
    return tf.data.Dataset.zip(scans, numbers)


def _probe_numbers(
    dataset: tf.data.Dataset, total: int, pairs: bool = False
) -> list[int]:
    """The elements of one pass in order; an endless one is cut."""
    options = tf.data.Options()  # tuning is most of the work when data are few
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    for batch in dataset.batch(2 * total + 1).take(1).with_options(options):
        return (batch[1] if pairs else batch).numpy().tolist()
    return []


def _probe_two(answer: Answer, total: int, pairs: bool, n: int, seed: int) -> Plain:
    """Two passes over both parts by turns, train first in the second only; or what is
    wrong with the parts.
    """
    dataset = _probe_dataset(total, pairs)
    parts = answer(dataset, n, seed)
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        return f"no pair: {type(parts).__name__}"
    for part in parts:
        if not isinstance(part, tf.data.Dataset):
            return f"a pair with a {type(part).__name__}"
        if part.element_spec != dataset.element_spec:
            return "datasets with other elements than ds"
    train, held = (lambda part=p: _probe_numbers(part, total, pairs) for p in parts)
    first = held(), train()
    return [[first[1], first[0]], [train(), held()]]


def _probe_parted(passes: Plain, total: int) -> dict:
    """Whether both parts are what they should be, in every pass."""
    found = dict.fromkeys(
        ("returned", "elements", "in both parts", "in neither part", "members")
    )
    if isinstance(passes, str):
        return found | {"returned": passes}
    found["returned"] = "two datasets"
    sizes = [{len(part) for part in parts} for parts in zip(*passes, strict=True)]
    found["elements"] = {
        name: " or ".join(map(str, sorted(size))) if max(size) <= 2 * total else "many"
        for name, size in zip(_PARTS, sizes, strict=True)
    }
    both = any({*train} & {*held} for train, held in passes)
    found["in both parts"] = "some" if both else "none"
    neither = any(len({*train, *held}) < total for train, held in passes)
    found["in neither part"] = "some" if neither else "none"
    same = all(
        len({frozenset(p) for p in part}) == 1 for part in zip(*passes, strict=True)
    )
    found["members"] = "the same in every pass" if same else "change from pass to pass"
    return found


def _probe_drawn(answer: Answer, total: int, n: int, seed: int, other: int) -> dict:
    """How the held-out elements were chosen, from three splits."""
    passes = _probe_two(answer, total, False, n, seed)
    found = _probe_parted(passes, total)
    found |= dict.fromkeys(("same seed", "another seed", "held out"))
    if isinstance(passes, str):
        return found
    one = sorted(set(passes[0][1]))
    again, another = (
        sorted(set(_probe_numbers(answer(_probe_dataset(total), n, s)[1], total)))
        for s in (seed, other)
    )
    found["same seed"] = "same split" if one == again else "another split"
    found["another seed"] = "same split" if one == another else "another split"
    found["held out"] = _probe_places(one, another, total)
    return found


def _probe_places(one: list[int], another: list[int], total: int) -> str:
    """Where the held-out elements of two splits stand in the dataset."""
    late = sum(number >= 0.75 * total for number in one + another)
    share = late / max(len(one + another), 1)  # a quarter, if drawn at random
    steps = [b - a for a, b in zip(one, one[1:], strict=False)]
    alone = len(steps) - steps.count(1)  # without their neighbour
    if not alone and 0 in one:
        return "the first ones"
    if not alone and total - 1 in one:
        return "the last ones"
    if alone <= 1:  # a block may go on at the beginning
        return "one block"
    if max(steps) - min(steps) <= 1:
        return "at equal steps"
    if not 0.1 < share < 0.4:
        return f"too {'few' if share < 0.25 else 'many'} from the end"
    return "from everywhere" if alone > len(steps) / 2 else "many neighbours"


def _probe_split(answer: Answer, case: Case) -> Plain:
    what, total, n, *seeds = case.args
    if what == "drawn":
        return _probe_drawn(answer, total, n, *seeds)
    found = {}
    for size in (n,) if what == "apart" else (0, total):
        passes = _probe_two(answer, total, True, size, *seeds)
        found[f"n = {size}"] = _probe_parted(passes, total)
    return found


def _split_inputs(rng: np.random.Generator) -> list[Case]:
    total, n = int(rng.integers(38, 44)), int(rng.integers(11, 16))
    many, some = int(rng.integers(2700, 2900)), int(rng.integers(400, 500))
    few = int(rng.integers(5, 8))
    one, two, three, four = (int(s) for s in rng.permutation(np.arange(100, 999))[:4])
    return [
        Case(
            "nothing in both parts",
            ("apart", total, n, one),
            f"split(ds, {n}, seed={one}), {total} elements ({{'scan': …}}, number); "
            "two passes over both parts",
        ),
        Case(
            "drawn at random, by the seed",
            ("drawn", many, some, two, three),
            f"split(ds, {some}, seed), ds = Dataset.range({many}); seeds {two}, {two}, "
            f"{three}",
        ),
        Case(
            "n = 0, n = len(ds)",
            ("edges", few, 0, four),
            f"split(ds, n, seed={four}), {few} elements; n = 0 and n = {few}",
        ),
    ]


def _split_expected(case: Case) -> Plain:
    what, total, n, *_ = case.args

    def parted(size: int) -> dict:
        return {
            "returned": "two datasets",
            "elements": {"train": str(total - size), "held out": str(size)},
            "in both parts": "none",
            "in neither part": "none",
            "members": "the same in every pass",
        }

    if what == "drawn":
        drawn = {"same seed": "same split", "another seed": "another split"}
        return parted(n) | drawn | {"held out": "from everywhere"}
    sizes = (n,) if what == "apart" else (0, total)
    return {f"n = {size}": parted(size) for size in sizes}


def _mixed(ds, seed, buffer=None, again=False):
    buffer = len(ds) if buffer is None else buffer
    return ds.shuffle(buffer, seed=seed, reshuffle_each_iteration=again)


def _cut(ds, n):
    return ds.skip(n), ds.take(n)


def _split_reshuffles(ds, n, seed):
    return _cut(_mixed(ds, seed, again=True), n)


def _split_first(ds, n, seed):
    return _cut(ds, n)


def _split_last(ds, n, seed):
    return ds.take(len(ds) - n), ds.skip(len(ds) - n)


def _split_small(ds, n, seed):
    return _cut(_mixed(ds, seed, 1000), n)


def _split_buffer_n(ds, n, seed):
    return _cut(_mixed(ds, seed, n), n)


def _split_swapped(ds, n, seed):
    return _cut(_mixed(ds, seed), n)[::-1]


def _split_train_is_all(ds, n, seed):
    return ds, _mixed(ds, seed).take(n)


def _split_no_seed(ds, n, seed):
    return _cut(_mixed(ds, None), n)


def _split_own_seed(ds, n, seed):
    return _cut(_mixed(ds, 42), n)


def _split_each_reshuffles(ds, n, seed):
    return _mixed(ds, seed, again=True).skip(n), _mixed(ds, seed, again=True).take(n)


def _split_two_seeds(ds, n, seed):
    return _mixed(ds, seed).skip(n), _mixed(ds, seed + 1).take(n)


def _split_steps(ds, n, seed):
    step = len(ds) // max(n, 1)
    train = ds.take(0)
    for first in range(1, step):
        train = train.concatenate(ds.shard(step, first))
    return train, ds.shard(step, 0).take(n)


def _split_drops(ds, n, seed):
    train, held = _cut(_mixed(ds, seed), n)
    return train.take(len(ds) - 2 * n), held


def _split_batches(ds, n, seed):
    return tuple(part.batch(32) for part in _cut(_mixed(ds, seed), n))


def _split_repeats(ds, n, seed):
    train, held = _cut(_mixed(ds, seed), n)
    return train.repeat(), held


def _split_one(ds, n, seed):
    return _mixed(ds, seed).take(n)


def _split_lists(ds, n, seed):
    mixed = [*_mixed(ds, seed).as_numpy_iterator()]
    return mixed[n:], mixed[:n]


def _split_variant_reshuffled(ds, n, seed):
    total = len(ds)
    mixed = ds.shuffle(total, seed, reshuffle_each_iteration=False)
    train, held = mixed.take(total - n), mixed.skip(total - n)
    return train.shuffle(total), held


def _split_variant_marked(ds, n, seed):
    total = len(ds)
    marks = np.zeros(total, bool)
    marks[np.random.default_rng(seed).permutation(total)[:n]] = True
    both = tf.data.Dataset.zip(ds, tf.data.Dataset.from_tensor_slices(marks))
    held = both.filter(lambda element, mark: mark)
    train = both.filter(lambda element, mark: not mark)
    return tuple(part.map(lambda element, mark: element) for part in (train, held))


def _split_variant_ranked(ds, n, seed):
    keys = tf.random.stateless_uniform([len(ds)], [seed, 0])
    places = tf.argsort(tf.argsort(keys))
    ranked = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(places), ds)

    def part(is_held):
        chosen = ranked.filter(lambda place, _: (place < n) == is_held)
        return chosen.map(lambda place, element: element)

    return part(False), part(True)


EXERCISE = Exercise(
    id="04.2",
    name="split",
    points=4,
    minutes=12,
    difficulty="core",
    inputs=_split_inputs,
    probe=_probe_split,
    expected=_split_expected,
    mistakes=(
        Mistake(
            "shuffles anew in every pass",
            "Held-out elements are trained on: `shuffle` draws a new order whenever "
            "somebody reads, so `take` and `skip` cut different orders. Draw it once, "
            "with `reshuffle_each_iteration=False`.",
            _split_reshuffles,
        ),
        Mistake(
            "holds out the first n",
            "You hold out the first n elements, whatever the seed. Archives are filed "
            "by class or by date, and then the test knows one class only. Shuffle "
            "before you cut; behind the cut it is too late.",
            _split_first,
        ),
        Mistake(
            "holds out the last n",
            "You hold out the last n elements, whatever the seed, and most of an "
            "archive's classes would never be tested. Shuffle before you cut.",
            _split_last,
        ),
        Mistake(
            "takes a buffer of fixed size",
            "A shuffle can only draw from what it has read, so with a buffer smaller "
            "than the data the first n all come from the front. Take a buffer for all: "
            "`len(ds)`.",
            _split_small,
        ),
        Mistake(
            "takes a buffer for n elements",
            "A buffer of n elements draws the first one from the first n, the last one "
            "from the first 2n: all from the front of the archive. And for n = 0 there "
            "is no such buffer. Make it `len(ds)`.",
            _split_buffer_n,
        ),
        Mistake(
            "swaps the two parts",
            "Your first dataset has n elements, and it should be the second: the order "
            "is (train, held_out).",
            _split_swapped,
        ),
        Mistake(
            "trains on everything",
            "Your training part is the whole of `ds`, what is held out included. Take "
            "those away: `take(n)` of the shuffled dataset for the one, `skip(n)` for "
            "the other.",
            _split_train_is_all,
        ),
        Mistake(
            "leaves the seed out",
            "Two calls with the same seed gave different splits: nothing in the split "
            "depends on `seed`. Hand it on, `shuffle(…, seed=seed)`, or no result can "
            "be compared with another.",
            _split_no_seed,
        ),
        Mistake(
            "takes a seed of its own",
            "Another `seed` gave the same split, because the number is fixed in your "
            "code. Hand on the one that you are given.",
            _split_own_seed,
        ),
        Mistake(
            "shuffles each part anew",
            "Your two shuffles have one seed, and so they agree in each pass; but in "
            "every pass they draw another order, and what is held out today is "
            "trained on tomorrow. `reshuffle_each_iteration=False` keeps the first.",
            _split_each_reshuffles,
        ),
        Mistake(
            "cuts two different orders",
            "The parts are cut from two orders that have nothing to do with each "
            "other, so some elements are in both and some in neither. Cut both from "
            "one shuffled dataset.",
            _split_two_seeds,
        ),
        Mistake(
            "holds out at equal steps",
            "Every k-th element is held out. That is no random draw: what is filed in "
            "a rhythm, such as weekdays, is split by it. Shuffle, then cut.",
            _split_steps,
        ),
        Mistake(
            "loses elements",
            "Some elements are in neither part. What `take(n)` takes, `skip(n)` leaves "
            "out, and nothing else; the training part needs no `take`.",
            _split_drops,
        ),
        Mistake(
            "hands over batches",
            "The parts consist of batches, not of the elements of `ds`. Splitting is "
            "all that is asked for; whoever trains will batch.",
            _split_batches,
        ),
        Mistake(
            "repeats the training part",
            "A pass over your training part does not end, so nobody can say when an "
            "epoch is over. Leave `repeat` to whoever trains.",
            _split_repeats,
        ),
        Mistake(
            "returns the held-out part only",
            "One dataset came back. Return both: `return train, held_out`.",
            _split_one,
        ),
        Mistake(
            "returns lists",
            "Your parts are Python lists, with all elements in memory. `take` and "
            "`skip` make datasets, which read when they are asked.",
            _split_lists,
        ),
    ),
    variants=(
        _split_variant_reshuffled,
        _split_variant_marked,
        _split_variant_ranked,
    ),
    hints=(
        "Shuffle, then cut: `take(n)` is one part and `skip(n)` the other. Both must "
        "be cut from one and the same order, in every pass.",
        "`shuffle` has three arguments that matter here: a buffer for all elements, "
        "the seed, and `reshuffle_each_iteration`.",
        "`mixed = ds.shuffle(len(ds), seed=seed, reshuffle_each_iteration=False)`, "
        "then `mixed.skip(n)` and `mixed.take(n)`.",
    ),
    explain="A dataset is a recipe, so a part of a shuffled dataset is a part of an "
    "order that is drawn when somebody reads. One order, drawn once, can be cut. The "
    "training part now comes in the same order in every pass: shuffle it again before "
    "training, behind the split. Where records of one person or one day belong "
    "together, split by person or by date instead.",
)
