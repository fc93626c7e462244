"""Exercise 09.6: ``BestKeeper``."""

import math

import keras
import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_model() -> keras.Model:
    """Two layers, one of them with weights that no gradient trains."""
    # Building it is the slowest part of a check, so all cases share one model.
    known = vars(_probe_model)
    if "model" not in known:
        layers = [
            keras.layers.Dense(1, use_bias=False),
            keras.layers.BatchNormalization(center=False, scale=False),
        ]
        known["model"] = keras.Sequential([keras.Input((2,)), *layers])
    return known["model"]


def _probe_set(model: keras.Model, mark: int) -> None:
    """What training does in an epoch: every weight becomes the epoch's number."""
    for variable in model.weights:
        variable.assign(np.full(variable.shape, mark, "float32"))


def _probe_marks(model: keras.Model) -> dict[str, list]:
    """From which epoch each weight is, counted over all fits."""
    return {v.name: np.unique(v.numpy()).tolist() for v in model.weights}


def _probe_keeper(answer: Answer, case: Case) -> Plain:
    """Run fits as ``fit`` does, with known weights and logs, and one callback."""
    options, fits = case.args
    keeper, model, mark = answer(**options), _probe_model(), 0
    calls = keras.callbacks.CallbackList([keeper], model=model)
    found = {}
    for number, logs in enumerate(fits, 1):
        disturbed = []
        calls.on_train_begin()
        for epoch, row in enumerate(logs):
            calls.on_epoch_begin(epoch)
            calls.on_train_batch_begin(0)
            mark += 1
            _probe_set(model, mark)
            before = _probe_marks(model)
            calls.on_train_batch_end(0, {"loss": 1.0})
            calls.on_epoch_end(epoch, dict(row))
            disturbed += [epoch] if _probe_marks(model) != before else []
        calls.on_train_end(dict(logs[-1]))
        first = mark - len(logs) + 1
        marks = _probe_marks(model)
        epochs = {name: [int(m) - first for m in at] for name, at in marks.items()}
        found[f"fit {number}"] = {
            "epochs in which the weights were disturbed": disturbed,
            "weights at the end, by epoch": epochs,
            "best_epoch": to_plain(getattr(keeper, "best_epoch", "no such attribute")),
            "best": to_plain(getattr(keeper, "best", "no such attribute")),
        }
    return found


def _keeper_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, *fits: list, key: str = "val_loss", **options: str) -> Case:
        """Of each epoch the value, None where it is not in the logs."""
        fits = [[round(v, 3) if v is not None else v for v in fit] for fit in fits]
        rows = [[_keeper_logs(rng, key, value) for value in values] for values in fits]
        told = ", ".join(f"{k}={v!r}" for k, v in options.items())
        shown = "; then again ".join(f"fit with {key} {values}" for values in fits)
        return Case(group, (options, rows), f"BestKeeper({told}): {shown}")

    def values(n: int, low: float = 0.2, high: float = 2.0) -> list[float]:
        """Rising and falling, neither best nor worst at an end, without ties."""
        step = (high - low) / n
        found = [low + step * (k + rng.uniform(0.1, 0.9)) for k in range(n)]
        inner = [*rng.permutation([found[0], found[-1], *found[1 : n - 3]])]
        return [found[n - 3], *map(float, inner), found[n - 2]]

    plain, tied = values(6), values(6)
    tied.insert(5, min(tied))
    holes = values(7)
    holes = [None if k in (0, 3, 6) else v for k, v in enumerate(holes)]
    nan = values(6)
    at = nan.index(min(nan))
    nan = [math.nan, *nan[: at + 1], math.nan, *nan[at + 1 :]]
    second = values(5, 3.0, 5.0)
    low = sorted(values(6))
    nought = [low[4], low[1], 0.0, low[3], low[2], low[5]]
    negative = [-v for v in values(6)]
    high = {"monitor": "val_score", "mode": "max"}
    return [
        case("the lowest", plain, monitor="val_loss"),
        case("the lowest", values(5), key="loss", monitor="loss", mode="min"),
        case("the lowest", nought),
        case("the highest", negative, key="val_score", **high),
        case("ties and NaN", tied),
        case("ties and NaN", nan),
        case("epochs without the value", holes),
        case("epochs without the value", [None, None]),
        case("several fits", values(5), second, [None, None]),
    ]


