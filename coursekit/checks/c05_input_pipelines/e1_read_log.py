"""Exercise 05.1: ``read_log``."""

import json
import os
import tempfile
from functools import partial

import numpy as np

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_types(row: Plain) -> Plain:
    """A row with the types of its values, since 3 and 3.0 are equal."""
    if isinstance(row, dict):
        return {name: type(value).__name__ for name, value in row.items()}
    return type(row).__name__


def _probe_read_log(answer: Answer, case: Case) -> Plain:
    text, fields = case.args
    kinds = {"int": int, "float": float, "str": str, "bool": bool}
    schema = {name: (kinds[kind], default) for name, kind, default in fields}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "log.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        found = answer(path, schema)
    if not isinstance(found, tuple) or len(found) != 2:
        none = dict.fromkeys(("errors", "rows", "types"))
        return {"returned": f"no pair: {type(found).__name__}"} | none
    rows, errors = to_plain(found)
    listed = rows if isinstance(rows, list) else []
    types = [_probe_types(row) for row in listed]
    return {"returned": "a pair", "errors": errors, "rows": rows, "types": types}


_NAMES = "camera frames celsius awake station tilt volts lens gain battery moon".split()
_WORDS = "north creek ridge gate oak ford".split()
_FOREIGN = "Doñana", "forêt", "Öland", "夜の森"
_GONE = object()


def _log_inputs(rng: np.random.Generator) -> list[Case]:
    def draw(kind: str) -> object:
        """A value that is neither 0 nor empty, and no float is a whole number."""
        match kind:
            case "int":
                return int(rng.integers(2, 900))
            case "float":
                return int(rng.integers(1, 90)) + 0.25
            case "str":
                return str(rng.choice(_WORDS)) + str(rng.integers(1, 9))
        return True

    def fields(*kinds: str, defaults: tuple = ()) -> list[tuple]:
        """Required fields, then one for each of the defaults."""
        names = map(str, rng.permutation(_NAMES))
        rows = [(kind, None) for kind in kinds]
        rows += [(type(default).__name__, default) for default in defaults]
        order = rng.permutation(len(rows)) if not defaults else range(len(rows))
        return [(next(names), *rows[k]) for k in order]

    def line(schema: list[tuple], changes: dict | None = None, extra: int = 0) -> str:
        """A good line but for changes, by kind or by place in the schema."""
        changes = changes or {}
        row = []
        for place, (name, kind, _) in enumerate(schema):
            other = changes.get(place, changes.get(kind, draw(kind)))
            row += [(name, other)] if other is not _GONE else []
        row += [("note", "extra"), ("seq", 3)][:extra]
        row = {row[k][0]: row[k][1] for k in rng.permutation(len(row))}
        return json.dumps(row, ensure_ascii=False)

    def case(group: str, schema: list[tuple], *lines: str) -> Case:
        told = ", ".join(f"{n!r}: ({kind}, {d!r})" for n, kind, d in schema)
        text = "".join(f"{line}\n" for line in lines)
        call = f"read_log(path, {{{told}}}) on " + (
            " ⏎ ".join(lines) or "an empty file"
        )
        return Case(group, (text, tuple(schema)), call)

    def mixed(*lines: str) -> list[str]:
        return [lines[k] for k in rng.permutation(len(lines))]

    four = "int", "float", "str", "bool"
    a, b, c, d, e, f = (fields(*four) for _ in range(6))
    torn = [line(b)[: int(rng.integers(3, 20))] for _ in range(2)]
    zeros = fields("str", defaults=(0, 0.0, "", False))
    others = fields("int", defaults=(7, 2.5, "none", True))
    gone = dict.fromkeys(range(1, 5), _GONE)
    wrong = [
        *({"int": v} for v in (True, 4.0, str(rng.integers(10, 90)), None)),
        *({"float": v} for v in (False, "0.25", [1.5])),
        *({"str": v} for v in (draw("int"), None, {"id": "c1"})),
        *({"bool": v} for v in (1, "true", None)),
    ]
    return [
        case("good lines", a, line(a), line(a, {"float": 31}, 2), line(a, extra=1)),
        case(
            "torn lines, blank lines",
            b,
            *(line(b), torn[0], "", line(b), "   ", "battery low", line(b), torn[1]),
        ),
        case(
            "JSON, but no object",
            c,
            *(line(c), *mixed("[1, 2]", '"ford"', "17", "null", "true"), line(c)),
        ),
        case(
            "wrong types",
            d,
            *mixed(line(d), line(d, {"float": 8}), *(line(d, w) for w in wrong)),
        ),
        case(
            "defaults",
            zeros,
            *(line(zeros, gone), line(zeros), line(zeros, {0: _GONE})),
        ),
        case(
            "defaults",
            others,
            *(line(others, {1: 0, 2: 0.0, 3: "", 4: False}), line(others, gone)),
            *mixed(*(line(others, {k: v}) for k, v in ((1, "8"), (3, 4), (4, None)))),
            *(line(others, {0: 0}), line(others, {2: _GONE}, 1)),
        ),
        case(
            "missing fields, several faults",
            e,
            line(e, {2: _GONE}),
            line(e, {3: _GONE, 1: [2]}),
            line(e, {0: None, 2: _GONE}, 1),
            line(e, {1: _GONE, 2: [5]}),
            line(e),
            "{}",
        ),
        case(
            "letters beyond ASCII",
            f,
            *(line(f, {"str": str(name)}) for name in rng.permutation(_FOREIGN)[:3]),
        ),
        case("nothing in it", a),
        case("nothing in it", b, "", "  "),
    ]


