"""Verbs at the desk: a button on the page of a record, a form for what is said with it, and an action over many records."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import AdminTextareaWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models, transaction
from django.forms.models import fields_for_model, model_to_dict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst

from cmast.desk.forms import REASON, STALE, VERSION, ReasonedForm, disguise
from cmast.desk.questions import explain
from cmast.errors import NotForYou, RuleBroken
from cmast.history.context import changing
from cmast.models.verbs import Verb, verbs_of


class VerbForm(forms.Form):
    """What is said with a verb, and why. It is refused for a record that has changed since the form was opened."""

    opened_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, record: Any, verb: Verb, asked: dict[str, forms.Field], data: Any = None) -> None:
        known = model_to_dict(record, verb.asks) if not verb.of else {}
        super().__init__(data, initial={VERSION: record.version, **known})
        self._record = record
        for name, field in asked.items():
            field.required = name in verb.needs
            self.fields[name] = field
        why: Any = ReasonedForm.base_fields[REASON]
        self.fields[REASON] = forms.CharField(
            required=verb.needs_reason, label=why.label, max_length=500, widget=AdminTextareaWidget(attrs={"rows": 2})
        )

    def clean_opened_version(self) -> int | None:
        opened: int | None = self.cleaned_data[VERSION]
        if opened != self._record.version:
            raise ValidationError(STALE, code="stale")
        return opened

    @property
    def said(self) -> dict[str, Any]:
        """The arguments of the verb: what is empty was not said."""
        kept = (VERSION, REASON)
        return {name: value for name, value in self.cleaned_data.items() if name not in kept and value not in (None, "")}

    def refuse(self, error: Exception) -> None:
        """Put what the register says against it beside the field that it is about."""
        if not isinstance(error, ValidationError) or not hasattr(error, "error_dict"):
            self.add_error(None, explain(error))
            return
        for name, found in error.error_dict.items():
            self.add_error(name if name in self.fields else None, [text for one in found for text in one.messages])


class VerbDesk(admin.ModelAdmin):
    """The verbs of a record's model as buttons, and those that need nothing said as actions over many records."""

    formfield_for_dbfield: Callable[..., Any]
    named_records: Callable[[], models.QuerySet]

    @property
    def verbs(self) -> dict[str, Verb]:
        return verbs_of(self.model)

    def get_urls(self) -> list[URLPattern]:
        if not self.verbs:
            return super().get_urls()
        do = path("<path:object_id>/do/<slug:verb>/", self.admin_site.admin_view(self.do_view), name=self._name)
        return [do, *super().get_urls()]

    @property
    def _name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_do"

    def buttons(self, record: Any, person: Any) -> list[tuple[str, str]]:
        """What can be done to this record now: in words, and where."""
        return [
            (verb.says, reverse(f"admin:{self._name}", args=[record.pk, verb.path]))
            for verb in self.verbs.values()
            if verb.is_open_to(record, person) and not verb.refusal(record)
        ]

    def do_view(self, request: HttpRequest, object_id: str, verb: str) -> HttpResponse:
        asked = next((known for known in self.verbs.values() if known.path == verb), None)
        record: Any = self.get_object(request, unquote(object_id))
        if asked is None or record is None:
            raise Http404
        if not self.has_change_permission(request, record):
            raise PermissionDenied
        form = VerbForm(record, asked, self._fields(asked, request), request.POST or None)
        status = 200
        if form.is_valid():
            try:
                with transaction.atomic(), changing(reason=form.cleaned_data[REASON]):
                    getattr(self.model._default_manager.get(pk=record.pk), asked.name)(by=request.user, **form.said)
            except (ValidationError, RuleBroken, NotForYou, IntegrityError) as error:
                form.refuse(error)
                status = 409
            else:
                self.message_user(request, f"{asked.says}: done.", messages.SUCCESS)
                return HttpResponseRedirect(self._page_of(record))
        return self._form_page(request, record, asked, form, status)

    def _fields(self, verb: Verb, request: HttpRequest) -> dict[str, forms.Field]:
        """What the verb asks for, in the fields of the desk of that kind of record."""
        subject = verb.subject(self.model)
        desk: Any = self.admin_site._registry.get(subject, self)

        def field(column: Any, **kwargs: Any) -> Any:
            return desk.formfield_for_dbfield(column, request, **kwargs)

        made = fields_for_model(subject, fields=verb.asks, formfield_callback=field)
        return {name: made[name] for name in verb.asks}

    def _form_page(self, request: HttpRequest, record: Any, verb: Verb, form: VerbForm, status: int) -> HttpResponse:
        any_form: Any = form  # the stubs know of forms of models only
        shown = AdminForm(any_form, [(None, {"fields": [*verb.asks, REASON, VERSION]})], {}, model_admin=self)
        context = {
            **self.admin_site.each_context(request),
            "title": verb.says,
            "opts": self.opts,
            "record": record,
            "record_url": self._page_of(record),
            "verb": verb,
            "form": form,
            "adminform": shown,
            "refusal": verb.refusal(record),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/do.html", context, status=status)

    def _page_of(self, record: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[record.pk])

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        record = context.get("original")
        if record is not None and self.has_change_permission(request, record):
            context["verbs"] = self.buttons(record, request.user)
        return super().render_change_form(request, context, *args, **options)

    # --- Over many records --------------------------------------------------------------------------------------------

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Beside those of the class, the verbs that need nothing said."""
        actions: dict[str, Any] = super().get_actions(request)
        for verb in self.verbs.values():
            if not verb.needs and self.has_change_permission(request):
                actions[verb.name] = (_over_many(verb), verb.name, verb.says)
        return actions


def _over_many(verb: Verb) -> Callable[..., None]:
    """Does the verb to each selected record; what a rule refuses is reported and left as it was."""

    def act(desk: Any, request: HttpRequest, queryset: models.QuerySet) -> None:
        if verb.needs_reason and not request.POST.get(REASON, "").strip():
            desk.message_user(request, f"Nothing was changed. {verb.says} needs a reason: say why.", messages.ERROR)
            return
        done, refused = 0, []
        for record in desk.named_records().filter(pk__in=queryset.values("pk")):
            disguise(record, request.user)
            name = str(record)
            try:
                with transaction.atomic():
                    getattr(record, verb.name)(by=request.user)
                done += 1
            except (ValidationError, RuleBroken, NotForYou, IntegrityError) as error:
                refused.append(f"“{name}” was left as it is: {explain(error)}")
        if done:
            desk.message_user(request, f"{capfirst(verb.says)}: {done} done.", messages.SUCCESS)
        for text in refused:
            desk.message_user(request, text, messages.ERROR)

    act.__name__ = verb.name
    return act
