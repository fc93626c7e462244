"""An exception as a learner can read it: its kind, one sentence, and their own line.

TensorFlow and Keras wrap what went wrong in stack traces, device names and colours, and
code that AutoGraph has converted fails in a file that nobody wrote. All of that goes.
"""

import difflib
import functools
import inspect
import linecache
import re
import traceback
from collections.abc import Iterable
from typing import Any

from coursekit.engine.plain import Raised

MAX_MESSAGE = 300
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_GRAPH = "Graph execution error:"
_NOISE = (
    (r"for '\{\{node [^}]*\}\} = (\w+)\[.*?\]\([^']*\)'", r"in \1"),
    (r" and with input tensors computed as partial shapes:.*", ""),
    (r"\[\[\{\{[^}]*\}\}\]\]|\{\{[^}]*\}\}", ""),  # {{function_node …}}
    (r"\[Op:\w+\](\s+name:.*)?", ""),
    (
        r"Error in user-defined function passed to (\w+?)Dataset\S* transformation "
        r"with iterator: [^ ]+: ",
        r"in the function given to \1: ",
    ),
    (r"(not in the list of allowed values):.*", r"\1"),
)
_LIBRARIES = ("keras", "tensorflow", "numpy", "builtins")


def raised(error: BaseException, answer: Any) -> Raised:
    """The exception as plain data, with the line of the answer that failed."""
    line, source = whereabouts(error, answer)
    return Raised(type(error).__name__, plain_words(error), line, source)


def whereabouts(error: BaseException, answer: Any) -> tuple[int | None, str]:
    """The last line of the answer's own code that an exception passed through.

    Returns:
        Its number in its cell or file, and the line; ``(None, "")`` when the
        exception never was in the answer, as when it lacks a parameter.
    """
    files = _files(answer)
    lines = [
        (frame.f_code.co_filename, number)
        for frame, number in traceback.walk_tb(error.__traceback__)
        if frame.f_code.co_filename in files
    ]
    # A graph's error carries a stack trace in its text: of the code as it was written.
    quoted = re.findall(r'File "([^"]+)", line (\d+)', _text(error))
    lines += [(file, int(number)) for file, number in quoted if file in files]
    if not lines:
        return None, ""
    file, number = lines[-1]
    return number, linecache.getline(file, number).strip()


def _files(answer: Any) -> set[str]:
    """The files (in a notebook: the cells) that the answer's code stands in."""
    if not inspect.isclass(answer):
        answer = getattr(answer, "python_function", answer)
        while isinstance(answer, functools.partial):
            answer = answer.func
        answer = inspect.unwrap(getattr(answer, "__func__", answer))
        if code := getattr(answer, "__code__", None):
            return {code.co_filename}
        answer = type(answer)
    found = set()
    for kind in answer.__mro__:
        if kind.__module__.partition(".")[0] not in _LIBRARIES:
            for value in vars(kind).values():
                value = getattr(value, "fget", None) or value  # a property
                value = getattr(value, "python_function", value)
                value = getattr(value, "__func__", value)
                if code := getattr(value, "__code__", None):
                    found.add(code.co_filename)
    return found


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # it may fail to speak
        return ""


def plain_words(error: BaseException) -> str:
    """Its message without what only the makers of TensorFlow can read, in one line."""
    message = _text(error)
    message = _ANSI.sub("", message)
    if _GRAPH in message:  # a stack trace stands before what went wrong
        frames = re.split(r'\n *File "[^"\n]+", line \d+, in [^\n]*\n', message)
        message = frames[-1].removeprefix(_GRAPH)
    elif "in user code:" in message:  # AutoGraph: what went wrong is the last line
        message = message.strip().splitlines()[-1].strip()
        message = message.removeprefix(f"{type(error).__name__}:")
    if found := re.match(r"Exception encountered when calling (.+?\(\))\.\s", message):
        message = message[found.end() :].partition("\nArguments received by")[0]
        message = f"in {found[1]}: {message.strip()}"
    message = message.partition("\nTraceback (most recent call last)")[0]
    message = message.partition("The op is created at:")[0]
    for pattern, words in _NOISE:
        message = re.sub(pattern, words, message)
    return clipped(" ".join(message.split()), MAX_MESSAGE)


def misspelt(name: str, defined: Iterable[str]) -> str:
    """A question about the defined name that looks most like the one asked for.

    Returns:
        Nothing when none comes close; else a sentence that begins with a space.
    """
    near = difflib.get_close_matches(name, {*defined} - {name}, n=1, cutoff=0.75)
    return f" There is `{near[0]}`: is that it, under another name?" if near else ""


def clipped(text: str, width: int) -> str:
    """The text, cut at a word when it is longer than ``width``."""
    if len(text) <= width:
        return text
    kept, _, rest = text[: width - 1].rpartition(" ")
    return (kept if len(kept) > width // 2 else text[: width - 1]) + "…"
