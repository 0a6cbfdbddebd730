"""TLS of the gateway: its listeners, and its connections to endpoints. Every certificate is made here."""
import os
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from certificates import Authority
from conftest import PATIENCE, wait_until
from harness import BUILD, Client, Server, free_port, run
from key_changes import Tls
from mesh import GATEWAY, gateway, routes, rule, service, to, write
from peers import Peer

HOST = "gw.test"
HTTPS = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
         "spec": {"selector": {"istio": "ingressgateway"},
                  "servers": [{"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "hosts": ["*"],
                               "tls": {"mode": "SIMPLE", "credentialName": "cert"}}]}}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def trusting(authority):
    context = ssl.create_default_context(cafile=str(authority.path))
    context.set_alpn_protocols(["http/1.1"])
    return context


class TlsServer(Server):
    """Its client trusts the authority, and goes by HOST."""

    def __init__(self, context, *args, **kwargs):
        self.context = context
        super().__init__("headerroute-gateway", *args, ready_path="/", **kwargs)

    def client(self, context=None, **kwargs):
        client = Client(self.port, self.host, **kwargs)
        try:
            client.sock = (context or self.context).wrap_socket(client.sock, server_hostname=HOST)
        except (OSError, ssl.SSLError):
            client.close()
            raise
        return client


def encrypted(tmp_path, authority, pair, *resources, gw=HTTPS, args=()):
    path = write(tmp_path / "mesh.yaml", gw, *resources)
    return TlsServer(trusting(authority), "-f", path, "--admin-host", "test", "--tls-cert", pair[0], "--tls-key", pair[1], *args)


ROUTE = [routes({"route": [to("svc.test")]})]


def serial(client):
    return client.sock.getpeercert()["serialNumber"]


# ---- the listener ----

def test_requests_over_tls_are_routed_as_https(tmp_path, authority):
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE,
                                   service("svc.test", peer)) as gw, gw.client() as client:
        assert client.sock.version() == "TLSv1.3"
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        for body in (None, b"x" * 300000):
            client.request("POST", "/a", body=body)
            assert client.answer().body == (body or b"")
        assert peer.requests[-1].header("x-forwarded-proto") == "https"
        assert gw.wait_line(path="/a")["response_code"] == 200


def test_what_a_handshake_may_be(tmp_path, authority):
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE,
                                   service("svc.test", peer)) as gw:
        old = trusting(authority)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with gw.client(old) as client:
            assert client.sock.version() == "TLSv1.2"
            assert client.sock.cipher()[0].startswith("ECDHE-")
        weak = trusting(authority)
        weak.set_ciphers("AES128-SHA256:AES256-SHA")
        weak.maximum_version = ssl.TLSVersion.TLSv1_2
        older = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        older.check_hostname, older.verify_mode = False, ssl.CERT_NONE
        older.minimum_version = ssl.TLSVersion.TLSv1
        older.maximum_version = ssl.TLSVersion.TLSv1_1
        older.set_ciphers("ALL:@SECLEVEL=0")
        other = trusting(authority)
        other.set_alpn_protocols(["h3"])
        for refused in (weak, older, other):
            with pytest.raises((ssl.SSLError, OSError)):
                gw.client(refused)
        with Client(gw.port) as plain:
            plain.request()
            with pytest.raises((EOFError, OSError, ValueError)):
                plain.answer()  # an alert at most, and no HTTP
        assert gw.call().status == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_listener_resumes_no_session(tmp_path, authority, version):
    """A ticket's key would live as long as the process, and a cache would be memory that clients fill."""
    context = trusting(authority)
    context.minimum_version = context.maximum_version = version
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE, service("svc.test", peer)) as gw:
        with gw.client(context) as client:
            client.request()
            assert client.answer().status == 200  # by then a ticket of TLS 1.3 would have come
            session = client.sock.session
        assert session is None or not session.has_ticket
        with Client(gw.port) as again:
            again.sock = context.wrap_socket(again.sock, server_hostname=HOST, session=session)
            assert not again.sock.session_reused
            again.request()
            assert again.answer().status == 200


def test_renegotiation_is_refused(tmp_path, authority):
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE,
                                   service("svc.test", peer)) as gw:
        openssl = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{gw.port}", "-tls1_2", "-servername", HOST],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        openssl.stdin.write("R\n")
        openssl.stdin.flush()
        out, _ = openssl.communicate(timeout=PATIENCE)
        assert "RENEGOTIATING" in out and ":error:" in out and "bad record mac" not in out, out
        assert gw.call().status == 200


