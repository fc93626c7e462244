"""Tidying, running, generating, verifying, timing; and the network that is cut off."""

import base64
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from conftest import code, markdown, notebook
from coursekit.authoring import build, files, timings, verify
from coursekit.authoring.exercises import BadMarkers, generate, strip_solutions
from coursekit.authoring.files import Node, dumps, node, parse, read
from coursekit.authoring.tidy import noise, seal, sealed, tidy
from coursekit.spine import ROOT

NAME = "41_sample.ipynb"


def raw(*cells: dict[str, object], **metadata: object) -> Node:
    """A notebook as an editor might leave it."""
    return node({"cells": cells, "metadata": metadata, "nbformat": 4})


def bare(source: str, **more: object) -> dict[str, object]:
    """An unexecuted code cell."""
    empty = {"outputs": [], "execution_count": None, "metadata": {}}
    return {"cell_type": "code", "source": source} | empty | more


# ----------------------------------------------------------------- files


MESSY = raw(
    bare(
        "x = 1\nx",
        id="ok",
        execution_count=7,
        outputs=[
            {"output_type": "stream", "name": "stdout", "text": "é\n\u2028b"},
            {
                "output_type": "execute_result",
                "execution_count": 7,
                "metadata": {"image/png": {"alt": "A dot.", "width": 3}, "x": True},
                "data": {
                    "text/plain": "1\n2",
                    "text/html": "<b>\n</b>",
                    "image/png": "aGk=\n",
                    "image/svg+xml": "<svg>\n</svg>",
                    "application/json": {"a": ["b\n", "c"]},
                    "application/vnd.x+json": ["b\n", "c"],
                },
            },
        ],
        metadata={
            "tags": ["t"],
            "why": "so",
            "collapsed": True,
            "execution": {"iopub.execute_input": "2026"},
            "nbgrader": {"points": 1},
        },
    ),
    {
        "cell_type": "markdown",
        "source": "a  \n\nb\n",
        "metadata": {"jupyter": {}},
        "attachments": {"a.txt": {"text/plain": "one\ntwo"}},
    },
    bare(""),
    kernelspec={"name": "other"},
    language_info={"name": "python", "version": "3.9"},
    widgets={},
)


def test_files_are_written_and_read_as_nbformat_does() -> None:
    for nb in (MESSY, tidy(MESSY)):
        theirs = nbformat.v4.writes(nbformat.from_dict(nb))
        assert dumps(nb) == theirs.rstrip("\n") + "\n"
        assert parse(theirs) == nbformat.v4.reads(theirs) == parse(dumps(nb))


def test_writing_what_is_there_touches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    assert files.write(path, "é")
    os.utime(path, ns=(1, 1))
    path.chmod(0o600)
    assert not files.write(path, "é")
    assert path.stat().st_mtime_ns == 1
    assert files.write(path, "e")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"nbformat": 3, "cells": []}'])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse(text)


def test_chapters_are_found_by_number(course: Path) -> None:
    assert files.numbers(course) == ["41"]
    for number in ("41", NAME):
        assert [p.parent.name for p in files.sources(number, course)] == [
            "notebooks",
            "solutions",
        ]
    for number in ("4", "1", "x", "*"):
        with pytest.raises(FileNotFoundError, match="there is no notebooks/"):
            files.sources(number, course)


# ------------------------------------------------------------------ tidy


def test_tidy_keeps_what_the_author_means_and_nothing_else() -> None:
    before = json.dumps(MESSY)
    nb = tidy(MESSY)
    assert json.dumps(MESSY) == before
    first, second = nb.cells
    assert first.metadata == {"tags": ["t"], "why": "so", "nbgrader": {"points": 1}}
    assert first.execution_count == first.outputs[1].execution_count == 1
    assert first.outputs[1].metadata == {}
    assert second.metadata == {} and second.source == "a  \n\nb"
    assert nb.metadata.kernelspec.name == "python3"
    assert nb.metadata.language_info == {"name": "python"}
    assert set(nb.metadata) == {"kernelspec", "language_info"}
    nbformat.validate(nbformat.from_dict(nb))
    assert tidy(nb) == nb


