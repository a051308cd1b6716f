"""The ways by which a mail leaves: SMTP, SMTP with OAuth, GOV.UK Notify, files.

`send` hands a letter over. It calls `before_data` at the last moment at which the mail is surely unsent; from then on only the
receiver's answer tells. It returns when the mail was taken and otherwise raises one of the failures below, which say what is
known: that is all that the sender acts upon.
"""

import base64
import hmac
import os
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import orjson
import urllib3
from django.conf import settings
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, SSLError

from cmast.letters import Letter, sender

#: Seconds: to connect, for a command, for the end of the message (RFC 5321: ten minutes).
CONNECT, COMMAND, END_OF_DATA = settings.MAIL_TIMEOUTS


class Unsent(Exception):
    """Base of the failures."""


class Unavailable(Unsent):
    """The way is closed: no mail goes through, this one was not sent."""


class Later(Unsent):
    """Not now: the receiver asks to try this mail again."""


class Refused(Unsent):
    """Never: the receiver does not take this mail."""

    def __init__(self, why: str, is_of_address: bool = False) -> None:
        super().__init__(why)
        #: It is the address that does not exist.
        self.is_of_address = is_of_address


class BrokenOff(Unsent):
    """It was under way when the connection broke: nobody knows."""


class Transport(Protocol):
    name: str
    #: Whether it can be asked later what became of a mail.
    has_look_up: bool

    def send(self, letter: Letter, before_data: Callable[[], None]) -> None: ...

    def has_taken(self, reference: str) -> bool:
        """Whether a mail with that reference was taken. Raises Unavailable."""
        ...


def transport() -> Transport:
    """The one that this deployment has chosen."""
    made: dict[str, Callable[[], Transport]] = {"smtp": Smtp, "smtp_oauth": OAuthSmtp, "notify": Notify, "files": Files}
    return made[settings.MAIL_TRANSPORT]()


# --- SMTP -------------------------------------------------------------------------------------------------------------


