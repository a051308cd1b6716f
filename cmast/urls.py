"""Every route, one line each."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import LogoutView
from django.urls import include, path, re_path
from rest_framework.routers import SimpleRouter

from cmast import pages
from cmast import views as cmast
from cmast.answering import AnswerView
from cmast.api import problems
from cmast.api.changes import FeedView
from cmast.fewer import FewerView
from cmast.mail_api import MailViewSet, ReminderViewSet
from cmast.sign_in import SignInView
from metrics import analysis
from metrics import views as metrics
from metrics.benefit_views import SavingsView
from metrics.facts import FactsView
from programmes import answers as programme_answers
from programmes import pages as programme_pages
from programmes import views as programmes
from programmes.accuracy import ForecastAccuracyView
from programmes.calendars import CalendarView
from risks import views as risks


class Router(SimpleRouter):
    """A route has the methods that its view takes, and no others."""

    def get_method_map(self, viewset: Any, method_map: Any) -> dict[str, str]:
        found = super().get_method_map(viewset, method_map)
        offered = viewset.http_method_names
        return {method: name for method, name in found.items() if method in offered and getattr(viewset, name) is not None}


api = Router(trailing_slash=True)
api.register("organisations", cmast.OrganisationViewSet, "organisation")
api.register("sites", cmast.SiteViewSet, "site")
api.register("people", cmast.PersonViewSet, "person")
api.register("memberships", cmast.MembershipViewSet, "membership")
api.register("sources", cmast.SourceViewSet, "source")
api.register("source-sections", cmast.SourceSectionViewSet, "source-section")
api.register("notes", cmast.NoteViewSet, "note")
api.register("note-subjects", cmast.NoteSubjectViewSet, "note-subject")
api.register("restrictions", cmast.RestrictionViewSet, "restriction")
api.register("reminder-rules", cmast.ReminderRuleViewSet, "reminder-rule")
api.register("suppressions", cmast.SuppressionViewSet, "suppression")
api.register("webhooks", cmast.WebhookViewSet, "webhook")
api.register("tokens", cmast.TokenViewSet, "token")

api.register("plan-years", programmes.PlanYearViewSet, "plan-year")
api.register("programmes", programmes.ProgrammeViewSet, "programme")
api.register("objectives", programmes.ObjectiveViewSet, "objective")
api.register("workstreams", programmes.WorkstreamViewSet, "workstream")
api.register("deliverables", programmes.DeliverableViewSet, "deliverable")
api.register("milestones", programmes.MilestoneViewSet, "milestone")
api.register("forecasts", programmes.ForecastViewSet, "forecast")
api.register("forums", programmes.ForumViewSet, "forum")
api.register("meetings", programmes.MeetingViewSet, "meeting")
api.register("role-holders", programmes.RoleHolderViewSet, "role-holder")
api.register("approvals", programmes.ApprovalViewSet, "approval")
api.register("approval-snapshots", programmes.SnapshotViewSet, "snapshot")
api.register("votes", programmes.VoteViewSet, "vote")
api.register("conditions", programmes.ConditionViewSet, "condition")
api.register("waits", programmes.WaitViewSet, "wait")
api.register("agenda-items", programmes.AgendaItemViewSet, "agenda-item")
api.register("decisions", programmes.DecisionViewSet, "decision")
api.register("actions", programmes.ActionViewSet, "action")
api.register("funding", programmes.FundingViewSet, "funding")
api.register("procurements", programmes.ProcurementViewSet, "procurement")
api.register("mutual-aid", programmes.MutualAidViewSet, "mutual-aid")
api.register("reporting-periods", programmes.ReportingPeriodViewSet, "reporting-period")
api.register("updates", programmes.UpdateViewSet, "update")
api.register("update-facts", programmes.UpdateFactViewSet, "update-fact")
api.register("calendar-feeds", programmes.CalendarFeedViewSet, "calendar-feed")
api.register("closures", programmes.ClosureViewSet, "closure")
api.register("health-rules", programmes.HealthRuleViewSet, "health-rule")
api.register("health-overrides", programmes.HealthOverrideViewSet, "health-override")
api.register("handovers", programmes.HandoverViewSet, "handover")

api.register("metrics", metrics.MetricViewSet, "metric")
api.register("metric-levels", metrics.MetricLevelViewSet, "metric-level")
api.register("series-breaks", metrics.SeriesBreakViewSet, "series-break")
api.register("rebases", metrics.RebaseViewSet, "rebase")
api.register("series-settings", metrics.SeriesSettingViewSet, "series-setting")
api.register("period-locks", metrics.PeriodLockViewSet, "period-lock")
api.register("targets", metrics.TargetViewSet, "target")
api.register("trajectories", metrics.TrajectoryViewSet, "trajectory")
api.register("trajectory-points", metrics.TrajectoryPointViewSet, "trajectory-point")
api.register("cohorts", metrics.CohortViewSet, "cohort")
api.register("observations", metrics.ObservationViewSet, "observation")
api.register("imports", metrics.ImportViewSet, "import")
api.register("import-mappings", metrics.ImportMappingViewSet, "import-mapping")
api.register("benefits", metrics.BenefitViewSet, "benefit")
api.register("benefit-figures", metrics.BenefitFigureViewSet, "benefit-figure")
api.register("benefit-months", metrics.BenefitMonthViewSet, "benefit-month")
api.register("quality-impacts", metrics.QualityImpactViewSet, "quality-impact")
api.register("saving-weights", metrics.SavingWeightViewSet, "saving-weight")
api.register("findings", metrics.FindingViewSet, "finding")
api.register("finding-subjects", metrics.FindingSubjectViewSet, "finding-subject")

api.register("risks", risks.RiskViewSet, "risk")
api.register("scores", risks.ScoreViewSet, "score")
api.register("score-bands", risks.ScoreBandViewSet, "score-band")
api.register("controls", risks.ControlViewSet, "control")
api.register("mitigations", risks.MitigationViewSet, "mitigation")
api.register("reviews", risks.ReviewViewSet, "review")


def _of_one(viewset: Any, basename: str) -> Any:
    router = Router()
    router.register("", viewset, basename)
    return include(router.urls)


#: Below the prefix of each resource, so that an address is compared with some fifty prefixes and not with all routes.
resources = [path(f"{prefix}/", _of_one(viewset, basename)) for prefix, viewset, basename in api.registry]

urlpatterns = [
    path("", pages.home, name="home"),
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("health/live/", pages.live, name="live"),
    path("health/ready/", pages.ready, name="ready"),
    path("admin/", admin.site.urls),
    path("calendar/<secret>.ics", CalendarView.as_view(), name="calendar"),
    path("fewer/<secret>/", FewerView.as_view(), name="fewer"),
    path("answer/<secret>/", AnswerView.as_view(), name="answer"),
    path("answer/<secret>/<slug:answer>/", AnswerView.as_view(), name="answer-by"),
    path("api/v1/changes/", FeedView.as_view(), name="changes"),
    path("api/v1/reminders/", ReminderViewSet.as_view({"get": "list"}), name="reminders"),
    path("api/v1/mail/", MailViewSet.as_view({"get": "list"}), name="mail"),
    path("api/v1/mail/<uuid:pk>/", MailViewSet.as_view({"get": "retrieve"}), name="mail-detail"),
    path("api/v1/mail/<uuid:pk>/send-again/", MailViewSet.as_view({"post": "send_again"}), name="mail-send-again"),
    path("api/v1/mail/<uuid:pk>/settle-arrived/", MailViewSet.as_view({"post": "settle_arrived"}), name="mail-arrived"),
    path("api/v1/mail/<uuid:pk>/settle-given-up/", MailViewSet.as_view({"post": "settle_given_up"}), name="mail-given-up"),
    path("api/v1/spc/", analysis.SpcView.as_view(), name="spc"),
    path("api/v1/series/<metric>/<organisation>/", analysis.SeriesView.as_view(), name="series"),
    path("api/v1/series/<metric>/<organisation>/chart.svg", analysis.SeriesChartView.as_view(), name="series-chart"),
    path("api/v1/series/<metric>/<organisation>/burn-down.svg", analysis.BurnDownView.as_view(), name="burn-down"),
    path("api/v1/series/<metric>/<organisation>/chart.png", analysis.SeriesPictureView.as_view(), name="series-picture"),
    path("api/v1/forecast-accuracy/", ForecastAccuracyView.as_view(), name="forecast-accuracy"),
    path("api/v1/facts/<table>/", FactsView.as_view(), name="facts"),
    path("api/v1/metrics/scorecard/", analysis.ScorecardView.as_view(), name="scorecard"),
    path("api/v1/metrics/<metric>/league/", analysis.LeagueView.as_view(), name="league"),
    path("api/v1/metrics/<metric>/series.svg", analysis.SideBySideView.as_view(), name="metric-series-chart"),
    path("api/v1/metrics/<metric>/league.svg", analysis.LeagueChartView.as_view(), name="league-chart"),
    path("api/v1/programmes/<key>/health/", programmes.HealthView.as_view(), name="programme-health"),
    path("api/v1/workstreams/<key>/health/", programmes.WorkstreamHealthView.as_view(), name="workstream-health"),
    path("api/v1/risks/heat-map/", risks.HeatMapView.as_view(), name="heat-map"),
    path("api/v1/risks/heat-map.svg", risks.HeatMapChartView.as_view(), name="heat-map-chart"),
    path("api/v1/risks/standing/", risks.StandingView.as_view(), name="standing"),
    path("api/v1/programmes/<programme>/savings/", SavingsView.as_view(), name="savings"),
    path("api/v1/metrics/<metric>/league.png", analysis.LeaguePictureView.as_view(), name="league-picture"),
    path("api/v1/approvals/<key>/outcome/", programme_answers.OutcomeView.as_view(), name="outcome"),
    path("api/v1/programmes/<key>/dependencies/", programme_answers.DependenciesView.as_view(), name="dependencies"),
    path(
        "api/v1/programmes/<key>/dependencies.svg",
        programme_answers.DependenciesChartView.as_view(),
        name="dependencies-chart",
    ),
    path("programmes/<slug:key>/dependencies/", programme_pages.dependencies, name="dependencies-page"),
    path("api/v1/", include(resources)),
    path("api/schema/", pages.SchemaView.as_view(), name="schema"),
    path("api/docs/", pages.DocsView.as_view(), name="docs"),
    re_path("^api/", pages.UnknownApiView.as_view(), name="api-unknown"),
]

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.server_error
