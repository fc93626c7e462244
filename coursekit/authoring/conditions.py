"""The conditions under which notebooks are built, timed and tested."""

import os
from pathlib import Path

QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "GRPC_VERBOSITY": "ERROR"}
WIDTH = {"COLUMNS": "80"}  # model.summary() and rich fit their tables to it


def newcomer(folder: Path) -> dict[str, str]:
    """Environment variables of a learner who has done nothing and set up nothing.

    Args:
        folder: an existing folder; home folders are made in it.
    """
    homes = {"COURSEKIT_HOME": folder / "home", "IPYTHONDIR": folder / "ipython"}
    for home in homes.values():
        home.mkdir()
    return {name: str(home) for name, home in homes.items()}


def environment(folder: Path) -> dict[str, str]:
    """All environment variables for a kernel; ``folder`` as in :func:`newcomer`."""
    return {**os.environ, **QUIET, **WIDTH, **newcomer(folder)}
