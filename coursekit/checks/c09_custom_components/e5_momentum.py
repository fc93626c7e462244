"""Exercise 09.5: ``Momentum``."""

import json
import re

import keras
import numpy as np
import tensorflow as tf

from coursekit.engine import Answer, Case, Exercise, Mistake, Plain, to_plain

ops = keras.ops


def _probe_again(answer: Answer, optimizer: Answer) -> Answer:
    """The optimizer made again from its config, by way of JSON, as a file keeps it."""
    return answer.from_config(json.loads(json.dumps(optimizer.get_config())))


def _probe_steps(answer: Answer, case: Case) -> Plain:
    """The variables after each step."""
    rates, momentum, options, starts, gradients, how = case.args
    if answer.update_step is keras.optimizers.Optimizer.update_step:
        raise TypeError("Momentum has no method update_step")
    if issubclass(answer, keras.optimizers.SGD):
        raise TypeError("SGD takes the steps here: write update_step yourself")
    variables = [keras.Variable(start, name="v") for start in starts]
    optimizer = answer(rates[0], momentum, **options)
    if how == "config":
        optimizer = _probe_again(answer, optimizer)
    optimizer.build(variables)

    def step(*slopes: tf.Tensor) -> None:
        with tf.name_scope("step"):  # a graph takes no name that begins with _
            optimizer.apply(slopes, variables)

    if how == "graph":
        specs = [tf.TensorSpec(start.shape) for start in starts]
        step = tf.function(step, autograph=False).get_concrete_function(*specs)
    found = {}
    for number, slopes in enumerate(gradients, 1):
        if number > 1 and rates[number - 1] != rates[number - 2]:
            optimizer.learning_rate = rates[number - 1]
        if how == "resume" and number == 3:  # as restored from a file, in a new program
            old, optimizer = optimizer, _probe_again(answer, optimizer)
            optimizer.build(variables)
            for new, kept in zip(optimizer.variables, old.variables, strict=False):
                new.assign(kept)
        step(*(tf.constant(slope) for slope in slopes))
        found[f"after step {number}"] = to_plain([v.numpy() for v in variables])
    return found


def _probe_momentum(answer: Answer, case: Case) -> Plain:
    try:
        return _probe_steps(answer, case)
    except (TypeError, ValueError) as error:  # a parent's method has the parent's name
        pattern = r"\w+\.(__init__|call)\(\)"
        error.args = (re.sub(pattern, r"Momentum.\1()", str(error)),)
        raise


def _momentum_inputs(rng: np.random.Generator) -> list[Case]:
    def case(group: str, how: str, shapes: tuple, steps: int, **own) -> Case:
        def numbers() -> list[np.ndarray]:
            return [np.asarray(rng.normal(size=shape), "float32") for shape in shapes]

        rate = round(float(rng.uniform(0.1, 0.3)), 2)
        momentum = round(float(rng.choice([0.5, 0.6, 0.7, 0.8])), 2)
        rates = [rate] * steps
        if own.get("falls"):
            rates[2:] = [round(rate / 5, 3)] * (steps - 2)
        options = {"global_clipnorm": 0.5} if own.get("clips") else {}
        args = rates, momentum, options, numbers(), [numbers() for _ in rates], how
        told = "".join(f", {key}={value}" for key, value in options.items())
        call = f"Momentum({rate}, {momentum}{told}), {steps} steps, shapes {shapes}"
        call += f"; rate {rates[-1]} from step 3 on" if own.get("falls") else ""
        ways = {
            "graph": "; in a tf.function",
            "config": "; made again from its config",
            "resume": "; made again and given its variables before step 3",
        }
        return Case(group, args, call + ways.get(how, ""))

    return [
        case("one rate", "", ((2, 3), (2, 3), ()), 4),
        case("a new rate", "", ((3,),), 4, falls=True),
        case("graphs", "graph", ((3,), (3,)), 3),
        case("keywords and files", "", ((2,), (2,)), 2, clips=True),
        case("keywords and files", "config", ((2,), (2,)), 3, clips=True),
        case("keywords and files", "resume", ((3,), (3,)), 4),
    ]


