"""Exercise 03.2: ``make_counter``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_counter(answer: Answer, case: Case) -> Plain:
    """Totals after each batch of one or more counters; or the traces of one."""
    what, limits, feeds = case.args
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("ERROR")  # the verdict tells of retracing, without the warning
    eager = tf.config.functions_run_eagerly()
    try:
        counters = [answer(limit) for limit in limits]
        tf.config.run_functions_eagerly(False)  # it may be on, left from debugging
        # One low value changes no total: it shows where a new counter starts.
        low, high = limits[0] - 1.0, limits[0] + 1.0
        if start := int(counters[0](tf.constant([low]))):
            moves = int(counters[0](tf.constant([high, low]))) != start
            again = int(answer(limits[0])(tf.constant([low])))
            place = f"at {start}" if moves else f"at {start}, and stays there"
            if again != start:
                place = "where another one has got to"
            return {"a new counter starts": place, what: None}
        totals = [
            to_plain(counters[which](tf.constant(batch, tf.float32)))
            for which, batch in feeds
        ]
    finally:
        logger.setLevel(level)
        tf.config.run_functions_eagerly(eager)
    if what == "traces":
        return {"a new counter starts": "at 0", what: _probe_traces(counters[0])}
    return {"a new counter starts": "at 0", what: totals}


def _probe_traces(counter: Answer) -> str:
    """How often a counter has been traced, and where its graph does the work."""
    if isinstance(counter, tf.types.experimental.ConcreteFunction):
        traces, concrete = 1, counter
    elif isinstance(counter, tf.types.experimental.PolymorphicFunction):
        traces = counter.experimental_get_tracing_count()
        given = [] if counter.input_signature else [tf.TensorSpec([None], tf.float32)]
        concrete = counter.get_concrete_function(*given)
    else:
        return "none, a counter is no tf.function"
    graph = concrete.graph.as_graph_def()
    inner = [node for function in graph.library.function for node in function.node_def]
    if any("PyFunc" in node.op for node in [*graph.node, *inner]):
        return "of no use, the graph calls Python"
    return {1: "one", 2: "two"}.get(traces, "more than two")


def _counter_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, what: str, limits: list[float], *feeds) -> Case:
        shown, values = [], []
        for which, pattern in feeds:
            limit = limits[which]
            # L lies below the limit, H above it, T is the limit itself
            away = {"L": -1, "H": 1, "T": 0}
            batch = [limit + away[p] * int(rng.integers(1, 9)) / 4 for p in pattern]
            values.append((which, batch))
            name = "abcdef"[which]
            shown.append(f"{name}({', '.join(f'{v:g}' for v in batch)})")
        lead = f"limit {limits[0]:g}" if len(limits) == 1 else "two limits"
        call = f"{lead}: {', then '.join(shown)}"
        if what == "traces":
            lengths = ", ".join(str(len(batch)) for _, batch in values)
            call = f"batches of {lengths} numbers, then the number of traces"
        return Case(group, (what, limits, values), call)

    def limit() -> float:
        return int(rng.integers(-20, 21)) / 4

    def runs(*between: str) -> str:
        """Starts low; runs of high values, one of them a lone tie."""
        found = ["T", *rng.choice(["HH", "HT", "HHH", "TH"], len(between) - 1)]
        highs = [found[i] for i in rng.permutation(len(found))]
        return "".join(low + high for low, high in zip(between, highs, strict=True))

    one = [limit()]
    high, low = int(rng.integers(1, 21)) / 4, -int(rng.integers(1, 21)) / 4
    some = ["H", "HT", "HH"][rng.integers(3)]
    lengths = [int(n) for n in rng.permutation([0, 1, 2, 3, 5, 8])]
    return [
        case("in a batch", "totals", one, (0, runs("L", "LL", "L")), (0, "LTHL")),
        case(
            "from batch to batch",
            "totals",
            [limit()],
            *[(0, "L" + some), (0, "HL"), (0, "H"), (0, some), (0, "TLH"), (0, "L")],
        ),
        case(
            "empty batches",
            "totals",
            [limit()],
            *[(0, ""), (0, "LH"), (0, ""), (0, some + "L"), (0, ""), (0, "HL")],
        ),
        # The second counter has not seen a low value before; 0 is above its limit.
        case(
            "counters of their own",
            "totals",
            [high, low],
            *[(0, "LHLH"), (1, some), (0, "HLH"), (1, "TL"), (0, "HL"), (1, "H")],
        ),
        case("one trace", "traces", [limit()], *((0, "LH" * n) for n in lengths)),
    ]


def _counter_expected(case: Case) -> Plain:
    what, limits, feeds = case.args
    starts = {"a new counter starts": "at 0"}
    if what == "traces":
        return starts | {what: "one"}
    seen: dict[int, list[float]] = {}
    totals = []
    for which, batch in feeds:
        limit = limits[which]
        history = seen.setdefault(which, [limit - 1]) + list(batch)
        seen[which] = history
        pairs = zip(history[:-1], history[1:], strict=True)
        count = sum(before < limit <= after for before, after in pairs)
        totals.append(np.array(count, np.int32))
    return starts | {what: totals}


_ANY_LENGTH = [tf.TensorSpec([None], tf.float32)]


def _state(limit, start=-np.inf):
    return tf.Variable(0), tf.Variable([start])


def _up(before, after, limit):
    return (before < limit) & (after >= limit)


def _maker(
    crosses=_up, *, state=_state, signature=_ANY_LENGTH, wrap=True, lacks="", **options
):
    """The right answer; a mistake replaces one of its parts, or lacks it."""

    def make_counter(limit):
        made = state(limit)

        def counter(batch):
            count, last = made or _state(limit)
            values = batch if lacks == "border" else tf.concat([last, batch], 0)
            if lacks == "care":
                last.assign([batch[-1]])
            elif lacks not in ("border", "memory"):
                last.assign(values[-1:])
            found = crosses(values[:-1], values[1:], limit)
            number = tf.math.count_nonzero(found, dtype=tf.int32)
            return number if lacks == "sum" else count.assign_add(number)

        if not wrap:
            return counter
        return tf.function(counter, signature, autograph=False, **options)

    return make_counter


_SHARED: list[tf.Variable] = []


def _one_state_for_all(limit):
    if not _SHARED:
        _SHARED.extend(_state(limit))
        _SHARED[0].assign(1)  # another counter has been here, whichever case is first
    return _SHARED


_counter_right = _maker()
_counter_no_signature = _maker(signature=None)
_counter_relaxed = _maker(signature=None, reduce_retracing=True)
_counter_plain = _maker(wrap=False)
_counter_shared = _maker(state=_one_state_for_all)
_counter_makes_variables = _maker(state=lambda limit: ())
_counter_starts_high = _maker(state=lambda limit: _state(limit, start=limit))
_counter_batch_only = _maker(lacks="sum")
_counter_forgets = _maker(lacks="memory")
_counter_no_border = _maker(lacks="border")
_counter_last_value = _maker(lacks="care")
_counter_values = _maker(lambda before, after, limit: after >= limit)
_counter_both_ways = _maker(lambda b, a, limit: (b < limit) != (a < limit))
_counter_strict = _maker(lambda b, a, limit: (b <= limit) & (a > limit))
_counter_tie_lost = _maker(lambda b, a, limit: (b < limit) & (a > limit))
_counter_tie_twice = _maker(lambda b, a, limit: (b <= limit) & (a >= limit))


def _counter_python(limit):
    count, above = 0, False

    @tf.function(input_signature=_ANY_LENGTH)
    def counter(batch):
        nonlocal count, above
        for value in batch:
            if value >= limit and not above:
                count += 1
            above = value >= limit
        return count

    return counter


def _counter_list(limit):
    crossings = []

    @tf.function(input_signature=_ANY_LENGTH)
    def counter(batch):
        above = False
        for value in batch:
            if value >= limit and not above:
                crossings.append(value)
            above = value >= limit
        return tf.constant(len(crossings))

    return counter


def _counter_in_python(limit):
    update = _counter_plain(limit)

    @tf.function(input_signature=_ANY_LENGTH, autograph=False)
    def counter(batch):
        return tf.py_function(update, [batch], tf.int32)

    return counter


def _counter_variant_loop(limit):
    count, above = tf.Variable(0), tf.Variable(False)

    @tf.function(input_signature=_ANY_LENGTH)
    def counter(batch):
        for value in batch:
            if value >= limit and not above:
                count.assign_add(1)
            above.assign(value >= limit)
        return count

    return counter


def _counter_variant_truths(limit):
    count, above = tf.Variable(0), tf.Variable(False)

    def counter(batch):
        truths = tf.concat([[above], batch >= limit], 0)
        above.assign(truths[-1])
        count.assign_add(tf.size(tf.where(truths[1:] & ~truths[:-1])))
        return count.read_value()

    return tf.function(counter, input_signature=_ANY_LENGTH)


def _counter_variant_concrete(limit):
    return _counter_right(limit).get_concrete_function()


EXERCISE = Exercise(
    id="03.2",
    name="make_counter",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_counter_inputs,
    probe=_probe_counter,
    expected=_counter_expected,
    mistakes=(
        Mistake(
            "adds up per call only",
            "Each call gives the crossings of its own batch. If you add them up in a "
            "Python variable, that line ran once, while the function was traced, with "
            "the 0 of that moment. What must last from call to call belongs into a "
            "`tf.Variable`: `count.assign_add(…)`.",
            _counter_batch_only,
        ),
        Mistake(
            "counts in a Python variable",
            "The state is in Python variables. A line that changes them runs once, "
            "while the graph is built, and not when values arrive. Make two "
            "`tf.Variable`s in `make_counter`, one for the count and one for `above`, "
            "and `assign` to them.",
            _counter_python,
        ),
        Mistake(
            "collects in a Python list",
            "Your total is the same for every batch. If you append to a Python list: "
            "the body of the loop ran once, to build the graph, so the list has one "
            "entry for ever. Count in a `tf.Variable` with `assign_add(1)`.",
            _counter_list,
        ),
        Mistake(
            "makes its variables inside",
            "A variable lives on between calls, so a `tf.function` refuses to make new "
            "ones each time it is traced. Make them in `make_counter`, above the inner "
            "`def`; the function finds them there.",
            _counter_makes_variables,
        ),
        Mistake(
            "shares one state among counters",
            "A new counter goes on where another one has got to: they share their "
            "variables. Whatever stands outside `make_counter` exists once. Make the "
            "variables inside it, so that each call of `make_counter` has its own.",
            _counter_shared,
        ),
        Mistake(
            "traces anew for every length",
            "The totals are right, but the shape of a tensor is part of what a trace "
            "is made for, so each new length makes a new graph. Leave the length open: "
            "`input_signature=[tf.TensorSpec([None], tf.float32)]`.",
            _counter_no_signature,
        ),
        Mistake(
            "needs a second trace",
            "The totals are right, after two traces. `reduce_retracing=True` opens the "
            "length only when a second one comes; and where the first call makes the "
            "variables, a second trace has to use them. Make them outside, and say "
            "`input_signature=[tf.TensorSpec([None], tf.float32)]`.",
            _counter_relaxed,
        ),
        Mistake(
            "returns no tf.function",
            "The totals are right, but what you return is not a `tf.function` itself: "
            "it is a plain function, or an object around one. Decorate the inner "
            "function with `@tf.function(input_signature=[tf.TensorSpec([None], "
            "tf.float32)])` and return that.",
            _counter_plain,
        ),
        Mistake(
            "hands the work back to Python",
            "The totals are right, but the graph only calls back into Python "
            "(`tf.py_function`, `tf.numpy_function`). Write the rule about the tensor "
            "itself; AutoGraph turns `for value in batch` into a loop of the graph.",
            _counter_in_python,
        ),
        Mistake(
            "forgets the value before the batch",
            "You start every batch as if the signal were below the limit. When the "
            "last batch ended above it, its successor does not cross. Remember in a "
            "second `tf.Variable` how the last batch ended.",
            _counter_forgets,
        ),
        Mistake(
            "compares within a batch only",
            "You compare neighbours in a batch, so its first value never counts, "
            "although the value before it is known: it ended the batch before, and at "
            "the very start the signal counts as below. Remember it in a second "
            "`tf.Variable`.",
            _counter_no_border,
        ),
        Mistake(
            "counts values, not crossings",
            "You count every value at or above the limit. A crossing is a change: the "
            "value before it lies below. Three high values in a row are one crossing.",
            _counter_values,
        ),
        Mistake(
            "counts both directions",
            "You count the way down as well. Only the change from below the limit to "
            "at or above it counts.",
            _counter_both_ways,
        ),
        Mistake(
            "asks for more than the limit",
            "A value equal to the limit has reached it. Compare with `>=` where you "
            "have `>`.",
            _counter_strict,
        ),
        Mistake(
            "loses a signal that stops at the limit",
            "A value equal to the limit is neither high nor low to you, so a signal "
            "that stops there on its way up never crosses. It is high: "
            "`before < limit` and `value >= limit`.",
            _counter_tie_lost,
        ),
        Mistake(
            "counts a signal twice that stops at the limit",
            "A value equal to the limit is both low and high to you, so a signal that "
            "stops there on its way up crosses twice. It is high: `before < limit` and "
            "`value >= limit`.",
            _counter_tie_twice,
        ),
        Mistake(
            "starts where the signal is not low",
            "Before its very first value the signal counts as below, whatever the "
            "limit. A remembered value of 0, or of `limit`, is not below each limit, "
            'and the first crossing is lost. Begin with `float("-inf")`, or remember '
            "a truth value that begins as `False`.",
            _counter_starts_high,
        ),
        Mistake(
            "takes the last value of an empty batch",
            "An empty batch has no last value, so `batch[-1]` fails. It changes "
            "nothing: loop over the values, or put the remembered value in front with "
            "`tf.concat` and take the last of all.",
            _counter_last_value,
        ),
    ),
    variants=(
        _counter_variant_loop,
        _counter_variant_truths,
        _counter_variant_concrete,
    ),
    hints=(
        "Two things must last from call to call: the count, and whether the last value "
        "was at or above the limit. Both are `tf.Variable`s, made in `make_counter` "
        "before the inner function.",
        "A signature with an open length serves all batches: "
        "`@tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])`. Inside, "
        "`for value in batch:` becomes a loop of the graph.",
        "With `count = tf.Variable(0)` and `above = tf.Variable(False)`, in the loop: "
        "`if value >= limit and not above: count.assign_add(1)`, then "
        "`above.assign(value >= limit)`; after it, `return count`.",
    ),
    explain="Python runs while a function is traced, the graph runs at each call. "
    "State in a `tf.Variable` is part of the graph's work; a Python number is frozen "
    "into the trace. And the signature says what one trace is good for: `None` "
    "for the length, and every batch finds the same graph.",
)
