"""What the desks for programmes say in words, and the checklist of a closure on a page."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from cmast.desk.columns import NOTHING
from programmes.models.closing import checklist


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


class ClosureDesk(admin.ModelAdmin):
    """A page that shows what a closure has to settle, with a link to each record."""

    change_form_template = "admin/closure_change_form.html"

    def closed_by(self, record: Any) -> Any:
        """The programme, workstream or forum that is closed."""
        return record

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if obj is not None:
            found = checklist(self.closed_by(obj), request.user)
            context["checklist"] = found
            context["checklist_items"] = [(item, self._page_of_item(item.record)) for item in found.items]
            context["is_ending"] = found.closure is not None or found.subject.status in ("closing", "closed")
        return super().render_change_form(request, context, add, change, form_url, obj)

    @staticmethod
    def _page_of_item(record: Any) -> str:
        return reverse(f"admin:{record._meta.app_label}_{record._meta.model_name}_change", args=[record.pk])
