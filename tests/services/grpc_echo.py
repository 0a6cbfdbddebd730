"""A gRPC server without protobuf: messages are bytes, and come back with the server's name in front."""
import concurrent.futures
import threading
import time

import grpc

OPTIONS = [("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1)]


class EchoServer(grpc.GenericRpcHandler):
    def __init__(self, name="echo", port=0, workers=64):
        self.name, self.calls, self.asleep, self.lock = name.encode(), [], 0, threading.Lock()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(workers), handlers=[self], options=[("grpc.so_reuseport", 0)])
        self.host, self.port = "127.0.0.1", self.server.add_insecure_port(f"127.0.0.1:{port}")
        self.server.start()

    @property
    def url(self):
        return f"http://{self.host}:{self.port}"

    def service(self, details):
        with self.lock:
            self.calls.append((details.method, dict(details.invocation_metadata)))
        method = details.method.rsplit("/", 1)[1]
        kinds = {"Unary": grpc.unary_unary_rpc_method_handler(self.unary),
                 "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
                 "Sleep": grpc.unary_unary_rpc_method_handler(self.sleep),
                 "Expand": grpc.unary_stream_rpc_method_handler(self.expand),
                 "Collect": grpc.stream_unary_rpc_method_handler(self.collect),
                 "Talk": grpc.stream_stream_rpc_method_handler(self.talk)}
        return kinds.get(method)

    def unary(self, message, context):
        context.send_initial_metadata((("served-by", self.name.decode()),))
        context.set_trailing_metadata((("length", str(len(message))), ("sum-bin", b"\x00\xff")))
        return self.name + b":" + message

    def fail(self, message, context):
        status = {code.value[0]: code for code in grpc.StatusCode}[int(message)]
        context.abort(status, "said so: 100 %, \u00e4")

    def sleep(self, message, context):
        """Is counted in `asleep` until its time is over or the call ends. A call that ends before it begins is not handed over."""
        with self.lock:
            self.asleep += 1
        end = time.monotonic() + float(message)
        while time.monotonic() < end and context.is_active():
            time.sleep(0.01)
        with self.lock:
            self.asleep -= 1
        return b"awake"

    def expand(self, message, context):
        for n in range(int(message)):
            yield self.name + b":%d" % n

    def collect(self, messages, context):
        return b"%d" % sum(len(message) for message in messages)

    def talk(self, messages, context):
        for message in messages:
            yield self.name + b":" + message

    def stop(self):
        self.server.stop(0).wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class EchoClient:
    def __init__(self, port, host="127.0.0.1"):
        self.channel = grpc.insecure_channel(f"{host}:{port}", options=OPTIONS)
        make = self.channel
        self.unary = make.unary_unary("/echo.Echo/Unary")
        self.fail = make.unary_unary("/echo.Echo/Fail")
        self.sleep = make.unary_unary("/echo.Echo/Sleep")
        self.none = make.unary_unary("/echo.Echo/None")
        self.expand = make.unary_stream("/echo.Echo/Expand")
        self.collect = make.stream_unary("/echo.Echo/Collect")
        self.talk = make.stream_stream("/echo.Echo/Talk")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
