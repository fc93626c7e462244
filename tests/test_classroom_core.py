"""The sandboxed grader: honest scores, whatever is handed in, and no trace of it."""

import json
import os
import re
import shutil
import socket
import subprocess
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.resources import family
from coursekit.classroom import (
    cage,
    extract,
    grader,
    look,
    patience,
    probes,
    wire,
)
from coursekit.classroom.cage import NoSandbox
from coursekit.classroom.grader import Grader
from coursekit.classroom.judging import truth
from coursekit.classroom.result import ExerciseResult, SubmissionResult
from coursekit.classroom.sandbox import Limits, Walled
from coursekit.engine import Opaque, Raised, load_exercises
from tests.attacks.submissions import attacks
from tests.fixtures.attention import (
    ATTENTION,
    CHAPTER,
    EXERCISES,
    IMPORTS,
    RIGHT,
    STUBS,
    TRAIN,
    WRONG,
    cell,
    notebook,
    submission,
)

SEED = 20261121
LIMITS = Limits(call=5, cell=5, submission=60, memory=1 << 29)


def lacking() -> str:
    """Why there is no sandbox here, or ""."""
    try:
        cage.require()
    except NoSandbox as error:
        if os.environ.get("CI") == "true":
            raise
        return str(error)
    return ""


needs_sandbox = pytest.mark.skipif(bool(lacking()), reason=f"no sandbox: {lacking()}")


@pytest.fixture(scope="module")
def pool() -> Iterator[Grader]:
    with Grader(2, limits=LIMITS) as found:
        yield found


def graded(pool: Grader, data: bytes) -> tuple[SubmissionResult, ExerciseResult, ...]:
    result = pool.grade(CHAPTER, data, SEED, exercises=EXERCISES)
    assert (
        SubmissionResult.from_json(json.loads(json.dumps(result.to_json()))) == result
    )
    return result, *result.exercises


# --- attacks ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the grader's user owns and no submission may read or change."""
    folder = tmp_path_factory.mktemp("canary")
    (folder / "solution.txt").write_text(f"CANARY\n{ATTENTION}")
    (folder / "gradebook.db").write_bytes(b"CANARY")
    return folder


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture(scope="module")
def verdicts(
    pool: Grader, canary: Path, listener: socket.socket
) -> Iterator[dict[str, Future]]:
    """All attacks on their way, two at a time."""
    with ThreadPoolExecutor(2) as threads:
        every = attacks(str(canary), listener.getsockname()[1])
        futures = {
            name: threads.submit(
                graded, pool, notebook(IMPORTS, *attack.cells, cell(TRAIN))
            )
            for name, attack in every.items()
        }
        yield futures
        for future in futures.values():
            future.cancel()


NAMES = attacks("", 0)


@needs_sandbox
@pytest.mark.parametrize("name", NAMES)
def test_attack(
    name: str,
    verdicts: dict[str, Future],
    canary: Path,
    listener: socket.socket,
) -> None:
    attack = NAMES[name]
    result, attention, train = verdicts[name].result()
    told = json.dumps(result.to_json(), ensure_ascii=False)
    assert attention.earned == attack.earned, told
    assert attention.state in attack.attention, told
    assert train.state in attack.train, told
    assert result.isolated
    for word in ("STOLEN", "PLANTED", "HIDDEN", "CANARY"):
        assert word not in told
    assert len(told) < 100_000
    shown = [result.reason, attention.says, attention.difference, attention.error_line]
    assert all(text.isprintable() for text in shown)
    untouched(canary, listener)


def untouched(canary: Path, listener: socket.socket) -> None:
    assert {path.name for path in canary.iterdir()} == {"solution.txt", "gradebook.db"}
    assert (canary / "gradebook.db").read_bytes() == b"CANARY"
    with pytest.raises(BlockingIOError):
        listener.accept()


