"""The triggers in the language of SQLite, which has no procedures and fires triggers in no certain order."""

from collections.abc import Iterator

from cmast.history.rules import Follow, Table, Touch, access_tables, follows, tables, touches
from cmast.models import AccessStamp
from cmast.models.records import STALE


def statements() -> Iterator[str]:
    for operation in ("UPDATE", "DELETE"):
        yield (
            f"CREATE TRIGGER cmast_append_only_{operation} BEFORE {operation} ON cmast_change "
            f"WHEN cmast_context('maintenance') = '' BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        )
    yield (
        "CREATE TRIGGER cmast_feed AFTER INSERT ON cmast_change "
        "BEGIN INSERT INTO cmast_feedentry (change_id) VALUES (NEW.id); END"
    )
    yield from _stamp()
    for table in tables():
        yield from _history(table)
    for touch in touches():
        yield from _touch(touch)
    for rule in follows():
        yield from _follow(rule)


def _stamp() -> Iterator[str]:
    move = (
        f"INSERT INTO cmast_accessstamp (id, number) VALUES ({AccessStamp.ID}, 1) "
        "ON CONFLICT (id) DO UPDATE SET number = number + 1;"
    )
    for name, columns in access_tables().items():
        for what, operation in (("insert", "INSERT"), ("delete", "DELETE"), ("update", f"UPDATE OF {columns}")):
            yield f"CREATE TRIGGER {name}_stamp_{what} AFTER {operation} ON {name} BEGIN {move} END"


def _row(table: Table, row: str, **instead: str) -> str:
    pairs = (f"'{column}', {instead.get(column) or f'{row}.{_quoted(column)}'}" for column in table.shown)
    return f"json_object({', '.join(pairs)})"


def _quoted(column: str) -> str:
    return f'"{column}"'


def _insert(table: Table, operation: str, before: str, after: str) -> str:
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


def _history(table: Table) -> Iterator[str]:
    name = f"{table.name}_history"
    before, after = _row(table, "OLD"), _row(table, "NEW")

    def touched(row: str) -> str:
        """A row of a relation moves the version of its owner, once it is written down."""
        if table.is_record:
            return ""
        return f"UPDATE {table.record_table} SET version = version WHERE id = {row}.{_quoted(table.record_column)};"

    inserted, deleted = _insert(table, "insert", "NULL", after), _insert(table, "delete", before, "NULL")
    yield f"CREATE TRIGGER {name}_insert AFTER INSERT ON {table.name} BEGIN {inserted} {touched('NEW')} END"
    yield f"CREATE TRIGGER {name}_delete AFTER DELETE ON {table.name} BEGIN {deleted} {touched('OLD')} END"
    if not table.is_record:
        updated = _insert(table, "update", before, after)
        yield f"CREATE TRIGGER {name}_update AFTER UPDATE ON {table.name} BEGIN {updated} {touched('NEW')} END"
        return
    columns = ", ".join(map(_quoted, table.watched))
    # An update leaves the version as it is; this trigger writes the change down and moves the version itself.
    after = _row(table, "NEW", version="OLD.version + 1")
    yield (
        f"CREATE TRIGGER {name}_update AFTER UPDATE OF {columns} ON {table.name} WHEN NEW.version = OLD.version "
        f"BEGIN {_insert(table, 'update', before, after)} "
        f"UPDATE {table.name} SET version = OLD.version + 1 WHERE id = NEW.id; END"
    )
    # Anything else that moves the version comes from somebody who has read an older one.
    unchanged = " AND ".join(f"NEW.{_quoted(c)} IS OLD.{_quoted(c)}" for c in table.watched if c != "version")
    yield (
        f"CREATE TRIGGER {name}_stale AFTER UPDATE OF {columns} ON {table.name} "
        f"WHEN NEW.version <> OLD.version AND NOT (NEW.version = OLD.version + 1 AND {unchanged}) "
        f"BEGIN SELECT RAISE(ABORT, '{STALE}'); END"
    )


def _touch(touch: Touch) -> Iterator[str]:
    if touch.columns:
        changed = " OR ".join(f"NEW.{_quoted(column)} IS NOT OLD.{_quoted(column)}" for column in touch.columns)
        columns = ", ".join(map(_quoted, touch.columns))
        update = f"AFTER UPDATE OF {columns} ON {touch.table} WHEN {changed}"
        yield f"CREATE TRIGGER {touch.name} {update} BEGIN {touch.statement('NEW')} END"
        return
    # The update that only moves the version is the echo of one that has touched already.
    column = touch.source
    echo = "WHEN NEW.version = OLD.version" if touch.is_echoed else ""
    yield f"CREATE TRIGGER {touch.name}_insert AFTER INSERT ON {touch.table} BEGIN {touch.statement('NEW')} END"
    yield f"CREATE TRIGGER {touch.name}_delete AFTER DELETE ON {touch.table} BEGIN {touch.statement('OLD')} END"
    update = f"AFTER UPDATE OF {touch.fires_on} ON {touch.table} {echo}"
    yield f"CREATE TRIGGER {touch.name}_update {update} BEGIN {touch.statement('NEW')} END"
    both = f"NEW.{column} IS NOT OLD.{column}"
    moved = f"AFTER UPDATE OF {column} ON {touch.table} WHEN {both}"
    yield f"CREATE TRIGGER {touch.name}_moved {moved} BEGIN {touch.statement('OLD')} END"


def _follow(follow: Follow) -> Iterator[str]:
    rule = follow._asdict()
    differs = "NEW.{link} IS NOT NULL AND NEW.{shared} IS NOT (SELECT {shared} FROM {parent} WHERE id = NEW.{link})"
    refuse = f"WHEN {differs} BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed: {{name}}'); END"
    yield ("CREATE TRIGGER {name}_insert BEFORE INSERT ON {child} " + refuse).format(**rule)
    yield ("CREATE TRIGGER {name}_update BEFORE UPDATE OF {link}, {shared} ON {child} " + refuse).format(**rule)
    yield (
        "CREATE TRIGGER {name}_move AFTER UPDATE OF {shared} ON {parent} WHEN NEW.{shared} IS NOT OLD.{shared} "
        "BEGIN UPDATE {child} SET {shared} = NEW.{shared} WHERE {link} = NEW.id; END"
    ).format(**rule)
