"""Drills: the proof of an alert played into a running stack, and each step of the alert seen with its time."""
