"""Calls to addresses that somebody else has chosen, which must not lead into our own network.

A name is resolved once, every address that it stands for is checked, and the connection goes to a checked address: nothing is
resolved a second time, so a name that answers differently the next moment gains nothing. TLS is verified against the name.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

#: Seconds without a sign of life, and seconds that a whole answer may take.
TIMEOUT, DEADLINE = 10.0, 20.0
#: How many addresses of a host are tried.
TRIES = 3
#: Where the global unicast addresses of IPv6 are. What is mapped, translated or local lies elsewhere.
_GLOBAL_6 = ipaddress.ip_network("2000::/3")
#: What not every Python knows as special, and relays and tunnels, which lead to an IPv4 address of somebody's choice.
_SPECIAL = "192.0.0.0/24 192.88.99.0/24 2001::/23 2001:db8::/32 2002::/16 3fff::/20"
_EXCEPT = [ipaddress.ip_network(text) for text in _SPECIAL.split()]


class Unreachable(Exception):
    """No answer came. The message is for the owner of the address and says nothing about our network."""


def refusal_of(url: str) -> str:
    """What is wrong with the form of an address; empty when it may be called."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "This is no address."
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_NETWORKS):
        return "It must begin with https://."
    if parts.username is not None or parts.password is not None:
        return "It must not hold a user name or a password."
    if parts.fragment:
        return "It must not hold a fragment (#)."
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        return "Write it in ASCII, the host with letters, digits, hyphens and dots."
    return "" if _is_name(host) or is_allowed(host, parts.scheme) else "It leads to an address that is not public."


def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def is_allowed(text: str, scheme: str = "https") -> bool:
    """Whether we may connect there: to a public address over TLS, to one in the networks that this deployment lists anyhow."""
    address = ipaddress.ip_address(text)
    if any(address in network for network in settings.WEBHOOK_NETWORKS):
        return True
    return scheme == "https" and _is_public(address)


def _is_public(address: IPAddress) -> bool:
    if address.version == 6 and address not in _GLOBAL_6:
        return False
    special = address.is_multicast or address.is_reserved or any(address in network for network in _EXCEPT)
    return address.is_global and not special


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host, in the order in which the system would try them. Numbers of any spelling are addresses too."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def post(url: str, body: bytes, headers: dict[str, str], resolve: Resolver = addresses_of) -> int:
    """Sends a POST and gives the status of the answer. Redirects are not followed and the body is not read.

    Raises Unreachable.
    """
    if refusal := refusal_of(url):
        raise Unreachable(refusal)
    parts = urlsplit(url)
    connection = _connect(parts, _checked(parts, resolve))
    # A timeout is for one read only: whoever sends a byte now and then would keep us forever.
    deadline = Timer(DEADLINE, _hang_up, [connection])
    deadline.daemon = True
    deadline.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, {**headers, "Host": parts.netloc}, preload_content=False)
        return connection.getresponse().status
    except (OSError, HTTPError, HTTPException) as error:
        raise Unreachable(_in_words(error)) from error
    finally:
        deadline.cancel()
        connection.close()


def _port(parts: SplitResult) -> int:
    return parts.port or (443 if parts.scheme == "https" else 80)


def _checked(parts: SplitResult, resolve: Resolver) -> list[str]:
    """The addresses to try. One that is not allowed spoils all of them."""
    try:
        found = resolve(parts.hostname or "", _port(parts))
    except (OSError, UnicodeError) as error:
        raise Unreachable("Its name cannot be resolved.") from error
    if not found or not all(is_allowed(address.partition("%")[0], parts.scheme) for address in found):
        raise Unreachable("It leads to an address that is not public.")
    return found


def _connect(parts: SplitResult, addresses: list[str]) -> HTTPConnection:
    """A connection to the first address that takes one."""
    for address in addresses[:TRIES]:
        if parts.scheme == "https":
            connection: HTTPConnection = HTTPSConnection(
                address, _port(parts), timeout=TIMEOUT, server_hostname=parts.hostname, ssl_context=ssl.create_default_context()
            )
        else:
            connection = HTTPConnection(address, _port(parts), timeout=TIMEOUT)
        try:
            connection.connect()
        except (OSError, HTTPError) as error:
            connection.close()
            failure = error
        else:
            return connection
    raise Unreachable(_in_words(failure)) from failure


def _hang_up(connection: HTTPConnection) -> None:
    with suppress(OSError, AttributeError):  # it has ended by itself
        connection.sock.shutdown(socket.SHUT_RDWR)


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not valid: {error.verify_message}."
    return f"It did not answer ({type(error).__name__})."
