"""Exercise 06.1: ``preprocessor``."""

import math

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_preprocessor(answer: Answer, case: Case) -> Plain:
    """Make the function, empty its table, make another, then call the first."""
    train, numbers, categories, tables = case.args
    table = {name: column.copy() for name, column in train.items()}
    f = answer(table, [*numbers], [*categories])
    table.clear()
    other = {
        n: c * 2 if c.dtype.kind == "f" else c[::-1] + "s" for n, c in train.items()
    }
    answer(other, [*numbers], [*categories])
    found = {"returned": "a function", **dict.fromkeys(tables)}
    if not callable(f):
        return found | {"returned": f"no function: {type(f).__name__}"}
    for what, rows in tables.items():
        found[what] = to_plain(f({name: c.copy() for name, c in rows.items()}))
    return found


_NUMBERS = ("pulse", "age", "weight", "height", "dose")
_WORDS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "lime", "oak", "pine")
_ROWS = 10
# the second column is spread by less than 1, the others by more; all are exact
_SCALES, _LEVELS = np.array([[[0.25], [2**-7], [1]], [[0], [1], [80]]])


def _preprocessor_inputs(rng: np.random.Generator) -> list[Case]:
    def numbers(count: int, rows: int) -> np.ndarray:
        """Columns of different level and spread, no two values alike."""
        x = rng.permutation(np.arange(9, 9 + 7 * count * rows, 7)).reshape(count, rows)
        return (x * _SCALES[:count] + _LEVELS[:count]).astype("float32")

    def texts(known: list[str]) -> np.ndarray:
        """Four values; in order of appearance, by number and sorted: three orders."""
        a, b, c, d = sorted(known)
        rest = rng.permutation([c, c, c, a, a, d])
        return np.array([d, b, c, a, *rest])

    def case(group: str, wide: int, kinds: int, new: int, unknown: bool = False):
        names = sorted(rng.choice(_NUMBERS, wide, replace=False).tolist())[::-1]
        words = rng.permutation(_WORDS).tolist()
        labels = ["ward", "diet"][:kinds]
        train = dict(zip(names, numbers(wide, _ROWS), strict=True))
        rows = dict(zip(names, numbers(wide, new), strict=True))
        for k, label in enumerate(labels):
            train[label] = texts(words[4 * k : 4 * k + 4])
            rows[label] = rng.permutation(train[label][1:3].repeat(new))[:new]
            if unknown:
                rows[label][-1] = words[8 - 4 * k]
        if group == single:
            train[names[0]][:] = train[names[0]][0]
        # the order of the table is neither the one asked for nor the alphabet's
        train = {n: train[n] for n in (*labels[::-1], *names[1:], *names[:1])}
        if group == whole:  # columns that nobody asks for; new rows have no outcome
            train = {"outcome": numbers(1, _ROWS)[0], "note": texts(words[:4]), **train}
            rows = {**rows, "note": rows["ward"]}
        tables = {"f(new)": rows, "f(train)": train}
        told = [
            f"f = preprocessor(train, {names}, {labels}); another one; f(new), f(train)"
        ]
        for what, table in (("train", train), ("new", rows)):
            columns = (f"{n}: {' '.join(map(str, c))}" for n, c in table.items())
            told.append(f"{what} has {'; '.join(columns)}")
        return Case(group, (train, names, labels, tables), "\n".join(told))

    whole, single = "a whole table", "one row and a constant column"
    return [
        case("numbers", 3, 0, 4),
        case("categories", 0, 2, 5),
        case(whole, 2, 2, 4),
        case("values never seen", 1, 2, 3, unknown=True),
        case(single, 2, 1, 1),
        case(single, 1, 1, 1, unknown=True),
    ]


def _preprocessor_expected(case: Case) -> Plain:
    train, numbers, categories, tables = case.args
    found = {"returned": "a function"}
    for what, rows in tables.items():
        columns = []
        for name in numbers:
            known = train[name].tolist()
            mean = math.fsum(known) / len(known)
            spread = math.sqrt(math.fsum((v - mean) ** 2 for v in known) / len(known))
            columns.append([(v - mean) / (spread or 1) for v in rows[name].tolist()])
        for name in categories:
            known = sorted(set(train[name].tolist()))
            columns.append([float(v not in known) for v in rows[name].tolist()])
            for word in known:
                columns.append([float(v == word) for v in rows[name].tolist()])
        found[what] = np.array(columns, "float32").T
    return found


def _spread(x):
    return x.std() or 1


def _scaled(x, known):
    return (x - known.mean()) / _spread(known)


