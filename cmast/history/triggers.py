"""The row triggers of the register, generated from the models for PostgreSQL and SQLite.

They hold what no application code could hold for every path:

* each insert, update and delete of a record, and of the rows of its many-to-many relations, is written to `Change`;
* an update moves the record's version by one, and is refused when it carries an older version than the stored one;
* a record shown with something of another (its name, its parts) moves its version when that changes: `Record.touches`,
  `Record.computed_from`;
* a record that names a workstream belongs to that workstream's programme, and moves along with it: `Record.follows`;
* nobody changes or deletes a `Change`.

SQLite drops triggers when a migration rebuilds a table, and both databases refuse to alter what a trigger or view reads, so
`remove` runs before and `install` after every migration.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connections, models

from cmast.history import as_of
from cmast.models import Change, Record
from cmast.models.records import STALE, UNWATCHED

#: Columns that are nobody's business.
SECRET = {"password", *UNWATCHED}


class Table(NamedTuple):
    """A table whose rows are written down."""

    name: str
    columns: list[str]
    record_type: str
    record_table: str
    record_column: str
    is_record: bool

    @property
    def shown(self) -> list[str]:
        return [column for column in self.columns if column not in SECRET]

    @property
    def watched(self) -> list[str]:
        """Columns whose update is a change of the record. Signing in is not."""
        return [column for column in self.columns if column != "id" and column not in UNWATCHED]


class Touch(NamedTuple):
    """When a row of `table` changes in `columns`, the rows of `other` that `match` move their version."""

    name: str
    table: str
    columns: list[str]
    other: str
    match: str
    is_echoed: bool = False  # the table moves its own version by an update, which must not touch once more
    is_of_whole: bool = False  # `other` are parts of `table` and touch it: they must not touch back

    def statement(self, row: str, schema: str = "") -> str:
        """Writing the key, which is fixed, moves the version as well, and is what `fires_on` leaves out."""
        column = "key" if self.is_of_whole else "version"
        return f"UPDATE {schema}{self.other} SET {column} = {column} WHERE {self.match.format(row=row)};"

    @property
    def fires_on(self) -> str:
        """Columns whose update touches, where that is any."""
        (columns,) = (table.columns for table in tables() if table.name == self.table)
        return ", ".join(f'"{column}"' for column in columns if column != "key")


def tables() -> list[Table]:
    """Every table of a record, and of a many-to-many relation that a record owns."""
    found = []
    for model in apps.get_models(include_auto_created=True):
        meta: Any = model._meta
        owner: Any = meta.auto_created
        columns = [field.column for field in meta.concrete_fields]
        if issubclass(model, Record):
            found.append(Table(meta.db_table, columns, meta.label_lower, meta.db_table, "id", True))
        elif owner and issubclass(owner, Record):
            relation = next(field for field in owner._meta.many_to_many if field.remote_field.through is model)
            column = meta.get_field(relation.m2m_field_name()).column
            found.append(Table(meta.db_table, columns, owner._meta.label_lower, owner._meta.db_table, column, False))
    return found


def touches() -> list[Touch]:
    """What moves the version of another record, from the models."""
    found = []
    for model in apps.get_models():
        if not issubclass(model, Record):
            continue
        table = model._meta.db_table
        for name in model.touches:
            relation: Any = model._meta.get_field(name)
            other = relation.related_model._meta.db_table
            if relation.many_to_many:
                through = relation.remote_field.through._meta
                column = through.get_field(relation.m2m_reverse_field_name()).column
                found.append(Touch(f"{through.db_table}_touch", through.db_table, [], other, f"id = {{row}}.{column}"))
            else:
                found.append(Touch(f"{table}_{name}_touch", table, [], other, f"id = {{row}}.{relation.column}", True))
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and (watched := _shown_of_target(model, field)):
                target = field.related_model._meta.db_table
                match = f"{field.column} = {{row}}.id"
                is_of_whole = field.name in model.touches
                found.append(Touch(f"{table}_{field.name}_shown", target, watched, table, match, is_of_whole=is_of_whole))
    return found


def _shown_of_target(model: type[Record], field: models.ForeignKey) -> list[str]:
    """Columns of a linked record that the linking one is shown or computed with."""
    target: Any = field.related_model
    if not issubclass(target, Record):
        return []
    label = target.label_field
    columns = {column.name: column.column for column in target._meta.concrete_fields}
    shown = [columns[label]] if label in columns and label != "key" and target._meta.label_lower != "cmast.source" else []
    return [*shown, *(columns[name] for name in dict(model.computed_from).get(field.name, ()))]


def follows() -> Iterator[dict[str, str]]:
    """Names of tables and columns for each `Record.follows`."""
    for model in apps.get_models():
        if issubclass(model, Record):
            for link, shared in model.follows:
                link_field: Any = model._meta.get_field(link)
                shared_field: Any = model._meta.get_field(shared)
                yield {
                    "name": f"{model._meta.db_table}_{link}_{shared}",
                    "child": model._meta.db_table,
                    "parent": link_field.related_model._meta.db_table,
                    "link": link_field.column,
                    "shared": shared_field.column,
                }


# ---------------------------------------------------------------------------------------------------------- PostgreSQL

_POSTGRESQL = f"""
CREATE FUNCTION cmast_write_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb; new_row jsonb; owner bigint; owner_key text; done text;
BEGIN
  IF TG_OP <> 'INSERT' THEN old_row := to_jsonb(OLD) - 'password' - 'last_login'; END IF;
  IF TG_OP <> 'DELETE' THEN new_row := to_jsonb(NEW) - 'password' - 'last_login'; END IF;
  owner := (COALESCE(new_row, old_row) ->> TG_ARGV[2])::bigint;
  owner_key := COALESCE(new_row, old_row) ->> 'key';
  IF owner_key IS NULL THEN
    EXECUTE format('SELECT key FROM public.%I WHERE id = $1', TG_ARGV[1]) INTO owner_key USING owner;
  END IF;
  done := lower(TG_OP);
  IF TG_OP = 'UPDATE' AND old_row - 'version' = new_row - 'version' THEN done := 'touch'; END IF;
  INSERT INTO public.cmast_change (transaction_id, changed_at, "table", row_id, record_type, record_id, record_key, operation,
                            before, after, actor, reason, origin, request_id)
  VALUES (pg_current_xact_id()::text::bigint, clock_timestamp(), TG_TABLE_NAME,
          (COALESCE(new_row, old_row) ->> 'id')::bigint, TG_ARGV[0], owner, COALESCE(owner_key, ''), done, old_row, new_row,
          COALESCE(current_setting('cmast.actor', true), ''), COALESCE(current_setting('cmast.reason', true), ''),
          COALESCE(NULLIF(current_setting('cmast.origin', true), ''), 'command'),
          COALESCE(current_setting('cmast.request_id', true), ''));
  RETURN NULL;
