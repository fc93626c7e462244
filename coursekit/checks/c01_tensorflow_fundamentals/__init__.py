"""The six exercises of chapter 01, a file each."""

from coursekit.checks.c01_tensorflow_fundamentals import (
    e1_check_environment,
    e2_count_live_ops,
    e3_describe,
    e4_update_mean,
    e5_mean_as_float,
    e6_collatz_steps,
)

EXERCISES = (
    e1_check_environment.EXERCISE,
    e2_count_live_ops.EXERCISE,
    e3_describe.EXERCISE,
    e4_update_mean.EXERCISE,
    e5_mean_as_float.EXERCISE,
    e6_collatz_steps.EXERCISE,
)
