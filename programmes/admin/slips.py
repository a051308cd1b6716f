"""Days and slips in words."""

from cmast.desk.columns import NOTHING


def days_in_words(days: int | None, behind: str) -> str:
    """ "3 days"; "3 days after it" for less than nothing."""
    if days is None:
        return NOTHING
    words = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"{words} {behind}" if days < 0 else words


def slip_in_words(least: int | None, most: int | None) -> str:
    """ "12 days"; "1 to 60 days" where a date is vague; "at least 1 day" where one end is not known."""
    if least is None:
        return NOTHING if most is None else f"at most {days_in_words(most, 'early')}"
    if most is None:
        return f"at least {days_in_words(least, 'early')}"
    if least == most:
        return "none" if least == 0 else days_in_words(least, "early")
    return f"{_plainly(least)} to {days_in_words(most, 'early')}"


def _plainly(days: int) -> str:
    return f"{-days} days early" if days < 0 else str(days)
