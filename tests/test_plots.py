"""Figures that lessons share, and the scattered digits."""

import numpy as np
from matplotlib import pyplot as plt

from coursekit import data
from coursekit.plots import cells, spectrogram, tree


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