@needs_sandbox
def test_no_process_and_no_file_is_left(
    pool: Grader, verdicts: dict[str, Future]
) -> None:
    for future in verdicts.values():
        future.result()
    hosts = [slot.host for slot in pool._slots if isinstance(slot.host, Walled)]
    assert hosts
    for host in hosts:  # bubblewrap, its process 1 and the zygote
        assert len(family(host._process.pid)) == 3
    look_around = """
import os
for folder, folders, names in os.walk("/"):
    if not folder.startswith(("/usr", "/proc", "/dev")) and "python3" not in folder:
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.W_OK) and not os.path.islink(path):
                print("FOUND", path)
    if os.access(folder, os.W_OK):
        print("WRITABLE", folder)
"""
    for _ in hosts:
        result, attention, _ = graded(
            pool, notebook(IMPORTS, look_around + ATTENTION, TRAIN)
        )
        lines = set(attention.stdout.splitlines()[1:])
        assert lines <= {"WRITABLE /tmp", "WRITABLE /dev/shm"}


# --- honest work ------------------------------------------------------------------


@needs_sandbox
def test_right_answers_get_full_marks(pool: Grader) -> None:
    result, *exercises = graded(pool, submission(**RIGHT))
    assert (result.state, result.reason, result.earned) == ("graded", "", 8)
    assert [e.state for e in exercises] == ["right", "right"]
    assert exercises[0].groups == (("scaling", True), ("mask", True), ("batches", True))
    assert exercises[0].code_hash and not exercises[0].says


@needs_sandbox
def test_a_stub_is_not_attempted(pool: Grader) -> None:
    result, *exercises = graded(pool, submission(train_linear=TRAIN))
    assert [e.state for e in exercises] == ["not attempted", "right"]
    assert result.state == "graded"
    assert graded(pool, submission())[0].earned == 0


@needs_sandbox
def test_a_misconception_is_named_and_gets_partial_credit(pool: Grader) -> None:
    unmasked = ATTENTION.replace("if mask is not None", "if False")
    _, attention, _ = graded(pool, submission(attention=unmasked))
    assert (attention.state, attention.misconception, attention.says) == (
        "wrong",
        "ignores the mask",
        EXERCISES[0].mistakes[1].says,
    )
    assert attention.earned == 2.67
    assert attention.case_group == "mask"


@needs_sandbox
def test_an_error_names_its_line_and_shows_what_was_printed(pool: Grader) -> None:
    code = "print('hello')\ndef attention(q, k, v, mask=None):\n    return q @ k\n"
    _, attention, _ = graded(pool, submission(attention=code))
    assert attention.state == "error"
    assert attention.error_line == "line 3: return q @ k"
    assert "InvalidArgumentError" in attention.difference
    assert attention.stdout == "hello\n"


@needs_sandbox
def test_the_exercise_that_hangs_is_named_and_the_rest_is_graded(pool: Grader) -> None:
    hangs = ATTENTION.replace("if mask", "while len(q.shape) == 3: pass\n    if mask")
    data = submission(attention=hangs, train_linear=TRAIN)
    result, attention, train = graded(pool, data)
    assert result.state == "partly graded"
    assert "99.1 attention" in result.reason
    assert (attention.state, train.state) == ("timeout", "right")
    assert attention.earned == 2.67  # what had been right before it hung


WAITS = """
import time
def attention(q, k, v, mask=None):
    time.sleep(1.5)
    scores = tf.matmul(q, k, transpose_b=True) / float(q.shape[-1]) ** 0.5
    scores = scores if mask is None else tf.where(mask, scores, -1e9)
    return tf.nn.softmax(scores, axis=-1) @ v
"""
SLEEPS = "import time\ndef attention(q, k, v, mask=None):\n    time.sleep(99)\n"


@needs_sandbox
def test_processor_time_decides_what_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "crowding", lambda: 12.0)
    limits = replace(LIMITS, call=1.2, cell=10)
    with Grader(1, limits=limits) as pool:
        slow, attention, _ = graded(pool, submission(attention=WAITS))
    assert attention.state == "right" and not slow.unsure
    assert attention.seconds > limits.call  # by the clock each call overran


@needs_sandbox
@pytest.mark.parametrize("crowded", [1.0, 2.0])
def test_what_the_clock_stops_on_a_busy_machine_is_unsure(
    monkeypatch: pytest.MonkeyPatch, crowded: float
) -> None:
    monkeypatch.setattr(patience, "crowding", lambda: crowded)
    began = time.monotonic()
    with Grader(1, limits=replace(LIMITS, call=1)) as pool:
        result, attention, _ = graded(pool, submission(attention=SLEEPS))
    assert time.monotonic() - began < 60
    assert (attention.state, result.state) == ("timeout", "partly graded")
    assert result.unsure is (crowded > 1)
    assert re.search(r"stopped after \d s, 0 s of it computing", result.reason)
    assert ("on a busy machine" in result.reason) is result.unsure