def _momentum_expected(case: Case) -> Plain:
    """All velocities in one long vector."""
    rates, momentum, options, starts, gradients, _ = case.args
    where = np.concatenate([start.ravel() for start in starts]).astype(float)
    speed, found = np.zeros_like(where), {}
    cuts = np.cumsum([start.size for start in starts])[:-1]
    for number, (rate, slopes) in enumerate(zip(rates, gradients, strict=True), 1):
        slope = np.concatenate([slope.ravel() for slope in slopes]).astype(float)
        norm = np.sqrt(slope @ slope)
        slope *= min(1, options.get("global_clipnorm", norm) / norm)
        speed = momentum * speed - rate * slope
        where = where + speed
        parts = zip(np.split(where, cuts), starts, strict=True)
        after = [np.float32(part).reshape(start.shape) for part, start in parts]
        found[f"after step {number}"] = after
    return found


class _Momentum(keras.optimizers.Optimizer):
    """A right answer in parts that the mistakes replace."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = [self.slot(v) for v in variables]

    def slot(self, variable):
        return self.add_variable_from_reference(variable, name="velocity")

    def velocity(self, variable):
        return self.velocities[self._get_variable_index(variable)]

    def faster(self, v, gradient, rate):
        return self.momentum * v - rate * gradient

    def move(self, variable, v, gradient, rate):
        variable.assign_add(v)

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype)
        slot = self.velocity(variable)
        v = self.faster(slot, gradient, rate)
        slot.assign(v)
        self.move(variable, v, gradient, rate)

    def get_config(self):
        return super().get_config() | {"momentum": self.momentum}


class _MomentumNone(_Momentum):
    """Never keeps the velocity."""

    def update_step(self, gradient, variable, learning_rate):
        v = self.faster(self.velocity(variable), gradient, learning_rate)
        variable.assign_add(v)


class _MomentumShared(_Momentum):
    """One velocity for all; where shapes differ it cannot even be kept."""

    def velocity(self, variable):
        return self.velocities[0]


class _MomentumRateLast(_Momentum):
    def faster(self, v, gradient, rate):
        return self.momentum * v + gradient

    def move(self, variable, v, gradient, rate):
        variable.assign_sub(rate * v)


class _MomentumAverage(_Momentum):
    def faster(self, v, gradient, rate):
        return self.momentum * v - (1 - self.momentum) * rate * gradient


class _MomentumNesterov(_Momentum):
    def move(self, variable, v, gradient, rate):
        variable.assign_add(self.momentum * v - rate * gradient)


class _MomentumClimbs(_Momentum):
    def move(self, variable, v, gradient, rate):
        variable.assign_sub(v)


class _MomentumTwice(_Momentum):
    def move(self, variable, v, gradient, rate):
        variable.assign_add(rate * v)


class _MomentumOldVelocity(_Momentum):
    """Moves by the velocity of the step before."""

    def update_step(self, gradient, variable, learning_rate):
        slot = self.velocity(variable)
        variable.assign_add(slot)
        slot.assign(self.faster(slot, gradient, learning_rate))


class _MomentumStubborn(_Momentum):
    """Keeps the rate that it was made with."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, momentum, **kwargs)
        self.rate = learning_rate

    def faster(self, v, gradient, rate):
        return self.momentum * v - self.rate * gradient


class _MomentumConstant(_Momentum):
    def faster(self, v, gradient, rate):
        return 0.9 * v - rate * gradient


class _MomentumNoConfig(_Momentum):
    def get_config(self):
        return super(_Momentum, self).get_config()


class _MomentumOnlyOwn(_Momentum):
    def get_config(self):
        rate = float(self.learning_rate)
        return {"learning_rate": rate, "momentum": self.momentum}


