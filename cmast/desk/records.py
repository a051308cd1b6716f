"""What every kind of record has in common in the admin."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.utils import flatten, get_fields_from_path
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import IntegrityError, models, transaction
from django.forms import Field, ModelChoiceField, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst

from cmast.desk import conflicts, deleting, forms
from cmast.desk.columns import label
from cmast.desk.history import HistoryDesk
from cmast.desk.questions import Attention, explain, question_filter
from cmast.desk.verbs import VerbDesk
from cmast.errors import RuleBroken
from cmast.history.context import changing
from cmast.models import Record
from cmast.models.fields import NumberField, WordListField
from cmast.models.restrictions import belongs_to

#: What each record carries besides its facts; the last part of every form.
ORIGIN = (
    ("source", "source_lines"),
    "printed_as",
    "inferred",
    "note",
    ("external_source", "external_id"),
    ("version", "created_at", "updated_at"),
)

#: Where a record belongs: a row of its form.
PLACE = ("workstream", "programme")

OPTIONAL = True


class Humane(admin.options.BaseModelAdmin):
    """Form fields that a person can fill in, without a query per row for their names."""

    form: type[ModelForm] = forms.RecordForm

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Field | None:
        kwargs.setdefault("label", label(str(db_field.verbose_name)))
        if isinstance(db_field, WordListField):
            common = {"required": False, "label": kwargs["label"], "help_text": db_field.help_text}
            if db_field.words:
                return forms.WordListChoices(choices=db_field.words.choices, **common)
            return forms.TextListField(**common)
        if isinstance(db_field, NumberField):
            kwargs["form_class"] = forms.PlainDecimalField
        if isinstance(db_field, models.URLField):
            kwargs["assume_scheme"] = "https"
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field and isinstance(field.widget, RelatedFieldWidgetWrapper):
            # Beside a choice, nobody looks for a button that deletes what is chosen.
            field.widget.can_delete_related = field.widget.can_view_related = False
        return field

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey, request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField | None:
        kwargs.setdefault("widget", forms.KnownAutocomplete(db_field, self.admin_site, using=kwargs.get("using")))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(field.name for field in self.model._meta.many_to_many)

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> models.QuerySet:
        """Records of another kind that this person may see, with what their names are made of."""
        kind: Any = db_field.remote_field.model
        return joined(kind._default_manager.visible_to(request.user), named_by(self.admin_site, kind))

    def relations(self, names: Iterable[Any]) -> set[str]:
        """What must be joined so that the relations among these fields can be named without further queries."""
        paths = set()
        for name in names:
            try:
                field = self.model._meta.get_field(name)
            except (FieldDoesNotExist, TypeError):
                continue
            if isinstance(field, models.ForeignKey):
                paths |= {name, *(f"{name}__{path}" for path in named_by(self.admin_site, field.related_model))}
        return paths


def named_by(site: admin.AdminSite, model: type[models.Model]) -> tuple[str, ...]:
    """The relations that the name of a record of this kind is made of."""
    return getattr(site._registry.get(model), "named_by", ())


def _is_filled(record: Any, name: str) -> bool:
    return record is not None and getattr(record, record._meta.get_field(name).attname) not in (None, "", [])


def joined(records: models.QuerySet, paths: Iterable[str]) -> models.QuerySet:
    """With these relations, and no others: Django takes an empty list for all of them."""
    return records.select_related(*paths) if paths else records


class RecordInline(Humane, admin.TabularInline):
    """Records that belong to the one on the page: the columns one works with, and a link to the rest."""

    formset = forms.RowFormSet
    extra = 0
    show_change_link = True
    fields: ClassVar[tuple[str, ...]]
    #: Relations that the names of the rows are made of, besides the fields shown.
    named_by: tuple[str, ...] = ()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return (*self.fields, forms.VERSION)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        formset: Any = super().get_formset(request, obj, **kwargs)
        formset.form.person = request.user
        return formset

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        rows: Any = super().get_queryset(request)
        return joined(rows.visible_to(request.user), {*self.relations(self.fields), *self.named_by})


class OpenList(ChangeList):
    """A list whose rows do not tell of linked records that this person may not see."""

    def get_queryset(self, request: HttpRequest, *args: Any, **options: Any) -> models.QuerySet:
        """Whoever asks for the rows of a hidden record finds none."""
        rows = super().get_queryset(request, *args, **options)
        caller: Any = request.user
        for path, kind in linked_by(self.model, request.GET) if caller.reach.hidden else ():
            rows = rows.exclude(caller.reach.hidden.condition(kind, f"{path}__"))
        return rows

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        caller: Any = request.user
        for record in self.result_list if caller.reach.hidden else ():
            for name in forms.hidden_links(record, list(record._state.fields_cache), caller):
                setattr(record, name, None)


def linked_by(model: Any, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """The relations that these lookups lead through, with the kind of record at their ends."""
    for name in names:
        kind, path = model, []
        for part in name.split("__"):
            field = next((field for field in kind._meta.get_fields() if field.name == part and field.related_model), None)
            if field is None:
                break
            kind = field.related_model
            path.append(part)
            yield "__".join(path), kind


class OpenRelationFilter(admin.RelatedFieldListFilter):
    """A filter whose choices are the records that this person may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        kind: Any = field.related_model
        named = named_by(model_admin.admin_site, kind)
        return [(record.pk, str(record)) for record in joined(kind._default_manager.visible_to(request.user), named)]


