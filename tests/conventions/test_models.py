"""What holds for every model, and stands in the database, where nobody can walk around it."""

import inspect
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models, transaction

from cmast.models import ApiToken, JobRun, Record
from cmast.models.fields import FinancialYearField, WordField
from cmast.models.records import RecordQuerySet
from cmast.urls import api as router
from cmast.word_checks import move_checks, stale
from tests.factories import FACTORIES

RECORDS: list[Any] = [model for model in apps.get_models() if issubclass(model, Record)]
OURS: list[Any] = [*RECORDS, ApiToken, JobRun]
WORDS = [(model, field) for model in RECORDS for field in model._meta.concrete_fields if isinstance(field, WordField)]
YEARS = [(model, field) for model in RECORDS for field in model._meta.concrete_fields if isinstance(field, FinancialYearField)]


def name(model: Any) -> str:
    return model._meta.label


def refused(model: Any, pk: int, **values: Any) -> bool:
    """Whether the database itself refuses a change that no Python code looks at."""
    columns = ", ".join(f"{connection.ops.quote_name(column)} = %s" for column in values)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE {model._meta.db_table} SET {columns} WHERE id = %s", [*values.values(), pk])
            connection.check_constraints()
    except IntegrityError:
        return True
    return False


@pytest.mark.parametrize("model", RECORDS, ids=name)
def test_every_record_has_an_endpoint_a_factory_and_rights(model: Any) -> None:
    assert model in {viewset.queryset.model for _, viewset, _ in router.registry}
    assert model in FACTORIES
    assert isinstance(model.objects.all(), RecordQuerySet)
    for path in model.writers.values():
        model.objects.filter(**{f"{path}__in": [1]})


@pytest.mark.parametrize("model", OURS, ids=name)
def test_every_field_is_explained(model: Any) -> None:
    for field in (*model._meta.local_fields, *model._meta.local_many_to_many):
        inherited = model is ApiToken and field.name in ("digest", "token_key", "user", "created", "expiry")
        if not field.primary_key and not inherited and field.name not in ("password", "last_login"):
            assert field.help_text, f"{model.__name__}.{field.name}"


@pytest.mark.parametrize("model", RECORDS, ids=name)
def test_every_model_says_what_it_is(model: Any) -> None:
    assert inspect.getdoc(model)
    assert not inspect.getdoc(model).startswith(f"{model.__name__}(")
    assert model._meta.verbose_name and model._meta.verbose_name_plural


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite makes the table anew where its words change")
def test_the_checks_of_words_go_with_their_models_after_each_migration(db: None) -> None:
    assert stale(connection) == []
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE programmes_programme DROP CONSTRAINT programmes_programme_status_check")
        few = "status IN ('active', 'closed', 'planned', 'reporting_only')"
        cursor.execute(f"ALTER TABLE programmes_programme ADD CONSTRAINT few CHECK ({few})")
    assert [name for _, _, name in stale(connection)] == ["few"]
    move_checks("default")
    assert stale(connection) == []


@pytest.mark.parametrize(("model", "field"), WORDS, ids=lambda value: getattr(value, "name", getattr(value, "__name__", "")))
def test_the_database_refuses_a_word_that_is_not_in_the_vocabulary(model: Any, field: Any, make: Any) -> None:
    assert refused(model, make(model).pk, **{field.column: "nonsense"})


@pytest.mark.parametrize(("model", "field"), YEARS, ids=lambda value: getattr(value, "name", getattr(value, "__name__", "")))
@pytest.mark.parametrize("year", ["2024-25", "2024/26", "24/25"])
def test_the_database_refuses_a_financial_year_in_another_spelling(model: Any, field: Any, year: str, make: Any) -> None:
    assert refused(model, make(model).pk, **{field.column: year})


@pytest.mark.parametrize("model", RECORDS, ids=name)
def test_the_database_refuses_two_records_with_one_key(model: Any, make: Any) -> None:
    first, second = make(model), make(model)
    assert refused(model, second.pk, key=first.key)


@pytest.mark.parametrize("model", RECORDS, ids=name)
def test_every_constraint_says_in_words_what_it_wants(model: Any) -> None:
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            assert constraint.violation_error_message != constraint.default_violation_error_message, constraint.name


@pytest.mark.parametrize("model", RECORDS, ids=name)
def test_every_date_field_is_named_so(model: Any) -> None:
    for field in model._meta.concrete_fields:
        if isinstance(field, models.DateTimeField):
            assert field.name.endswith("_at") or field.name == "last_login"
        elif isinstance(field, models.DateField):
            assert field.name.endswith("_on") or field.name in ("valid_from", "valid_to")
        elif isinstance(field, models.BooleanField):
            assert field.name.startswith(("is_", "has_")) or field.name == "counts_towards_target"