@pytest.mark.parametrize("n, answered", [(64, True), (65, False), (2000, False)])
def test_a_client_changes_its_keys_a_few_times(tmp_path, authority, n, answered):
    """All of it is in the server's socket before the first is read: each costs hundreds of times as much as its 27 bytes."""
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE, service("svc.test", peer)) as gw:
        tls = Tls(socket.create_connection((gw.host, gw.port)))
        tls.change_keys(n)
        tls.write(b"GET /keys HTTP/1.1\r\nHost: test\r\n\r\n")
        tls.flush()
        assert tls.read().startswith(b"HTTP/1.1 200") == answered
        tls.close()
        assert [r.target for r in peer.requests if r.target == "/keys"] == ["/keys"] * answered
        assert gw.call().status == 200


def test_a_handshake_that_does_not_come_is_cut_off(tmp_path, authority):
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE, service("svc.test", peer),
                                   args=["--tls-handshake-timeout", "0.3"]) as gw:
        with Client(gw.port) as silent, Client(gw.port) as partial:
            partial.send(b"\x16\x03\x01\x02\x00\x01")
            assert silent.at_eof() and partial.at_eof()
        assert gw.call().status == 200


@pytest.mark.parametrize("raw", [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabc",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\nHost: a\n\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3zz\r\nabc\r\n0\r\n\r\n",
])
def test_malformed_requests_are_refused_behind_tls(tmp_path, authority, raw):
    with Peer() as peer, encrypted(tmp_path, authority, authority.issue("a", HOST), *ROUTE,
                                   service("svc.test", peer)) as gw, gw.client() as client:
        before = len(peer.requests)
        client.send(raw)
        assert client.answer().status == 400
        assert client.at_eof()
        assert len(peer.requests) == before


def link_secret(folder, version):
    """As a kubelet does: the files are links into ..data, which is a link to a folder, replaced at once."""
    (folder / "..new").symlink_to(version)
    os.replace(folder / "..new", folder / "..data")


def test_a_secret_that_is_swapped_loses_no_request(tmp_path, authority):
    secret = tmp_path / "secret"
    for version in ("v1", "v2"):
        (secret / version).mkdir(parents=True)
        authority.issue("tls", HOST, folder=secret / version)
    link_secret(secret, "v1")
    pair = secret / "tls.crt", secret / "tls.key"
    for path in pair:
        path.symlink_to(f"..data/{path.name}")
    admin = free_port()
    with Peer() as peer, encrypted(tmp_path, authority, pair, *ROUTE, service("svc.test", peer),
                                   args=["--admin", f"127.0.0.1:{admin}"]) as gw, gw.client() as kept:
        counts, stop = {"ok": 0, "lost": []}, threading.Event()

        def load():
            while not stop.is_set():
                try:
                    counts["ok"] += gw.call().status == 200
                except (OSError, EOFError) as error:
                    counts["lost"].append(repr(error))

        thread = threading.Thread(target=load)
        thread.start()
        first = serial(kept)

        def now():
            with gw.client() as client:
                return serial(client)

        link_secret(secret, "v2")
        second = wait_until(lambda: (s := now()) != first and s, "the new certificate is shown")
        gw.process.send_signal(signal.SIGHUP)
        link_secret(secret, "v1")
        wait_until(lambda: now() == first, "the first certificate is shown again")
        # An invalid pair changes nothing, and is logged.
        (secret / "v2" / "tls.key").write_text("no key")
        link_secret(secret, "v2")

        def metric(name):
            with Client(admin) as client:
                client.request("GET", "/metrics")
                lines = client.answer().body.decode().splitlines()
            return next(float(line.split()[-1]) for line in lines if line.startswith(name + " "))

        wait_until(lambda: metric("headerroute_tls_certificate_good") == 0, "the broken pair is noticed")
        assert now() == first and second != first
        assert "the certificate of before stays in force" in gw.messages()
        assert time.time() < metric("headerroute_tls_certificate_not_after_seconds") < time.time() + 31 * 86400
        assert metric("headerroute_tls_handshakes_total") <= metric("headerroute_tls_connections_total")
        stop.set()
        thread.join(PATIENCE)
        assert counts["lost"] == [] and counts["ok"] > 0
        kept.request()
        assert kept.answer().status == 200  # on a connection from before all of it


