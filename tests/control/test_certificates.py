"""Certificates do what TLS needs and no more; a real handshake is the judge."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from modelrun_operator.pki.inspect import FILES, problems, validity
from modelrun_operator.pki.issue import issue

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def ours():
    return issue(cluster="study-1", hosts=("study-1-scheduler.lab.svc",), hours=2, now=NOW).files


@pytest.fixture(scope="module")
def foreign():
    return issue(cluster="other-1", hosts=(), hours=2, now=NOW).files


def handshake(tmp_path, files, server, client):
    """Let a server and a client of these roles shake hands; return the protocol."""

    def context(role, purpose, holder):
        pair = tmp_path / f"{role}.pem"
        pair.write_text(holder[f"{role}.crt"] + holder[f"{role}.key"])
        authority = tmp_path / "ca.pem"
        authority.write_text(files["ca.crt"])
        made = ssl.SSLContext(purpose)
        made.minimum_version = ssl.TLSVersion.TLSv1_3
        made.check_hostname = False
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(authority)
        made.load_cert_chain(pair)
        return made

    listening = context(server[0], ssl.PROTOCOL_TLS_SERVER, server[1])
    dialling = context(client[0], ssl.PROTOCOL_TLS_CLIENT, client[1])
    one, two = socket.socketpair()
    failures = []

    def serve():
        try:
            with listening.wrap_socket(one, server_side=True) as secured:
                secured.recv(1)
        except (ssl.SSLError, OSError) as error:
            failures.append(error)
            one.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    two.settimeout(10)
    try:
        with dialling.wrap_socket(two) as secured:
            secured.send(b"x")
            protocol = secured.version()
    finally:
        thread.join(timeout=10)
    if failures:
        raise failures[0]
    return protocol


@pytest.mark.parametrize(
    ("server", "client"),
    [
        ("scheduler", "worker"),
        ("scheduler", "client"),
        ("worker", "worker"),
        ("worker", "scheduler"),
    ],
)
def test_the_roles_that_must_talk_do_so_over_tls_1_3(tmp_path, ours, server, client):
    assert handshake(tmp_path, ours, (server, ours), (client, ours)) == "TLSv1.3"


def test_a_stolen_runner_certificate_cannot_pose_as_a_scheduler(tmp_path, ours):
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(tmp_path, ours, ("client", ours), ("worker", ours))


def test_a_certificate_of_another_run_is_refused(tmp_path, ours, foreign):
    with pytest.raises((ssl.SSLError, OSError)):
        handshake(tmp_path, ours, ("scheduler", ours), ("worker", foreign))


def test_the_authority_keeps_no_key_and_signs_nothing_but_ends(ours):
    assert set(ours) == set(FILES)
    assert "ca.key" not in ours
    authority = x509.load_pem_x509_certificate(ours["ca.crt"].encode())
    constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    assert authority.public_key().curve.name == "secp256r1"


def test_certificates_live_as_long_as_the_run_may(ours):
    found = validity(ours)
    assert found.begin == NOW - timedelta(minutes=5)
    assert found.end == NOW + timedelta(hours=3)
    assert found.holds(now=NOW)
    assert not found.holds(now=NOW + timedelta(hours=3))


def test_what_is_wrong_with_a_set_is_said(ours, foreign):
    assert problems(ours) == ()
    assert problems({**ours, "worker.crt": foreign["worker.crt"]}) == (
        "worker.crt comes from another authority",
        "worker.key belongs to another certificate",
    )
    assert problems({k: v for k, v in ours.items() if k != "client.key"}) == (
        "missing: client.key",
    )
    assert "not readable" in problems({**ours, "ca.crt": "nonsense"})[0]


def test_a_set_is_made_in_milliseconds():
    import time

    begin = time.process_time()
    issue(cluster="a" * 80, hosts=("a",), hours=1, now=NOW)
    assert time.process_time() - begin < 0.5
