"""Reloading: without losing a request, and never into something broken."""
import os
import signal

from harness import Client, free_port, run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, wait_until
from gateway_test import named


def rules(one, two, chosen):
    return [GATEWAY, service("one.test", one), service("two.test", two), routes({"route": [to(chosen)]})]


def test_a_changed_file_is_loaded(tmp_path):
    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:]) as gw:
            assert gw.call().header("x-who") == "one"
            write(tmp_path / "mesh.yaml", *rules(one, two, "two.test"))
            assert wait_until(lambda: gw.call().header("x-who") == "two")
            write(tmp_path / "new.yaml", *rules(one, two, "one.test"))
            os.rename(tmp_path / "new.yaml", tmp_path / "mesh.yaml")
            assert wait_until(lambda: gw.call().header("x-who") == "one")


def test_a_config_map_is_swapped_by_its_link(tmp_path):
    with Peer(named("one")) as one, Peer(named("two")) as two:
        for name, chosen in [("..1", "one.test"), ("..2", "two.test")]:
            (tmp_path / "cm" / name).mkdir(parents=True)
            write(tmp_path / "cm" / name / "mesh.yaml", *rules(one, two, chosen))
        os.symlink("..1", tmp_path / "cm" / "..data")
        os.symlink("..data/mesh.yaml", tmp_path / "cm" / "mesh.yaml")
        from harness import Server
        with Server("headerroute-gateway", "-f", tmp_path / "cm", ready_path="/") as gw:
            assert gw.call().header("x-who") == "one"
            os.symlink("..2", tmp_path / "cm" / "..data_tmp")
            os.rename(tmp_path / "cm" / "..data_tmp", tmp_path / "cm" / "..data")
            assert wait_until(lambda: gw.call().header("x-who") == "two")


def test_a_broken_file_keeps_what_was(tmp_path):
    admin = free_port()

    def state():
        with Client(admin) as client:
            client.request(target="/metrics")
            metrics = dict(line.rsplit(b" ", 1) for line in client.answer().body.splitlines() if not line.startswith(b"#"))
            client.request(target="/config")
            config = client.answer().json()
        good = float(metrics[b"headerroute_gateway_config_good"])
        assert config["good"] == (good == 1) and config["generation"] == float(metrics[b"headerroute_gateway_config_generation"])
        return good, config["generation"], float(metrics[b'headerroute_gateway_reloads_total{result="failed"}'])

    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:], args=("--admin", f"127.0.0.1:{admin}")) as gw:
            assert state() == (1, 1, 0)
            (tmp_path / "mesh.yaml").write_text("kind: [\n")
            assert wait_until(lambda: "stays in force" in gw.messages())
            assert "mesh.yaml:2:1: error" in gw.messages() or "mesh.yaml:1" in gw.messages(), gw.messages()
            assert gw.call().header("x-who") == "one"
            good, generation, failed = state()
            assert (good, generation) == (0, 1) and failed >= 1
            write(tmp_path / "mesh.yaml", *rules(one, two, "two.test"))
            assert wait_until(lambda: gw.call().header("x-who") == "two")
            assert wait_until(lambda: state()[:2] == (1, 2))


def test_sighup_reloads(tmp_path):
    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:]) as gw:
            for n in range(2, 6):
                gw.process.send_signal(signal.SIGHUP)
                assert wait_until(lambda: f"generation {n}" in gw.messages())
            assert gw.call().header("x-who") == "one"


def test_check_asks_the_running_gateway(tmp_path):
    """Without the configuration: a container's health check knows only the address."""
    with Peer(named("one")) as one:
        admin = f"127.0.0.1:{free_port()}"
        with gateway(tmp_path, service("one.test", one), routes({"route": [to("one.test")]}), args=("--admin", admin)) as gw:
            address = f"127.0.0.1:{gw.port}"
            assert run("headerroute-gateway", "--check", "--listen", address) == (0, "", "")
            assert run("headerroute-gateway", "--check", "--listen", address, "--admin", admin) == (0, "", "")
            assert all(line["path"] != "/ready" or line["response_code"] in (200, 400) for line in gw.lines())
            asked = len(one.requests)
            assert run("headerroute-gateway", "--check", "--listen", address)[0] == 0 and len(one.requests) == asked
        for flags in ([], ["--admin", admin]):
            code, out, err = run("headerroute-gateway", "--check", "--listen", address, *flags)
            assert (code, out) == (1, "") and err.count("\n") == 1 and "is not ready" in err
