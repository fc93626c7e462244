"""Exercise 06.6: ``windows``."""

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_PARTS = ("training", "test")


def _probe_windows(answer: Answer, case: Case) -> Plain:
    """The windows of one part, or of both."""
    asked, series, *numbers = case.args
    parts = answer(series.copy(), *numbers)
    pairs = isinstance(parts, tuple | list) and len(parts) == 2
    if not pairs or not all(isinstance(p, tuple | list) and len(p) == 2 for p in parts):
        names = [f"{name} {what}" for name in asked for what in "xy"]
        return {"returned": "something else"} | dict.fromkeys(names)
    found = {"returned": "((x, y), (x, y))"}
    for name, (x, y) in zip(_PARTS, parts, strict=True):
        if name in asked:
            found |= {f"{name} x": to_plain(x), f"{name} y": to_plain(y)}
    return found


def _windows_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, asked: tuple, channels: int, *sizes: int) -> Case:
        rows, *numbers = sizes
        # channel 0 counts up from 100, so that a value tells its row
        series = 100 + np.arange(rows)[:, None] + np.arange(channels) * 1000.0
        series[:, 1:] += rng.integers(0, 400, size=(rows, channels - 1))
        called = "windows(series, width={}, horizon={}, stride={}, cut={})"
        shape = f"series of shape {series.shape}, its channel 0 is 100, 101, 102 …"
        args = asked, series.astype("float32"), *numbers
        return Case(group, args, f"{called.format(*numbers)}, {shape}")

    k = int(rng.integers(0, 3))
    training, test = _PARTS
    stride, few = "larger strides", "few windows or none"
    return [  # rows, width, horizon, stride, cut
        case("training windows", (training,), 2, 17 + k, 4, 2, 1, 11 + k),
        case("training windows", (training,), 3, 22, 3, 4, 1, 14 + k),
        case("test windows", (test,), 2, 17 + k, 4, 2, 1, 11 + k),
        case("test windows", (test,), 3, 22, 5, 3, 1, 13 + k),
        # some windows end exactly at the cut and at the end of the series, and the
        # first test window stands where no stride from 0 leads
        case(stride, _PARTS, 2, 23 + 3 * k, 4, 2, 3, 15),
        case(stride, _PARTS, 3, 25 + 2 * k, 5, 3, 2, 16 + 2 * (k > 0)),
        # strides so large that training windows over the cut stay in the series: who
        # has them gets wrong windows everywhere, and no error that hides the reason
        case(few, _PARTS, 1, 12, 4 + k, 3, 2, 4 + k),
        case(few, _PARTS, 2, 9, 3, 1, 4, 9),
        case(few, _PARTS, 2, 10 + k, 4, 5 + k, 9, 9 + k),
        case(few, _PARTS, 2, 8, 5, 3, 3, 6),
    ]


def _windows_expected(case: Case) -> Plain:
    """For each row: does a window begin there?"""
    asked, series, width, horizon, stride, cut = case.args
    rows, channels = series.shape
    starts = {name: [] for name in _PARTS}
    for start in range(rows - width - horizon + 1):
        first = start + width  # row of the first target
        if first + horizon <= cut and start % stride == 0:
            starts["training"].append(start)
        if first >= cut and (first - cut) % stride == 0:
            starts["test"].append(start)
    found = {"returned": "((x, y), (x, y))"}
    for name in asked:
        x = [series[s : s + width] for s in starts[name]]
        y = [series[s + width : s + width + horizon, 0] for s in starts[name]]
        found[f"{name} x"] = np.array(x, "float32").reshape(-1, width, channels)
        found[f"{name} y"] = np.array(y, "float32").reshape(-1, horizon)
    return found


def _take(series, starts, width, horizon, later=0):
    """Inputs and targets, of all channels, of the windows with those starts."""
    starts = np.asarray(starts, int)[:, None]
    x = series[starts + np.arange(width)]
    return x, series[starts + width + later + np.arange(horizon)]


def _windows(
    series, width, horizon, stride, cut, train=None, test=None, take=_take, y=None
):
    """A right answer in parts that the mistakes replace.

    Args:
        train, test: the starts of the windows.
        take: from starts to inputs and targets.
        y: from targets of all channels to what is returned.
    """
    whole = width + horizon
    if train is None:
        train = range(0, cut - whole + 1, stride)
    if test is None:
        test = range(cut - width, len(series) - whole + 1, stride)
    pairs = (take(series, starts, width, horizon) for starts in (train, test))
    one, two = ((x, y(t) if y else t[..., 0]) for x, t in pairs)
    return one, two


def _windows_lose_last(series, width, horizon, stride, cut):
    whole = width + horizon
    train, test = range(0, cut - whole, stride), range(cut - width, len(series) - whole)
    return _windows(series, width, horizon, stride, cut, train, test[::stride])


def _windows_inputs_before_cut(series, width, horizon, stride, cut):
    most = min(cut - width, len(series) - width - horizon)
    return _windows(series, width, horizon, stride, cut, range(0, most + 1, stride))


