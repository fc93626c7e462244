"""The test run itself: nothing hides a failure, and the last lines tell all."""

import re

import pytest

from coursekit import testrun

PASSING = (
    "print('.', end=''); print(); print('=' * 9, '3 passed, 1 skipped in 1.25s', '=')"
)
FAILING = "print('== 1 failed, 2 passed, 4 warnings in 65.00s (0:01:05) =='); exit(1)"
STYLE = "print('Found 1 error.'); exit(1)"
COLOURED = r"print('\033[32m=== \033[1m2 passed\033[0m in 0.5s\033[0m ===')"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    replaced = {
        "style": ("-c", STYLE),
        "package": ("-c", FAILING),
        "notebooks": ("-c", PASSING),
        "coloured": ("-c", COLOURED),
    }
    monkeypatch.setattr(testrun, "PARTS", replaced)
    return replaced


def test_a_failing_part_hides_no_other(
    parts: dict, capfd: pytest.CaptureFixture[str]
) -> None:
    assert testrun.main([]) == 1
    out = capfd.readouterr().out
    assert "[4/4] coloured" in out
    *_, style, package, notebooks, coloured, closing = out.splitlines()
    assert re.match(r"style +FAILED +\d+\.\d s +Found 1 error\.", style)
    assert re.match(r"package +FAILED .+1 failed, 2 passed", package)
    assert re.match(r"notebooks +ok .+3 passed, 1 skipped", notebooks)
    assert re.match(r"coloured +ok .+ 2 passed in 0.5s", coloured)
    pattern = r"=+ 1 failed, 1 error, 7 passed, 1 skipped in \d+\.\d\ds =+"
    assert re.fullmatch(pattern, closing)


def test_passing_parts_pass(parts: dict) -> None:
    assert testrun.main(["notebooks", "coloured"]) == 0


def test_a_crash_without_a_summary_counts(parts: dict) -> None:
    parts["package"] = ("-c", "import os; os.abort()")
    assert testrun.main(["package"]) == 1


def test_every_part_has_a_home_of_its_own(
    parts: dict, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import os; print(os.environ['COURSEKIT_HOME'], os.listdir('.') != [])"
    parts["one"] = parts["two"] = ("-c", code)
    assert testrun.main(["one", "two"]) == 0
    homes = re.findall(r"^(\S+) True$", capfd.readouterr().out, re.M)
    assert len(set(homes)) == 2


def test_unknown_part_is_refused(parts: dict) -> None:
    with pytest.raises(SystemExit):
        testrun.main(["everything"])


def test_the_real_parts_compare_outputs_strictly() -> None:
    command = testrun.PARTS["notebooks"]
    assert "--nbval" in command and "--nbval-lax" not in command
    assert {"notebooks", "solutions"} <= set(command)
    assert command[command.index("--dist") + 1] == "loadfile"


def test_portability_runs_each_machine(
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: object,
) -> None:
    code = (
        "import os; bad = os.environ.get('COURSEKIT_THREADS') == '4'\n"
        "print(f'== {int(bad)} failed, 1 passed in 0.1s =='); exit(bad)"
    )
    monkeypatch.setattr(testrun, "NOTEBOOKS", ("-c", code))
    monkeypatch.setattr(testrun, "ROOT", tmp_path)
    assert testrun.main(["--portability"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert len(lines) == len(testrun.MACHINES) == 5
    assert [("FAILED" in line) for line in lines] == [False] * 4 + [True]
    assert "ONEDNN_MAX_CPU_ISA=SSE41" in lines[1]
    assert "build/portability-5.log" in lines[4].replace("\\", "/")
