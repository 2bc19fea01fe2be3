using System.Net.Sockets;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Tests.LocalSockets;

public sealed class SocketDirectoryTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    private const UnixFileMode EveryUser = (UnixFileMode)0b111_111_111;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-sockets-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void DirectoryOfAnotherUser_OrThatOthersWrite_OrALink_IsNotBelieved()
    {
        OtherUser.Require();
        _folder.UnixFileMode = EveryUser;
        var theirs = OtherUser.Run(() => Directory.CreateDirectory(Path.Join(_folder.FullName, "theirs")).FullName);
        var open = Directory.CreateDirectory(Path.Join(_folder.FullName, "open"));
        open.UnixFileMode = EveryUser;
        var own = Directory.CreateDirectory(Path.Join(_folder.FullName, "own"), OwnerOnly);
        var link = Directory.CreateSymbolicLink(Path.Join(_folder.FullName, "link"), own.FullName);

        Assert.Null(SocketDirectory.TryOpen(theirs, SocketDirectory.IsBelieved, out _));
        Assert.Null(SocketDirectory.TryOpen(open.FullName, SocketDirectory.IsBelieved, out _));
        Assert.Null(SocketDirectory.TryOpen(link.FullName, SocketDirectory.IsBelieved, out _));
        using var believed = SocketDirectory.TryOpen(own.FullName, SocketDirectory.IsBelieved, out _);
        Assert.NotNull(believed);
    }

    [Fact]
    public void Make_WhereAnotherUserHasMadeIt_IsRefused()
    {
        OtherUser.Require();
        _folder.UnixFileMode = EveryUser;
        var trap = OtherUser.Run(() => Directory.CreateDirectory(Path.Join(_folder.FullName, "trap")).FullName);
        Directory.CreateSymbolicLink(Path.Join(_folder.FullName, "link"), _folder.FullName);

        Assert.Contains("belongs to another user", Assert.Throws<CliException>(() => SocketDirectory.Make(trap, OwnerOnly)).Message, StringComparison.Ordinal);
        Assert.Throws<CliException>(() => SocketDirectory.Make(Path.Join(_folder.FullName, "link"), OwnerOnly));
    }

    [Fact]
    public void Make_WhateverTheUmask_GivesTheModeThatIsAskedFor()
    {
        var path = Path.Join(_folder.FullName, "made");
        Directory.CreateDirectory(path).UnixFileMode = EveryUser;
        SocketDirectory.Make(path, OwnerOnly).Dispose();
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task ListSockets_LeavesOutFilesLinksAndOtherUsersSockets_AndRemovesNoneOfThem()
    {
        OtherUser.Require();
        using var directory = SocketDirectory.Make(_folder.FullName, OwnerOnly);
        using var good = directory.Listen("good.sock", OwnerOnly, 1);
        File.WriteAllText(Path.Join(_folder.FullName, "file.sock"), "precious");
        File.CreateSymbolicLink(Path.Join(_folder.FullName, "link.sock"), Path.Join(_folder.FullName, "good.sock"));
        _folder.UnixFileMode = EveryUser;
        using var theirs = OtherUser.Run(() =>
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Bind(new UnixDomainSocketEndPoint(Path.Join(_folder.FullName, "theirs.sock")));
            socket.Listen();
            return socket;
        });

        Assert.Equal(["good.sock"], directory.ListSockets(".sock"));
        foreach (var name in (string[])["file.sock", "link.sock", "theirs.sock", "absent.sock"])
        {
            await Assert.ThrowsAsync<IOException>(() => directory.ConnectAsync(name, TestContext.Current.CancellationToken));
            directory.TryRemove(name);
        }

        Assert.Equal("precious", File.ReadAllText(Path.Join(_folder.FullName, "file.sock")));
        Assert.True(Path.Exists(Path.Join(_folder.FullName, "link.sock")));
        Assert.True(Path.Exists(Path.Join(_folder.FullName, "theirs.sock")));
    }

    [Fact]
    public async Task Connect_ToASocketWhoseProcessIsAnotherUsers_IsRefused()
    {
        OtherUser.Require();
        using var directory = SocketDirectory.Make(_folder.FullName, OwnerOnly);
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Join(_folder.FullName, "lent.sock")));
        OtherUser.Run(() =>
        {
            // The kernel tells clients who listened, which need not be who made the socket.
            socket.Listen();
            return true;
        });

        var error = await Assert.ThrowsAsync<IOException>(() => directory.ConnectAsync("lent.sock", TestContext.Current.CancellationToken));
        Assert.Contains("is not of user 0", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Listen_WhereADeadSocketIs_TakesItsPlace()
    {
        using var directory = SocketDirectory.Make(_folder.FullName, OwnerOnly);
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(Path.Join(_folder.FullName, "dead")));
            File.Move(Path.Join(_folder.FullName, "dead"), Path.Join(_folder.FullName, "x.sock"));
        }

        await Assert.ThrowsAsync<SocketException>(() => directory.ConnectAsync("x.sock", TestContext.Current.CancellationToken));
        using var listener = directory.Listen("x.sock", OwnerOnly, 1);
        using var client = await directory.ConnectAsync("x.sock", TestContext.Current.CancellationToken);
        Assert.True(client.Connected);
        Assert.Equal(["x.sock"], Directory.EnumerateFileSystemEntries(_folder.FullName).Select(Path.GetFileName));
        directory.TryRemove("x.sock");
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public async Task Path_LongerThanASocketsAddress_Works()
    {
        var deep = Directory.CreateDirectory(Path.Join(_folder.FullName, new string('a', 100), new string('b', 100))).FullName;
        using var directory = SocketDirectory.Make(deep, OwnerOnly);
        using var listener = directory.Listen("socket", OwnerOnly, 2);

        using var one = await directory.ConnectAsync("socket", TestContext.Current.CancellationToken);
        using var two = await SocketDirectory.ConnectToPathAsync(Path.Join(deep, "socket"), TestContext.Current.CancellationToken);

        Assert.Equal(Environment.ProcessId, Libc.PeerOf(two.SafeHandle).ProcessId);
    }
}
