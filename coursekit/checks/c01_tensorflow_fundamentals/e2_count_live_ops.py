"""Exercise 01.2: ``count_live_ops``."""

from collections import Counter

import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain


def _probe_live_ops(answer: Answer, case: Case) -> Plain:
    """Build the program of the case, let the answer count its live operations."""
    instructions, outputs, inputs, shape = case.args
    total = tf.Variable(tf.zeros(shape))

    def program(*tensors):
        values = list(tensors)
        for name, *operands in instructions:
            if name == "constant":
                values.append(tf.constant(operands[0]))
            elif name == "tuple":  # the value of one, once another has been computed
                value, other = (values[i] for i in operands)
                values.extend(tf.tuple([value], control_inputs=[other]))
            elif name in ("assign_add", "assign_sub"):
                values.append(getattr(total, name)(values[operands[0]]))
            else:
                values.append(getattr(tf, name)(*(values[i] for i in operands)))
        returned = [values[i] for i in outputs]
        return returned[0] if len(returned) == 1 else tuple(returned)

    specs = [tf.TensorSpec(shape, tf.float32) for _ in range(inputs)]
    return to_plain(answer(tf.function(program, autograph=False), *specs))


_UNARY = {
    "abs": "Abs",
    "cos": "Cos",
    "exp": "Exp",
    "negative": "Neg",
    "sin": "Sin",
    "square": "Square",
    "tanh": "Tanh",
}
_BINARY = {
    "add": "AddV2",
    "maximum": "Maximum",
    "minimum": "Minimum",
    "multiply": "Mul",
    "subtract": "Sub",
}
_ASSIGN = {"assign_add": "AssignAddVariableOp", "assign_sub": "AssignSubVariableOp"}
_PLAIN = {"constant": "Const", "identity": "Identity", "no_op": "NoOp"}
_OP_TYPES = _UNARY | _BINARY | _ASSIGN | _PLAIN | {"tuple": "Identity"}


def _program_text(
    instructions: list[tuple], outputs: tuple[int, ...], inputs: int
) -> str:
    """The program as a line of Python that a learner can paste."""
    names = ["x", "y", "z"][:inputs]
    head = f"def program({', '.join(names)}): "
    letters = iter("abcdefghijk")
    lines = []
    for name, *operands in instructions:
        if name in _ASSIGN:
            names.append("")
            lines.append(f"variable.{name}({names[operands[0]]})")
            continue
        given = operands if name == "constant" else [names[i] for i in operands]
        names.append(next(letters))
        if name == "tuple":
            given = [f"[{given[0]}]", f"control_inputs=[{given[1]}]"]
        target = f"[{names[-1]}]" if name == "tuple" else names[-1]
        lines.append(f"{target} = tf.{name}({', '.join(map(str, given))})")
    lines.append(f"return {', '.join(names[i] for i in outputs)}")
    return head + "; ".join(lines)


