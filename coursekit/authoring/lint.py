"""Gates over the code of a notebook: what Keras 3 broke, and what comes later."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from coursekit.authoring.files import Node, label
from coursekit.authoring.tidy import tags
from coursekit.spine import Chapter, Course

ON_PURPOSE = "on-purpose"
"""The tag of a cell that shows a dead API failing; it needs a "why" as well."""
PREVIEW = "preview"
"""The tag of a cell that may use what a later chapter teaches."""

_MAGIC = re.compile(r"^(\s*)[%!].*$", re.M)

_DEAD_NAMES = {
    r"\bhub\.KerasLayer$": "refuses Keras 3 models; wrap hub.load in a layer",
    r"\.optimizers\.legacy\b": "gone in Keras 3",
    r"\.layers\.experimental\b": "gone in Keras 3",
    r"^tf\.estimator\b": "gone in TensorFlow 2.16",
    r"\btf\.lite\.Interpreter$": "to be deleted; use ai_edge_litert",
    r"^tf\.(Session|InteractiveSession|ConfigProto|placeholder|get_variable|"
    r"variable_scope|global_variables_initializer|contrib)\b": "lives in tf.compat.v1",
    r"\blayers?(\[\])?\.(input_shape|output_shape)$": "gone; use layer.input.shape",
    r"(^|transformers\.)TF(Auto)?[A-Z]\w*(For[A-Z]|Model)\w*(\.|$)": "left TensorFlow",
}
_DEAD_KEYWORDS = {
    ("lr", r"(^|\.)([A-Z]\w*)?(SGD|Adam\w*|RMSprop|Adagrad|Adadelta|Nadam|Ftrl|Lion)$"),
    ("decay", r"(^|\.)(SGD|Adam\w*|RMSprop|Adagrad|Adadelta|Nadam|Ftrl)$"),
    ("extract", r"(^|\.)get_file$"),
    ("untar", r"(^|\.)get_file$"),
    ("ragged", r"(^|\.)Input$"),
    ("batch_input_shape", r""),
}
_MODEL = re.compile(
    r"(model|net|network|classifier|encoder|decoder|autoencoder)$", re.I
)


def deprecated(nb: Node) -> list[str]:
    """Uses of an API that fails under TensorFlow 2.21 and Keras 3."""
    problems = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or ON_PURPOSE in tags(cell):
            continue
        place = label(cell, index)
        try:
            tree = ast.parse(plain_python(cell.source))
        except SyntaxError as error:
            problems.append(f"{place}: does not parse: {error.msg}")
            continue
        problems += [f"{place}: {p}" for p in dict.fromkeys(_dead(tree))]
    return problems


def forward_references(nb: Node, chapter: Chapter, course: Course) -> list[str]:
    """Code that only a later chapter introduces, outside cells tagged ``preview``."""
    later = course.chapters[course.chapters.index(chapter) + 1 :]
    known = {
        pattern for c in course.chapters if c not in later for pattern in c.introduces
    }
    problems = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code" or PREVIEW in tags(cell):
            continue
        code = without_texts(cell.source)
        for other in later:
            for pattern in other.introduces:
                match = re.search(pattern, code) if pattern not in known else None
                if match:
                    what = f"{match[0]!r} is first taught in chapter {other.number}"
                    problems.append(f"{label(cell, index)}: {what}")
    return problems


def plain_python(source: str) -> str:
    """The source without IPython's magics and shell lines."""
    return "" if source.startswith("%%") else _MAGIC.sub(r"\1pass", source)


def without_texts(source: str) -> str:
    """The source without comments and with empty string literals."""
    source = plain_python(source)
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    spans = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                (a, b), (c, d) = token.start, token.end
                spans.append((starts[a - 1] + b, starts[c - 1] + d))
    except (tokenize.TokenError, SyntaxError):
        return source
    for start, end in reversed(spans):
        source = source[:start] + '""' + source[end:]
    return source


