"""The permission table: who may do what with each resource of the API. Every cell is tried out by `test_permissions.py`.

r    reads all rows
rw   reads all rows, creates, changes and deletes any
rw*  reads all rows, creates, changes and deletes what is their own: of their programme, workstream or organisation

The last column says by which relation something is a role's own. Strangers are answered 401 and people without a current
role 403, whatever they ask for. A read-only token reads what its owner reads and writes nothing.
"""

RESOURCES = """
resource            viewer  trust_contributor  workstream_lead  programme_manager  pmo  own_through
organisations       r       r                  r                r                  rw   -
sites               r       r                  r                r                  rw   -
people              r       r                  r                r                  rw   -
memberships         r       r                  r                r                  rw   -
sources             r       r                  r                r                  rw   -
source-sections     r       r                  r                r                  rw   -
notes               r       r                  r                r                  rw   -
note-subjects       r       r                  r                r                  rw   -
plan-years          r       r                  r                r                  rw   -
programmes          r       r                  r                rw*                rw   programme=pk
objectives          r       r                  r                rw*                rw   programme=programme
workstreams         r       r                  r                rw*                rw   programme=programme
deliverables        r       r                  r                rw*                rw   programme=objective__programme
milestones          r       r                  rw*              rw*                rw   programme=programme workstream=workstream
forums              r       r                  r                rw*                rw   programme=programme
meetings            r       r                  r                rw*                rw   programme=forum__programme
role-holders        r       r                  r                rw*                rw   programme=programme
approvals           r       r                  r                rw*                rw   programme=programme
approval-snapshots  r       r                  r                rw*                rw   programme=approval__programme
votes               r       rw*                r                rw*                rw   programme=approval__programme organisation=organisation
decisions           r       r                  r                rw*                rw   programme=programme
actions             r       r                  rw*              rw*                rw   programme=programme workstream=workstream
funding             r       r                  r                rw*                rw   programme=programme
procurements        r       r                  r                rw*                rw   programme=programme
mutual-aid          r       r                  r                rw*                rw   programme=programme
updates             r       r                  rw*              rw*                rw   programme=programme workstream=workstream
update-facts        r       r                  rw*              rw*                rw   programme=update__programme workstream=update__workstream
closures            r       r                  r                rw*                rw   programme=programme
metrics             r       r                  r                rw*                rw   programme=programme
metric-levels       r       r                  r                rw*                rw   programme=metric__programme
series-breaks       r       r                  r                rw*                rw   programme=metric__programme
targets             r       r                  r                rw*                rw   programme=metric__programme
trajectories        r       r                  r                rw*                rw   programme=metric__programme
trajectory-points   r       r                  r                rw*                rw   programme=trajectory__metric__programme
cohorts             r       r                  r                rw*                rw   programme=metric__programme
observations        r       rw*                r                rw*                rw   programme=metric__programme organisation=organisation
benefits            r       r                  r                rw*                rw   programme=programme
benefit-figures     r       r                  r                rw*                rw   programme=benefit__programme
risks               r       r                  rw*              rw*                rw   programme=programme workstream=workstream
scores              r       r                  rw*              rw*                rw   programme=risk__programme workstream=risk__workstream
score-bands         r       r                  r                r                  rw   -
mitigations         r       rw*                rw*              rw*                rw   programme=risk__programme workstream=risk__workstream organisation=organisation
reviews             r       r                  rw*              rw*                rw   programme=risk__programme workstream=risk__workstream
"""

#: Routes outside the resources: name -> the answer to a GET by a stranger, a viewer and the PMO.
PAGES = {
    "home": (302, 302, 302),  # to the sign-in, the documentation, the admin
    "sign-in": (200, 302, 302),
    "sign-out": (405, 405, 405),  # by POST only
    "live": (200, 200, 200),
    "ready": (200, 200, 200),
    "schema": (401, 200, 200),
    "docs": (302, 200, 200),
    "api-unknown": (401, 404, 404),
    "admin": (302, 302, 200),
}
