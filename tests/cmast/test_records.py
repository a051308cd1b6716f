"""What every record does when it is saved."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from cmast.models import Membership, Note, NoteSubject, Organisation, Person
from programmes.models import Milestone, Objective, Programme, Workstream


def test_a_key_is_made_from_the_name(edition: Any) -> None:
    first = Organisation.objects.create(name="Royal Infirmary", kind="nhs_trust")
    second = Organisation.objects.create(name="Royal Infirmary", kind="nhs_trust")
    assert first.key == "royal-infirmary"
    assert second.key.startswith("royal-infirmary-") and second.key != first.key


def test_a_name_without_letters_still_gets_a_key(edition: Any) -> None:
    assert Organisation.objects.create(name="???", kind="supplier").key


@pytest.mark.parametrize("key", ["bulk", "history", "a b", "a/b", "é", "-a", "a\n"])
def test_a_key_that_cannot_be_an_address_is_refused(key: str, edition: Any) -> None:
    with pytest.raises(ValidationError) as refusal:
        Organisation.objects.create(name="Royal Infirmary", kind="nhs_trust", key=key)
    assert "key" in refusal.value.message_dict


def test_every_save_moves_the_version(edition: Any) -> None:
    trust = Organisation.objects.get(key="RBN")
    before = trust.version
    trust.save()
    assert trust.version == Organisation.objects.get(key="RBN").version == before + 1


def test_nothing_is_written_when_a_rule_is_broken(edition: Any) -> None:
    trust = Organisation.objects.get(key="RBN")
    trust.short_name, trust.kind = "changed", "nonsense"
    with pytest.raises(ValidationError):
        trust.save()
    assert Organisation.objects.get(key="RBN").short_name != "changed"


def test_an_ods_code_belongs_to_one_current_organisation(edition: Any) -> None:
    with pytest.raises(ValidationError):
        Organisation.objects.create(name="Another", kind="nhs_trust", ods_code="RBN")
    former = Organisation.objects.create(name="Former", kind="nhs_trust", ods_code="RBN", valid_to="2023-06-30")
    assert former.ods_code == "RBN"


def test_the_programme_follows_from_the_workstream(edition: Any) -> None:
    milestone = Milestone.objects.create(title="Kick-off", type="meeting", workstream=Workstream.objects.get(key="ws-lims"))
    assert milestone.programme.key == "diagnostics"


def test_a_programme_that_is_not_the_workstreams_is_refused_in_words(edition: Any) -> None:
    milestone = Milestone.objects.get(key="e-lims-contract-award")
    milestone.programme = Programme.objects.get(key="workforce")
    with pytest.raises(ValidationError, match="belongs to the programme “Diagnostics Programme”"):
        milestone.save()


def test_the_database_refuses_it_as_well(edition: Any) -> None:
    workforce = Programme.objects.get(key="workforce")
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.filter(key="e-lims-contract-award").update(programme=workforce)
    with pytest.raises(IntegrityError), transaction.atomic():
        Milestone.objects.bulk_create(
            [
                Milestone(
                    key="x", title="X", type="meeting", workstream=Workstream.objects.get(key="ws-lims"), programme=workforce
                )
            ]
        )


def test_records_move_with_their_workstream(edition: Any) -> None:
    faculty = Workstream.objects.get(key="ws-ahp-faculty")
    before = faculty.actions.get(key="act-ahp-project-plan").version
    faculty.programme = Programme.objects.get(key="efficiency-at-scale")
    faculty.save()
    moved = faculty.actions.get(key="act-ahp-project-plan")
    assert moved.programme.key == "efficiency-at-scale"
    assert moved.version > before


def test_a_whole_branch_moves_with_its_root(edition: Any) -> None:
    pathology = Workstream.objects.get(key="ws-pathology")
    pathology.programme = Programme.objects.get(key="efficiency-at-scale")
    pathology.save()
    assert Workstream.objects.get(key="ws-lims").programme.key == "efficiency-at-scale"
    assert Milestone.objects.get(key="e-lims-contract-award").programme.key == "efficiency-at-scale"


@pytest.mark.parametrize(("model", "key", "parent"), [(Workstream, "ws-pathology", "ws-lims"), (Objective, "dx-o1", "dx-o1a")])
def test_a_tree_never_leads_back_to_itself(model: Any, key: str, parent: str, edition: Any) -> None:
    record = model.objects.get(key=key)
    record.parent = model.objects.get(key=parent)
    with pytest.raises(ValidationError, match="part of itself"):
        record.save()


def test_a_role_that_writes_in_an_area_names_it(edition: Any, person: Any) -> None:
    with pytest.raises(ValidationError, match="held on one workstream"):
        Membership.objects.create(person=person(None), role="workstream_lead")


def test_people_sign_in_with_their_address_in_small_letters(edition: Any) -> None:
    lead = Person.objects.create(name="Sam Lead", email=" Sam.Lead@Example.NHS.uk ")
    assert lead.email == "sam.lead@example.nhs.uk"
    assert not lead.has_usable_password()


def test_two_people_may_have_no_address(edition: Any) -> None:
    assert Person.objects.create(name="A").email is None
    assert Person.objects.create(name="B", email="").email is None


def test_a_note_is_about_a_record_that_exists(edition: Any) -> None:
    note = Note.objects.create(text="Why 90%?", kind="query")
    assert note.status == "open"
    NoteSubject.objects.create(about_note=note, record_type="target", record_key="t-mri-urgent-7d")
    with pytest.raises(ValidationError, match="no target with the key"):
        NoteSubject.objects.create(about_note=note, record_type="target", record_key="t-nothing")
    with pytest.raises(ValidationError, match="no kind of record"):
        NoteSubject.objects.create(about_note=note, record_type="person's cat", record_key="x")


def test_a_record_knows_what_it_was_like_when_it_was_locked_or_saved(edition: str) -> None:
    objective = Objective.objects.all()[:1].get()
    stored = dict(objective.as_read)
    objective.note = "Another note"
    objective.save()
    kept = {name: value for name, value in objective.as_read.items() if name not in ("note", "version", "updated_at")}
    assert kept == {name: stored[name] for name in kept} and objective.as_read["note"] == "Another note"
    objective.lock()
    assert objective.as_read.keys() == stored.keys() and objective.as_read["note"] == "Another note"
