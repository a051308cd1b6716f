"""All changes in one line, in the order in which they were committed.

Ids are no such order: two transactions take theirs at the same time, and the one with the higher id may be there first, so
that a reader who goes by ids would miss the other. Instead every change is put in a queue by a trigger, and whoever reads next
numbers what is committed by then, one reader at a time. What is committed later is numbered later, so that no reader ever finds
something new behind the place that it has reached.

Changes of one transaction stay together. Transactions numbered at once stand in the order of their last change: one that
has built upon another wrote after that was committed.
"""

from django.db import connection, transaction

from cmast.locks import take_turns
from cmast.models import FeedEntry

#: So many changes numbered at once are an import, or a reader after a long time.
MANY = 10_000
_NUMBER = """
UPDATE cmast_feedentry SET position = numbered.position FROM (
  SELECT change_id,
         (SELECT COALESCE(MAX(position), 0) FROM cmast_feedentry) + ROW_NUMBER() OVER (ORDER BY last_id, change_id) AS position
  FROM (
    SELECT entry.change_id, MAX(entry.change_id) OVER (PARTITION BY change.transaction_id) AS last_id
    FROM cmast_feedentry entry JOIN cmast_change change ON change.id = entry.change_id
    WHERE entry.position IS NULL
  ) waiting
) numbered WHERE cmast_feedentry.change_id = numbered.change_id
"""


def number() -> None:
    """Give every committed change that has none its place in the feed."""
    if not FeedEntry.objects.filter(position=None).exists():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        take_turns("the feed")
        cursor.execute(_NUMBER)
        if cursor.rowcount > MANY and connection.vendor == "postgresql":
            # Until its statistics are made anew, PostgreSQL would expect as many for each single change that follows.
            cursor.execute("ANALYZE cmast_feedentry")
