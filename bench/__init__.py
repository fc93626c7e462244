"""Coursekit's grader beside nbgrader and otter, in one run: ``make bench``."""