def _windows_targets_begin_before_cut(series, width, horizon, stride, cut):
    starts = range(0, len(series) - width - horizon + 1, stride)
    train = [s for s in starts if s + width < cut]
    test = [s for s in starts if s + width >= cut]
    return _windows(series, width, horizon, stride, cut, train, test)


def _windows_test_from_cut(series, width, horizon, stride, cut):
    test = range(cut, len(series) - width - horizon + 1, stride)
    return _windows(series, width, horizon, stride, cut, test=test)


def _windows_test_across(series, width, horizon, stride, cut):
    first = max(cut - width - horizon + 1, 0)
    test = range(first, len(series) - width - horizon + 1, stride)
    return _windows(series, width, horizon, stride, cut, test=test)


def _windows_one_grid(series, width, horizon, stride, cut):
    starts = range(0, len(series) - width - horizon + 1, stride)
    test = [s for s in starts if s + width >= cut]
    return _windows(series, width, horizon, stride, cut, test=test)


def _windows_share(series, width, horizon, stride, cut):
    starts = [*range(0, len(series) - width - horizon + 1, stride)]
    first = round(len(starts) * cut / len(series))
    train, test = starts[:first], starts[first:]
    return _windows(series, width, horizon, stride, cut, train, test)


def _windows_stride_one(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, 1, cut)


def _windows_stride_inside(series, width, horizon, stride, cut):
    def take(series, starts, width, horizon):
        starts = [s for s in starts if s + stride * (width - 1) + horizon < len(series)]
        rows = np.asarray(starts, int)[:, None] + stride * np.arange(width)
        targets = rows[:, -1:] + 1 + np.arange(horizon)
        return series[rows], series[targets]

    return _windows(series, width, horizon, 1, cut, take=take)


def _windows_stride_width(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, width, cut)


def _windows_overlap(series, width, horizon, stride, cut):
    def take(series, starts, width, horizon):
        return _take(series, starts, width, horizon, later=-1)

    return _windows(series, width, horizon, stride, cut, take=take)


def _windows_last_value(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, stride, cut, y=lambda t: t[:, -1, 0])


def _windows_last_value_column(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, stride, cut, y=lambda t: t[:, -1:, 0])


def _windows_all_channels(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, stride, cut, y=lambda t: t)


def _windows_last_channel(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, stride, cut, y=lambda t: t[..., -1])


def _windows_axis_kept(series, width, horizon, stride, cut):
    return _windows(series, width, horizon, stride, cut, y=lambda t: t[..., :1])


def _windows_squeezed(series, width, horizon, stride, cut):
    def y(t):
        return t[:, 0, 0] if horizon == 1 else t[..., 0]

    return _windows(series, width, horizon, stride, cut, y=y)


def _windows_one_channel(series, width, horizon, stride, cut):
    return _windows(series[:, :1], width, horizon, stride, cut)


def _windows_no_shape(series, width, horizon, stride, cut):
    parts = _windows(series, width, horizon, stride, cut)
    return tuple((np.array([*x]), np.array([*y])) for x, y in parts)


def _windows_by_kind(series, width, horizon, stride, cut):
    (x, y), (x_test, y_test) = _windows(series, width, horizon, stride, cut)
    return (x, x_test), (y, y_test)


def _windows_float64(series, width, horizon, stride, cut):
    return _windows(series.astype("float64"), width, horizon, stride, cut)


def _windows_variant_views(series, width, horizon, stride, cut):
    """A view of all windows; which of them belong to a part is a slice."""

    def part(rows):
        if len(rows) < width + horizon:
            c = series.shape[1]
            return np.zeros((0, width, c), "f4"), np.zeros((0, horizon), "f4")
        view = np.lib.stride_tricks.sliding_window_view(rows, width + horizon, axis=0)
        view = view[::stride].swapaxes(1, 2)
        return view[:, :width], view[:, width:, 0]

    return part(series[:cut]), part(series[cut - width :])


def _windows_variant_frames(series, width, horizon, stride, cut):
    def part(rows):
        frames = tf.signal.frame(rows, width + horizon, stride, axis=0)
        return [frames[:, :width], frames[:, width:, 0]]

    return [part(series[:cut]), part(series[cut - width :])]


