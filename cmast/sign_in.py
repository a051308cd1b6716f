"""Signing in with a password, and being refused after too many wrong ones."""

import datetime as dt
from typing import Any

from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from cmast.middleware import client_address
from cmast.models.sign_ins import SignInFailure, TooManyFailures


class SignInForm(AuthenticationForm):
    """Name and password. Raises TooManyFailures instead of looking at them once too many were wrong."""

    request: Any

    def clean(self) -> dict[str, Any]:
        name = self.cleaned_data.get("username")
        if not name or not self.cleaned_data.get("password"):
            return super().clean()
        attempt = SignInFailure.objects.attempt(name, client_address(self.request))
        cleaned = super().clean()
        attempt.forgive()
        return cleaned


class SignInView(LoginView):
    """The one page to sign in on, for the admin and the documentation alike."""

    template_name = "sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooManyFailures as refusal:
            return _come_back(request, refusal.wait)


def _come_back(request: HttpRequest, wait: int) -> HttpResponse:
    """The same page whether name or address is refused, and whether anybody has that name."""
    at = timezone.localtime() + dt.timedelta(seconds=wait + 59)  # printed without seconds, so rounded up
    context = {
        "title": "Too many failed sign-ins",
        "detail": (
            "Somebody has given a wrong password too often, with this e-mail address or from where you are. "
            f"Until {at:%H:%M} the right one is refused as well; come back then."
        ),
    }
    response = render(request, "error.html", context, status=429)
    response["Retry-After"] = str(wait)
    return response
