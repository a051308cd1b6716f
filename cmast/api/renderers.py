"""Answers as JSON."""

from typing import Any

import orjson
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer


class Negotiation(DefaultContentNegotiation):
    """As DRF does it, without looking closely where JSON is asked for, or nothing in particular."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        renderer = renderers[0]
        if request.META.get("HTTP_ACCEPT", "*/*") in ("*/*", renderer.media_type):
            return renderer, renderer.media_type
        return super().select_renderer(request, renderers, format_suffix)


class OrjsonRenderer(BaseRenderer):
    """UTF-8 JSON; translated texts become plain ones."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else orjson.dumps(data, default=str)
