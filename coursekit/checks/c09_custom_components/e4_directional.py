"""Exercise 09.4: ``Directional``."""

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

ops = keras.ops


def _probe_update(metric: Answer, batch: tuple, graph: bool) -> Answer:
    """A function that takes a batch; in a graph, one for batches of any length."""

    def update(*batch: tf.Tensor) -> None:
        with tf.name_scope("metric"):  # a graph takes no name that begins with _
            metric.update_state(*batch)

    if not graph:
        return metric.update_state
    specs = [tf.TensorSpec((None, *part.shape[1:]), part.dtype) for part in batch]
    return tf.function(update, autograph=False).get_concrete_function(*specs)


def _probe_directional(answer: Answer, case: Case) -> Plain:
    """The result after each batch; None in place of a batch resets the metric."""
    batches, graph = case.args
    if answer.update_state is keras.metrics.Metric.update_state:
        raise TypeError("Directional has no method update_state")
    metric = answer(name="direction")
    kept = metric.name == "direction"  # Keras numbers the names that it makes up
    name = "direction" if kept else "another"
    found = {"name": name, "at first": to_plain(metric.result())}
    update = None
    for number, batch in enumerate(batches, 1):
        if batch is None:
            metric.reset_state()
            found[f"{number}. reset"] = to_plain(metric.result())
            continue
        batch = tuple(tf.constant(part) for part in batch)
        update = update or _probe_update(metric, batch, graph)
        update(*batch)
        found[f"{number}. batch"] = to_plain(metric.result())
    return found


def _directional_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, *sizes: int | None, **own) -> Case:
        """A series cut into batches; truths and guesses are halves, so exact.

        All nine pairs of what came and what was said come up, as far as there are rows.
        Steps over a border between batches are missed and hit in turn; from the guess
        before the first border, as some take it, that step would be a hit.
        """
        total = sum(size or 0 for size in sizes)
        pairs = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(-1, 2)
        pairs = [rng.permutation(pairs) for _ in range(0, total, 9)]
        came, said = np.roll(np.concatenate(pairs), 1, axis=0)[:total].T
        borders = np.unique(np.cumsum([size or 0 for size in sizes])[:-1])
        came[borders[::2]], said[borders[::2]] = 1, -1
        came[borders[1::2]] = said[borders[1::2]] = -1
        far = rng.integers(1, 4, (2, total))
        said[borders[:1] - 1], far[1, borders[:1] - 1] = 1, 5  # above all that follows
        far = far / own.get("unit", 2)
        truth = float(rng.integers(50, 60)) + np.cumsum(came * far[0])
        guess = truth - came * far[0] + said * far[1]
        weight = rng.permutation(total) / 2 + 0.5
        batches, shapes, at = [], own.get("shapes", ["ff"]), 0
        for number, size in enumerate(sizes):
            if size is None:
                batches.append(None)
                continue
            shape = shapes[number % len(shapes)]
            columns = [truth.astype(own.get("dtype", "float32")), guess, weight]
            parts = [
                column[at : at + size, None] if kind == "c" else column[at : at + size]
                for column, kind in zip(columns, shape, strict=False)
            ]
            at += size
            batches.append((parts[0], *(part.astype("float32") for part in parts[1:])))
        graph = own.get("graph", False)
        told = ["a reset" if b is None else _directional_told(b) for b in batches]
        call = "Directional(): " + "; ".join(told) + ", in a tf.function" * graph
        return Case(group, (tuple(batches), graph), call)

    return [
        case("one batch", 10),
        case("many batches", 5, 1, 4, 2),
        case("many batches", 4, None, 1, 5, unit=1, dtype="int64"),
        case("shapes and weights", 4, 3, 3, shapes=["cf", "fc", "cc"]),
        case("shapes and weights", 5, 3, shapes=["fff", "ffc"]),
        case("in a graph", 4, 1, 3, None, 3, shapes=["fff"], graph=True),
    ]


def _directional_told(batch: tuple) -> str:
    names = ("y_true", "y_pred", "sample_weight")
    pairs = zip(names, batch, strict=False)
    return ", ".join(f"{name} {part.tolist()}" for name, part in pairs)