def test_a_machine_is_busy_when_work_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    cores = os.cpu_count() or 1
    for load, factor in ((0.5, 1), (1.2, 1), (2, 4), (50, patience.MOST)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load * cores, 0, 0))
        assert patience.crowding() == factor


@needs_sandbox
@pytest.mark.parametrize("seconds", [0.5, 15])
def test_closing_breaks_off_what_runs(seconds: float) -> None:
    """While a worker starts, and while it calls an answer that sleeps."""
    pool = Grader(1)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(graded, pool, submission(attention=SLEEPS))
        time.sleep(seconds)
        began = time.monotonic()
        pool.close()
        with pytest.raises(grader.Closed):
            future.result(20)
        assert time.monotonic() - began < 2
    with pytest.raises(grader.Closed):
        graded(pool, submission())


@needs_sandbox
def test_an_answer_has_files_a_home_and_a_loopback(pool: Grader) -> None:
    code = """
import os, socket
from pathlib import Path
home = Path.home() / "data"
home.mkdir()
with tf.io.TFRecordWriter(str(home / "a.tfrecord")) as file:
    file.write(b"abc")
records = list(tf.data.TFRecordDataset(home / "a.tfrecord").as_numpy_iterator())
server = socket.create_server(("localhost", 0))
client = socket.create_connection(("localhost", server.getsockname()[1]))
client.sendall(b"hello")
print(records, server.accept()[0].recv(5), os.listdir(home), os.access(".", os.W_OK))
for family, kind, protocol in ((16, 3, 0), (17, 3, 0), (38, 5, 0), (40, 1, 0),
                               (2, 3, 1), (2, 1, 132)):
    try:
        print("OPEN", socket.socket(family, kind, protocol))
    except OSError:
        pass
try:
    socket.create_connection(("192.0.2.1", 80), 2)
except OSError as error:
    print(error.strerror)
"""
    _, attention, _ = graded(pool, submission(attention=code + ATTENTION))
    assert attention.stdout.splitlines() == [
        "[b'abc'] b'hello' ['a.tfrecord'] True",
        "Network is unreachable",
    ]


@needs_sandbox
def test_an_answer_may_use_the_data_of_the_course(pool: Grader) -> None:
    code = "print(ck.data.digits().x_train.shape[1:])\n"
    _, attention, _ = graded(pool, submission(attention=code + ATTENTION))
    assert (attention.stdout, attention.state) == ("(8, 8)\n", "right")


@needs_sandbox
def test_same_notebook_same_verdict(pool: Grader) -> None:
    noisy = ATTENTION.replace("@ v\n", "@ v + tf.random.normal(v.shape) * 1e-3\n")
    first, second = (graded(pool, submission(attention=noisy))[1] for _ in range(2))
    assert first.difference == second.difference != ""


@needs_sandbox
def test_chapter_01_solution_gets_full_marks(pool: Grader) -> None:
    right = dict.fromkeys(load_exercises("01"), "right")
    source = Path(__file__).parent.parent / "solutions/01_tensorflow_fundamentals.ipynb"
    result = pool.grade("01", source.read_bytes(), SEED)
    assert {e.id: e.state for e in result.exercises} == right


# --- damaged notebooks ------------------------------------------------------------

