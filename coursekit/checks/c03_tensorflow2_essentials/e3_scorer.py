"""Exercise 03.3: ``Scorer``."""

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_scorer(answer: Answer, case: Case) -> Plain:
    """Make a scorer, give it weights, look at one thing that it does."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # it warns of one function traced for many scorers
    try:
        return _probe_one(answer, *case.args)
    finally:
        logger.setLevel(level)


def _probe_one(
    answer: Answer, what: str, w: np.ndarray, b: np.ndarray, batches: list[np.ndarray]
) -> Plain:
    scorer = answer(*w.shape)
    kinds = {"w": _probe_kind(scorer, "w"), "b": _probe_kind(scorer, "b")}
    report = {"a new scorer has": ", ".join(f"{k} ({v})" for k, v in kinds.items())}
    if {*kinds.values()} != {"tf.Variable"}:
        return report | {what: None}
    if what == "start":
        found = _probe_start(scorer, answer(*w.shape))
        return report | {what: found}
    scorer.w.assign(w)
    scorer.b.assign(b)
    x = [tf.constant(batch) for batch in batches]
    if what == "scores":
        return report | {what: [to_plain(scorer(batch)) for batch in x]}
    if what == "rows kept":
        scores = scorer(x[0], 0.75).numpy().astype("float64")
        with np.errstate(all="ignore"):
            logits = np.log(scores[:, 1] / scores[:, 0])
        return report | {what: _probe_share(logits)}
    if what == "variables":
        for batch in x:
            scorer(batch)
        found = {
            "all": _probe_listed(scorer.variables),
            "trainable": _probe_listed(scorer.trainable_variables),
        }
        return report | {what: found}
    return report | {what: _probe_trained(scorer, w.shape[0], x)}


def _probe_trained(scorer: tf.Module, n_in: int, x: list[tf.Tensor]) -> Plain:
    """Calls from a graph, under a tape; gradients of the last one."""
    if _probe_kind(scorer, "seen") != "tf.Variable":
        return {"seen": "no variable", "gradients": None}
    spec = tf.TensorSpec([None, n_in], tf.float32)
    call = tf.function(lambda batch: scorer(batch), input_signature=[spec])
    counts = []
    for batch in x:
        with tf.GradientTape() as tape:
            loss = -tf.reduce_sum(tf.math.log(call(batch)[:, 0]))
        counts.append(int(scorer.seen))
    gradients = to_plain(tape.gradient(loss, [scorer.w, scorer.b]))
    return {"seen": str(counts), "gradients": gradients}


def _probe_kind(scorer: tf.Module, name: str) -> str:
    value = getattr(scorer, name, None)
    if isinstance(value, tf.Variable):
        return "tf.Variable"
    if value is None:
        return "not there"
    if isinstance(value, keras.Variable):
        return "a Keras variable"
    return "a plain tensor" if tf.is_tensor(value) else "something else"


def _probe_start(scorer: tf.Module, twin: tf.Module) -> Plain:
    """What a scorer starts with; its random weights, in words."""
    spread = float(tf.math.reduce_std(scorer.w))
    differ = bool(tf.reduce_any(tf.not_equal(scorer.w, twin.w)))
    return {
        "a": "tf.Module" if isinstance(scorer, tf.Module) else "no tf.Module",
        "w spreads by": f"about {0.1 if abs(spread - 0.1) < 0.006 else spread:.1g}",
        "another scorer has": "other weights" if differ else "the same weights",
        "b": to_plain(scorer.b),
        "seen": to_plain(scorer.seen),
    }


def _probe_listed(variables: tuple[tf.Variable, ...]) -> str:
    """Shapes and dtypes, in an order of their own."""
    found = sorted(f"{v.dtype.name} {tuple(v.shape)}" for v in variables)
    return ", ".join(found) or "none"


def _probe_share(logits: np.ndarray) -> str:
    """How many rows have which logit, to a sixteenth of them."""
    values, counts = np.unique(np.round(logits, 1), return_counts=True)
    shares = [round(16 * n / len(logits)) for n in counts]
    pairs = zip(values + 0.0, shares, strict=True)
    found = [f"{share} of 16 at {v:g}" for v, share in pairs if share]
    return ", ".join(found[:6]) or "many different ones"


def _scorer_inputs(rng: np.random.Generator) -> list[Case]:
    n_in, n_out = int(rng.integers(3, 5)), int(rng.integers(5, 7))
    w = rng.normal(size=(n_in, n_out)).astype("float32")
    b = rng.normal(size=n_out).astype("float32")
    sizes = [int(n) for n in rng.permutation([2, 3, 4])]
    batches = [rng.normal(size=(n, n_in)).astype("float32") for n in sizes]
    made = f"scorer = Scorer({n_in}, {n_out})"
    rows = f"batches of {sizes[0]}, {sizes[1]} and {sizes[2]} rows"
    # Each of two inputs of 1 stays or goes, so there are four logits: b, and b plus one
    # or both slopes by 0.75, which are whole numbers.
    one, two = rng.permutation(rng.choice([(1.5, 3.0), (3.0, 4.5)]))
    slopes = np.array([[0, one], [0, two]], "float32")
    shift = np.array([0, float(rng.integers(1, 4)) / 2], "float32")
    ones, wide = np.ones((20_000, 2), "float32"), np.zeros((80, 60), "float32")
    return [
        Case("a new scorer", ("start", wide, wide[0], []), "Scorer(80, 60)"),
        Case(
            "scores",
            ("scores", w, b, batches[:2]),
            f"{made}; w and b assigned; two batches",
        ),
        Case(
            "dropout",
            ("rows kept", slopes, shift, [ones]),
            "scorer(x, 0.75), 20000 rows of [1, 1]: rows by log(second score / first "
            f"score); w = {slopes.tolist()}, b = {shift.tolist()}",
        ),
        Case(
            "variables",
            ("variables", w, b, batches[:2]),
            f"{made}; two batches; then scorer.variables and trainable_variables",
        ),
        Case(
            "in a graph, under a tape",
            ("trained", w, b, batches),
            f"{made} called in a tf.function, under a GradientTape: {rows}",
        ),
    ]


def _scorer_expected(case: Case) -> Plain:
    what, w, b, batches = case.args
    report = {"a new scorer has": "w (tf.Variable), b (tf.Variable)"}

    def softmax(x: np.ndarray) -> np.ndarray:
        logits = x.astype("float64") @ w + b
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    if what == "start":
        found = {
            "a": "tf.Module",
            "w spreads by": "about 0.1",
            "another scorer has": "other weights",
            "b": np.zeros(w.shape[1], "float32"),
            "seen": np.array(0, np.int64),
        }
        return report | {what: found}
    if what == "scores":
        return report | {what: [softmax(x).astype("float32") for x in batches]}
    if what == "rows kept":
        one, two = w[:, 1] / 0.75
        logits = [b[1], b[1] + one, b[1] + two, b[1] + one + two]
        found = sorted(zip(logits, (1, 3, 3, 9), strict=True))
        shares = [f"{share} of 16 at {logit:g}" for logit, share in found]
        return report | {what: ", ".join(shares)}
    floats = [f"float32 ({w.shape[1]},)", f"float32 {w.shape}"]
    if what == "variables":
        trainable = ", ".join(sorted(floats))
        return report | {
            what: {"all": f"{trainable}, int64 ()", "trainable": trainable}
        }
    error = softmax(batches[-1])
    error[:, 0] -= 1
    gradients = [batches[-1].T @ error, error.sum(axis=0)]
    counts = np.cumsum([len(batch) for batch in batches]).tolist()
    found = {
        "seen": str(counts),
        "gradients": [g.astype("float32") for g in gradients],
    }
    return report | {what: found}


class _Scorer(tf.Module):
    """The right one; its mistaken relatives change a part each."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.start(n_in, n_out)

    def start(self, n_in, n_out):
        self.w = tf.Variable(self.draw([n_in, n_out]))
        self.b = tf.Variable(tf.zeros([n_out]))
        self.seen = self.counter()

    def draw(self, shape):
        return tf.random.normal(shape, stddev=0.1)

    def counter(self):
        return tf.Variable(0, dtype=tf.int64, trainable=False)

    def rows(self, x):
        return tf.shape(x, out_type=tf.int64)[0]

    def count(self, x):
        self.seen.assign_add(self.rows(x))

    def drop(self, x, keep_prob):
        return tf.nn.dropout(x, rate=1 - keep_prob)

    def score(self, x):
        return tf.nn.softmax(x @ self.w + self.b)

    def __call__(self, x, keep_prob=1.0):
        self.count(x)
        return self.score(self.drop(x, keep_prob))


