"""Trackers of experiments that ``benchmarks.follow`` writes to, one per file; a file's name is what ``to=`` calls it.

A module has a class ``Tracker(out, run_id, values, project)``, which receives the events of one run
(``results.reading.events``): ``write(events)``, which returns when they are on disk or on their way; ``void(step)``:
what was written from this step on was done again and came out otherwise; ``close()``.
"""
