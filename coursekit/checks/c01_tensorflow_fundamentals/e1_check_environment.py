"""Exercise 01.1: ``check_environment``."""

import re
from copy import deepcopy
from itertools import zip_longest
from operator import ge, gt

import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain
from coursekit.engine.plain import brief

_PACKAGES = (
    "absl-py certifi flatbuffers gast grpcio h5py keras libclang matplotlib ml_dtypes "
    "namex numpy optree packaging pillow protobuf requests rich scipy tensorflow"
).split()


def _probe_versions(answer: Answer, case: Case) -> Plain:
    """The report; or what has become of the arguments."""
    what, *arguments = deepcopy(case.args)
    report = answer(*arguments)
    if what == "report":
        return to_plain(report)
    return {"required": to_plain(arguments[0]), "installed": to_plain(arguments[1])}


def _version_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, required: dict, installed: dict, what: str = "report") -> Case:
        call = f"check_environment({brief(required)}, {brief(installed)})"
        if what == "arguments":
            call += ", and then its two arguments"
        return Case(group, (what, required, installed), call)

    def table(group: str, *rows: tuple[str, str], what: str = "report") -> Case:
        """A case of (required, installed) versions; "" where there is none."""
        names = [str(name) for name in rng.permutation(_PACKAGES)[: len(rows)]]
        rows = [rows[i] for i in rng.permutation(len(rows))]
        pairs = list(zip(names, rows, strict=True))
        required = {name: minimum for name, (minimum, _) in pairs if minimum}
        installed = {name: version for name, (_, version) in pairs if version}
        return case(group, required, installed, what)

    def draw(low: int, high: int) -> int:
        return int(rng.integers(low, high))

    m, k, low = (draw(3, 9) for _ in range(3))  # as text, after every two-digit high
    high, hundreds = draw(10, 30), draw(300, 1000)
    day = f"{draw(2022, 2026)}{draw(1, 13):02}{draw(1, 29):02}"
    early, late = f"2.{low}.{day}", f"2.{low}.2021{draw(1, 13):02}28{high}4500"
    verdicts = [
        (f"{m}.{k}.{low}", f"{m + 1}.{draw(0, k)}.{low}"),
        (f"{m}.{k}.{low}", f"{m - 1}.{k + 1}.{low}"),
        (f"{m}.{k}", ""),
        ("", f"{k}.{m}"),
    ]
    digits = [
        (f"{m}.{low}.0", f"{m}.{high}.0"),
        (f"{m}.{high}.0", f"{m}.{low}.0"),
        (f"{m}.{k}.{low}", f"{m}.{k}.{high}"),
        (f"{low}.{k}", f"{high}.{k}"),
        (f"{m}.{k}", f"{m - 1}.{high}"),
        (f"{m}.{10 * draw(2, 6)}", f"{m}.{low + 6}"),
    ]
    long = [
        (f"{m}.{k}", f"{m - 1}.{hundreds}"),
        (f"{m}.{k}.1.{hundreds}", f"{m}.{k}.1.{day}"),
        (f"{m}.{k}.1.{day}", f"{m}.{k}.2"),
        (early, late),
        (day, str(hundreds)),
        (f"{m}.{k}.{day}", f"{m}.{k}.{int(day) - 1}"),
        (f"{m}.{k}.{hundreds}", f"{m + 1}.{k}.1"),
        (f"{m}.{low}", f"{m - 1}.{high}"),
    ]
    zeros = ".0" * draw(5, 8)
    ends = [
        (f"{k}.{high}.{m}", f"{k}.{high}.{m}"),
        (f"{m}.{high}.0", f"{m}.{high}"),
        (f"{m}.{high}", f"{m}.{high}{zeros}"),
        (f"{m}.{k}{zeros}", f"{m}.{k}"),
        (f"{m}.{k}{zeros}.{low}", f"{m}.{k}"),
        (f"{m}.{k}.0.{low}", f"{m}.{k}"),
        (f"{m}.{k}.{low}.0", f"{m}.{k}.{low - 1}"),
        ("0", draw(0, 2) * f"{m}." + "0.0"),
    ]
    inside = [
        (f"{m}.{k}", f"{m}.0.{k + draw(0, 9)}"),
        (f"{m}.0.{low}", f"{m}.{k}"),
        (f"{m}.{k}0", f"{m}.{k}"),
        (f"{m}.{k}.{low}", f"{m}.{k}.0.{low + 1}"),
    ]
    small, large = f"{m}.{k}", f"{m + 1}.{low}"
    twice = {"numpy": large, "NumPy": small}, {"NumPy": large, "numpy": small}
    return [
        table("the three verdicts", *verdicts),
        table("parts of two digits", *digits),
        table("long parts, such as dates", *long),
        table("zeros left out at the end", *ends),
        table("zeros in between", *inside),
        case("names exactly as written", *twice),
        case("missing packages", {"numpy": small, "keras": small}, {"NumPy": large}),
        case("missing packages", {"keras": large}, {}),
        case("nothing but what is required", {}, {"numpy": small}),
        table("arguments left as they are", *verdicts, what="arguments"),
    ]