def _but(**parts):
    """The right scorer with other methods."""
    return type("Scorer", (_Scorer,), parts)


def _start_with(kind):
    """Turns what the right scorer starts with into something else."""

    def start(self, n_in, n_out):
        _Scorer.start(self, n_in, n_out)
        w, b = self.w.numpy(), self.b.numpy()
        self.w, self.b = kind(w), kind(b)

    return start


def _start_nothing(self, n_in, n_out):
    self.size = n_in, n_out


def _start_and_call(self, x, keep_prob=1.0):
    _Scorer.start(self, *self.size)
    return _Scorer.__call__(self, x, keep_prob)


def _count_in_python(self, x):
    self.seen += len(x)


def _count_by_rebinding(self, x):
    self.seen = self.seen + tf.shape(x, out_type=tf.int64)[0]


def _drop_logits(self, x, keep_prob=1.0):
    self.count(x)
    return tf.nn.softmax(_Scorer.drop(self, x @ self.w + self.b, keep_prob))


_ScorerLate = _but(start=_start_nothing, __call__=_start_and_call)
_ScorerTensors = _but(start=_start_with(tf.constant))
_ScorerKeras = _but(start=_start_with(lambda value: keras.Variable(value)))
_ScorerPythonCount = _but(counter=lambda self: 0, count=_count_in_python)
_ScorerTrainsCount = _but(counter=lambda self: tf.Variable(0, dtype=tf.int64))
_ScorerShortCount = _but(
    counter=lambda self: tf.Variable(0, trainable=False),
    rows=lambda self, x: tf.shape(x)[0],
)
_ScorerMixedCount = _but(rows=lambda self, x: tf.shape(x)[0])
_ScorerCountsCalls = _but(rows=lambda self, x: 1)
_ScorerNeverCounts = _but(count=lambda self, x: None)
_ScorerRebinds = _but(count=_count_by_rebinding)
_ScorerStaticShape = _but(rows=lambda self, x: x.shape[0])
_ScorerRate = _but(drop=lambda self, x, keep: tf.nn.dropout(x, rate=keep))
_ScorerSwitchedRate = _but(
    drop=lambda self, x, keep: tf.nn.dropout(x, rate=keep) if keep < 1 else x
)
_ScorerNeverDrops = _but(drop=lambda self, x, keep: x)
_ScorerUnscaled = _but(drop=lambda self, x, keep: keep * _Scorer.drop(self, x, keep))
_ScorerWholeRows = _but(
    drop=lambda self, x, keep: tf.nn.dropout(x, 1 - keep, (len(x), 1))
)
_ScorerDropsLogits = _but(__call__=_drop_logits)
_ScorerLogits = _but(score=lambda self, x: x @ self.w + self.b)
_ScorerNoBias = _but(score=lambda self, x: tf.nn.softmax(x @ self.w))
_ScorerWide = _but(draw=lambda self, shape: tf.random.normal(shape))
_ScorerTruncated = _but(
    draw=lambda self, shape: tf.random.truncated_normal(shape, stddev=0.1)
)


