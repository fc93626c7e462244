"""Exercise 03.1: ``newton_sqrt``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_newton(answer: Answer, case: Case) -> Plain:
    """Roots of several numbers, and in how many steps each was found."""
    tol, numbers = case.args
    steps, roots = [], []
    for number in numbers:
        try:
            found = answer(
                tf.constant(number, tf.float64), tf.constant(tol, tf.float64)
            )
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            # TensorFlow names the operation that met both dtypes: any may be first.
            text = str(error)
            if ("double tensor" in text and "float tensor" in text) or (
                "float64" in text and "float32" in text
            ):
                raise TypeError(f"float32 and float64 meet: {text[:150]}") from error
            raise
        if not isinstance(found, tuple | list) or len(found) != 2:
            return {"steps": "no pair of root and steps came back", "roots": None}
        root, count = found
        roots.append(float(root) if isinstance(root, np.generic) else to_plain(root))
        count = to_plain(count)
        is_scalar = isinstance(count, np.ndarray) and count.ndim == 0
        steps.append(str(count.item() if is_scalar else count)[:40])
    if len(set(steps)) == 1:  # then the values say nothing more
        return {"steps": "the same number for each of them", "roots": None}
    return {"steps": ", ".join(steps), "roots": roots}


def _newton(a: float, tol: float) -> tuple[float, int, bool]:
    """Root, steps, and whether no residual was near the tolerance."""
    if a == 0:
        return 0.0, 0, True
    x, steps, clear = 1.0, 0, True
    while True:
        residual = abs(x * x - a) / a
        clear = clear and not tol / 2 < residual < tol * 2
        if residual <= tol:
            return x, steps, clear
        x, steps = (x + a / x) / 2, steps + 1


def _newton_inputs(rng: np.random.Generator) -> list[Case]:
    def square(low: int, high: int) -> float:
        """A number with an exact root, so that even a loop for equality ends."""
        return (
            float(int(rng.integers(3, 32)) * 2.0 ** int(rng.integers(low, high))) ** 2
        )

    def case(group: str, tol: float, *draws, strict: bool = True) -> Case:
        while True:  # counts must differ, and not hang on the last digit
            numbers = [d() if callable(d) else d for d in draws]
            found = [_newton(a, tol) for a in numbers]
            different = len({count for _, count, _ in found}) == len(numbers)
            if different and (not strict or all(clear for *_, clear in found)):
                break
        shown = ", ".join(f"{a:.6g}" for a in numbers)
        return Case(group, (tol, numbers), f"newton_sqrt(a, {tol:g}) for a = {shown}")

    def middle() -> float:
        return square(-2, 4)

    coarse = float(rng.choice([0.08, 0.1, 0.15]))
    near = (int(rng.integers(126, 128)) / 128) ** 2  # 1 is root enough
    # At 0.75 the start is just near enough to the root of 4, so there is no step; and
    # for the other the first step is near enough by the measure of x * x, not of a.
    edge = [4.0, float(rng.choice([2.5, 2.75, 3.0])) ** 2]
    return [
        case("everyday numbers", 1e-9, middle, middle, lambda: square(-9, -5)),
        case("a coarse tolerance", coarse, middle, near, lambda: square(3, 9)),
        case("a coarse tolerance", 0.75, *edge, strict=False),
        case("from 1e-100 to 1e100", 1e-9, lambda: square(100, 160), middle),
        case("from 1e-100 to 1e100", 1e-6, lambda: square(-160, -100), middle),
        case("nothing to do", 1e-9, 1.0, middle),
        case("zero", 1e-6, 0.0, middle),
    ]


def _newton_expected(case: Case) -> Plain:
    tol, numbers = case.args
    found = [_newton(a, tol) for a in numbers]
    return {
        "steps": ", ".join(str(count) for _, count, _ in found),
        "roots": [np.array(root, np.float64) for root, *_ in found],
    }


def _better(x, a):
    return (x + a / x) / 2


def _residual(x, a):
    return tf.abs(x * x - a)


def _until(enough, start=tf.ones_like, first=0):
    """An answer that goes on until ``enough(x, a, tol)``."""

    def newton_sqrt(a, tol):
        if a == 0:
            return a, 0
        x, steps = start(a), first
        while not enough(x, a, tol):
            x, steps = _better(x, a), steps + 1
        return x, steps

    return newton_sqrt


def _is_close(x, a, tol):
    return _residual(x, a) <= tol * a


_newton_right = _until(_is_close)
_newton_absolute = _until(lambda x, a, tol: _residual(x, a) <= tol)
_newton_by_x = _until(lambda x, a, tol: _residual(x, a) <= tol * x * x)
_newton_at_tolerance = _until(lambda x, a, tol: _residual(x, a) < tol * a)
_newton_no_abs = _until(lambda x, a, tol: x * x - a <= tol * a)
_newton_until_equal = _until(lambda x, a, tol: x * x == a)
_newton_counts_values = _until(_is_close, first=1)
_newton_float32_start = _until(_is_close, start=lambda a: tf.constant(1.0))


def _newton_small_step(a, tol):
    if a == 0:
        return a, 0
    x, steps = tf.ones_like(a), 0
    while True:
        before, x, steps = x, _better(x, a), steps + 1
        if tf.abs(x - before) <= tol * x:
            return x, steps


def _newton_at_least_once(a, tol):
    if a == 0:
        return a, 0
    x, steps = tf.ones_like(a), 0
    while True:
        x, steps = _better(x, a), steps + 1
        if _is_close(x, a, tol):
            return x, steps


def _newton_fixed(a, tol):
    x = tf.ones_like(a)
    for _ in range(20):
        x = _better(x, a)
    return x, 20


def _newton_starts_at_a(a, tol):
    x, steps = a, 0
    while _residual(x, a) > tol * a:
        x, steps = _better(x, a), steps + 1
    return x, steps


def _newton_no_zero(a, tol):
    x, steps = tf.ones_like(a), 0
    while _residual(x, a) > tol * a:
        x, steps = _better(x, a), steps + 1
    return x, steps


def _newton_in_float32(a, tol):
    x, steps = _newton_no_zero(tf.cast(a, tf.float32), tf.cast(tol, tf.float32))
    return x, 0 if a == 0 else steps


def _newton_python_float(a, tol):
    x, steps = _newton_right(a, tol)
    return float(x), steps


def _newton_root_only(a, tol):
    return _newton_right(a, tol)[0]


def _newton_true_root(a, tol):
    return tf.sqrt(a), _newton_right(a, tol)[1]


def _newton_variant_variable(a, tol):
    x = tf.Variable(tf.ones([], a.dtype))
    if a == 0:
        x.assign(0)
    steps = 0
    while abs(x * x - a) > tol * a:
        x.assign(0.5 * (x + a / x))
        steps += 1
    return x.read_value(), steps


def _newton_variant_recursive(a, tol):
    def better(x, steps):
        done = not a or float(abs(x**2 - a)) <= float(tol) * float(a)
        return (x, steps) if done else better(0.5 * x + 0.5 * a / x, steps + 1)

    a = float(a)
    root, steps = better(1.0 if a else 0.0, 0)
    return tf.constant(root, tf.float64), steps


@tf.function(input_signature=[tf.TensorSpec([], tf.float64)] * 2)
def _newton_variant_graph(a, tol):
    steps = 0
    x = tf.where(a == 0, a, tf.ones_like(a))
    while _residual(x, a) > tol * a:
        x, steps = _better(x, a), steps + 1
    return x, steps


EXERCISE = Exercise(
    id="03.1",
    name="newton_sqrt",
    points=3,
    minutes=10,
    difficulty="warm-up",
    rtol=1e-9,
    atol=0.0,
    inputs=_newton_inputs,
    probe=_probe_newton,
    expected=_newton_expected,
    mistakes=(
        Mistake(
            "takes the tolerance as absolute",
            "Your loop ends when `x * x` is within `tol` of `a`, whatever the size of "
            "`a`. For a tiny `a` that holds at the start, and a huge `a` would have to "
            "be met to more digits than a float has. Compare with `tol * a`.",
            _newton_absolute,
        ),
        Mistake(
            "measures by x, not by a",
            "You allow `x * x` an error of `tol * x * x`, or `x` one of `tol * x`. The "
            "task measures by `tol * a`. Near the root that is nearly the same; with a "
            "coarse `tol` and an `x` far above the root it is not.",
            _newton_by_x,
        ),
        Mistake(
            "goes on when the tolerance is just met",
            "You take one more step where `|x * x - a|` is equal to `tol * a`. That is "
            "near enough: go on only while it is greater, `>` and not `>=`.",
            _newton_at_tolerance,
        ),
        Mistake(
            "forgets that x * x may be too small",
            "Where `a` is above 1, `x * x - a` is negative at first, so it is below "
            "every tolerance, and no step is taken. It is the distance that counts: "
            "`tf.abs(x * x - a)`.",
            _newton_no_abs,
        ),
        Mistake(
            "takes a fixed number of steps",
            "You take the same number of steps for every `a`. Far from the root each "
            "step only halves the distance, near it each one doubles the digits: how "
            "many it takes depends on `a`. Let a `while` ask the tensor itself.",
            _newton_fixed,
        ),
        Mistake(
            "waits until x * x equals a",
            "You go on until `x * x` is exactly `a`. That ignores `tol`, and for most "
            "numbers it never comes true, since the root has no last digit: such a "
            "loop runs for ever. Stop at `tf.abs(x * x - a) <= tol * a`.",
            _newton_until_equal,
        ),
        Mistake(
            "stops when a step is small",
            "You stop once a step changes `x` by little. That is another question, "
            "asked one step later: here the loop ends when the square is close, "
            "`tf.abs(x * x - a) <= tol * a`, asked before each step.",
            _newton_small_step,
        ),
        Mistake(
            "takes a step before asking",
            "You take a step before the first look at the tolerance, so where the "
            "start is good enough, as for `a = 1`, you count one where none was "
            "needed. Put the question into the head of the loop: `while … > tol * a`.",
            _newton_at_least_once,
        ),
        Mistake(
            "counts the values, not the steps",
            "You are one step ahead everywhere but at zero: the start was counted as "
            "well. Begin with `steps = 0`, so that no step gives 0.",
            _newton_counts_values,
        ),
        Mistake(
            "starts at a",
            "You start at `a` where the task starts at 1. One step later both are at "
            "`(1 + a) / 2`, but where 1 is near enough to the root at once, the answer "
            "is 1, after no step. A 1 of the right dtype is `tf.ones_like(a)`.",
            _newton_starts_at_a,
        ),
        Mistake(
            "has no answer for zero",
            "At `a = 0` a relative tolerance asks for an error of 0. Your `x` halves "
            "hundreds of times, until its square is too small for a float, and still "
            "is not 0. Ask first: `if a == 0` the root is 0, after no step.",
            _newton_no_zero,
        ),
        Mistake(
            "mixes float32 with float64",
            "`a` and `tol` are `float64`, but a number of yours became `float32`, as "
            "in `tf.constant(1.0)`, and TensorFlow does not convert behind your back. "
            "A plain Python `1` takes the dtype of its neighbour; or say "
            "`tf.constant(1.0, a.dtype)`.",
            _newton_float32_start,
        ),
        Mistake(
            "computes in float32",
            "You work in `float32`, which has 7 digits and no room beyond 3.4e38. "
            "Keep `float64` from the arguments to the result, without a cast.",
            _newton_in_float32,
        ),
        Mistake(
            "returns no tensor",
            "Steps and value are right, but the root comes back as a number of Python "
            "or NumPy. The task asks for a tensor: return `x` as it is, without "
            "`float` or `.numpy()`.",
            _newton_python_float,
        ),
        Mistake(
            "returns the root only",
            "Two things are to come back, the root and the number of steps. Count the "
            "rounds of the loop in a Python `int` and `return x, steps`.",
            _newton_root_only,
        ),
        Mistake(
            "returns tf.sqrt",
            "The steps are right, but the root has more digits than they give: it is "
            "that of `tf.sqrt`. With a coarse `tol` the two differ. Return the `x` at "
            "which your loop ended.",
            _newton_true_root,
        ),
    ),
    variants=(
        _newton_variant_variable,
        _newton_variant_recursive,
        _newton_variant_graph,
    ),
    hints=(
        "With eager execution a tensor has its value at once, so a plain Python "
        "`while` may ask it: `while tf.abs(x * x - a) > tol * a:`.",
        "Deal with `a == 0` before the loop. `tf.ones_like(a)` is a 1 of the right "
        "dtype; the number of steps can be an ordinary `int`.",
        "`x, steps = tf.ones_like(a), 0`; in the loop `x = (x + a / x) / 2` and "
        "`steps += 1`; at the end `return x, steps`. Before all that: `if a == 0: "
        "return a, 0`.",
    ),
    explain="Eagerly, a tensor is a value that Python can look at, so `if` and `while` "
    "work as ever and the loop runs as long as the numbers ask for. Each step near the "
    "root doubles the digits; the many steps for huge and tiny numbers only find the "
    "way there. And a tolerance must fit the size of what it is compared with.",
)
