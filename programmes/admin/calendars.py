"""Desk for the calendars that people subscribe to."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from cmast.desk.columns import tag
from cmast.desk.groups import PEOPLE
from cmast.desk.records import RecordAdmin
from programmes.calendars import address_of
from programmes.models import CalendarFeed


class CalendarFeedAdmin(RecordAdmin):
    """The address is shown once, when a calendar is made or renewed."""

    group = PEOPLE
    list_display = ("name", "owner", "programme", "forum", tag("status"))
    list_filter = ("programme", "status")
    search_fields = ("name", "key", "owner__name", "programme__name", "forum__name")
    readonly_fields = ("owner", "status")
    sections = ((None, ("name", ("programme", "forum"), ("owner", "status"))),)
    actions = ("renew",)

    def save_model(self, request: HttpRequest, obj: CalendarFeed, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            self._show_address(request, obj)

    @admin.action(description="Renew the address", permissions=["change"])
    def renew(self, request: HttpRequest, queryset: QuerySet[CalendarFeed]) -> None:
        for feed in queryset:
            self._show_address(request, feed)

    def _show_address(self, request: HttpRequest, feed: CalendarFeed) -> None:
        said = f"The address of “{feed}” is {address_of(feed.renew())} – copy it now, it is not shown again."
        self.message_user(request, said, messages.WARNING)
