"""Watch the steps of a pipeline: how often they run, when, and how many at once."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf
    from matplotlib.axes import Axes


class Event(NamedTuple):
    """One run of a step: its first argument, and its start and end in seconds.

    Both times are those of ``time.perf_counter()``.
    """

    value: Any
    start: float
    end: float


def most_at_once(events: Iterable[Event]) -> int:
    """The largest number of runs that were under way at the same time."""
    changes = sorted(change for e in events for change in ((e.start, 1), (e.end, -1)))
    return int(np.cumsum([change for _, change in changes]).max(initial=0))


class Watched:
    """A step written in Python, for ``Dataset.map``, that notes each of its runs.

    In a graph it is one ``tf.numpy_function``; :meth:`run` is the same step for
    Python. Its result has no static shape.

    Args:
        function: from NumPy values to one; by default it returns its first argument.
        seconds: to wait at each run before the function is called.
        dtype: of the result; by default that of the first argument.
        stateful: whether TensorFlow must keep the order of the runs. With
            deterministic ops it then runs them one at a time.

    Attributes:
        events: the runs so far, in the order in which they ended.
    """

    def __init__(
        self,
        function: Callable[..., Any] | None = None,
        *,
        seconds: float = 0.0,
        dtype: "tf.DType | None" = None,
        stateful: bool = False,
    ) -> None:
        self.function = function or (lambda value, *_: value)
        self.seconds, self.dtype, self.stateful = seconds, dtype, stateful
        self.events: list[Event] = []

    def __call__(self, *tensors: "tf.Tensor") -> "tf.Tensor":
        import tensorflow as tf

        dtype = self.dtype or tf.convert_to_tensor(tensors[0]).dtype
        return tf.numpy_function(self.run, tensors, dtype, stateful=self.stateful)

    def run(self, *values: Any) -> Any:
        """Run the step in Python, with at least one argument, and note it."""
        start = time.perf_counter()
        if self.seconds:
            time.sleep(self.seconds)
        result = self.function(*values)
        self.events.append(Event(values[0], start, time.perf_counter()))
        return result

    @property
    def count(self) -> int:
        """How often it has run."""
        return len(self.events)

    @property
    def most_at_once(self) -> int:
        """The largest number of runs that were under way at the same time."""
        return most_at_once(self.events)

    def clear(self) -> None:
        """Forget the runs so far."""
        self.events.clear()

    def taken(self) -> list[Event]:
        """The runs so far, which are forgotten here."""
        events, self.events = self.events, []
        return events


def seconds(pipeline: "tf.data.Dataset", step: Watched | None = None) -> float:
    """Seconds for one pass over a pipeline, with ``step`` run on each element."""
    start = time.perf_counter()
    for element in pipeline:
        if step:
            step.run(element)
    return time.perf_counter() - start


def timeline(
    axis: "Axes", lanes: Mapping[str, Sequence[Event]], title: str = ""
) -> None:
    """Draw who was busy when: a lane for each name, the first at the top.

    Time is in milliseconds from the first event. The last lane is hatched, so that
    the consumer stands out from those it waits for.
    """
    begin = min(event.start for events in lanes.values() for event in events)
    for place, events in enumerate(reversed(lanes.values())):
        bars = [(1e3 * (e.start - begin), 1e3 * (e.end - e.start)) for e in events]
        look = {"hatch": "xxxx", "color": "C1"} if place == 0 else {"color": "C0"}
        axis.broken_barh(
            bars, (place - 0.4, 0.8), edgecolor="white", linewidth=0.5, **look
        )
    names = list(reversed(lanes))
    axis.set(yticks=range(len(names)), yticklabels=names, title=title)