def _directional_expected(case: Case) -> Plain:
    """Step by step, over the series as a list."""
    batches, _ = case.args
    zero = np.float32(0)
    found, before, steps = {"name": "direction", "at first": zero}, None, []
    for number, batch in enumerate(batches, 1):
        if batch is None:
            before, steps = None, []
            found[f"{number}. reset"] = zero
            continue
        truths, guesses, *rest = (part.ravel().tolist() for part in batch)
        for k, (y, p) in enumerate(zip(truths, guesses, strict=True)):
            if before is not None:
                came = (y > before) - (y < before)
                said = (p > before) - (p < before)
                steps.append((came == said, rest[0][k] if rest else 1))
            before = y
        total = sum(weight for _, weight in steps)
        share = sum(weight for hit, weight in steps if hit) / (total or 1)
        found[f"{number}. batch"] = np.float32(share)
    return found


class _Directional(keras.metrics.Metric):
    """A right answer in parts that the mistakes replace."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        names = "hits", "steps", "last", "seen"
        for name in names:
            setattr(self, name, self.add_weight(name=name, initializer="zeros"))

    def flat(self, values):
        return ops.reshape(ops.cast(values, "float32"), (-1,))

    def hit(self, y, p, before):
        return ops.equal(ops.sign(y - before), ops.sign(p - before))

    def counted(self, weight):
        return ops.concatenate([weight[:1] * self.seen, weight[1:]])

    def keep(self, hits, steps):
        self.hits.assign_add(hits)
        self.steps.assign_add(steps)

    def remember(self, y, p):
        self.last.assign(y[-1])
        self.seen.assign(1.0)

    def update_state(self, y_true, y_pred, sample_weight=None):
        y, p = self.flat(y_true), self.flat(y_pred)
        weight = ops.ones_like(y) if sample_weight is None else self.flat(sample_weight)
        before = ops.concatenate([ops.reshape(self.last, (1,)), y[:-1]])
        weight = self.counted(weight)
        hit = ops.cast(self.hit(y, p, before), "float32")
        self.keep(ops.sum(hit * weight), ops.sum(weight))
        self.remember(y, p)

    def result(self):
        return ops.divide_no_nan(self.hits, self.steps)


class _DirectionalWithin(_Directional):
    def counted(self, weight):
        return ops.concatenate([weight[:1] * 0, weight[1:]])


class _DirectionalFromZero(_Directional):
    def counted(self, weight):
        return weight


class _DirectionalOwn(_Directional):
    """The direction of the guesses among themselves."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.guess = self.add_weight(name="guess", initializer="zeros")

    def hit(self, y, p, before):
        said = p - ops.concatenate([ops.reshape(self.guess, (1,)), p[:-1]])
        return ops.equal(ops.sign(y - before), ops.sign(said))

    def remember(self, y, p):
        super().remember(y, p)
        self.guess.assign(p[-1])


class _DirectionalOwnWithin(_DirectionalOwn):
    """The usual formula of two differences, batch by batch."""

    counted = _DirectionalWithin.counted


class _DirectionalFlatMiss(_Directional):
    def hit(self, y, p, before):
        return (y - before) * (p - before) > 0


class _DirectionalFlatHit(_Directional):
    def hit(self, y, p, before):
        return (y - before) * (p - before) >= 0


class _DirectionalTwoWays(_Directional):
    def hit(self, y, p, before):
        return ops.equal(y > before, p > before)


class _DirectionalMeans(_Directional):
    """The average of the batches' shares."""

    def keep(self, hits, steps):
        self.hits.assign_add(ops.divide_no_nan(hits, steps))
        self.steps.assign_add(ops.cast(steps > 0, "float32"))


class _DirectionalLastGuess(_Directional):
    def remember(self, y, p):
        self.last.assign(p[-1])
        self.seen.assign(1.0)


class _DirectionalUnweighted(_Directional):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_true, y_pred)


class _DirectionalByCount(_Directional):
    """Weighs the hits, and divides by the number of steps."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        kept = self.steps + ops.sum(self.counted(ops.ones_like(self.flat(y_true))))
        super().update_state(y_true, y_pred, sample_weight)
        self.steps.assign(kept)


class _DirectionalTable(_Directional):
    """Takes the shapes as they come: (N, 1) with (N,) becomes a table."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        y, p = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        start = ops.reshape(self.last, (1,) * y.ndim)
        before = ops.concatenate([start, y[:-1]])
        hit = ops.cast(self.hit(y, p, before), "float32")
        weight = ops.ones_like(hit) if sample_weight is None else sample_weight
        weight = self.counted(weight * ops.ones_like(hit))
        self.keep(ops.sum(hit * weight), ops.sum(weight))
        self.last.assign(ops.reshape(y, (-1,))[-1])
        self.seen.assign(1.0)


