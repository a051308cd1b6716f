"""Pages of programmes that every member may read."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from cmast.api.finding import visible
from programmes.dependencies import graph_of
from programmes.models import Programme
from programmes.pictures import graph_picture


@login_required
def dependencies(request: HttpRequest, key: str) -> HttpResponse:
    """What waits for what in a programme today, as a picture and as a table."""
    programme = visible(Programme, key, request.user)
    if programme is None:
        raise Http404
    graph = graph_of(programme, request.user, timezone.localdate())
    rows = [(node, graph.awaited_by(thing)) for thing, node in graph.nodes.items()]
    said = {"graph": graph, "picture": graph_picture(graph, "dependencies"), "rows": [row for row in rows if row[1]]}
    return render(request, "programmes/dependencies.html", said)
