"""The register that is measured: made up, the same on every machine, as large as it is asked to be.

The people, programmes, workstreams and metrics are saved as in the product. Milestones come in one statement, with their
history; what they are linked to and the observations come past the triggers, which would take most of the time: nothing that
is measured reads their history.
"""

import datetime as dt
from typing import Any, NamedTuple

from django.db import connection, transaction

from cmast.models import ApiToken, Membership, Organisation, Person, Restriction, Site, Source
from cmast.vocabulary import Role
from metrics.models import Metric
from programmes.models import Forum, Meeting, Programme, Workstream

PROGRAMMES, WORKSTREAMS, ORGANISATIONS, MONTHS = 20, 200, 60, 60


class Callers(NamedTuple):
    """Tokens of two programme leads of the same programme: one sees everything, from the other a workstream is hidden."""

    lead: str
    outsider: str


@transaction.atomic
def prepare(series: int) -> Callers:
    """Everything that milestones and observations are linked to, and who asks for them. Of metrics, one for 60 series."""
    organisations = [
        Organisation.objects.create(key=f"ORG{n:02}", name=f"Trust number {n}", kind="nhs_trust") for n in range(60)
    ]
    programmes = [Programme.objects.create(key=f"programme-{n:02}", name=f"Programme {n}", status="active") for n in range(20)]
    for n in range(WORKSTREAMS):
        programme = programmes[n * PROGRAMMES // WORKSTREAMS]
        Workstream.objects.create(key=f"workstream-{n:03}", name=f"Workstream {n}", programme=programme, status="active")
    for n in range(10):
        Source.objects.create(key=f"source-{n}", title=f"Board paper {n}", kind="board_paper")
        Person.objects.create(key=f"person-{n}", name=f"Person {n}", email=f"person.{n}@cmast.example")
        Site.objects.create(key=f"site-{n}", name=f"Site {n}", organisation=organisations[n])
        forum = Forum.objects.create(key=f"forum-{n}", name=f"Forum {n}", kind="programme_board")
        Meeting.objects.create(
            key=f"meeting-{n}", title=f"Meeting {n}", forum=forum, held_on=dt.date(2024, 5, 1 + n), held_precision="day"
        )
    for n in range(series // ORGANISATIONS):
        programme = programmes[n % PROGRAMMES]
        Metric.objects.create(
            key=f"metric-{n:03}", name=f"Metric {n}", programme=programme, unit="percent", direction="neutral"
        )
    lead, outsider = (_lead(name, programmes[0]) for name in ("lead", "outsider"))
    hidden = Restriction.objects.create(record_type="workstream", record_key=f"workstream-{WORKSTREAMS - 1}", kind="commercial")
    hidden.named.add(Person.objects.get(email="lead@cmast.example"))
    return Callers(lead, outsider)


def _lead(name: str, programme: Programme) -> str:
    person = Person.objects.create(name=f"The {name}", email=f"{name}@cmast.example")
    Membership.objects.create(person=person, role=Role.PROGRAMME_MANAGER, programme=programme)
    return ApiToken.objects.create(user=person, name="benchmark", scope="write", expiry=dt.timedelta(days=1))[1]


def add_milestones(upto: int) -> None:
    """Milestones until there are so many, each thousandth with all of its columns, most with a third of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.2024)")
        cursor.execute("SELECT count(*) FROM programmes_milestone")
        first = cursor.fetchone()[0]
        cursor.execute(MILESTONES, {"first": first, "last": upto - 1})
        cursor.execute("SET session_replication_role = replica")
        for links in LINKS:
            cursor.execute(links, [first])
        cursor.execute("SET session_replication_role = origin")


def add_observations(first: int, upto: int) -> None:
    """Series of 60 months, from the first to the last of these numbers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setseed(0.2024)")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(OBSERVATIONS, {"first": first, "upto": upto, "months": MONTHS})
        cursor.execute("SET session_replication_role = origin")


def copy_bare() -> None:
    """`bare_milestone`: the milestones as they are, with indexes, constraints and foreign keys, without the triggers."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bare_milestone (LIKE programmes_milestone INCLUDING ALL)")
        cursor.execute("INSERT INTO bare_milestone SELECT * FROM programmes_milestone")
        cursor.execute("SELECT setval(pg_get_serial_sequence('bare_milestone', 'id'), max(id)) FROM bare_milestone")
        copy_constraints(cursor, "programmes_milestone", "bare_milestone")


def copy_constraints(cursor: Any, table: str, other: str) -> None:
    """The foreign keys of one table for another with the same columns."""
    cursor.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [table]
    )
    for (definition,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {other} ADD {definition}")


def settle() -> None:
    """What PostgreSQL would do by and by; here before anything is measured."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")


MILESTONES = """
WITH made AS MATERIALIZED (
    SELECT n, random() AS a, random() AS b, random() AS c, random() AS d,
           date '2022-01-01' + (random() * 2000)::int AS day
    FROM generate_series(%(first)s::int, %(last)s::int) AS n
),
placed AS (SELECT id, programme_id, row_number() OVER (ORDER BY id) - 1 AS place FROM programmes_workstream)
INSERT INTO programmes_milestone (
    key, version, title, type, stated, status, rag, sense,
    baseline_on, baseline_precision, starts_on, forecast_on, forecast_precision, actual_on, actual_precision,
    outcome, outcome_note, financial_year, programme_id, workstream_id,
    forum_id, meeting_id, organisation_id, site_id, person_id, source_id,
    source_lines, printed_as, inferred, note, external_source, external_id, created_at, updated_at
)
SELECT
    'milestone-' || n, 1, 'Milestone ' || n || ': a new way of working for the region', 'go_live',
    (ARRAY['planned', 'expected', 'scheduled', NULL])[1 + n %% 4], (ARRAY['on_track', 'at_risk', NULL])[1 + n %% 3],
    (ARRAY['green', 'amber', 'red', 'not_set'])[1 + floor(a * 4)::int], (ARRAY['by', 'on', NULL])[1 + n %% 3],
    CASE WHEN b < 0.6 THEN day - 30 END, CASE WHEN b < 0.6 THEN 'month' END, NULL,
    CASE WHEN c < 0.9 THEN day END, CASE WHEN c < 0.9 THEN 'day' END,
    CASE WHEN d < 0.3 THEN day + 7 END, CASE WHEN d < 0.3 THEN 'day' END,
    CASE WHEN d < 0.3 THEN 'achieved' WHEN d < 0.35 THEN 'missed' END,
    CASE WHEN d < 0.35 THEN 'Said at the meeting of the “board”.' ELSE '' END,
    CASE WHEN a < 0.5 THEN '2024/25' END, placed.programme_id, placed.id,
    CASE WHEN a < 0.3 THEN forum.ids[1 + n %% 10] END, CASE WHEN a < 0.1 THEN meeting.ids[1 + n %% 10] END,
    CASE WHEN b < 0.4 THEN organisation.ids[1 + n %% 60] END, CASE WHEN b < 0.1 THEN site.ids[1 + n %% 10] END,
    CASE WHEN c < 0.3 THEN person.ids[1 + n %% 10] END, CASE WHEN d < 0.7 THEN source.ids[1 + n %% 10] END,
    CASE WHEN d < 0.7 THEN jsonb_build_array(n %% 900 || '-' || n %% 900 + 4) ELSE '[]' END, '', '[]',
    CASE WHEN a < 0.2 THEN 'Depends on the case for change being agreed by all twelve trusts.' ELSE '' END,
    CASE WHEN b < 0.2 THEN 'planner' END, CASE WHEN b < 0.2 THEN 'task-' || n END,
    timestamptz '2024-05-03 09:00:00.123456Z' + n * interval '1 second',
    timestamptz '2024-05-03 09:00:00.123456Z' + n * interval '1 second'
FROM made
JOIN placed ON placed.place = n %% 200
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM programmes_forum) forum
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM programmes_meeting) meeting
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM cmast_organisation) organisation
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM cmast_site) site
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM cmast_person WHERE key LIKE 'person-_') person
CROSS JOIN (SELECT array_agg(id ORDER BY id) AS ids FROM cmast_source) source
ORDER BY n
"""

#: One milestone in ten waits for another, one in twenty has a supplier.
LINKS = (
    "INSERT INTO programmes_milestone_depends_on (from_milestone_id, to_milestone_id) "
    "SELECT later.id, earlier.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM programmes_milestone) later "
    "JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM programmes_milestone) earlier ON earlier.n = later.n - 7 "
    "WHERE later.n %% 10 = 0 AND later.n > %s",
    "INSERT INTO programmes_milestone_suppliers (milestone_id, organisation_id) "
    "SELECT milestone.id, organisation.id FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM programmes_milestone) "
    "milestone JOIN (SELECT id, row_number() OVER (ORDER BY id) AS n FROM cmast_organisation) organisation "
    "ON organisation.n = 1 + milestone.n %% 60 WHERE milestone.n %% 20 = 0 AND milestone.n > %s",
)

OBSERVATIONS = """
WITH placed AS (
    SELECT metric.id AS metric_id, organisation.id AS organisation_id,
           row_number() OVER (ORDER BY metric.id, organisation.id) AS n
    FROM metrics_metric metric CROSS JOIN cmast_organisation organisation
)
INSERT INTO metrics_observation (
    key, version, metric_id, organisation_id, scope_level, breakdown_dimension, breakdown_member, value, unit, qualifier,
    period_type, period_start_on, period_end_on, value_status, revision, also_described_as,
    source_lines, printed_as, inferred, note, created_at, updated_at
)
SELECT
    'observation-' || placed.n || '-' || month, 1, metric_id, organisation_id, 'provider', '', '',
    round((50 + 40 * random())::numeric, 1), 'percent', 'exact', 'month',
    (date '2019-05-01' + month * interval '1 month')::date, (date '2019-06-01' + month * interval '1 month')::date - 1,
    'reported', 1, '', '[]', '', '[]', '', timestamptz '2024-05-03 09:00Z', timestamptz '2024-05-03 09:00Z'
FROM placed CROSS JOIN generate_series(0, %(months)s - 1) AS month
WHERE placed.n > %(first)s AND placed.n <= %(upto)s
ORDER BY month, placed.n
"""
