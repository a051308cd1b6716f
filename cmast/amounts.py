"""How a value is said: 71.9%, £17,000,000, 1 patient, about 8%. One way for pages, sentences, titles and mail."""

from decimal import Decimal

from cmast.vocabulary import Qualifier, Unit

_QUALIFIED = {
    Qualifier.APPROXIMATELY: "about ",
    Qualifier.MORE_THAN: "more than ",
    Qualifier.AT_LEAST: "at least ",
    Qualifier.LESS_THAN: "less than ",
    Qualifier.UP_TO: "up to ",
}


def number(value: Decimal) -> str:
    """In digits, with commas and without trailing noughts: 48,872; 71.9."""
    return f"{value.normalize():,f}" if value else "0"


def amount(value: Decimal, unit: str, qualifier: str | None = None) -> str:
    """A value with its unit, as a reader expects it, after how exactly it is known: more than 2.1 percentage points."""
    return _QUALIFIED.get(Qualifier(qualifier or Qualifier.EXACT), "") + _with_unit(value, unit)


def _with_unit(value: Decimal, unit: str) -> str:
    digits = number(value)
    match unit:
        case Unit.PERCENT:
            return f"{digits}%"
        case Unit.GBP:
            return f"-£{digits[1:]}" if value < 0 else f"£{digits}"
        case Unit.COUNT | Unit.RATIO:
            return digits
        case Unit.RANK | Unit.LEVEL:
            return f"{unit} {digits}"
        case Unit.UNSPECIFIED_PERCENT:
            return f"{digits} (percent or points, not stated)"
        case Unit.PER_HOUR:
            return f"{digits} per hour"
    many = "percentage points" if unit == Unit.PERCENTAGE_POINT else unit
    one = "person" if unit == Unit.PEOPLE else many.removesuffix("s")
    return f"{digits} {one if abs(value) == 1 else many}"
