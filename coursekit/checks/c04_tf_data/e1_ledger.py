"""Exercise 04.1: ``ledger``."""

import os
import tempfile

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


def _probe_pass(dataset: tf.data.Dataset, most: int) -> list:
    rows = []
    for element in dataset:
        rows.append(to_plain(element))
        if len(rows) > most:
            break
    return rows


def _probe_ledger(answer: Answer, case: Case) -> Plain:
    """Two passes over a file in a folder of its own, which is gone afterwards."""
    text, columns, label = case.args
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "ledger.csv")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        dataset = answer(path, [*columns], label)
        found = {
            "returned": "a dataset",
            "element spec": None,
            "elements": None,
            "first pass": None,
            "second pass": None,
        }
        if not isinstance(dataset, tf.data.Dataset):
            return found | {"returned": f"no dataset: {type(dataset).__name__}"}
        found["element spec"] = spec_to_plain(dataset.element_spec)
        most = 3 * text.count("\n")
        rows = _probe_pass(dataset, most)
        found["elements"] = str(len(rows))
        if len(rows) > most:  # which ones they are does not matter any more
            return found | {"elements": f"more than {most}"}
        found["first pass"] = rows
        found["second pass"] = _probe_pass(dataset, most)
        return found


_NAMES = ("parcels", "grams", "postage", "hour", "zone", "height")