def _version_expected(case: Case) -> Plain:
    what, required, installed = case.args
    if what == "arguments":
        return {"required": required, "installed": installed}

    def key(version: str) -> int:  # digits in a huge base, twelve places
        parts = version.split(".")
        return sum(int(p) * 10 ** (20 * (12 - i)) for i, p in enumerate(parts))

    report = {}
    for name, minimum in required.items():
        if name in installed:
            enough = key(installed[name]) >= key(minimum)
            report[name] = "ok" if enough else "too old"
        else:
            report[name] = "missing"
    return report


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _key(version: str) -> list[int]:
    return (_numbers(version) + [0] * 12)[:12]


def _by(key, enough=ge):
    """An answer that compares by ``enough(key(installed), key(required))``."""

    def verdicts(required, installed):
        report = {}
        for name, minimum in required.items():
            if name not in installed:
                report[name] = "missing"
            else:
                good = enough(key(installed[name]), key(minimum))
                report[name] = "ok" if good else "too old"
        return report

    return verdicts


_version_right = _by(_key)


def _every_part(has, needs):
    return all(h >= n for h, n in zip_longest(has, needs, fillvalue=0))


def _three_parts(version):
    numbers = _numbers(version)
    return numbers + [0] * (3 - len(numbers))


_version_text = _by(str)
_version_float = _by(lambda version: float(".".join(version.split(".")[:2])))
_version_no_dots = _by(lambda version: int(version.replace(".", "")))
_version_each_part = _by(_numbers, _every_part)
_version_unpadded = _by(_numbers)
_version_three_parts = _by(_three_parts)
_version_no_zeros = _by(lambda version: [part for part in _numbers(version) if part])
_version_greater = _by(_key, gt)


def _version_missing_is_old(required, installed):
    return _version_right(required, {name: "0" for name in required} | installed)


def _version_key_error(required, installed):
    return _version_right(required, {name: installed[name] for name in required})


def _version_problems_only(required, installed):
    report = _version_right(required, installed)
    return {name: verdict for name, verdict in report.items() if verdict != "ok"}


def _version_overwrites(required, installed):
    required.update(_version_right(required, installed))
    return required


def _version_variant_zip(required, installed):
    def enough(has, needs):
        pairs = zip_longest(has.split("."), needs.split("."), fillvalue="0")
        for h, n in pairs:
            if int(h) != int(n):
                return int(h) > int(n)
        return True

    report = dict.fromkeys(required, "missing")
    for name in required.keys() & installed.keys():
        good = enough(installed[name], required[name])
        report[name] = "ok" if good else "too old"
    return report


def _version_variant_strip(required, installed):
    def key(version):
        return tuple(map(int, re.sub(r"(\.0+)+$", "", version).split(".")))

    report = {}
    for name in required:
        try:
            report[name] = "too old"
            if key(installed[name]) >= key(required[name]):
                report[name] = "ok"
        except KeyError:
            report[name] = "missing"
    return report


