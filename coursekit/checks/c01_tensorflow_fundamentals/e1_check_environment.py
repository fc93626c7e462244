"""Exercise 01.1: ``check_environment``."""

from itertools import zip_longest

import numpy as np

from coursekit.engine import Case, Exercise, Mistake, Plain

_PACKAGES = ("absl-py", "grpcio", "h5py", "keras", "matplotlib", "numpy", "protobuf")


def _version_inputs(rng: np.random.Generator) -> list[Case]:
    def names(k: int) -> list[str]:
        return [str(name) for name in rng.permutation(_PACKAGES)[:k]]

    def low() -> int:  # one digit, and as text after every number from high()
        return int(rng.integers(3, 10))

    def high() -> int:
        return int(rng.integers(10, 30))

    def case(group: str, rows: list[tuple[str, str, str | None]]) -> Case:
        rows = [rows[i] for i in rng.permutation(len(rows))]
        required = {name: minimum for name, minimum, _ in rows if minimum}
        installed = {name: version for name, _, version in rows if version}
        return Case(group, (required, installed))

    a, b, c, d = names(4)
    m, k = low(), low()
    basic = [
        (a, f"{m}.{k}.{low()}", f"{m + 1}.{rng.integers(k)}.{low()}"),
        (b, f"{m}.{k}.{low()}", f"{m - 1}.{k + 1}.{low()}"),
        (c, f"{m}.{k}", None),
        (d, "", f"{k}.{m}"),
    ]
    a, b, c, d, e, f = names(6)
    digits = [
        (a, f"{m}.{low()}.0", f"{m}.{high()}.0"),
        (b, f"{m}.{high()}.0", f"{m}.{low()}.0"),
        (c, f"{m}.{k}.{low()}", f"{m}.{k}.{high()}"),
        (d, f"{m}.{k}.{high()}", f"{m}.{k}.{low()}"),
        (e, f"{low()}.{k}", f"{high()}.{k}"),
        (f, f"{m}.{k}", f"{m - 1}.{high()}"),
    ]
    a, b, c, d, e = names(5)
    same, short = f"{k}.{high()}.{m}", f"{m}.{high()}"
    equal = [
        (a, same, same),
        (b, f"{short}.0", short),
        (c, short, f"{short}.0.0"),
        (d, f"{m}.{k}.0.{low()}", f"{m}.{k}"),
        (e, f"{m}.{k}.{low()}", f"{m}.{high()}"),
    ]
    required = {"numpy": f"{m}.{k}", "keras": f"{m}.{k}"}
    return [
        case("the three verdicts", basic),
        case("numbers of several digits", digits),
        case("versions of unequal length", equal),
        Case("exact names", (required, {"NumPy": f"{m}.{k}", "keras": f"{m + 1}.{k}"})),
        Case("exact names", (required, {})),
        Case("exact names", ({}, {"numpy": f"{m}.{k}"})),
    ]


def _version_expected(case: Case) -> Plain:
    required, installed = case.args

    def key(version: str) -> int:  # digits in base a million, eight places
        parts = version.split(".")
        return sum(int(p) * 10 ** (6 * (8 - i)) for i, p in enumerate(parts))

    report = {}
    for name, minimum in required.items():
        if name in installed:
            enough = key(installed[name]) >= key(minimum)
            report[name] = "ok" if enough else "too old"
        else:
            report[name] = "missing"
    return report


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _padded(version: str) -> tuple[int, ...]:
    return (*_numbers(version), 0, 0, 0, 0)[:4]


def _version_report(required, installed, enough):
    return {
        name: "missing"
        if name not in installed
        else "ok"
        if enough(installed[name], minimum)
        else "too old"
        for name, minimum in required.items()
    }


def _version_text(required, installed):
    return _version_report(required, installed, lambda has, needs: has >= needs)


def _version_float(required, installed):
    def as_float(version):
        return float(".".join(version.split(".")[:2]))

    return _version_report(
        required, installed, lambda has, needs: as_float(has) >= as_float(needs)
    )


def _version_no_dots(required, installed):
    def digits(version):
        return int(version.replace(".", ""))

    return _version_report(
        required, installed, lambda has, needs: digits(has) >= digits(needs)
    )


def _version_each_part(required, installed):
    return _version_report(
        required,
        installed,
        lambda has, needs: all(
            h >= n for h, n in zip_longest(_numbers(has), _numbers(needs), fillvalue=0)
        ),
    )


def _version_unpadded(required, installed):
    return _version_report(
        required, installed, lambda has, needs: _numbers(has) >= _numbers(needs)
    )


def _version_greater(required, installed):
    return _version_report(
        required, installed, lambda has, needs: _padded(has) > _padded(needs)
    )


def _version_missing_is_old(required, installed):
    report = {}
    for name, minimum in required.items():
        has = installed.get(name, "0")
        report[name] = "ok" if _padded(has) >= _padded(minimum) else "too old"
    return report


def _version_key_error(required, installed):
    report = {}
    for name, minimum in required.items():
        has = installed[name]
        report[name] = "ok" if _padded(has) >= _padded(minimum) else "too old"
    return report


def _version_problems_only(required, installed):
    report = {}
    for name, minimum in required.items():
        if name not in installed:
            report[name] = "missing"
        elif _padded(installed[name]) < _padded(minimum):
            report[name] = "too old"
    return report


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


def _version_variant_array(required, installed):
    report = {}
    for name, minimum in required.items():
        try:
            has = installed[name]
        except KeyError:
            report[name] = "missing"
            continue
        size = 1 + max(has.count("."), minimum.count("."))
        rows = np.zeros((2, size), int)
        for row, version in zip(rows, (has, minimum), strict=True):
            parts = version.split(".")
            row[: len(parts)] = parts
        signs = np.sign(rows[0] - rows[1])
        first = signs[np.flatnonzero(signs)[:1]]
        report[name] = "too old" if first.sum() < 0 else "ok"
    return report


EXERCISE = Exercise(
    id="01.1",
    name="check_environment",
    points=3,
    minutes=10,
    difficulty="warm-up",
    inputs=_version_inputs,
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
    variants=(_version_variant_zip, _version_variant_array),
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
