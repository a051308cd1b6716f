"""The least work that gives the product's answers: a bare WSGI program, one statement per request.

No framework, no sign-in, no rights, no checks, no cursor, no history. The columns are the product's, in its order and in its
representation of dates, moments and links; `benchmarks.cases` refuses to measure where the rows differ in a single byte.
When the milestones of the API change, this list changes with them.
"""

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg
from psycopg.types.json import set_json_loads

#: Precision -> months to go back from the month of a date to the first one of its window, and days to go on in that.
WINDOWS = {
    "early_month": (0, 0),
    "mid_month": (0, 10),
    "late_month": (0, 20),
    "month": (0, 0),
    "before_month_end": (0, 0),
    "quarter": (2, 0),
    "half_year": (5, 0),
    "financial_year": (11, 0),
}


def first_day(name: str, starts: str = "") -> str:
    """The first day that a vague date allows."""
    day = f"m.{name}_on"
    whens = [f"WHEN {day} IS NULL THEN NULL", f"WHEN {starts} IS NOT NULL THEN {starts}" if starts else ""]
    for word, (months, days) in WINDOWS.items():
        first = f"(date_trunc('month', {day}) - interval '{months} months')::date + {days}"
        whens.append(f"WHEN m.{name}_precision = '{word}' THEN {first}")
    whens += [f"WHEN m.{name}_precision = 'week' THEN {day} - 6", f"WHEN m.{name}_precision = 'season' THEN NULL"]
    return f"(CASE {' '.join(whens)} ELSE {day} END)"


HAPPENED = "m.baseline_on IS NOT NULL AND m.actual_on IS NOT NULL"
OPEN = "m.baseline_on IS NOT NULL AND m.outcome IS NULL AND m.stated IS DISTINCT FROM 'occurred'"
LEAST = f"CASE WHEN {HAPPENED} THEN {first_day('actual')} WHEN {OPEN} THEN {first_day('forecast', 'm.starts_on')} END"
MOST = f"CASE WHEN {HAPPENED} THEN m.actual_on WHEN {OPEN} THEN m.forecast_on END"

#: Parameters of each page: the day of asking (for the tag, for the status), then those of the page.
ROWS = f"""
SELECT m.key,
       p.key AS programme, p.name AS programme_name,
       w.key AS workstream, w.name AS workstream_name,
       m.title, m.type, m.stated, m.status, m.rag, m.sense,
       m.baseline_on::text AS baseline_on, m.baseline_precision,
       m.starts_on::text AS starts_on,
       m.forecast_on::text AS forecast_on, m.forecast_precision,
       m.actual_on::text AS actual_on, m.actual_precision,
       m.outcome, m.outcome_note, m.financial_year,
       f.key AS forum, f.name AS forum_name,
       t.key AS meeting, t.title AS meeting_name,
       o.key AS organisation, o.name AS organisation_name,
       s.key AS site, s.name AS site_name,
       h.key AS person, h.name AS person_name,
       ARRAY(SELECT so.key FROM programmes_milestone_suppliers ms JOIN cmast_organisation so ON so.id = ms.organisation_id
             WHERE ms.milestone_id = m.id ORDER BY so.id) AS suppliers,
       ARRAY(SELECT dm.key FROM programmes_milestone_depends_on md JOIN programmes_milestone dm ON dm.id = md.to_milestone_id
             WHERE md.from_milestone_id = m.id ORDER BY dm.id) AS depends_on,
       coalesce(m.forecast_on, m.baseline_on)::text AS due_on,
       CASE WHEN m.outcome IS NOT NULL OR m.actual_on IS NOT NULL THEN 'past'
            WHEN m.stated = 'occurred' AND coalesce(m.forecast_on, m.baseline_on) IS NULL THEN 'undated_past'
            WHEN m.stated = 'occurred' THEN 'past'
            WHEN m.stated = 'ongoing' THEN 'ongoing'
            WHEN coalesce(m.forecast_on, m.baseline_on) IS NULL THEN 'undated_future'
            WHEN coalesce(m.forecast_on, m.baseline_on) < %s THEN 'past_due_outcome_unknown'
            ELSE 'future' END AS computed_status,
       ({LEAST}) - m.baseline_on AS slip_days_least, ({MOST}) - {first_day("baseline")} AS slip_days_most,
       c.key AS source, m.source_lines, m.printed_as, m.inferred, m.note, m.external_source, m.external_id, m.version,
       to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS created_at,
       to_char(m.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS updated_at,
       '"milestone-' || m.key || '-' || m.version || '-' || %s || '"' AS etag
FROM programmes_milestone m
LEFT JOIN programmes_programme p ON p.id = m.programme_id
LEFT JOIN programmes_workstream w ON w.id = m.workstream_id
LEFT JOIN programmes_forum f ON f.id = m.forum_id
LEFT JOIN programmes_meeting t ON t.id = m.meeting_id
LEFT JOIN cmast_organisation o ON o.id = m.organisation_id
LEFT JOIN cmast_site s ON s.id = m.site_id
LEFT JOIN cmast_person h ON h.id = m.person_id
LEFT JOIN cmast_source c ON c.id = m.source_id
"""
PAGE = ROWS + "WHERE m.id > %s ORDER BY m.id "
#: Sorted before anything is joined to it.
FILTERED = ROWS.replace(
    "FROM programmes_milestone m",
    """FROM (
    SELECT * FROM programmes_milestone
    WHERE programme_id = (SELECT id FROM programmes_programme WHERE key = %s) AND forecast_on >= %s AND forecast_on <= %s
    ORDER BY forecast_on, id LIMIT 50
) m""",
)
READS = {
    # How many rows stands in the SQL: where it is a parameter PostgreSQL plans each request anew, which takes far longer than
    # to answer it.
    "/page": PAGE + "LIMIT 50",
    "/page500": PAGE + "LIMIT 500",
    "/filtered": FILTERED + "ORDER BY m.forecast_on, m.id",
    "/record": ROWS + "WHERE m.key = %s",
}
AS_JSON = {f"{path}/json": f"SELECT coalesce(json_agg(t), '[]')::text FROM ({sql}) t" for path, sql in READS.items()}