def test_a_broken_pair_at_start(tmp_path, authority):
    pair, other = authority.issue("a", HOST), authority.issue("b", HOST)
    path = write(tmp_path / "mesh.yaml", HTTPS)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for cert, key, place in ((pair[0], other[1], other[1]), (garbage, pair[1], garbage),
                             (tmp_path / "absent", pair[1], tmp_path / "absent"), (pair[0], garbage, garbage)):
        code, _, err = run("headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
        assert code == 1 and str(place) in err and len(err.splitlines()) == 1, err
    code, _, err = run("headerroute-gateway", "-f", path, "--tls-cert", pair[0])
    assert code == 2 and "--tls-key" in err


@pytest.mark.parametrize("gw, with_pair, sentence", [
    (HTTPS, False, "--tls-cert"),
    (GATEWAY, True, "not encrypted"),
])
def test_the_gateways_server_and_the_listener_must_agree(tmp_path, authority, gw, with_pair, sentence):
    cert, key = authority.issue("a", HOST)
    path = write(tmp_path / "mesh.yaml", gw)
    args = ["--tls-cert", cert, "--tls-key", key] if with_pair else []
    code, _, err = run("headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0", *args)
    assert code == 1 and f"{path}:" in err and sentence in err


def test_tls_modes_that_ask_for_client_certificates_are_refused(tmp_path, authority):
    cert, key = authority.issue("a", HOST)
    gw = {**HTTPS, "spec": {**HTTPS["spec"], "servers": [{**HTTPS["spec"]["servers"][0],
                                                         "tls": {"mode": "MUTUAL", "credentialName": "cert"}}]}}
    path = write(tmp_path / "mesh.yaml", gw)
    code, _, err = run("headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
    assert code == 1 and "SIMPLE only" in err


def test_check_asks_over_tls(tmp_path, authority):
    pair = authority.issue("a", HOST)
    with Peer() as peer, encrypted(tmp_path, authority, pair, *ROUTE, service("svc.test", peer)) as gw:
        code, _, err = run("headerroute-gateway", "--check", "--listen", f"127.0.0.1:{gw.port}", "--tls-cert", pair[0])
        assert code == 0, err
        assert run("headerroute-gateway", "--check", "--listen", f"127.0.0.1:{gw.port}")[0] == 1


# ---- connections to endpoints ----

class TlsPeer(Peer):
    """A peer behind TLS: `context` is the server's."""

    def __init__(self, pair, *args, client_authority=None, **kwargs):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*map(str, pair))
        self.names, self.resumed = [], []
        self.context.sni_callback = lambda sock, name, _: self.names.append(name)
        if client_authority:
            self.context.load_verify_locations(str(client_authority.path))
            self.context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(*args, **kwargs)

    def _serve(self, connection):
        raw = connection.sock
        try:
            connection.sock = self.context.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError):
            raw.close()
            return
        self.resumed.append(connection.sock.session_reused)
        with self.lock:
            self.open.discard(raw)
            self.open.add(connection.sock)
        super()._serve(connection)


def over_tls(peer, authority, *extra, **settings):
    tls = {"mode": "SIMPLE", "caCertificates": str(authority.path), **settings}
    return [*ROUTE, service("svc.test", peer), rule("svc.test", trafficPolicy={"tls": tls, **(extra[0] if extra else {})})]


def test_endpoints_are_verified_and_spoken_to_in_tls(tmp_path, authority):
    with TlsPeer(authority.issue("svc", "svc.test")) as peer, gateway(tmp_path, *over_tls(peer, authority)) as gw:
        for body in (b"", b"y" * 2000000):
            done = gw.call("POST", "/up", body=body)
            assert (done.status, done.body) == (200, body)
        assert set(peer.names) == {"svc.test"}
        assert peer.connections < len(peer.requests)  # kept alive


def test_sessions_are_resumed(tmp_path, authority):
    pool = {"connectionPool": {"http": {"maxRequestsPerConnection": 1}}}
    with TlsPeer(authority.issue("svc", "svc.test")) as peer, \
            gateway(tmp_path, *over_tls(peer, authority, pool), args=["--threads", "1"]) as gw:
        for _ in range(4):
            assert gw.call().status == 200
        assert peer.resumed[0] is False and peer.resumed[-1] is True


class Changing(Peer):
    """Answers over TLS behind as many KeyUpdates or tickets as `before` sends."""

    def __init__(self, pair, before):
        self.pair, self.before = pair, before
        super().__init__()

    def _serve(self, connection):
        try:
            tls = Tls(connection.sock, self.pair)
        except AssertionError:
            return
        try:
            while b"\r\n\r\n" in tls.read():
                self.before(tls)
                tls.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                tls.flush()
        except OSError:
            pass
        finally:
            tls.close()


