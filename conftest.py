"""How pytest runs the notebooks: ``pytest --nbval notebooks solutions``.

Outputs are compared under the conditions of ``coursekit build``: this interpreter, a
learner who has done nothing yet, the network cut off. The run fails when a notebook
takes longer than its budget.
"""

import os
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

from coursekit.authoring.conditions import QUIET, WIDTH, newcomer

BUDGET = float(os.environ.get("COURSEKIT_BUDGET_SECONDS", "90"))
"""Seconds for a notebook, from starting the kernel to the end of its last cell.

A lesson has 60 to itself, which `coursekit timings` measures; here two notebooks share
the two cores."""

SANITIZE = str(Path(__file__).parent / "tests" / "nbval.cfg")


def pytest_configure(config: pytest.Config) -> None:
    if not (config.getoption("nbval", False) or config.getoption("nbval_lax", False)):
        return
    from coursekit.authoring import offline

    offline.cut_network()  # pytest-xdist's workers are started from here
    if not offline.is_cut():
        raise pytest.UsageError("the network could not be cut off")
    os.environ.update(QUIET | WIDTH)
    if not config.getoption("nbval_kernel_name"):
        config.option.nbval_current_env = True
    config.option.nbval_sanitize_with = config.option.nbval_sanitize_with or SANITIZE
    import matplotlib.font_manager  # noqa: F401  its first import builds a cache, aloud

    config.pluginmanager.register(Notebooks(), "coursekit-notebooks")


class Notebooks:
    """Gives each notebook a fresh learner, and adds up what it takes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.homes = tempfile.TemporaryDirectory(prefix="coursekit-homes-")

    def pytest_report_header(self) -> str:
        how = os.environ["COURSEKIT_OFFLINE"]
        return f"notebooks: network cut off ({how}), {BUDGET:g} s each"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if getattr(item.parent, "kernel", item) is None:  # nbval is about to start it
            folder = tempfile.mkdtemp(dir=self.homes.name)
            os.environ.update(newcomer(Path(folder)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        notebook, _, cell = report.nodeid.partition(".ipynb::")
        if cell:
            self.seconds[f"{notebook}.ipynb"] += report.duration

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.over() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        for notebook, seconds in self.seconds.items():
            verdict = f"  OVER {BUDGET:g} s" if notebook in self.over() else ""
            terminalreporter.write_line(f"{seconds:6.1f} s  {notebook}{verdict}")

    def pytest_unconfigure(self) -> None:
        self.homes.cleanup()

    def over(self) -> list[str]:
        """The notebooks that exceeded their budget."""
        return [name for name, seconds in self.seconds.items() if seconds > BUDGET]