def _log_expected(case: Case) -> Plain:
    text, fields = case.args
    rows, errors = [], []
    allowed = {"int": ("int",), "float": ("int", "float"), "str": ("str",)}
    for place, written in enumerate(text.split("\n")):
        try:
            record = json.loads(written) if written.strip() else None
        except ValueError:
            record = None
        if not isinstance(record, dict):
            errors += [(place + 1, "json")] * bool(written.strip())
            continue
        row, faults = {}, []
        for name, kind, default in fields:
            value = record.get(name, default)
            if name not in record and default is None:
                faults.append(f"missing {name}")
            elif type(value).__name__ not in allowed.get(kind, ("bool",)):
                faults.append(f"type {name}")
            row[name] = value + 0.0 if kind == "float" and not faults else value
        if faults:
            errors.append((place + 1, faults[0]))
        else:
            rows.append(row)
    types = [{name: kind for name, kind, _ in fields} for _ in rows]
    return {"returned": "a pair", "errors": errors, "rows": rows, "types": types}


def _good(value, kind):
    return type(value) in ((int, float) if kind is float else (kind,))


def _faults(record, schema, good=_good, required=lambda default: default is None):
    for name, (kind, default) in schema.items():
        if name not in record:
            if required(default):
                yield f"missing {name}"
        elif not good(record[name], kind):
            yield f"type {name}"


def _row(record, schema):
    """The fields of the schema; a whole number becomes a float where one is due."""
    row = {n: record.get(n, default) for n, (_, default) in schema.items()}
    return {n: float(v) if schema[n][0] is float else v for n, v in row.items()}


def _objects_only(line):
    if not isinstance(record := json.loads(line), dict):
        raise ValueError
    return record


def _log(path, schema, faults=_faults, row=_row, loads=_objects_only, **how):
    """A right answer in parts that the mistakes replace."""
    rows, errors, number = [], [], how.get("first", 1) - 1
    with open(path, encoding=how.get("encoding", "utf-8")) as file:
        for line in file:
            blank = line == "\n" if how.get("strict") else not line.strip()
            number += not blank or how.get("count_blank", True)
            if blank:
                continue
            try:
                record = loads(line)
                found = [*faults(record, schema)]
            except ValueError:
                found = ["json"]
            errors += [(number, fault) for fault in found[: how.get("most", 1)]]
            if not found:
                rows.append(row(record, schema))
            if found and how.get("stop"):
                break
    return rows, errors


_log_stops = partial(_log, stop=True)


def _log_silent(path, schema):
    return _log(path, schema)[0], []


_log_from_zero = partial(_log, first=0)
_log_counts_records = partial(_log, count_blank=False)
_log_latin = partial(_log, encoding="latin-1")
_log_all_faults = partial(_log, most=None)
_log_spaces_as_lines = partial(_log, strict=True)
_log_any_json = partial(_log, loads=json.loads)


def _instance(value, kind):
    return isinstance(value, (int, float) if kind is float else kind)


def _bool_passes(record, schema):
    return _faults(record, schema, _instance)


def _log_bool(path, schema):
    return _log(path, schema, _bool_passes)


def _log_bool_for_int(path, schema):
    def good(value, kind):
        return isinstance(value, kind) or (kind is float and type(value) is int)

    return _log(path, schema, lambda r, s: _faults(r, s, good))


def _log_bool_for_float(path, schema):
    def good(value, kind):
        return type(value) is kind or (kind is float and isinstance(value, int))

    return _log(path, schema, lambda r, s: _faults(r, s, good))


def _log_bool_cast(path, schema):
    def row(record, schema):
        row = _row(record, schema)
        return {name: schema[name][0](value) for name, value in row.items()}

    return _log(path, schema, _bool_passes, row)


def _log_int_refused(path, schema):
    def faults(record, schema):
        return _faults(record, schema, lambda value, kind: type(value) is kind)

    return _log(path, schema, faults)


def _as_written(record, schema):
    return {n: record.get(n, default) for n, (_, default) in schema.items()}