@pytest.mark.parametrize("before, status", [
    (lambda tls: tls.change_keys(60), 200), (lambda tls: tls.change_keys(70), 503), (lambda tls: tls.change_keys(2000), 503),
    (lambda tls: tls.give_tickets(60), 200), (lambda tls: tls.give_tickets(70), 503)],
    ids=["60-keys", "70-keys", "2000-keys", "60-tickets", "70-tickets"])
def test_an_endpoint_changes_its_keys_a_few_times(tmp_path, authority, before, status):
    with Changing(authority.issue("svc", "svc.test"), before) as peer, gateway(tmp_path, *over_tls(peer, authority)) as gw:
        done = gw.call()
        assert done.status == status and (status != 200 or done.body == b"ok")


@pytest.mark.parametrize("names, settings", [
    (["other.test"], {"sni": "other.test"}),
    (["spiffe://td/ns/default/sa/svc"], {"subjectAltNames": ["a.test", "spiffe://td/ns/default/sa/svc"]}),
    (["*.svc.test"], {"sni": "a.svc.test"}),
    (["127.0.0.9"], {"subjectAltNames": ["127.0.0.9"]}),
])
def test_names_that_are_accepted(tmp_path, authority, names, settings):
    with TlsPeer(authority.issue("svc", *names)) as peer, gateway(tmp_path, *over_tls(peer, authority, **settings)) as gw:
        assert gw.call().status == 200
        assert set(peer.names) == {settings.get("sni", "svc.test")}


def refused(gw, sentence):
    done = gw.call(target="/refused")
    assert done.status == 503 and b"remote connection failure" in done.body
    line = gw.wait_line(path="/refused")
    assert "UF" in line["response_flags"].split(",") and sentence in line["response_code_details"], line


def test_certificates_that_are_not_accepted(tmp_path, authority):
    other = Authority(tmp_path, "another authority")
    for pair, settings, sentence in (
            (other.issue("wrong-authority", "svc.test"), {}, "unable to get local issuer certificate"),
            (authority.issue("wrong-name", "else.test"), {}, "another name"),
            (authority.issue("svc", "svc.test"), {"subjectAltNames": ["x.test"]}, "another name"),
            (authority.issue("expired", "svc.test", days=-2), {}, "certificate has expired")):
        with TlsPeer(pair) as peer, gateway(tmp_path, *over_tls(peer, authority, **settings)) as gw:
            refused(gw, sentence)
            assert peer.requests == []  # nothing was said to it


def test_authorities_that_change_on_disk_are_taken_up(tmp_path, authority):
    """By renaming, as rotation does it. A broken file keeps what was, and says so; so does one that is missing."""
    other = Authority(tmp_path, "another authority")
    bundle, admin = tmp_path / "bundle.pem", free_port()

    def put(text):
        (tmp_path / "bundle.new").write_bytes(text)
        os.rename(tmp_path / "bundle.new", bundle)

    def good():
        with Client(admin) as client:
            client.request(target="/config")
            return client.answer().json()["good"]

    put(authority.path.read_bytes())
    with TlsPeer(other.issue("svc", "svc.test")) as peer:
        resources = over_tls(peer, authority, caCertificates=str(bundle))
        with gateway(tmp_path, *resources, args=["--admin", f"127.0.0.1:{admin}"]) as gw:
            refused(gw, "unable to get local issuer certificate")
            put(authority.path.read_bytes() + other.path.read_bytes())
            wait_until(lambda: gw.call().status == 200, "the new authority is accepted")
            assert "certificates of upstream servers have changed: the configuration is loaded anew" in gw.messages()
            put(b"no certificate")
            wait_until(lambda: "bundle.pem: holds no certificates in PEM" in gw.messages() and not good(), "the broken file is noticed")
            assert gw.call().status == 200
            put(authority.path.read_bytes() + other.path.read_bytes())
            wait_until(good, "the corrected file is noticed")
            failed = gw.messages().count("stays in force")
            bundle.unlink()
            wait_until(lambda: gw.messages().count("stays in force") > failed, "the missing file is noticed")
            assert gw.call().status == 200 and "memory" not in gw.messages()


