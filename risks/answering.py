"""What people can say from an e-mail about a risk: that they have looked at it again."""

from django import forms
from django.utils import timezone

from cmast.answer_fields import Said, SaidDateField
from cmast.answering import Answer, Topic, register
from cmast.handing_over import HandOver
from risks.models import Risk


class Reviewed(Answer):
    name = "reviewed"
    says = "I have reviewed it: nothing has changed"
    hint = "The scores and what is done about it still hold."
    buttons = (("send", "Record the review"),)

    next_review = SaidDateField(
        must_have_day=True, required=False, label="When should it be looked at again?", help_text="For example 27 9 2024."
    )
    summary = forms.CharField(
        required=False,
        max_length=2000,
        label="Anything to add?",
        help_text="What you found, in a sentence or two. You can leave it empty.",
        widget=forms.Textarea({"rows": 3}),
    )

    def clean_next_review(self) -> Said | None:
        said: Said | None = self.cleaned_data["next_review"]
        if said and said.on == timezone.localdate():
            raise forms.ValidationError("Give a later day than today.", code="past")
        return said

    def act(self) -> str:
        said: Said | None = self.cleaned_data["next_review"]
        self.record.review(
            by=self.person,
            reviewed_on=timezone.localdate(),
            summary=self.cleaned_data["summary"] or "No change.",
            next_review_on=said.on if said else None,
        )
        return f"You have reviewed “{self.record}”."


class HandOverRisk(HandOver):
    owner = "owner"


register(
    Topic(
        Risk,
        asks=lambda risk: "Does this still hold?",
        facts=lambda risk: [
            (risk.get_kind_display(), risk.title),
            ("What it means", risk.description),
            ("Status", risk.get_status_display()),
            ("Score now", str(risk.current_score or "not scored")),
            ("Workstream", ", ".join(str(part) for part in (risk.workstream, risk.programme) if part)),
        ],
        answers=(Reviewed, HandOverRisk),
        settled=lambda risk, person: f"“{risk}” is closed." if risk.status == Risk.Status.CLOSED else "",
    )
)
