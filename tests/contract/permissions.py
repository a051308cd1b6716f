"""The permission table: who may do what through the API. Every cell is tried out by `test_permissions.py`.

RESOURCES says in one word what each caller is to each resource, ANSWERS what that word means for each route, method and record.

read   reads all, writes nothing
area   reads all; writes what is their own: of their programme, workstream or organisation. The last column says by which relation
all    reads and writes all
mine   reads and writes what belongs to them; what belongs to others does not exist
named  reads what names them, writes nothing; what does not name them does not exist
every  as mine, and what belongs to others too
feed   reads what is about records that they may read

Whatever they ask for, strangers are answered 401 and people without a current role 403. A read-only token is answered as the
person whose it is when it reads, and 403 when it writes. A method that a route does not have is answered 405.
"""

#: Columns of the table: a role or roles with the same rights.
CALLERS = {
    "readers": (
        "viewer board_reader chair_sponsor clinical_lead finance_lead business_change_manager benefit_owner risk_owner "
        "risk_actionee"
    ),
    "trusts": "trust_contributor trust_approver",
    "leads": "workstream_lead",
    "managers": "programme_manager programme_director sro",
    "pmo": "pmo",
    "admin": "admin",
}

RESOURCES = """
resource            readers  trusts  leads  managers  pmo    admin  own_through
changes             feed     feed    feed   feed      feed   feed   -
tokens              mine     mine    mine   mine      mine   mine   owner=user
webhooks            mine     mine    mine   mine      every  every  owner=owner
restrictions        named    named   named  named     mine   every  owner=named
reminder-rules      read     read    read   read      all    all    -
suppressions        read     read    read   read      all    all    -
organisations       read     read    read   read      all    all    -
sites               read     read    read   read      all    all    -
people              read     read    read   read      all    all    -
memberships         read     read    read   read      all    all    -
sources             read     read    read   read      all    all    -
source-sections     read     read    read   read      all    all    -
notes               read     read    read   read      all    all    -
note-subjects       read     read    read   read      all    all    -
plan-years          read     read    read   read      all    all    -
programmes          read     read    read   area      all    all    programme=pk
objectives          read     read    read   area      all    all    programme=programme
workstreams         read     read    read   area      all    all    programme=programme
deliverables        read     read    read   area      all    all    programme=objective__programme
milestones          read     read    area   area      all    all    programme=programme workstream=workstream
forecasts           read     read    area   area      all    all    programme=milestone__programme workstream=milestone__workstream
forums              read     read    read   area      all    all    programme=programme
meetings            read     read    read   area      all    all    programme=forum__programme
role-holders        read     read    read   area      all    all    programme=programme
approvals           read     read    read   area      all    all    programme=programme
approval-snapshots  read     read    read   area      all    all    programme=approval__programme
votes               read     area    read   area      all    all    programme=approval__programme organisation=organisation
conditions          read     area    read   area      all    all    programme=vote__approval__programme organisation=vote__organisation
waits               read     read    read   area      all    all    programme=programme
agenda-items        read     read    read   area      all    all    programme=meeting__forum__programme
decisions           read     read    read   area      all    all    programme=programme
actions             read     read    area   area      all    all    programme=programme workstream=workstream
funding             read     read    read   area      all    all    programme=programme
procurements        read     read    read   area      all    all    programme=programme
mutual-aid          read     read    read   area      all    all    programme=programme
reporting-periods   read     read    read   read      all    all    -
calendar-feeds      mine     mine    mine   mine      every  every  owner=owner
updates             read     read    area   area      all    all    programme=programme workstream=workstream
update-facts        read     read    area   area      all    all    programme=update__programme workstream=update__workstream
closures            read     read    read   area      all    all    programme=programme
health-rules        read     read    read   read      all    all    -
health-overrides    read     read    read   area      all    all    programme=programme
handovers           read     read    read   area      all    all    programme=closure__programme
metrics             read     read    read   area      all    all    programme=programme
metric-levels       read     read    read   area      all    all    programme=metric__programme
series-breaks       read     read    read   area      all    all    programme=metric__programme
rebases             read     read    read   area      all    all    programme=metric__programme
series-settings     read     read    read   area      all    all    programme=metric__programme
period-locks        read     read    read   area      all    all    programme=programme
targets             read     read    read   area      all    all    programme=metric__programme
trajectories        read     read    read   area      all    all    programme=metric__programme
trajectory-points   read     read    read   area      all    all    programme=trajectory__metric__programme
cohorts             read     read    read   area      all    all    programme=metric__programme
observations        read     area    read   area      all    all    programme=metric__programme organisation=organisation
import-mappings     read     read    read   read      all    all    -
imports             area     area    area   area      all    all    person=submitted_by
benefits            read     read    read   area      all    all    programme=programme
benefit-figures     read     read    read   area      all    all    programme=benefit__programme
benefit-months      read     read    read   area      all    all    programme=benefit__programme
quality-impacts     read     read    read   area      all    all    programme=benefit__programme
saving-weights      read     read    read   read      all    all    -
findings            read     read    read   area      all    all    programme=programme
finding-subjects    read     read    read   read      read   read   -
risks               read     read    area   area      all    all    programme=programme workstream=workstream
scores              read     read    area   area      all    all    programme=risk__programme workstream=risk__workstream
score-bands         read     read    read   read      all    all    -
controls            read     read    area   area      all    all    programme=risk__programme workstream=risk__workstream
mitigations         read     area    area   area      all    all    programme=risk__programme workstream=risk__workstream organisation=organisation
reviews             read     read    area   area      all    all    programme=risk__programme workstream=risk__workstream
"""