class _DirectionalPython(_Directional):
    """Keeps its state in Python, out of a graph's sight."""

    before = None

    def update_state(self, y_true, y_pred, sample_weight=None):
        y, p = self.flat(y_true), self.flat(y_pred)
        weight = ops.ones_like(y) if sample_weight is None else self.flat(sample_weight)
        if self.before is not None:
            y, p = ops.append(self.before, y), ops.append(0.0, p)
            weight = ops.append(0.0, weight)
        hit = ops.cast(self.hit(y[1:], p[1:], y[:-1]), "float32")
        self.keep(ops.sum(hit * weight[1:]), ops.sum(weight[1:]))
        self.before = y[-1:]

    def reset_state(self):
        super().reset_state()
        self.before = None


class _DirectionalPythonForever(_DirectionalPython):
    """And forgets that there is a reset."""

    reset_state = keras.metrics.Metric.reset_state


class _DirectionalAsks(_Directional):
    def counted(self, weight):
        if self.seen:
            return weight
        return super().counted(weight)


class _DirectionalNaN(_Directional):
    def result(self):
        return self.hits / self.steps


class _DirectionalHalfReset(_Directional):
    def reset_state(self):
        self.hits.assign(0.0)
        self.steps.assign(0.0)


class _DirectionalNaNStart(_Directional):
    """Starts with NaN for "nothing yet", which the inherited reset makes 0."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.last.assign(np.nan)

    def counted(self, weight):
        first = ops.where(ops.isnan(self.last), 0.0, weight[:1])
        return ops.concatenate([first, weight[1:]])


class _DirectionalNoName(_Directional):
    def __init__(self, name=None):
        super().__init__()


class _DirectionalVariantVector(keras.metrics.Metric):
    """All its state in two variables; the first step is cut off rather than weighed."""

    def __init__(self, name="directional", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.totals = self.add_variable((2,), "zeros", name="totals")
        self.last = self.add_variable((1,), "zeros", name="last")
        self.rows = self.add_variable((), "zeros", dtype="int32", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y, p = (tf.reshape(tf.cast(v, tf.float32), [-1]) for v in (y_true, y_pred))
        w = tf.ones_like(y) if sample_weight is None else sample_weight
        w = tf.reshape(tf.cast(w, tf.float32), [-1])
        start = tf.cast(tf.equal(self.rows.value, 0), tf.int32)
        before = tf.concat([self.last.value, y], 0)[:-1][start:]
        hit = tf.sign(y[start:] - before) == tf.sign(p[start:] - before)
        w = w[start:]
        parts = tf.stack([tf.reduce_sum(tf.boolean_mask(w, hit)), tf.reduce_sum(w)])
        self.totals.assign_add(parts)
        self.last.assign(y[-1:])
        self.rows.assign_add(tf.size(y))

    def result(self):
        hits, steps = tf.unstack(self.totals.value)
        return tf.where(steps > 0, hits / tf.maximum(steps, 1e-12), 0.0)


class _DirectionalVariantNaN(_DirectionalNaNStart):
    """NaN for "nothing yet", with a reset of its own."""

    def reset_state(self):
        super().reset_state()
        self.last.assign(np.nan)


EXERCISE = Exercise(
    id="09.4",
    name="Directional",
    points=5,
    minutes=20,
    difficulty="stretch",
    inputs=_directional_inputs,
    probe=_probe_directional,
    expected=_directional_expected,
    mistakes=(
        Mistake(
            "loses the steps between batches",
            "The step from the last row of a batch to the first of the next is "
            "missing. Keep the last truth in a variable, as state.",
            _DirectionalWithin,
        ),
        Mistake(
            "takes the first row for a step",
            "The first row of all has none before it, and you count a step from 0 to "
            "it. Its direction is unknown: it counts from the second row on.",
            _DirectionalFromZero,
        ),
        Mistake(
            "compares the guesses with each other",
            "You take the step from guess to guess. What was foretold is the step from "
            "the last truth, which was known then, to the guess.",
            _DirectionalOwn,
        ),
        Mistake(
            "compares the guesses, batch by batch",
            "You take the differences of the truths and of the guesses within a batch. "
            "What was foretold is the step from the last *truth* to the guess; and the "
            "last truth may stand in the batch before.",
            _DirectionalOwnWithin,
        ),
        Mistake(
            "counts a flat step as missed",
            "Where truth and guess both stay flat the product of the steps is 0, not "
            "above 0, and yet the direction was foretold. Compare the signs.",
            _DirectionalFlatMiss,
        ),
        Mistake(
            "counts a flat step as a hit",
            "If only one of truth and guess is flat, the product of the steps is 0, "
            "and you count a hit. Compare the signs: there are three of them.",
            _DirectionalFlatHit,
        ),
        Mistake(
            "takes flat for down",
            "You ask only whether it went up, so flat and down are the same to you. "
            "There are three directions: `keras.ops.sign`.",
            _DirectionalTwoWays,
        ),
        Mistake(
            "averages the batches",
            "You average the shares of the batches, and a batch of one row counts as "
            "much as one of a hundred. Add up hits and steps, and divide at the end.",
            _DirectionalMeans,
        ),
        Mistake(
            "keeps the last guess",
            "You carry the last guess over to the next batch. Steps begin at the "
            "truth: keep `y_true[-1]`.",
            _DirectionalLastGuess,
        ),
        Mistake(
            "ignores the weights",
            "`sample_weight` changes nothing in your result. The step to a row counts "
            "with that row's weight, among the hits and among all steps.",
            _DirectionalUnweighted,
        ),
        Mistake(
            "divides by the number of steps",
            "You weigh the hits and divide by the number of steps. Divide by the sum "
            "of their weights.",
            _DirectionalByCount,
        ),
        Mistake(
            "makes a table of (N,) and (N, 1)",
            "A vector and a column make a table of all pairs, and you count in that. "
            "Flatten both first: `keras.ops.reshape(values, (-1,))`.",
            _DirectionalTable,
        ),
        Mistake(
            "keeps state in Python",
            "In a graph, and so in `fit`, Python runs once, while it is traced; what "
            "you keep in a plain attribute stays as it was then. State belongs into "
            "`self.add_weight(…)`.",
            _DirectionalPython,
        ),
        Mistake(
            "keeps state in Python, without a reset",
            "You keep the last truth in a plain attribute. `reset_state` does not know "
            "of it, and in a graph, so in `fit`, Python runs only while it is traced. "
            "State belongs into `self.add_weight(…)`.",
            _DirectionalPythonForever,
        ),
        Mistake(
            "asks a variable with if",
            "An `if` asks the variable once, while the graph is traced, and there it "
            "has no value. Calculate instead: the first weight times a variable that "
            "is 0 at first and 1 afterwards.",
            _DirectionalAsks,
        ),
        Mistake(
            "NaN before the first step",
            "Without a step you divide 0 by 0. The task wants 0 then: "
            "`keras.ops.divide_no_nan`.",
            _DirectionalNaN,
        ),
        Mistake(
            "remembers over a reset",
            "After `reset_state` you still know the last truth, so a new pass begins "
            "with a step out of the old one. Reset all of the state.",
            _DirectionalHalfReset,
        ),
        Mistake(
            "does not start again with NaN",
            "NaN means nothing yet in your state, but the inherited `reset_state` sets "
            "every variable to 0. Write your own, or take a state that starts at 0.",
            _DirectionalNaNStart,
        ),
        Mistake(
            "drops its name",
            "Your metric is asked to be called something, and is not. Hand the "
            "keywords on: `super().__init__(**kwargs)`.",
            _DirectionalNoName,
        ),
    ),
    variants=(_DirectionalVariantVector, _DirectionalVariantNaN),
    hints=(
        "Four numbers are enough as state: the weight of the hits, the weight of all "
        "steps, the last truth, and whether there is one. Make each with "
        '`self.add_weight(name=…, initializer="zeros")`.',
        "Flatten truths and guesses. The truths before are "
        "`keras.ops.concatenate([keras.ops.reshape(self.last, (1,)), y[:-1]])`; a hit "
        "is where the signs of `y - before` and `p - before` are equal.",
        "An `if` cannot ask a variable in a graph, but weights can be multiplied: the "
        "first one times `self.seen`, which is 0 at first and 1 after any batch. Then "
        "`assign_add` the two sums, and `assign` last and seen.",
    ),
    explain="A metric is a small machine with state: what it must know from one batch "
    "to the next lives in its variables, where graphs and resets find it. A share "
    "cannot be averaged over batches, but its two parts can be added. And what is a "
    "border inside the pipeline is no border in the data.",
)
