"""Reloading: without losing a request, and never into something broken."""
import os
import signal
import threading

from harness import free_port, run
from mesh import GATEWAY, gateway, routes, service, to, write
from peers import Peer, answer, wait_until
from gateway_test import named


def rules(one, two, chosen):
    return [GATEWAY, service("one.test", one), service("two.test", two), routes({"route": [to(chosen)]})]


def generation(gw):
    return gw.metric("headerroute_gateway_config_generation")


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
    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:]) as gw:
            (tmp_path / "mesh.yaml").write_text("kind: [\n")
            assert wait_until(lambda: "stays in force" in gw.messages())
            assert "mesh.yaml:2:1: error" in gw.messages() or "mesh.yaml:1" in gw.messages(), gw.messages()
            assert gw.call().header("x-who") == "one"
            write(tmp_path / "mesh.yaml", *rules(one, two, "two.test"))
            assert wait_until(lambda: gw.call().header("x-who") == "two")


def test_sighup_reloads(tmp_path):
    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:]) as gw:
            for n in range(2, 6):
                gw.process.send_signal(signal.SIGHUP)
                assert wait_until(lambda: f"generation {n}" in gw.messages())
            assert gw.call().header("x-who") == "one"


def test_reloads_under_load_lose_nothing(tmp_path):
    """Every answer is whole and its own, whatever configuration it was routed by."""
    with Peer(named("one")) as one, Peer(named("two")) as two:
        with gateway(tmp_path, *rules(one, two, "one.test")[1:]) as gw:
            stop, wrong, done = threading.Event(), [], [0]

            def work(n):
                with gw.client() as client:
                    i = 0
                    while not stop.is_set():
                        body = b"%d-%d" % (n, i)
                        client.request("POST", "/", body=body)
                        got = client.answer()
                        if got.status != 200 or got.body != body:
                            wrong.append((got.status, got.body))
                        i += 1
                    done[0] += i

            threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
            [t.start() for t in threads]
            for n in range(100):
                gw.process.send_signal(signal.SIGHUP)
                if n % 10 == 0:
                    # By renaming: a file that is half written is a configuration, too.
                        write(tmp_path / "new", *rules(one, two, ["one.test", "two.test"][n // 10 % 2]))
                        os.rename(tmp_path / "new", tmp_path / "mesh.yaml")
                assert wait_until(lambda: gw.messages().count("loaded anew") > n)
            stop.set()
            [t.join() for t in threads]
            assert not wrong and done[0] > 100


def test_killing_one_of_two_replicas_loses_no_idempotent_request(tmp_path):
    """Istio's default retries; what was under way on a kept connection is sent again elsewhere."""
    with Peer(named("a")) as a, Peer(named("b")) as b:
        with gateway(tmp_path, service("x.test", a, b), routes({"route": [to("x.test")]})) as gw:
            stop, wrong, done = threading.Event(), [], [0]

            def work():
                with gw.client() as client:
                    while not stop.is_set():
                        client.request("GET", "/work")
                        got = client.answer()
                        if got.status != 200 or got.header("x-target") != "/work":
                            wrong.append((got.status, got.body))
                        done[0] += 1

            threads = [threading.Thread(target=work) for _ in range(8)]
            [t.start() for t in threads]
            assert wait_until(lambda: done[0] > 300)
            a.close()
            before = done[0]
            assert wait_until(lambda: done[0] > before + 500)
            stop.set()
            [t.join() for t in threads]
            assert not wrong


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