UNREADABLE = {
    "empty": b"",
    "not JSON": b"{'cells': [",
    "cut short": submission(**RIGHT)[:-100],
    "a pickle": b"\x80\x04\x95\x0b\x00\x00\x00",
    "a list": b"[1, 2]",
    "no cells": notebook(),
    "cells of another kind": notebook(cells={"a": 1}),
    "nested without end": b'{"cells": ' + b"[" * 200_000,
    "brackets without end": b'{"cells": [' + b"[]," * 9_000_000 + b"[]]}",
    "a number without end": b'{"nbformat": ' + b"9" * 10_000 + b', "cells": [1]}',
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_notebook_says_why(name: str) -> None:
    with pytest.raises(extract.BadNotebook) as caught:
        extract.read(UNREADABLE[name])
    assert 10 < len(str(caught.value)) < 200


@needs_sandbox
def test_an_unreadable_submission_has_a_verdict_for_each_exercise(pool: Grader) -> None:
    result, *exercises = graded(pool, b"nonsense")
    assert result.state == "unreadable" and "not JSON" in result.reason
    assert [e.state for e in exercises] == ["not attempted", "not attempted"]
    assert result.points == 8


def answers(first: dict | str, *rest: dict | str) -> bytes:
    return notebook(IMPORTS, first, *rest, cell(TRAIN, "answer-99-2"))


HALF = ATTENTION.index("    if mask")
DAMAGED = {
    "no metadata": notebook(
        *({"cell_type": "code", "source": s} for s in (IMPORTS, ATTENTION, TRAIN))
    ),
    "100 MB of outputs": notebook(
        IMPORTS, cell(ATTENTION) | {"outputs": [{"text": "x" * 100_000_000}]}, TRAIN
    ),
    "check cells deleted": answers(cell(ATTENTION, "answer-99-1")),
    "points raised, check cell a solution": answers(
        cell(ATTENTION, "answer-99-1"),
        cell("ck.check('99.1')", nbgrader={"points": 100, "solution": True}),
    ),
    "answer became markdown": answers(cell(ATTENTION, "answer-99-1", "markdown")),
    "grade_id only": answers(cell(ATTENTION, nbgrader={"grade_id": "answer-99-1"})),
    "duplicated": answers(
        cell(STUBS["attention"], "answer-99-1"), cell(ATTENTION, "answer-99-1")
    ),
    "moved": notebook(IMPORTS, cell(TRAIN), cell(ATTENTION)),
    "answered in another cell": answers(
        cell(ATTENTION, "mine"), cell(STUBS["attention"], "answer-99-1")
    ),
    "split": answers(
        cell(ATTENTION[:HALF], "answer-99-1"), cell(ATTENTION[HALF:], "more")
    ),
    "another kernel": answers(ATTENTION)[:-1]
    + b', "metadata": {"kernelspec": {"name": "julia"}}}',
    "nbformat 3": notebook(
        nbformat=3,
        cells=None,
        worksheets=[
            {
                "cells": [
                    {"cell_type": "code", "input": s}
                    for s in (IMPORTS, ATTENTION, TRAIN)
                ]
            }
        ],
    ),
    "odd cells": answers(ATTENTION, {"cell_type": 3}, {"source": 7}, {"source": [1]}),
    "odd metadata": answers(
        {"cell_type": "code", "id": [], "metadata": 5, "source": ATTENTION}
    ),
    "magics": answers("%matplotlib inline\n!pip install x\n%%bash", ATTENTION),
    "a cell magic that runs": answers("%%time\n" + ATTENTION),
    "latin-1": answers(ATTENTION + "    # \\u00e9").replace(b"\\\\u00e9", b"\xe9"),
    "a byte order mark": b"\xef\xbb\xbf" + answers(ATTENTION),
    "Windows line ends": answers(ATTENTION.replace("\n", "\r\n")),
    "a syntax error elsewhere": answers("def broken(:", ATTENTION),
    "an error elsewhere": answers("1 / 0", ATTENTION, "undefined"),
    "an indented cell": answers(ATTENTION, "    x = 1\n    y = x"),
    "indented by a tab": answers(textwrap.indent(ATTENTION, "\t")),
    "source as lines": answers(
        cell("") | {"source": ATTENTION.splitlines(keepends=True)}
    ),
    "an id with a path": answers(cell(ATTENTION, "../../../answer-99-1")),
}


@needs_sandbox
@pytest.mark.parametrize("name", DAMAGED)
def test_what_can_be_found_is_graded(name: str, pool: Grader) -> None:
    result, *exercises = graded(pool, DAMAGED[name])
    assert [e.state for e in exercises] == ["right", "right"], result
    assert result.earned == 8


@needs_sandbox
def test_a_broken_answer_is_an_error_not_a_blank(pool: Grader) -> None:
    broken = ATTENTION.replace("None:", "None")
    result, attention, train = graded(pool, answers(cell(broken, "answer-99-1")))
    assert (attention.state, train.state) == ("error", "right")
    assert "SyntaxError" in attention.difference and "cell 2" in result.reason
    nameless = "oops\n" + ATTENTION
    _, attention, _ = graded(pool, answers(nameless))
    assert (attention.state, attention.error_line) == ("error", "line 1: oops")


# --- the wire ---------------------------------------------------------------------

VALUES = [
    None,
    True,
    -(2**80),
    1.5,
    2j,
    "a\ud800é",
    b"\x00",
    [1, (2, {"a": [], 3: None})],
    np.arange(6.0).reshape(2, 3),
    np.zeros((0, 3), "int8"),
    np.array([b"ab", b""]),
    np.array(["é", "ab"]),
    np.array(True),
    np.float32(2),
    Opaque("Tensor", "x"),
    Raised("ValueError", "no", 3, "x = y"),
]


def same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and repr(a) == repr(b)


@pytest.mark.parametrize("value", VALUES, ids=lambda v: type(v).__name__)
def test_plain_data_crosses_unchanged(value: object) -> None:
    assert same(wire.decode(wire.encode(value)), value)


def test_small_floats_cross() -> None:
    import ml_dtypes

    for name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        array = np.array([1, 2.5], getattr(ml_dtypes, name))
        assert same(wire.decode(wire.encode(array)), array)


def test_what_is_no_plain_data_becomes_opaque() -> None:
    assert wire.decode(wire.encode([object()])) == [Opaque("object", "")]


def test_garbage_is_refused_and_costs_little() -> None:
    rng = np.random.default_rng(SEED)
    good = [wire.encode(value) for value in VALUES] + [wire.encode(VALUES)]
    began = time.monotonic()
    for trial in range(20_000):
        if trial % 2:
            data = rng.bytes(int(rng.integers(1, 60)))
        else:
            data = bytearray(good[trial % len(good)])
            for _ in range(int(rng.integers(1, 4))):
                data[rng.integers(len(data))] = rng.integers(256)
            data = bytes(data[: rng.integers(1, len(data) + 1)])
        try:
            wire.encode(wire.decode(data))
        except wire.WireError:
            pass
    assert time.monotonic() - began < 60


HUGE = [
    b"l" + b"\xff" * 4,
    b"s" + b"\xff" * 4,
    b"a\x07float32\x02" + b"\xff" * 16,
    b"a\x07float32\x01" + (1 << 40).to_bytes(8, "little"),
    b"l\x01\x00\x00\x00" * 100 + b"N",
    b"i\xff\xff" + b"\x01" * 65535,
    b"m\x02\x00\x00\x00" + b"s\x01\x00\x00\x00aN" * 2,
    b"m\x01\x00\x00\x00" + wire.encode(2**70) + b"N",
    b"a\x02U4\x00\xff\xff\xff\xff",
    b"a\x02S0\x00",
    b"R" + b"N" * 4,
    b"NN",
]


@pytest.mark.parametrize("data", HUGE)
def test_what_only_claims_to_be_large_is_refused(data: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.decode(data)


# --- probes and truth -------------------------------------------------------------


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_a_shipped_probe_holds_no_answer(exercise) -> None:
    shipped = probes.shipment(exercise)
    assert "def _probe_tensor" in shipped.source or "train" in shipped.entry
    for secret in ("expected", "unscaled", "mistake", "Exercise", "inputs"):
        assert secret not in shipped.source


def test_every_probe_of_the_course_ships() -> None:
    for exercise in load_exercises("01").values():
        shipped = probes.shipment(exercise)
        names = [m.answer.__name__ for m in exercise.mistakes]
        names += [exercise.expected.__name__, exercise.inputs.__name__]
        words = set(re.findall(r"\w+", shipped.source))
        assert words.isdisjoint(names)
        for case in truth(exercise, SEED).cases:
            assert same_plain(wire.decode(wire.encode(case.args)), case.args)


def same_plain(a: object, b: object) -> bool:
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same_plain, a, b))
    return same(a, b)


