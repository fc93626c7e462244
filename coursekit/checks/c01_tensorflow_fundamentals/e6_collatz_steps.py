"""Exercise 01.6: ``collatz_steps``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_collatz(answer: Answer, case: Case) -> Plain:
    """Call with ints and tensors; report results, what the graph is, or traces."""
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
    except TypeError as error:
        # AutoGraph words this in many ways: one of them, so that it can be named.
        head, user_code, last = str(error).rpartition("TypeError: ")
        if user_code and "float64" in last and "int64" in last:
            why = (
                "An int64 number turns into float64 on its way through a branch or loop"
            )
            raise TypeError(f"{head}TypeError: {why}: {last}") from error
        raise
    finally:
        logger.setLevel(level)
    if what == "steps":
        return results
    if not isinstance(answer, tf.types.experimental.PolymorphicFunction):
        if what == "traces":
            return {"traces for all calls": "none, it is no tf.function"}
        return {"collatz_steps is": "a plain function", "its loop runs": "elsewhere"}
    if what == "traces":  # kept for the function's life, so count them all
        once = answer.experimental_get_tracing_count() <= 1
        return {"traces for all calls": "one" if once else "more than one"}
    given = [] if answer.input_signature else [tf.TensorSpec((), tf.int64)]
    graph = answer.get_concrete_function(*given).graph.as_graph_def()
    inner = [node for function in graph.library.function for node in function.node_def]
    types = {node.op for node in [*graph.node, *inner]}
    place = "inside the graph" if types & {"While", "StatelessWhile"} else "nowhere"
    if any("PyFunc" in kind for kind in types):
        place = "in Python, which the graph calls"
    return {"collatz_steps is": "a tf.function", "its loop runs": place}


def _steps(n: int, bits: int = 64, halve=lambda n: n // 2) -> int | None:
    """Steps to 1 in wrapping integers of that width; None if that takes too long."""
    span = 1 << bits
    for steps in range(2500):
        n = (n + span // 2) % span - span // 2
        if n == 1:
            return steps
        n = halve(n) if n % 2 == 0 else 3 * n + 1
    return None


def _telling(n: int, large: bool = False) -> bool:
    """Whether wrong ways to compute end, and with another number of steps.

    In wrapping int32, and if ``large`` with halves that float64 has rounded: an answer
    that loses digits must be wrong, not run for ever. In int64 nothing may wrap.
    """
    true, short = _steps(n), _steps(n, 32)
    rounded = _steps(n, halve=lambda n: int(n / 2))
    if None in (true, short, rounded) or true != _steps(n, 200):
        return False
    return short != true and (rounded != true or not large)


def _collatz_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, *starts: int) -> Case:
        shown = ", ".join(map(str, starts))
        call = f"collatz_steps(n) for n = {shown}"
        if len(starts) > 1:
            call += ", every second one as a tensor"
        if what == "graph":
            call += ", and a look at its graph"
        if what == "traces":
            call += ", and then collatz_steps.experimental_get_tracing_count()"
        return Case(group, (what, starts), call)

    def flyer() -> int:  # fits int32, and climbs out of it soon
        return int(rng.integers(2**22, 2**27)) * 2 + 1

    def giant() -> int:  # its half has more digits than a float64
        return int(rng.integers(2**56, 2**58)) * 4 + 2

    def walker() -> int:  # three starts that are known to go on for long
        start = (989345275647, 80867137596217, 942488749153153)[rng.integers(3)]
        return start << int(rng.integers(10))

    small = [int(n) for n in 1 + rng.permutation(np.arange(2, 60))[:5]]
    flyers = (n for n in iter(flyer, 0) if _telling(n) and _steps(n) < 200)
    giants = (n for n in iter(giant, 0) if _telling(n, large=True))
    walkers = (n for n in iter(walker, 0) if _telling(n))
    return [
        case("small starts", "steps", *small[:2]),
        case("small starts", "steps", 1, 2, *small[2:4]),
        case("beyond int32", "steps", next(flyers), next(flyers)),
        case("exact up to 2**60", "steps", small[4], next(giants)),
        case("a thousand steps", "steps", small[4], next(walkers)),
        case("a loop in the graph", "graph", small[4]),
        case("one trace for all", "traces", small[4], 7, 60, 61, 62),
    ]


def _collatz_expected(case: Case) -> Plain:
    what, starts = case.args
    if what == "graph":
        return {
            "collatz_steps is": "a tf.function",
            "its loop runs": "inside the graph",
        }
    if what == "traces":
        return {"traces for all calls": "one"}
    wanted = {}
    for position, n in enumerate(starts):
        shown = f"tf.constant({n}, tf.int64)" if position % 2 else n
        wanted[f"collatz_steps({shown})"] = np.array(_steps(n), np.int64)
    return wanted


_ONE_INT64 = [tf.TensorSpec(shape=(), dtype=tf.int64)]


def _counting(halve):
    def collatz(n):
        steps = tf.constant(0, tf.int64)
        while n != 1:
            n = halve(n) if n % 2 == 0 else 3 * n + 1
            steps += 1
        return steps

    return collatz


def _graph(function):
    return tf.function(function, input_signature=_ONE_INT64)


_collatz = _counting(lambda n: n // 2)
_collatz_no_signature = tf.function(_collatz)
_collatz_int32_signature = tf.function(_collatz, [tf.TensorSpec((), tf.int32)])
_collatz_int32 = _graph(lambda n: _collatz(tf.cast(n, tf.int32)))
_collatz_divides = _graph(_counting(lambda n: n / 2))
_collatz_casts_back = _graph(_counting(lambda n: tf.cast(n / 2, tf.int64)))
_collatz_stops_early = _graph(lambda n: tf.maximum(_collatz(n) - 1, 0))
_collatz_counts_numbers = _graph(lambda n: _collatz(n) + 1)
_collatz_returns_int32 = _graph(lambda n: tf.cast(_collatz(n), tf.int32))


def _collatz_python(n):
    n = int(n)
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return tf.constant(steps, tf.int64)


@_graph
def _collatz_calls_python(n):
    return tf.py_function(_collatz_python, [n], tf.int64)


@_graph
def _collatz_numpy(n):
    return _collatz_python(n.numpy())


@_graph
def _collatz_variable(n):
    steps = tf.Variable(0, dtype=tf.int64)
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps.assign_add(1)
    return steps.read_value()


@_graph
def _collatz_python_list(n):
    visited = []
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        visited.append(n)
    return tf.constant(len(visited), tf.int64)


@_graph
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
            "is a plain Python function",
            "The counts are right, but `collatz_steps` itself is a plain function, "
            "even if it calls a `tf.function`: with no graph under its own name, it "
            "cannot be traced once, optimised or exported. Let the loop run on the "
            "tensor `n`, and make this very function a `tf.function` with an input "
            "signature.",
            _collatz_python,
        ),
        Mistake(
            "hands the work back to Python",
            "The counts are right, but the graph has no loop of its own. It calls "
            "back into Python (`tf.py_function`, `tf.numpy_function`), so it runs "
            "only where your Python is. Write the loop about the tensor itself, and "
            "AutoGraph puts it into the graph.",
            _collatz_calls_python,
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
            "declares another dtype than int64",
            "Your signature promises a dtype other than `int64`, so a tensor of "
            "`int64` is refused: TensorFlow does not convert behind your back. Declare "
            "`dtype=tf.int64`; Python numbers fit it as well, and the sequence needs "
            "the room.",
            _collatz_int32_signature,
        ),
        Mistake(
            "divides with /",
            "A number that is `int64` in one branch comes out as `float64` in "
            "another, and in a graph it must keep its dtype. If you wrote `n / 2`: "
            "`/` between whole numbers gives `float64`. Use `n // 2`, which stays in "
            "`int64` and is exact for even numbers.",
            _collatz_divides,
        ),
        Mistake(
            "halves in float64",
            "Small starts come out right, but `n / 2` passes through `float64`, which "
            "has room for about 15 digits. Larger numbers are rounded, and the cast "
            "back does not mend them. `n // 2` stays in `int64`.",
            _collatz_casts_back,
        ),
        Mistake(
            "makes a variable inside",
            "A `tf.Variable` lives on between calls, so a `tf.function` refuses to "
            "make one inside. You need none: `steps = tf.constant(0, tf.int64)` and "
            "`steps += 1` will do, because AutoGraph carries `steps` from round to "
            "round.",
            _collatz_variable,
        ),
        Mistake(
            "stops at 2",
            "You are one step short wherever the start is 2 or more: the loop ends at "
            "2, and the step from 2 to 1 is missing. Go on `while n != 1`.",
            _collatz_stops_early,
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