class _PlainScorer:
    def __init__(self, n_in, n_out):
        inner = _Scorer(n_in, n_out)
        self.w, self.b, self.seen = inner.w, inner.b, inner.seen

    __call__, count, rows = _Scorer.__call__, _Scorer.count, _Scorer.rows
    drop, score = _Scorer.drop, _Scorer.score


# Its own name, since the message of the error tells the name of the class.
_ScorerPlainClass = type("Scorer", (_PlainScorer,), {})


class _ScorerVariantByHand(tf.Module):
    def __init__(self, n_in, n_out, name="scorer"):
        super().__init__(name=name)
        with self.name_scope:
            w = np.random.default_rng().normal(scale=0.1, size=(n_in, n_out))
            self.w = tf.Variable(w, dtype=tf.float32, name="w")
            self.b = tf.Variable([0.0] * n_out, name="b")
            self.seen = tf.Variable(tf.constant(0, tf.int64), trainable=False)

    @tf.function
    def __call__(self, x, keep_prob=1.0):
        kept = tf.random.uniform(tf.shape(x)) < keep_prob
        kept = tf.cast(kept, tf.float32) * x / keep_prob
        logits = tf.einsum("ni,io->no", kept, self.w) + self.b
        powers = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
        self.seen.assign(self.seen + tf.size(x[:, 0], out_type=tf.int64))
        return powers / tf.reduce_sum(powers, axis=1, keepdims=True)