_log_int_kept = partial(_log, row=_as_written)


def _log_casts(path, schema):
    def good(value, kind):
        try:
            kind(value)
        except (TypeError, ValueError):
            return False
        return True

    def row(record, schema):
        row = _as_written(record, schema)
        return {name: schema[name][0](value) for name, value in row.items()}

    return _log(path, schema, lambda r, s: _faults(r, s, good), row)


def _log_all_required(path, schema):
    return _log(path, schema, lambda r, s: _faults(r, s, required=lambda d: True))


def _log_not_filled(path, schema):
    def row(record, schema):
        row = _row(record, schema)
        return {name: value for name, value in row.items() if name in record}

    return _log(path, schema, row=row)


def _log_zero_required(path, schema):
    return _log(path, schema, lambda r, s: _faults(r, s, required=lambda d: not d))


def _log_or_default(path, schema):
    def row(record, schema):
        row = _row(record, schema)
        return {name: value or schema[name][1] for name, value in row.items()}

    return _log(path, schema, row=row)


def _lenient(record, schema):
    """The record without what a default could replace."""
    return {
        name: value
        for name, value in record.items()
        if name not in schema
        or schema[name][1] is None
        or _good(value, schema[name][0])
    }


def _log_default_for_wrong(path, schema):
    def faults(record, schema):
        return _faults(_lenient(record, schema), schema)

    def row(record, schema):
        return _row(_lenient(record, schema), schema)

    return _log(path, schema, faults, row)


def _log_null_missing(path, schema):
    def loads(line):
        return {n: v for n, v in _objects_only(line).items() if v is not None}

    return _log(path, schema, loads=loads)


_log_extras = partial(_log, row=lambda record, s: record | _row(record, s))


def _log_missing_first(path, schema):
    def faults(record, schema):
        return sorted(_faults(record, schema), key=lambda fault: fault.split()[0])

    return _log(path, schema, faults)


def _log_variant_defaults_first(path, schema):
    rows, errors = [], []
    defaults = {n: d for n, (_, d) in schema.items() if d is not None}
    wanted = {
        n: {kind, int} if kind is float else {kind} for n, (kind, _) in schema.items()
    }
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = {**defaults, **json.loads(line)}
            for name, kinds in wanted.items():
                if name not in record:
                    raise KeyError(f"missing {name}")
                if type(record[name]) not in kinds:
                    raise KeyError(f"type {name}")
        except KeyError as fault:
            errors.append((number, fault.args[0]))
        except (TypeError, ValueError):
            errors.append((number, "json"))
        else:
            rows.append({n: schema[n][0](record[n]) for n in schema})
    return rows, errors


def _log_variant_verdicts(path, schema):
    def verdict(line):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            return "json"
        if not isinstance(record, dict):
            return "json"
        row = {}
        for name, (kind, default) in schema.items():
            value = record.get(name, default)
            if name not in record and default is None:
                return f"missing {name}"
            if kind is float and isinstance(value, int) and value is not True:
                value = float(value) if value is not False else value
            if type(value) is not kind:
                return f"type {name}"
            row[name] = value
        return row

    with open(path, encoding="utf-8") as file:
        found = [(n, verdict(line)) for n, line in enumerate(file, 1) if line.strip()]
    errors = [(n, v) for n, v in found if isinstance(v, str)]
    return [v for _, v in found if isinstance(v, dict)], errors