#: What each word means. `verb` stands for every verb of a record (`cmast.models.verbs`): 200 says that it answers, be it that
#: something is missing. Bodies are {}, so 400 says: allowed, but that is no record; 428: allowed, but say which version you have
#: read. PATCH and DELETE do say it. A restricted record names other people; a deleted one is what other systems call
#: archived.
ANSWERS = """
route       method  record      read  area  all  mine  named  every  feed
list        GET     -           200   200   200  200   200    200    200
list        HEAD    -           200   200   200  200   200    200    200
list        POST    -           403   400   400  400   403    400    -
bulk        POST    -           403   400   400  400   403    400    -

external    PUT     own         -     428   428  428   403    428    -
external    PUT     others      403   403   428  400   403    428    -
external    PUT     restricted  403   400   400  400   -      400    -
external    PUT     deleted     403   400   400  400   403    400    -

detail      GET     own         -     200   200  200   200    200    -
detail      GET     others      200   200   200  404   404    200    -
detail      GET     restricted  404   404   404  404   -      404    -
detail      GET     deleted     404   404   404  404   404    404    -
detail      HEAD    own         -     200   200  200   200    200    -
detail      PUT     own         -     428   428  428   403    428    -
detail      PUT     others      403   403   428  404   403    428    -
detail      PUT     restricted  403   404   404  404   -      404    -
detail      PUT     deleted     403   404   404  404   403    404    -
detail      PATCH   own         -     200   200  200   403    200    -
detail      PATCH   others      403   403   200  404   403    200    -
detail      PATCH   restricted  403   404   404  404   -      404    -
detail      PATCH   deleted     403   404   404  404   403    404    -
detail      DELETE  own         -     204   204  204   403    204    -
detail      DELETE  others      403   403   204  404   403    204    -
detail      DELETE  restricted  403   404   404  404   -      404    -
detail      DELETE  deleted     403   404   404  404   403    404    -

history     GET     own         -     200   200  200   200    200    -
history     GET     others      200   200   200  404   404    200    -
history     GET     restricted  404   404   404  404   -      404    -
history     GET     deleted     200   200   200  404   404    404    -
history     HEAD    own         -     200   200  200   200    200    -

verb        POST    own         -     200   200  200   -      200    -
verb        POST    others      403   403   200  404   -      200    -
verb        POST    restricted  403   404   404  404   -      404    -
verb        POST    deleted     403   404   404  404   -      404    -

realisation GET     own         -     200   200  -     -      -      -
realisation GET     others      200   200   200  -     -      -      -
realisation GET     restricted  404   404   404  -     -      -      -
realisation GET     deleted     404   404   404  -     -      -      -
realisation HEAD    own         -     200   200  -     -      -      -
closure-checklist GET own         -     200   200  -     -      -      -
closure-checklist GET others      200   200   200  -     -      -      -
closure-checklist GET restricted  404   404   404  -     -      -      -
closure-checklist GET deleted     404   404   404  -     -      -      -
closure-checklist HEAD own        -     200   200  -     -      -      -

comparisons GET     own         -     200   200  -     -      -      -
comparisons GET     others      200   200   200  -     -      -      -
comparisons GET     restricted  404   404   404  -     -      -      -
comparisons GET     deleted     404   404   404  -     -      -      -
comparisons HEAD    own         -     200   200  -     -      -      -
revise      POST    own         -     400   400  -     -      -      -
revise      POST    others      403   403   400  -     -      -      -
revise      POST    restricted  403   404   404  -     -      -      -
revise      POST    deleted     403   404   404  -     -      -      -
errors      GET     own         -     200   200  -     -      -      -
errors      GET     others      -     200   200  -     -      -      -
errors      GET     restricted  -     404   404  -     -      -      -
errors      GET     deleted     -     404   404  -     -      -      -
errors      HEAD    own         -     200   200  -     -      -      -
changes     GET     own         -     200   200  -     -      -      -
changes     GET     others      -     200   200  -     -      -      -
changes     GET     restricted  -     404   404  -     -      -      -
changes     GET     deleted     -     404   404  -     -      -      -
changes     HEAD    own         -     200   200  -     -      -      -
preview     GET     own         -     -     200  -     -      -      -
preview     GET     others      200   -     200  -     -      -      -
preview     GET     restricted  404   -     404  -     -      -      -
preview     GET     deleted     404   -     404  -     -      -      -
preview     HEAD    own         -     -     200  -     -      -      -
run         POST    own         -     202   202  -     -      -      -
run         POST    others      -     403   202  -     -      -      -
run         POST    restricted  -     404   404  -     -      -      -
run         POST    deleted     -     404   404  -     -      -      -

completeness GET    own         -     -     200  -     -      -      -
completeness GET    others      200   -     200  -     -      -      -
completeness GET    restricted  404   -     404  -     -      -      -
completeness GET    deleted     404   -     404  -     -      -      -
completeness HEAD   own         -     -     200  -     -      -      -
changes     GET     own         -     200   200  -     -      -      -
changes     GET     others      200   200   200  -     -      -      -
changes     GET     restricted  404   404   404  -     -      -      -
changes     GET     deleted     404   404   404  -     -      -      -
changes     HEAD    own         -     200   200  -     -      -      -
renew       POST    own         -     -     -    200   -      200    -
renew       POST    others      -     -     -    404   -      200    -
renew       POST    restricted  -     -     -    404   -      404    -
renew       POST    deleted     -     -     -    404   -      404    -

deliveries  GET     own         -     -     -    200   -      200    -
deliveries  GET     others      -     -     -    404   -      200    -
deliveries  GET     restricted  -     -     -    404   -      404    -
deliveries  GET     deleted     -     -     -    404   -      404    -
deliveries  HEAD    own         -     -     -    200   -      200    -
rotate      POST    own         -     -     -    200   -      200    -
rotate      POST    others      -     -     -    404   -      200    -
rotate      POST    restricted  -     -     -    404   -      404    -
rotate      POST    deleted     -     -     -    404   -      404    -
test        POST    own         -     -     -    202   -      202    -
test        POST    others      -     -     -    404   -      202    -
test        POST    restricted  -     -     -    404   -      404    -
test        POST    deleted     -     -     -    404   -      404    -
replay      POST    own         -     -     -    202   -      202    -
replay      POST    others      -     -     -    404   -      202    -
replay      POST    restricted  -     -     -    404   -      404    -
replay      POST    deleted     -     -     -    404   -      404    -
"""

