"""Exercise 06.3: ``Scaler``."""

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain
from coursekit.engine.plain import brief


def _probe_scaler(answer: Answer, case: Case) -> Plain:
    """Run a script; each step names a scaler, ``one`` or ``two``, and a method."""
    modes, steps = case.args
    scalers = {name: answer(mode) for name, mode in modes.items()}
    found, same = {}, True
    for number, (name, method, x) in enumerate(steps, 1):
        given = x.copy()
        result = getattr(scalers[name], method)(given)
        same = same and np.array_equal(given, x)
        if method == "fit":
            itself = result is scalers[name]
            result = "the scaler" if itself else f"a {type(result).__name__}"
        found[f"{number}. {name}.{method}"] = to_plain(result)
    return found | {"the arrays handed over": "as they were" if same else "changed"}


def _scaler_table(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Three columns of different size and skew, float32, no two values of one equal.

    The first is spread by less than 1 in every mode, the others by more.
    """
    x = rng.permuted(np.arange(1, 31) ** 2, axis=0)[: 3 * rows].reshape(3, rows).T
    return (x * [2**-10, 1, -0.5] + [1, 40, 90]).astype("float32")


def _scaler_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, modes: dict[str, str], *steps: tuple) -> Case:
        made = [f'{name} = Scaler("{mode}")' for name, mode in modes.items()]
        calls = [f"{name}.{method}({brief(x)})" for name, method, x in steps]
        return Case(group, (modes, steps), "; ".join([*made, *calls]))

    def usual(mode: str) -> Case:
        train = _scaler_table(rng, 7)
        new = np.concatenate([train[2:4] * 1.5, train[:1] - 100]).astype("float32")
        z = (rng.permutation(np.arange(-9, 9))[:6].reshape(2, 3) / 4).astype("float32")
        steps = [("fit", train), ("transform", new), ("inverse", z)]
        steps += [("transform", train[4:5])]
        return case(mode, {"one": mode}, *(("one", *step) for step in steps))

    def flat(mode: str) -> Case:
        train = _scaler_table(rng, 5)
        train[:, 1] = rng.integers(3, 30)
        if mode == "robust":  # not constant, but without a spread between quartiles
            train[:4, 0] = rng.integers(3, 30)
        steps = [("fit", train), ("transform", train + 2), ("inverse", train)]
        return case("no spread", {"one": mode}, *(("one", *step) for step in steps))

    a, b, c = (_scaler_table(rng, rows) for rows in (4, 6, 5))
    two = [
        ("one", "fit", a),
        ("two", "fit", b),
        ("one", "transform", c),
        ("two", "inverse", c),
        ("two", "fit", c),
        ("two", "transform", b),
    ]
    modes = ("standard", "minmax", "robust")
    return [
        *map(usual, modes),
        *map(flat, modes),
        case("two scalers", {"one": "minmax", "two": "standard"}, *two),
    ]


def _scaler_quartile(column: list[float], share: float) -> float:
    """By linear interpolation between the two nearest of the sorted values."""
    values = sorted(column)
    k, part = divmod(share * (len(values) - 1), 1)
    above = values[min(int(k) + 1, len(values) - 1)]
    return values[int(k)] + part * (above - values[int(k)])


def _scaler_learn(mode: str, column: list[float]) -> tuple[float, float]:
    """What is subtracted, and what it is divided by."""
    if mode == "standard":
        mean = sum(column) / len(column)
        spread = (sum((v - mean) ** 2 for v in column) / len(column)) ** 0.5
        return mean, spread or 1
    low, middle, high = (_scaler_quartile(column, q) for q in (0.25, 0.5, 0.75))
    if mode == "robust":
        return middle, (high - low) or 1
    return min(column), (max(column) - min(column)) or 1


def _scaler_expected(case: Case) -> Plain:
    modes, steps = case.args
    learnt, found = {}, {}
    for number, (name, method, x) in enumerate(steps, 1):
        columns, result = x.astype(float).T, "the scaler"
        if method == "fit":
            learnt[name] = [_scaler_learn(modes[name], c.tolist()) for c in columns]
        else:
            pairs = zip(columns, learnt[name], strict=True)
            down = method == "transform"
            new = [(c - m) / s if down else c * s + m for c, (m, s) in pairs]
            result = np.array(new).T.astype("float32")
        found[f"{number}. {name}.{method}"] = result
    return found | {"the arrays handed over": "as they were"}


class _Scaler:
    """A right answer in parts that the mistakes replace."""

    axis, ddof = 0, 0

    def __init__(self, mode):
        self.mode = mode

    def learn(self, x):
        if self.mode == "standard":
            return x.mean(self.axis), x.std(self.axis, ddof=self.ddof)
        if self.mode == "minmax":
            return x.min(self.axis), x.max(self.axis) - x.min(self.axis)
        low, middle, high = np.quantile(x, [0.25, 0.5, 0.75], axis=self.axis)
        return middle.astype(x.dtype), (high - low).astype(x.dtype)

    def guard(self, spread, x):
        return np.where(spread == 0, np.float32(1), spread)

    def fit(self, x):
        self.centre, spread = self.learn(x)
        self.scale = self.guard(spread, x)
        return self

    def transform(self, x):
        with np.errstate(all="ignore"):  # some mistakes divide by zero
            return (x - self.centre) / self.scale

    def inverse(self, z):
        return z * self.scale + self.centre


class _ScalerRefits(_Scaler):
    def transform(self, x):
        self.fit(x)
        return super().transform(x)


class _ScalerPools(_Scaler):
    axis = None


class _ScalerZero(_Scaler):
    def guard(self, spread, x):
        return spread


class _ScalerFloor(_Scaler):
    def guard(self, spread, x):
        return np.maximum(spread, np.float32(1e-7))


class _ScalerAtLeastOne(_Scaler):
    def guard(self, spread, x):
        return np.maximum(spread, np.float32(1))


class _ScalerRoot(_Scaler):
    """``Normalization`` divides by the root of what it is told."""

    def guard(self, spread, x):
        return np.sqrt(super().guard(spread, x))


class _ScalerDrops(_Scaler):
    def transform(self, x):
        return np.where(self.learnt == 0, np.float32(0), super().transform(x))

    def guard(self, spread, x):
        self.learnt = spread
        return super().guard(spread, x)


class _ScalerConstant(_Scaler):
    def guard(self, spread, x):
        return np.where(x.min(0) == x.max(0), np.float32(1), spread)


class _ScalerSample(_Scaler):
    ddof = 1


class _ScalerClips(_Scaler):
    def transform(self, x):
        z = super().transform(x)
        return z.clip(0, 1) if self.mode == "minmax" else z


class _ScalerByMaximum(_Scaler):
    def learn(self, x):
        return (x.min(0), x.max(0)) if self.mode == "minmax" else super().learn(x)


class _ScalerFromMean(_Scaler):
    def learn(self, x):
        centre, spread = super().learn(x)
        return x.mean(0) if self.mode == "robust" else centre, spread


class _ScalerByDeviation(_Scaler):
    def learn(self, x):
        centre, spread = super().learn(x)
        return centre, x.std(0) if self.mode == "robust" else spread


class _ScalerInverseOrder(_Scaler):
    def inverse(self, z):
        return (z + self.centre) * self.scale


class _ScalerNone(_Scaler):
    def fit(self, x):
        super().fit(x)


class _ScalerInPlace(_Scaler):
    def transform(self, x):
        x -= self.centre
        x /= self.scale
        return x


class _ScalerFloat64(_Scaler):
    def learn(self, x):
        return super().learn(x.astype("float64"))

    def guard(self, spread, x):
        return np.where(spread == 0, 1.0, spread)


class _ScalerShared(_Scaler):
    def fit(self, x):
        _ScalerShared.centre, spread = self.learn(x)
        _ScalerShared.scale = self.guard(spread, x)
        return self


class _ScalerVariantLater:
    """Keeps the training data, and works out what it needs when it is asked."""

    def __init__(self, mode):
        self.mode = mode

    def fit(self, x):
        self.x = x.astype(np.float64)
        return self

    def line(self):
        x = self.x
        lows, highs = np.percentile(x, 25, axis=0), np.percentile(x, 75, axis=0)
        shift, spread = {
            "standard": (np.mean(x, axis=0), np.sqrt(np.var(x, axis=0))),
            "minmax": (np.min(x, axis=0), np.ptp(x, axis=0)),
            "robust": (np.median(x, axis=0), lows * -1 + highs),
        }[self.mode]
        return shift, spread + (spread == 0)

    def transform(self, x):
        shift, spread = self.line()
        return ((x - shift) / spread).astype(np.float32)

    def inverse(self, z):
        shift, spread = self.line()
        return np.float32(z * spread + shift)


class _ScalerVariantTensors:
    """The minimum and the maximum are quantiles, too."""

    def __init__(self, mode):
        self.shares = [0.0, 0.0, 1.0] if mode == "minmax" else [0.25, 0.5, 0.75]
        self.standard = mode == "standard"

    def fit(self, x):
        x = tf.constant(x)
        low, self.shift, high = keras.ops.quantile(x, self.shares, axis=0)
        spread = high - low
        if self.standard:
            self.shift, spread = tf.reduce_mean(x, 0), tf.math.reduce_std(x, 0)
        self.spread = tf.where(spread == 0, 1.0, spread)
        return self

    def transform(self, x):
        return (tf.constant(x) - self.shift) / self.spread

    def inverse(self, z):
        return tf.constant(z) * self.spread + self.shift


EXERCISE = Exercise(
    id="06.3",
    name="Scaler",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_scaler_inputs,
    probe=_probe_scaler,
    expected=_scaler_expected,
    mistakes=(
        Mistake(
            "learns again in transform",
            "Your `transform` takes its statistics from the rows that it is given. "
            "The same patient gets another number in other company. Learn in `fit`, "
            "and only use it in `transform`.",
            _ScalerRefits,
        ),
        Mistake(
            "pools the columns",
            "You take one number for the whole table, and millimetres and years share "
            "it. Each column has its own statistics: `axis=0`.",
            _ScalerPools,
        ),
        Mistake(
            "divides by zero",
            "Where a column has no spread you divide by 0. Divide it by 1 instead: "
            "`np.where(spread == 0, 1, spread)`.",
            _ScalerZero,
        ),
        Mistake(
            "divides by almost zero",
            "You keep the spread from being 0 with a tiny number, so a step of 1 in "
            "that column becomes ten million. Divide it by 1.",
            _ScalerFloor,
        ),
        Mistake(
            "divides by at least 1",
            "You divide by the larger of the spread and 1, so a column that is spread "
            "by less stays small. Only where the spread is 0 divide by 1.",
            _ScalerAtLeastOne,
        ),
        Mistake(
            "divides by the root of the spread",
            "You divide by the root of the spread. `Normalization` is told a variance "
            "and takes its root: hand over `spread**2`.",
            _ScalerRoot,
        ),
        Mistake(
            "makes a column without spread 0",
            "You return 0 for a column without spread. It is to be divided by 1, so a "
            "new value still shows how far it lies from the centre.",
            _ScalerDrops,
        ),
        Mistake(
            "guards constant columns only",
            "You ask whether a column is constant. Its quartiles can be equal although "
            "it is not, so ask whether what you divide by is 0.",
            _ScalerConstant,
        ),
        Mistake(
            "divides by n - 1",
            "Your standard deviation divides by n - 1. The task takes the mean of the "
            "squared distances, over all n values: `ddof=0`.",
            _ScalerSample,
        ),
        Mistake(
            "clips to 0 and 1",
            "You clip what lies outside the training range. A value beyond it is news, "
            "and `inverse` could not bring it back: leave it outside 0 and 1.",
            _ScalerClips,
        ),
        Mistake(
            "divides by the maximum",
            "With the minimum subtracted, the largest value is maximum - minimum. "
            "Divide by that, not by the maximum.",
            _ScalerByMaximum,
        ),
        Mistake(
            "subtracts the mean in robust mode",
            "One outlier moves the mean as far as it likes. In robust mode the centre "
            "is the median.",
            _ScalerFromMean,
        ),
        Mistake(
            "divides by the deviation in robust mode",
            "The standard deviation is what outliers inflate most. In robust mode the "
            "spread is upper quartile - lower quartile.",
            _ScalerByDeviation,
        ),
        Mistake(
            "undoes in the wrong order",
            "`transform` subtracts and then divides. Undo the last step first: "
            "multiply, then add.",
            _ScalerInverseOrder,
        ),
        Mistake(
            "returns nothing from fit",
            "`fit` should return the scaler itself, `return self`, so that "
            "`Scaler(mode).fit(x)` is a scaler that is ready.",
            _ScalerNone,
        ),
        Mistake(
            "changes the table it is given",
            "You write into the caller's array, as `x -= …` or `x.sort()` do, and the "
            "next one who reads the table finds another. Make a new array: `x - …`.",
            _ScalerInPlace,
        ),
        Mistake(
            "returns float64",
            "The numbers are right, in `float64`. The task asks for `float32`: add "
            "`.astype(np.float32)` to what you return.",
            _ScalerFloat64,
        ),
        Mistake(
            "shares what it has learnt",
            "What one scaler learns shows up in another: you keep it in the class, or "
            "in a global name. Keep it in the object, `self.centre = …`.",
            _ScalerShared,
        ),
    ),
    variants=(_ScalerVariantLater, _ScalerVariantTensors),
    hints=(
        "`fit` finds two numbers for each column and keeps them: what is subtracted, "
        "`self.centre`, and what it is divided by, `self.spread`. The modes differ in "
        "nothing else.",
        "`x.mean(axis=0)` gives one number for each column, and so do `x.std`, `x.min` "
        "and `x.max`; quartiles are `np.quantile(x, 0.25, axis=0)` and 0.75. Then "
        "`np.where(spread == 0, 1, spread)`.",
        "`transform` returns `((x - self.centre) / self.spread).astype(np.float32)`; "
        "`inverse` goes back, `z * self.spread + self.centre`; and `fit` ends with "
        "`return self`.",
    ),
    explain="The three modes are one idea: subtract a centre, divide by a spread, and "
    "remember both. They differ in what an outlier does to them. What is remembered "
    "comes from the training rows and travels with the model; the same two numbers "
    "turn a prediction back into the unit of the target.",
)
