"""Exercise 04.4: ``vectorised``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import (
    Answer,
    Case,
    Exercise,
    Mistake,
    Plain,
    spec_to_plain,
    to_plain,
)


class _ProbeScales:
    """``weigh``: a weighted sum over each record of a batch, which notes its calls."""

    def __init__(self, factors: np.ndarray) -> None:
        self.factors = factors
        self.calls: list[int] = []

    @tf.autograph.experimental.do_not_convert
    def __call__(self, records: tf.Tensor) -> tf.Tensor:
        records = tf.convert_to_tensor(records)
        rank = self.factors.ndim + 1
        if records.shape.rank != rank:
            raise ValueError(
                f"weigh takes a batch of records, of {rank} axes, not {records.shape}"
            )
        weights = tf.numpy_function(self.run, [records], tf.float32, stateful=False)
        return tf.ensure_shape(weights, records.shape[:1])

    def run(self, records: np.ndarray) -> np.ndarray:
        self.calls.append(len(records))
        inner = tuple(range(1, records.ndim))
        return (records * self.factors).sum(axis=inner, dtype="float32")


def _probe_shuffled(answer: Answer, records: np.ndarray, *args: object) -> Plain:
    """Whether each record comes once, with its own weight, when ds is shuffled."""
    factors, size = args
    dataset = tf.data.Dataset.from_tensor_slices(records).shuffle(len(records))
    pairs = answer(dataset, _ProbeScales(factors), size)
    found = {"returned": "a dataset of pairs", "records": None, "weights": None}
    two = pairs.element_spec if isinstance(pairs, tf.data.Dataset) else None
    if not isinstance(two, tuple) or len(two) != 2:
        return found | {"returned": "no dataset of pairs"}
    rows = [to_plain(pair) for pair in pairs.take(2 * len(records))]
    if any(np.shape(r) != records.shape[1:] or np.shape(w) for r, w in rows):
        return found | {"returned": "pairs, but not of a record and a number"}
    once = sorted(r.tolist() for r, _ in rows) == sorted(records.tolist())
    own = all(abs((r * factors).sum() - w) < 1e-3 for r, w in rows)
    found["records"] = "each once" if once else "not each once"
    return found | {"weights": "their own" if own else "those of other records"}


def _probe_vectorised(answer: Answer, case: Case) -> Plain:
    """Two passes; what comes out, or how ``weigh`` was called, or both."""
    what, records, factors, size = case.args
    if what == "shuffled":
        return _probe_shuffled(answer, records, factors, size)
    weigh = _ProbeScales(factors)
    dataset = tf.data.Dataset.from_tensor_slices(records)
    pairs = answer(dataset, weigh, size)
    found = {"returned": "a dataset"}
    if what != "calls":
        found |= {"element spec": None, "elements": None, "pass": None}
    if what != "elements":
        found |= {"records in each call": None, "and in the next pass": None}
    if not isinstance(pairs, tf.data.Dataset):
        return found | {"returned": f"no dataset: {type(pairs).__name__}"}
    most, rows, calls = 2 * len(records) + 2, [], []
    for _ in range(2):
        weigh.calls.clear()
        rows = []
        for element in pairs:
            rows.append(to_plain(element))
            if len(rows) > most:
                return found | {"returned": f"a dataset of more than {most} elements"}
        calls.append(sorted(weigh.calls, reverse=True))
    if what != "calls":
        found["element spec"] = spec_to_plain(pairs.element_spec)
        found["elements"], found["pass"] = len(rows), rows
    if what != "elements":
        found["records in each call"], found["and in the next pass"] = calls
    return found


def _vectorised_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, inner: tuple[int, ...], n: int, size: int) -> Case:
        records = rng.integers(-20, 20, size=(n, *inner)) / 4
        factors = rng.permutation(np.arange(1, 1 + np.prod(inner))).reshape(inner)
        args = what, records.astype("float32"), factors.astype("float32"), size
        mixed = ", shuffled" if what == "shuffled" else ""
        call = f"vectorised(ds, weigh, {size}), {n} records of shape {inner}{mixed}"
        return Case(group, args, call)

    size = int(rng.integers(3, 6))
    rest = int(rng.integers(1, size))
    return [
        case("pairs in order", "elements", (3,), 2 * size + rest, size),
        case("calls of weigh", "calls", (2, 2), 3 * size + rest, size),
        case("shuffled records", "shuffled", (3,), 4 * size + rest, size),
        case("no records, few records", "both", (2,), 0, 3),
        case("no records, few records", "both", (2,), 3, size + 2),
    ]


def _vectorised_expected(case: Case) -> Plain:
    what, records, factors, size = case.args
    if what == "shuffled":
        right = {"records": "each once", "weights": "their own"}
        return {"returned": "a dataset of pairs"} | right
    inner = tuple(range(1, records.ndim))
    weights = (records.astype(float) * factors).sum(axis=inner).astype("float32")
    found = {"returned": "a dataset"}
    if what != "calls":
        shape = f"({', '.join(map(str, records.shape[1:]))}{',' * (len(inner) == 1)})"
        found["element spec"] = f"float32, shape {shape}", "float32, shape ()"
        found["elements"] = len(records)
        found["pass"] = [
            (r, np.array(w)) for r, w in zip(records, weights, strict=True)
        ]
    if what != "elements":
        whole, rest = divmod(len(records), size)
        calls = [size] * whole + [rest] * (rest > 0)
        found |= {"records in each call": calls, "and in the next pass": calls}
    return found


def _batchwise(ds, weigh, size, **how):
    return ds.batch(size, **how).map(lambda records: (records, weigh(records)))


def _vectorised_right(ds, weigh, size):
    return _batchwise(ds, weigh, size).unbatch()


def _vectorised_unbatched(ds, weigh, size):
    return ds.map(lambda record: (record, weigh(record)))


def _vectorised_each(ds, weigh, size):
    return ds.map(lambda record: (record, weigh(record[tf.newaxis])[0]))


def _vectorised_each_batched(ds, weigh, size):
    return _vectorised_each(ds, weigh, size).batch(size)


def _vectorised_drops(ds, weigh, size):
    return _batchwise(ds, weigh, size, drop_remainder=True).unbatch()


def _vectorised_batches(ds, weigh, size):
    return _batchwise(ds, weigh, size)


def _vectorised_weights_only(ds, weigh, size):
    return ds.batch(size).map(weigh).unbatch()


def _vectorised_swapped(ds, weigh, size):
    return _vectorised_right(ds, weigh, size).map(lambda record, w: (w, record))


def _vectorised_all_at_once(ds, weigh, size):
    return _batchwise(ds, weigh, max(len(ds), 1)).unbatch()


def _vectorised_cached(ds, weigh, size):
    return _vectorised_right(ds, weigh, size).cache()


def _vectorised_before(ds, weigh, size):
    weights = [w for records in ds.batch(size) for w in weigh(records)]
    weights = tf.reshape(tf.stack(weights) if weights else (), [-1])
    return tf.data.Dataset.zip(ds, tf.data.Dataset.from_tensor_slices(weights))


def _vectorised_twice(ds, weigh, size):
    def both(records):
        return records + 0 * weigh(records)[0], weigh(records)

    return ds.batch(size).map(both).unbatch()


def _vectorised_list(ds, weigh, size):
    return [*_vectorised_right(ds, weigh, size)]


def _vectorised_stacked(ds, weigh, size):
    def joined(record, weight):
        return tf.concat([tf.reshape(record, [-1]), [weight]], 0)

    return _vectorised_right(ds, weigh, size).map(joined)


def _vectorised_reads_twice(ds, weigh, size):
    return tf.data.Dataset.zip(ds, _vectorised_weights_only(ds, weigh, size))


def _vectorised_variant_flat(ds, weigh, size):
    pairs = _batchwise(ds, weigh, size, num_parallel_calls=2)
    return pairs.flat_map(lambda *pair: tf.data.Dataset.from_tensor_slices(pair))


def _vectorised_variant_windows(ds, weigh, size):
    def weighed(window):
        whole = window.batch(size)
        pairs = whole.map(lambda records: (records, weigh(records)))
        return pairs.flat_map(lambda *pair: tf.data.Dataset.from_tensor_slices(pair))

    return ds.window(size).flat_map(weighed)


EXERCISE = Exercise(
    id="04.4",
    name="vectorised",
    points=4,
    minutes=12,
    difficulty="core",
    inputs=_vectorised_inputs,
    probe=_probe_vectorised,
    expected=_vectorised_expected,
    mistakes=(
        Mistake(
            "calls weigh with one record",
            "`weigh` takes a batch, `(n, …)`, and you call it with a single record. "
            "Put `batch(size)` in front of the map.",
            _vectorised_unbatched,
        ),
        Mistake(
            "calls weigh for every record",
            "The result is right, but every record costs a call of its own: an axis "
            "of length 1, or a loop inside the batch, does not make a call cheaper. "
            "Batch first, then call `weigh` once for the whole batch.",
            _vectorised_each,
        ),
        Mistake(
            "weighs first and batches then",
            "You call `weigh` for each record and make batches afterwards. It should "
            "be the other way round: `batch(size)`, then the map, and then `unbatch`.",
            _vectorised_each_batched,
        ),
        Mistake(
            "drops the last records",
            "What fills no batch is missing. The last batch may be short, and `weigh` "
            "takes any n, so leave `drop_remainder` alone.",
            _vectorised_drops,
        ),
        Mistake(
            "leaves the batches",
            "Your elements are batches. The weights were to be computed by batches, "
            "and handed over one by one: `unbatch()` takes them apart.",
            _vectorised_batches,
        ),
        Mistake(
            "forgets the records",
            "Only the weights are left. Let the mapped function return both: "
            "`(records, weigh(records))`.",
            _vectorised_weights_only,
        ),
        Mistake(
            "puts the weight first",
            "Your pairs begin with the weight. Asked for is (record, weight).",
            _vectorised_swapped,
        ),
        Mistake(
            "weighs everything in one call",
            "One batch holds the whole dataset. It has to fit into memory, and the "
            "first element comes when the last has been weighed. Calls should have "
            "`size` records.",
            _vectorised_all_at_once,
        ),
        Mistake(
            "keeps the weights of the first pass",
            "In the second pass `weigh` was not called: a cache handed out the old "
            "weights. Here they are to be computed anew in each pass.",
            _vectorised_cached,
        ),
        Mistake(
            "weighs before anybody asks",
            "You go through the dataset and weigh everything while the pipeline is "
            "being built. A dataset is a recipe: put the call into a `map`, where it "
            "runs when somebody reads.",
            _vectorised_before,
        ),
        Mistake(
            "reads the dataset twice",
            "You read `ds` twice, for the records and for their weights. A dataset is "
            "a recipe: if it shuffles, each reading has an order of its own, and a "
            "record gets the weight of another. Let one map return both.",
            _vectorised_reads_twice,
        ),
        Mistake(
            "weighs every batch twice",
            "`weigh` ran twice for each batch, since it stands in your function twice. "
            "Keep its result in a variable.",
            _vectorised_twice,
        ),
        Mistake(
            "returns a list of pairs",
            "All pairs at once, in a Python list: nothing is left of the pipeline. "
            "Return the dataset.",
            _vectorised_list,
        ),
        Mistake(
            "joins record and weight",
            "You made one tensor of both. An element is to be a pair, a record in its "
            "own shape and a scalar weight: return a tuple.",
            _vectorised_stacked,
        ),
    ),
    variants=(_vectorised_variant_flat, _vectorised_variant_windows),
    hints=(
        "Three steps: make batches, map, take the batches apart again.",
        "The map is given a batch of records and returns a pair, the records and what "
        "`weigh` says of them.",
        "All of it: `ds.batch(size)`, then `.map(lambda records: (records, "
        "weigh(records)))`, then `.unbatch()`.",
    ),
    explain="What costs the same for one record as for many should be given many. "
    "Batching for the call and batching for training are two things: `unbatch` in "
    "between lets you shuffle single records afterwards. Unbatching is not free "
    "either, so where the training batch will do, stay with it.",
)
