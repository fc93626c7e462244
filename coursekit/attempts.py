"""Run what is expected to fail, and keep what it says."""

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
        return lines[-1].strip() if lines else type(error).__name__
