"""Exercise 03.5: ``resume``."""

import gc
import os
import tempfile

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

_RATE, _MOMENTUM = 0.05, 0.9


class _ProbeLine(tf.Module):
    """A linear model that knows the mean of its inputs: not all of it is trained."""

    def __init__(self, w: np.ndarray, b: float) -> None:
        super().__init__()
        self.w, self.b = tf.Variable(w), tf.Variable(b)
        self.mean = tf.Variable(tf.zeros_like(w), trainable=False)


def _probe_program(w: np.ndarray, b: float) -> dict:
    """What a training script has before its first step; the optimizer is not built."""
    return {
        "model": _ProbeLine(w, b),
        "optimizer": keras.optimizers.SGD(_RATE, momentum=_MOMENTUM),
        "step": tf.Variable(0, dtype=tf.int64),
    }


def _probe_train(program: dict, x: np.ndarray, y: np.ndarray, steps: int) -> None:
    model = program["model"]
    for _ in range(steps):
        error = x @ model.w + model.b - y
        slope = 2 * (x.T @ error) / len(x)
        gradients = [2 * tf.reduce_mean(error), slope]  # b comes before w
        program["optimizer"].apply(gradients, model.trainable_variables)
        model.mean.assign((model.mean + x.mean(axis=0)[:, np.newaxis]) / 2)
        program["step"].assign_add(1)


def _probe_resume(answer: Answer, case: Case) -> Plain:
    """Save and resume in a folder of its own, which is gone afterwards."""
    logger = tf.get_logger()
    level = logger.level
    logger.setLevel("CRITICAL")  # it warns of values that have found no place
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _probe_in(folder, answer, *case.args)
    finally:
        gc.collect(1)  # it warns when what was restored in part is deleted
        logger.setLevel(level)


def _probe_in(folder: str, answer: Answer, what: str, *args: Plain) -> Plain:
    if what == "goes on":
        w, b, x, y, first, second, third = args
        program = _probe_program(w, b)
        manager = answer(folder, 3, **program)
        if not isinstance(manager, tf.train.CheckpointManager):
            return {"returned": "no CheckpointManager", "then": None}
        for steps in (first, second):
            _probe_train(program, x, y, steps)
            manager.save()
        again = _probe_program(np.zeros_like(w), b - 1)
        try:
            answer(folder, 3, **again)
        except AssertionError:
            said = "nothing: it refused a good checkpoint"
            if not again["optimizer"].built:
                said += ", with an optimizer that has no slots"
            return {"returned": said, "then": None}
        resumed = int(again["step"])
        _probe_train(again, x, y, third)
        then = {
            "step when resumed": resumed,
            "step at the end": int(again["step"]),
            "steps of the optimizer": int(again["optimizer"].iterations),
            "w": to_plain(again["model"].w),
            "b": to_plain(again["model"].b),
            "mean, which is not trained": to_plain(again["model"].mean),
        }
        return {"returned": "a CheckpointManager", "then": then}
    if what == "rotates":
        keep, saves, w, b = args
        program = _probe_program(w, b)
        manager = answer(folder, keep, **program)
        if not isinstance(manager, tf.train.CheckpointManager):
            return {"returned": "no CheckpointManager", "then": None}
        for _ in range(saves):
            manager.save()
        names = sorted(name for name in os.listdir(folder) if name.endswith(".index"))
        newest = os.path.basename(manager.latest_checkpoint or "")
        then = {
            "step": int(program["step"]),
            "checkpoints in the folder": len(names),
            "the newest is among them": f"{newest}.index" in names,
        }
        return {"returned": "a CheckpointManager", "then": then}
    w, b = args
    found = {}
    for other in what.split(", "):
        place = os.path.join(folder, str(len(found)))
        _probe_other(place, other, w, b)
        found[other] = _probe_refusal(place, answer, w, b)
    return found


def _probe_other(place: str, other: str, w: np.ndarray, b: float) -> None:
    """Save a checkpoint that does not fit the program."""
    parts = _probe_program(w, b)
    parts["optimizer"].build(parts["model"].trainable_variables)
    if other == "another program's":
        parts = {"net": tf.Variable(w)}
    elif other == "one without a step":
        del parts["step"]
    elif other == "one with a value more":
        parts["average"] = tf.Variable(w)
    checkpoint = tf.train.Checkpoint(**parts)
    tf.train.CheckpointManager(checkpoint, place, max_to_keep=1).save()


def _probe_refusal(place: str, answer: Answer, w: np.ndarray, b: float) -> str:
    try:
        answer(place, 1, **_probe_program(w, b))
    except AssertionError:
        return "refused"
    return "accepted"