def test_the_source_of_a_quiz_is_folded_away() -> None:
    """It tells the answers."""
    nb = tidy(raw(bare("ck.quiz('?', right={}, wrong={})"), bare("x = 1")))
    assert nb.cells[0].metadata.jupyter == {"source_hidden": True}
    assert nb.cells[0].metadata.transient == {"remove_source": True}
    assert nb.cells[1].metadata == {}
    assert tidy(nb) == nb


def test_ids_are_kept_or_made_from_the_source() -> None:
    random = ("0a1b2c3d", "123e4567-e89b-12d3-a456-426614174000", "Bad_Id", "")
    cells = [bare("x", id=id) for id in ("mine", "mine", *random)]
    made = [cell.id for cell in tidy(raw(*cells, bare("y"), bare("x"))).cells]
    stem = made[1]
    assert re.fullmatch(r"c-[0-9a-f]{6}", stem)
    assert made[0] == "mine"
    assert made[2:6] == [f"{stem}-{k}" for k in range(2, 6)]
    assert made[6] != stem and made[7] == f"{stem}-6"
    moved = tidy(raw(bare("y"), bare("x")))
    assert [cell.id for cell in moved.cells] == [made[6], stem]
    moved.cells[1].source = "changed"
    assert tidy(moved).cells[1].id == stem  # ids outlive edits


def test_streams_that_follow_each_other_are_one() -> None:
    texts = [("stdout", "a"), ("stdout", "b\r"), ("stdout", "c\n"), ("stderr", "d")]
    outputs = [{"output_type": "stream", "name": n, "text": t} for n, t in texts]
    (cell,) = tidy(raw(bare("x", outputs=outputs, execution_count=3))).cells
    assert [(o.name, o.text) for o in cell.outputs] == [
        ("stdout", "c\n"),  # the carriage return went back over "ab"
        ("stderr", "d"),
    ]


def test_a_picture_in_html_is_not_taken_for_a_path() -> None:
    html = '<img src="data:image/png;base64,AA/tmp/x/home/you0x7f62e6747ce0">'
    data = {"text/html": html, "image/png": "/tmp/x"}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    assert noise(raw(bare("x", outputs=[output]))) == []
    output["data"]["text/html"] += " /tmp/x"
    assert len(noise(raw(bare("x", outputs=[output])))) == 1


# ------------------------------------------------------------- exercises


def solution_cell(source: str, kind: str = "code", **flags: bool) -> Node:
    roles = {"schema_version": 3, "task": False, "grade": kind == "markdown"}
    roles |= {"solution": True, "locked": False, "grade_id": "a", "points": 1, **flags}
    cell = code("a", source) if kind == "code" else markdown("a", source)
    cell.metadata = node({"nbgrader": roles})
    return cell


REGIONS = [
    ("code", "def f():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION"),
    ("code", "a = 1\n### BEGIN SOLUTION\nb\n\nc\n### END SOLUTION\n\nd = 2"),
    (
        "code",
        "### BEGIN SOLUTION\nb\n### END SOLUTION\nc\n"
        "\tif x:  # BEGIN SOLUTION\n### END SOLUTION",
    ),
    ("code", "no region at all"),
    ("code", ""),
    ("markdown", "### BEGIN SOLUTION\nb\n### END SOLUTION\nrest"),
    ("markdown", "an essay"),
]


@pytest.mark.parametrize(("kind", "source"), REGIONS)
def test_solutions_are_stripped_as_nbgrader_does(kind: str, source: str) -> None:
    nbgrader = pytest.importorskip("nbgrader.preprocessors")
    nb = notebook(solution_cell(source, kind), code("b", "print(1)", "1\n"))
    theirs = nbformat.from_dict(nb)
    for preprocessor in (nbgrader.ClearSolutions(), nbgrader.ClearOutput()):
        theirs, _ = preprocessor.preprocess(theirs, {})
    ours = strip_solutions(nb)
    assert ours.cells == node(theirs.cells)
    assert ours.cells[1].execution_count is None and "coursekit" not in ours.metadata
    assert generate(nb) == dumps(ours)