def _keeper_logs(rng: np.random.Generator, key: str, value: float | None) -> dict:
    """What an epoch reports; other quantities go their own ways."""
    others = {"loss", "val_loss", "val_score"} - {key}
    logs = {name: round(float(rng.uniform(0, 3)), 3) for name in sorted(others)}
    if value is None:  # no validation in this epoch
        return {"loss": logs["loss"]}
    return logs | {key: value}


def _keeper_expected(case: Case) -> Plain:
    options, fits = case.args
    key, found = options.get("monitor", "val_loss"), {}
    sign = -1 if options.get("mode", "min") == "max" else 1
    for number, logs in enumerate(fits, 1):
        seen = [(sign * row[key], k) for k, row in enumerate(logs) if key in row]
        best, epoch = min(
            (pair for pair in seen if pair[0] == pair[0]), default=[None] * 2
        )
        last = len(logs) - 1 if epoch is None else epoch
        names = "kernel", "moving_mean", "moving_variance"
        found[f"fit {number}"] = {
            "epochs in which the weights were disturbed": [],
            "weights at the end, by epoch": {name: [last] for name in names},
            "best_epoch": epoch,
            "best": None if best is None else sign * best,
        }
    return found


class _Keeper(keras.callbacks.Callback):
    """A right answer in parts that the mistakes replace."""

    def __init__(self, monitor="val_loss", mode="min"):
        super().__init__()
        self.monitor, self.mode = monitor, mode
        self.start()

    def start(self):
        self.best = self.best_epoch = self.kept = None

    def on_train_begin(self, logs=None):
        self.start()

    def value(self, logs):
        return logs.get(self.monitor)

    def better(self, value):
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best

    def copy(self):
        return self.model.get_weights()

    def restore(self):
        self.model.set_weights(self.kept)

    def on_epoch_end(self, epoch, logs=None):
        value = self.value(logs)
        if value is not None and self.better(value):
            self.best, self.best_epoch, self.kept = value, epoch, self.copy()

    def on_train_end(self, logs=None):
        if self.kept is not None:
            self.restore()


class _KeeperReference(_Keeper):
    def copy(self):
        return self.model.weights

    def restore(self):
        for variable, kept in zip(self.model.weights, self.kept, strict=True):
            variable.assign(kept)


class _KeeperTrainable(_Keeper):
    def copy(self):
        return [v.numpy() for v in self.model.trainable_variables]

    def restore(self):
        for variable, kept in zip(
            self.model.trainable_variables, self.kept, strict=True
        ):
            variable.assign(kept)


