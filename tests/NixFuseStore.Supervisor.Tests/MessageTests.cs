using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Native.Linux;
using NixFuseStore.Supervisor.Messages;

namespace NixFuseStore.Supervisor.Tests;

public sealed class MessageTests : IDisposable
{
    private static readonly KeptMount Mount = new()
    {
        Mount = new FuseMountState("/mnt/nix", "0:57", AllowsOthers: true, IsUnprivileged: false),
        Minor = 45,
        Features = ulong.MaxValue,
        ReadAheadBytes = 131_072,
        ControlDirectory = "/run/nixfuse/control",
        ControlName = "4711-0badcafe.sock",
        Arguments = ["--store", "main"],
        Daemon = new KeptSocket("/mnt/nix/var/nix/daemon-socket/socket", null, 16, 0xC1B6, 0, 0),
        Log = "/var/cache/nixfuse/main/mount.log",
    };

    private readonly MessageChannel _here;
    private readonly MessageChannel _there;

    public MessageTests()
    {
        var (first, second) = Libc.CreateMessageSockets();
        (_here, _there) = (new MessageChannel(first), new MessageChannel(second));
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
    }

    [Fact]
    public void Mount_ArrivesWithItsOpenFiles()
    {
        var files = Enumerable.Range(0, 4).Select(static i => Filled($"file {i}")).ToArray();
        using var kept = new KeptFiles(files[0], files[1], files[2], files[3]);
        Assert.True(_here.TrySend(new SupervisorMessage(MessageKind.Keep) { Mount = Mount }, kept.All));
        Assert.True(_here.TrySend(new SupervisorMessage(MessageKind.Ended) { Status = 3 }));

        List<SafeFileHandle> received = [];
        var message = _there.Receive(received)!;

        Assert.Equal(Mount.Arguments, message.Mount!.Arguments);
        Assert.Equal(Mount, message.Mount with { Arguments = Mount.Arguments });
        using (var taken = KeptFiles.Take(received, hasDaemon: true))
        {
            Assert.Equal(["file 0", "file 1", "file 2", "file 3"], taken.All.Select(static file => Text((SafeFileHandle)file)));
        }

        received.Clear();
        Assert.Equal((MessageKind.Ended, 3), (_there.Receive(received)!.Kind, 3));
        Assert.Empty(received);
    }

    [Fact]
    public void EveryKind_ArrivesAsItself()
    {
        foreach (var kind in Enum.GetValues<MessageKind>())
        {
            var sent = new SupervisorMessage(kind) { Text = "line", Status = 2, Flag = true, Supervisor = new SupervisorState(7, 3, "it ended", -17), ProcessId = 9 };
            Assert.True(_here.TrySend(sent));
            Assert.Equal(sent, _there.Receive([]));
        }
    }

    [Fact]
    public void OtherEndGone_IsNoMessage_AndTakesNone()
    {
        _here.Dispose();
        Assert.Null(_there.Receive([]));
        Assert.False(_there.TrySend(new SupervisorMessage(MessageKind.Ping)));
    }

    [Theory]
    [InlineData("{\"kind\":\"Start\",\"version\":2}", "version 2")]
    [InlineData("{\"kind\":\"Dance\",\"version\":1}", "no message")]
    [InlineData("not a message", "no message")]
    public void AnotherVersion_OrSomethingElse_IsSaidSo(string text, string expected)
    {
        Assert.Equal(Errno.None, Libc.SendMessage(_here.Socket, Encoding.UTF8.GetBytes(text)));
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => _there.Receive([])).Message, StringComparison.Ordinal);
    }

    /// <summary>A process that hangs does not hold up the other.</summary>
    [Fact]
    public void OtherEndDoesNotRead_SendingDoesNotWait()
    {
        var sent = 0;
        while (_here.TrySend(new SupervisorMessage(MessageKind.Note) { Text = new string('x', 10_000) }))
        {
            Assert.True(++sent < 100_000);
        }
    }

    private static SafeFileHandle Filled(string text)
    {
        var file = Libc.CreateMemoryFile("nixfuse-test");
        RandomAccess.Write(file, Encoding.UTF8.GetBytes(text), 0);
        return file;
    }

    private static string Text(SafeFileHandle file)
    {
        var bytes = new byte[100];
        return Encoding.UTF8.GetString(bytes, 0, RandomAccess.Read(file, bytes, 0));
    }
}
