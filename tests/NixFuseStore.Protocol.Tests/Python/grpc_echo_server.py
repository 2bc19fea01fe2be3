"""A gRPC server with handlers over raw bytes, for the client under test. Prints its port; ends when its input ends."""
import sys
import time
from concurrent import futures

import grpc


def echo(request, context):
    return request


def metadata(request, context):
    context.send_initial_metadata((("x-extra", "1"),))
    given = dict(context.invocation_metadata())
    # Field 1 of any message of these tests is a string.
    text = (given.get("authorization", "") + "|" + ("deadline" if (context.time_remaining() or 1e9) < 1e6 else "none")).encode()
    return b"\x0a" + bytes([len(text)]) + text


def fail(request, context):
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "100 % of \u00fcber\nlines")


def slow(request, context):
    time.sleep(30)
    return request


def stream(request, context):
    for i in range(1000):
        text = ("%06d" % i).encode()
        yield b"\x0a" + bytes([len(text)]) + text


def stream_then_fail(request, context):
    yield b"\x0a\x01a"
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def endless(request, context):
    # Not behind the loop: a client that leaves during a yield ends the call there.
    def left():
        open(sys.argv[1], "w").close()

    context.add_callback(left)
    while context.is_active():
        yield b"\x0a\x01a"
        time.sleep(0.01)


def large(request, context):
    size = 20 * 1024 * 1024
    length = size
    varint = b""
    while length > 0x7F:
        varint += bytes([length & 0x7F | 0x80])
        length >>= 7
    varint += bytes([length])
    return b"\x0a" + varint + b"x" * size


def garbage(request, context):
    return b"\xff\xff\xff\xff"


UNARY = dict(echo=echo, metadata=metadata, fail=fail, slow=slow, large=large, garbage=garbage)
STREAMS = dict(stream=stream, stream_then_fail=stream_then_fail, endless=endless)


class Handlers(grpc.GenericRpcHandler):
    def service(self, call):
        name = call.method.rsplit("/", 1)[-1]
        if name in UNARY:
            return grpc.unary_unary_rpc_method_handler(UNARY[name])
        if name in STREAMS:
            return grpc.unary_stream_rpc_method_handler(STREAMS[name])
        return None


server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=16),
    compression=grpc.Compression.NoCompression,
    options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)],
)
server.add_generic_rpc_handlers((Handlers(),))
arguments = sys.argv[2:]
if arguments:
    with open(arguments[0], "rb") as key, open(arguments[1], "rb") as certificate:
        credentials = grpc.ssl_server_credentials([(key.read(), certificate.read())])
    port = server.add_secure_port("localhost:0", credentials)
else:
    port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
sys.stdin.read()
server.stop(None)
