"""The native units of a project, brought onto a host or into its image, and off it again.

A plan is made first, and tells all that will be done. Carrying it out can be killed at any moment: files come all
together (`tapewatch.writing`), and everything after that is found out from the host itself: users and folders that are
missing, units that do not run, or that run since before what they read has changed. So the next run completes it.
"""
