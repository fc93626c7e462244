"""The six exercises of chapter 07, a file each."""

from coursekit.checks.c07_keras_sequential import (
    e1_stack,
    e2_prune,
    e3_compile_for,
    e4_early_stop,
    e5_decide,
    e6_transplant,
)

EXERCISES = (
    e1_stack.EXERCISE,
    e2_prune.EXERCISE,
    e3_compile_for.EXERCISE,
    e4_early_stop.EXERCISE,
    e5_decide.EXERCISE,
    e6_transplant.EXERCISE,
)
