"""The triggers in the language of PostgreSQL: one run per statement, with all its rows at once, but for the version."""

from collections.abc import Iterator

from cmast.history.rules import Follow, Table, Touch, access_tables, follows, tables, touches
from cmast.models import AccessStamp
from cmast.models.records import STALE

_FUNCTIONS = f"""
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
#: What a trigger is given of the rows.
_GIVEN = {
    "INSERT": "REFERENCING NEW TABLE AS new_rows",
    "UPDATE": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "REFERENCING OLD TABLE AS old_rows",
}
#: What is the same for all rows of a statement, asked for once.
_CONTEXT = """DECLARE
        this_transaction bigint := pg_current_xact_id()::text::bigint;
        told_actor text := COALESCE(current_setting('cmast.actor', true), '');
        told_reason text := COALESCE(current_setting('cmast.reason', true), '');
        told_origin text := COALESCE(NULLIF(current_setting('cmast.origin', true), ''), 'command');
        told_request text := COALESCE(current_setting('cmast.request_id', true), '');"""
#: Set while a record moves the version of its parts, which must not move its own in turn.
_OF_WHOLE = "cmast.of_whole"


def statements() -> Iterator[str]:
    yield _FUNCTIONS
    yield from _stamp()
    for table in tables():
        yield from _history(table)
        if table.is_record:
            columns = ", ".join(f'"{column}"' for column in table.watched)
            yield (
                f"CREATE TRIGGER cmast_version BEFORE UPDATE OF {columns} ON {table.name} "
                f"FOR EACH ROW EXECUTE FUNCTION cmast_move_version()"
            )
        else:
            yield from _touch(Touch(f"{table.name}_owner", table.name, [], table.record_table, "id", table.record_column))
    for touch in touches():
        yield from _touch(touch)
    for rule in follows():
        yield from _follow(rule)


def _stamp() -> Iterator[str]:
    """Before anything else, so that whoever holds the stamp waits for nobody who wants it."""
    yield (
        "CREATE FUNCTION cmast_move_stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"INSERT INTO public.cmast_accessstamp (id, number) VALUES ({AccessStamp.ID}, 1) "
        "ON CONFLICT (id) DO UPDATE SET number = public.cmast_accessstamp.number + 1; RETURN NULL; END $$"
    )
    for name, columns in access_tables().items():
        yield (
            f"CREATE TRIGGER a_cmast_stamp BEFORE INSERT OR DELETE OR UPDATE OF {columns} ON {name} "
            "FOR EACH STATEMENT EXECUTE FUNCTION cmast_move_stamp()"
        )


def _triggers(name: str, table: str, *operations: str) -> Iterator[str]:
    """The function of this name, run after each statement with all its rows. Triggers fire in the order of their names."""
    for operation in operations:
        yield (
            f"CREATE TRIGGER {name}_{operation.lower()} AFTER {operation} ON {table} {_GIVEN[operation]} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


# --- History ----------------------------------------------------------------------------------------------------------


def _history(table: Table) -> Iterator[str]:
    """Named so that a change is written down before anything follows from it."""
    name = f"a_history_{table.name}"
    moved = "WHERE n.version IS DISTINCT FROM o.version" if table.is_record else ""
    kept = f"to_jsonb(o){_without(table)} - 'version' = to_jsonb(n){_without(table)} - 'version'"
    done = f"CASE WHEN {kept} THEN 'touch' ELSE 'update' END"
    inserted = _written(table, "n", "'insert'", "new_rows n")
    deleted = _written(table, "o", "'delete'", "old_rows o")
    updated = _written(table, "n", done, f"new_rows n JOIN old_rows o ON o.id = n.id {moved}")
    yield f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
      {_CONTEXT}
      BEGIN
        IF TG_OP = 'INSERT' THEN {inserted}; ELSIF TG_OP = 'DELETE' THEN {deleted}; ELSE {updated}; END IF;
        RETURN NULL;
      END $$"""
    yield from _triggers(name, table.name, "INSERT", "UPDATE", "DELETE")


def _without(table: Table) -> str:
    return "".join(f" - '{column}'" for column in table.columns if column not in table.shown)


