"""The checks by which PostgreSQL refuses a word that a column does not know.

Django moves the checks of its own types of columns only, so a word that an enumeration gains or loses would reach the model
but not the database. SQLite makes the table anew, with the check as it is now.
"""

import re
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.models import Model

from cmast.models.fields import WordField

#: Checks of one column: table, column, name and text.
_STORED = """
SELECT held.relname, named.attname, rule.conname, pg_get_constraintdef(rule.oid)
FROM pg_constraint rule
JOIN pg_class held ON held.oid = rule.conrelid
JOIN pg_attribute named ON named.attrelid = held.oid AND named.attnum = rule.conkey[1]
WHERE rule.contype = 'c' AND cardinality(rule.conkey) = 1 AND held.relnamespace = current_schema()::regnamespace
"""


def move_checks(using: str, **_: Any) -> None:
    """After `migrate`: each column of words takes the words of its model, and no others."""
    database: Any = connections[using]
    if database.vendor != "postgresql":
        return
    with database.schema_editor() as editor:
        for model, field, name in stale(database):
            editor.execute(editor._delete_check_sql(model, name))
            editor.execute(editor._create_check_sql(model, name, field.db_check(database)))


def stale(database: Any) -> list[tuple[type[Model], WordField, str]]:
    """Model, field and name of each check whose words are not those of the model."""
    with database.cursor() as cursor:
        cursor.execute(_STORED)
        stored = cursor.fetchall()
    fields = {
        (model._meta.db_table, field.column): (model, field)
        for model in apps.get_models()
        for field in model._meta.local_concrete_fields
        if isinstance(field, WordField)
    }
    found = []
    for table, column, name, text in stored:
        model, field = fields.get((table, column), (None, None))
        if model is None or field is None or name in {rule.name for rule in model._meta.constraints}:
            continue
        if set(re.findall("'([^']*)'::", text)) != {str(word) for word, _ in field.flatchoices}:
            found.append((model, field, name))
    return found
