"""Calls the server under test with raw bytes. Arguments: address, [CA file]. Prints one line a check."""
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
