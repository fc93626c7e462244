"""The learner's seat at a terminal: check, watch, reset, update.

Everything judges with the engine that the notebooks use and says the same. What runs a
learner's code is a process of its own (``worker``), so that a loop without end can be
stopped and TensorFlow is loaded once.
"""