class Smtp:
    """A mail server, spoken to command by command, because what is known differs before and after DATA."""

    name = "smtp"
    has_look_up = False

    def send(self, letter: Letter, before_data: Callable[[], None]) -> None:
        with self._session() as smtp:
            self._address(smtp, letter.to)
            before_data()
            self._deliver(smtp, letter.as_bytes())

    def has_taken(self, reference: str) -> bool:
        raise Unavailable("A mail server cannot be asked.")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        try:
            smtp = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(in_words(error)) from error
        try:
            yield smtp
        finally:
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        host, port = settings.EMAIL_HOST, settings.EMAIL_PORT
        if settings.EMAIL_USE_SSL:
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=CONNECT, context=ssl.create_default_context())
        else:
            smtp = smtplib.SMTP(host, port, timeout=CONNECT)
        try:
            _wait(smtp, COMMAND)
            if settings.EMAIL_USE_TLS:
                smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
            self._log_in(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        if settings.EMAIL_HOST_USER:
            smtp.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)

    def _address(self, smtp: smtplib.SMTP, to: str) -> None:
        try:
            code, said = smtp.mail(sender())
            if code != 250:
                raise Unavailable(_said(code, said))
            code, said = smtp.rcpt(to)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(in_words(error)) from error
        if code == 421:
            raise Unavailable(_said(code, said))
        if code not in (250, 251):
            _refuse(code, said, is_of_address=code in (550, 551, 553))

    def _deliver(self, smtp: smtplib.SMTP, message: bytes) -> None:
        try:
            _wait(smtp, END_OF_DATA)
            code, said = smtp.data(message)
        except smtplib.SMTPDataError as error:  # it did not even want to see it
            _refuse(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise BrokenOff(in_words(error)) from error
        else:
            if code != 250:
                _refuse(code, said)


def _wait(smtp: smtplib.SMTP, seconds: float) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(seconds)


def _refuse(code: int, said: Any, is_of_address: bool = False) -> None:
    if 500 <= code < 600:
        raise Refused(_said(code, said), is_of_address)
    raise Later(_said(code, said))


def _said(code: int, said: Any) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return f"The mail server answered {code} {' '.join(text.split())}"[:250]


class OAuthSmtp(Smtp):
    """Exchange Online: SMTP as the mailbox `EMAIL_HOST_USER`, with a token of an application instead of a password."""

    name = "smtp_oauth"

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        smtp.auth("XOAUTH2", _xoauth2(settings.EMAIL_HOST_USER, self._token()))

    def _token(self) -> str:
        asked = {
            "grant_type": "client_credentials",
            "client_id": settings.OAUTH_CLIENT_ID,
            "client_secret": settings.OAUTH_CLIENT_SECRET,
            "scope": "https://outlook.office365.com/.default",
        }
        try:
            answer = _http("POST", settings.OAUTH_TOKEN_URL, fields=asked, encode_multipart=False)
        except (HTTPError, OSError) as error:
            raise Unavailable(f"No token: {in_words(error)}") from error
        token = _json(answer).get("access_token")
        if answer.status != 200 or not token:
            raise Unavailable(f"No token: the sign-in service answered {answer.status}.")
        return str(token)


def _xoauth2(mailbox: str, token: str) -> Any:
    """What smtplib asks for: first our answer, then, when the server sends its objection, an empty line."""

    def answer(challenge: bytes | None = None) -> str:
        return f"user={mailbox}\x01auth=Bearer {token}\x01\x01" if challenge is None else ""

    return answer


# --- GOV.UK Notify ----------------------------------------------------------------------------------------------------


class Notify:
    """GOV.UK Notify. It finds a mail by our reference, so that what broke off is looked up and never sent twice."""

    name = "notify"
    has_look_up = True

    def send(self, letter: Letter, before_data: Callable[[], None]) -> None:
        body = {
            "email_address": letter.to,
            "template_id": settings.NOTIFY_TEMPLATE_ID,
            "personalisation": {"subject": letter.heading, "body": letter.text},
            "reference": letter.reference,
        }
        before_data()
        try:
            answer = self._call("POST", "/v2/notifications/email", body=orjson.dumps(body))
        except (NewConnectionError, ConnectTimeoutError, SSLError) as error:
            raise Unavailable(in_words(error)) from error
        except (HTTPError, OSError) as error:
            raise BrokenOff(in_words(error)) from error
        self._take_answer(answer)

    def has_taken(self, reference: str) -> bool:
        try:
            answer = self._call("GET", f"/v2/notifications?reference={reference}")
        except (HTTPError, OSError) as error:
            raise Unavailable(in_words(error)) from error
        if answer.status != 200:
            raise Unavailable(f"Notify answered {answer.status}.")
        return bool(_json(answer).get("notifications"))

    @staticmethod
    def _take_answer(answer: Any) -> None:
        if answer.status == 201:
            return
        why = f"Notify answered {answer.status} {_json(answer).get('errors', '')}"[:250]
        if answer.status == 400:
            raise Refused(why)
        if answer.status in (500, 502, 504):
            raise BrokenOff(why)
        raise Unavailable(why)

    def _call(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {_jwt(settings.NOTIFY_API_KEY)}", "Content-Type": "application/json"}
        return _http(method, settings.NOTIFY_URL + path, headers=headers, **options)


def _jwt(api_key: str) -> str:
    """A key is `name-<service id>-<secret>`, the last two UUIDs; the secret signs who asks and when."""
    service, secret = api_key[-73:-37], api_key[-36:]
    claims = {"iss": service, "iat": int(time.time())}
    signed = b".".join(_base64url(orjson.dumps(part)) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    return (signed + b"." + _base64url(hmac.digest(secret.encode(), signed, "sha256"))).decode()


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _http(method: str, url: str, **options: Any) -> Any:
    """A call to an address that the deployment has set: no redirects, nothing tried twice."""
    timeout = urllib3.Timeout(connect=CONNECT, read=COMMAND)
    with urllib3.PoolManager(timeout=timeout, retries=False) as pool:
        return pool.request(method, url, redirect=False, **options)


def _json(answer: Any) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.data)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


# --- Files ------------------------------------------------------------------------------------------------------------


class Files:
    """A file for each mail, for the register on one machine. The same mail is the same file, so nothing comes twice."""

    name = "files"
    has_look_up = True

    def send(self, letter: Letter, before_data: Callable[[], None]) -> None:
        path = self._path(letter.reference)
        before_data()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(f".{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_bytes(letter.as_bytes())
            draft.replace(path)
        except OSError as error:
            raise Unavailable(in_words(error)) from error

    def has_taken(self, reference: str) -> bool:
        return self._path(reference).exists()

    @staticmethod
    def _path(reference: str) -> Path:
        return Path(settings.MAIL_DIR) / f"{reference}.eml"


def in_words(error: Exception) -> str:
    """What went wrong, in a sentence that says nothing of passwords."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"The mail server does not let us in ({error.smtp_code})."
        case smtplib.SMTPResponseException():
            return _said(error.smtp_code, error.smtp_error)
        case socket.gaierror():
            return "The name of the server cannot be resolved."
        case TimeoutError():
            return "The server did not answer in time."
        case _:
            return f"The connection failed ({type(error).__name__})."
