"""Calls the server under test with raw bytes. Arguments: address, [CA file]. Prints one line a check."""
import re
import sys

import grpc

address = sys.argv[1]
if len(sys.argv) > 2:
    with open(sys.argv[2], "rb") as ca:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca.read()))
else:
    channel = grpc.insecure_channel(address)

SERVICE = "/nixfuse.v1.Store/"
MAIN = b"\x0a\x04main"  # field 1, "main"


def unary(method, request, **options):
    return channel.unary_unary(SERVICE + method)(request, timeout=20, **options)


def status(call):
    try:
        call()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name + ": " + error.details()


print("store", unary("GetStore", MAIN).startswith(MAIN))
print("listed", len(list(channel.unary_stream(SERVICE + "ListPaths")(MAIN, timeout=20))))
print("unknown store", status(lambda: unary("GetStore", b"\x0a\x04none")))
print("unknown method", status(lambda: unary("Nothing", MAIN)))
print("garbage", status(lambda: unary("GetStore", b"\xff\xff\xff")))
print("compressed", status(lambda: unary("GetStore", MAIN * 1000, compression=grpc.Compression.Gzip)))
print("wrong token", status(lambda: unary("GetStore", MAIN, metadata=(("authorization", "Bearer x"),))))
watch = channel.unary_stream(SERVICE + "Watch")(MAIN, timeout=1)
print("watched", status(lambda: [None for _ in watch]))
watch = channel.unary_stream(SERVICE + "Watch")(MAIN)
next(watch)
watch.cancel()
print("cancelled", status(lambda: [None for _ in watch]).split(":")[0])

HEALTH = "/grpc.health.v1.Health/"
REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
LIST_SERVICES = b"\x3a\x01*"  # field 7, "*"
WRONG = (("authorization", "Bearer x"),)


def health(request, **options):
    return channel.unary_unary(HEALTH + "Check")(request, timeout=20, **options).hex()


def reflect(**options):
    (answer,) = channel.stream_stream(REFLECTION)(iter([LIST_SERVICES]), timeout=20, **options)
    # A service's name stands behind its tag (field 1) and its length, printable in full.
    return " ".join(sorted(re.findall(r"(?:grpc|nixfuse)\.[a-z0-9]+\.[A-Za-z0-9.]+", answer.decode("latin1"))))


print("health", health(b""), health(b"\x0a\x10nixfuse.v1.Store"))
print("health of another service", status(lambda: health(b"\x0a\x01x")))
watch = channel.unary_stream(HEALTH + "Watch")(b"", timeout=20)
print("health watched", next(watch).hex())
watch.cancel()
print("reflected", reflect())
print("health with a wrong token", health(b"", metadata=WRONG))
print("reflected with a wrong token", status(lambda: reflect(metadata=WRONG)))