def test_a_probe_that_names_an_oracle_is_refused() -> None:
    expected = EXERCISES[0].expected

    def leaks(answer, case):
        return expected(case)

    for probe in (leaks, expected, lambda a, c: expected):
        with pytest.raises(probes.ProbeError):
            probes.shipment(replace(EXERCISES[0], probe=probe))


def test_truth_is_what_the_engine_says_and_made_once() -> None:
    from coursekit.engine import grade as notebook_grade

    for exercise in EXERCISES:
        known = truth(exercise, SEED)
        assert truth(exercise, SEED) is known
        for mistake in exercise.mistakes:
            from coursekit.engine import run

            got = [run(exercise, mistake.answer, case) for case in known.cases]
            want = notebook_grade(exercise, mistake.answer, SEED)
            result = known.verdict(got)
            assert result.misconception == want.misconception == mistake
            assert result.earned == want.earned


def test_look_tells_stubs_from_answers() -> None:
    assert look.look(STUBS["attention"])["stubs"] == ["attention"]
    assert look.look(WRONG)["stubs"] == []
    assert look.look("if 1:\n    def f(): pass\nx, y = 1, 2")["defines"]
    assert "SyntaxError" in look.look("def f(:")["error"]
    seen = look.look("%matplotlib inline\nfiles = !ls\nx = 5 % 3\nfoo?")
    assert (seen["error"], seen["defines"]) == ("", ["files", "x"])