def _words(known):
    return sorted({*known.tolist()})


def _one_hot(x, words):
    rows = np.zeros((len(x), 1 + len(words)), "float32")
    for row, value in zip(rows, x.tolist(), strict=True):
        row[words.index(value) + 1 if value in words else 0] = 1
    return rows


def _prepare(train, numbers, categories, scale=_scaled, words=_words, hot=_one_hot):
    """A right answer in parts that the mistakes replace.

    Args:
        scale: from a column and the training column to the scaled column.
        words: from a training column to its values, in order.
        hot: from a column and the values to the columns of a matrix.
    """
    columns = {name: train[name] for name in numbers}
    known = {name: words(train[name]) for name in categories}

    def f(rows):
        with np.errstate(all="ignore"):  # some mistakes divide by zero
            parts = [scale(rows[n], column)[:, None] for n, column in columns.items()]
        parts += [hot(rows[n], values) for n, values in known.items()]
        return np.concatenate(parts, axis=1)

    return f


def _preprocessor_rows_at_hand(train, numbers, categories):
    return _prepare(train, numbers, categories, lambda x, known: _scaled(x, x))


def _preprocessor_sample(train, numbers, categories):
    def scale(x, known):
        return (x - known.mean()) / (known.std(ddof=1) or 1)

    return _prepare(train, numbers, categories, scale)


def _preprocessor_by_zero(train, numbers, categories):
    def scale(x, known):
        return (x - known.mean()) / known.std()

    return _prepare(train, numbers, categories, scale)


def _preprocessor_by_almost_zero(train, numbers, categories):
    def scale(x, known):
        return (x - known.mean()) / max(known.std(), np.float32(1e-7))

    return _prepare(train, numbers, categories, scale)


def _preprocessor_by_at_least_one(train, numbers, categories):
    def scale(x, known):
        return (x - known.mean()) / max(known.std(), np.float32(1))

    return _prepare(train, numbers, categories, scale)


def _preprocessor_constant_zero(train, numbers, categories):
    def scale(x, known):
        return _scaled(x, known) * np.float32(known.std() > 0)

    return _prepare(train, numbers, categories, scale)


def _preprocessor_by_frequency(train, numbers, categories):
    def words(known):
        values, counts = np.unique(known, return_counts=True)
        return values[np.argsort(-counts, kind="stable")].tolist()

    return _prepare(train, numbers, categories, words=words)


def _preprocessor_by_appearance(train, numbers, categories):
    def words(known):
        return [*dict.fromkeys(known.tolist())]

    return _prepare(train, numbers, categories, words=words)


def _preprocessor_no_unknown(train, numbers, categories):
    return _prepare(
        train, numbers, categories, hot=lambda x, words: _one_hot(x, words)[:, 1:]
    )


def _preprocessor_unknown_zeros(train, numbers, categories):
    def hot(x, words):
        rows = _one_hot(x, words)
        rows[:, 0] = 0
        return rows

    return _prepare(train, numbers, categories, hot=hot)


def _preprocessor_unknown_last(train, numbers, categories):
    def hot(x, words):
        return np.roll(_one_hot(x, words), -1, axis=1)

    return _prepare(train, numbers, categories, hot=hot)


def _preprocessor_unknown_raises(train, numbers, categories):
    def hot(x, words):
        place = {word: k for k, word in enumerate(words, 1)}
        return np.eye(1 + len(words), dtype="float32")[[place[v] for v in x.tolist()]]

    return _prepare(train, numbers, categories, hot=hot)


def _preprocessor_index(train, numbers, categories):
    def hot(x, words):
        return _one_hot(x, words).argmax(axis=1, keepdims=True).astype("float32")

    return _prepare(train, numbers, categories, hot=hot)


def _preprocessor_sorted(train, numbers, categories):
    return _prepare(train, sorted(numbers), sorted(categories))


def _preprocessor_feature_space(train, numbers, categories):
    """Mixed in the order of the alphabet, by frequency, without a true guard."""
    parts = []
    for name in sorted([*numbers, *categories]):
        if name in numbers:
            parts.append(_preprocessor_by_almost_zero(train, [name], []))
        else:
            parts.append(_preprocessor_by_frequency(train, [], [name]))
    return lambda rows: np.concatenate([part(rows) for part in parts], axis=1)


def _preprocessor_last_column(train, numbers, categories):
    """Functions made in a loop that all look up its variable when they are called."""
    parts = [_prepare(train, numbers[-1:], [])] * len(numbers)
    parts += [_prepare(train, [], categories[-1:])] * len(categories)
    return lambda rows: np.concatenate([part(rows) for part in parts], axis=1)


