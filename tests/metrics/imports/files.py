"""Files of figures as tests send them, and what is seen of them afterwards."""

from typing import Any

from metrics.models import Import, ImportMapping
from metrics.tasks import run_imports

HEAD = "organisation,period,value"


def long(**fields: Any) -> ImportMapping:
    given = {"name": "Long", "layout": "long", "organisation_column": "organisation", "period_column": "period"}
    if "measures" not in fields:
        given["value_column"] = "value"
    return ImportMapping.objects.create(**given | fields)


def table(*rows: str, head: str = HEAD) -> str:
    return "\n".join([head, *rows]) + "\n"


#: The first figure can be taken, the others cannot.
MIXED = table("RBN,2024-02,100", "ZZZ,2024-02,5", "RJR,2024-02,x")


def written(job: Import) -> Import:
    """The import after somebody has said to write it, and a worker has."""
    job.run()
    run_imports()
    return Import.objects.get(pk=job.pk)


def counts(job: Import) -> tuple[int | None, ...]:
    return job.new_count, job.changed_count, job.unchanged_count, job.refused_count


def problems(job: Import) -> list[tuple[int, str, str]]:
    return list(job.problems.values_list("row", "column", "message"))
