"""Answers from an e-mail: the pages behind its links, on which one person says one thing about one record.

Each app's `answering` says which kinds of record can be answered for, and how. It is found as `admin` is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core import signing
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from cmast.api.finding import is_editable
from cmast.errors import NotForYou, RuleBroken
from cmast.history.context import Origin, changing
from cmast.middleware import client_address
from cmast.models import AnswerLink, Person, Record, SignInFailure
from cmast.models.sign_ins import TooManyFailures


class Answer(forms.Form):
    """One thing that can be said about a record: the words of its page, its fields, and `act`, which does it."""

    #: In the address.
    name: ClassVar[str]
    #: As a choice, and as the heading of its page.
    says: ClassVar[str]
    hint: ClassVar[str] = ""
    #: (name, words) of its buttons. The name arrives as `pressed`.
    buttons: ClassVar[tuple[tuple[str, str], ...]] = (("send", "Send"),)
    page: ClassVar[str] = "answer/form.html"

    def __init__(self, record: Any, person: Person, data: Any = None) -> None:
        self.record, self.person = record, person
        self.pressed = next((name for name, _ in self.buttons if data is not None and name in data), self.buttons[0][0])
        super().__init__(data, label_suffix="", initial=self.known())
        self.fields = self.asked(self.fields)

    def known(self) -> dict[str, Any]:
        """What the fields begin with."""
        return {}

    def asked(self, fields: dict[str, forms.Field]) -> dict[str, forms.Field]:
        """The fields, where they depend on the record."""
        return fields

    @classmethod
    def fits(cls, record: Any) -> bool:
        """Whether it can be said about this record as it is."""
        return True

    def ends(self) -> bool:
        """Whether that was all: then the link is spent."""
        return True

    def act(self) -> str:
        """Does it, in the transaction and on the locked record. What was said, in a sentence."""
        raise NotImplementedError


@dataclass(frozen=True)
class Topic:
    """A kind of record that people are asked about."""

    model: type[Record]
    #: The question.
    asks: Callable[[Any], str]
    #: What is known: label and text.
    facts: Callable[[Any], list[tuple[str, str]]]
    answers: tuple[type[Answer], ...]
    #: Why nothing is left for this person to answer; empty while something is.
    settled: Callable[[Any, Person], str]


_topics: dict[type[Record], Topic] = {}


def register(topic: Topic) -> None:
    """Makes a kind of record one that can be answered for."""
    _topics[topic.model] = topic


#: Kind of record -> what else is known where people answer for it: a title and lines of text, each from (record, person).
_known_beside: dict[type[Record], list[Callable[[Any, Person], tuple[str, list[str]]]]] = {}


def show_beside(model: type[Record], known: Callable[[Any, Person], tuple[str, list[str]]]) -> None:
    """Shows what another app knows of the place of such a record."""
    _known_beside.setdefault(model, []).append(known)


def known_beside(record: Record, person: Person) -> list[tuple[str, list[str]]]:
    """All that has lines to show."""
    found = [known(record, person) for known in _known_beside.get(type(record), ())]
    return [(title, lines) for title, lines in found if lines]


def can_be_answered(record: Record) -> bool:
    """Whether a link to this kind of record leads anywhere."""
    return type(record) in _topics


class Refused(Exception):
    """The link does not open what it is for. Says why, and what to do instead."""

    def __init__(self, title: str, detail: str, status: int) -> None:
        super().__init__(title)
        self.title, self.detail, self.status = title, detail, status


_NEXT_MAIL = "Your next reminder brings a new link. If it is urgent, reply to the e-mail."


@dataclass(frozen=True)
class Opened:
    """A link that works, with what it is for."""

    link: AnswerLink
    record: Any
    topic: Topic

    @property
    def person(self) -> Person:
        return self.link.person

    @property
    def answers(self) -> list[type[Answer]]:
        return [answer for answer in self.topic.answers if answer.fits(self.record)]

    def form_token(self, answer: type[Answer]) -> str:
        """Goes into the form and comes back: that the page was seen, by this link, with the record as it is now."""
        return signing.dumps([self.link.pk, answer.name, self.record.version], salt="cmast.answer.form")

    def objection(self, answer: type[Answer], token: str) -> str:
        """Why what comes back with this token is not taken as it is; empty when it is."""
        try:
            link, name, version = signing.loads(token, salt="cmast.answer.form", max_age=24 * 60 * 60)
        except signing.SignatureExpired:
            return "This page has been open for more than a day. Check what you have written and send it again."
        except signing.BadSignature:
            return "This did not come from this page. Check what is below and send it again."
        if (link, name) != (self.link.pk, answer.name):
            return "This came from the page of something else. Check what is below and send it again."
        if version != self.record.version:
            return "Somebody has changed this since you opened the page. Check what is below and send it again."
        return ""


def opened(request: HttpRequest, secret: str) -> Opened:
    """What the link leads to. Raises Refused, or TooManyFailures for those who try secrets out."""
    link = AnswerLink.objects.named(secret)
    if link is None:
        SignInFailure.objects.attempt(secret[:100], client_address(request))
        raise Refused("This link is not known", "Copy the whole address from the e-mail and try again.", 404)
    if request.user.is_authenticated and request.user.pk != link.person_id:
        raise Refused(
            "This link is for somebody else",
            f"It was sent to {link.person}. You are signed in as {request.user}, so answer from your own e-mails, "
            "or in the register.",
            403,
        )
    _require_usable(link)
    if not link.person.reach.is_member:
        raise Refused("You no longer have a role here", "Tell the programme office if that is wrong.", 403)
    record: Any = link.find()
    topic = _topics.get(type(record))
    if topic is None:
        raise Refused("This is no longer in the register", "There is nothing for you to do.", 410)
    if why := topic.settled(record, link.person):
        raise Refused("This needs no answer any more", f"{why} There is nothing for you to do.", 410)
    if not is_editable(record, link.person):
        raise Refused(
            "You cannot answer this yourself",
            f"Your role lets you read “{record}” but not change it. Tell the programme office what you know, or reply "
            "to the e-mail.",
            403,
        )
    return Opened(link, record, topic)


def _require_usable(link: AnswerLink) -> None:
    if link.used_at:
        at = timezone.localtime(link.used_at)
        raise Refused(
            "Thank you, we have your answer",
            f"{link.answer} We received this on {at.day} {at:%B %Y at %H:%M}. "
            "If it is wrong, reply to the e-mail, and the programme office will put it right.",
            200,
        )
    if link.revoked_at:
        raise Refused("This link has been withdrawn", _NEXT_MAIL, 410)
    if link.expires_at <= timezone.now():
        raise Refused("This link has run out", _NEXT_MAIL, 410)


@method_decorator(csrf_exempt, name="dispatch")
class AnswerView(View):
    """The pages of a link. A GET shows and changes nothing, so that programs that follow links in e-mails do no harm.

    A POST needs no cookie: the secret of the address and the signed token of the form are what another site cannot know.
    """

    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        try:
            response: Any = super().dispatch(request, *args, **kwargs)
        except Refused as refused:
            context = {"title": refused.title, "detail": refused.detail}
            response = render(request, "answer/refused.html", context, status=refused.status)
        except TooManyFailures as error:
            context = {"title": "Too many wrong links", "detail": "Wait a quarter of an hour, then open the link again."}
            response = render(request, "answer/refused.html", context, status=429)
            response["Retry-After"] = str(error.wait)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex, nofollow"
        # Django would log a refusal with its address, and the secret is in the address.
        response._has_been_logged = True
        return response

    def get(self, request: HttpRequest, secret: str, answer: str = "") -> HttpResponse:
        found = opened(request, secret)
        if not answer and len(found.answers) == 1:
            return HttpResponseRedirect(reverse("answer-by", args=[secret, found.answers[0].name]))
        if not answer:
            return render(request, "answer/choose.html", self._context(found, secret))
        kind = self._kind(found, answer)
        return self._page(request, found, secret, kind(found.record, found.person))

    def post(self, request: HttpRequest, secret: str, answer: str = "") -> HttpResponse:
        found = opened(request, secret)
        kind = self._kind(found, answer)
        form = kind(found.record, found.person, request.POST)
        if why := found.objection(kind, request.POST.get("form_token", "")):
            form.add_error(None, why)
            return self._page(request, found, secret, form, 409)
        if not form.is_valid():
            return self._page(request, found, secret, form, 422)
        try:
            with transaction.atomic(), changing(actor=lambda: found.person.key, origin=Origin.ANSWER):
                self._act(found, form)
        except (ValidationError, RuleBroken, NotForYou, IntegrityError) as error:
            _explain(form, error)
            return self._page(request, found, secret, form, 409)
        return HttpResponseRedirect(request.path if not form.ends() else reverse("answer", args=[secret]), status=303)

    @staticmethod
    def _act(found: Opened, form: Answer) -> None:
        """Does it, looks whether it was theirs to do, and spends the link, or nothing of that."""
        said = form.act()
        if not is_editable(found.record, found.person):
            raise NotForYou("You may read this but not change it.")
        if form.ends() and not found.link.spend(said):
            raise RuleBroken("used", "This link has just been used. Reload the page to see what was answered.")

    @staticmethod
    def _kind(found: Opened, name: str) -> type[Answer]:
        for answer in found.answers:
            if answer.name == name:
                return answer
        raise Refused("This cannot be said here", "Go back to the first page of the link in the e-mail.", 404)

    def _page(self, request: HttpRequest, found: Opened, secret: str, form: Answer, status: int = 200) -> HttpResponse:
        context = self._context(found, secret) | {"form": form, "form_token": found.form_token(type(form))}
        return render(request, form.page, context, status=status)

    @staticmethod
    def _context(found: Opened, secret: str) -> dict[str, Any]:
        return {
            "question": found.topic.asks(found.record),
            "facts": [(label, text) for label, text in found.topic.facts(found.record) if text],
            "choices": [
                (answer.says, answer.hint, reverse("answer-by", args=[secret, answer.name])) for answer in found.answers
            ],
            "first_page": reverse("answer", args=[secret]),
            "record": found.record,
            "person": found.person,
        }


def _explain(form: Answer, error: Exception) -> None:
    """Put what the register says against it beside the field that it is about."""
    if isinstance(error, IntegrityError):
        form.add_error(None, "The register refuses this: it breaks one of its rules.")
    elif isinstance(error, ValidationError) and hasattr(error, "error_dict"):
        for name, found in error.error_dict.items():
            field = name if name in form.fields else NON_FIELD_ERRORS
            form.add_error(None if field == NON_FIELD_ERRORS else field, [text for one in found for text in one.messages])
    else:
        form.add_error(None, getattr(error, "message", "") or str(error))