def test_cells_for_solutions_only_are_dropped() -> None:
    nb = notebook(markdown("a", "kept"), code("b", "gone", tags=["solution-only"]))
    assert [cell.id for cell in strip_solutions(nb).cells] == ["a"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x\n### BEGIN SOLUTION", r"cell 1 \(a\), line 2: BEGIN SOLUTION without END"),
        ("### END SOLUTION", "line 1: END SOLUTION without BEGIN"),
        ("### BEGIN SOLUTION\n\n### BEGIN SOLUTION\n### END SOLUTION", "line 3: BEGIN"),
        ("### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION", "line 3: END"),
    ],
)
def test_markers_that_do_not_pair_up_are_named(source: str, message: str) -> None:
    with pytest.raises(BadMarkers, match=message):
        strip_solutions(notebook(markdown("t", "t"), solution_cell(source)))


def test_a_region_outside_a_solution_cell_is_refused() -> None:
    region = REGIONS[0][1]
    with pytest.raises(BadMarkers, match=r"cell 0 \(a\): .* no nbgrader solution cell"):
        strip_solutions(notebook(code("a", region)))


# ----------------------------------------------------------------- build

DRAWN = """\
import base64, io
from IPython.display import display
from PIL import Image, PngImagePlugin
import time
extra = PngImagePlugin.PngInfo()
extra.add_text("now", str(time.time_ns()))
buffer = io.BytesIO()
Image.new("RGB", (2, 2), "red").save(buffer, "PNG", pnginfo=extra)
png = base64.b64encode(buffer.getvalue()).decode()
html = f'<img alt="Four red dots." src="data:image/png;base64,{png}">'
display({"text/html": html}, raw=True)"""

