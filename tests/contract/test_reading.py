"""Reading: lists, pages, filters, links."""

from copy import copy
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from cmast.api.filters import StrictBooleanFilter
from cmast.api.pagination import PARAMETERS
from cmast.urls import api as router
from programmes.models import Milestone

RESOURCES = [prefix for prefix, _, _ in router.registry if prefix != "tokens"]
VIEWSETS = {prefix: viewset for prefix, viewset, _ in router.registry}


def queries_and_rows(client: Any, path: str) -> tuple[int, int]:
    with CaptureQueriesContext(connection) as queries:
        response = client.get(path)
    assert response.status_code == 200
    return len(queries), len(response.json()["results"])


@pytest.mark.either_database
def test_each_list_takes_the_same_number_of_queries_for_3_rows_and_for_50(edition: Any, api: Any, make: Any) -> None:
    client = api("admin")
    few: dict[str, int] = {}
    many: dict[str, int] = {}
    for number, counted in ((3, few), (50, many)):
        for resource in RESOURCES:
            model: Any = VIEWSETS[resource].queryset.model
            fill(model, number, make)
        client.get("/api/v1/sites/")  # from now on the caller is known
        for resource in RESOURCES:
            counted[resource], rows = queries_and_rows(client, f"/api/v1/{resource}/?page_size={number}")
            assert rows == number
    assert many == few


def fill(model: Any, number: int, make: Any) -> None:
    """Rows until there are that many: copies of one, where its rules allow copies."""
    missing = number - model.objects.count()
    if missing <= 0:
        return
    pattern = make(model)
    copies = [copy(pattern) for _ in range(missing - 1)]
    for index, row in enumerate(copies):
        row.pk, row.key = None, f"{pattern.key}-{index}"
    try:
        with transaction.atomic():
            model.objects.bulk_create(copies)
    except IntegrityError:
        for _ in copies:
            make(model)


