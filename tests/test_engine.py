"""The exercise engine on a small exercise of its own."""

import linecache
import sys
from dataclasses import replace

import numpy as np
import pytest

from coursekit.engine import (
    Case,
    Exercise,
    Mistake,
    Opaque,
    Raised,
    Result,
    call,
    grade,
    tensors_to_plain,
    to_plain,
)
from coursekit.engine.compare import compare, contrast
from coursekit.engine.faults import plain_words
from coursekit.engine.plain import brief
from coursekit.engine.render import render
from coursekit.runtime import quiet_import


def inputs(rng: np.random.Generator) -> list[Case]:
    rows = rng.uniform(1, 9, size=(3, 4)).astype("float32")
    return [Case("matrix", (rows,)), Case("vector", (rows[0],))]


def expected(case: Case) -> np.ndarray:
    return case.args[0].sum(axis=-1, dtype="float32")


def first_axis(x):
    return x.sum(axis=0, dtype="float32")


def everything(x):
    return x.sum(dtype="float32")


EXERCISE = Exercise(
    id="01.3",
    name="row_sums",
    points=4,
    minutes=5,
    difficulty="warm-up",
    inputs=inputs,
    expected=expected,
    mistakes=(
        Mistake("sums columns", "Axis 0 runs down the rows.", first_axis),
        Mistake("sums everything", "Without an axis, all is summed.", everything),
    ),
    variants=(),
    hints=("Which axis is last?", "axis=-1"),
    explain="The last axis holds the columns of a row.",
)


def stub(x):
    raise NotImplementedError()


def test_the_stub_is_not_attempted() -> None:
    result = grade(EXERCISE, stub)
    assert result.state == "not attempted"
    assert result.earned == 0
    assert "not attempted" in render(result).text


def test_a_missing_feature_of_a_library_is_an_error_not_a_stub() -> None:
    tf = quiet_import()

    def numpy_on_a_symbolic_tensor(x):
        return tf.function(lambda t: np.mod(t, 2))(tf.constant(x))

    result = grade(EXERCISE, numpy_on_a_symbolic_tensor)
    assert result.state == "error"
    assert "symbolic" in result.failure.difference


def test_messages_of_tensorflow_are_put_in_plain_words() -> None:
    tf = quiet_import()

    def mixed(x):
        return tf.constant(x) + tf.constant(1)

    said = grade(EXERCISE, mixed).failure.difference
    assert "{{" not in said and "[Op:" not in said and "name:" not in said

    def mapped(x):
        return list(tf.data.Dataset.from_tensors(b"?").map(tf.io.decode_image))

    said = grade(EXERCISE, mapped).failure.difference
    assert "in the function given to Map: Unknown image" in said


def test_a_right_answer_earns_everything() -> None:
    result = grade(EXERCISE, lambda x: x.sum(-1))
    assert (result.state, result.earned, result.failure) == ("right", 4, None)
    assert "The last axis" in render(result, solution="def f(): ...").text


def test_partial_credit_is_by_group() -> None:
    result = grade(EXERCISE, lambda x: x.sum(axis=0))
    assert result.groups == (("matrix", False), ("vector", True))
    assert (result.state, result.earned) == ("wrong", 2)