def _live_inputs(rng: np.random.Generator) -> list[Case]:
    def pick(pool: dict[str, str], k: int) -> list[str]:
        return [str(name) for name in rng.permutation(list(pool))[:k]]

    def case(group: str, inputs: int, instructions: list[tuple], *outputs: int) -> Case:
        shape = tuple(int(n) for n in rng.integers(2, 6, rng.integers(0, 3)))
        text = _program_text(instructions, outputs, inputs)
        specs = ", ".join(["spec"] * inputs)
        shown = f"count_live_ops(tf.function(program), {specs}) with {text}"
        return Case(group, (instructions, outputs, inputs, shape), shown)

    def number() -> float:
        return float(rng.integers(2, 9))

    u, v, w = pick(_UNARY, 3)
    p, q = pick(_BINARY, 2)
    core = [(p, 0, 1), (v, 3), (u, 3), (q, 4, 2), (u, 5)]  # 4 and 6 lead nowhere
    idle = [("identity", 3), ("no_op",)]
    last = [(w if rng.random() < 0.5 else u, 7)]
    dead = case("live and dead", 3, core + last + idle, 8)
    u, v = pick(_UNARY, 2)
    p, q, r = pick(_BINARY, 3)
    core = [(p, 0, 1), (u, 2), (v, 2), (q, 2, 3), ("constant", number()), (p, 5, 3)]
    extra = [("constant", number()), (q, 7, 8)] if rng.random() < 0.5 else [(u, 7)]
    end = 7 + len(extra)
    shared = case("shared operations", 2, [*core, *extra, (r, end, end)], end + 1)
    u, v = pick(_UNARY, 2)
    p, q = pick(_BINARY, 2)
    half = number()
    core = [(u, 0), (u, 0), (p, 1, 2), ("constant", half), ("constant", half)]
    twins = case("equal operations", 1, [*core, (q, 4, 5), (p, 3, 6), (v, 6)], 7)
    u, v, w = pick(_UNARY, 3)
    (p,) = pick(_BINARY, 1)
    (assign,) = pick(_ASSIGN, 1)
    core = [(u, 0), (v, 2), (w, 1), (assign, 3), ("constant", number()), (p, 1, 6)]
    last = [(u, 7)] if rng.random() < 0.5 else []
    control = case("control inputs", 2, core + last, 7 + len(last))
    u, v, w = pick(_UNARY, 3)
    core = [
        (u, 0),
        (v, 1),
        (w, 3),
        ("tuple", 2, 4),
        (w if rng.random() < 0.5 else u, 5),
    ]
    deep = case("control inputs further back", 2, [*core, (v, 4)], 6)
    u, v, w = pick(_UNARY, 3)
    core = [(u, 0), (v, 1), (w, 2), (w if rng.random() < 0.5 else v, 3)]
    several = case("several outputs", 2, [*core, (p, 2, 3)], 4, 5, 6)
    return [dead, shared, twins, control, deep, several]


def _live_expected(case: Case) -> Plain:
    instructions, outputs, inputs, _ = case.args
    operands = [()] * inputs + [
        () if name == "constant" else tuple(rest) for name, *rest in instructions
    ]
    types = ["Placeholder"] * inputs + [_OP_TYPES[name] for name, *_ in instructions]
    stateful = [i for i, kind in enumerate(types) if kind in _ASSIGN.values()]
    live: set[int] = set(outputs) | set(stateful)
    for i in reversed(range(len(types))):  # operands come before their users
        if i in live:
            live.update(operands[i])
    counts = Counter(types[i] for i in live)
    counts["Identity"] += len(outputs)
    gates = [i for i in live if i >= inputs and instructions[i - inputs][0] == "tuple"]
    counts.update(["NoOp"] * len(gates))  # what a tuple waits with
    if stateful:  # the variable's handle enters as one more placeholder
        counts.update(["Placeholder", "NoOp"])
    return dict(counts)


def _outputs(fn, specs):
    return fn.get_concrete_function(*specs).outputs


def _before(op):
    return [tensor.op for tensor in op.inputs] + list(op.control_inputs)


def _walk(outputs, step=_before, label=lambda op: op.type):
    """Count every operation met from ``outputs`` on; ``step(op)`` gives the next."""
    seen, waiting = set(), [tensor.op for tensor in outputs]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting.extend(step(op))
    return Counter(label(op) for op in seen)


def _live_all(fn, *specs):
    graph = fn.get_concrete_function(*specs).graph
    return Counter(op.type for op in graph.get_operations())


def _live_types_once(fn, *specs):
    return dict.fromkeys(_walk(_outputs(fn, specs)), 1)


def _live_tree(fn, *specs):
    counts = Counter()

    def visit(op):
        counts[op.type] += 1
        for earlier in _before(op):
            visit(earlier)

    for output in _outputs(fn, specs):
        visit(output.op)
    return counts


def _live_one_step(fn, *specs):
    counts = Counter()
    for output in _outputs(fn, specs):
        counts[output.op.type] += 1
        counts.update(op.type for op in _before(output.op))
    return counts


def _live_no_control(fn, *specs):
    return _walk(_outputs(fn, specs), lambda op: [tensor.op for tensor in op.inputs])


def _live_names(fn, *specs):
    return _walk(_outputs(fn, specs), label=lambda op: op.name)


def _live_first_output(fn, *specs):
    return _walk(_outputs(fn, specs)[:1])


def _live_each_output(fn, *specs):
    return sum((_walk([output]) for output in _outputs(fn, specs)), Counter())


def _live_no_outputs(fn, *specs):
    outputs = _outputs(fn, specs)
    return _walk(outputs) - Counter(tensor.op.type for tensor in outputs)


