"""The admin site: its index page says how the programmes stand and what needs attention today."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value, Window
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify

from cmast.desk.groups import GROUPS
from cmast.desk.questions import Attention
from cmast.desk.records import RecordAdmin, joined
from cmast.models import Note, NoteSubject

#: How many records of each concern the index page names.
NAMED = 4


class RegisterSite(admin.AdminSite):
    """The PMO's desk."""

    site_header = "CMAST register"
    site_title = "CMAST register"
    index_title = "Today"
    site_url = None
    empty_value_display = "–"

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Strangers sign in on the product's own page; who is signed in and comes here is not of the PMO."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))

    # --- Navigation ---------------------------------------------------------------------------------------------------

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The kinds of record under the headings of the domain."""
        found = super().get_app_list(request, app_label)
        if app_label:
            return found
        pages: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
        for page in (page for app in found for page in app["models"]):
            desk: Any = self._registry[page["model"]]
            if not getattr(desk, "is_detail", False):
                pages[desk.group].append(page)
        order = list(self._registry)
        return [
            {
                "name": group,
                "app_label": slugify(group),
                "app_url": f"{reverse('admin:index')}#{slugify(group)}",
                "has_module_perms": True,
                "models": sorted(listed, key=lambda page: order.index(page["model"])),
            }
            for group, listed in pages.items()
            if listed
        ]

    # --- Index page ---------------------------------------------------------------------------------------------------

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        today = timezone.localdate()
        context = {"today": today, "programmes": self._programmes(request, today), "concerns": self._concerns(request, today)}
        return super().index(request, {**context, **(extra_context or {})})

    def _record_desks(self) -> list[RecordAdmin]:
        return [desk for desk in self._registry.values() if isinstance(desk, RecordAdmin)]

    def _desks(self, area: str) -> Iterator[tuple[RecordAdmin, str]]:
        """The kinds of record that belong to a programme or a workstream, with the path that leads there."""
        for desk in self._record_desks():
            if not desk.is_detail and (path := desk.model.writers.get(area, "id")) != "id":
                yield desk, path

    def _concerns(self, request: HttpRequest, today: dt.date) -> list[dict[str, Any]]:
        """Each concern with its number and its first few records, in one query each."""
        concerns = []
        desks: list[Any] = list(self._registry.values())
        for desk in desks:
            for concern in _titled(desk):
                matching = _seen(desk.model, request).filter(pk__in=concern.matching(desk.model, today).order_by().values("pk"))
                records = joined(matching, desk.named_by).annotate(matching=Window(Count("pk"))).order_by(*desk.urgency)[:NAMED]
                concerns.append(
                    {
                        "concern": concern,
                        "number": max((record.matching for record in records), default=0),
                        "url": f"{_list_url(desk)}?{concern.query}",
                        "records": [(record, page_url(record), desk.when(record)) for record in records],
                    }
                )
        return sorted(concerns, key=lambda found: (not found["number"], found["concern"].order))

    def _programmes(self, request: HttpRequest, today: dt.date) -> dict[str, Any]:
        """The table of programmes: one query for all numbers, one for the queries about anything in them."""
        columns = [
            (desk, path, concern) for desk, path in self._desks("programme") for concern in desk.attention if concern.column
        ]
        columns.sort(key=lambda column: column[2].order)
        numbers = {
            f"number_{index}": counted(_seen(desk.model, request), path, concern.matching(desk.model, today))
            for index, (desk, path, concern) in enumerate(columns)
        }
        queries = self._open_queries(request)
        programmes = _seen(apps.get_model("programmes", "Programme"), request).annotate(**numbers)
        rows = []
        for programme in programmes:
            cells = [
                (getattr(programme, f"number_{index}"), _filtered(desk, path, programme.pk, concern.query))
                for index, (desk, path, concern) in enumerate(columns)
            ]
            rows.append({"programme": programme, "url": page_url(programme), "cells": cells, "queries": queries[programme.pk]})
        return {"headings": [concern.column for *_, concern in columns], "rows": rows}

    def _open_queries(self, request: HttpRequest) -> Counter[int]:
        """Programme -> how many open queries are about a record of it, whatever its kind."""
        parts = []
        for desk, path in self._desks("programme"):
            named = desk.model._meta.verbose_name.replace(" ", "_")
            parts.append(_queries_about(named, _seen(desk.model, request), path))
        parts.append(_queries_about("programme", _seen(apps.get_model("programmes", "Programme"), request), "pk"))
        found = parts[0].union(*parts[1:])
        return Counter(programme for _, programme in found if programme is not None)

    # --- Everything under a programme or workstream -------------------------------------------------------------------

    def under(self, request: HttpRequest, record: Model) -> list[dict[str, Any]]:
        """Numbers and links of all kinds of record under a programme or a workstream, in one query."""
        today = timezone.localdate()
        desks = list(self._desks(str(record._meta.model_name)))
        numbers = {}
        for index, (desk, path) in enumerate(desks):
            numbers[f"all_{index}"] = counted(_seen(desk.model, request), path)
            for turn, concern in enumerate(_titled(desk)):
                matching = concern.matching(desk.model, today)
                numbers[f"concern_{index}_{turn}"] = counted(_seen(desk.model, request), path, matching)
        found = type(record)._default_manager.values(**numbers).get(pk=record.pk)
        return [
            {
                "name": desk.model._meta.verbose_name_plural,
                "number": found[f"all_{index}"],
                "url": _filtered(desk, path, record.pk),
                "concerns": [
                    (concern.title, number, _filtered(desk, path, record.pk, concern.query))
                    for turn, concern in enumerate(_titled(desk))
                    if (number := found[f"concern_{index}_{turn}"])
                ],
            }
            for index, (desk, path) in enumerate(desks)
        ]


def _titled(desk: Any) -> list[Attention]:
    return [concern for concern in getattr(desk, "attention", ()) if concern.title]


def _seen(model: Any, request: HttpRequest) -> QuerySet:
    """The records of a kind that this person may see."""
    return model._default_manager.visible_to(request.user)


def counted(seen: QuerySet, path: str, matching: QuerySet | None = None) -> Coalesce:
    """How many of these records, or how many of the matching ones, belong to the outer row by this path."""
    records = seen.filter(**{path: OuterRef("pk")}).order_by()
    if matching is not None:
        records = records.filter(pk__in=matching.order_by().values("pk"))
    numbers = records.values(path).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(numbers, output_field=IntegerField()), Value(0))


def _queries_about(named: str, seen: QuerySet, path: str) -> QuerySet:
    programme = Subquery(seen.filter(key=OuterRef("record_key")).order_by().values(path)[:1])
    unanswered = Q(about_note__kind=Note.Kind.QUERY, about_note__status=Note.Status.OPEN)
    subjects = NoteSubject.objects.filter(unanswered, record_type=named).order_by()
    return subjects.annotate(programme=programme).values_list("about_note", "programme")


def _list_url(desk: admin.ModelAdmin) -> str:
    return reverse(f"admin:{desk.opts.app_label}_{desk.opts.model_name}_changelist")


def _filtered(desk: admin.ModelAdmin, path: str, pk: int, query: str = "") -> str:
    return f"{_list_url(desk)}?{path}__id__exact={pk}" + (f"&{query}" if query else "")


def page_url(record: Model) -> str:
    """The page of a record."""
    return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