EXERCISE = Exercise(
    id="01.1",
    name="check_environment",
    points=3,
    minutes=10,
    difficulty="warm-up",
    inputs=_version_inputs,
    probe=_probe_versions,
    expected=_version_expected,
    mistakes=(
        Mistake(
            "compares versions as text",
            "Versions look like text, so comparing them with `>=` as they are seems "
            'fine. But text is compared character by character, and `"9"` comes '
            'after `"2"`, so `"2.9" > "2.21"`. Split at the dots and make each part '
            "an `int` first.",
            _version_text,
        ),
        Mistake(
            "reads a version as a decimal number",
            "A version is not a decimal fraction: as a `float`, 2.9 is more than "
            "2.21, and everything after the second number is lost. Its parts are "
            "separate whole numbers, so keep them as a list of `int`.",
            _version_float,
        ),
        Mistake(
            "drops the dots",
            "Without its dots 2.21 becomes 221 and beats 3.4, which becomes 34: the "
            "places slip as soon as a part has two digits. Keep the parts apart, with "
            '`version.split(".")`, and compare lists of `int`.',
            _version_no_dots,
        ),
        Mistake(
            "wants every part to be at least as large",
            "You ask that each number be at least as large as its counterpart, which "
            "turns 3.0 away when 2.9 is required. Only the first place where two "
            "versions differ decides. Comparing two lists or tuples with `>=` works "
            "in just that way.",
            _version_each_part,
        ),
        Mistake(
            "forgets that lengths differ",
            "Python puts a shorter tuple before a longer one that starts the same "
            "way, so `(2, 21)` counts as less than `(2, 21, 0)`. As versions they are "
            "equal. Make both equally long by adding zeros, or drop the zeros at the "
            "end of both.",
            _version_unpadded,
        ),
        Mistake(
            "adds zeros up to a fixed length",
            "You fill versions up to a fixed number of parts, but they may have one "
            "part or eight, and beyond your number a shorter list still counts as "
            "less. Make the two equally long, however long that is, or drop the zeros "
            "at the end of both.",
            _version_three_parts,
        ),
        Mistake(
            "drops every zero",
            "Zeros mean nothing at the end of a version only. In 2.0.1 the zero holds "
            "a place; without it, 2.0.1 turns into 2.1. Drop zeros from the end, "
            "`while parts and parts[-1] == 0`, and keep the others.",
            _version_no_zeros,
        ),
        Mistake(
            "writes into its arguments",
            "The verdicts are right, but you write them into `required`, which belongs "
            "to the caller: the minimum versions are gone, and a second call finds "
            "none. Start with an empty dict, `report = {}`, and fill that.",
            _version_overwrites,
        ),
        Mistake(
            "asks for more than the minimum",
            "The required version is a minimum, and the minimum itself is good "
            "enough. You report an equal version as too old: compare with `>=` where "
            "you have `>`.",
            _version_greater,
        ),
        Mistake(
            "calls a missing package too old",
            "A package that is absent came out as `too old`, perhaps through a "
            'default such as `installed.get(name, "0")`. To a user these are two '
            "different jobs, install and upgrade. Ask `name not in installed` before "
            "you look at any version.",
            _version_missing_is_old,
        ),
        Mistake(
            "expects every package to be installed",
            "`installed[name]` takes for granted that the package is there; when it "
            "is not, the dict raises `KeyError`. That is the very case to report: "
            "test `name in installed` first and answer `missing`.",
            _version_key_error,
        ),
        Mistake(
            "reports the problems only",
            "You report what is wrong and leave out what is fine, so a reader cannot "
            "tell a good package from one that was never checked. Give every required "
            "name an entry, `ok` included.",
            _version_problems_only,
        ),
    ),
    variants=(_version_variant_zip, _version_variant_strip),
    hints=(
        "Go through `required` (not through `installed`): each name there needs one "
        "entry. Deal with a missing package first; then only two verdicts are left.",
        'Turn a version into numbers with `[int(p) for p in version.split(".")]`. '
        "Python compares lists of numbers place by place, which is the order of "
        "versions, except that `[2, 21] < [2, 21, 0]`.",
        "Write a helper `numbers(version)` that makes the list of ints and then, "
        "`while parts and parts[-1] == 0`, drops the last one. The verdict is "
        "`missing` if `name not in installed`, `too old` if "
        "`numbers(installed[name]) < numbers(minimum)`, else `ok`.",
    ),
    explain="A version is a row of whole numbers, and the first place where two "
    "versions differ decides which is newer. Text and decimal fractions order "
    "differently, which is why 2.21 so often passes for older than 2.9. To read the "
    "versions of a real machine, use `importlib.metadata.version`.",
)
