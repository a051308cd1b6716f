"""Every verb of every record in every state: allowed from the API and the desk, or refused by both with the same words."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from django.contrib import admin
from django.db import IntegrityError, models, transaction
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from cmast.api.viewsets import RecordViewSet
from cmast.models import Membership, Person, Record
from cmast.models.verbs import Verb, verbs_of
from cmast.urls import api as router
from programmes.models import UpdateFact
from tests.factories import FACTORIES

pytestmark = pytest.mark.either_database

#: (resource, verb) of all that can be done.
VERBS = [(resource, name) for resource, viewset, _ in router.registry for name in verbs_of(viewset.queryset.model)]
MODELS: dict[str, Any] = {resource: viewset.queryset.model for resource, viewset, _ in router.registry}


def restate(record: Any, **values: Any) -> None:
    type(record).objects.filter(pk=record.pk).update(**values)


#: (model, verb) -> what else must be there before it can be done to the record, besides its state.
PREPARED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("Milestone", "no_change"): lambda record: restate(record, forecast_on="2024-05-31"),
    ("Update", "submit"): lambda update: FACTORIES[UpdateFact](update=update),
}
#: (model, verb) -> who may do it to the record, where the PMO may not.
WHO: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("Update", "sign_off"): lambda update: an_officer(update.programme),
}


def an_officer(programme: Any) -> Any:
    """A senior responsible officer who also sits in the programme office, and so at the desk."""
    person: Any = FACTORIES[Person]()
    Membership.objects.create(person=person, role="sro", programme=programme)
    Membership.objects.create(person=person, role="pmo")
    return person


@pytest.mark.parametrize(("resource", "name"), VERBS)
def test_a_verb_is_done_in_its_states_and_refused_in_all_others_by_both_entrances(
    resource: str, name: str, make: Any, api: Any, sign_in: Any
) -> None:
    model = MODELS[resource]
    verb = verbs_of(model)[name]
    clerk, browser = api("pmo"), sign_in("pmo")
    was_done = False
    for state in states(model, verb):
        record = in_state(model, verb, state, make)
        if record is None:
            continue
        why = verb.refusal(record)
        for entrance in (by_the_api, by_the_desk):
            person = WHO[model.__name__, name](record) if (model.__name__, name) in WHO else None
            client: Any = (api if entrance is by_the_api else sign_in)(person) if person else None
            client = client or (clerk if entrance is by_the_api else browser)
            assert is_offered(record, verb, person) == (not why), state
            assert entrance(client, resource, record, verb) == why, (entrance.__name__, state)
            assert changed(record) == (not why), (entrance.__name__, state)
            # What was refused has changed nothing, so the next entrance may try the same record.
            record = record if why else in_state(model, verb, state, make)
        was_done = was_done or not why
    assert was_done, "no state was made in which the verb can be done"


def states(model: Any, verb: Verb) -> Iterator[dict[str, Any]]:
    """Every combination of values of the fields that the verb looks at."""
    if not verb.given:
        yield {}
        return
    fields = [model._meta.get_field(name) for name in verb.given]
    for combination in product(*map(all_values, fields)):
        yield dict(zip(verb.given, combination, strict=True))


def all_values(field: Any) -> list[Any]:
    words = [word for word, _ in field.flatchoices] if field.choices else [True, False]
    return [*words, None] if field.null else words


def in_state(model: Any, verb: Verb, state: dict[str, Any], make: Any) -> Any:
    """A record of the kind in that state; None where the database knows no such record."""
    record = make(model)
    try:
        with transaction.atomic():
            model.objects.filter(pk=record.pk).update(**state)
    except IntegrityError:
        return None
    record = model.objects.get(pk=record.pk)
    if not verb.refusal(record):
        PREPARED.get((model.__name__, verb.name), lambda record: None)(record)
    for field in verb.subject(model)._meta.get_fields():
        if isinstance(field, models.ForeignKey | models.ManyToManyField) and (key := verb.example.get(field.name)):
            for one in [key] if isinstance(key, str) else key:
                linked: Any = field.related_model
                linked._default_manager.filter(key=one).exists() or FACTORIES[linked](key=one)
    return model.objects.get(pk=record.pk)


def by_the_api(client: APIClient, resource: str, record: Record, verb: Verb) -> str:
    """What the API says against it; nothing where it is done."""
    body = {"change_reason": "The board has said so.", **verb.example}
    path = f"/api/v1/{resource}/{record.key}/{verb.path}/"
    answer = client.post(path, body, format="json", headers={"Idempotency-Key": f"{record.pk}-{verb.name}"})
    if answer.status_code == 200:
        assert answer.json()["key"] == record.key
        return ""
    assert (answer.status_code, answer.json()["code"]) == (409, f"cannot_{verb.name}"), answer.json()
    return str(answer.json()["detail"])


def by_the_desk(client: Client, resource: str, record: Record, verb: Verb) -> str:
    """What the form of the verb says against it; nothing where it is done."""
    meta = record._meta
    path = reverse(f"admin:{meta.app_label}_{meta.model_name}_do", args=[record.pk, verb.path])
    typed = as_typed(verb.subject(type(record)), verb)
    answer = client.post(path, {**typed, "opened_version": record.version, "change_reason": "The board has said so."})
    if answer.status_code == 302:
        return ""
    assert answer.status_code == 409, answer.context["form"].errors
    (said,) = answer.context["form"].non_field_errors()
    return str(said)


def as_typed(model: Any, verb: Verb) -> dict[str, Any]:
    """The example as somebody would type it into the form."""
    said = {name: verb.example[name] for name in verb.asks if verb.example.get(name) is not None}
    return {name: one_typed(model._meta.get_field(name), value) for name, value in said.items()}


def one_typed(field: Any, value: Any) -> Any:
    if field.remote_field is None:
        return "\n".join(value) if isinstance(value, list) else value
    keys = value if isinstance(value, list) else [value]
    found = list(field.related_model._default_manager.filter(key__in=keys).values_list("pk", flat=True))
    return found if isinstance(value, list) else found[0]


def is_offered(record: Record, verb: Verb, person: Any) -> bool:
    """Whether the page of the record has a button for it."""
    desk: Any = admin.site._registry[type(record)]
    return verb.says in [says for says, _ in desk.buttons(record, person)]


def changed(record: Any) -> bool:
    return bool(type(record).objects.get(pk=record.pk).version != record.version)


def test_no_verb_takes_the_name_of_something_that_every_endpoint_has() -> None:
    taken = {name for name in vars(RecordViewSet) if not name.startswith("_")} | set(dir(models.Model))
    assert not {name for _, name in VERBS} & taken


def test_the_page_of_a_record_has_a_button_for_what_can_be_done_to_it_now(make: Any, sign_in: Any) -> None:
    note = make(MODELS["notes"], kind="query", status="answered")
    page = sign_in("pmo").get(reverse("admin:cmast_note_change", args=[note.pk])).content.decode()
    links = {name: reverse("admin:cmast_note_do", args=[note.pk, name]) in page for name in ("give-answer", "close", "reopen")}
    assert links == {"give-answer": False, "close": True, "reopen": True}


def test_a_verb_is_refused_to_whoever_may_not_change_the_record(make: Any, api: Any) -> None:
    note = make(MODELS["notes"], kind="query")
    answer = api("viewer").post(f"/api/v1/notes/{note.key}/close/")
    assert answer.status_code == 403


def test_a_verb_with_the_tag_of_an_older_version_is_refused(make: Any, api: Any) -> None:
    note = make(MODELS["notes"], kind="query")
    path = f"/api/v1/notes/{note.key}/close/"
    answer = api("pmo").post(path, {"change_reason": "Said."}, format="json", headers={"If-Match": f'"note-{note.key}-7"'})
    assert answer.status_code == 412


def test_a_verb_refuses_what_it_does_not_ask_for_and_wants_what_it_needs(make: Any, api: Any) -> None:
    note = make(MODELS["notes"], kind="query")
    path = f"/api/v1/notes/{note.key}/give-answer/"
    answer = api("pmo").post(path, {"text": "Else"}, format="json")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/text"]
    answer = api("pmo").post(path, {}, format="json")
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/answer", "required")]


def test_a_verb_without_a_reason_is_refused_where_a_status_changes(make: Any, api: Any, sign_in: Any) -> None:
    note = make(MODELS["notes"], kind="query")
    answer = api("pmo").post(f"/api/v1/notes/{note.key}/close/", {}, format="json")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "/change_reason")
    page = reverse("admin:cmast_note_do", args=[note.pk, "close"])
    answer = sign_in("pmo").post(page, {"opened_version": note.version})
    assert list(answer.context["form"].errors) == ["change_reason"]


def test_a_form_opened_before_somebody_else_changed_the_record_does_nothing(make: Any, sign_in: Any) -> None:
    note = make(MODELS["notes"], kind="query")
    page = reverse("admin:cmast_note_do", args=[note.pk, "close"])
    answer = sign_in("pmo").post(page, {"opened_version": note.version - 1, "change_reason": "Said."})
    assert list(answer.context["form"].errors) == ["opened_version"]
    assert not changed(note)


def test_a_verb_over_many_records_does_those_that_allow_it_and_names_the_others(make: Any, sign_in: Any) -> None:
    open_one, closed = make(MODELS["notes"], kind="query"), make(MODELS["notes"], kind="query", status="closed")
    body = {"action": "close", "_selected_action": [open_one.pk, closed.pk], "change_reason": "Said."}
    answer = sign_in("pmo").post(reverse("admin:cmast_note_changelist"), body, follow=True)
    said = [str(message) for message in answer.context["messages"]]
    assert said[0] == "Close the query: 1 done."
    assert "was left as it is" in said[1]
    assert (changed(open_one), changed(closed)) == (True, False)
