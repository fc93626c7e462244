"""Exercise 04.3: ``bucketed``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_codes(codes: list) -> tf.data.Dataset:
    flat = tf.constant(np.concatenate([*codes, [0]]), tf.int64)
    ends = tf.constant(np.cumsum([0, *map(len, codes)]))
    numbers = tf.data.Dataset.range(len(codes))
    return numbers.map(lambda k: flat[ends[k] : ends[k + 1]])


def _probe_batches(dataset: tf.data.Dataset, most: int) -> list:
    options = tf.data.Options()  # tuning is most of the work when data are few
    options.autotune.enabled = False
    options.experimental_optimization.apply_default_optimizations = False
    batches = []
    for batch in dataset.with_options(options):
        if isinstance(batch, tf.RaggedTensor):
            batches.append("ragged")
            continue
        batches.append(to_plain(batch))
        if len(batches) > most:
            break
    return batches


def _probe_shape(batch: Plain) -> str:
    if not isinstance(batch, np.ndarray):
        return batch if isinstance(batch, str) else f"a {type(batch).__name__}"
    return " by ".join(map(str, batch.shape)) or "a scalar"


def _probe_order(batch: Plain) -> tuple:
    return _probe_shape(batch), str(to_plain(batch))


def _probe_bucketed(answer: Answer, case: Case) -> Plain:
    """The batches of one pass; in which order they come does not matter."""
    codes, bounds, sizes = case.args
    batched = answer(_probe_codes(codes), [*bounds], [*sizes])
    found = {"returned": "a dataset", "shapes of the batches": None, "batches": None}
    if not isinstance(batched, tf.data.Dataset):
        return found | {"returned": f"no dataset: {type(batched).__name__}"}
    most = 2 * len(codes) + 2
    batches = _probe_batches(batched, most)
    if len(batches) > most:
        return found | {"returned": f"a dataset of more than {most} batches"}
    batches.sort(key=_probe_order)
    shapes = [_probe_shape(batch) for batch in batches]
    counts = {shape: shapes.count(shape) for shape in shapes}
    return found | {"shapes of the batches": counts, "batches": batches}


def _bucketed_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, lengths: list[int], bounds: list[int], sizes: list[int]):
        codes = [rng.integers(0, 10, size=n) for n in lengths]
        for code in codes:  # 0 is a digit, and codes do end with it
            code[-1:] = rng.choice([0, 0, 7])
        listed = " ".join(map(str, lengths))
        call = f"bucketed(ds, {bounds}, {sizes}), ds with lengths {listed}"
        return Case(group, (codes, tuple(bounds), tuple(sizes)), call)

    def mixed(lengths: list[int]) -> list[int]:
        """In random order, the longest first, so that no bucket is sorted."""
        first = lengths.index(max(lengths))
        rest = [int(n) for n in rng.permutation(np.delete(lengths, first))]
        return [lengths[first], *rest]

    low, high = int(rng.integers(4, 6)), int(rng.integers(7, 9))
    short = [low - 1, low - 1, low - 2, low - 3, low - 2]
    middle = [low, low, low, high - 1, low + 1]
    long = [high, high, high + 1, high + 2, high + 3, high + 1, high]
    one = int(rng.integers(3, 5))
    return [
        case("two boundaries", mixed(short + middle + long), [low, high], [3, 2, 4]),
        case(
            "one boundary", [one - 1, one + 2, one - 2, one, 1, one + 1], [one], [5, 2]
        ),
        case("empty buckets, empty codes", [1, 0, 2], [3, 6], [2, 3, 2]),
        case("empty buckets, empty codes", [], [3], [2, 2]),
    ]


def _bucketed_expected(case: Case) -> Plain:
    codes, bounds, sizes = case.args
    batches = []
    for bucket, size in enumerate(sizes):
        inside = [c for c in codes if sum(len(c) >= b for b in bounds) == bucket]
        for start in range(0, len(inside), size):
            rows = inside[start : start + size]
            batch = np.full((len(rows), max(map(len, rows))), -1)
            for row, code in zip(batch, rows, strict=True):
                row[: len(code)] = code
            batches.append(batch)
    batches.sort(key=_probe_order)
    shapes = [_probe_shape(batch) for batch in batches]
    return {
        "returned": "a dataset",
        "shapes of the batches": {shape: shapes.count(shape) for shape in shapes},
        "batches": batches,
    }


_NOTHING = np.int64(-1)


def _by_length(ds, bounds, sizes, padding=_NOTHING, **how):
    return ds.bucket_by_sequence_length(
        tf.size, bounds, sizes, padding_values=padding, **how
    )


def _windows(ds, bounds, sizes, make=None, at_least=tf.greater_equal):
    """Buckets by hand; ``make`` is given the codes and the size of a batch."""

    def key(code):
        return tf.reduce_sum(tf.cast(at_least(tf.size(code), bounds), tf.int64))

    def size(bucket):
        return tf.gather(tf.constant(sizes, tf.int64), bucket)

    def reduce(bucket, codes):
        if make:
            return make(codes, size(bucket))
        return codes.padded_batch(size(bucket), padding_values=_NOTHING)

    return ds.group_by_window(key, reduce, window_size_func=size)


def _bucketed_zero(ds, bounds, sizes):
    return _by_length(ds, bounds, sizes, None)


def _bucketed_python_int(ds, bounds, sizes):
    return _by_length(ds, bounds, sizes, -1)


def _bucketed_one_size(ds, bounds, sizes):
    return _by_length(ds, bounds, [sizes[0]] * len(sizes))


def _bucketed_reversed(ds, bounds, sizes):
    return _by_length(ds, bounds, sizes[::-1])


def _bucketed_longest(ds, bounds, sizes):
    longest = max([len(code) for code in ds.as_numpy_iterator()], default=0)
    return _by_length(ds, bounds, sizes, padded_shapes=[longest])


def _bucketed_boundary(ds, bounds, sizes):
    return _by_length(ds, bounds, sizes, pad_to_bucket_boundary=True)


def _bucketed_upper(ds, bounds, sizes):
    return _by_length(ds, [bound + 1 for bound in bounds], sizes)


def _bucketed_drops(ds, bounds, sizes):
    return _by_length(ds, bounds, sizes, drop_remainder=True)


def _bucketed_plain(ds, bounds, sizes):
    return _windows(ds, bounds, sizes, lambda codes, size: codes.batch(size))


def _bucketed_ragged(ds, bounds, sizes):
    return _windows(ds, bounds, sizes, lambda codes, size: codes.ragged_batch(size))


def _bucketed_none(ds, bounds, sizes):
    return ds.padded_batch(sizes[0], padding_values=_NOTHING)


def _bucketed_sorted(ds, bounds, sizes):
    codes = sorted(ds.as_numpy_iterator(), key=len)
    again = tf.data.Dataset.from_generator(
        lambda: codes, output_signature=ds.element_spec
    )
    return _by_length(again, bounds, sizes)


def _bucketed_loses_long(ds, bounds, sizes):
    short = ds.filter(lambda code: tf.size(code) < bounds[-1])
    return _by_length(short, bounds, sizes)


def _bucketed_static(ds, bounds, sizes):
    return ds.bucket_by_sequence_length(
        lambda code: code.shape[0], bounds, sizes, padding_values=_NOTHING
    )


def _bucketed_int32(ds, bounds, sizes):
    return _by_length(ds.map(lambda code: tf.cast(code, tf.int32)), bounds, sizes, -1)


def _bucketed_replaces(ds, bounds, sizes):
    batches = _by_length(ds, bounds, sizes, None)
    return batches.map(lambda codes: tf.where(codes == 0, _NOTHING, codes))


def _bucketed_repeats(ds, bounds, sizes):
    return _by_length(ds.repeat(), bounds, sizes)


def _bucketed_list(ds, bounds, sizes):
    return [*_by_length(ds, bounds, sizes)]


def _bucketed_variant_windows(ds, bounds, sizes):
    return _windows(ds, bounds, sizes)


def _bucketed_variant_filters(ds, bounds, sizes):
    edges, whole = [-1, *bounds, 2**31 - 1], None
    for low, high, size in zip(edges[:-1], edges[1:], sizes, strict=True):

        def inside(code, low=low, high=high):
            return low <= tf.size(code) < high

        part = ds.filter(inside).padded_batch(size, padding_values=_NOTHING)
        whole = whole.concatenate(part) if whole else part
    return whole


EXERCISE = Exercise(
    id="04.3",
    name="bucketed",
    points=5,
    minutes=18,
    difficulty="stretch",
    inputs=_bucketed_inputs,
    probe=_probe_bucketed,
    expected=_bucketed_expected,
    mistakes=(
        Mistake(
            "pads with 0",
            "Your batches are filled up with 0, and 0 is a digit: nobody can tell "
            "where a code ends. Pad with -1, which no code contains.",
            _bucketed_zero,
        ),
        Mistake(
            "pads with a Python integer",
            "Padding must have the dtype of what it pads. A bare `-1` becomes an "
            "`int32`, and the codes are `int64`: write `tf.constant(-1, tf.int64)`.",
            _bucketed_python_int,
        ),
        Mistake(
            "takes one size for all buckets",
            "All your batches have the size of the first bucket. Each bucket has its "
            "own, `sizes[i]`: short codes can come in larger batches than long ones.",
            _bucketed_one_size,
        ),
        Mistake(
            "takes the sizes from the wrong end",
            "The first of `sizes` is for the shortest codes, the last for the longest. "
            "You have it the other way round.",
            _bucketed_reversed,
        ),
        Mistake(
            "pads to the longest of all",
            "Every batch is as wide as the longest code of the whole dataset, and the "
            "buckets have saved nothing. Pad up to the longest code of the batch: "
            "leave `padded_shapes` open.",
            _bucketed_longest,
        ),
        Mistake(
            "pads to the boundary",
            "With `pad_to_bucket_boundary=True` a batch is as wide as its bucket "
            "allows, and the last bucket, which has no boundary, is an error. Leave it "
            "out; then the longest code of the batch decides.",
            _bucketed_boundary,
        ),
        Mistake(
            "puts a code at the boundary below it",
            "A code whose length equals a boundary belongs above it: bucket i holds "
            "what is *shorter* than `bounds[i]`. You have put it below.",
            _bucketed_upper,
        ),
        Mistake(
            "drops what fills no batch",
            "At the end each bucket may hold a few codes that fill no batch. You leave "
            "them out, and they are never seen; `drop_remainder` must stay `False`.",
            _bucketed_drops,
        ),
        Mistake(
            "batches without padding",
            "In a bucket the lengths are similar, not equal, so `batch` cannot stack "
            "the codes. `padded_batch` fills them up, and so does "
            "`bucket_by_sequence_length`.",
            _bucketed_plain,
        ),
        Mistake(
            "hands over ragged batches",
            "Your batches are ragged tensors, rows of unequal length. Here they are to "
            "be filled up with -1, as `padded_batch` does it.",
            _bucketed_ragged,
        ),
        Mistake(
            "pads without buckets",
            "Codes of all lengths meet in your batches, in the order in which they "
            "come, and each is as wide as its longest. Collect codes of similar length "
            "first: `bucket_by_sequence_length`.",
            _bucketed_none,
        ),
        Mistake(
            "sorts the codes first",
            "You sort by length before you batch. That takes the whole dataset into "
            "memory, and the same codes meet in every pass. Buckets keep the order in "
            "which the codes came.",
            _bucketed_sorted,
        ),
        Mistake(
            "loses the longest codes",
            "Codes as long as the last boundary, or longer, are missing. They have a "
            "bucket as well, the last one, which is why `sizes` has one entry more "
            "than `bounds`.",
            _bucketed_loses_long,
        ),
        Mistake(
            "asks for the static length",
            "`code.shape[0]` is the *static* length, and that is `None`: lengths "
            "differ, and are known when an element comes. `tf.size(code)` asks then.",
            _bucketed_static,
        ),
        Mistake(
            "casts the codes to int32",
            "Your batches are `int32`, cast so that a bare `-1` fits. Leave the codes "
            "as they are, and give the padding their dtype: `tf.constant(-1, "
            "tf.int64)`.",
            _bucketed_int32,
        ),
        Mistake(
            "replaces every 0",
            "You pad with 0 and replace all zeros afterwards, but a 0 may be a digit "
            "of a code. Say what to pad with when you pad: `padding_values`.",
            _bucketed_replaces,
        ),
        Mistake(
            "repeats the codes",
            "Your dataset does not end, so what is left in the buckets never comes "
            "out. Leave `repeat` to whoever trains.",
            _bucketed_repeats,
        ),
        Mistake(
            "hands over a list of batches",
            "All batches came at once, in a Python list. Return the dataset: it makes "
            "a batch when somebody asks for it.",
            _bucketed_list,
        ),
    ),
    variants=(_bucketed_variant_windows, _bucketed_variant_filters),
    hints=(
        "There is a method for it: `ds.bucket_by_sequence_length(length, bounds, "
        "sizes, …)`. Its first argument is a function from an element to its length.",
        "The function is `tf.size`. By default batches are padded with 0; "
        "`padding_values` changes it.",
        "`padding_values=tf.constant(-1, tf.int64)`: padding needs the dtype of what "
        "it pads, and a bare -1 is an `int32`.",
    ),
    explain="A bucket collects codes of similar length until a batch is full, so a "
    "batch is only as wide as it has to be, and nothing is sorted. Short codes may "
    "come in larger batches, so that every batch is about equally much work. The "
    "padding value is part of the data's meaning: take one that cannot occur.",
)