SAMPLE = raw(
    {"cell_type": "markdown", "source": "# Sample", "metadata": {}, "id": "title"},
    bare(
        "import os, time\nx = 2\nprint(len(os.listdir(os.environ['COURSEKIT_HOME'])))"
    ),
    bare("for k in range(3):\n    print(k, end='\\r')\nprint('done')\nx + 5"),
    bare(
        "print(time.time_ns())",
        id="clock",
        metadata={"tags": ["nbval-ignore-output"], "why": "a clock"},
    ),
    bare(DRAWN, id="drawn"),
    bare(""),
)


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A course folder whose one lesson was never run."""
    return written(tmp_path, SAMPLE)


def written(root: Path, nb: Node) -> Path:
    (root / "notebooks").mkdir(exist_ok=True)
    (root / "notebooks" / NAME).write_text(dumps(nb), encoding="utf-8")
    return root


def built(root: Path) -> tuple[str, Node, bytes]:
    """What a build says, the notebook, and its bytes."""
    path = root / "notebooks" / NAME
    said = build.build(path, root)
    return said.split()[0], read(path), path.read_bytes()


def test_building_twice_changes_no_byte(fresh: Path) -> None:
    said, nb, first = built(fresh)
    assert said == "built"
    assert [c.get("execution_count") for c in nb.cells] == [None, 1, 2, 3, 4]
    assert nb.cells[1].outputs[0].text == "0\n"  # a learner who has done nothing
    done, seven = nb.cells[2].outputs
    assert (done.text, seven.data["text/plain"]) == ("done\n", "7")
    assert sealed(nb) and verify.stale(fresh / "notebooks" / NAME) == []
    os.utime(fresh / "notebooks" / NAME, ns=(1, 1))
    assert built(fresh)[::2] == ("fresh", first)
    shutil.rmtree(fresh / "build")
    assert built(fresh)[::2] == ("same", first)  # ran again: clock and image are kept
    assert (fresh / "notebooks" / NAME).stat().st_mtime_ns == 1


def test_a_change_is_run_and_renews_what_depends_on_it(fresh: Path) -> None:
    _, nb, _ = built(fresh)
    clock = nb.cells[3].outputs
    nb.cells[4].source += "\nprint('below')"
    written(fresh, nb)
    said, nb, _ = built(fresh)
    assert said == "built" and nb.cells[3].outputs == clock
    nb.cells[1].source += "\nx = 3"
    written(fresh, nb)
    said, nb, _ = built(fresh)
    assert said == "built" and nb.cells[3].outputs != clock
    assert nb.cells[2].outputs[1].data["text/plain"] == "8"
    nb.cells[2].outputs[0].text = "forged\n"
    written(fresh, nb)
    said, nb, _ = built(fresh)
    assert said == "built" and nb.cells[2].outputs[0].text == "done\n"


def test_a_change_of_prose_or_metadata_is_tidied_without_a_run(fresh: Path) -> None:
    _, nb, _ = built(fresh)
    nb.cells[0].source += " of prose\n"
    nb.cells[1].metadata["collapsed"] = True
    written(fresh, nb)
    said, nb, _ = built(fresh)
    assert said == "tidied"
    assert nb.cells[0].source == "# Sample of prose" and nb.cells[1].metadata == {}


FAILURES = [
    ("1 / 0", r"cell 1 \(bad\) failed:\n    1 / 0\n.*ZeroDivisionError"),
    (
        "import sys\nprint('oh', file=sys.stderr)",
        r"cell 1 \(bad\): wrote to stderr: oh",
    ),
    ("import warnings\nwarnings.warn('old')", "wrote to stderr: .*UserWarning: old"),
    (
        "import os\n_ = os.write(2, b'C++')",
        "wrote past Python to the terminal: C\\+\\+",
    ),
    ("import os\n_ = os.system('echo hi')", "wrote past Python to the terminal: hi"),
    ("object()", "memory address in the output: <object at 0x"),
    ("import os\nos.getcwd()", "path of this machine in the output: '/"),
    ("open('left.csv', 'w').close()", "left behind in notebooks/: left.csv"),
    ("import os\nos._exit(3)", r"cell 1 \(bad\) failed"),
]


@pytest.mark.parametrize(("source", "message"), FAILURES, ids=[f[0] for f in FAILURES])
def test_a_failed_build_says_where_and_leaves_the_file(
    source: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = written(tmp_path, raw(bare("ok = 1", id="ok"), bare(source, id="bad")))
    before = (root / "notebooks" / NAME).read_bytes()
    assert build.build_chapters(["41"], root) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"notebooks/{NAME}: ") and re.search(message, said, re.S)
    assert (root / "notebooks" / NAME).read_bytes() == before
    assert not (root / "build").exists()


def test_a_cell_that_takes_too_long_is_named(tmp_path: Path) -> None:
    from coursekit.authoring.run import RunFailed, execute

    nb = raw(bare("import time\ntime.sleep(60)", id="slow"))
    with pytest.raises(RunFailed, match=r"(?s)cell 0 \(slow\) failed.*(?i:timed out)"):
        execute(nb, tmp_path, timeout=1)


def test_a_chapter_is_built_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = written(tmp_path, raw(bare("1 / 0")))
    (root / "solutions").mkdir()
    source = REGIONS[0][1]
    solutions = raw(solution_cell(source), bare("f()"))
    (root / "solutions" / NAME).write_text(dumps(solutions))
    assert build.build_chapters([], root) == 1  # the lesson fails, the rest is built
    nb = read(root / "solutions" / NAME)
    assert nb.cells[1].outputs[0].data["text/plain"] == "1"
    shipped = root / "exercises" / NAME
    assert shipped.read_text() == generate(nb)
    assert "generated exercises/41_sample.ipynb" in capsys.readouterr().out
    assert build.build_chapters(["40"], root) == 1
    assert "chapter '40': there is no" in capsys.readouterr().err


def png(colour: str, text: str) -> str:
    extra = PngImagePlugin.PngInfo()
    extra.add_text("note", text)
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 2, 3), 9 if colour == "dark" else 99, np.uint8)).save(
        buffer, "PNG", pnginfo=extra
    )
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(("colour", "kept"), [("dark", True), ("light", False)])
def test_an_image_is_kept_while_its_pixels_are_the_same(
    colour: str, kept: bool
) -> None:
    def drawn(image: str) -> Node:
        data = {"text/html": f'<img alt="x" src="data:image/png;base64,{image}">'}
        output = {"output_type": "display_data", "data": data, "metadata": {}}
        return notebook(code("a", "draw()") | {"outputs": [output]})

    old, new = drawn(png("dark", "one")), drawn(png(colour, "two"))
    assert old != new
    assert (build.keep_stored(old, new).cells == old.cells) is kept


def test_an_ignored_output_of_another_kind_is_renewed() -> None:
    def shown(output: dict[str, object]) -> Node:
        nb = notebook(
            code("a", "x", tags=["nbval-ignore-output"], why="y")
            | {"outputs": [output]}
        )
        seal(nb)
        return nb

    def stream(text: str) -> dict[str, object]:
        return {"output_type": "stream", "name": "stdout", "text": text}

    data = {"data": {"text/plain": "2"}, "metadata": {}}
    old = shown(stream("1 s"))
    assert build.keep_stored(old, shown(stream("2 s"))).cells == old.cells
    new = shown({"output_type": "display_data", **data})
    assert build.keep_stored(old, new).cells == new.cells != old.cells


# ------------------------------------------------- verify, timings: the commands


def run(
    *command: str, cwd: Path = ROOT, **env: str
) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(ROOT)} | env,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_verify_is_quick_and_needs_no_tensorflow() -> None:
    program = (
        "import sys, time\n"
        "from coursekit.authoring import verify; verify.main([])\n"
        "assert not {'tensorflow', 'nbformat', 'nbclient'} & set(sys.modules)\n"
        "assert time.process_time() < 2"
    )
    done = run("-c", program)
    assert done.returncode == 0, done.stderr


def test_the_cost_of_a_notebook_is_measured(fresh: Path) -> None:
    cost = timings.measure("sample", fresh / "notebooks" / NAME)
    assert cost.error == "" and 0.2 < cost.seconds < 60
    assert sys.platform == "win32" or 0.02 < cost.gib < 1
    path = written(fresh, raw(bare("1 / 0"))) / "notebooks" / NAME
    assert "ZeroDivisionError" in str(timings._in_this_process(str(path))["error"])


@pytest.mark.parametrize(
    ("seconds", "gib", "error", "status", "flag"),
    [
        (10.0, 1.0, "", 0, "10.0       2.0      1.00"),
        (61.0, 1.0, "", 1, "over 60 s"),
        (10.0, 4.5, "", 1, "over 4 GiB"),
        (0.0, 0.0, "it broke", 1, "failed: it broke"),
    ],
)
def test_the_table_of_timings(
    seconds: float,
    gib: float,
    error: str,
    status: int,
    flag: str,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def measure(name: str, notebook: Path | None = None) -> timings.Cost:
        if notebook is None:
            return timings.Cost(name, 5.0, 0.5)
        return timings.Cost(name, seconds, gib, error)

    monkeypatch.setattr(timings, "measure", measure)
    assert timings.table(["41"], fresh) == status
    head, base, row = capsys.readouterr().out.splitlines()
    assert "seconds" in head and "import tensorflow" in base and "1.0" in base
    assert row.startswith(f"notebooks/{NAME}") and flag in row
    assert timings.table(["40"], fresh) == 1


# --------------------------------------------------------------- network

PROBE = """
import socket
from coursekit.authoring import offline
FIRST
assert offline.is_cut()
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), timeout=5).close()
for attempt in (
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=5),
    lambda: socket.create_connection(("localhost.example", 80), timeout=5),
    lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),
    lambda: socket.getaddrinfo("example.org", 443),
):
    try:
        attempt()
    except TimeoutError:
        raise
    except OSError:
        continue
    raise SystemExit("something got out")
