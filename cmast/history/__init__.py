"""Every change of every record, written by row triggers of the database, whoever makes it and by whatever path.

`context` says who changes something and why. `rules` reads from the models what the triggers are to hold, `postgresql` and
`sqlite` put it into their languages, `triggers` installs it. `reading` shows the history, `as_of` the register as it was.
"""