def _preprocessor_table_order(train, numbers, categories):
    numbers = [name for name in train if name in numbers]
    return _prepare(train, numbers, [name for name in train if name in categories])


def _preprocessor_every_column(train, numbers, categories):
    kinds = {name: column.dtype.kind for name, column in train.items()}
    numbers = [name for name, kind in kinds.items() if kind == "f"]
    return _prepare(train, numbers, [n for n, kind in kinds.items() if kind == "U"])


def _preprocessor_keeps_table(train, numbers, categories):
    return lambda rows: _prepare(train, numbers, categories)(rows)


def _preprocessor_shared(train, numbers, categories):
    _preprocessor_shared.f = _prepare(train, numbers, categories)
    return lambda rows: _preprocessor_shared.f(rows)


def _preprocessor_float64(train, numbers, categories):
    f = _prepare(train, numbers, categories)
    return lambda rows: f(rows).astype("float64")


def _preprocessor_int64(train, numbers, categories):
    """What ``tf.concat`` makes of lookup layers as they come."""
    f = _preprocessor_layers(train, numbers, categories)
    return lambda rows: tf.concat(f(rows), axis=1)


def _preprocessor_layers(train, numbers, categories):
    layers = {}
    for name in numbers:
        mean, variance = train[name].mean(), train[name].var()
        layers[name] = keras.layers.Normalization(
            axis=None, mean=mean, variance=variance or 1
        )
    for name in categories:
        words = _words(train[name])
        layers[name] = keras.layers.StringLookup(
            vocabulary=words, output_mode="one_hot"
        )
    return lambda rows: [layer(rows[name][:, None]) for name, layer in layers.items()]


def _preprocessor_variant_layers(train, numbers, categories):
    f = _preprocessor_layers(train, numbers, categories)

    def whole(rows):
        return tf.concat([tf.cast(part, tf.float32) for part in f(rows)], axis=1)

    return whole


def _preprocessor_variant_rows(train, numbers, categories):
    """Row by row, from lists."""
    scales = [(float(train[n].mean()), float(train[n].std()) or 1) for n in numbers]
    words = [np.unique(train[n]).tolist() for n in categories]

    def f(rows):
        table = []
        for k in range(len(rows[[*numbers, *categories][0]])):
            values = zip(numbers, scales, strict=True)
            row = [(float(rows[n][k]) - mean) / std for n, (mean, std) in values]
            for name, known in zip(categories, words, strict=True):
                hits = [rows[name][k] == word for word in known]
                row += [not any(hits), *hits]
            table.append(row)
        return np.array(table, np.float32)

    return f


