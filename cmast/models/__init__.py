"""Models of the collaborative itself."""

from cmast.models.changes import Change
from cmast.models.idempotency import IdempotencyKey
from cmast.models.jobs import JobRun
from cmast.models.notes import Note, NoteSubject
from cmast.models.organisations import Organisation, Site
from cmast.models.people import ApiToken, Membership, Person
from cmast.models.records import Record, RecordQuerySet
from cmast.models.sources import Source, SourceSection

__all__ = [
    "ApiToken",
    "Change",
    "IdempotencyKey",
    "JobRun",
    "Membership",
    "Note",
    "NoteSubject",
    "Organisation",
    "Person",
    "Record",
    "RecordQuerySet",
    "Site",
    "Source",
    "SourceSection",
]
