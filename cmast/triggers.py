"""Rules across tables that neither database can state as a constraint, held by row triggers on both.

One rule so far: a record that names a workstream belongs to that workstream's programme. Programme and workstream are both
stored, because nearly every question asks for one of them; the triggers refuse a pair that disagrees, and move the records
along when a workstream moves to another programme. SQLite drops triggers whenever a migration rebuilds a table, so they are
made again after every migration.
"""

from typing import Any

from django.apps import apps
from django.db import connections

from cmast.models.records import Record

_SQLITE = [
    """CREATE TRIGGER {name}_insert BEFORE INSERT ON {child}
       WHEN NEW.{link} IS NOT NULL AND NEW.{shared} IS NOT (SELECT {shared} FROM {parent} WHERE id = NEW.{link})
       BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END""",
    """CREATE TRIGGER {name}_update BEFORE UPDATE OF {link}, {shared} ON {child}
       WHEN NEW.{link} IS NOT NULL AND NEW.{shared} IS NOT (SELECT {shared} FROM {parent} WHERE id = NEW.{link})
       BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {name}'); END""",
    """CREATE TRIGGER {name}_follow AFTER UPDATE OF {shared} ON {parent} WHEN NEW.{shared} IS NOT OLD.{shared}
       BEGIN UPDATE {child} SET {shared} = NEW.{shared}, version = version + 1 WHERE {link} = NEW.id; END""",
]
_POSTGRESQL = [
    """CREATE FUNCTION {name}_check() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF NEW.{link} IS NOT NULL
            AND NEW.{shared} IS DISTINCT FROM (SELECT {shared} FROM {parent} WHERE id = NEW.{link}) THEN
           RAISE EXCEPTION 'new row violates check constraint "{name}"' USING ERRCODE = 'check_violation';
         END IF;
         RETURN NEW;
       END $$""",
    "CREATE TRIGGER {name}_insert BEFORE INSERT OR UPDATE OF {link}, {shared} ON {child} "
    "FOR EACH ROW EXECUTE FUNCTION {name}_check()",
    """CREATE FUNCTION {name}_move() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         UPDATE {child} SET {shared} = NEW.{shared}, version = version + 1 WHERE {link} = NEW.id;
         RETURN NULL;
       END $$""",
    "CREATE TRIGGER {name}_follow AFTER UPDATE OF {shared} ON {parent} FOR EACH ROW "
    "WHEN (NEW.{shared} IS DISTINCT FROM OLD.{shared}) EXECUTE FUNCTION {name}_move()",
]


def _rules() -> list[dict[str, str]]:
    rules = []
    for model in apps.get_models():
        if not issubclass(model, Record):
            continue
        for link, shared in model.follows:
            link_field: Any = model._meta.get_field(link)
            shared_field: Any = model._meta.get_field(shared)
            rules.append(
                {
                    "name": f"{model._meta.db_table}_{link}_{shared}",
                    "child": model._meta.db_table,
                    "parent": link_field.related_model._meta.db_table,
                    "link": link_field.column,
                    "shared": shared_field.column,
                }
            )
    return rules


def install(using: str = "default", **_: Any) -> None:
    """Drop and make again every trigger of the register. Tables that are not there yet are left for the next call."""
    connection = connections[using]
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for rule in _rules():
            if rule["child"] not in tables or rule["parent"] not in tables:
                continue
            if is_sqlite:
                for suffix in ("insert", "update", "follow"):
                    cursor.execute(f"DROP TRIGGER IF EXISTS {rule['name']}_{suffix}")
            else:
                for suffix in ("check", "move"):
                    cursor.execute(f"DROP FUNCTION IF EXISTS {rule['name']}_{suffix}() CASCADE")
            for statement in _SQLITE if is_sqlite else _POSTGRESQL:
                cursor.execute(statement.format(**rule))
