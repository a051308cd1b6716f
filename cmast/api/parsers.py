"""Request bodies: JSON in UTF-8, within a size, nothing else."""

from typing import IO, Any

import orjson
from django.conf import settings
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, MultiPartParser


class BodyTooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than this server accepts."
    default_code = "body_too_large"


class StrictJSONParser(BaseParser):
    """Refuses NaN, lone surrogates, absurd nesting and whatever is not UTF-8; a charset in the header changes nothing."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not valid JSON: {error}.") from error


class UploadParser(MultiPartParser):
    """A form with a file, which goes to disk while it comes in. A body that says it is too large is not read at all.

    `max_upload` of the view says how many bytes it takes.
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        length = str(parser_context["request"].META.get("CONTENT_LENGTH") or "")
        if length.isdecimal() and int(length) > parser_context["view"].max_upload + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge
        return super().parse(stream, media_type, parser_context)
