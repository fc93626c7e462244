"""Run a notebook in a fresh kernel, under the conditions in which nbval checks it."""

import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode, from_dict

from coursekit.authoring.conditions import environment
from coursekit.authoring.files import label

CELL_SECONDS = 120

_KERNEL_TALK = re.compile(rb"^.*(IPKernelApp|frozen_modules|debugger).*\n?", re.M)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class RunFailed(Exception):
    """A notebook did not run to its end, or made noise; the text says where."""


class _ThisPython(AsyncKernelManager):
    """Starts the running interpreter, whatever kernels the user has installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


def execute(
    nb: dict[str, Any],
    folder: Path,
    *,
    timeout: int = CELL_SECONDS,
    progress: Callable[[int, int], None] | None = None,
) -> NotebookNode:
    """Run all cells in a fresh kernel whose working folder is ``folder``.

    ipykernel passes on what compiled code writes to file descriptors 1 and 2, but
    not under pytest. Here it is as under pytest, or nbval could not reproduce the
    outputs; and since a learner in JupyterLab would see them, such writes are errors.

    Args:
        nb: the notebook; it is not changed.
        timeout: seconds for one cell.
        progress: called with the number of cells begun and of all cells.

    Returns:
        The notebook with its outputs, not tidied.

    Raises:
        RunFailed: an error, a timeout, a dead kernel, or writes past Python.
    """
    nb = from_dict(nb)  # copies
    nb.metadata.setdefault("kernelspec", {"name": "python3"})
    with tempfile.TemporaryDirectory() as scratch:
        terminal = Path(scratch, "terminal")
        witness = _Witness(terminal, len(nb.cells), progress)
        client = NotebookClient(
            nb,
            timeout=timeout,
            kernel_manager_class=_ThisPython,
            resources={"metadata": {"path": str(folder)}},
            on_cell_start=witness.begins,
            on_cell_executed=witness.ends,
        )
        env = environment(Path(scratch)) | {"PYTEST_CURRENT_TEST": "coursekit build"}
        try:
            with terminal.open("ab") as log:
                client.execute(env=env, stdout=log, stderr=log)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise RunFailed(_story(nb, witness.at, error)) from None
    if witness.heard:
        raise RunFailed("\n".join(witness.heard))
    return nb


class _Witness:
    """Follows a run cell by cell; notes what goes to the terminal past Python."""

    def __init__(
        self,
        terminal: Path,
        total: int,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.terminal, self.total, self.progress = terminal, total, progress
        self.at = 0
        self.heard: list[str] = []
        self._seen = 0

    def begins(self, cell: NotebookNode, cell_index: int) -> None:
        self.at = cell_index
        if self.progress:
            self.progress(cell_index + 1, self.total)

    def ends(self, cell: NotebookNode, cell_index: int, **_: Any) -> None:
        written = self.terminal.read_bytes()[self._seen :]
        self._seen += len(written)
        text = _KERNEL_TALK.sub(b"", written).decode(errors="replace").strip()
        if text:
            place = label(cell, cell_index)
            self.heard.append(f"{place}: wrote past Python to the terminal: {text}")


def _story(nb: NotebookNode, index: int, error: Exception) -> str:
    """Which cell failed, its source, and how."""
    cell = nb.cells[index]
    source = "\n".join(f"    {line}" for line in cell.source.splitlines())
    reason = str(error)
    if isinstance(error, CellExecutionError):
        for output in cell.outputs:
            if output.output_type == "error":
                reason = "\n".join(output.traceback)
    return f"{label(cell, index)} failed:\n{source}\n{_ANSI.sub('', reason).strip()}"
