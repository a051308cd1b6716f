"""What is asked of the product and of the floor: the same rows in the same order, of changing pages, dates and keys."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from django.db import connection
from django.utils import timezone

from benchmarks import load
from benchmarks.filling import PROGRAMMES, Callers
from benchmarks.load import NUMBER
from benchmarks.servers import Server
from cmast.api.pagination import Page

LIST = "/api/v1/milestones/"
#: Pages that are asked for in turn, so that no side is asked for the same bytes again and again.
PAGES = 20
KEYS = 500


@dataclass(frozen=True)
class Call:
    """What one side is asked: requests, taken in turn, and the status that each must be answered with."""

    server: str
    requests: list[str]
    status: str = "200"
    connections: int = 1


#: Side -> what it is asked. A side is the product, a variant of the floor, or something to compare with.
Case = dict[str, Call]


def http(method: str, address: str, headers: dict[str, str] | None = None, body: bytes = b"") -> str:
    """A request as it goes over the wire."""
    sent = {"Host": "localhost", "X-Forwarded-Proto": "https", **(headers or {})}
    if body:
        sent |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {address} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join(lines) + "\r\n\r\n" + body.decode()


STATIC = Call("floor", [http("GET", "/static")])


class Questions:
    """Makes the cases for a filled register."""

    def __init__(self, callers: Callers) -> None:
        self.lead, self.outsider = ({"Authorization": f"Bearer {token}"} for token in callers)
        self.day = timezone.localdate().isoformat()  # that of the tags, and of what is past
        self.ids = [pk for (pk,) in _select("SELECT id FROM programmes_milestone ORDER BY id")]

    def reads(self) -> dict[str, Case]:
        fifty, hundreds = (self._after(size) for size in (50, 500))
        return {
            "list 50": {
                "product": self._lists([_page(pk) for pk in fifty]),
                "product, some hidden": Call("product", [http("GET", f"{LIST}?{_page(pk)}", self.outsider) for pk in fifty]),
                **self._floor("/page", [[pk] for pk in fifty]),
                "naive": Call("naive", [http("GET", f"/milestones/?page={n + 1}") for n in range(PAGES)]),
            },
            "list 500": {
                "product": self._lists([_page(pk, size=500) for pk in hundreds]),
                **self._floor("/page500", [[pk] for pk in hundreds]),
            },
            "filtered": self._filtered(),
            "last page": {"product": self._lists([_page(self.ids[-51 - n]) for n in range(PAGES)])},
            "first by date": {"product": self._lists(["ordering=forecast_on"])},
            "last by date": {"product": self._lists([f"ordering=forecast_on&{page}" for page in self._last_by_date()])},
            "detail": self._detail(),
            "document": {"product": Call("product", [self.document()]), "floor static": STATIC},
        }

    def document(self) -> str:
        return http("GET", "/api/schema/", self.lead)

    def not_modified(self, server: Server) -> Case:
        """Records that the caller has read already, and a static answer."""
        _, body = load.one(server.port, http("GET", LIST, self.lead))
        known = [(row["key"], row["etag"]) for row in orjson.loads(body)["results"]]
        requests = [http("GET", f"{LIST}{key}/", self.lead | {"If-None-Match": etag}) for key, etag in known]
        return {"product": Call("product", requests, "304"), "floor static": STATIC}

    def writes(self) -> dict[str, Case]:
        """New milestones of the caller's programme. The floor is given what the product finds out: key and primary keys."""
        shared = {
            "type": "go_live",
            "status": "on_track",
            "rag": "green",
            "forecast_on": "2031-05-03",
            "forecast_precision": "day",
        }
        stated = {"programme": "programme-00", "workstream": "workstream-001", **shared}
        (found,) = _select("SELECT programme_id, id FROM programmes_workstream WHERE key = 'workstream-001'")
        stored = dict(zip(("programme_id", "workstream_id"), found, strict=True)) | shared
        titles = [f"{n:02}: milestone {NUMBER} of the benchmark" for n in range(100)]
        rows = [stated | {"title": title} for title in titles]
        bare = [stored | {"title": title, "key": f"bare-{n}-{NUMBER}"} for n, title in enumerate(titles)]
        return {
            "create": {
                "product": Call("product", [self._post(LIST, rows[0])], "201"),
                "floor": Call("floor", [http("POST", "/create", body=orjson.dumps(bare[0]))]),
            },
            "bulk 100": {
                "product": Call("product", [self._post(f"{LIST}bulk/", {"operation": "create", "rows": rows})]),
                "floor": Call("floor", [http("POST", "/bulk", body=orjson.dumps(bare))]),
            },
        }

    def _post(self, address: str, body: Any) -> str:
        return http("POST", address, self.lead | {"Idempotency-Key": f"{address}{NUMBER}"}, orjson.dumps(body))

    def _lists(self, queries: list[str]) -> Call:
        return Call("product", [http("GET", f"{LIST}?{query}", self.lead) for query in queries])

    def _floor(self, path: str, arguments: list[list[Any]]) -> Case:
        """Both variants: rows made to JSON by the program, or by the database."""
        queries = [",".join([self.day, self.day, *map(str, given)]) for given in arguments]
        return {
            f"floor, {variant}": Call("floor", [http("GET", f"{path}{suffix}?{query}") for query in queries])
            for variant, suffix in (("text", ""), ("json_agg", "/json"))
        }

    def _after(self, size: int) -> list[int]:
        """Primary keys after which the first pages begin."""
        pages = min(PAGES, len(self.ids) // size)
        return [0, *self.ids[size - 1 :: size]][:pages]

    def _last_by_date(self) -> list[str]:
        """The last pages of those that have a date."""
        dated = "SELECT forecast_on, id FROM programmes_milestone WHERE forecast_on IS NOT NULL"
        last = _select(f"{dated} ORDER BY forecast_on DESC, id DESC LIMIT {PAGES} OFFSET 50")
        return [_page(pk, "forecast_on", day) for day, pk in last]

    def _filtered(self) -> Case:
        asked = [(f"programme-{n % PROGRAMMES:02}", "2024-01-01", f"2024-12-{1 + n:02}") for n in range(PAGES)]
        query = "programme={}&forecast_on__gte={}&forecast_on__lte={}&ordering=forecast_on"
        return {
            "product": self._lists([query.format(*given) for given in asked]),
            **self._floor("/filtered", [*map(list, asked)]),
        }

    def _detail(self) -> Case:
        step = max(1, len(self.ids) // KEYS)
        keys = [f"milestone-{n}" for n in range(0, len(self.ids), step)]
        product = Call("product", [http("GET", f"{LIST}{key}/", self.lead) for key in keys])
        return {"product": product, **self._floor("/record", [[key] for key in keys])}


def at_eight(case: Case) -> Case:
    """The same on servers with two processes, asked by eight callers at once. Without what is only compared with."""
    sides = {side: call for side, call in case.items() if side == "product" or side.startswith("floor")}
    return {side: Call(f"{call.server} at 8", call.requests, call.status, 8) for side, call in sides.items()}


def require_equal(case: Case, servers: dict[str, Server]) -> None:
    """Raises RuntimeError where the sides do not answer each of the first requests with the same rows, byte for byte."""
    sides = [side for side in case if side == "product" or side.startswith("floor")]
    for requests in zip(*(case[side].requests[:3] for side in sides), strict=False):
        bodies = [load.one(servers[case[side].server].port, text)[1] for side, text in zip(sides, requests, strict=True)]
        # The database writes JSON with other spaces.
        rows = {orjson.dumps(_rows(orjson.loads(body))) for body in bodies}
        if len(rows) > 1 or b"key" not in rows.pop():
            raise RuntimeError(
                "The floor's rows differ from the product's:\n" + "\n".join(body[:500].decode() for body in bodies)
            )


def _rows(answer: Any) -> Any:
    """The rows of a list, of a page or of a detail."""
    return answer if isinstance(answer, list) else answer.get("results", [answer])


def _page(after: int, column: str = "pk", value: Any = None, size: int = 50) -> str:
    """Query of the page after the row with this primary key, and this value in what orders it; of the first page after 0."""
    cursor = f"&cursor={quote(Page(size, column, False).cursor(value, after))}" if after else ""
    return f"page_size={size}{cursor}"


def _select(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())
