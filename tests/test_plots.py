"""Figures that lessons share, and the scattered digits."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
from keras import layers
from matplotlib import pyplot as plt

from coursekit import data
from coursekit.diagrams import graph, tree
from coursekit.plots import cells, confusion, curves, spectrogram


@pytest.fixture(autouse=True)
def nothing_left_open() -> Iterator[None]:
    """Close what a test has drawn."""
    yield
    plt.close("all")


def test_a_tree_has_every_name_once_and_a_line_to_each_but_the_root() -> None:
    fig = tree("root", {"a": {"b": True, "c": {}}, "d": None})
    axis = fig.axes[0]
    heights = {text.get_text(): text.get_position() for text in axis.texts}
    assert heights == {
        "root": (0, -1.25),
        "a": (1, -0.5),
        "b": (2, 0),
        "c": (2, -1),
        "d": (1, -2),
    }
    assert len(axis.lines) == 4


def test_cells_show_every_text_on_its_shade() -> None:
    fig = cells([["a", "b"], ["c"]], [[0.2, 1.0], [0.4]], ["first", "second"])
    axis = fig.axes[0]
    places = {text.get_text(): text.get_position() for text in axis.texts}
    assert places == {"a": (0, 0), "b": (1, 0), "c": (0, 1)}
    np.testing.assert_allclose(axis.images[0].get_array(), [[0.2, 1.0], [0.4, 0.0]])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first", "second"]


def test_a_spectrogram_has_low_tones_below_and_strong_ones_dark() -> None:
    _, axis = plt.subplots()
    strength = np.zeros((3, 5))
    strength[:, 1] = 9.0
    spectrogram(axis, strength, 8000, 1.5)
    image = axis.images[0]
    assert image.get_extent() == [0.0, 1.5, 0.0, 4.0] and image.origin == "lower"
    assert image.get_array().shape == (5, 3)
    assert int(np.argmax(image.get_array()[:, 0])) == 1
    assert axis.get_ylabel() == "kHz"


def test_scattered_digits_are_whole_and_answers_tell_the_turn() -> None:
    digits = data.digits()
    few = digits.y_train < 5
    images, labels = digits.x_train[few], digits.y_train[few]
    sheets, answers = data.scatter(images, labels, np.random.default_rng(1))
    assert sheets.shape == (len(images), 144) and sheets.dtype == np.float32
    np.testing.assert_allclose(sheets.sum(axis=1), images.sum(axis=(1, 2)), rtol=1e-5)
    assert set(answers) == set(range(20))
    np.testing.assert_array_equal(answers // 4, labels)
    k = int(np.flatnonzero(answers == 3 * 4 + 1)[0])  # a 3, turned once
    inked = np.argwhere(sheets[k].reshape(12, 12))
    (top, left), (bottom, right) = inked.min(axis=0), inked.max(axis=0) + 1
    rows, columns = np.nonzero(np.rot90(images[k]))
    found = sheets[k].reshape(12, 12)[top:bottom, left:right]
    box = np.rot90(images[k])[
        rows.min() : rows.max() + 1, columns.min() : columns.max() + 1
    ]
    np.testing.assert_array_equal(found, box)


def test_upright_digits_keep_their_labels() -> None:
    digits = data.digits()
    images, labels = digits.x_test, digits.y_test
    rng = np.random.default_rng(1)
    sheets, answers = data.scatter(images, labels, rng, size=9, turns=1)
    assert sheets.shape == (len(images), 81)
    np.testing.assert_array_equal(answers, labels)


def drawn(fig: plt.Figure) -> tuple[dict[str, list], list]:
    """Centres of the boxes by name, and the boxes."""
    axis = fig.axes[0]
    boxes = [p for p in axis.patches if hasattr(p, "get_boxstyle")]
    texts = [t for t in axis.texts if t.get_ha() == "center"]
    places: dict[str, list] = {}
    for text in texts:
        places.setdefault(text.get_text(), []).append(text.get_position())
    return places, boxes


def test_a_stack_is_drawn_from_left_to_right_with_its_shapes() -> None:
    stack = [
        keras.Input((4, 2)),
        layers.Flatten(name="flat"),
        layers.Dense(3, name="d"),
    ]
    fig = graph(keras.Sequential(stack))
    places, boxes = drawn(fig)
    assert list(places) == ["input", "flat", "d"] and len(boxes) == 3
    (x0, y0), (x1, y1), (x2, y2) = (spots[0] for spots in places.values())
    assert x0 < x1 < x2 and y0 == y1 == y2
    shapes = [t.get_text() for t in fig.axes[0].texts if t.get_ha() == "left"]
    assert shapes == ["4 × 2", "8", "3"]
    assert len(fig.axes[0].patches) - len(boxes) == 3  # two arrows and the way out


def test_a_shared_layer_has_a_thick_frame_at_each_call() -> None:
    left, right = keras.Input((3,), name="left"), keras.Input((3,), name="right")
    shared = layers.Dense(2, name="shared")
    total = layers.Add(name="sum")([shared(left), shared(right)])
    fig = graph(keras.Model([left, right], total), mark=["sum"])
    places, boxes = drawn(fig)
    assert {name: len(spots) for name, spots in places.items()} == {
        "left": 1,
        "right": 1,
        "shared": 2,
        "sum": 1,
    }
    assert sum(box.get_linewidth() > 2 for box in boxes) == 2
    assert len({box.get_facecolor() for box in boxes}) == 2


def test_a_tensor_added_to_itself_sends_two_arrows_side_by_side() -> None:
    start = keras.Input((5,), name="start")
    double = layers.Add(name="double")([start, start])
    fig = graph(keras.Model(start, double))
    _, boxes = drawn(fig)
    arrows = [p for p in fig.axes[0].patches if p not in boxes]
    heights = {round(float(a.get_path().vertices[0, 1]), 3) for a in arrows}
    assert (len(arrows), len(heights)) == (3, 2)


def test_no_arrow_runs_through_a_box_and_long_graphs_run_downwards() -> None:
    x = start = keras.Input((5,), name="start")
    for k in range(7):
        x = layers.Dense(5, name=f"layer{k}")(x)
    x = layers.Add(name="skip")([start, x])
    fig = graph(keras.Model(start, x))
    places, boxes = drawn(fig)
    heights = [spots[0][1] for spots in places.values()]
    assert heights == sorted(heights, reverse=True)
    fig.canvas.draw()
    frames = [box.get_window_extent().padded(-2) for box in boxes]
    arrows = [p for p in fig.axes[0].patches if p not in boxes]
    assert len(arrows) == 10
    for arrow in arrows:
        way = arrow.get_path().interpolated(9).vertices
        pixels = arrow.get_transform().transform(way)
        assert not any(frame.contains(*at) for at in pixels for frame in frames)


def test_a_model_without_a_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential has no graph"):
        graph(keras.Sequential([layers.Dense(1)]))


def test_curves_mark_the_best_epoch_of_validation() -> None:
    runs = {
        "one": {"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 2.5, 2.75]},
        "two": {"loss": [2.0, 1.5]},
    }
    fig = curves(runs)
    first, second = fig.axes
    assert [axis.get_title(loc="left") or axis.get_title() for axis in fig.axes] == [
        "one",
        "two",
    ]
    assert len(first.lines) == 3 and len(second.lines) == 1
    assert list(first.lines[2].get_xdata()) == [2, 2]
    np.testing.assert_array_equal(first.lines[1].get_ydata(), [3.0, 2.5, 2.75])
    best = curves(
        {"a": {"accuracy": [0.5, 0.6], "val_accuracy": [0.4, 0.5]}}, "accuracy"
    )
    assert list(best.axes[0].lines[2].get_xdata()) == [2, 2]


def test_confusion_shows_every_count_but_zeros() -> None:
    _, axis = plt.subplots()
    confusion(axis, [[5, 0, 1], [0, 3, 0], [2, 0, 4]], "abc")
    texts = {text.get_position(): text.get_text() for text in axis.texts}
    assert texts == {(0, 0): "5", (2, 0): "1", (1, 1): "3", (0, 2): "2", (2, 2): "4"}
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "truth")