EXERCISE = Exercise(
    id="06.1",
    name="preprocessor",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_preprocessor_inputs,
    probe=_probe_preprocessor,
    expected=_preprocessor_expected,
    mistakes=(
        Mistake(
            "scales by the rows at hand",
            "Your function takes mean and standard deviation from the rows that it is "
            "given. The same patient gets other numbers in other company, and a single "
            "one gets 0. Take both from `train`, once.",
            _preprocessor_rows_at_hand,
        ),
        Mistake(
            "orders the values by frequency",
            "Your columns come in the order of frequency, as `adapt` of a lookup "
            "layer makes it. Hand the layer a sorted vocabulary instead: "
            "`StringLookup(vocabulary=sorted(set(…)))`.",
            _preprocessor_by_frequency,
        ),
        Mistake(
            "leaves no place for the unknown",
            "There is no column for what `train` does not have, so the first one is "
            "missing. Each category has 1 column more than it has values.",
            _preprocessor_no_unknown,
        ),
        Mistake(
            "gives the unknown nothing",
            "A value that `train` does not have is a row of zeros in your matrix. It "
            "has a column of its own, the first one, and there it is 1.",
            _preprocessor_unknown_zeros,
        ),
        Mistake(
            "stops at the unknown",
            "A value that `train` does not have is an error in your code. It will "
            "come, so give it the first column: `place.get(value, 0)`, with the known "
            "ones from 1 on.",
            _preprocessor_unknown_raises,
        ),
        Mistake(
            "divides by zero",
            "A column that is the same in all of `train` has the standard deviation 0, "
            "and you divide by it. Divide by 1 there: `std or 1`.",
            _preprocessor_by_zero,
        ),
        Mistake(
            "divides by almost zero",
            "A column that is the same in all of `train` is divided by a tiny number, "
            "as `Normalization` does it by itself. A new value that is 3 larger "
            "becomes 30 million; divide by 1 there.",
            _preprocessor_by_almost_zero,
        ),
        Mistake(
            "divides by at least 1",
            "You divide by the larger of the standard deviation and 1, so a column "
            "that is spread by less stays small. Only where it is 0 divide by 1.",
            _preprocessor_by_at_least_one,
        ),
        Mistake(
            "makes a constant column 0",
            "You return 0 for a column that is the same in all of `train`, whatever "
            "the new rows hold. Subtract the mean, and divide by 1.",
            _preprocessor_constant_zero,
        ),
        Mistake(
            "takes every column of the table",
            "You take all columns that `train` has. One of them may be the outcome, "
            "and new rows do not have it. Take those that are named, and no others.",
            _preprocessor_every_column,
        ),
        Mistake(
            "needs the training table again",
            "Your function looks into `train` when it is called, and there it finds "
            "nothing any more. Work out means, deviations and values before, and let "
            "the function carry them.",
            _preprocessor_keeps_table,
        ),
        Mistake(
            "shares what it has learnt",
            "What was learnt from another table shows up in `f`: you keep it under a "
            "global name, and the next call overwrites it. Make it inside "
            "`preprocessor`, so that each function has its own.",
            _preprocessor_shared,
        ),
        Mistake(
            "joins integers with floats",
            "A lookup layer gives `int64`, and `tf.concat` joins only what has one "
            "dtype. Cast each part first: `tf.cast(part, tf.float32)`.",
            _preprocessor_int64,
        ),
        Mistake(
            "divides by n - 1",
            "Your standard deviation divides by n - 1. The task takes the mean of the "
            "squared distances, as `std()` of NumPy and `Normalization` do.",
            _preprocessor_sample,
        ),
        Mistake(
            "orders the values by appearance",
            "Your columns come in the order in which `train` has the values. Sort "
            "them, so that the order of the rows means nothing.",
            _preprocessor_by_appearance,
        ),
        Mistake(
            "puts the unknown last",
            "The column for what `train` does not have is the last one of yours. It is "
            "the first one, as in Keras.",
            _preprocessor_unknown_last,
        ),
        Mistake(
            "hands over indices",
            "A category became one number, and a model takes 3 for three times 1. Give "
            "each value a column: 1 where it is, 0 elsewhere.",
            _preprocessor_index,
        ),
        Mistake(
            "sorts the columns",
            "You take the columns in alphabetical order. Their order is that of "
            "`numbers`, and then that of `categories`.",
            _preprocessor_sorted,
        ),
        Mistake(
            "hands it to a FeatureSpace",
            "A `FeatureSpace` puts its columns in the order of the alphabet, orders "
            "values by frequency and divides a constant column by 10⁻⁷. The task says "
            "otherwise in all three; take a layer, or NumPy, for each column.",
            _preprocessor_feature_space,
        ),
        Mistake(
            "repeats the last column",
            "Your functions were made in a loop, and look up the loop's variables when "
            "they are called: by then these stand for the last column. Keep name, mean "
            "and deviation of each in a list or dict, and loop inside `f`.",
            _preprocessor_last_column,
        ),
        Mistake(
            "takes the order of the table",
            "You take the columns as they stand in `train`. The table may come in "
            "another order tomorrow; go over `numbers` and then over `categories`.",
            _preprocessor_table_order,
        ),
        Mistake(
            "hands over float64",
            "The numbers are right, in `float64`. The task asks for `float32`.",
            _preprocessor_float64,
        ),
    ),
    variants=(_preprocessor_variant_layers, _preprocessor_variant_rows),
    hints=(
        "Two steps: first work out what is to be remembered, a mean and a standard "
        "deviation for each number and the sorted values for each category. Then "
        "define `f` inside and return it; it uses what was worked out.",
        "Keras has both steps in a layer: `Normalization(axis=None, mean=…, "
        "variance=…)`, with variance 1 where it is 0, and `StringLookup(vocabulary=…, "
        'output_mode="one_hot")`, which keeps index 0 for the unknown.',
        "Keep the layers in a dict, the numbers first. `f` calls each with "
        "`rows[name][:, np.newaxis]`, so that a number stays a column, casts what it "
        "returns to `float32`, since a lookup returns integers, and joins all with "
        "`tf.concat(columns, axis=1)`.",
    ),
    explain="What a model learns is tied to what its inputs mean: which column is "
    "which, and how far 1 is from 0. All of that is fixed by the training rows, and "
    "has to travel with the model. That is why Keras keeps it in layers, which are "
    "saved with the weights.",
)