class _ScorerVariantParts(tf.Module):
    def __init__(self, n_in, n_out):
        init = tf.random_normal_initializer(stddev=0.1)
        self.w = tf.Variable(init([n_in, n_out]))
        self.b = tf.Variable(tf.zeros_initializer()([n_out]))
        self.seen = tf.Variable(np.int64(0), trainable=False)

    def __call__(self, x, keep_prob=1.0):
        self.seen.assign_add(tf.cast(len(x), tf.int64))
        kept = tf.nn.experimental.stateless_dropout(
            x, 1.0 - keep_prob, seed=tf.random.uniform([2], maxval=99, dtype=tf.int32)
        )
        return tf.nn.softmax(tf.nn.bias_add(tf.matmul(kept, self.w), self.b))


EXERCISE = Exercise(
    id="03.3",
    name="Scorer",
    points=4,
    minutes=20,
    difficulty="core",
    inputs=_scorer_inputs,
    probe=_probe_scorer,
    expected=_scorer_expected,
    mistakes=(
        Mistake(
            "makes its variables in the call",
            "A new scorer has no weights: they are made when it is called, and made "
            "anew at the next call if nothing prevents it. `tf.get_variable` stood in "
            "the part of the script that ran once. In a class that is `__init__`.",
            _ScorerLate,
        ),
        Mistake(
            "keeps plain tensors as weights",
            "`w` and `b` are tensors, which nobody can assign to or train. What "
            "`tf.get_variable` made was a variable: `self.w = tf.Variable(…)`.",
            _ScorerTensors,
        ),
        Mistake(
            "keeps Keras variables as weights",
            "`w` and `b` are Keras variables, perhaps of a Keras layer. A `tf.Module` "
            "finds variables of TensorFlow only, so `scorer.variables` is without "
            "them. Write `self.w = tf.Variable(…)`.",
            _ScorerKeras,
        ),
        Mistake(
            "counts in a Python number",
            "`self.seen` is a Python number. A checkpoint does not save it, and inside "
            "a `tf.function` the line that changes it runs only while tracing. It was "
            "a variable in the script: `tf.Variable(0, dtype=tf.int64, "
            "trainable=False)`.",
            _ScorerPythonCount,
        ),
        Mistake(
            "hands the counter to the optimizer",
            "`seen` is among the `trainable_variables`, though no gradient reaches a "
            "count. The script said `trainable=False`; say it to `tf.Variable` too.",
            _ScorerTrainsCount,
        ),
        Mistake(
            "counts in int32",
            "A Python 0 makes an `int32` variable, which ends at 2147483647. The "
            "script had `tf.int64`: `tf.Variable(0, dtype=tf.int64, trainable=False)`, "
            "and `tf.shape(x, out_type=tf.int64)`.",
            _ScorerShortCount,
        ),
        Mistake(
            "adds int32 to int64",
            "`seen` is `int64`, as it should be, but `tf.shape(x)` is `int32` unless "
            "told, and TensorFlow does not convert behind your back: "
            "`tf.shape(x, out_type=tf.int64)[0]`.",
            _ScorerMixedCount,
        ),
        Mistake(
            "gives the name seen to a sum",
            "`self.seen = self.seen + …`, or `+=`, computes a sum and gives the name "
            "to it; the variable is gone. In a graph, what has the name then is "
            "symbolic. Change the variable itself: `self.seen.assign_add(…)`.",
            _ScorerRebinds,
        ),
        Mistake(
            "counts calls, not rows",
            "`seen` grows by 1 with each call. The script adds the number of rows, "
            "`tf.shape(x)[0]`.",
            _ScorerCountsCalls,
        ),
        Mistake(
            "drops the counting",
            "`seen` stays at 0. In the script `tf.control_dependencies` made the "
            "counting happen, although nothing used its result. In TensorFlow 2 lines "
            "with side effects run as written, so one `assign_add` is enough.",
            _ScorerNeverCounts,
        ),
        Mistake(
            "reads the number of rows while tracing",
            "`x.shape[0]` is known when a tensor is at hand. In a graph for batches of "
            "any size it is `None`. Ask while the graph runs: `tf.shape(x)[0]`, as in "
            "the script.",
            _ScorerStaticShape,
        ),
        Mistake(
            "hands keep_prob over as rate",
            "The second argument of `tf.nn.dropout` changed its meaning: `keep_prob` "
            "was the share that stays, `rate` is the share that goes. With the default "
            "of 1 everything would go, which TensorFlow refuses. Pass "
            "`rate=1 - keep_prob`.",
            _ScorerRate,
        ),
        Mistake(
            "drops what it should keep",
            "At `keep_prob = 0.75` a quarter of the elements should go; with you, "
            "three quarters do. `rate` is the share that goes: pass "
            "`rate=1 - keep_prob`.",
            _ScorerSwitchedRate,
        ),
        Mistake(
            "ignores keep_prob",
            "`keep_prob` changes nothing. The script applies dropout to `x` before the "
            "product: `tf.nn.dropout(x, rate=1 - keep_prob)`.",
            _ScorerNeverDrops,
        ),
        Mistake(
            "drops without scaling up",
            "The right share is dropped, but what stays is not scaled by "
            "`1 / keep_prob`, so sums shrink. `tf.nn.dropout` does both, then and now.",
            _ScorerUnscaled,
        ),
        Mistake(
            "drops whole rows",
            "A row of `x` stays or goes as a whole. In the script each element had a "
            "chance of its own: `tf.nn.dropout(x, rate=1 - keep_prob)`.",
            _ScorerWholeRows,
        ),
        Mistake(
            "applies dropout after the product",
            "You apply dropout to what comes out of the product. The script applied it "
            "to `x`, and multiplied what stayed.",
            _ScorerDropsLogits,
        ),
        Mistake(
            "leaves out the softmax",
            "You return `x @ w + b`. The script's `scores` went through "
            "`tf.nn.softmax`, so that each row sums to 1.",
            _ScorerLogits,
        ),
        Mistake(
            "leaves out the bias",
            "`b` has no influence on your scores. A new scorer hides that, as its `b` "
            "is 0. The script adds it to the product.",
            _ScorerNoBias,
        ),
        Mistake(
            "starts with wide weights",
            "Your random weights do not spread by 0.1. `tf.random.normal` spreads by 1 "
            "unless told: `stddev=0.1`, as in the script's initializer.",
            _ScorerWide,
        ),
        Mistake(
            "cuts the tails of the distribution off",
            "Your weights spread by less than 0.1: `tf.random.truncated_normal` draws "
            "again what lies beyond two spreads. The script's initializer was "
            "`random_normal`: `tf.random.normal(…, stddev=0.1)`.",
            _ScorerTruncated,
        ),
        Mistake(
            "is no tf.Module",
            "The scores are right, but a plain class has no `variables` and no "
            "`trainable_variables`: optimizers and checkpoints cannot find what is in "
            "it. Write `class Scorer(tf.Module)`.",
            _ScorerPlainClass,
        ),
    ),
    variants=(_ScorerVariantByHand, _ScorerVariantParts),
    hints=(
        "Sort the lines of the script: what made variables goes into `__init__`, what "
        "computed from placeholders goes into `__call__`, and the session goes away.",
        "`tf.get_variable` becomes `self.… = tf.Variable(start value)`; keep the dtype "
        "and `trainable=False` of `seen`. Placeholders become parameters, and "
        "`placeholder_with_default` becomes a default.",
        "`__call__`: `self.seen.assign_add(tf.shape(x, out_type=tf.int64)[0])`, then "
        "`kept = tf.nn.dropout(x, rate=1 - keep_prob)`, then "
        "`return tf.nn.softmax(kept @ self.w + self.b)`.",
    ),
    explain="A TensorFlow 1 script has a part that builds and a part that runs; in a "
    "`tf.Module` they are `__init__` and `__call__`. Variables belong to an object "
    "instead of a global graph, lines run in the order in which they stand, and what "
    "changed its meaning without changing its place, such as `keep_prob`, is where "
    "migrated code goes wrong.",
)
