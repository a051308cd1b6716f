"""Every change of every record, written by row triggers of the database, whoever makes it and by whatever path.

`context` says who changes something and why, `triggers` are generated from the models, `as_of` reads the register as it was.
"""
