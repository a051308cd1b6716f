"""Outcomes and dependencies over the API."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cmast.api.finding import visible
from cmast.api.pagination import refuse_unknown
from cmast.api.past import day_of_question, the_past
from cmast.models import Reader
from programmes.dependencies import Graph, Node, graph_of
from programmes.models import Approval, Edge, Programme
from programmes.outcomes import Outcome, Stand, Standing, Tally
from programmes.pictures import graph_picture
from programmes.positions import Board, Position, position_of
from programmes.slips import NEVER
from programmes.slips import Standing as Slip

# --- What goes out: an outcome ----------------------------------------------------------------------------------------


class BoardSerializer(serializers.Serializer):
    """The next board of a body, as its calendar has it."""

    on = serializers.DateField(allow_null=True, help_text="The latest day that the words allow; null where none is known.")
    precision = serializers.CharField(allow_null=True, help_text="How exactly the date is known.")
    papers_due_on = serializers.DateField(allow_null=True, help_text="Last day to hand in papers; null where not known.")
    meeting = serializers.CharField(allow_null=True, help_text="Key of the meeting, where it is in the calendar.")
    is_put_off = serializers.BooleanField(help_text="Whether the body has put it off before.")
    words = serializers.CharField(help_text="The same in words, after “its board”.")


class BodySerializer(serializers.Serializer):
    """One body and what it says."""

    vote = serializers.CharField(allow_null=True, help_text="Key of the vote that counts; null where none is recorded.")
    organisation = serializers.CharField(allow_null=True, help_text="Key of the organisation; null while it is not known.")
    name = serializers.CharField(help_text="What the body is called.")
    stand = serializers.ChoiceField([stand.value for stand in Stand], help_text="Where it stands on the day.")
    status = serializers.CharField(help_text="The word of its vote.")
    is_stale = serializers.BooleanField(help_text="It voted for an older paper, and is asked again.")
    conditions_open = serializers.IntegerField(help_text="Conditions of its agreement neither met nor waived.")
    board = BoardSerializer(allow_null=True, help_text="Its next board, while it is waited for.")


class CountSerializer(serializers.Serializer):
    """The count for a resolution, or for the whole paper."""

    resolution = serializers.CharField(help_text="The resolution; empty for the whole paper.")
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome], help_text="What the votes come to.")
    code = serializers.CharField(help_text="Why, for programs: counted, or what stands in the way of judging.")
    needed = serializers.IntegerField(allow_null=True, help_text="How many must agree; null where nobody has stated it.")
    total = serializers.IntegerField(help_text="How many bodies decide.")
    agreed = serializers.IntegerField(help_text="How many have agreed.")
    refused = serializers.IntegerField(help_text="How many have refused.")
    outstanding = serializers.IntegerField(help_text="How many have still to decide, those not named included.")
    unclear = serializers.IntegerField(help_text="How many may or may not have agreed by the day.")
    bodies: Any = BodySerializer(many=True, help_text="The bodies.")


class OutcomeSerializer(serializers.Serializer):
    """What the votes on an approval come to on a day."""

    approval = serializers.CharField(help_text="Key of the approval.")
    on = serializers.DateField(help_text="The day.")
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome], help_text="Of all resolutions together.")
    sentence = serializers.CharField(help_text="The same in a sentence.")
    rule = serializers.CharField(allow_null=True, help_text="What it takes; null where nobody has stated it.")
    paper_version = serializers.IntegerField(help_text="Version of the paper that is put.")
    approved_at = serializers.DateTimeField(
        allow_null=True, help_text="Moment at which the register first knew that enough had agreed."
    )
    stated_count = serializers.IntegerField(allow_null=True, help_text="How many had agreed that day as a source states it.")
    tells_otherwise = serializers.BooleanField(
        allow_null=True, help_text="Whether that source states another count; null where none speaks of the day."
    )
    resolutions: Any = CountSerializer(many=True, help_text="One count for each resolution voted on by itself, else one.")


def spoken(position: Position) -> dict[str, Any]:
    """A position as the API says it."""
    approval, stated = position.approval, position.stated
    same_day = stated if stated and stated.as_at_on == position.on else None
    return {
        "approval": approval.key,
        "on": position.on,
        "outcome": position.outcome.value,
        "sentence": position.sentence,
        "rule": approval.rule,
        "paper_version": approval.paper_version,
        "approved_at": approval.approved_at,
        "stated_count": same_day.approved_count if same_day else None,
        "tells_otherwise": position.tells_otherwise(),
        "resolutions": [_count(count, position) for count in position.counts],
    }


def _count(count: Tally, position: Position) -> dict[str, Any]:
    return {
        "resolution": count.resolution,
        "outcome": count.outcome.value,
        "code": count.code,
        "needed": count.needed,
        "total": count.total,
        "agreed": count.agreed,
        "refused": len(count.bodies(Stand.REFUSED)),
        "outstanding": len(count.bodies(Stand.OUTSTANDING)) + count.unnamed,
        "unclear": len(count.bodies(Stand.UNCLEAR)),
        "bodies": [_body(standing, position) for standing in count.standings],
    }


def _body(standing: Standing, position: Position) -> dict[str, Any]:
    vote = position.votes.get(standing.ballot.order)
    board = position.boards[standing.body] if standing.stand is Stand.OUTSTANDING else None
    organisation = position.organisation_of(standing.body)
    return {
        "vote": vote.key if vote else None,
        "organisation": organisation,
        "name": position.name(standing.body),
        "stand": standing.stand.value,
        "status": standing.ballot.status,
        "is_stale": standing.is_stale,
        "conditions_open": position.open_terms.get(standing.ballot.order, 0),
        "board": _board(board) if board else None,
    }


def _board(board: Board) -> dict[str, Any]:
    names = ("on", "precision", "papers_due_on", "meeting", "is_put_off", "words")
    return {name: getattr(board, name) for name in names}


# --- What goes out: dependencies --------------------------------------------------------------------------------------


class DaysSerializer(serializers.Serializer):
    """From so many days to so many."""

    least = serializers.IntegerField(help_text="Days at least.")
    most = serializers.IntegerField(allow_null=True, help_text="Days at most; null where something is overdue.")


class NodeSerializer(serializers.Serializer):
    """Something that waits or is waited for."""

    kind = serializers.CharField(help_text="Kind of record: milestone, procurement, approval, decision, target, benefit.")
    key = serializers.CharField(help_text="Its key.")
    title = serializers.CharField(help_text="What it is called.")
    is_own = serializers.BooleanField(help_text="Whether it belongs to the programme that was asked about.")
    planned = serializers.CharField(help_text="When it is planned, in words; empty where no date is known.")
    standing = serializers.ChoiceField([slip.value for slip in Slip], help_text="Where it stands for what it waits for.")
    is_at_risk = serializers.BooleanField(help_text="Whether it may not come when it was planned.")
    slip = DaysSerializer(allow_null=True, help_text="By how many days it slips, as far as dates are known.")
    expected_from_on = serializers.DateField(allow_null=True, help_text="First day on which it can be.")
    expected_to_on = serializers.DateField(allow_null=True, help_text="Last day that is known of it.")
    words = serializers.CharField(help_text="The same in words.")
    position = serializers.CharField(help_text="Of an approval: where it stands, in a sentence.")
    concerns = serializers.DictField(
        child=serializers.CharField(), help_text="Whom it concerns: lead, person, organisation and so on, by name."
    )


class EdgeSerializer(serializers.Serializer):
    """One thing waits for another."""

    waiting = serializers.CharField(help_text="Kind and key of what waits: milestone:e-lims-contract-award.")
    awaited = serializers.CharField(help_text="Kind and key of what it waits for.")
    said_by = serializers.CharField(help_text="Kind and key of the record that says so.")


class DependenciesSerializer(serializers.Serializer):
    """What waits for what in a programme."""

    programme = serializers.CharField(help_text="Key of the programme.")
    on = serializers.DateField(help_text="The day.")
    at_risk = serializers.ListField(
        child=serializers.CharField(), help_text="Kind and key of what is at risk in the programme, the longest slip first."
    )
    things: Any = NodeSerializer(many=True, help_text="All that waits or is waited for.")
    waits: Any = EdgeSerializer(many=True, help_text="What waits for what.")


def spoken_graph(graph: Graph) -> dict[str, Any]:
    """A graph as the API says it."""
    return {
        "programme": graph.programme.key,
        "on": graph.on,
        "at_risk": [_named(node) for node in graph.at_risk()],
        "things": [_thing(node) for node in graph.nodes.values()],
        "waits": [_edge(edge, graph) for edge in graph.edges],
    }


def _named(node: Node) -> str:
    return f"{node.thing.kind}:{node.key}"


def _thing(node: Node) -> dict[str, Any]:
    first, last = node.forecast.expected or (None, None)
    last = None if last == NEVER else last
    days = node.forecast.days
    return {
        "kind": node.thing.kind,
        "key": node.key,
        "title": node.title,
        "is_own": node.is_own,
        "planned": node.planned,
        "standing": node.forecast.standing.value,
        "is_at_risk": node.forecast.is_at_risk,
        "slip": {"least": days[0], "most": days[1]} if days else None,
        "expected_from_on": first,
        "expected_to_on": last,
        "words": node.forecast.words,
        "position": node.position,
        "concerns": node.concerns,
    }


def _edge(edge: Edge, graph: Graph) -> dict[str, Any]:
    kind, key = edge.said_by
    return {
        "waiting": _named(graph.nodes[edge.waiting]),
        "awaited": _named(graph.nodes[edge.awaited]),
        "said_by": f"{kind}:{key}",
    }


# --- The endpoints ----------------------------------------------------------------------------------------------------

_WHEN = [
    OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="As was known then: a day (its end) or a moment."),
    OpenApiParameter(
        "on", OpenApiTypes.DATE, description="Day on which votes count and boards are ahead. Today when left out."
    ),
]
_APPROVAL = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the approval.")
_PROGRAMME = OpenApiParameter("key", str, OpenApiParameter.PATH, description="Key of the programme.")


class OutcomeView(APIView):
    """The count of the votes on an approval, who is outstanding and when they meet next, as on any day.

    `on` goes by the dates of the votes, `as_of` by what the register knew at that moment; both may be given.
    """

    action = "outcome"

    @extend_schema(
        operation_id="approvals_outcome_retrieve",
        summary="Read where an approval stands",
        parameters=[_APPROVAL, *_WHEN],
        responses=OutcomeSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        refuse_unknown(request, ("as_of", "on"))
        with the_past(request):
            return Response(spoken(_position(key, request.user, day_of_question(request))))


class DependenciesView(APIView):
    """What waits for what in a programme, and what slips: by how many days, and whom it concerns."""

    action = "dependencies"

    @extend_schema(
        operation_id="programmes_dependencies_retrieve",
        summary="Read what waits for what",
        parameters=[_PROGRAMME, *_WHEN],
        responses=DependenciesSerializer,
    )
    def get(self, request: Request, key: str) -> Response:
        refuse_unknown(request, ("as_of", "on"))
        with the_past(request):
            return Response(spoken_graph(_graph(request, key)))


class DependenciesChartView(APIView):
    """The same as a picture, with its description for those who do not see it."""

    @extend_schema(
        operation_id="programmes_dependencies_chart_retrieve",
        summary="Read what waits for what as a picture",
        parameters=[_PROGRAMME, *_WHEN],
        responses={(200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, key: str) -> HttpResponse:
        refuse_unknown(request, ("as_of", "on"))
        with the_past(request):
            picture = graph_picture(_graph(request, key), "dependencies")
        return HttpResponse(picture, content_type="image/svg+xml")


def _position(key: str, reader: Reader, on: dt.date) -> Position:
    """Raises NotFound, alike for what there is not and for what is hidden."""
    found = visible(Approval, key, reader)
    if found is None:
        raise NotFound
    return position_of(found, reader, on)


def _graph(request: Request, key: str) -> Graph:
    found = visible(Programme, key, request.user)
    if found is None:
        raise NotFound
    return graph_of(found, request.user, day_of_question(request))