EXERCISE = Exercise(
    id="05.1",
    name="read_log",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_log_inputs,
    probe=_probe_read_log,
    expected=_log_expected,
    mistakes=(
        Mistake(
            "stops at the first bad line",
            "You leave the loop at the first line that cannot be used, and all good "
            "lines behind it are lost. Note the error and go on: `continue`, not "
            "`break` or `return`.",
            _log_stops,
        ),
        Mistake(
            "drops bad lines without a word",
            "The rows are right, but `errors` is empty. Whoever reads the log has to "
            "learn which lines were left out, and why.",
            _log_silent,
        ),
        Mistake(
            "counts lines from 0",
            "Your line numbers are one too small. An editor counts from 1, and so does "
            "the task: `enumerate(file, 1)`.",
            _log_from_zero,
        ),
        Mistake(
            "does not count blank lines",
            "Behind a blank line your numbers are too small. A blank line gives no row "
            "and no error, but it is a line of the file: count first, then skip it.",
            _log_counts_records,
        ),
        Mistake(
            "takes all JSON for an object",
            "`[1, 2]`, `17` and `null` are JSON, so `json.loads` accepts them; but "
            "they have no fields. Ask `isinstance(record, dict)`, and note what is no "
            "object as `json`.",
            _log_any_json,
        ),
        Mistake(
            "lets a bool pass for a number",
            "In Python `True` is an `int`, so `isinstance(True, int)` is true. Compare "
            "the types themselves: `type(value) is int`.",
            _log_bool,
        ),
        Mistake(
            "lets a bool pass for an int",
            "`isinstance(True, int)` is true in Python, so `true` passes where an int "
            "is wanted. Compare the types themselves: `type(value) is kind`.",
            _log_bool_for_int,
        ),
        Mistake(
            "lets a bool pass for a float",
            "For a float you accept whole numbers by `isinstance(value, int)`, and "
            "that is true of `False`, which becomes 0.0. Ask `type(value) is int`.",
            _log_bool_for_float,
        ),
        Mistake(
            "notes every fault of a line",
            "A line with two faults is in your report twice. The first fault, in the "
            "order of the schema, is the reason: leave the loop there.",
            _log_all_faults,
        ),
        Mistake(
            "takes spaces for a line",
            "A line of nothing but spaces is blank as well: ask `not line.strip()`.",
            _log_spaces_as_lines,
        ),
        Mistake(
            "makes numbers of bools",
            "`true` has become 1. In Python a bool is an int, so `isinstance` lets it "
            "pass, and the conversion makes a number of it. Compare the types "
            "themselves: `type(value) is int`.",
            _log_bool_cast,
        ),
        Mistake(
            "refuses a whole number for a float",
            "JSON writes 31.0 as `31` if it likes, and `json.loads` then makes an "
            "`int`. Where a `float` is wanted, accept both, and convert.",
            _log_int_refused,
        ),
        Mistake(
            "leaves an int in a float field",
            "You accept a whole number for a float, and that is right, but it has "
            "stayed an `int`. Convert it: `float(value)`.",
            _log_int_kept,
        ),
        Mistake(
            "converts instead of checking",
            'You convert whatever can be converted: the text `"12"` becomes 12, 4.0 '
            "becomes 4, and every text a `True`. That invents data. Compare the type, "
            "and convert only an int where a float is wanted.",
            _log_casts,
        ),
        Mistake(
            "asks for fields that have a default",
            "A field that has a default may be missing: it is an error only where the "
            "schema's default is `None`.",
            _log_all_required,
        ),
        Mistake(
            "leaves out what is missing",
            "A row has every field of the schema. Where the line lacks one, its "
            "default belongs there: `record.get(name, default)`.",
            _log_not_filled,
        ),
        Mistake(
            "takes a default of 0 for none",
            "0, an empty text and `False` are defaults as well, but `if not default` "
            "takes them for none. Only `None` means required: `if default is None`.",
            _log_zero_required,
        ),
        Mistake(
            "replaces zeros by the default",
            "`value or default` replaces 0, an empty text and `False`, which are real "
            "measurements. The default is for a field that is not there: "
            "`record.get(name, default)`.",
            _log_or_default,
        ),
        Mistake(
            "hides a wrong type behind the default",
            "The line has a value, of the wrong type, and you put the default in its "
            "place. That is a fault, and the default would hide it: note `type` and "
            "the name.",
            _log_default_for_wrong,
        ),
        Mistake(
            "takes null for missing",
            "`null` is a value: the field is there, and it is of no type that the "
            "schema knows. Ask `name not in record` rather than whether `get` gave "
            "`None`.",
            _log_null_missing,
        ),
        Mistake(
            "keeps extra fields",
            "Your rows have fields that the schema does not name. Build a new dict "
            "from the schema's names instead of handing on what was read.",
            _log_extras,
        ),
        Mistake(
            "reads UTF-8 as Latin-1",
            "Letters beyond ASCII have become two or three strange ones, as in "
            '`DoÃ±ana`. The file is UTF-8: `open(path, encoding="utf-8")`.',
            _log_latin,
        ),
        Mistake(
            "looks for missing fields first",
            "You report a missing field although one before it has the wrong type. Go "
            "through the schema once, and look at each field for both.",
            _log_missing_first,
        ),
    ),
    variants=(_log_variant_defaults_first, _log_variant_verdicts),
    hints=(
        "Go through `enumerate(file, 1)`, skip what is blank, and put `json.loads` "
        "into a `try`. The rest is a question to a dict: which is its first fault?",
        "For each name of the schema: not in the record is a fault if the default is "
        "`None`; a type other than the one asked for is a fault, unless it is an `int` "
        "where a `float` is wanted. Compare with `type(value) is kind`.",
        "If there is a fault, `errors.append((number, fault))`. Else `row = {name: "
        "record.get(name, default) for name, (kind, default) in schema.items()}`, with "
        "`float(…)` around the floats.",
    ),
    explain="A reader at the border of a program has three outcomes for each line: "
    "used, refused with a reason, or blank; and the three together are the file. A "
    "default is a decision about what is absent, never a plaster over what is wrong. "
    "The line number is what lets somebody find the cause.",
)