END $$;
CREATE FUNCTION cmast_move_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.version IS DISTINCT FROM OLD.version THEN
    RAISE EXCEPTION '{STALE}' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  NEW.version := OLD.version + 1;
  RETURN NEW;
END $$;
CREATE FUNCTION cmast_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF COALESCE(current_setting('cmast.maintenance', true), '') = 'on' THEN
    RETURN COALESCE(OLD, NEW);
  END IF;
  RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER cmast_append_only BEFORE UPDATE OR DELETE ON cmast_change FOR EACH ROW EXECUTE FUNCTION cmast_refuse();
CREATE TRIGGER cmast_no_truncate BEFORE TRUNCATE ON cmast_change FOR EACH STATEMENT EXECUTE FUNCTION cmast_refuse();
"""


def _postgresql() -> Iterator[str]:
    yield _POSTGRESQL
    for table in tables():
        arguments = f"'{table.record_type}', '{table.record_table}', '{table.record_column}'"
        columns = ", ".join(f'"{column}"' for column in table.watched)
        yield (
            f"CREATE TRIGGER cmast_history AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table.name} "
            f"FOR EACH ROW EXECUTE FUNCTION cmast_write_change({arguments})"
        )
        if not table.is_record:
            # After `cmast_history`: triggers fire in the order of their names.
            owner = Touch(f"{table.name}_owner", table.name, [], table.record_table, f"id = {{row}}.{table.record_column}")
            yield from _postgresql_touch(owner)
        else:
            yield (
                f"CREATE TRIGGER cmast_version BEFORE UPDATE OF {columns} ON {table.name} "
                f"FOR EACH ROW EXECUTE FUNCTION cmast_move_version()"
            )
    for touch in touches():
        yield from _postgresql_touch(touch)
    for rule in follows():
        yield from _postgresql_follow(rule)


def _postgresql_touch(touch: Touch) -> Iterator[str]:
    new, old = (touch.statement(row, schema="public.") for row in ("NEW", "OLD"))
    yield f"""CREATE FUNCTION {touch.name}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP <> 'DELETE' THEN {new} END IF;
        IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND NOT {_same(touch)}) THEN {old} END IF;
        RETURN NULL;
      END $$"""
    if touch.columns:
        changed = " OR ".join(f'NEW."{column}" IS DISTINCT FROM OLD."{column}"' for column in touch.columns)
        columns = ", ".join(f'"{column}"' for column in touch.columns)
        yield (
            f"CREATE TRIGGER {touch.name} AFTER UPDATE OF {columns} ON {touch.table} FOR EACH ROW WHEN ({changed}) "
            f"EXECUTE FUNCTION {touch.name}()"
        )
    else:
        yield (
            f"CREATE TRIGGER {touch.name} AFTER INSERT OR UPDATE OF {touch.fires_on} OR DELETE ON {touch.table} "
            f"FOR EACH ROW EXECUTE FUNCTION {touch.name}()"
        )


def _same(touch: Touch) -> str:
    """Whether an update leaves the matched record the same."""
    column = touch.match.rpartition(".")[2]
    return f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}"


def _postgresql_follow(rule: dict[str, str]) -> Iterator[str]:
    yield """CREATE FUNCTION {name}_check() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.{link} IS NOT NULL
           AND NEW.{shared} IS DISTINCT FROM (SELECT {shared} FROM public.{parent} WHERE id = NEW.{link}) THEN
          RAISE EXCEPTION 'new row violates check constraint "{name}"' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
      END $$""".format(**rule)
    yield (
        "CREATE TRIGGER {name}_check BEFORE INSERT OR UPDATE OF {link}, {shared} ON {child} "
        "FOR EACH ROW EXECUTE FUNCTION {name}_check()"
    ).format(**rule)
    yield """CREATE FUNCTION {name}_move() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE public.{child} SET {shared} = NEW.{shared} WHERE {link} = NEW.id;
        RETURN NULL;
      END $$""".format(**rule)
    yield (
        "CREATE TRIGGER {name}_move AFTER UPDATE OF {shared} ON {parent} FOR EACH ROW "
        "WHEN (NEW.{shared} IS DISTINCT FROM OLD.{shared}) EXECUTE FUNCTION {name}_move()"
    ).format(**rule)


# -------------------------------------------------------------------------------------------------------------- SQLite


def _sqlite() -> Iterator[str]:
    for operation in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER cmast_append_only_{operation} BEFORE {operation} ON cmast_change "
            f"WHEN cmast_context('maintenance') = '' BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        )
    for table in tables():
        yield from _sqlite_history(table)
    for touch in touches():
        yield from _sqlite_touch(touch)
    for rule in follows():
        yield from _sqlite_follow(rule)


def _sqlite_row(table: Table, row: str, **instead: str) -> str:
    pairs = (f"'{column}', {instead.get(column) or f'{row}.{_quoted(column)}'}" for column in table.shown)
    return f"json_object({', '.join(pairs)})"


def _quoted(column: str) -> str:
    return f'"{column}"'


def _sqlite_insert(table: Table, operation: str, before: str, after: str) -> str:
    row = "OLD" if operation == "delete" else "NEW"
    owner = f"{row}.{_quoted(table.record_column)}"
    same = " AND ".join(f"NEW.{_quoted(c)} IS OLD.{_quoted(c)}" for c in table.watched if c != "version") or "1"
    done = f"CASE WHEN {same} THEN 'touch' ELSE 'update' END" if operation == "update" else f"'{operation}'"
    key = f"{row}.key" if table.is_record else f"COALESCE((SELECT key FROM {table.record_table} WHERE id = {owner}), '')"
    return (
        'INSERT INTO cmast_change (transaction_id, changed_at, "table", row_id, record_type, record_id, record_key, operation, '
        "before, after, actor, reason, origin, request_id) "
        f"VALUES (0, strftime('%Y-%m-%d %H:%M:%f', 'now'), '{table.name}', {row}.id, '{table.record_type}', {owner}, {key}, "
        f"{done}, {before}, {after}, cmast_context('actor'), cmast_context('reason'), cmast_context('origin'), "
        "cmast_context('request_id'));"
    )


def _sqlite_history(table: Table) -> Iterator[str]:
    name = f"{table.name}_history"
    before, after = _sqlite_row(table, "OLD"), _sqlite_row(table, "NEW")

    def touched(row: str) -> str:
        """A row of a relation moves the version of its owner, once it is written down."""
        if table.is_record:
            return ""
        return f"UPDATE {table.record_table} SET version = version WHERE id = {row}.{_quoted(table.record_column)};"

    inserted, deleted = _sqlite_insert(table, "insert", "NULL", after), _sqlite_insert(table, "delete", before, "NULL")
    yield f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table.name} BEGIN {inserted} {touched('NEW')} END"
    yield f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table.name} BEGIN {deleted} {touched('OLD')} END"
    if not table.is_record:
        updated = _sqlite_insert(table, "update", before, after)
        yield f"CREATE TRIGGER {name}_update AFTER UPDATE ON {table.name} BEGIN {updated} {touched('NEW')} END"
        return
    columns = ", ".join(map(_quoted, table.watched))
    # An update leaves the version as it is; this trigger writes the change down and moves the version itself.
    after = _sqlite_row(table, "NEW", version="OLD.version + 1")
    yield (
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF {columns} ON {table.name} WHEN NEW.version = OLD.version "
        f"BEGIN {_sqlite_insert(table, 'update', before, after)} "
        f"UPDATE {table.name} SET version = OLD.version + 1 WHERE id = NEW.id; END"
    )
    # Anything else that moves the version comes from somebody who has read an older one.
    unchanged = " AND ".join(f"NEW.{_quoted(c)} IS OLD.{_quoted(c)}" for c in table.watched if c != "version")
    yield (
        f"CREATE TRIGGER {name}_stale AFTER UPDATE OF {columns} ON {table.name} "
        f"WHEN NEW.version <> OLD.version AND NOT (NEW.version = OLD.version + 1 AND {unchanged}) "
        f"BEGIN SELECT RAISE(ABORT, '{STALE}'); END"
    )


def _sqlite_touch(touch: Touch) -> Iterator[str]:
    if touch.columns:
        changed = " OR ".join(f"NEW.{_quoted(column)} IS NOT OLD.{_quoted(column)}" for column in touch.columns)
        columns = ", ".join(map(_quoted, touch.columns))
        update = f"AFTER UPDATE OF {columns} ON {touch.table} WHEN {changed}"
        yield f"CREATE TRIGGER {touch.name} {update} BEGIN {touch.statement('NEW')} END"
        return
    # The update that only moves the version is the echo of one that has touched already.
    column = touch.match.rpartition(".")[2]
    echo = "WHEN NEW.version = OLD.version" if touch.is_echoed else ""
    yield f"CREATE TRIGGER {touch.name}_insert AFTER INSERT ON {touch.table} BEGIN {touch.statement('NEW')} END"
    yield f"CREATE TRIGGER {touch.name}_delete AFTER DELETE ON {touch.table} BEGIN {touch.statement('OLD')} END"
    update = f"AFTER UPDATE OF {touch.fires_on} ON {touch.table} {echo}"
    yield f"CREATE TRIGGER {touch.name}_update {update} BEGIN {touch.statement('NEW')} END"
    both = f"NEW.{column} IS NOT OLD.{column}"
    moved = f"AFTER UPDATE OF {column} ON {touch.table} WHEN {both}"
    yield f"CREATE TRIGGER {touch.name}_moved {moved} BEGIN {touch.statement('OLD')} END"


def _sqlite_follow(rule: dict[str, str]) -> Iterator[str]:
    differs = "NEW.{link} IS NOT NULL AND NEW.{shared} IS NOT (SELECT {shared} FROM {parent} WHERE id = NEW.{link})"
    refuse = f"WHEN {differs} BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {{name}}'); END"
    yield ("CREATE TRIGGER {name}_insert BEFORE INSERT ON {child} " + refuse).format(**rule)
    yield ("CREATE TRIGGER {name}_update BEFORE UPDATE OF {link}, {shared} ON {child} " + refuse).format(**rule)
    yield (
        "CREATE TRIGGER {name}_move AFTER UPDATE OF {shared} ON {parent} WHEN NEW.{shared} IS NOT OLD.{shared} "
        "BEGIN UPDATE {child} SET {shared} = NEW.{shared} WHERE {link} = NEW.id; END"
    ).format(**rule)


# ------------------------------------------------------------------------------------------------------------- install


def statements(vendor: str) -> list[str]:
    """Everything that is to be in the database."""
    return list(_sqlite() if vendor == "sqlite" else _postgresql())


def remove(using: str = "default", **_: Any) -> None:
    """Take away every trigger and view, so that a migration can alter the tables."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in cursor.fetchall():
                cursor.execute(f'DROP TRIGGER "{name}"')
            return
        as_of.remove(cursor)
        cursor.execute(
            "SELECT DISTINCT p.oid::regprocedure FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE NOT t.tgisinternal AND n.nspname = 'public'"
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"DROP FUNCTION {function} CASCADE")


def install(using: str = "default", **_: Any) -> None:
    """Make every trigger and view anew, once all tables are there. Runs after each app's migrations."""
    connection = connections[using]
    with connection.cursor() as cursor:
        present = set(connection.introspection.table_names(cursor))
        if not {table.name for table in tables()} | {Change._meta.db_table} <= present:
            return
        remove(using)
        for statement in statements(connection.vendor):
            cursor.execute(statement)
        if connection.vendor != "sqlite":
            as_of.install(cursor, [table.name for table in tables()])
