"""The six exercises of chapter 03, a file each."""

from coursekit.checks.c03_tensorflow2_essentials import (
    e1_newton_sqrt,
    e2_make_counter,
    e3_scorer,
    e4_fit_loop,
    e5_resume,
    e6_attach_head,
)

EXERCISES = (
    e1_newton_sqrt.EXERCISE,
    e2_make_counter.EXERCISE,
    e3_scorer.EXERCISE,
    e4_fit_loop.EXERCISE,
    e5_resume.EXERCISE,
    e6_attach_head.EXERCISE,
)