def calls(nb: Node, name: str) -> Iterator[tuple[int, Node, ast.Call]]:
    """The calls of a function by its dotted name, with the cells they are in."""
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(plain_python(cell.source))
        except SyntaxError:
            continue
        for found in ast.walk(tree):
            if isinstance(found, ast.Call) and _dotted(found.func) == name:
                yield index, cell, found


def _dead(tree: ast.AST) -> Iterator[str]:
    for found in _outermost(tree):
        match found:
            case ast.Attribute() | ast.Name():
                yield from _dead_name(_dotted(found))
            case ast.ImportFrom(module=str(module)):
                for alias in found.names:
                    yield from _dead_name(f"{module}.{alias.name}")
            case ast.Import():
                for alias in found.names:
                    yield from _dead_name(alias.name)
            case ast.Call():
                yield from _dead_call(found)
            case ast.FunctionDef() if any(map(_is_tf_function, found.decorator_list)):
                inner = (c for c in ast.walk(found) if isinstance(c, ast.Call))
                if any(_dotted(call.func).endswith(".numpy") for call in inner):
                    yield f".numpy() inside the tf.function {found.name}"


def _outermost(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes, except the names that are part of a longer dotted name."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        part = isinstance(tree, ast.Attribute | ast.Subscript) and child is tree.value
        if part and isinstance(child, ast.Name):
            continue
        below = _outermost(child)
        if part and isinstance(child, ast.Attribute | ast.Subscript):
            next(below)
        yield from below


def _dotted(expression: ast.AST) -> str:
    """``tf.keras.layers[].x``; anything but names, members and items becomes ``?``."""
    match expression:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            return f"{_dotted(value)}.{attr}"
        case ast.Subscript(value=value):
            return f"{_dotted(value)}[]"
    return "?"


def _dead_name(name: str) -> Iterator[str]:
    name = re.sub(r"^tensorflow\b", "tf", name)
    name = re.sub(r"^tensorflow_hub\b", "hub", name)
    for pattern, why in _DEAD_NAMES.items():
        if re.search(pattern, name):
            yield f"{name}: {why}"


def _dead_call(call: ast.Call) -> Iterator[str]:
    name = _dotted(call.func)
    keywords = {k.arg: k.value for k in call.keywords if k.arg}
    for keyword, pattern in sorted(_DEAD_KEYWORDS):
        if keyword in keywords and re.search(pattern, name):
            yield f"{name}({keyword}=…): no such argument in Keras 3"
    owner, _, method = name.rpartition(".")
    first = call.args[0] if call.args else keywords.get("filepath")
    path = first.value if isinstance(first, ast.Constant) else None
    weights_only = method == "save_weights" or (
        method == "ModelCheckpoint" and _is_true(keywords.get("save_weights_only"))
    )
    if not isinstance(path, str):
        if method == "predict" and isinstance(first, ast.List) and first.elts:
            item = first.elts[0]
            if isinstance(item, ast.Constant) and isinstance(item.value, str):
                yield f"{name}: a list of str; pass an array or a tensor"
    elif weights_only and not path.endswith(".weights.h5"):
        yield f"{name}({path!r}): the name must end in .weights.h5"
    elif method == "save" and _MODEL.search(owner):
        if not path.endswith((".keras", ".h5")):
            yield f"{name}({path!r}): the name must end in .keras; or use export()"


def _is_true(value: ast.AST | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def _is_tf_function(decorator: ast.AST) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    if isinstance(decorator, ast.Call) and _dotted(target).endswith("partial"):
        return bool(decorator.args) and _is_tf_function(decorator.args[0])
    return _dotted(target) in ("tf.function", "tensorflow.function")


def count_lines(source: str) -> tuple[int, int]:
    """Lines of code and lines of comment in a cell."""
    lines = [line.strip() for line in source.splitlines() if line.strip()]
    comments = sum(line.startswith("#") for line in lines)
    return len(lines) - comments, comments
