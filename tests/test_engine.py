"""The exercise engine on a small exercise of its own."""

import numpy as np
import pytest

from coursekit.engine import (
    Case,
    Exercise,
    Mistake,
    Opaque,
    Raised,
    Result,
    grade,
    to_plain,
)
from coursekit.engine.compare import compare
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


def test_an_error_shows_the_line_of_the_answer() -> None:
    def broken(x):
        total = x.sum()
        return total.shape[7]

    result = grade(EXERCISE, broken)
    assert result.state == "error"
    got = result.failure.got
    assert (got.kind, got.source) == ("IndexError", "return total.shape[7]")
    assert "return total.shape[7]" in render(result).text


def test_an_error_inside_a_tf_function_shows_the_line_and_the_bare_message() -> None:
    tf = quiet_import()

    @tf.function
    def broken(x):
        if tf.reduce_sum(x) > 0:
            x = tf.reshape(x, [5, 5])
        raise ValueError("too flat")

    result = grade(EXERCISE, broken)
    got = result.failure.got
    assert got.kind in ("ValueError", "InvalidArgumentError")
    assert "in user code" not in got.message
    assert "File" not in got.message
    assert got.source


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
            "1 of 3 values differ; the first, at (2,), should be 3 and is 9.",
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


def test_plain_data_of_tensorflow_objects() -> None:
    tf = quiet_import()
    assert to_plain(tf.constant([1, 2])).tolist() == [1, 2]
    assert to_plain(tf.Variable(2.0)) == np.float32(2)
    assert to_plain(tf.constant(["a"])).tolist() == [b"a"]
    assert to_plain(tf.TensorShape([2, 3])).kind == "TensorShape"
    assert to_plain(tf.float32).kind == "DType"
    assert to_plain(tf.cast([1.5], tf.bfloat16)).dtype.name == "bfloat16"
    assert compare(to_plain(tf.cast(1.5, tf.bfloat16)), to_plain(tf.constant(1.5)))


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
