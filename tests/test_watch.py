"""Watching the steps of a pipeline, the figures of pictures, and attempts."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from coursekit.attempts import attempt, elsewhere
from coursekit.plots import tiles
from coursekit.runtime import quiet_import
from coursekit.watch import Event, Watched, seconds, timeline

tf = quiet_import()


def test_a_watched_step_computes_and_counts() -> None:
    step = Watched(lambda n, add: n * 2 + add)
    made = tf.data.Dataset.range(4).map(lambda n: step(n, tf.constant(1, tf.int64)))
    assert step.count == 0
    assert [int(n) for n in made] == [1, 3, 5, 7]
    assert made.element_spec.dtype == tf.int64
    assert step.count == 4
    assert sorted(event.value for event in step.events) == [0, 1, 2, 3]
    assert len(step.taken()) == 4 and step.count == 0
    step.run(1, 2)
    step.clear()
    assert step.count == 0


def test_a_watched_step_can_have_another_dtype_and_wait() -> None:
    step = Watched(lambda n: np.float32(n) / 2, dtype=tf.float32, seconds=0.02)
    (value,) = tf.data.Dataset.range(1, 2).map(step)
    assert value.numpy() == 0.5
    (event,) = step.events
    assert event.end - event.start >= 0.02


def test_how_many_at_once() -> None:
    step = Watched()
    assert step.most_at_once == 0
    step.events = [Event(0, 0.0, 1.0), Event(1, 0.5, 2.0), Event(2, 1.0, 3.0)]
    assert step.most_at_once == 2  # the third begins when the first ends


def test_seconds_of_a_pass_include_the_step() -> None:
    step = Watched(seconds=0.01)
    assert seconds(tf.data.Dataset.range(3), step) >= 0.03
    assert step.count == 3


def test_a_timeline_has_a_lane_for_each_name_from_the_top() -> None:
    _, axis = plt.subplots()
    timeline(axis, {"a": [Event(0, 5.0, 5.1)], "b": [Event(0, 5.1, 5.2)]}, "who")
    assert [text.get_text() for text in axis.get_yticklabels()] == ["b", "a"]
    bars = [path.get_extents() for c in axis.collections for path in c.get_paths()]
    assert [(round(b.x0), round(b.x1)) for b in bars] == [(100, 200), (0, 100)]
    assert axis.get_title(loc="left") or axis.get_title()
    plt.close("all")


@pytest.mark.parametrize("count, columns, shape", [(3, None, (1, 3)), (5, 2, (3, 2))])
def test_tiles_are_in_rows(count: int, columns: int | None, shape: tuple) -> None:
    images = np.arange(count * 4).reshape(count, 2, 2)
    fig = tiles(images, range(count), columns=columns, vmin=0)
    axes = np.reshape(fig.axes, shape)
    drawn = [axis for axis in axes.flat if axis.images]
    assert len(drawn) == count
    assert np.array_equal(drawn[-1].images[0].get_array(), images[-1])
    assert drawn[-1].get_title() == str(count - 1)
    plt.close("all")


def test_an_attempt_returns_the_result_or_one_line() -> None:
    assert attempt(int, "7") == 7
    assert attempt(int, "x").startswith("invalid literal")
    assert attempt(len, 1) == "object of type 'int' has no len()"
    said = attempt(tf.reshape, [1, 2, 3], shape=(2, 2))
    assert "requested shape" in said and "__wrapped__" not in said
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 / 0)


def test_an_attempt_at_a_dataset_tells_the_reason_and_not_the_node() -> None:
    files = tf.data.Dataset.from_tensors(b"").map(tf.io.decode_image)
    assert attempt(list, files).endswith("Input is empty.")


def test_elsewhere_is_another_process_with_other_hashes() -> None:
    assert elsewhere("import sys; print(sys.argv[1:])", "a b", "c") == "['a b', 'c']"
    own = "import os; print(os.getpid())"
    assert len({elsewhere(own) for _ in range(2)}) == 2
    assert elsewhere("print(hash('name'))") != elsewhere("print(hash('name'))")
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        elsewhere("1 / 0")
