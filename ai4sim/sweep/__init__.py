"""Many trainings of one configuration: a search for the best options, or the spread over seeds.

A sweep is a folder. It holds the study of Optuna, and each trial as an ordinary experiment folder,
made by the ordinary ``fit`` in a process or a job of its own.
"""
