"""What is read out of a text, and what is let pass."""

import pytest

from metrics import wording

pytestmark = pytest.mark.either_database


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("savings in 204/5 of £32.5m", ["204/5"]),
        ("from 2024/26 on", ["2024/26"]),
        ("in 20245/6", ["20245/6"]),
        ("in 2022/2024", ["2022/2024"]),
        ("2024/25, 2024/5, 2022/2023 and 1999/00", []),
        ("2099/00", []),
        ("on 14/4/2024, or 2024/03, open 24/7", []),
        ("204 of 5 and 21/62 practices, 20.4/5", []),
    ],
)
def test_a_financial_year_that_cannot_be_is_found(text: str, found: list[str]) -> None:
    assert wording.malformed_years(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("at OPEL 3 during 2023 to date", ["2023 to date"]),
        ("Since 2024 to date", []),
        ("2022/2023 to date", []),
        ("In 2023, to 1 date", []),
    ],
)
def test_a_year_to_date_that_is_over_is_found(text: str, found: list[str]) -> None:
    assert wording.years_over(text, 2024) == found


@pytest.mark.parametrize(
    ("text", "is_above"),
    [
        ("this being above £17m annual target", True),
        ("Savings exceeded the £17.5m target", True),
        ("well below target", False),
        ("short of the target", False),
        ("target 76%, 5% under local trajectory, above the region", None),
        ("more above. The target stands", None),
        ("overall target", None),
    ],
)
def test_a_claim_about_a_target_is_found(text: str, is_above: bool | None) -> None:
    assert [claim.is_above for claim in wording.claims(text)] == ([] if is_above is None else [is_above])


def test_texts_say_the_same_whatever_their_brackets_case_and_little_words() -> None:
    assert wording.substance("Best use of assets, and systems") == wording.substance(
        "best use of the assets/systems (repeated)"
    )
    assert wording.substance("Urgent CT reporting") != wording.substance("Urgent MRI reporting")
    assert wording.substance("at 71.9%") != wording.substance("at 68.1%")
