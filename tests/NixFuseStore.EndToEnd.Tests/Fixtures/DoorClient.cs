namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>
/// A small client of sockets, in the system's Python, so that it runs as any user and in any namespace. <c>daemon SOCKET OPERATION</c> speaks
/// Nix's worker protocol (1.35) and prints what the daemon said; its exit status is 0 where the operation succeeded.
/// </summary>
internal static class DoorClient
{
    private const string Python = "/usr/bin/python3";

    private const string Source =
        """
        import hashlib, os, socket, struct, sys, time

        def number(n): return struct.pack('<Q', n)
        def text(s):
            b = s.encode(); return number(len(b)) + b + b'\0' * (-len(b) % 8)
        def nar(content):
            return text('nix-archive-1') + text('(') + text('type') + text('regular') + text('contents') + text(content) + text(')')
        def frames(data): return number(len(data)) + data + number(0)

        class Daemon:
            def __init__(self, path):
                self.socket = socket.socket(socket.AF_UNIX); self.socket.settimeout(20)
                folder = os.open(os.path.dirname(path), os.O_PATH)
                self.socket.connect('/proc/self/fd/%d/%s' % (folder, os.path.basename(path)))
                self.file = self.socket.makefile('rb')
                self.send(number(0x6e697863)); assert self.number() == 0x6478696f; self.number()
                self.send(number(0x123) + number(0) + number(0))
                self.version = self.text(); self.trusted = self.number() == 1; self.last()
            def send(self, data): self.socket.sendall(data)
            def number(self):
                data = self.file.read(8)
                if len(data) < 8: sys.exit('the daemon hung up')
                return struct.unpack('<Q', data)[0]
            def text(self):
                n = self.number(); data = self.file.read((n + 7) & ~7); return data[:n].decode()
            def last(self):
                while True:
                    word = self.number()
                    if word == 0x616c7473: return
                    if word == 0x6f6c6d67: print('log:', self.text().strip())
                    elif word == 0x63787470:
                        self.text(); self.number(); self.text(); message = self.text(); sys.exit('refused: ' + message)
                    else: sys.exit('unexpected word %x' % word)

        def operate(daemon, operation, argument):
            hash_part = hashlib.sha256(argument.encode()).hexdigest()[:32].translate(str.maketrans('e', 'z'))
            path = '/nix/store/%s-forged' % hash_part
            data = nar('forged ' + argument)
            if operation == 'trust':
                print('trusted' if daemon.trusted else 'not trusted'); sys.exit(0 if daemon.trusted else 1)
            elif operation == 'add-unsigned':
                daemon.send(number(39) + text(path) + text('') + text(hashlib.sha256(data).hexdigest()) + number(0) + number(0)
                    + number(len(data)) + number(0) + number(0) + text('') + number(0) + number(1) + frames(data))
            elif operation == 'add-text':
                daemon.send(number(8) + text('text') + text(argument) + number(0))
            elif operation == 'permanent-root':
                daemon.send(number(47) + text(path) + text(argument))
            elif operation == 'build-log':
                daemon.send(number(45) + text(os.path.basename(path) + '.drv') + frames(b'forged'))
            elif operation == 'realisation':
                daemon.send(number(42) + text('{"dependentRealisations":{},"id":"sha256:%s!out","outPath":"%s","signatures":[]}'
                    % (hashlib.sha256(argument.encode()).hexdigest(), os.path.basename(path))))
            elif operation == 'repair':
                daemon.send(number(35) + number(0) + number(1))
            elif operation == 'delete':
                daemon.send(number(20) + number(3) + number(1) + text(path) + number(0) + number(0) + number(0) + number(0) + number(0))
            else: sys.exit('no such operation')
            daemon.last(); print('done')

        def main(door, path, operation, argument='x'):
            if door == 'daemon': return operate(Daemon(path), operation, argument)
            if door == 'hold':
                held = []
                for _ in range(int(operation)):
                    s = socket.socket(socket.AF_UNIX); s.settimeout(2)
                    try: s.connect(path); s.sendall(b'{')
                    except OSError: break
                    held.append(s)
                print('holding', len(held), flush=True); sys.stdin.read(); return
            if door == 'flood':
                s = socket.socket(socket.AF_UNIX); s.settimeout(10); s.connect(path); sent = 0
                try:
                    while sent < int(operation): sent += s.send(b'x' * 65536)
                except OSError as e: sys.exit('refused after %d bytes: %s' % (sent, e))
                return
            if door == 'impostor':
                os.makedirs(os.path.dirname(path), exist_ok=True)
                s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(64); os.chmod(path, 0o777); print('ready', flush=True)
                while True:
                    c, _ = s.accept()
                    try:
                        if operation == 'endless':
                            while True: c.sendall(b'a' * 65536)
                        c.recv(65536); c.sendall(argument.encode() + b'\n')
                    except OSError: pass
                    c.close()

        main(*sys.argv[1:])
        """;

    /// <summary>The words that run it, to be put behind those that enter a user or a namespace.</summary>
    public static string[] Words(params string[] arguments)
    {
        if (!File.Exists(Python))
        {
            Assert.Skip($"needs {Python}");
        }

        return [Python, "-I", "-c", Source, .. arguments];
    }
}