def _written(table: Table, row: str, done: str, rows: str) -> str:
    """The statement that writes these rows down and puts them in the queue of the feed."""
    before = f"to_jsonb(o){_without(table)}" if "old_rows" in rows else "NULL"
    after = f"to_jsonb(n){_without(table)}" if "new_rows" in rows else "NULL"
    owner = f"{row}.{table.record_column}"
    key = f"{row}.key" if table.is_record else f"COALESCE((SELECT key FROM public.{table.record_table} WHERE id = {owner}), '')"
    return f"""
      WITH written AS (
        INSERT INTO public.cmast_change (transaction_id, changed_at, "table", row_id, record_type, record_id, record_key,
                                         operation, before, after, actor, reason, origin, request_id)
        SELECT this_transaction, clock_timestamp(), '{table.name}', {row}.id, '{table.record_type}', {owner},
               {key}, {done}, {before}, {after}, told_actor, told_reason, told_origin, told_request
        FROM {rows} ORDER BY {row}.id RETURNING id)
      INSERT INTO public.cmast_feedentry (change_id) SELECT id FROM written"""


# --- What follows from a change ---------------------------------------------------------------------------------------


def _touch(touch: Touch) -> Iterator[str]:
    pairs = "new_rows n JOIN old_rows o ON o.id = n.id"
    if touch.columns:
        changed = " OR ".join(f'n."{column}" IS DISTINCT FROM o."{column}"' for column in touch.columns)
        body = _moving(touch, _sources(touch, "n", pairs, f"({changed})"))
        if touch.is_of_whole:
            body = f"PERFORM set_config('{_OF_WHOLE}', 'on', true); {body} PERFORM set_config('{_OF_WHOLE}', '', true);"
        operations = ["UPDATE"]
    else:
        moved = ["n.version IS DISTINCT FROM o.version"] if touch.is_echoed else []
        both = f"{_sources(touch, 'n', pairs, *moved)} UNION {_sources(touch, 'o', pairs, *moved)}"
        body = f"""
          IF TG_OP = 'INSERT' THEN {_moving(touch, _sources(touch, "n", "new_rows n"))}
          ELSIF TG_OP = 'DELETE' THEN {_moving(touch, _sources(touch, "o", "old_rows o"))}
          ELSIF COALESCE(current_setting('{_OF_WHOLE}', true), '') <> 'on' THEN {_moving(touch, both)} END IF;"""
        operations = ["INSERT", "UPDATE", "DELETE"]
    yield f"""CREATE FUNCTION {touch.name}() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE ids bigint[];
      BEGIN {body} RETURN NULL; END $$"""
    yield from _triggers(touch.name, touch.table, *operations)


def _moving(touch: Touch, sources: str) -> str:
    """An update runs the triggers even where it finds no row, and these would run it again without end."""
    return f"""ids := ARRAY({sources}); IF cardinality(ids) > 0 THEN
      UPDATE public.{touch.other} SET version = version WHERE {touch.column} = ANY (ids); END IF;"""


def _sources(touch: Touch, row: str, rows: str, *conditions: str) -> str:
    """What leads from these rows to those whose version moves."""
    stated = [f"{row}.{touch.source} IS NOT NULL", *([f"{row}.{touch.condition}"] if touch.condition else [])]
    return f"SELECT {row}.{touch.source} FROM {rows} WHERE {' AND '.join([*stated, *conditions])}"


def _follow(rule: Follow) -> Iterator[str]:
    yield f"""CREATE FUNCTION {rule.name}_check() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT 1 FROM new_rows n JOIN public.{rule.parent} p ON p.id = n.{rule.link}
                   WHERE n.{rule.shared} IS DISTINCT FROM p.{rule.shared}) THEN
          RAISE EXCEPTION 'new row violates check constraint "{rule.name}"' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NULL;
      END $$"""
    yield from _triggers(f"{rule.name}_check", rule.child, "INSERT", "UPDATE")
    yield f"""CREATE FUNCTION {rule.name}_move() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE ids bigint[] := ARRAY(SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
                                    WHERE n.{rule.shared} IS DISTINCT FROM o.{rule.shared});
      BEGIN
        IF cardinality(ids) > 0 THEN
          UPDATE public.{rule.child} c SET {rule.shared} = n.{rule.shared} FROM new_rows n
          WHERE c.{rule.link} = n.id AND n.id = ANY (ids);
        END IF;
        RETURN NULL;
      END $$"""
    yield from _triggers(f"{rule.name}_move", rule.parent, "UPDATE")
