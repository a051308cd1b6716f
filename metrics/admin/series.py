"""Desks for how a series is analysed, where not as usual."""

from cmast.desk.groups import METRICS
from cmast.desk.records import RecordAdmin


class RebaseAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("metric", "organisation", "starts_on", "reason", "decided_by", "decided_on")
    list_filter = ("organisation",)
    search_fields = ("metric__name", "reason", "key")
    sections = ((None, (("metric", "organisation"), "starts_on", "reason", ("decided_by", "decided_on"))),)


class SeriesSettingAdmin(RecordAdmin):
    group = METRICS
    is_detail = True
    list_display = ("metric", "organisation", "is_screened", "fix_after_n_points", "reason", "decided_by", "decided_on")
    list_filter = ("organisation",)
    search_fields = ("metric__name", "reason", "key")
    sections = (
        (
            None,
            (
                ("metric", "organisation"),
                ("is_screened", "fix_after_n_points"),
                "reason",
                ("decided_by", "decided_on"),
            ),
        ),
    )