def _live_variant_recursive(fn, *specs):
    seen = {}

    def visit(op):
        if op.name not in seen:
            seen[op.name] = op.type
            for earlier in (*(tensor.op for tensor in op.inputs), *op.control_inputs):
                visit(earlier)

    for tensor in fn.get_concrete_function(*specs).graph.outputs:
        visit(tensor.op)
    return Counter(seen.values())


def _live_variant_levels(fn, *specs):
    live = level = {tensor.op for tensor in _outputs(fn, specs)}
    while level:
        level = {earlier for op in level for earlier in _before(op)} - live
        live = live | level
    counts = {}
    for op in live:
        counts[op.type] = counts.get(op.type, 0) + 1
    return counts


EXERCISE = Exercise(
    id="01.2",
    name="count_live_ops",
    points=4,
    minutes=20,
    difficulty="stretch",
    inputs=_live_inputs,
    probe=_probe_live_ops,
    expected=_live_expected,
    mistakes=(
        Mistake(
            "counts dead operations too",
            "`graph.get_operations()` lists everything that tracing met, also what no "
            "output needs. A live operation is one that an output depends on: start "
            "at the outputs and walk backwards, and what you never reach is dead.",
            _live_all,
        ),
        Mistake(
            "counts each type once",
            "You found the right types, but every count is 1: a set or a dict of types "
            "forgets how often each one occurred. Remember the operations you have "
            "seen, and count their types.",
            _live_types_once,
        ),
        Mistake(
            "counts a shared operation once per use",
            "A graph is not a tree: two operations may use the same result, and your "
            "walk counts that result's operation again for each of them. Keep a set "
            "of operations already visited and pass by those in it.",
            _live_tree,
        ),
        Mistake(
            "stops after one step back",
            "You look at the outputs and at what feeds them directly, and stop there. "
            "Those inputs have inputs too: go on from each operation that you reach "
            "until none is left.",
            _live_one_step,
        ),
        Mistake(
            "follows data only",
            "Data is not the only reason to run an operation: an assignment to a "
            "variable feeds no output, yet it must happen before the function "
            "returns. The graph notes this as a control input, so follow "
            "`op.control_inputs` as well as `op.inputs`, and at every operation that "
            "you reach, not only at the outputs.",
            _live_no_control,
        ),
        Mistake(
            "counts names, not types",
            "You count by `op.name`, which is different for every operation in a graph "
            "(`Exp`, `Exp_1`). The kind of work it does is `op.type`: use that as the "
            "key.",
            _live_names,
        ),
        Mistake(
            "starts at the first output only",
            "A function can return several tensors, and you follow only the first. "
            "Begin with the operation of every tensor in `outputs`.",
            _live_first_output,
        ),
        Mistake(
            "begins anew for each output",
            "What two outputs share is counted twice: you walk back from each output "
            "with a new set of visited operations. It is one graph, so make one set "
            "before the loop over the outputs and use it for all of them.",
            _live_each_output,
        ),
        Mistake(
            "leaves out the operations at the outputs",
            "You count what lies behind the outputs but not the operations that make "
            "the outputs themselves, the `Identity` in front of each `return`. They "
            "run as well, so count an operation when you visit it, the first ones "
            "included.",
            _live_no_outputs,
        ),
    ),
    variants=(_live_variant_recursive, _live_variant_levels),
    hints=(
        "`fn.get_concrete_function(*specs)` traces and gives an object with "
        "`.outputs`, a list of tensors. Each tensor knows the operation that makes it: "
        "`tensor.op`. Start from those.",
        "From an operation, go back to `[t.op for t in op.inputs]` and to "
        "`op.control_inputs`. Keep a set of the operations seen, so that each is "
        "visited once.",
        "`waiting = [t.op for t in concrete.outputs]`; while `waiting` is not empty, "
        "`op = waiting.pop()`, skip it if it is in `seen`, otherwise add it and extend "
        "`waiting` by both kinds of inputs. At the end return "
        "`dict(Counter(op.type for op in seen))`.",
    ),
    explain="A graph says what depends on what, so what an answer needs is found by "
    "walking backwards from the outputs. TensorFlow does the same before it runs a "
    "function and throws away what is not reached; side effects survive because "
    "control inputs tie them to the outputs.",
)
