"""Mail is not lost and not repeated without a trace, whatever kills its senders."""

import json
import os
from pathlib import Path

import pytest

from tests.chaos.mailer import POINTS
from tests.deployment.running import BIN, start
from tests.sink import running

#: Mails that are sent while their senders die.
MAILS = int(os.environ.get("CMAST_MAILS", "24"))


@pytest.mark.real_time
def test_no_mail_is_lost_and_every_repetition_is_in_the_ledger(register: dict[str, str]) -> None:
    folder = Path(register["CMAST_VAR_DIR"])
    with running() as sink:
        env = register | {"CMAST_EMAIL_URL": f"smtp://127.0.0.1:{sink.port}"}
        code = f"from tests.chaos import mailer; mailer.main({MAILS})"
        sender = start([f"{BIN}/python", "manage.py", "shell", "-c", code], env, folder / "mail.log")
        assert sender.wait(120) == 0, (folder / "mail.log").read_text()[-3000:]
    ledger = json.loads((folder / "ledger.json").read_text())
    deaths = (folder / "deaths").read_text().split()
    arrived = sink.ids
    lost = [mail for mail, row in ledger.items() if not arrived[mail]]
    repeated = [mail for mail, number in arrived.items() if number > 1]
    print(f"{len(ledger)} mails, {len(deaths)} deaths at {sorted({*deaths})}, {len(lost)} lost, {len(repeated)} repeated")
    assert len(ledger) == MAILS and deaths and set(deaths) <= set(POINTS)
    assert {row["state"] for row in ledger.values()} <= {"sent", "unknown"}
    assert lost == []
    assert all(ledger[mail]["ambiguous"] >= arrived[mail] - 1 for mail in repeated)