class _KeeperAtOnce(_Keeper):
    """Goes back to the best weights after each epoch."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.on_train_end()


class _KeeperLastTie(_Keeper):
    def better(self, value):
        return super().better(value) or value == self.best


class _KeeperPrevious(_Keeper):
    """Compares with the epoch before, not with the best."""

    previous = None

    def start(self):
        super().start()
        self.previous = None

    def better(self, value):
        best, self.best = self.best, self.previous
        found = super().better(value)
        self.best, self.previous = best, value
        return found


class _KeeperOnlyMin(_Keeper):
    def better(self, value):
        return not math.isnan(value) and (self.best is None or value < self.best)


class _KeeperFlipped(_Keeper):
    def __init__(self, monitor="val_loss", mode="min"):
        super().__init__(monitor, {"min": "max", "max": "min"}[mode])


class _KeeperFromZero(_Keeper):
    """For the highest, starts at 0, which no negative score can beat."""

    def better(self, value):
        if self.mode == "max" and self.best is None:
            return value > 0
        return super().better(value)


class _KeeperNaN(_Keeper):
    """A NaN at the start is never beaten."""

    def better(self, value):
        if self.best is None:
            return True
        return value < self.best if self.mode == "min" else value > self.best


class _KeeperNotWorse(_Keeper):
    """Asks whether the value is worse; NaN never is."""

    def better(self, value):
        if self.best is None:
            return True
        worse = value >= self.best if self.mode == "min" else value <= self.best
        return not worse


class _KeeperStale(_Keeper):
    def on_train_begin(self, logs=None):
        pass


class _KeeperHalfStale(_Keeper):
    def on_train_begin(self, logs=None):
        self.best = self.best_epoch = None


class _KeeperInfinite(_Keeper):
    """Starts at infinity, and leaves it there."""

    def on_train_end(self, logs=None):
        super().on_train_end(logs)
        if self.best is None:
            self.best = math.inf if self.mode == "min" else -math.inf


class _KeeperKey(_Keeper):
    def value(self, logs):
        return logs[self.monitor]


class _KeeperZero(_Keeper):
    """Takes 0 where the value is missing."""

    def value(self, logs):
        return logs.get(self.monitor, 0.0)


class _KeeperPassesZero(_Keeper):
    """A value of 0 counts as missing."""

    def value(self, logs):
        return logs.get(self.monitor) or None


class _KeeperZeroIsNone(_Keeper):
    """A best value of 0 counts as none yet."""

    def better(self, value):
        return super().better(value) or (not self.best and value == value)


class _KeeperFixed(_Keeper):
    def value(self, logs):
        return logs.get("val_loss")


class _KeeperCounts(_Keeper):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch + 1, logs)


class _KeeperVariantHistory(keras.callbacks.Callback):
    """Writes down the values, and keeps a copy where the newest is the first best."""

    def __init__(self, monitor="val_loss", mode="min"):
        super().__init__()
        self.monitor, self.sign = monitor, 1 if mode == "min" else -1

    def on_train_begin(self, logs=None):
        self.best = self.best_epoch = None
        self.seen = [math.inf]

    def on_epoch_end(self, epoch, logs=None):
        value = (logs or {}).get(self.monitor, math.nan)
        if self.sign * value < min(self.seen):
            self.best, self.best_epoch = value, epoch
            self.kept = [v.numpy().copy() for v in self.model.variables]
            self.seen.append(self.sign * value)

    def on_train_end(self, logs=None):
        if self.best_epoch is not None:
            for variable, kept in zip(self.model.variables, self.kept, strict=True):
                variable.assign(kept)


class _KeeperVariantCompare(keras.callbacks.Callback):
    def __init__(self, monitor="val_loss", mode="min"):
        super().__init__()
        self.monitor = monitor
        self.compare = np.less if mode == "min" else np.greater
        self.worst = np.inf if mode == "min" else -np.inf

    def on_train_begin(self, logs=None):
        self.best, self.best_epoch, self.weights = None, None, []

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in logs:
            return
        now, best = logs[self.monitor], self.worst if self.best is None else self.best
        if self.compare(now, best):
            self.best, self.best_epoch = now, epoch
            self.weights = [np.array(w) for w in self.model.get_weights()]

    def on_train_end(self, logs=None):
        if self.weights:
            self.model.set_weights(self.weights)


EXERCISE = Exercise(
    id="09.6",
    name="BestKeeper",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_keeper_inputs,
    probe=_probe_keeper,
    expected=_keeper_expected,
    mistakes=(
        Mistake(
            "ends with the last weights",
            "The model ends with the weights of its last epoch. Do you give the best "
            "ones back, in `on_train_end`? And are they a copy? `model.weights` is a "
            "list of the variables, which go on changing; `model.get_weights()` has "
            "their numbers.",
            _KeeperReference,
        ),
        Mistake(
            "keeps what is trained only",
            "Batch normalisation also has weights that no gradient trains, its moving "
            "mean and variance. They belong to the best epoch too: `get_weights()` has "
            "them all.",
            _KeeperTrainable,
        ),
        Mistake(
            "goes back after each epoch",
            "You put the best weights back while training still runs, so each epoch "
            "starts from there. Let it run, and go back once, in `on_train_end`.",
            _KeeperAtOnce,
        ),
        Mistake(
            "takes the last of equals",
            "Of several epochs with the best value the first one counts: ask with `<`, "
            "not with `<=`.",
            _KeeperLastTie,
        ),
        Mistake(
            "compares with the epoch before",
            "You ask whether an epoch is better than the one before it. Ask whether it "
            "is better than the best so far.",
            _KeeperPrevious,
        ),
        Mistake(
            "always looks for the lowest",
            'With `mode="max"` the highest value is best; you take the lowest.',
            _KeeperOnlyMin,
        ),
        Mistake(
            "confuses min and max",
            'You have it the wrong way round: `mode="min"` means that low values are '
            "good, as for a loss.",
            _KeeperFlipped,
        ),
        Mistake(
            "starts at 0",
            "Your best value starts at 0, which a negative score never beats. Start at "
            "minus infinity, or take the first value that comes.",
            _KeeperFromZero,
        ),
        Mistake(
            "never lets go of a NaN",
            "The first value is NaN and you take it for the best. Nothing is less than "
            "NaN and nothing is more, so it stays. Leave NaN out: `math.isnan(value)`.",
            _KeeperNaN,
        ),
        Mistake(
            "takes a NaN for better",
            "You ask whether a value is *not worse*. Every comparison with NaN is "
            "false, so NaN is not worse than anything. Ask whether it is better.",
            _KeeperNotWorse,
        ),
        Mistake(
            "remembers the fit before",
            "In a second `fit` you still compare with the best of the first, and may "
            "bring back its weights. Begin anew in `on_train_begin`.",
            _KeeperStale,
        ),
        Mistake(
            "keeps old weights for a new fit",
            "You begin anew with the value, and not with the weights: a `fit` without "
            "a single value gets those of the fit before. Forget both in "
            "`on_train_begin`.",
            _KeeperHalfStale,
        ),
        Mistake(
            "leaves infinity behind",
            "Where no epoch had a value, your `best` is the infinity that it started "
            "with. The task wants None then, which nobody takes for a result.",
            _KeeperInfinite,
        ),
        Mistake(
            "wants the value in every epoch",
            "With `validation_freq=2` every other epoch has no validation, and no "
            "`val_loss` in its logs. Pass such epochs by: `logs.get(self.monitor)`.",
            _KeeperKey,
        ),
        Mistake(
            "takes a missing value for 0",
            "Where the value is missing you take 0, and no loss is lower. Pass the "
            "epoch by.",
            _KeeperZero,
        ),
        Mistake(
            "passes a value of 0 by",
            "`if not value` is true for a missing value and for 0, which is a very "
            "good loss. Ask `value is None`.",
            _KeeperPassesZero,
        ),
        Mistake(
            "takes a best value of 0 for none",
            "`if not self.best` is true for None and for 0, so the epoch after a best "
            "value of 0 takes its place. Ask `self.best is None`.",
            _KeeperZeroIsNone,
        ),
        Mistake(
            "watches val_loss only",
            "You look at `val_loss`, whatever `monitor` says.",
            _KeeperFixed,
        ),
        Mistake(
            "counts epochs from 1",
            "Keras hands over epochs that are counted from 0, and so does the task. "
            "Your `best_epoch` is one too large.",
            _KeeperCounts,
        ),
    ),
    variants=(_KeeperVariantHistory, _KeeperVariantCompare),
    hints=(
        "Three methods beside `__init__`: `on_train_begin` forgets, `on_epoch_end` "
        "compares and keeps, `on_train_end` gives back.",
        "`value = logs.get(self.monitor)` is None where the epoch has none. A value is "
        "better if there is no best yet, or if it is below it, or above it for "
        '`mode="max"`; and NaN is never better.',
        "Keep `self.model.get_weights()`, which are copies. In `on_train_end`: "
        "`if self.best_epoch is not None: self.model.set_weights(self.kept)`.",
    ),
    explain="A callback runs between the lines of `fit`, and sees the model itself: "
    "what it keeps has to be a copy, and what it changes changes the training. The two "
    "questions that real runs ask it are dull: what if the number is NaN, and what if "
    "it is not there.",
)