print(offline.cut_network())
"""
CHILD = """
import subprocess, sys
offline.cut_network()
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


@pytest.mark.parametrize("how", ["namespace", "guard"])
def test_the_network_is_cut_for_a_process_and_its_children(how: str) -> None:
    forced = "offline._enter_namespace = lambda: False\n" if how == "guard" else ""
    parent = PROBE.replace("FIRST", forced + CHILD)
    done = run("-c", parent, PROBE.replace("FIRST", ""), COURSEKIT_OFFLINE="")
    assert done.returncode == 0, done.stderr
    if how == "namespace" and "guard" in done.stdout:
        pytest.skip("this machine lets no process into a network namespace")
    assert done.stdout.split() == [how, how]


# ------------------------------------------------ nbval under the root conftest

OUTSIDE = """\
import socket
try:
    socket.create_connection(("192.0.2.1", 80), timeout=5)
except TimeoutError:
    print("timeout")
except OSError:
    print("cut off")"""


def printed(source: str, text: str) -> Node:
    """A notebook whose one cell printed ``text`` when it was stored."""
    stream = {"output_type": "stream", "name": "stdout", "text": text}
    return tidy(raw(bare(source, outputs=[stream], execution_count=1)))


def test_nbval_runs_the_notebooks_as_the_build_does(tmp_path: Path) -> None:
    """Offline, with a fresh learner each, within a budget; a wrong number fails."""
    home = "import os\nprint(os.listdir(home := os.environ['COURSEKIT_HOME']))"
    home += "\nopen(home + '/progress', 'w').close()"
    notebooks = {
        "41_offline": printed(OUTSIDE, "cut off\n"),
        "42_learner": printed(home, "[]\n"),
        "43_learner": printed(home, "[]\n"),
        "44_wrong": printed("print(41)", "42\n"),
        "45_slow": printed("import time\ntime.sleep(9)\nprint(1)", "1\n"),
    }
    for folder in ("notebooks", "tests"):
        (tmp_path / folder).mkdir()
    for stem, nb in notebooks.items():
        (tmp_path / "notebooks" / f"{stem}.ipynb").write_text(dumps(nb))
    shutil.copy(ROOT / "conftest.py", tmp_path)
    shutil.copy(ROOT / "tests" / "nbval.cfg", tmp_path / "tests")
    options = ("-p", "no:cacheprovider", "--color=no", "--nbval", "notebooks")
    env = {"COURSEKIT_OFFLINE": "", "COURSEKIT_BUDGET_SECONDS": "9"}
    said = run("-m", "pytest", *options, cwd=tmp_path, **env).stdout
    assert "network cut off (" in said
    assert "1 failed, 4 passed" in said, said
    assert "FAILED notebooks/44_wrong.ipynb::Cell 0" in said
    assert re.findall(r"(\S+)  OVER 9 s", said) == ["notebooks/45_slow.ipynb"]


def test_a_budget_exceeded_fails_a_run_that_is_green_otherwise() -> None:
    spec = importlib.util.spec_from_file_location("root", ROOT / "conftest.py")
    root = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(root)
    watch, report, session = root.Notebooks(), SimpleNamespace(), SimpleNamespace()
    report.nodeid, report.duration = "notebooks/a.ipynb::Cell 0", root.BUDGET - 1
    session.exitstatus = pytest.ExitCode.OK
    watch.pytest_runtest_logreport(report)
    watch.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.OK
    report.nodeid, report.duration = "notebooks/a.ipynb::Cell 1", 2
    watch.pytest_runtest_logreport(report)
    watch.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED
    watch.pytest_unconfigure()
