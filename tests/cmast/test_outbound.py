"""Calls to addresses that others choose: never into our own network, whatever the address looks like."""

import ipaddress
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cmast import outbound
from cmast.outbound import Unreachable, addresses_of, is_allowed, post, refusal_of
from tests.receiver import Receiver, running

pytestmark = pytest.mark.either_database

LOOPBACK = [ipaddress.ip_network("127.0.0.1/32")]
#: By why they are not public.
PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "192.88.99.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "193.0.6.139", "172.32.0.1", "100.128.0.1", "2606:4700:4700::1111", "2a00:1450:4009::1"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running() as receiver:
        yield receiver


@pytest.fixture
def in_house(settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = LOOPBACK


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused_as_such_and_behind_a_name(address: str) -> None:
    assert not is_allowed(address)
    literal = f"https://[{address}]/" if ":" in address else f"https://{address}/"
    assert refusal_of(literal)
    with pytest.raises(Unreachable, match="not public"):
        post("https://receiver.example/", b"", {}, resolve=lambda host, port: [address])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed_over_tls_only(address: str) -> None:
    assert is_allowed(address) and not is_allowed(address, "http")


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "localhost", "017700000001", "0", "[::ffff:7f00:1]"]
)
def test_numbers_in_other_spellings_and_names_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(Unreachable):
        post(f"https://{host}/", b"", {})


def test_one_address_that_is_not_public_spoils_all_of_them() -> None:
    with pytest.raises(Unreachable, match="not public"):
        post("https://receiver.example/", b"", {}, resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example/",
        "ftp://receiver.example/",
        "//receiver.example/",
        "https:///path",
        "https://user@receiver.example/",
        "https://user:secret@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example:99999/",
        "https://[::1/",
        "https://réceiver.example/",
        "https://receiver.example/\r\nHost: other",
        "https://receiver.example/a b",
    ],
)
def test_addresses_of_another_form_are_refused(url: str) -> None:
    assert refusal_of(url)
    with pytest.raises(Unreachable):
        post(url, b"", {}, resolve=lambda host, port: ["8.8.8.8"])


def test_the_connection_goes_to_the_address_that_was_checked(receiver: Receiver, in_house: None) -> None:
    """A name that answers differently the second time: it is not asked a second time."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    assert post(receiver.url(host="receiver.example"), b"{}", {}, resolve=lambda host, port: next(answers)) == 200
    assert next(answers) == ["10.0.0.1"]
    assert receiver.got[0]["headers"]["host"] == f"receiver.example:{receiver.port}"


def test_the_next_address_is_tried_when_one_takes_no_connection(receiver: Receiver, settings: Any) -> None:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    url = receiver.url(host="receiver.example")
    assert post(url, b"{}", {}, resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]) == 200
    with pytest.raises(Unreachable):  # not for ever
        post(url, b"{}", {}, resolve=lambda host, port: ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"])


def test_a_deployment_may_list_networks_of_its_own_but_not_by_listing_them_open_others(in_house: None) -> None:
    assert is_allowed("127.0.0.1") and is_allowed("127.0.0.1", "http")
    assert not is_allowed("127.0.0.2") and not is_allowed("8.8.8.8", "http")


def test_a_redirect_is_an_answer_and_not_followed(receiver: Receiver, in_house: None) -> None:
    assert post(receiver.url("redirect"), b"{}", {}) == 302
    assert [got["path"] for got in receiver.got] == ["/redirect"]


def test_an_answer_that_never_ends_is_cut_off(receiver: Receiver, in_house: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "DEADLINE", 0.2)
    started = time.perf_counter()
    with pytest.raises(Unreachable):
        post(receiver.url("drip"), b"{}", {})
    assert time.perf_counter() - started < 2


def test_nobody_at_the_other_end_is_said_without_details_of_our_network(receiver: Receiver, in_house: None) -> None:
    receiver.server.server_close()
    with pytest.raises(Unreachable) as refused:
        post(receiver.url(), b"{}", {})
    assert "127.0.0.1" not in str(refused.value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A certificate for receiver.example, and a server's context with it."""
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=receiver.example", "-addext", "subjectAltName=DNS:receiver.example"]
    subprocess.run([*command, *names, "-keyout", key, "-out", made], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    return made, context


@pytest.mark.real_time
def test_tls_is_verified_against_the_name(
    certificate: tuple[Path, ssl.SSLContext], in_house: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(host: str) -> int:
        return post(receiver.url(host=host, scheme="https"), b"{}", {}, resolve=lambda host, port: ["127.0.0.1"])

    made, context = certificate
    with running(context) as receiver:
        with pytest.raises(Unreachable, match="certificate"):
            call("receiver.example")  # nobody vouches for it
        monkeypatch.setenv("SSL_CERT_FILE", str(made))
        assert call("receiver.example") == 200
        with pytest.raises(Unreachable, match="certificate"):
            call("other.example")
        with pytest.raises(Unreachable, match="certificate"):
            post(receiver.url(scheme="https"), b"{}", {})
    assert len(receiver.got) == 1


def test_the_system_is_asked_for_addresses() -> None:
    assert addresses_of("127.0.0.1", 443) == ["127.0.0.1"]
