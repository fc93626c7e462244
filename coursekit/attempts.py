"""Run what is expected to fail, or to do so elsewhere, and keep what it says."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def attempt(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function; return its result or, if it is refused, why, in one line.

    Of TensorFlow's errors only the sentence that matters is kept, without the names
    of devices and nodes. Errors of other kinds than the three below are raised.

    Args:
        function: is called with the arguments that follow.

    Returns:
        The result, or the text of the ``TypeError``, ``ValueError`` or
        ``tf.errors.OpError``.
    """
    import tensorflow as tf

    try:
        return function(*args, **kwargs)
    except (TypeError, ValueError, tf.errors.OpError) as error:
        text = getattr(error, "message", str(error)).split("}} ")[-1]
        lines = text.split(" [Op")[0].strip().splitlines()
        lines = [line for line in lines if not line.strip().startswith("[[")]
        return lines[-1].strip() if lines else type(error).__name__


def elsewhere(code: str, *args: str) -> str:
    """Run Python code in a new process, as another program or tomorrow's would.

    It shares files with this one and nothing else; its hashes of strings are drawn
    anew.

    Args:
        code: a program.
        args: what it finds in ``sys.argv[1:]``.

    Returns:
        What it printed, without blanks at the end.

    Raises:
        RuntimeError: it failed; the text is the last line of its complaint.
    """
    call = [sys.executable, "-c", code, *args]
    world = os.environ | {"PYTHONHASHSEED": "random"}
    ran = subprocess.run(call, capture_output=True, text=True, env=world)
    if ran.returncode:
        raise RuntimeError((ran.stderr.strip().splitlines() or ["no word"])[-1])
    return ran.stdout.rstrip()