def _resume_inputs(rng: np.random.Generator) -> list[Case]:
    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype("float32")

    w, b = numbers(2, 1) + 2, float(rng.integers(4, 9)) / 2
    x, y = numbers(5, 2), numbers(5, 1)
    first, second, third = (int(n) for n in rng.permutation([1, 2, 3]))
    keep = int(rng.integers(1, 3))
    fit = "another program's", "one without a step"
    return [
        Case(
            "goes on exactly",
            ("goes on", w, b, x, y, first, second, third),
            f"{first} steps, a save, {second} steps, a save; in a new program resume, "
            f"then {third} steps",
        ),
        Case(
            "a new folder, and rotation",
            ("rotates", keep, keep + 1, w, b),
            f"resume in an empty folder with keep={keep}, then {keep + 1} saves",
        ),
        Case(
            "refuses to leave something empty",
            (", ".join(fit), w, b),
            f"resume from a checkpoint: {' and '.join(fit)}",
        ),
        Case(
            "refuses to leave something out",
            ("one with a value more", w, b),
            "resume from a checkpoint: one with a value more",
        ),
    ]


def _resume_expected(case: Case) -> Plain:
    what, *args = case.args
    if what == "goes on":
        w, b, x, y, *steps = args
        weights = np.append(w[:, 0], b).astype(float)
        speed, mean = np.zeros(3), np.zeros((2, 1))
        inputs = np.append(x, np.ones((len(x), 1)), axis=1).astype(float)
        for _ in range(sum(steps)):  # as if nothing had happened in between
            slope = 2 * inputs.T @ (inputs @ weights - y[:, 0]) / len(x)
            speed = _MOMENTUM * speed - _RATE * slope
            weights = weights + speed
            mean = (mean + x.mean(axis=0)[:, np.newaxis]) / 2
        then = {
            "step when resumed": steps[0] + steps[1],
            "step at the end": sum(steps),
            "steps of the optimizer": sum(steps),
            "w": weights[:2, np.newaxis].astype("float32"),
            "b": np.array(weights[2], "float32"),
            "mean, which is not trained": mean.astype("float32"),
        }
        return {"returned": "a CheckpointManager", "then": then}
    if what == "rotates":
        then = {
            "step": 0,
            "checkpoints in the folder": args[0],
            "the newest is among them": True,
        }
        return {"returned": "a CheckpointManager", "then": then}
    return dict.fromkeys(what.split(", "), "refused")


def _resuming(asks="assert_consumed", without=(), built=True, place=-1, always=False):
    """An answer; it is right unless a part is replaced.

    Args:
        asks: the question to the status, if any.
        without: what the checkpoint is not told of.
        built: whether the optimizer gets its slots first.
        place: which of the checkpoints is restored, if any.
        always: whether it restores even where there is no checkpoint.
    """

    def resume(folder, keep, model, optimizer, step):
        if built:
            optimizer.build(model.trainable_variables)
        parts = {"model": model, "optimizer": optimizer, "step": step}
        parts = {name: part for name, part in parts.items() if name not in without}
        checkpoint = tf.train.Checkpoint(**parts)
        manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=keep)
        if always or (manager.checkpoints and place is not None):
            path = manager.checkpoints[place] if manager.checkpoints else None
            status = checkpoint.restore(path)
            if asks:
                getattr(status, asks)()
        return manager

    return resume


_resume_right = _resuming()
_resume_unchecked = _resuming(asks=None)
_resume_existing_only = _resuming(asks="assert_existing_objects_matched")
_resume_not_built = _resuming(built=False)
_resume_model_only = _resuming(built=False, without=("optimizer", "step"))
_resume_no_model = _resuming(without=("model",))
_resume_no_optimizer = _resuming(built=False, without=("optimizer",))
_resume_no_step = _resuming(without=("step",))
_resume_oldest = _resuming(place=0)
_resume_never = _resuming(place=None)
_resume_always = _resuming(always=True)


def _resume_step_reset(folder, keep, model, optimizer, step):
    manager = _resume_right(folder, keep, model, optimizer, step)
    step.assign(0)
    return manager


def _resume_keeps_all(folder, keep, model, optimizer, step):
    return _resume_right(folder, None, model, optimizer, step)


def _resume_no_manager(folder, keep, model, optimizer, step):
    _resume_right(folder, keep, model, optimizer, step)


def _resume_variant_built_later(folder, keep, model, optimizer, step):
    checkpoint = tf.train.Checkpoint(net=model, adam=optimizer, clock=step)
    manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=keep)
    path = tf.train.latest_checkpoint(folder)
    if path is not None:
        status = checkpoint.restore(path)
        optimizer.build([*model.trainable_variables])  # values wait for their variables
        status.assert_consumed()
    return manager


def _resume_variant_nested(folder, keep, model, optimizer, step):
    optimizer.build(model.trainable_variables)
    state = tf.train.Checkpoint(slots=optimizer)
    state.rest = tf.train.Checkpoint(weights=list(model.variables), step=step)
    manager = tf.train.CheckpointManager(state, folder, keep, checkpoint_name="state")
    if manager.checkpoints:
        state.restore(manager.checkpoints[-1]).assert_consumed()
    return manager


