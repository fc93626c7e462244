"""Authoring: run and tidy notebooks, generate exercises, say what is stale, gates.

========== ==================================================================
files      find, read and write notebooks
tidy       the one stored form of a notebook, and what must not be in it
conditions the environment in which notebooks are built, timed and tested
offline    cut the network off
run        execute a notebook in a fresh kernel
exercises  the exercise notebook that a solutions notebook stands for
build      ``coursekit build``: run, tidy, generate
verify     ``coursekit verify``: what is stale, without running anything
timings    ``coursekit timings``: cold seconds and peak memory
readme     the map of the course in README.md
gates      what every lesson and every solutions notebook must live up to
lint       dead APIs, and ideas that only a later chapter teaches
links      relative links that lead nowhere
proofs     right answers are right; wrong ones are rejected, and named
========== ==================================================================
"""
