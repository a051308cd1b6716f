"""The triggers in the language of PostgreSQL."""

from collections.abc import Iterator

from cmast.history.rules import Touch, access_tables, follows, tables, touches
from cmast.models import AccessStamp
from cmast.models.records import STALE

_FUNCTIONS = f"""
CREATE FUNCTION cmast_write_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb; new_row jsonb; owner bigint; owner_key text; done text; written bigint;
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
          COALESCE(current_setting('cmast.request_id', true), ''))
  RETURNING id INTO written;
  INSERT INTO public.cmast_feedentry (change_id) VALUES (written);
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


def statements() -> Iterator[str]:
    yield _FUNCTIONS
    yield from _stamp()
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
            yield from _touch(owner)
        else:
            yield (
                f"CREATE TRIGGER cmast_version BEFORE UPDATE OF {columns} ON {table.name} "
                f"FOR EACH ROW EXECUTE FUNCTION cmast_move_version()"
            )
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


def _touch(touch: Touch) -> Iterator[str]:
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


def _follow(rule: dict[str, str]) -> Iterator[str]:
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
