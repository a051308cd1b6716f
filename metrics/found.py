"""What a check finds, before it is kept as a record."""

import hashlib
from dataclasses import dataclass
from typing import Any

from cmast.models import Record
from metrics.models import Finding

Rule = Finding.Rule
_LONGEST_KEY = 90


@dataclass(frozen=True, kw_only=True)
class Found:
    """Something that does not agree. The rule, the first of the records and the mark are its identity.

    The records are named by kind and key. `programme` is a primary key.
    """

    rule: Rule
    records: tuple[tuple[str, str], ...]
    what: str
    printed: str = ""
    computed: str = ""
    programme: int | None = None
    mark: str = ""

    @property
    def key(self) -> str:
        """Readable as far as a key may be long."""
        whole = "-".join(filter(None, (self.rule, *self.records[0], self.mark))).replace("_", "-")
        if len(whole) <= _LONGEST_KEY:
            return whole
        return f"{whole[: _LONGEST_KEY - 11]}-{hashlib.sha256(whole.encode()).hexdigest()[:10]}"

    @property
    def values(self) -> dict[str, Any]:
        """What a finding keeps of it."""
        return {
            "what": self.what,
            "printed": self.printed[:300],
            "computed": self.computed[:300],
            "programme_id": self.programme,
        }


def named(record: Record) -> tuple[str, str]:
    """A record as a finding names it."""
    return str(record._meta.verbose_name).replace(" ", "_"), record.key
