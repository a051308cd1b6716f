"""The edition as data: it loads completely, a second time without effect, and a broken file not at all."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection

from cmast.editions import loader
from cmast.editions.loader import EDITIONS, EditionError, edition_is_loaded, load_edition
from cmast.models import Change, Organisation, Record, Source
from metrics.models import Observation, Target
from programmes.models import Approval, Milestone, Programme, Workstream

EDITION = EDITIONS / "2024-05"
AS_AT = dt.date(2024, 5, 3)
#: The twelve, by code.
TRUSTS = ["RBL", "RBN", "RBQ", "RBS", "RBT", "REM", "REN", "REP", "RET", "RJN", "RJR", "RWW"]
OURS = ("cmast", "programmes", "metrics", "risks")

COUNTS = {
    "reminder rules": 18,
    "sources": 59, "source sections": 9, "organisations": 36, "sites": 2, "people": 1,
    "plan years": 2, "programmes": 7, "workstreams": 45, "objectives": 17, "deliverables": 60,
    "forums": 27, "role holders": 18, "meetings": 10, "milestones": 47,
    "approvals": 13, "votes": 5, "approval snapshots": 2, "decisions": 9, "actions": 10, "closures": 2, "waits": 3,
    "metrics": 64, "metric levels": 1, "series breaks": 1,
    "targets": 38, "cohorts": 1, "trajectories": 4, "trajectory points": 4, "observations": 40,
    "benefits": 13, "benefit figures": 13, "funding": 9, "procurements": 5, "mutual aid": 2,
    "score bands": 4, "risks": 24, "mitigations": 6, "updates": 41, "update facts": 83,
    "health rules": 22,
    "notes and queries": 69, "note subjects": 117,
}  # fmt: skip

#: What each milestone is on the day of the edition.
STATUSES = {
    "past": """
        e-cmast-lb-2024-05-03 e-lims-status-date e-oa-meeting e-telederm-premarket e-ophthalmology-network
        e-ophthalmology-reporting-start e-glaucoma-waiver e-pathology-exec-planning e-pathology-meeting
        e-histopathology-bid e-physio-network-launch e-wpb-final e-band6-wg-final e-band6-report e-ae-year-end
    """,
    "future": """
        e-priorities-report-icb e-lims-fifth-approval e-whh-board-may e-lims-contract-award e-65w-clearance
        e-menopause-outputs e-menopause-18ww e-cardiology-workshop e-pathology-governance
        e-physio-clinical-lead e-eas-board-may
    """,
    "undated_past": """
        e-telederm-adot e-spoa-procurement e-optical-bodies e-radiology-tom-workshop e-transnasal-start
        e-endoscopy-film e-eas-plan-sros e-automation-workshops-held
    """,
    "past_due_outcome_unknown": """
        e-telederm-ceg e-ent-relaunch e-other-ologies-go-live e-pacs-alder-hey-100 e-camrin-april e-lls-start
        e-hcd-decision
    """,
    "undated_future": """
        e-telederm-spec-update e-ophthalmology-visits e-automation-workshop-next e-research-strategy
    """,
    "ongoing": """
        e-pathology-benchmarking e-cdc-sustainability
    """,
}


def records() -> Iterator[type[Record]]:
    return (model for model in apps.get_models() if issubclass(model, Record))


def everything() -> dict[str, tuple[int, int]]:
    """How many records of each kind there are, and how often they were changed."""
    versions = {model._meta.label: list(model._default_manager.values_list("version", flat=True)) for model in records()}
    return {label: (len(counts), sum(counts)) for label, counts in versions.items()}


@pytest.fixture
def empty_register(db: None) -> None:
    """No records at all until the end of the test."""
    with connection.cursor() as cursor:
        for label in OURS:
            for model in apps.get_app_config(label).get_models(include_auto_created=True):
                if model is not Change:
                    cursor.execute(f"DELETE FROM {model._meta.db_table}")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """An edition without files. A test puts into it what it changes; all else is in the database."""
    directory = tmp_path / "2024-05"
    directory.mkdir()
    return directory


def change(copy: Path, file: str, old: str, new: str) -> None:
    text = (EDITION / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new), encoding="utf-8")


# ------------------------------------------------------------------------------------------------------------- loading


def test_a_fresh_register_gets_the_whole_edition(empty_register: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert not edition_is_loaded("2024-05")
    call_command("load_edition", "2024-05")
    assert edition_is_loaded("2024-05")
    printed = [line.rsplit(maxsplit=3) for line in capsys.readouterr().out.splitlines()[1:]]
    assert {kind: int(created) for kind, created, *_ in printed} == COUNTS | {"all": sum(COUNTS.values())}
    assert {model._meta.verbose_name_plural: model._default_manager.count() for model in records()} == Counter(COUNTS) | {
        model._meta.verbose_name_plural: 0 for model in records() if model._meta.verbose_name_plural not in COUNTS
    }


def test_a_second_run_changes_nothing(edition: str) -> None:
    load_edition(EDITION)
    before = everything()
    report = load_edition(EDITION)
    assert (report.total("created"), report.total("changed"), report.total("unchanged")) == (0, 0, sum(COUNTS.values()))
    assert everything() == before


def test_the_files_win_but_only_in_what_they_name(edition: str) -> None:
    milestone = Milestone.objects.get(key="e-lims-contract-award")
    milestone.title, milestone.rag = "Something else", "amber"
    milestone.save()
    milestone.depends_on.clear()
    report = load_edition(EDITION)
    assert report.changes == ["milestone e-lims-contract-award: title, depends_on"]
    milestone.refresh_from_db()
    assert (milestone.title, milestone.rag) == ("LIMS contract award", "amber")
    assert [needed.key for needed in milestone.depends_on.all()] == ["e-lims-fifth-approval"]


def test_what_moved_with_its_workstream_moves_back(edition: str) -> None:
    lims = Workstream.objects.get(key="ws-lims")
    lims.parent, lims.programme = None, Programme.objects.get(key="workforce")
    lims.save()
    assert Milestone.objects.get(key="e-lims-contract-award").programme.key == "workforce"
    assert load_edition(EDITION).changes == ["workstream ws-lims: programme, parent"]
    assert Milestone.objects.get(key="e-lims-contract-award").programme.key == "diagnostics"


def test_a_list_that_is_named_empty_is_emptied(edition: str, copy: Path) -> None:
    change(copy, MILESTONES, FIFTH, "[]")
    load_edition(copy)
    assert not Milestone.objects.get(key="e-lims-contract-award").depends_on.exists()


def test_a_deleted_record_comes_back(edition: str) -> None:
    Milestone.objects.get(key="e-endoscopy-film").delete()
    assert load_edition(EDITION).counts["milestones"] == Counter(created=1, unchanged=46)


def test_another_month_is_not_loaded(edition: str) -> None:
    assert edition_is_loaded("2024-05")
    assert not edition_is_loaded("2024-06")


# ------------------------------------------------------------------------------------------------------------- refusal

MILESTONES, METRICS, OBSERVATIONS = "05-milestones.yaml", "07-metrics.yaml", "09-observations.yaml"
AWARD_KEY = "milestone e-lims-contract-award"
AWARD = "{key: e-lims-contract-award, title: LIMS contract award,"
FIFTH = "[e-lims-fifth-approval]"
#: What is wrong -> file, text, what stands there instead, how the refusal names the place, and the reason.
BROKEN = {
    "not YAML": (MILESTONES, AWARD, "{key: e-lims-contract-award, title: [", ", line ", "expected"),
    "a name twice": (MILESTONES, AWARD, f"{AWARD} title: B,", ", line 1", "“title” is given twice"),
    "an impossible day": (MILESTONES, "on: 2024-03-22", "on: 2024-02-30", ", line 2", "day is out of range"),
    "an unknown kind": (METRICS, "metrics.metriclevel:", "metrics.level:", "", "called “metrics.level”"),
    "not a record": (METRICS, "metrics.metriclevel:", "cmast.apitoken:", "", "called “cmast.apitoken”"),
    "an unknown field": (MILESTONES, AWARD, f"{AWARD} colour: red,", AWARD_KEY, "“colour”"),
    "a field that is no data": ("02-organisations.yaml", "honours: OBE", "password: x", "person ann-marr", "“password”"),
    "no key": (MILESTONES, AWARD, "{title: LIMS contract award,", "milestone without a key", "needs a key"),
    "a key twice": (MILESTONES, "key: e-lls-start", "key: e-65w-clearance", "milestone e-65w-clearance", "taken already"),
    "an unknown record": (MILESTONES, AWARD, f"{AWARD} site: mars,", AWARD_KEY, "site: there is no site"),
    "an unknown one in a list": (MILESTONES, FIFTH, "[e-sixth]", AWARD_KEY, "the key “e-sixth”"),
    "a key that is a number": (MILESTONES, AWARD, f"{AWARD} site: 7,", AWARD_KEY, "site: “7” is not the key"),
    "no list": (MILESTONES, FIFTH, "e-lims-fifth-approval", AWARD_KEY, "depends_on: must be a list of keys"),
    "a wrong word": (MILESTONES, AWARD, f"{AWARD} outcome: party,", AWARD_KEY, "outcome: Value 'party'"),
    "not a number": (OBSERVATIONS, "value: 2053", "value: many", "observation o-65w-2024-03", "value: “many”"),
    "a list for a text": (MILESTONES, AWARD, f"{AWARD} outcome_note: [a],", AWARD_KEY, "outcome_note: must be"),
    "yes for a number": (OBSERVATIONS, "value: 2053", "value: yes", "observation o-65w-2024-03", "value: must not be"),
    "two that exclude": (OBSERVATIONS, "{key: o-65w-2024-03,", "{key: o-new, bound_operator: gt, bound_value: 2,",
                         "o-new", "not both"),
    "another figure": (OBSERVATIONS, "value: 2053", "value: 2054", "observation o-65w-2024-03", "never overwritten"),
    "a day without precision": (MILESTONES, "2024-05-16, forecast_precision: day", "2024-05-16, forecast_precision: null",
                                "milestone e-cardiology-workshop", "belong together"),
    "the wrong programme": (MILESTONES, AWARD, f"{AWARD} programme: workforce,", AWARD_KEY, "programme:"),
    "nothing where something must be": (MILESTONES, AWARD, f"{AWARD} rag: null,", AWARD_KEY, "rag:"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused_with_place_and_reason(edition: str, copy: Path, case: str) -> None:
    file, old, new, place, reason = BROKEN[case]
    change(copy, file, old, new)
    # A sound change in the first file, to see that it is not written either.
    change(copy, "01-sources.yaml", "title: CMAST Update", "title: Renamed")
    before = everything()
    with pytest.raises(EditionError) as refusal:
        load_edition(copy)
    message = str(refusal.value)
    assert message.startswith(file)
    assert place in message
    assert reason in message
    assert everything() == before
    assert Source.objects.get(key="cmast-update-2024-05").title == "CMAST Update"


def test_the_command_fails_with_that_message(edition: str, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(copy, MILESTONES, AWARD, f"{AWARD} colour: red,")
    monkeypatch.setattr(loader, "EDITIONS", copy.parent)
    with pytest.raises(CommandError, match=r"05-milestones.yaml, line \d+, milestone e-lims-contract-award: .*“colour”"):
        call_command("load_edition", "2024-05")
    with pytest.raises(CommandError, match="there are no data files"):
        call_command("load_edition", "1999-01")


def test_a_relation_may_name_what_comes_later_where_it_may_be_empty(edition: str, copy: Path) -> None:
    assert Source.objects.get(key="cmast-update-2024-05").issuer.key == "cmast"
    programme = "programmes.programme: [{key: later, name: Later, status: active}]"
    needs = "programmes.objective: [{key: first, programme: later, number: '1', text: First}]"
    (copy / "01.yaml").write_text(f"{needs}\n{programme}", encoding="utf-8")
    with pytest.raises(EditionError, match=r"01\.yaml, line 1, objective first: programme: “later” must come before"):
        load_edition(copy)
    (copy / "01.yaml").write_text(f"{programme}\n{needs}", encoding="utf-8")
    assert load_edition(copy).total("created") == 2


# ------------------------------------------------------------------------------------------- what the edition answers


def test_twelve_member_trusts_and_what_they_came_from(edition: str) -> None:
    members = Organisation.objects.filter(standing__in=["core_member", "dual_member"])
    assert sorted(members.values_list("key", flat=True)) == TRUSTS
    assert members.filter(standing="dual_member").count() == 4
    merged = Organisation.objects.get(key="RBN").predecessors
    assert sorted(merged.values_list("ods_code", "valid_to")) == [("RBN", dt.date(2023, 6, 30)), ("RVY", dt.date(2023, 6, 30))]


def test_every_milestone_has_its_status_on_the_day(edition: str) -> None:
    computed = dict(Milestone.objects.with_computed(AS_AT).values_list("key", "computed_status"))
    assert computed == {key: status for status, keys in STATUSES.items() for key in keys.split()}


def test_seven_outcomes_are_missing_on_the_day(edition: str) -> None:
    missing = set(Milestone.objects.outcome_missing(AS_AT).values_list("key", flat=True))
    assert missing == set(STATUSES["past_due_outcome_unknown"].split())
    assert len(missing) == 7


def test_lims_is_four_of_five(edition: str) -> None:
    lims = Approval.objects.with_computed(AS_AT).get(key="a-lims")
    assert (lims.votes_in_favour, lims.votes_open, lims.votes_total) == (4, 1, 5)
    assert [vote.organisation.key for vote in lims.votes.all() if vote.organisation] == ["RWW"]
    assert list(Approval.objects.awaiting("RWW")) == [lims]


def test_figures_are_judged_against_their_targets(edition: str) -> None:
    judged = dict(Observation.objects.with_computed().filter(target__isnull=False).values_list("key", "meets_target"))
    assert judged == {
        "o-theatre-capped-2024-03": False,
        "o-theatre-capped-lhch-2024-03": True,
        "o-dx-6w-2024-02": False,
        "o-pacs-training-alder-hey": False,
        "o-ae-4h-2024-03": False,
    }


def test_what_is_not_stated_stays_unknown(edition: str) -> None:
    assert Observation.objects.get(key="o-theatre-capped-lhch-2024-03").value is None
    assert Target.objects.numberless().count() == 13
    assert not Workstream.objects.filter(lead__isnull=False).exists()


def test_every_fact_of_the_edition_names_its_lines(edition: str) -> None:
    without = {
        "sources",
        "source sections",
        "plan years",
        "score bands",
        "health rules",
        "series breaks",
        "updates",
        "note subjects",
    }
    for model in records():
        if model._meta.verbose_name_plural in COUNTS.keys() - without:
            stated = model._default_manager.filter(source__key="cmast-update-2024-05")
            assert not stated.filter(source_lines=[]).exists(), model
