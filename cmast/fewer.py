"""Fewer reminders: whoever does not want to be reminded ahead of dates says so from the mail, or with one click (RFC 8058)."""

from typing import Any

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from cmast.history.context import Origin, changing
from cmast.links import FEWER
from cmast.models import Person, RecordQuerySet, ReminderRule, Suppression


@method_decorator(csrf_exempt, name="dispatch")
class FewerView(View):
    """A GET shows what would stop. A POST stops it: mail programs send it without cookie and form, and must not be redirected.

    The address does not end. It can do nothing but decline what may be declined, for the person that it was made for.
    """

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().dispatch(request, *args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    def get(self, request: HttpRequest, secret: str) -> HttpResponse:
        return self._page(request, *_named(secret))

    def post(self, request: HttpRequest, secret: str) -> HttpResponse:
        person, rules = _named(secret)
        if person is not None:
            with changing(actor=lambda: person.key, origin=Origin.ANSWER, reason="Declined from a mail"):
                Suppression.objects.decline(person, rules)
        return self._page(request, person, rules)

    def _page(self, request: HttpRequest, person: Person | None, rules: RecordQuerySet) -> HttpResponse:
        if person is None:
            context = {"title": "This link is not known", "detail": "Copy the whole address from the e-mail and try again."}
            return render(request, "answer/refused.html", context, status=404)
        declined = set(person.suppressions.filter(rule__in=rules).values_list("rule", flat=True))
        left = [rule for rule in rules if rule.pk not in declined]
        return render(request, "answer/fewer.html", {"person": person, "rules": rules, "left": left})


def _named(secret: str) -> tuple[Person | None, RecordQuerySet]:
    """Whose address it is, and which of its rules may be declined today."""
    try:
        pk, rules = signing.loads(secret, salt=FEWER)
    except signing.BadSignature:
        return None, ReminderRule.objects.none()
    person = Person.objects.filter(pk=pk, is_active=True).first()
    return person, ReminderRule.objects.filter(pk__in=rules, is_optional=True).order_by("name")