#: Routes outside the resources: name -> the answer to a GET by a stranger, a viewer and the PMO.
PAGES = {
    "home": (302, 302, 302),  # to the sign-in, the documentation, the admin
    "sign-in": (200, 302, 302),
    "sign-out": (405, 405, 405),  # by POST only
    "answer": (404, 404, 404),  # with a secret that nobody has
    "answer-by": (404, 404, 404),
    "fewer": (404, 404, 404),
    "calendar": (404, 404, 404),
    "live": (200, 200, 200),
    "ready": (200, 200, 200),
    "reminders": (401, 200, 200),  # of others than the PMO, an empty page
    "mail": (401, 200, 200),
    "mail-detail": (401, 404, 404),  # of a mail that is not there
    "mail-send-again": (401, 405, 405),
    "mail-arrived": (401, 405, 405),
    "mail-given-up": (401, 405, 405),
    "spc": (401, 405, 405),  # by POST only
    "series": (401, 200, 200),
    "burn-down": (401, 200, 200),
    "series-chart": (401, 200, 200),
    "series-picture": (401, 200, 200),
    "facts": (401, 200, 200),
    "forecast-accuracy": (401, 200, 200),
    "scorecard": (401, 200, 200),
    "savings": (401, 200, 200),
    "league": (401, 200, 200),
    "league-chart": (401, 200, 200),
    "metric-series-chart": (401, 200, 200),
    "programme-health": (401, 200, 200),
    "workstream-health": (401, 200, 200),
    "heat-map": (401, 200, 200),
    "heat-map-chart": (401, 200, 200),
    "standing": (401, 200, 200),
    "league-picture": (401, 200, 200),
    "outcome": (401, 200, 200),
    "dependencies": (401, 200, 200),
    "dependencies-chart": (401, 200, 200),
    "dependencies-page": (302, 200, 200),
    "schema": (401, 200, 200),
    "docs": (302, 200, 200),
    "api-unknown": (401, 404, 404),
    "admin": (302, 302, 200),
}