@pytest.mark.parametrize("resource", RESOURCES)
def test_walking_the_pages_of_any_ordering_finds_every_row_once(resource: str, edition: Any, api: Any, make: Any) -> None:
    client = api("admin")
    model: Any = VIEWSETS[resource].queryset.model
    while model.objects.count() < 8:
        make(model)
    keys = list(model.objects.values_list("key", flat=True))
    some = sorted(keys[:: len(keys) // 8][:8])
    for ordering in view_orderings(resource):
        walked: list[str] = []
        path = f"/api/v1/{resource}/?page_size=5&ordering={ordering}&key={','.join(some)}"
        while path:
            page = client.get(path).json()
            walked += [row["key"] for row in page["results"]]
            path = page["next"]
        assert sorted(walked) == some, ordering


def view_orderings(resource: str) -> list[str]:
    """Both directions of what may be unknown, which comes last in either; of other columns in turn one or the other."""
    view = VIEWSETS[resource]()
    columns = {field.name: field for field in view.queryset.model._meta.concrete_fields}
    found = []
    for place, name in enumerate(view.ordering_fields):
        is_always_known = name in columns and not columns[name].null
        found += [("", "-")[place % 2] + name] if is_always_known else [name, f"-{name}"]
    return found


def test_what_is_unknown_comes_last_in_either_direction(edition: Any, api: Any) -> None:
    for ordering in ("forecast_on", "-forecast_on"):
        rows = api("viewer").get(f"/api/v1/milestones/?page_size=1000&ordering={ordering}").json()["results"]
        known = [row["forecast_on"] is not None for row in rows]
        assert known == sorted(known, reverse=True)
        dates = [row["forecast_on"] for row in rows if row["forecast_on"]]
        assert dates == sorted(dates, reverse=ordering.startswith("-"))


def test_rows_that_come_and_go_do_not_disturb_a_walk(edition: Any, api: Any, make: Any) -> None:
    client = api("viewer")
    stable = set(Milestone.objects.values_list("key", flat=True))
    walked, path = [], "/api/v1/milestones/?page_size=5&ordering=title"
    while path:
        page = client.get(path).json()
        walked += [row["key"] for row in page["results"]]
        path = page["next"]
        passing = make(Milestone, title=walked[-1])
        Milestone.objects.exclude(key__in=stable).exclude(pk=passing.pk).delete()
    assert sorted(key for key in walked if key in stable) == sorted(stable)


def test_the_count_is_given_on_request_only(edition: Any, api: Any) -> None:
    client = api("viewer")
    assert "count" not in client.get("/api/v1/programmes/").json()
    assert client.get("/api/v1/programmes/?count=true&page_size=2").json()["count"] == 7


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_filter_answers(resource: str, edition: Any, api: Any) -> None:
    """A few at a time, because each question must be compiled: every filter is its own part of the SQL all the same."""
    client = api("viewer")
    asked = [f"{name}={plausible(name, found)}" for name, found in VIEWSETS[resource].filterset_class.base_filters.items()]
    for some in range(0, len(asked), 6):
        question = "&".join(asked[some : some + 6])
        response = client.get(f"/api/v1/{resource}/?{question}")
        assert response.status_code == 200, (question, response.content)


def plausible(name: str, filter_: Any) -> str:
    kind = type(filter_).__name__
    if isinstance(filter_, StrictBooleanFilter):
        return "true"
    if kind in ("DayFilter", "DateFilter"):
        return "2024-05-03"
    if kind == "MomentFilter":
        return "2024-05-03T12:00:00Z"
    if kind in ("NumberFilter", "DaysQuestion"):
        return "1"
    if kind == "WordInFilter":
        return str(filter_.extra["choices"][0][0])
    return "RBN"


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_relation_choice_date_and_number_has_its_filters(resource: str) -> None:
    model: Any = VIEWSETS[resource].queryset.model
    filters = VIEWSETS[resource].filterset_class.base_filters
    hidden = getattr(VIEWSETS[resource].filterset_class, "hidden", ())
    for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
        if field.name == "id" or field.name in hidden:
            continue
        kind = field.get_internal_type()
        if field.is_relation or field.choices or kind == "BooleanField":
            assert field.name in filters, field.name
        if kind in ("DateField", "DecimalField", "PositiveIntegerField", "PositiveSmallIntegerField", "DateTimeField"):
            assert {f"{field.name}__gte", f"{field.name}__lte"} <= set(filters), field.name
        if field.null and not field.many_to_many:
            assert f"{field.name}__isnull" in filters, field.name


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_filter_takes_the_name_of_a_parameter_of_the_page(resource: str) -> None:
    assert not set(VIEWSETS[resource].filterset_class.base_filters) & set(PARAMETERS)


FINDS = {
    "/api/v1/milestones/?programme=diagnostics&overdue=true&on=2024-05-03": {
        "e-other-ologies-go-live",
        "e-pacs-alder-hey-100",
        "e-camrin-april",
    },
    "/api/v1/milestones/?due_on__gte=2024-06-01&due_on__lte=2024-09-30&computed_status=future": {
        "e-priorities-report-icb",
        "e-65w-clearance",
        "e-menopause-outputs",
        "e-menopause-18ww",
    },
    "/api/v1/milestones/?depends_on=e-lims-fifth-approval": {"e-lims-contract-award"},
    "/api/v1/milestones/?suppliers=accenda,cinapsis": {"e-telederm-premarket"},
    "/api/v1/milestones/?workstream__isnull=true&type=report_due": {"e-priorities-report-icb"},
    "/api/v1/milestones/?q=ENT+relaunch": {"e-ent-relaunch"},
    "/api/v1/approvals/?awaiting=RWW": {"a-lims"},
    "/api/v1/approvals/?awaiting_decision=true&overdue=true&on=2024-05-03": {"a-hcd-proposal"},
    "/api/v1/votes/?approval=a-lims&organisation__isnull=true&status=approved": {
        "a-lims-vote-1",
        "a-lims-vote-2",
        "a-lims-vote-3",
        "a-lims-vote-4",
    },
    "/api/v1/observations/?meets_target=true": {"o-theatre-capped-lhch-2024-03"},
    "/api/v1/observations/?organisation=RBQ&value__isnull=true": {"o-theatre-capped-lhch-2024-03"},
    "/api/v1/observations/?metric=ae-4h&value__gte=70&value__lte=71.5": {"o-ae-4h-north-west"},
    "/api/v1/observations/?inferred=qualifier": {"o-sa-diverted-previous"},
    "/api/v1/organisations/?standing=core_member,dual_member&trust_type=specialist": {"RBS", "RBQ", "REP", "REN", "RET"},
    "/api/v1/targets/?operator=gt": {"t-sa-pre-diversion", "t-sa-post-utilisation", "t-sa-post-diversion", "t-pifu"},
    "/api/v1/benefit-figures/?benefit=b-procurement&effect=in_year_effect": {"b-procurement-iye"},
    "/api/v1/programmes/?plan_years=2024-25": {
        "elective-recovery-transformation",
        "diagnostics",
        "clinical-pathways",
        "efficiency-at-scale",
    },
    "/api/v1/funding/?source_workstream=ws-lims": {"f-pacs-cyber"},
    "/api/v1/funding/?amount_gbp=8100000": {"f-endoscopy-transformation"},
    "/api/v1/milestones/?programme=nothing": set(),
}


@pytest.mark.parametrize("path", FINDS)
def test_a_question_finds_what_the_edition_says(path: str, edition: Any, api: Any) -> None:
    rows = api("viewer").get(path).json()["results"]
    assert {row["key"] for row in rows} == FINDS[path]


def test_true_and_false_to_a_question_are_everything(edition: Any, api: Any) -> None:
    client = api("viewer")
    yes, no, all_ = (
        {row["key"] for row in client.get(f"/api/v1/milestones/?page_size=1000{extra}").json()["results"]}
        for extra in ("&overdue=true&on=2024-05-03", "&overdue=false&on=2024-05-03", "")
    )
    assert yes | no == all_ and not yes & no


def test_an_unknown_judgement_is_neither_true_nor_false(edition: Any, api: Any) -> None:
    client = api("viewer")
    yes, no, all_ = (
        {row["key"] for row in client.get(f"/api/v1/observations/?page_size=1000{extra}").json()["results"]}
        for extra in ("&meets_target=true", "&meets_target=false", "")
    )
    assert not yes & no and yes | no < all_
    assert "o-dx-rank" in all_ - yes - no


def test_links_are_keys_with_names_beside_them(edition: Any, api: Any) -> None:
    award = api("viewer").get("/api/v1/milestones/e-lims-contract-award/").json()
    assert award["workstream"] == "ws-lims"
    assert award["workstream_name"] == "Laboratory Information Management System (LIMS)"
    assert award["depends_on"] == ["e-lims-fifth-approval"]
    assert award["source"] == "cmast-update-2024-05"
    assert award["source_lines"] == ["519"]


def test_numbers_are_text_without_padding(edition: Any, api: Any) -> None:
    client = api("viewer")
    assert client.get("/api/v1/observations/o-ae-4h-2024-03/").json()["value"] == "71.9"
    assert client.get("/api/v1/observations/o-65w-2024-03/").json()["value"] == "2053"
    assert client.get("/api/v1/targets/t-rtt-104w-zero/").json()["value"] == "0"


def test_a_trust_is_found_by_its_ods_code(edition: Any, api: Any) -> None:
    trust = api("viewer").get("/api/v1/organisations/RBN/").json()
    assert trust["abbreviation"] == "MWL"
    assert "RBN" not in trust["predecessors"] and len(trust["predecessors"]) == 2


@pytest.mark.parametrize(("format_", "status"), [("application/json", 200), ("*/*", 200), ("application/xml", 406)])
def test_the_answer_is_json_or_a_refusal(format_: str, status: int, edition: Any, api: Any) -> None:
    assert api("viewer").get("/api/v1/programmes/", HTTP_ACCEPT=format_).status_code == status


def test_the_callers_request_id_comes_back_when_it_is_harmless(edition: Any, api: Any) -> None:
    client = api("viewer")
    assert client.get("/api/v1/programmes/", HTTP_X_REQUEST_ID="abc-12345")["X-Request-ID"] == "abc-12345"
    assert client.get("/api/v1/programmes/", HTTP_X_REQUEST_ID="a b\tc")["X-Request-ID"] != "a b\tc"


def test_nothing_on_the_way_may_keep_an_answer(edition: Any, api: Any) -> None:
    assert api("viewer").get("/api/v1/programmes/")["Cache-Control"] == "no-store"