# --- the sandbox itself -----------------------------------------------------------


def test_without_bubblewrap_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    cage.drops_root.cache_clear()
    try:
        with pytest.raises(NoSandbox, match="bubblewrap is not installed"):
            grader.grade("01", b"", SEED)
        monkeypatch.setattr("sys.platform", "darwin")
        with pytest.raises(NoSandbox, match="needs Linux"):
            Grader(1)
    finally:
        cage.drops_root.cache_clear()


def test_unsafe_is_marked_as_not_isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> None:
        raise NoSandbox("none here")

    monkeypatch.setattr(grader, "require", nothing)
    data = submission(attention=WRONG, train_linear=TRAIN)
    with Grader(1, limits=LIMITS, unsafe=True) as pool:
        result, *exercises = graded(pool, data)
    assert [e.state for e in exercises] == ["wrong", "right"]
    assert not result.isolated


@needs_sandbox
def test_a_worker_that_has_run_an_operation_refuses_to_serve(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = cage.library

    def with_an_operation(place: Path) -> None:
        real(place)
        code = "import tensorflow as tf\ntf.reduce_sum(tf.ones(3))\n"
        (place / "runs_an_operation.py").write_text(code)

    monkeypatch.setattr(cage, "library", with_an_operation)
    host = Walled(replace(LIMITS, self_test=1), ("runs_an_operation",))
    with pytest.raises(NoSandbox, match="not fit to serve"):
        host.start()
    host.close()


@needs_sandbox
def test_a_course_among_the_packages_is_covered_up(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages = Path(np.__file__).parent.parent
    monkeypatch.setattr(cage, "ROOT", packages)
    monkeypatch.setattr(cage, "PACKAGE", packages / "pytest")
    tmp_path.chmod(0o755)
    command = cage.bubblewrap(tmp_path, drop_root=cage.drops_root())
    for name, seen in (("pytest", False), ("numpy", True)):
        listing = [*command, "ls", str(packages / name)]
        done = subprocess.run(listing, capture_output=True, text=True, check=True)
        assert bool(done.stdout) is seen


@needs_sandbox
def test_a_lost_worker_is_replaced(pool: Grader) -> None:
    graded(pool, submission(**RIGHT))
    for slot in pool._slots:
        if isinstance(slot.host, Walled):
            slot.host._process.kill()
            slot.host._process.wait()
    assert graded(pool, submission(**RIGHT))[0].earned == 8


@needs_sandbox
def test_a_worker_serves_for_a_while_and_is_then_replaced() -> None:
    served = []
    with Grader(1, limits=LIMITS, recycle=2) as pool:
        for _ in range(3):
            assert graded(pool, submission(**RIGHT))[0].earned == 8
            [host] = [slot.host for slot in pool._slots]
            assert isinstance(host, Walled)
            served.append(host._process.pid)
    assert served[0] == served[1] != served[2]
