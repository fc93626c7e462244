"""Exercise 01.6: ``collatz_steps``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_collatz(answer: Answer, case: Case) -> Plain:
    """Call with Python ints and tensors; report the results or the traces."""
    what, starts = case.args
    results = {}
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the verdict tells of retracing, without the warning
    try:
        for position, n in enumerate(starts):
            as_tensor = position % 2 == 1
            given = tf.constant(n, tf.int64) if as_tensor else n
            shown = f"tf.constant({n}, tf.int64)" if as_tensor else str(n)
            results[f"collatz_steps({shown})"] = to_plain(answer(given))
    finally:
        logger.setLevel(level)
    traced = hasattr(answer, "experimental_get_tracing_count")
    if what == "graph":
        return {"is a tf.function": traced}
    if what == "traces":  # kept for the function's life, so count them all
        once = traced and answer.experimental_get_tracing_count() <= 1
        return {"one trace serves all calls": once}
    return results


def _steps(n: int, bits: int = 64, limit: int = 2000) -> int | None:
    """Steps to 1 in wrapping integers of that width; None if that takes too long."""
    span = 1 << bits
    for steps in range(limit):
        if n == 1:
            return steps
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        n = (n + span // 2) % span - span // 2
    return None


def _high_flyers(rng: np.random.Generator, k: int) -> list[int]:
    """Starts that fit int32 and climb out of it.

    Only those are taken that also come down, and after another number of steps, in
    wrapping int32: an answer that overflows must be wrong, not run for ever.
    """
    found: list[int] = []
    while len(found) < k:
        n = int(rng.integers(2**22, 2**27)) * 2 + 1
        if _steps(n, 32) not in (None, _steps(n)):
            found.append(n)
    return found


def _collatz_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, starts: list[int]) -> Case:
        shown = ", ".join(map(str, starts))
        return Case(
            group, (what, starts), f"collatz_steps(n) for n = {shown} (int or tensor)"
        )

    small = [int(n) for n in 1 + rng.permutation(np.arange(2, 60))[:5]]
    return [
        case("small starts", "steps", small[:2]),
        case("small starts", "steps", [1, 2, *small[2:4]]),
        case("beyond int32", "steps", _high_flyers(rng, 2)),
        case("runs as a graph", "graph", [small[4]]),
        case("one trace for all", "traces", [small[4], 7, 60, 61, 62]),
    ]


def _collatz_expected(case: Case) -> Plain:
    what, starts = case.args
    if what == "graph":
        return {"is a tf.function": True}
    if what == "traces":
        return {"one trace serves all calls": True}
    wanted = {}
    for position, n in enumerate(starts):
        shown = f"tf.constant({n}, tf.int64)" if position % 2 else n
        wanted[f"collatz_steps({shown})"] = np.array(_steps(n), np.int64)
    return wanted


_ONE_INT64 = [tf.TensorSpec(shape=(), dtype=tf.int64)]


@tf.function
def _collatz_no_signature(n):
    steps = tf.constant(0, tf.int64)
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def _collatz_python(n):
    n = int(n)
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return tf.constant(steps, tf.int64)


@tf.function(input_signature=_ONE_INT64)
def _collatz_numpy(n):
    n = n.numpy()
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return tf.constant(steps, tf.int64)


@tf.function(input_signature=_ONE_INT64)
def _collatz_int32(n):
    n = tf.cast(n, tf.int32)
    steps = tf.constant(0, tf.int64)
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@tf.function(input_signature=[tf.TensorSpec(shape=(), dtype=tf.int32)])
def _collatz_int32_signature(n):
    steps = tf.constant(0, tf.int64)
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@tf.function(input_signature=_ONE_INT64)
def _collatz_counts_numbers(n):
    steps = tf.constant(1, tf.int64)
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@tf.function(input_signature=_ONE_INT64)
def _collatz_returns_int32(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


@tf.function(input_signature=_ONE_INT64)
def _collatz_python_list(n):
    visited = []
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        visited.append(n)
    return tf.constant(len(visited), tf.int64)


@tf.function(input_signature=_ONE_INT64)
def _collatz_variant_where(n):
    steps = 0
    while n > 1:
        n = tf.where(n % 2 == 0, n // 2, 3 * n + 1)
        steps += 1
    return tf.cast(steps, tf.int64)


def _collatz_loop(n):
    def body(value, steps):
        odd = value % 2
        return (1 - odd) * (value // 2) + odd * (3 * value + 1), steps + 1

    start = (n, tf.zeros((), tf.int64))
    return tf.while_loop(lambda value, _: value != 1, body, start)[1]


_collatz_variant_loop = tf.function(_collatz_loop, _ONE_INT64, autograph=False)


EXERCISE = Exercise(
    id="01.6",
    name="collatz_steps",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_collatz_inputs,
    probe=_probe_collatz,
    expected=_collatz_expected,
    mistakes=(
        Mistake(
            "traces anew for every Python number",
            "The counts are right, but a Python number is part of what a trace is made "
            "for: each new `int` builds a new graph, with the loop unrolled into it. "
            "Say once what comes in, with "
            "`input_signature=[tf.TensorSpec(shape=(), dtype=tf.int64)]`, and one "
            "graph serves every call.",
            _collatz_no_signature,
        ),
        Mistake(
            "runs in Python, without a graph",
            "The counts are right, but it is Python that does the work, one step at a "
            "time; nothing is traced, so nothing can be optimised or exported. Let the "
            "loop run on the tensor and make the function a `tf.function` with an "
            "input signature.",
            _collatz_python,
        ),
        Mistake(
            "asks a symbolic tensor for its value",
            "While a `tf.function` is traced, `n` has no value yet: it stands for "
            "whatever will come, so there is no `.numpy()`. Write the condition with "
            "the tensor itself (`while n != 1`), and AutoGraph makes a loop of the "
            "graph out of it.",
            _collatz_numpy,
        ),
        Mistake(
            "computes in int32",
            "Small starts climb high: 113383 passes 2.4 billion on its way, and "
            "`int32` ends at 2147483647, from where it goes on, in silence, at the "
            "negative end. Keep `n` in `int64` all the way; inside a graph even "
            "`int(n)` is a cast to `int32`.",
            _collatz_int32,
        ),
        Mistake(
            "declares int32 input",
            "Your signature promises `int32`, so a tensor of `int64` is refused: "
            "TensorFlow does not convert behind your back. Declare "
            "`dtype=tf.int64`; Python numbers fit it as well, and the sequence needs "
            "the room.",
            _collatz_int32_signature,
        ),
        Mistake(
            "counts the numbers, not the steps",
            "From 6 to 1 the sequence shows 9 numbers but takes 8 steps: a step lies "
            "between two numbers. Start your counter at 0, so that `n = 1` needs no "
            "step at all.",
            _collatz_counts_numbers,
        ),
        Mistake(
            "returns int32",
            "The number is right but its dtype is `int32`, which is what TensorFlow "
            "makes of a counter that starts as the Python number 0. Start with "
            "`tf.constant(0, tf.int64)`, or cast at the end.",
            _collatz_returns_int32,
        ),
        Mistake(
            "gives 1 for every start",
            "You get 1 for every start. If you count in a Python list, this is why: "
            "Python objects change while the function is traced, and the body of the "
            "loop is traced only once. Count in a tensor, `steps += 1` on "
            "`tf.constant(0, tf.int64)`, and return that; `n` itself is always 1 at "
            "the end.",
            _collatz_python_list,
        ),
    ),
    variants=(_collatz_variant_where, _collatz_variant_loop),
    hints=(
        "First write it as if for Python numbers: a `while` loop that halves `n` or "
        "takes `3 * n + 1`, and a counter. AutoGraph turns it into a loop of the "
        "graph, provided that the condition is about the tensor `n`.",
        "The counter has to be a tensor as well: `steps = tf.constant(0, tf.int64)`. "
        "And so that a Python number does not become part of the trace, the function "
        "needs an `input_signature` with one scalar `int64`.",
        "Above `def` write `@tf.function(input_signature=[tf.TensorSpec((), "
        "tf.int64)])`. In the body: `while n != 1:`, then "
        "`n = n // 2 if n % 2 == 0 else 3 * n + 1` and `steps += 1`; return `steps`.",
    ),
    explain="AutoGraph turns a `while` about a tensor into a loop inside the graph, "
    "which runs as long as the data asks for, without coming back to Python. The input "
    "signature fixes what a trace is made for, so one graph serves all calls, and it "
    "can be saved and run where there is no Python.",
)