@pytest.mark.parametrize("mistake", EXERCISE.mistakes, ids=lambda m: m.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_mistake_is_named_whatever_the_seed(mistake: Mistake, seed: int) -> None:
    result = grade(EXERCISE, mistake.answer, seed)
    assert result.misconception is mistake
    assert result.sure
    assert mistake.says in render(result).text


def test_a_half_mended_mistake_is_named_with_less_certainty() -> None:
    def scaled_when_flat(x):
        return x.sum(axis=0) if x.ndim == 2 else x.sum() + 0.0

    result = grade(EXERCISE, scaled_when_flat)
    assert result.misconception is EXERCISE.mistakes[0]

    def mends_the_vector_its_own_way(x):
        return np.float64(x.sum()) if x.ndim == 1 else x.sum(axis=0)

    result = grade(EXERCISE, mends_the_vector_its_own_way)
    assert (result.misconception, result.sure) == (None, False)


def test_a_slip_that_ends_in_an_error_does_not_hide_a_misconception() -> None:
    def fails_when_flat(x):
        return x.sum(axis=0) if x.ndim == 2 else x.sum(axis=1)

    result = grade(EXERCISE, fails_when_flat)
    assert (result.misconception, result.sure) == (EXERCISE.mistakes[0], False)

    def fails_when_flat_else_right(x):
        return x.sum(axis=1)

    assert grade(EXERCISE, fails_when_flat_else_right).misconception is None


def test_an_error_shows_the_line_of_the_answer() -> None:
    def broken(x):
        total = x.sum()
        return total.shape[7]

    result = grade(EXERCISE, broken)
    assert result.state == "error"
    got = result.failure.got
    assert (got.kind, got.source) == ("IndexError", "return total.shape[7]")
    assert "return total.shape[7]" in render(result).text


def define(source: str, **names):
    """What a learner's cell defines as ``answer``."""
    lines = source.splitlines(keepends=True)
    linecache.cache["<cell 7>"] = (len(source), None, lines, "<cell 7>")
    space = {"__name__": "__main__", "np": np, **names}
    exec(compile(source, "<cell 7>", "exec"), space)
    return space["answer"]


ORDINARY = {
    "a helper": """\
def helper(x):
    return x.nope
def answer(x):
    return helper(x)
| AttributeError: 'numpy.ndarray' object has no attribute 'nope' | 2: return x.nope""",
    "AutoGraph": """\
@tf.function
def answer(x):
    if tf.reduce_sum(x) > 0:
        x = x + "a"
    return x
| TypeError: Input 'y' of 'AddV2' Op has type string that does not match type float32 \
of argument 'x'. | 4: x = x + "a\"""",
    "a trace": """\
@tf.function
def answer(x):
    return tf.matmul(x, x)
| ValueError: Dimensions must be equal, but are 4 and 3 in MatMul with input shapes: \
[3,4], [3,4]. | 3: return tf.matmul(x, x)""",
    "a running graph": """\
@tf.function(input_signature=[tf.TensorSpec(None)])
def answer(x):
    size = tf.size(x) + 13
    return tf.reshape(x, [size])
| InvalidArgumentError: Input to reshape is a tensor with 12 values, but the requested \
shape has 25 | 4: return tf.reshape(x, [size])""",
    "an inner function": """\
def answer(x):
    @tf.function
    def inner(v):
        return v["a"]
    return inner(tf.constant(x))
| TypeError: Only integers, slices | 4: return v["a\"]""",
    "Keras": """\
def answer(x):
    model = keras.Sequential([keras.layers.Reshape((9,))])
    return model(x)
| ValueError: in Reshape.call(): The total size of the tensor must be unchanged. \
Received: input_shape=(4,), target_shape=(9,) | 3: return model(x)""",
    "a class": """\
class Layer(keras.layers.Layer):
    def call(self, x):
        return tf.matmul(x, tf.ones([7, 2]))
def answer(x):
    return Layer()(x)
| InvalidArgumentError: in Layer.call(): Matrix size-incompatible: In[0]: [3,4], \
In[1]: [7,2] | 3: return tf.matmul(x, tf.ones([7, 2]))""",
    "a generator of tf.data": """\
def answer(x):
    def rows():
        raise ValueError("no rows")
        yield 1
    spec = tf.TensorSpec([], tf.int32)
    return list(tf.data.Dataset.from_generator(rows, output_signature=spec))
| InvalidArgumentError: ValueError: no rows | 3: raise ValueError("no rows")""",
    "a missing parameter": """\
def answer():
    return 1
| TypeError: answer() takes 0 positional arguments but 1 was given | """,
    "no end of calls": """\
def answer(x):
    return answer(x)
| RecursionError: maximum recursion depth exceeded | 2: return answer(x)""",
    "several lines": """\
def answer(x):
    raise ValueError("one\\n\\n  two")
| ValueError: one two | 2: raise ValueError("one\\n\\n  two")""",
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_an_exception_is_told_in_a_line_with_the_learner_s_own(kind: str) -> None:
    tf = quiet_import()
    source, message, line = ORDINARY[kind].rsplit("| ", 2)
    result = grade(EXERCISE, define(source, tf=tf, keras=sys.modules["keras"]))
    assert result.state == "error"
    said = result.failure.difference
    assert said.startswith(f"Your code raised {message.strip()}")
    assert said.endswith(f" (line {line})") if line else "line" not in said
    assert "\n" not in said and "\x1b" not in said and "File" not in said


def test_an_error_in_a_class_that_the_probe_calls_shows_its_line() -> None:
    tf = quiet_import()
    layer = define(
        "class answer(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return x.shape[7]\n",
        keras=sys.modules["keras"],
    )
    exercise = replace(EXERCISE, probe=lambda made, case: made()(case.args[0]))
    result = grade(exercise, layer)
    assert result.failure.got.source == "return x.shape[7]"
    assert tf is not None


def test_an_exception_that_cannot_speak_is_told_all_the_same() -> None:
    answer = define(
        "class Mute(Exception):\n"
        "    def __str__(self):\n"
        "        raise ValueError\n"
        "def answer(x):\n"
        "    raise Mute\n"
    )
    said = grade(EXERCISE, answer).failure.difference
    assert said == "Your code raised Mute (line 5: raise Mute)"


def test_a_long_message_ends_at_a_word() -> None:
    said = plain_words(ValueError("word " * 200))
    assert len(said) <= 300 and said.endswith("word…")


def test_diagnosing_runs_no_more_than_it_needs() -> None:
    ran = []

    def counting(answer, case):
        ran.append(answer)
        return call(answer, case)

    exercise = replace(EXERCISE, probe=counting)
    grade(exercise, lambda x: x.sum() + 1)
    first, second = (mistake.answer for mistake in exercise.mistakes)
    assert ran.count(first) == ran.count(second) == 1  # of two failing cases


def test_an_error_alone_does_not_name_a_misconception() -> None:
    def typo(x):
        return x.smu()

    assert grade(EXERCISE, typo).misconception is None


def test_exiting_or_returning_nothing_is_no_pass() -> None:
    def leaves(x):
        raise SystemExit(0)

    assert grade(EXERCISE, leaves).state == "error"
    assert "forgot to return" in grade(EXERCISE, lambda x: None).failure.difference
    assert grade(EXERCISE, 42).state == "error"


def test_an_answer_cannot_change_its_inputs() -> None:
    def spoils(x):
        total = x.sum(-1)
        x[...] = 0
        return total

    assert grade(EXERCISE, spoils).state == "right"


def test_grading_twice_gives_the_same() -> None:
    first, second = (
        grade(EXERCISE, EXERCISE.mistakes[0].answer, seed=9) for _ in range(2)
    )
    assert render(first) == render(second)


class Liar:
    """Equal to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __array__(self, *args, **kwargs):
        return np.zeros(3)


@pytest.mark.parametrize(
    ("got", "want", "words"),
    [
        (np.zeros((2, 1)), np.zeros(2), "Expected shape (2,), got (2, 1)."),
        (np.zeros(2), np.zeros(2, "float32"), "Expected dtype float32, got float64."),
        (
            np.array([1, 2, 9]),
            np.array([1, 2, 3]),
            "1 of 3 values differ; the first, at [2], should be 3 and is 9.",
        ),
        (None, np.zeros(2), "forgot to return"),
        ([1], (1,), "Expected a tuple, got a list."),
        ((1, 2), (1,), "Expected 1 items, got 2."),
        ((1, (2, 4)), (1, (2, 3)), "Expected 3 at [1][1], got 4."),
        ({"a": 1}, {"a": 1, "b": 2}, "Missing: ['b']."),
        ({"a": 1, "c": 3}, {"a": 1}, "Not expected: ['c']."),
        ({"a": 1}, {"a": 2}, "Expected 2 at ['a'], got 1."),
        (True, 1, "Expected an int, got a bool."),
        ("1", 1, "Expected an int, got a str."),
        (1.5, 1, "Expected an int, got a float."),
        (b"ok", "ok", "Expected a str, got bytes."),
        (Opaque("TensorShape", "(2,)"), (2,), "got a TensorShape"),
        (Raised("ValueError", "no"), 1, "raised ValueError: no"),
        (1, Raised("ValueError", ""), "should raise ValueError"),
        (to_plain(Liar()), 1, "got a Liar"),
        (to_plain(Liar()), np.zeros(3), "got a Liar"),
    ],
)
def test_differences_are_said_in_words(got, want, words: str) -> None:
    assert words in compare(got, want)


@pytest.mark.parametrize(
    ("got", "want"),
    [
        (np.float32(2), 2.0),
        (np.array(3), 3),
        (2, 2.0),
        (np.array([np.nan, 1]), np.array([np.nan, 1 + 1e-9])),
        (Raised("ValueError", "a"), Raised("ValueError", "b")),
        (np.array([b"ab"]), np.array([b"ab"], dtype="S9")),
        ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ],
)
def test_what_counts_as_equal(got, want) -> None:
    assert compare(to_plain(got) if isinstance(got, np.generic) else got, want) is None


def test_large_arrays_are_shown_where_they_differ() -> None:
    want = np.arange(4096, dtype="float32").reshape(64, 64)
    got = want.copy()
    got[3, 7], got[9:10, :12] = -1, 0
    said = compare(got, want)
    assert said == (
        "13 of 4096 values differ; the first, at [3, 7], should be 199.0 and is -1.0."
    )
    expected, came = contrast(want, got)
    where = "float32 array of shape (64, 64); [3, 5:10] is "
    assert expected == f"{where}[197. 198. 199. 200. 201.]"
    assert came == f"{where}[197. 198.  -1. 200. 201.]"
    got = want.copy()
    got[63, 63] = np.nan
    assert contrast(want, got)[1].endswith(
        "[63, 59:64] is [4091. 4092. 4093. 4094.   nan]"
    )


def test_long_texts_are_shown_where_they_part() -> None:
    want, got = "x" * 300 + "abc" + "y" * 99, "x" * 300 + "abd" + "y" * 99
    said = compare(got, want)
    assert len(said) < 180 and "abc" in said and "abd" in said
    assert "abd" in contrast(want, got)[1]
    assert len(compare("z" * 10**6, "a")) < 120
    assert contrast("ab", "ac") == ("'ab'", "'ac'")


@pytest.mark.parametrize("got", [None, 3, np.zeros(2), np.zeros((30, 2)), "x", [1]])
def test_values_of_another_kind_are_shown_as_they_are(got) -> None:
    want = np.arange(60.0).reshape(30, 2)
    assert contrast(want, got)[0].startswith("float64 array of shape (30, 2)")


def test_plain_data_of_tensorflow_objects() -> None:
    tf = quiet_import()
    assert to_plain(tf.constant([1, 2])).tolist() == [1, 2]
    assert to_plain(tf.Variable(2.0)) == np.float32(2)
    assert to_plain(tf.constant(["a"])).tolist() == [b"a"]
    assert to_plain(tf.TensorShape([2, 3])).kind == "TensorShape"
    assert to_plain(tf.float32).kind == "DType"
    assert to_plain(tf.cast([1.5], tf.bfloat16)).dtype.name == "bfloat16"
    assert compare(to_plain(tf.cast(1.5, tf.bfloat16)), to_plain(tf.constant(1.5)))


def test_what_is_numpys_is_no_tensor() -> None:
    tf = quiet_import()
    pair = tensors_to_plain([(tf.constant([1, 2]), np.arange(2)), np.float32(0.5)])
    assert pair[0][0].tolist() == [1, 2]
    assert pair[0][1].kind == "NumPy array instead of a tensor"
    assert pair[1] == Opaque("NumPy number instead of a tensor", "float32 (): 0.5")
    assert "got a NumPy array instead of a tensor" in compare(pair[0][1], np.arange(2))
    endless: list = []
    endless.append(endless)
    assert tensors_to_plain(endless)


def test_deep_nesting_ends() -> None:
    nest: list = []
    for _ in range(1000):
        nest = [nest]
    assert "nesting" in brief(to_plain(nest), 10_000)


def test_brief_is_brief() -> None:
    assert len(brief(np.zeros((500, 500)))) <= 300
    assert brief(np.arange(3)) == "int64 array of shape (3,): [0 1 2]"
    assert brief((1,)) == "(1,)"


def test_html_escapes_what_the_learner_returns() -> None:
    result = grade(EXERCISE, lambda x: "<script>alert(1)</script>")
    assert isinstance(result, Result)
    assert "<script>" not in render(result).html
