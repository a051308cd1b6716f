"""Models of the collaborative itself."""

from cmast.models.access import AccessStamp
from cmast.models.changes import Change, FeedEntry
from cmast.models.idempotency import IdempotencyKey
from cmast.models.jobs import JobRun
from cmast.models.links import AnswerLink
from cmast.models.mail import MailAction, MailDelivery, MailTransport, Suppression
from cmast.models.notes import Note, NoteSubject
from cmast.models.organisations import Organisation, Site
from cmast.models.people import ApiToken, Membership, Person, Reader
from cmast.models.records import Record, RecordQuerySet
from cmast.models.reminders import Reminder, ReminderDay, ReminderRule
from cmast.models.restrictions import Restriction
from cmast.models.sign_ins import SignInFailure
from cmast.models.sources import Source, SourceSection
from cmast.models.webhooks import Webhook, WebhookDelivery, WebhookProgress, WebhookSecret

__all__ = [
    "AccessStamp",
    "AnswerLink",
    "ApiToken",
    "Change",
    "FeedEntry",
    "IdempotencyKey",
    "JobRun",
    "MailAction",
    "MailDelivery",
    "MailTransport",
    "Membership",
    "Note",
    "NoteSubject",
    "Organisation",
    "Person",
    "Reader",
    "Record",
    "RecordQuerySet",
    "Reminder",
    "ReminderDay",
    "ReminderRule",
    "Restriction",
    "SignInFailure",
    "Site",
    "Source",
    "SourceSection",
    "Suppression",
    "Webhook",
    "WebhookDelivery",
    "WebhookProgress",
    "WebhookSecret",
]