EXERCISE = Exercise(
    id="06.6",
    name="windows",
    points=4,
    minutes=18,
    difficulty="core",
    inputs=_windows_inputs,
    probe=_probe_windows,
    expected=_windows_expected,
    mistakes=(
        Mistake(
            "loses the last window",
            "Each part lacks its last window, the one that ends exactly at the border. "
            "A window of n rows fits into m rows at m - n + 1 places, and the end of a "
            "range is not part of it.",
            _windows_lose_last,
        ),
        Mistake(
            "lets training targets reach over the cut",
            "Your training windows have their inputs before the cut, but their targets "
            "reach over it: the model is trained on values that it is tested on. A "
            "training window ends at the cut, targets included.",
            _windows_inputs_before_cut,
        ),
        Mistake(
            "keeps what straddles the cut for training",
            "Whatever is no test window became a training window, also where the "
            "targets lie on both sides of the cut. Those windows belong to no part.",
            _windows_targets_begin_before_cut,
        ),
        Mistake(
            "starts the test inputs at the cut",
            "Your test windows have inputs from the cut on, so the first rows behind "
            "it are never predicted. The past is known when a forecast is made: inputs "
            "may reach back, only the targets must lie behind the cut.",
            _windows_test_from_cut,
        ),
        Mistake(
            "tests on targets before the cut",
            "Some of your test windows have targets before the cut. Those values may "
            "have been trained on; the first test target is the row `cut`.",
            _windows_test_across,
        ),
        Mistake(
            "counts the test strides from row 0",
            "Your test windows stand where strides from row 0 lead, so the first "
            "target may be some rows behind the cut. Count from the window whose "
            "targets begin at the cut: it starts at `cut - width`.",
            _windows_one_grid,
        ),
        Mistake(
            "splits the windows by share",
            "You make all windows and deal them out by number. Neighbours overlap, so "
            "those at the border are in both parts with some of their rows. Split by "
            "the rows that a window touches.",
            _windows_share,
        ),
        Mistake(
            "forgets the stride",
            "Your windows follow each other row by row. The next one starts `stride` "
            "rows later.",
            _windows_stride_one,
        ),
        Mistake(
            "takes the stride inside the window",
            "You take every stride-th row into a window. Its rows are consecutive; the "
            "stride is the way from one window's start to the next.",
            _windows_stride_inside,
        ),
        Mistake(
            "lays windows side by side",
            "Your next window starts where the inputs of the last one end. It starts "
            "`stride` rows later, so windows may overlap.",
            _windows_stride_width,
        ),
        Mistake(
            "has the last input as a target",
            "The first target is the last row of the inputs, so the model can copy it. "
            "Inputs are the rows from start to `start + width`, which is not part of "
            "them any more: there the targets begin.",
            _windows_overlap,
        ),
        Mistake(
            "takes one target only",
            "You return the value `horizon` steps ahead, and no axis for it. The "
            "target is all `horizon` values on the way there.",
            _windows_last_value,
        ),
        Mistake(
            "takes a column of one target",
            "You return the value `horizon` steps ahead. The target is all `horizon` "
            "values on the way there.",
            _windows_last_value_column,
        ),
        Mistake(
            "predicts all channels",
            "Your targets have every channel. Only channel 0 is to be predicted.",
            _windows_all_channels,
        ),
        Mistake(
            "predicts the last channel",
            "Your targets come from the last channel. It is channel 0.",
            _windows_last_channel,
        ),
        Mistake(
            "leaves an axis for the channel",
            "Your targets have the shape `(n, horizon, 1)`. With a number for the "
            "channel, `[:, 0]` and not `[:, :1]`, the axis goes away.",
            _windows_axis_kept,
        ),
        Mistake(
            "drops the axis of a single target",
            "With a horizon of 1 your targets have the shape `(n,)`. It is `(n, 1)`: a "
            "target has an axis of its own, however short.",
            _windows_squeezed,
        ),
        Mistake(
            "takes channel 0 as the only input",
            "Your inputs have channel 0 alone. All channels are inputs, and channel 0 "
            "is the target.",
            _windows_one_channel,
        ),
        Mistake(
            "loses the shape of nothing",
            "Where there is no window, an array made of an empty list has the shape "
            "`(0,)`. Let NumPy gather rows by a table of indices, or `reshape` to "
            "`(-1, width, c)`.",
            _windows_no_shape,
        ),
        Mistake(
            "pairs inputs with inputs",
            "You return the inputs of both parts and then the targets of both. The "
            "order is `(x, y)` for training, then `(x, y)` for the test.",
            _windows_by_kind,
        ),
        Mistake(
            "returns float64",
            "The windows are right, in `float64`. The series is `float32`, and so is "
            "what is returned.",
            _windows_float64,
        ),
    ),
    variants=(_windows_variant_views, _windows_variant_frames),
    hints=(
        "Both parts are the same work on other rows: training windows lie in the rows "
        "0 to `cut`, test windows in the rows from `cut - width` to the end. Write one "
        "inner function for it.",
        "The starts in the rows from `first` to `end` are "
        "`np.arange(first, end - width - horizon + 1, stride)`. Without NumPy's help "
        "with indices, a loop over them and `np.array` do as well; mind the shape when "
        "there is no window.",
        "A table of row numbers gathers all windows at once: "
        "`series[starts[:, None] + np.arange(width)]` are the inputs, "
        "`series[starts[:, None] + np.arange(width, width + horizon), 0]` the targets.",
    ),
    explain="What a window may see is decided by the moment of the forecast: all that "
    "was known by then, and nothing after it. So a test input may reach back over the "
    "cut, and a training target may not reach forward. The windows that straddle the "
    "cut are lost to both; that is the price of an honest figure.",
)
