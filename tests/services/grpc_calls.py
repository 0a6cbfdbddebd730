"""gRPC for the tests: message classes from the project's .proto files, and calls by Debian's python3-grpcio."""
import functools
import subprocess

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from conftest import PATIENCE, ROOT

PROTOS = ROOT / "services/predict/proto"
FILES = ["open_inference_grpc.proto", "grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto",
         "grpc/reflection/v1alpha/reflection.proto"]
INFERENCE = "inference.GRPCInferenceService"
NO_LIMIT = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


@functools.cache
def descriptors():
    """What protoc makes of the .proto files."""
    made = subprocess.run(["protoc", "-I", PROTOS, "--descriptor_set_out=/dev/stdout", *FILES], check=True,
                          capture_output=True).stdout
    return descriptor_pb2.FileDescriptorSet.FromString(made)


@functools.cache
def classes():
    """Message classes by full name."""
    pool = descriptor_pool.DescriptorPool()
    for file in descriptors().file:
        pool.Add(file)
    if hasattr(message_factory, "GetMessageClassesForFiles"):  # protobuf 4.22 and later
        return message_factory.GetMessageClassesForFiles(FILES, pool)
    return message_factory.MessageFactory(pool).GetMessages(FILES)


def message(type_name, /, **fields):
    return classes()[type_name](**fields)


@functools.cache
def methods():
    """(input class, output class) by path."""
    found = {}
    for file in descriptors().file:
        for service in file.service:
            for m in service.method:
                found[f"/{file.package}.{service.name}/{m.name}"] = m
    return found


class Channel:
    """A connection on which methods of the project's files are called by name."""

    def __init__(self, server, credentials=None, options=(), target=None):
        target = target or "%s:%d" % server.address
        options = [*NO_LIMIT, *options]
        self.channel = grpc.secure_channel(target, credentials, options) if credentials else \
            grpc.insecure_channel(target, options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def callable(self, path):
        method = methods()[path]
        kind = ("stream" if method.client_streaming else "unary") + "_" + ("stream" if method.server_streaming else "unary")
        return getattr(self.channel, kind)(path, request_serializer=lambda m: m.SerializeToString(),
                                           response_deserializer=classes()[method.output_type[1:]].FromString)

    def call(self, path, request=None, timeout=PATIENCE, **options):
        """A unary call, or one whose answers are a stream."""
        if request is None:
            request = classes()[methods()[path].input_type[1:]]()
        return self.callable(path)(request, timeout=timeout, **options)

    def infer(self, request, **options):
        return self.call(f"/{INFERENCE}/ModelInfer", request, **options)

    def raw(self, path, body, timeout=PATIENCE, **options):
        """A unary call whose request and answer are bytes."""
        method = self.channel.unary_unary(path, request_serializer=lambda b: b, response_deserializer=lambda b: b)
        return method(body, timeout=timeout, **options)


def status_of(call, *args, **options):
    """Status and message of a call that must fail."""
    try:
        call(*args, **options)
    except grpc.RpcError as error:
        return error.code(), error.details()
    raise AssertionError("the call did not fail")
