"""The checks of the register against itself, and the findings that they keep.

Each check is a function that yields what it finds, from a few queries over whole tables. It says nothing where a figure is
missing, vague or not comparable: only what cannot be right is found, and a person says what it means.
"""

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable

from django.db import transaction
from django.utils import timezone

from cmast.history.context import changing
from cmast.locks import take_turns
from metrics import benefit_checks, figure_checks, sum_checks, text_checks
from metrics.found import Found
from metrics.models import Finding, FindingSubject

CHECKS: tuple[Callable[[], Iterable[Found]], ...] = (
    sum_checks.parts_against_total,
    figure_checks.ratio_against_inputs,
    figure_checks.previous_against_published,
    figure_checks.points_against_percent,
    figure_checks.outside_plausible_range,
    figure_checks.missing_period,
    benefit_checks.months_against_year_to_date,
    text_checks.copied_forward,
    text_checks.claim_against_figures,
    text_checks.impossible_text,
    text_checks.repeated_record,
)
#: Fields of a finding that a run may change. Of what people have said, the state alone is among them.
KEPT = ("what", "printed", "computed", "programme_id", "state", "last_seen_on")
_COLUMNS = [*(name.removesuffix("_id") for name in KEPT), "updated_at"]


def run() -> str:
    """Make all checks and bring the findings up to date. Says what it did."""
    today = timezone.localdate()
    found = {item.key: item for check in CHECKS for item in check()}  # may take a minute, in which others write
    with transaction.atomic(), changing(reason="Found by the checks."):
        take_turns("findings")
        known = {finding.key: finding for finding in Finding.objects.select_for_update().order_by("pk")}
        new = _add([item for key, item in found.items() if key not in known], today)
        changed = [finding for key, finding in known.items() if _bring_up_to_date(finding, found.get(key), today)]
        Finding.objects.bulk_update(changed, _COLUMNS, batch_size=500)
        _name_subjects([(finding, found[key]) for key, finding in known.items() if key in found])
    still_open = Finding.objects.filter(state=Finding.State.OPEN).count()
    return f"{len(found)} found, {new} of them new; {still_open} open"


def _add(items: list[Found], today: dt.date) -> int:
    seen = {"first_seen_on": today, "last_seen_on": today}
    findings = [Finding(key=item.key, rule=item.rule, **seen, **item.values) for item in items]
    Finding.objects.bulk_create(findings, batch_size=500)
    _name_subjects(list(zip(findings, items, strict=True)))
    return len(findings)


def _bring_up_to_date(finding: Finding, item: Found | None, today: dt.date) -> bool:
    """Whether it has changed. What is found again after it was closed, or with other figures, is open again."""
    states = Finding.State
    before = {name: getattr(finding, name) for name in KEPT}
    if item is None:
        finding.state = states.NO_LONGER_FOUND
    else:
        is_other = any(before[name] != value for name, value in item.values.items())
        if is_other or finding.state in (states.NO_LONGER_FOUND, states.CORRECTED):
            finding.state = states.OPEN
        for name, value in item.values.items():
            setattr(finding, name, value)
        finding.last_seen_on = today
    finding.updated_at = timezone.now()
    return before != {name: getattr(finding, name) for name in KEPT}


def _name_subjects(pairs: list[tuple[Finding, Found]]) -> None:
    """The records that each finding is about, where they are others than before."""
    known: dict[int, dict[tuple[str, str], int]] = defaultdict(dict)
    subjects = FindingSubject.objects.filter(finding__in=[finding.pk for finding, _ in pairs])
    for pk, owner, kind, key in subjects.values_list("pk", "finding", "record_type", "record_key"):
        known[owner][kind, key] = pk
    gone, new = [], []
    for finding, item in pairs:
        wanted, there = dict.fromkeys(item.records), known[finding.pk]
        gone += [pk for name, pk in there.items() if name not in wanted]
        new += [_subject(finding, *name) for name in wanted if name not in there]
    FindingSubject.objects.filter(pk__in=gone).delete()
    FindingSubject.objects.bulk_create(new, batch_size=500)


def _subject(finding: Finding, kind: str, key: str) -> FindingSubject:
    mark = hashlib.sha256(f"{finding.key} {kind} {key}".encode()).hexdigest()[:12]
    return FindingSubject(key=f"{finding.key[:80]}-{mark}", finding=finding, record_type=kind, record_key=key)