#: What a caller states of a milestone; the rest of the row is the same for all. `bare_milestone` is the product's table with
#: its indexes, constraints and foreign keys, but without its triggers.
GIVEN = "key, title, type, status, rag, forecast_on, forecast_precision, programme_id, workstream_id"
INTO = f"""
INSERT INTO bare_milestone ({GIVEN}, version, source_lines, printed_as, inferred, note, outcome_note, created_at, updated_at)
"""
REST = "1, '[]', '', '[]', '', '', now(), now()"
CREATE = (
    INTO + "VALUES (%(key)s, %(title)s, %(type)s, %(status)s, %(rag)s, %(forecast_on)s, %(forecast_precision)s, "
    f"%(programme_id)s, %(workstream_id)s, {REST}) RETURNING id"
)
BULK = (
    INTO
    + f"SELECT {GIVEN}, {REST} FROM json_to_recordset(%s) AS given (key text, title text, type text, status text, rag text, "
    "forecast_on date, forecast_precision text, programme_id bigint, workstream_id bigint) RETURNING id"
)

_mine = threading.local()


def connection() -> psycopg.Connection:
    """One a thread, kept."""
    if not hasattr(_mine, "connection"):
        _mine.connection = psycopg.connect(os.environ["CMAST_DATABASE_URL"], autocommit=True)
        set_json_loads(orjson.loads, _mine.connection)
    return _mine.connection


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """`/page?2024-05-03,2024-05-03,0`, `/filtered/json?...`, `/record?...`, `/create`, `/bulk`, `/static`."""
    path, arguments = environ["PATH_INFO"], environ["QUERY_STRING"].split(",")
    if path in READS:
        found = connection().execute(READS[path], arguments)
        names = [column.name for column in found.description or ()]
        body = orjson.dumps([dict(zip(names, row, strict=False)) for row in found])
    elif path in AS_JSON:
        body = connection().execute(AS_JSON[path], arguments).fetchall()[0][0].encode()
    elif path == "/create":
        body = orjson.dumps(connection().execute(CREATE, orjson.loads(_body(environ))).fetchall())
    elif path == "/bulk":
        body = orjson.dumps(connection().execute(BULK, [_body(environ).decode()]).fetchall())
    else:
        body = b'{"ok":true}'
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _body(environ: dict[str, Any]) -> bytes:
    return environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