class _MomentumNoKwargs(_Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.9):
        super().__init__(learning_rate, momentum)


class _MomentumDrops(_Momentum):
    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, momentum)


class _MomentumUnbuilt(_Momentum):
    """Leaves out what the base class does in build."""

    def build(self, variables):
        self.velocities = [self.slot(v) for v in variables]


class _MomentumOutside(_Momentum):
    """Variables that the optimizer does not know of."""

    def slot(self, variable):
        return tf.Variable(tf.zeros(variable.shape), trainable=False)


class _MomentumTensors(_Momentum):
    """Velocities as plain tensors, replaced in each step."""

    def build(self, variables):
        super(_Momentum, self).build(variables)
        self.known = {}

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        self.known[place] = v = self.faster(
            self.known.get(place, 0.0), gradient, learning_rate
        )
        variable.assign_add(v)


class _MomentumOld(keras.optimizers.Optimizer):
    """The interface of Keras 2, which nobody calls any more."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def _create_slots(self, variables):
        for variable in variables:
            self.add_slot(variable, "velocity")

    def _resource_apply_dense(self, gradient, variable):
        v = self.get_slot(variable, "velocity")
        v.assign(self.momentum * v - self.learning_rate * gradient)
        variable.assign_add(v)


class _MomentumVariantKeras(keras.optimizers.Optimizer):
    """With the helpers of Keras' own optimizers, and a dict by name."""

    def __init__(self, learning_rate=0.01, momentum=0.9, name="momentum", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        super().build(variables)
        self.slots = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        slot = self.slots[self._get_variable_index(variable)]
        self.assign(slot, self.momentum * slot)
        self.assign_sub(slot, ops.multiply(learning_rate, gradient))
        self.assign_add(variable, slot)

    def get_config(self):
        config = super().get_config()
        config["momentum"] = self.momentum
        return config


class _MomentumVariantBack(keras.optimizers.Optimizer):
    """Moves first; the velocity is how far that was. The rate is asked for."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **kwargs):
        super().__init__(learning_rate, **kwargs)
        self.momentum = float(momentum)

    def build(self, variables):
        super().build(variables)
        self.moved = [self.add_variable(v.shape, name="moved") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        moved = self.moved[self._get_variable_index(variable)]
        start = tf.identity(variable)
        variable.assign_add(moved * self.momentum - gradient * self.learning_rate)
        moved.assign(variable - start)

    def get_config(self):
        return dict(super().get_config(), momentum=self.momentum)


EXERCISE = Exercise(
    id="09.5",
    name="Momentum",
    points=4,
    minutes=15,
    difficulty="core",
    inputs=_momentum_inputs,
    probe=_probe_momentum,
    expected=_momentum_expected,
    mistakes=(
        Mistake(
            "has no momentum",
            "Your velocity never changes, so each step is one of plain gradient "
            "descent. Keep the new one: `velocity.assign(…)`.",
            _MomentumNone,
        ),
        Mistake(
            "shares one velocity",
            "All variables use the same velocity, and push each other about. Each has "
            "its own: `self.velocities[self._get_variable_index(variable)]`.",
            _MomentumShared,
        ),
        Mistake(
            "applies the rate at the end",
            "You multiply the whole velocity by the rate. As long as the rate stays "
            "the same that makes no difference, but a new rate then changes the past "
            "as well. In Keras the rate belongs to the gradient: m·v - rate·gradient.",
            _MomentumRateLast,
        ),
        Mistake(
            "averages the gradients",
            "You multiply the gradient by 1 - m, as an average does. Momentum adds it "
            "in full.",
            _MomentumAverage,
        ),
        Mistake(
            "looks ahead",
            "Yours is Nesterov's step: it goes m·v - rate·gradient beyond, with the "
            "new velocity. The plain step moves by the new velocity itself.",
            _MomentumNesterov,
        ),
        Mistake(
            "climbs",
            "Your first step goes up the slope. The minus sign is in the velocity "
            "already, so add it to the variable.",
            _MomentumClimbs,
        ),
        Mistake(
            "applies the rate twice",
            "The rate is in the velocity already, and you multiply by it once more "
            "when you move.",
            _MomentumTwice,
        ),
        Mistake(
            "moves by the old velocity",
            "Your first step does not move at all: you add the velocity before you "
            "have made the new one.",
            _MomentumOldVelocity,
        ),
        Mistake(
            "keeps the rate it was made with",
            "A new `optimizer.learning_rate` changes nothing: you use the number that "
            "you got in `__init__`. Use the argument `learning_rate` of `update_step`.",
            _MomentumStubborn,
        ),
        Mistake(
            "has a fixed momentum",
            "You always use 0.9, whatever `momentum` says.",
            _MomentumConstant,
        ),
        Mistake(
            "a config without the momentum",
            "An optimizer made from your config has the default momentum again. Add "
            "yours to what `super().get_config()` returns.",
            _MomentumNoConfig,
        ),
        Mistake(
            "a config of its own",
            "Your config has what you added and has lost what was there, such as the "
            "clipping. Begin with `super().get_config()`.",
            _MomentumOnlyOwn,
        ),
        Mistake(
            "drops the keywords",
            "You take `**kwargs` and keep them to yourself, so nothing is clipped: "
            "`super().__init__(learning_rate=learning_rate, **kwargs)`.",
            _MomentumDrops,
        ),
        Mistake(
            "takes no keywords",
            "The base class can clip, decay and average, and is told so by keywords; "
            "its config has them too. Take `**kwargs`, and hand them on.",
            _MomentumNoKwargs,
        ),
        Mistake(
            "does not call the build it replaces",
            "The base class numbers the variables in its own `build`, and yours has "
            "taken its place. Begin with `super().build(variables)`.",
            _MomentumUnbuilt,
        ),
        Mistake(
            "keeps velocities that nobody knows",
            "A `tf.Variable` is not among `optimizer.variables`, so no file keeps it, "
            "and a resumed training starts without speed. Make it with "
            "`self.add_variable_from_reference(variable, name=…)`.",
            _MomentumOutside,
        ),
        Mistake(
            "keeps velocities as tensors",
            "In a graph, and so in `fit`, a tensor in a list or a dict is replaced "
            "once, while tracing. The velocity must be a variable that is assigned to.",
            _MomentumTensors,
        ),
        Mistake(
            "speaks to Keras 2",
            "`_create_slots` and `_resource_apply_dense` belong to an interface that "
            "is gone; nothing calls them. Today there are `build(self, variables)` and "
            "`update_step(self, gradient, variable, learning_rate)`.",
            _MomentumOld,
        ),
    ),
    variants=(_MomentumVariantKeras, _MomentumVariantBack),
    hints=(
        "`__init__` hands `learning_rate` and `**kwargs` to `super().__init__`, and "
        "keeps the momentum. `build` calls `super().build(variables)` and makes a "
        "velocity for each variable.",
        '`self.add_variable_from_reference(variable, name="velocity")` makes one of '
        "the same shape, full of zeros. Put them into a list in the order of the "
        "variables; `self._get_variable_index(variable)` is the place in it.",
        "In `update_step`: `velocity.assign(self.momentum * velocity - learning_rate * "
        "gradient)`, and then `variable.assign_add(velocity)`. The config is "
        '`super().get_config() | {"momentum": self.momentum}`.',
    ),
    explain="Where the rate stands looks like a matter of taste, until it changes: in "
    "Keras a velocity remembers at which rate it was won. State that the optimizer "
    "knows of is saved with the model, and that is why a training can be resumed "
    "without a trace. The idea of momentum is Polyak's (1964).",
)
