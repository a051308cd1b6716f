"""The savings ledger over the API."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.finding import visible
from cmast.api.pagination import refuse_unknown
from cmast.api.past import day_of_question, the_past
from cmast.api.problems import QueryError
from cmast.dates import financial_year, financial_year_days
from metrics.benefit_answers import BASES, EFFECTS, WINDFALLS, LedgerSerializer, spoken_ledger
from metrics.ledger import Asked, ledger_of
from programmes.models import Programme

WORDS = {"basis": BASES, "effect": EFFECTS, "windfall": WINDFALLS}
PARAMETERS = (*WORDS, "year", "as_of", "on")


class SavingsView(APIView):
    """The savings of a programme in a year: one sum for each kind of figure, the gap to the target, and why kinds do not add.

    A scheme without a figure makes a sum “at least”; what is left out is named.
    """

    action = "savings"

    @extend_schema(
        operation_id="savings_retrieve",
        summary="Read the savings ledger of a programme",
        parameters=[
            OpenApiParameter("programme", str, OpenApiParameter.PATH, description="Key of the programme."),
            OpenApiParameter("basis", str, enum=BASES, description="Only this basis."),
            OpenApiParameter("effect", str, enum=EFFECTS, description="Only this effect."),
            OpenApiParameter("windfall", str, enum=WINDFALLS, description="Only this treatment of windfall."),
            OpenApiParameter("year", str, description="Financial year, such as 2024/25. That of the day when left out."),
            OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
            OpenApiParameter("on", OpenApiTypes.DATE, description="Day whose year is meant. Today when left out."),
        ],
        responses=LedgerSerializer,
    )
    def get(self, request: Request, programme: str) -> Response:
        refuse_unknown(request, PARAMETERS)
        asked = Asked(**{name: _word(request, name) for name in WORDS})
        year = _year(request)
        with the_past(request):
            found = visible(Programme, programme, request.user)
            if found is None:
                raise NotFound
            return Response(spoken_ledger(ledger_of(found, request.user, year, asked)))


def _word(request: Request, name: str) -> str | None:
    given = request.query_params.get(name)
    if given is not None and given not in WORDS[name]:
        raise QueryError({name: f"Give one of {', '.join(WORDS[name])}."})
    return given


def _year(request: Request) -> str:
    given = request.query_params.get("year")
    if given is None:
        return financial_year(day_of_question(request))
    try:
        financial_year_days(given)
    except ValueError as error:
        raise QueryError({"year": "Give a financial year, such as 2024/25."}) from error
    return given
