"""The small parts: importing, the spine, setup, figures, quizzes, data."""

import base64
import json
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter

import coursekit as ck
from coursekit.spine import load_course


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def test_importing_is_cheap_and_leaves_tensorflow_alone() -> None:
    seconds, loaded = python(
        "import sys, time\n"
        "start = time.process_time()\n"
        "import coursekit as ck\n"
        "dir(ck)\n"
        "print(time.process_time() - start, 'tensorflow' in sys.modules)"
    ).split()
    assert float(seconds) < 0.5
    assert loaded == "False"


def test_setup_makes_two_processes_print_the_same_and_nothing_on_stderr() -> None:
    code = (
        "import coursekit as ck\n"
        "ck.setup()\n"
        "import random, numpy as np, tensorflow as tf, keras\n"
        "print(random.random(), np.random.rand(), float(tf.random.normal([])))\n"
        "print(keras.random.normal([2]).numpy())\n"
        "print(float(tf.reduce_sum(keras.layers.Dense(3)(tf.ones([1, 4])))))\n"
    )
    first, second = python(code), python(code)
    assert first == second
    assert first.startswith("TensorFlow 2.21.0, Keras 3.15.1 | seed 42, deterministic")


def test_setup_too_late_says_so() -> None:
    said = python(
        "from coursekit.runtime import quiet_import\n"
        "tf = quiet_import()\n"
        "tf.constant(1) + 1\n"
        "import coursekit as ck\n"
        "ck.setup()"
    )
    assert "threads NOT fixed: restart the kernel first" in said


def test_importing_the_engine_and_the_checks_runs_no_op() -> None:
    # An op starts TensorFlow's threads, after which a process can no longer fork.
    said = python(
        "from coursekit.engine import load_exercises\n"
        "from coursekit.spine import load_course\n"
        "for chapter in load_course().ready:\n"
        "    for exercise in load_exercises(chapter.number).values():\n"
        "        exercise.cases(1)\n"
        "from tensorflow.python.eager import context\n"
        "print(context.context()._initialized)"
    )
    assert said == "False\n"


def test_the_spine_is_complete() -> None:
    course = load_course()
    assert len(course.modules) == 10
    assert [c.number for c in course.chapters] == [f"{n:02}" for n in range(1, 31)]
    ids = [section.id for c in course.chapters for section in c.sections]
    assert len(ids) == len(set(ids)) == 180
    assert course.chapter("1") is course.chapter("01.4") is course.chapters[0]
    assert course.section("30.6").title == "Brain-computer interfaces"
    for chapter in course.ready:
        assert chapter.minutes > 0
    with pytest.raises(KeyError):
        course.section("04.7")


def outputs(capsys) -> str:
    return capsys.readouterr().out


def test_show_carries_the_description(monkeypatch) -> None:
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    calls = []
    monkeypatch.setattr(
        "IPython.display.display", lambda data, **kw: calls.append((data, kw))
    )
    before = plt.get_fignums()
    fig, ax = plt.subplots()
    ax.plot([1, 2])
    alt = 'A straight line rises from "1" to 2 & ends.'
    ck.show(fig, alt=alt)
    assert plt.get_fignums() == before
    ((shown, _),) = calls
    assert shown["text/plain"] == alt
    source = shown["text/html"].partition("base64,")[2].partition('"')[0]
    assert base64.b64decode(source)[8:12] == b"WEBP"

    output = nbformat.v4.new_output("display_data", shown)
    cell = nbformat.v4.new_code_cell("ck.show(fig)", outputs=[output])
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    assert BeautifulSoup(page, "html.parser").find("img")["alt"] == alt


def test_show_refuses_a_description_that_describes_nothing() -> None:
    with pytest.raises(ValueError, match="say in a sentence"):
        ck.show(None, alt="a plot")


def test_the_digits_are_split_the_same_way_each_time() -> None:
    digits = ck.data.digits()
    assert digits.x_train.shape == (1437, 8, 8)
    assert digits.x_test.shape == (360, 8, 8)
    assert digits.x_train.dtype == np.float32
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 1)
    assert np.bincount(digits.y_test).min() >= 34  # every class is tested
    rows = {x.tobytes() for x in digits.x_train}
    assert sum(x.tobytes() in rows for x in digits.x_test) == 0
    with pytest.raises(ValueError, match="read-only"):
        digits.x_train[0] = 0


def test_photographs() -> None:
    flower = ck.data.photo("flower")
    assert (flower.shape, flower.dtype) == ((427, 640, 3), np.uint8)
    flower[:] = 0  # a copy: the next caller gets the picture
    assert ck.data.photo("flower").max() > 200
    with pytest.raises(ValueError, match="'flower' and 'china'"):
        ck.data.photo("cat")


def test_the_command_lists_its_commands() -> None:
    said = python("from coursekit.cli import main\nmain(['status'])")
    assert "01 TensorFlow Fundamentals" in said
    done = subprocess.run(
        [sys.executable, "-m", "coursekit.cli", "nonsense"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "there is no command 'nonsense'" in done.stderr


def test_every_name_of_the_package_resolves() -> None:
    for name in ck.__all__:
        assert getattr(ck, name) is not None
    assert json.dumps(ck.__version__)
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        ck.chekc  # noqa: B018