def test_addresses_change_although_a_file_of_certificates_is_missing(tmp_path, authority):
    from gateway_dns_test import entry, using
    from name_server import NameServer
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority.path.read_bytes())
    pair = authority.issue("svc", "x.test")
    with NameServer() as dns, TlsPeer(pair, host="127.0.79.1") as one, TlsPeer(pair, host="127.0.79.2", port=one.port) as two:
        dns.set("pods.test", ["127.0.79.1"])
        resources = [entry("x.test", one.port, "pods.test"), routes({"route": [to("x.test")]}),
                     rule("x.test", trafficPolicy={"tls": {"mode": "SIMPLE", "caCertificates": str(bundle)}})]
        with gateway(tmp_path, *resources, args=using(dns)) as gw:
            assert gw.call().status == 200 and one.requests
            bundle.unlink()
            wait_until(lambda: "stays in force" in gw.messages(), "the missing file is noticed")
            dns.set("pods.test", ["127.0.79.2"])
            wait_until(lambda: gw.call().status == 200 and two.requests, "the new address is taken up")
            assert "memory is short" not in gw.messages()


def test_insecure_skip_verify(tmp_path, authority):
    other = Authority(tmp_path, "another authority")
    with TlsPeer(other.issue("svc", "else.test", days=-2)) as peer:
        resources = [*ROUTE, service("svc.test", peer),
                     rule("svc.test", trafficPolicy={"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}})]
        with gateway(tmp_path, *resources) as gw:
            assert gw.call().status == 200


class Plain(Peer):
    """Answers whatever comes, and without TLS."""

    def _serve(self, connection):
        connection._more()
        connection.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        connection.sock.close()


def test_an_endpoint_that_speaks_no_tls_is_a_connect_failure(tmp_path, authority):
    retry = {"route": [to("svc.test")], "retries": {"attempts": 2, "retryOn": "connect-failure"}}
    with Plain() as plain, TlsPeer(authority.issue("svc", "svc.test")) as good:
        resources = [routes(retry), service("svc.test", plain, good),
                     rule("svc.test", trafficPolicy={
                         "tls": {"mode": "SIMPLE", "caCertificates": str(authority.path)},
                         "loadBalancer": {"simple": "ROUND_ROBIN"}})]
        with gateway(tmp_path, *resources) as gw:
            assert [gw.call().status for _ in range(4)] == [200] * 4
        assert plain.connections > 0


def test_a_handshake_that_hangs_is_bounded_by_the_connect_timeout(tmp_path, authority):
    silent = socket.create_server(("127.0.0.1", 0))

    class Silent:
        host, port = silent.getsockname()

    pool = {"connectionPool": {"tcp": {"connectTimeout": "0.3s"}}}
    try:
        resources = [*ROUTE, service("svc.test", Silent),
                     rule("svc.test", trafficPolicy={"tls": {"mode": "SIMPLE", "caCertificates": str(authority.path)}, **pool})]
        with gateway(tmp_path, *resources) as gw:
            done = gw.call(target="/hang")
            assert done.status == 503 and b"connection timeout" in done.body
    finally:
        silent.close()


def test_a_client_certificate(tmp_path, authority):
    cert, key = authority.issue("client", "gateway.test")
    mutual = {"mode": "MUTUAL", "clientCertificate": str(cert), "privateKey": str(key), "caCertificates": str(authority.path)}
    with TlsPeer(authority.issue("svc", "svc.test"), client_authority=authority) as peer:
        resources = [*ROUTE, service("svc.test", peer)]
        with gateway(tmp_path, *resources, rule("svc.test", trafficPolicy={"tls": mutual})) as gw:
            assert gw.call().status == 200
        with gateway(tmp_path, *resources, rule("svc.test", trafficPolicy={
                "tls": {"mode": "SIMPLE", "caCertificates": str(authority.path)}})) as gw:
            assert gw.call().status == 503


@pytest.mark.parametrize("tls, sentence", [
    ({"mode": "ISTIO_MUTUAL"}, "ISTIO_MUTUAL"),
    ({"mode": "SIMPLE", "credentialName": "secret"}, "credentialName"),
    ({"mode": "SIMPLE", "caCertificates": "/nonexistent.pem"}, "/nonexistent.pem"),
])
def test_settings_that_are_refused_at_load(tmp_path, tls, sentence):
    class Nobody:
        host, port = "127.0.0.1", 9

    path = write(tmp_path / "mesh.yaml", GATEWAY, *ROUTE, service("svc.test", Nobody), rule("svc.test", trafficPolicy={"tls": tls}))
    code, _, err = run("headerroute-gateway", "-f", path, "--listen", "127.0.0.1:0")
    assert code == 1 and f"{path}:" in err and sentence in err, err