class RecordAdmin(VerbDesk, HistoryDesk, Humane, admin.ModelAdmin):
    """A kind of record.

    `sections` are the parts of its form in the words of the domain: title, fields, and `OPTIONAL` for a part that is closed
    while nothing in it is filled in. Where the record comes from follows by itself. `questions` become filters, `attention`
    goes to the index page and to the page of its programme.
    """

    #: Heading on the index page.
    group: ClassVar[str] = ""
    form = forms.ReasonedForm
    action_form = forms.ReasonedActionForm
    sections: ClassVar[tuple[tuple[Any, ...], ...]] = ()
    questions: ClassVar[tuple[str, ...]] = ()
    attention: ClassVar[tuple[Attention, ...]] = ()
    #: A part of another record, reached from there and not from the index page.
    is_detail: ClassVar[bool] = False
    #: Relations that `__str__` reads.
    named_by: ClassVar[tuple[str, ...]] = ()
    #: Further relations that the columns of the list read.
    also_read: ClassVar[tuple[str, ...]] = ()
    #: Relations to many that the columns of the list read.
    also_fetch: ClassVar[tuple[Any, ...]] = ()

    #: Order of its records on the index page: the most urgent first.
    urgency: ClassVar[tuple[Any, ...]] = ("pk",)

    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER
    save_on_top = False

    # --- Lists --------------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> models.QuerySet:
        """With what the list shows: its relations and what is computed for today."""
        paths = {*self.relations(self.get_list_display(request)), *self.named_by, *self.also_read}
        records: Any = super().get_queryset(request)
        records = joined(records.visible_to(request.user), paths)
        return records.prefetch_related(*self.also_fetch).with_computed(timezone.localdate())

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        places = [path for path in self.model.writers.values() if path.split("__")[-1] in PLACE]
        listed = [self._open_filter(name) for name in (*self.list_filter, *places)]
        return [*map(question_filter, self.questions), *listed]

    def _open_filter(self, name: Any) -> Any:
        is_relation = isinstance(name, str) and get_fields_from_path(self.model, name)[-1].is_relation
        return (name, OpenRelationFilter) if is_relation else name

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        names = tuple(self.search_fields) or ("key", self.model.label_field)
        return tuple(name for name in names if not self._leads_to_hidden(name, request))

    def _leads_to_hidden(self, name: str, request: HttpRequest) -> bool:
        """Whether a search in this field would find records by the names of linked ones that this person may not see."""
        link, *further = name.split("__")
        kind = self.model._meta.get_field(link).related_model if further else None
        caller: Any = request.user
        model: Any = self.model
        return kind is not None and link not in belongs_to(model) and any(caller.reach.hidden.paths(kind))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": capfirst(self.opts.verbose_name_plural), "has_history": True, **(extra_context or {})}
        try:
            with changing(reason=said_reason(request)):
                return super().changelist_view(request, context)
        except models.ProtectedError:
            return self._refuse_deletion(request)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        record = super().get_object(request, object_id, from_field)
        if record is not None:
            forms.disguise(record, request.user)
        return record

    def named_records(self) -> models.QuerySet:
        """Records with all that they point at, so that many of them can be checked and saved in a row."""
        names = [field.name for field in self.model._meta.concrete_fields]
        return joined(self.model._default_manager.order_by("pk"), self.relations(names))

    def when(self, record: Any) -> str:
        """The date to show beside a record on the index page, in words."""
        return ""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return OpenList

    # --- Forms --------------------------------------------------------------------------------------------------------

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        parts = []
        for title, fields, *optional in self.sections:
            is_closed = optional and not any(_is_filled(obj, name) for name in flatten(fields))
            parts.append((title, {"fields": fields, "classes": ("collapse",) if is_closed else ()}))
        key = () if any("key" in flatten(fields) for _, fields, *_ in self.sections) else ("key",)
        parts.append(("Where it comes from", {"fields": (*key, *ORIGIN, forms.VERSION), "classes": ("collapse",)}))
        return parts

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.person = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        fixed = ("key",) if obj else ()
        return (*self.readonly_fields, *fixed, "version", "created_at", "updated_at")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A rule that only saving can check is said on the page, and nothing is saved."""
        named = self.opts.verbose_name
        context = {"title": capfirst(named) if object_id else f"Add {named}", **(extra_context or {})}
        if request.method != "POST":
            return super().changeform_view(request, object_id, form_url, context)
        try:
            with transaction.atomic(), changing(reason=said_reason(request)):
                self._lock(object_id)
                return super().changeform_view(request, object_id, form_url, context)
        except (ValidationError, RuleBroken, IntegrityError) as error:
            self.message_user(request, f"Nothing was saved: {explain(error)}", messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            with changing(reason=said_reason(request)):
                return super().delete_view(request, object_id, extra_context)
        except models.ProtectedError:
            return self._refuse_deletion(request)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> deleting.Deleted:
        """The page that asks whether to delete names what goes along, but nothing that is hidden."""
        caller: Any = request.user
        if not caller.reach.hidden or not objs:
            return super().get_deleted_objects(objs, request)
        return deleting.deleted_with(objs, request, self.admin_site)

    def _refuse_deletion(self, request: HttpRequest) -> HttpResponse:
        """For what only a hidden record keeps from being deleted."""
        self.message_user(request, "Nothing was deleted: other records refer to it.", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def _lock(self, object_id: str | None) -> None:
        """From here on nobody else changes the record or its rows, so what is compared now is what is overwritten.

        Rows first: who changes a row elsewhere also locks it before the version of this record moves with it.
        """
        if object_id is None or not object_id.isdecimal():
            return
        for row in self.inlines:
            fields = row.model._meta.concrete_fields
            link = row.fk_name or next(field.name for field in fields if field.related_model is self.model)
            list(row.model._default_manager.filter(**{link: object_id}).order_by("pk").select_for_update().values("pk"))
        list(self.model._default_manager.filter(pk=object_id).select_for_update().values("pk"))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> HttpResponse:
        form = context["adminform"].form
        formsets = [shown.formset for shown in context["inline_admin_formsets"]]
        if form.is_bound:
            if found := conflicts.clashes(form, formsets, request.user):
                return self._conflict_page(request, found, list(conflicts.resubmitted(request.POST, form, formsets)))
            if not form.has_error(forms.REASON) and any(rows.lacks_reason for rows in formsets):
                form.add_error(forms.REASON, "Say why: a row above changes in a date, status, RAG, score or target.")
        return super().render_change_form(request, context, *args, **options)

    def _conflict_page(self, request: HttpRequest, found: list[conflicts.Clash], data: list[tuple[str, str]]) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Somebody else has changed this {self.opts.verbose_name}",
            "opts": self.opts,
            "clashes": found,
            "data": data,
            "url": request.get_full_path(),
        }
        return TemplateResponse(request, "admin/conflict.html", context, status=HTTPStatus.CONFLICT)


def said_reason(request: HttpRequest) -> str:
    """Why, in the words of whoever sends the form, without what PostgreSQL cannot keep."""
    return request.POST.get(forms.REASON, "").replace("\0", "").strip()


def inline(model: type[Record], *fields: str, link: str | None = None, **options: Any) -> type[RecordInline]:
    """An inline with these columns; `link` is its relation to the page's record where there are several."""
    return type(f"{model.__name__}Inline", (RecordInline,), {"model": model, "fields": fields, "fk_name": link, **options})
