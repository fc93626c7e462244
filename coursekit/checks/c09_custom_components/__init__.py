"""The six exercises of chapter 09, a file each."""

from coursekit.checks.c09_custom_components import (
    e1_learnt_pool,
    e2_fake_quant,
    e3_pinball,
    e4_directional,
    e5_momentum,
    e6_best_keeper,
)

EXERCISES = (
    e1_learnt_pool.EXERCISE,
    e2_fake_quant.EXERCISE,
    e3_pinball.EXERCISE,
    e4_directional.EXERCISE,
    e5_momentum.EXERCISE,
    e6_best_keeper.EXERCISE,
)
