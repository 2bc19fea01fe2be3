using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;
using NixFuseStore.Cli.Tests.LocalSockets;

namespace NixFuseStore.Cli.Tests.Control;

/// <summary>The control socket over a real one, asked by its owner and by another user.</summary>
public sealed class ControlServerTests : IAsyncDisposable
{
    private const UnixFileMode Readable = (UnixFileMode)0b111_101_101;
    private const int OthersMax = 4;

    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-control-");
    private readonly List<string> _asked = [];
    private readonly List<string> _log = [];
    private readonly ControlServer _server;
    private Func<ControlRequest, Func<ControlReply, Task>, CancellationToken, Task> _handler = static (_, reply, _) => reply(new ControlReply { Done = true });

    public ControlServerTests()
    {
        _folder.UnixFileMode = Readable;
        _server = ControlServer.Start(SocketDirectory.Make(_folder.FullName + "/control", Readable), HandleAsync, _log.Add, Heartbeat);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.FullName + "/control"));
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(ControlRequest.Status)]
    [InlineData(ControlRequest.Unmount)]
    [InlineData(ControlRequest.Verify)]
    [InlineData(ControlRequest.Prefetch)]
    public async Task Owner_MayAskForEverything(string command)
    {
        var replies = await AskAsync(new ControlRequest(command) { Lazy = true, Repair = true, Paths = ["a", "b"] });
        Assert.True(Assert.Single(replies).Done);
        Assert.Equal([command], _asked);
    }

    [Theory]
    [InlineData(ControlRequest.Status, true)]
    [InlineData(ControlRequest.Unmount, false)]
    [InlineData(ControlRequest.Verify, false)]
    [InlineData(ControlRequest.Prefetch, false)]
    [InlineData("made-up", false)]
    public async Task OtherUser_MayAskForTheStatusOnly(string command, bool may)
    {
        OtherUser.Require();
        using var connection = ConnectAsOther();
        await SendAsync(connection, JsonSerializer.Serialize(new ControlRequest(command), ControlJson.Default.ControlRequest) + "\n");

        var reply = JsonSerializer.Deserialize((await ReadToEndAsync(connection)).TrimEnd(), ControlJson.Default.ControlReply)!;
        Assert.Equal(may, reply.Done);
        Assert.Equal(may ? null : $"only root and the user who mounted may {command}", reply.Error);
        Assert.Equal(may ? 1 : 0, _asked.Count);
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("nonsense\n")]
    [InlineData("null\n")]
    [InlineData("[]\n")]
    [InlineData("{}\n")]
    public async Task Nonsense_IsAnsweredWithAnError(string request)
    {
        _handler = static (request, _, _) => throw new CliException($"unknown {request.Command}");
        using var connection = Connect();
        await SendAsync(connection, request);
        Assert.Contains("\"error\":\"", await ReadToEndAsync(connection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failure_IsOneLineToTheClient()
    {
        _handler = static (_, _, _) => throw new InvalidOperationException("two\nlines\u001b[31m");
        var error = await Assert.ThrowsAsync<CliException>(() => AskAsync(new ControlRequest(ControlRequest.Status)));
        Assert.Equal("two lines\\x1b[31m", error.Message);
    }

    [Fact]
    public async Task Progress_ComesBeforeTheEnd()
    {
        _handler = static async (_, reply, _) =>
        {
            await reply(new ControlReply { Progress = "half" });
            await reply(new ControlReply { Done = true, Message = "all" });
        };
        var replies = await AskAsync(new ControlRequest(ControlRequest.Verify));
        Assert.Equal([("half", null), (null, "all")], replies.Select(reply => (reply.Progress, reply.Message)));
    }

    [Fact]
    public async Task LineOfAnotherUser_ThatIsLong_EndsItsConnection()
    {
        OtherUser.Require();
        using var connection = ConnectAsOther();
        await SendAsync(connection, new string('x', 5000));
        Assert.Contains("longer than", await ReadToEndAsync(connection), StringComparison.Ordinal);
    }

    [Fact]
    public async Task LineOfTheOwner_MayNameManyPaths()
    {
        string[] paths = [.. Enumerable.Range(0, 20_000).Select(number => $"{number:D32}-name")];
        var count = 0;
        _handler = (request, reply, _) =>
        {
            count = request.Paths!.Count;
            return reply(new ControlReply { Done = true });
        };
        await AskAsync(new ControlRequest(ControlRequest.Prefetch) { Paths = paths });
        Assert.Equal(paths.Length, count);
    }

    [Fact]
    public async Task ClientThatSaysNothing_IsHungUpOn()
    {
        using var silent = Connect();
        using var half = Connect();
        await SendAsync(half, "{\"command\":");
        Assert.Equal("", await ReadToEndAsync(silent));
        Assert.Equal("", await ReadToEndAsync(half));
    }

    [Fact]
    public async Task OtherUser_WithManyConnections_LocksNeitherTheOwnerNorAThirdUserOut()
    {
        OtherUser.Require();
        var held = Enumerable.Range(0, 40).Select(_ => ConnectAsOther()).ToArray();

        // Those beyond its share are hung up on at once.
        for (var i = OthersMax; i < held.Length; i++)
        {
            Assert.Equal("", await ReadToEndAsync(held[i]));
        }

        Assert.True(Assert.Single(await AskAsync(new ControlRequest(ControlRequest.Status))).Done);
        Array.ForEach(held, static connection => connection.Dispose());
    }

    [Fact]
    public async Task ClientThatGoes_CancelsWhatItAskedFor_OrFindsItDone()
    {
        var ended = new TaskCompletionSource();
        _handler = async (_, _, cancellationToken) =>
        {
            try
            {
                await Task.Delay(Deadline, cancellationToken);
            }
            finally
            {
                ended.SetResult();
            }
        };
        using (var connection = Connect())
        {
            await SendAsync(connection, "{\"command\":\"verify\"}\n");
            while (_asked.Count == 0)
            {
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
        }

        // Noticed at the next sign of life.
        await ended.Task.WaitAsync(Deadline / 2, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Server_ThatEnds_HangsUp()
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var server = ControlServer.Start(
            SocketDirectory.Make(_folder.FullName + "/second", Readable),
            (_, _, cancellationToken) =>
            {
                asked.TrySetResult();
                return Task.Delay(Timeout.Infinite, cancellationToken);
            },
            _log.Add);
        var asking = AskAsync(server.Address, new ControlRequest(ControlRequest.Unmount));
        await asked.Task.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        await server.DisposeAsync();
        Assert.Empty(await asking.WaitAsync(Deadline, TestContext.Current.CancellationToken));
    }

    private Task HandleAsync(ControlRequest request, Func<ControlReply, Task> reply, CancellationToken cancellationToken)
    {
        _asked.Add(request.Command);
        return _handler(request, reply, cancellationToken);
    }

    private Task<List<ControlReply>> AskAsync(ControlRequest request) => AskAsync(_server.Address, request);

    private static async Task<List<ControlReply>> AskAsync(ControlAddress address, ControlRequest request)
    {
        var replies = new List<ControlReply>();
        await foreach (var reply in ControlClient.AskAsync(address, request, TestContext.Current.CancellationToken))
        {
            replies.Add(reply);
        }

        return replies;
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(Path.Join(_server.Address.Directory, _server.Address.Name)));
        return socket;
    }

    private Socket ConnectAsOther() => OtherUser.Run(Connect);

    private static async Task SendAsync(Socket connection, string text) =>
        await connection.SendAsync(Encoding.UTF8.GetBytes(text), TestContext.Current.CancellationToken);

    private static async Task<string> ReadToEndAsync(Socket connection)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        var text = new StringBuilder();
        var buffer = new byte[4096];
        try
        {
            while (await connection.ReceiveAsync(buffer, deadline.Token) is > 0 and var read)
            {
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Hung up on with bytes unread.
        }

        return text.ToString();
    }
}