EXERCISE = Exercise(
    id="03.5",
    name="resume",
    points=4,
    minutes=20,
    difficulty="core",
    rtol=1e-4,
    atol=1e-5,
    inputs=_resume_inputs,
    probe=_probe_resume,
    expected=_resume_expected,
    mistakes=(
        Mistake(
            "never asks what was restored",
            "Any checkpoint will do for you, even one of another program: `restore` "
            "takes what fits and is silent about the rest. Ask the status that it "
            "returns: `status.assert_consumed()`. (`expect_partial()` does the "
            "opposite, it silences the warning.)",
            _resume_unchecked,
        ),
        Mistake(
            "asks only whether the program got its values",
            "`assert_existing_objects_matched()` looks from the program's side only. "
            "That the checkpoint holds a value for which the program has no place, it "
            "does not tell. `assert_consumed()` looks from both sides.",
            _resume_existing_only,
        ),
        Mistake(
            "restores into an optimizer without slots",
            "A good checkpoint is refused: it holds the momentum of each variable, and "
            "your optimizer has none yet, because it makes them at its first step. "
            "Call `optimizer.build(model.trainable_variables)` before you restore.",
            _resume_not_built,
        ),
        Mistake(
            "saves the model only",
            "The weights come back, but not the step and not the optimizer with its "
            "momentum, so training takes another way from here. Put all three into the "
            "checkpoint: `tf.train.Checkpoint(model=model, optimizer=optimizer, "
            "step=step)`.",
            _resume_model_only,
        ),
        Mistake(
            "leaves the model out",
            "What the optimizer trains comes back, since it holds those weights, but "
            "other variables of the model do not, such as a running mean. The whole "
            "model belongs into the checkpoint: `model=model`.",
            _resume_no_model,
        ),
        Mistake(
            "leaves the optimizer out",
            "Weights and step come back, but the optimizer starts anew: its count of "
            "steps and its momentum are 0. It belongs into the checkpoint as well.",
            _resume_no_optimizer,
        ),
        Mistake(
            "leaves the step out",
            "The step is 0 after resuming. A `tf.Variable` is saved only if the "
            "checkpoint knows it: `step=step`.",
            _resume_no_step,
        ),
        Mistake(
            "sets the step back",
            "The checkpoint may hold a step, but `step` is 0 after resuming: it is set "
            "to 0 again, or what was saved is a copy. Save the variable itself, and "
            "leave it as it was restored; in a new folder it is 0 anyway.",
            _resume_step_reset,
        ),
        Mistake(
            "restores the oldest checkpoint",
            "You go back to the first checkpoint that is still kept. "
            "`manager.checkpoints` is in order of time; the newest is "
            "`manager.latest_checkpoint`.",
            _resume_oldest,
        ),
        Mistake(
            "keeps more than it was told",
            "After a few saves more checkpoints lie in the folder than `keep`. Hand it "
            "on: `tf.train.CheckpointManager(checkpoint, folder, max_to_keep=keep)`; "
            "the default is 5, and `None` keeps all.",
            _resume_keeps_all,
        ),
        Mistake(
            "expects a checkpoint in a new folder",
            "In an empty folder `manager.latest_checkpoint` is `None`, and the status "
            "of `restore(None)` fails every assertion. A first run is no error: "
            "restore only `if manager.latest_checkpoint:`.",
            _resume_always,
        ),
        Mistake(
            "never restores",
            "A manager knows which checkpoints lie in its folder, but it loads none by "
            "itself. Call `checkpoint.restore(manager.latest_checkpoint)`.",
            _resume_never,
        ),
        Mistake(
            "returns no manager",
            "The caller needs the manager in order to save: `return manager`.",
            _resume_no_manager,
        ),
    ),
    variants=(_resume_variant_built_later, _resume_variant_nested),
    hints=(
        "Three things make up the state: weights, slots of the optimizer, step. All "
        "three go into one `tf.train.Checkpoint`, and that into a "
        "`tf.train.CheckpointManager(checkpoint, folder, max_to_keep=keep)`.",
        "A new optimizer has no slots yet, so begin with "
        "`optimizer.build(model.trainable_variables)`. Restore only if "
        "`manager.latest_checkpoint` is not `None`.",
        "`if manager.latest_checkpoint:` and in it "
        "`checkpoint.restore(manager.latest_checkpoint).assert_consumed()`; at the end "
        "`return manager`.",
    ),
    explain="A checkpoint is matched by the names of attributes, and what does not "
    "match is passed over in silence. `assert_consumed` looks from both sides, so a "
    "resumed run either is the interrupted one or does not start. Exact means all of "
    "the state: without momentum and step the loss still falls, on another path.",
)