def _ledger_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, rows: int, place: int, width: int, digits: int) -> Case:
        columns = [str(name) for name in rng.permutation(_NAMES)[:width]]
        columns[place] = "counter"
        lines = [",".join(columns)]
        for row in range(rows):
            # quarters are exact in every dtype, and no two of a row are equal
            numbers = rng.permutation(np.arange(-400, 4000))[:width] / 4 + 0.25
            fields = [f"{number:g}" for number in numbers // 1 + 0.25]
            fields[place] = str(rng.integers(10 ** (digits - 1), 10**digits))
            others = [k for k in range(width) if k != place]
            if row < 2:  # every file with rows has blanks
                fields[rng.choice(others)] = ""
            if row == 2:
                fields[place] = ""
            lines.append(",".join(fields))
        call = f"ledger(path, {columns}, 'counter') on {' | '.join(lines)}"
        return Case(group, ("\n".join(lines) + "\n", tuple(columns), "counter"), call)

    return [
        case("numbers and blanks", 4, 1, 4, 2),
        case("long labels", 3, int(rng.integers(1, 3)), 4, 11),
        case("no rows, one row", 0, 1, 3, 1),
        case("no rows, one row", 1, 1, 3, 3),
    ]


def _ledger_expected(case: Case) -> Plain:
    text, columns, label = case.args
    rows = []
    for line in text.splitlines()[1:]:
        fields = dict(zip(columns, line.split(","), strict=True))
        y = int(fields.pop(label) or -1)
        features = {n: np.array(f or "-1", "float32") for n, f in fields.items()}
        rows.append((features, np.array(y, "int64")))
    scalars = {name: "float32, shape ()" for name in columns if name != label}
    return {
        "returned": "a dataset",
        "element spec": (scalars, "int64, shape ()"),
        "elements": str(len(rows)),
        "first pass": rows,
        "second pass": rows,
    }


def _read(path, columns, label, blank=-1.0, header=True, label_blank=None):
    """A dict of scalars for each row; the label is among them, as int64."""
    label_blank = tf.constant(-1, tf.int64) if label_blank is None else label_blank
    defaults = [label_blank if name == label else blank for name in columns]
    rows = tf.data.experimental.CsvDataset(path, defaults, header=header)
    return rows.map(lambda *fields: dict(zip(columns, fields, strict=True)))


def _apart(rows, label):
    def apart(fields):
        return {n: f for n, f in fields.items() if n != label}, fields[label]

    return rows.map(apart)


def _ledger_header(path, columns, label):
    return _apart(_read(path, columns, label, header=False), label)


def _ledger_required(path, columns, label):
    return _apart(_read(path, columns, label, tf.float32, True, tf.int64), label)


def _ledger_zero(path, columns, label):
    return _apart(_read(path, columns, label, 0.0), label)


def _ledger_all_zero(path, columns, label):
    zero = tf.constant(0, tf.int64)
    return _apart(_read(path, columns, label, 0.0, True, zero), label)


def _ledger_whole(path, columns, label):
    return _apart(_read(path, columns, label, -1), label)


def _ledger_all_whole(path, columns, label):
    return _apart(_read(path, columns, label, -1, True, -1), label)


def _ledger_cast_late(path, columns, label):
    def cast(features, y):
        features = {name: tf.cast(f, tf.float32) for name, f in features.items()}
        return features, tf.cast(y, tf.int64)

    return _ledger_all_whole(path, columns, label).map(cast)


def _ledger_label_required(path, columns, label):
    return _apart(_read(path, columns, label, label_blank=tf.int64), label)


def _ledger_keeps_label(path, columns, label):
    return _read(path, columns, label).map(lambda fields: (fields, fields[label]))


def _floats(path, columns, label):
    """All columns are read as floats; the one that is taken for the label is cast."""
    pairs = _apart(_read(path, columns, label, label_blank=-1.0), label)
    return pairs.map(lambda features, y: (features, tf.cast(y, tf.int64)))


def _ledger_last(path, columns, label):
    return _floats(path, columns, columns[-1])


def _ledger_first(path, columns, label):
    return _floats(path, columns, columns[0])


def _ledger_last_whole(path, columns, label):
    return _ledger_right(path, columns, columns[-1])


def _ledger_first_whole(path, columns, label):
    return _ledger_right(path, columns, columns[0])


def _ledger_through_float(path, columns, label):
    return _floats(path, columns, label)


def _ledger_float_label(path, columns, label):
    return _apart(_read(path, columns, label, label_blank=-1.0), label)


def _ledger_int32(path, columns, label):
    return _apart(_read(path, columns, label, label_blank=-1), label)


def _ledger_int32_cast(path, columns, label):
    pairs = _ledger_int32(path, columns, label)
    return pairs.map(lambda features, y: (features, tf.cast(y, tf.int64)))


def _ledger_tuple(path, columns, label):
    pairs = _ledger_right(path, columns, label)
    names = [name for name in columns if name != label]
    return pairs.map(lambda features, y: (tuple(features[n] for n in names), y))


def _ledger_vector(path, columns, label):
    pairs = _ledger_right(path, columns, label)
    names = [name for name in columns if name != label]
    return pairs.map(lambda features, y: (tf.stack([features[n] for n in names]), y))


def _ledger_text(path, columns, label):
    return _apart(_read(path, columns, label, ""), label)


def _made(path, columns, label, **how):
    defaults = [
        tf.constant([-1], tf.int64 if n == label else tf.float32) for n in columns
    ]
    return tf.data.experimental.make_csv_dataset(
        path, 1, columns, defaults, label_name=label, shuffle=False, **how
    )


def _ledger_batches(path, columns, label):
    return _made(path, columns, label, num_epochs=1)


def _ledger_endless(path, columns, label):
    return _ledger_right(path, columns, label).repeat()


def _ledger_swapped(path, columns, label):
    return _ledger_right(path, columns, label).map(lambda features, y: (y, features))


def _ledger_list(path, columns, label):
    return [*_ledger_right(path, columns, label).as_numpy_iterator()]


def _ledger_used_up(path, columns, label):
    pairs = _ledger_right(path, columns, label)
    rows = iter(list(pairs.as_numpy_iterator()))
    return tf.data.Dataset.from_generator(
        lambda: rows, output_signature=pairs.element_spec
    )


def _ledger_right(path, columns, label):
    return _apart(_read(path, columns, label), label)


def _ledger_variant_made(path, columns, label):
    return _made(path, columns, label, num_epochs=1).unbatch()


def _ledger_variant_lines(path, columns, label):
    at = columns.index(label)

    def parse(line):
        fields = tf.strings.split(line, ",")
        fields = tf.where(fields == "", "-1", fields)
        y = tf.strings.to_number(fields[at], tf.int64)
        names = [n for n in columns if n != label]
        numbers = tf.concat([fields[:at], fields[at + 1 :]], 0)
        numbers = tf.strings.to_number(numbers)
        return {n: numbers[k] for k, n in enumerate(names)}, y

    return tf.data.TextLineDataset(path).skip(1).map(parse)


def _ledger_variant_python(path, columns, label):
    def rows():
        with open(path) as file:
            next(file)
            for line in file:
                row = dict(zip(columns, line.strip().split(","), strict=True))
                y = int(row.pop(label) or -1)
                yield {name: float(field or -1) for name, field in row.items()}, y

    scalar = tf.TensorSpec((), tf.float32)
    features = {name: scalar for name in columns if name != label}
    spec = features, tf.TensorSpec((), tf.int64)
    return tf.data.Dataset.from_generator(rows, output_signature=spec)


EXERCISE = Exercise(
    id="04.1",
    name="ledger",
    points=4,
    minutes=12,
    difficulty="core",
    inputs=_ledger_inputs,
    probe=_probe_ledger,
    expected=_ledger_expected,
    mistakes=(
        Mistake(
            "reads the header as a record",
            "The first line holds names, and you read it as the first record. "
            "`CsvDataset` passes it over with `header=True`; lines of a text file do "
            "so with `skip(1)`.",
            _ledger_header,
        ),
        Mistake(
            "makes every field required",
            "A dtype as an entry of the defaults means that the column must have a "
            "value in every row, so the first blank is an error. (`CsvDataset` takes a "
            "NumPy number for its dtype, too.) Give values: `-1.0` for a feature, "
            "`tf.constant(-1, tf.int64)` for the label.",
            _ledger_required,
        ),
        Mistake(
            "fills the blanks of the features with 0",
            "A blank feature came out as 0, which nobody can tell from a real 0. The "
            "task fills blanks with -1: the default of those columns is `-1.0`.",
            _ledger_zero,
        ),
        Mistake(
            "fills all blanks with 0",
            "Blanks came out as 0, in the features and in the label. Nobody can tell "
            "them from a real 0; the task fills both with -1.",
            _ledger_all_zero,
        ),
        Mistake(
            "reads the features as integers",
            "A default of `-1` is a Python integer, so the columns are read as "
            "`int32`, and a field such as 12.25 is refused. Write `-1.0`.",
            _ledger_whole,
        ),
        Mistake(
            "reads everything as integers",
            "`[-1] * len(columns)`: each default is a Python integer, so every column "
            "is `int32`. A field such as 12.25 is refused, and so is a label of eleven "
            "digits. Features need `-1.0`, the label `tf.constant(-1, tf.int64)`.",
            _ledger_all_whole,
        ),
        Mistake(
            "casts everything too late",
            "`[-1] * len(columns)` reads every column as `int32`, and what does not "
            "fit is refused before your casts see it. The defaults must have the "
            "dtypes: `-1.0` for features, `tf.constant(-1, tf.int64)` for the label.",
            _ledger_cast_late,
        ),
        Mistake(
            "makes the label required",
            "`tf.int64` as the label's entry means that the label must be there, and "
            "a blank one is an error. A value fills it: `tf.constant(-1, tf.int64)`.",
            _ledger_label_required,
        ),
        Mistake(
            "leaves the label among the features",
            "The features still contain the label. A model would learn to copy it, and "
            "be perfect until the day when it is needed. Take it out: "
            "`y = features.pop(label)`.",
            _ledger_keeps_label,
        ),
        Mistake(
            "takes the last column as the label",
            "You take the last column, whatever its name. The label is the column with "
            "the name `label`; build the dict first and take it from there.",
            _ledger_last,
        ),
        Mistake(
            "takes the first column as the label",
            "In the lesson's file the digit came first, here the label may stand "
            "anywhere. Build a dict by name, and `pop` the label from it.",
            _ledger_first,
        ),
        Mistake(
            "gives the last column the dtype of the label",
            "You read the last column as `int64`, whatever its name, and it may be a "
            "feature such as 12.25. Choose each default by the column's name: "
            "`for name in columns`.",
            _ledger_last_whole,
        ),
        Mistake(
            "gives the first column the dtype of the label",
            "You read the first column as `int64`, as if the label stood there. It may "
            "stand anywhere: compare each name in `columns` with `label`.",
            _ledger_first_whole,
        ),
        Mistake(
            "reads the label as float32",
            "You read the label as `float32` and cast it. A `float32` has 24 bits for "
            "the digits, so a label of eleven digits is rounded before the cast. Read "
            "it as `int64`: its default is `tf.constant(-1, tf.int64)`.",
            _ledger_through_float,
        ),
        Mistake(
            "leaves the label a float32",
            "The label has come out as `float32`. The dtype of a column is that of its "
            "default; for this one it is `tf.constant(-1, tf.int64)`.",
            _ledger_float_label,
        ),
        Mistake(
            "reads the label as int32",
            "A Python integer as a default makes the column `int32`. The label is to "
            "be `int64`, with room for eleven digits: `tf.constant(-1, tf.int64)`.",
            _ledger_int32,
        ),
        Mistake(
            "casts the label too late",
            "A default of `-1` makes the label `int32`, and a label of eleven digits "
            "is refused while it is read; a cast comes too late. Its default should be "
            "`tf.constant(-1, tf.int64)`.",
            _ledger_int32_cast,
        ),
        Mistake(
            "hands over a tuple of features",
            "The features have come without their names. Make a dict of them: "
            "`dict(zip(columns, fields))`.",
            _ledger_tuple,
        ),
        Mistake(
            "stacks the features into a vector",
            "You stack the features into one tensor, and nobody knows any more which "
            "is which. The task asks for a dict, a scalar under each name.",
            _ledger_vector,
        ),
        Mistake(
            "leaves the features as text",
            "The features are strings. With a text as default nothing is ever refused, "
            "and nothing is a number; a default of `-1.0` makes `float32`.",
            _ledger_text,
        ),
        Mistake(
            "hands over batches of one",
            "Each element is a batch, with an axis too many: `make_csv_dataset` always "
            "batches. Take it apart with `.unbatch()`, or use `CsvDataset`.",
            _ledger_batches,
        ),
        Mistake(
            "repeats without end",
            "The dataset does not end after the last row. `make_csv_dataset` repeats "
            "unless told `num_epochs=1`; so does `repeat()`. `CsvDataset` does not.",
            _ledger_endless,
        ),
        Mistake(
            "puts the label first",
            "Your pairs begin with the label. What Keras expects, and the task asks "
            "for, is (features, label).",
            _ledger_swapped,
        ),
        Mistake(
            "hands over a list",
            "The rows are there, as a Python list, which holds the whole file in "
            "memory. Return the dataset itself, without going through it.",
            _ledger_list,
        ),
        Mistake(
            "is used up after one pass",
            "The second pass is empty: `from_generator` calls its function anew for "
            "each pass, but yours returns the same iterator again. Open the file "
            "inside the generator.",
            _ledger_used_up,
        ),
    ),
    variants=(_ledger_variant_made, _ledger_variant_lines, _ledger_variant_python),
    hints=(
        "`tf.data.experimental.CsvDataset(path, defaults, header=True)` takes one "
        "default for each column. A value gives the column its dtype and fills its "
        "blanks.",
        "The default is `-1.0` for a feature and `tf.constant(-1, tf.int64)` for the "
        "label. Then `map` a function with `*fields` for its parameter, which returns "
        "a pair.",
        "In the function: `features = dict(zip(columns, fields))`, then "
        "`y = features.pop(label)`, then `return features, y`.",
    ),
    explain="The defaults are the whole schema: how many columns, which dtypes, what a "
    "blank becomes. Read a number with the dtype that it is to have, since what was "
    "rounded while reading no cast brings back. And names go with their columns: the "
    "day somebody moves a column, a dict by name still fits.",
)
