using System.Net.Sockets;
using System.Text;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;

namespace NixFuseStore.Cli.Tests.Control;

/// <summary>Commands, and processes that do not answer as nixfuse does.</summary>
public sealed class ControlClientTests : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-control-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("nonsense\n")]
    [InlineData("[1]\n")]
    [InlineData("{\"status\":{}}\n")]
    public async Task AnswerThatIsNone_IsOneClearLine(string answer)
    {
        var error = await Assert.ThrowsAsync<CliException>(() => AskAsync(Encoding.UTF8.GetBytes(answer), endless: false));
        Assert.Contains("does not answer as nixfuse does", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EndlessLine_IsRefused()
    {
        var before = GC.GetTotalAllocatedBytes();
        var error = await Assert.ThrowsAsync<CliException>(() => AskAsync(new byte[1 << 16], endless: true));
        Assert.Contains("longer than", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 1, 64L << 20);
    }

    [Fact]
    public async Task Address_OfADirectoryThatOthersWrite_IsNotAsked()
    {
        _folder.UnixFileMode = (UnixFileMode)0b111_111_111;
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            await foreach (var _ in ControlClient.AskAsync(
                new ControlAddress(_folder.FullName, "x.sock"), new ControlRequest(ControlRequest.Status), TestContext.Current.CancellationToken))
            {
            }
        });
    }

    private async Task AskAsync(byte[] answer, bool endless)
    {
        using var directory = SocketDirectory.Make(_folder.FullName, OwnerOnly);
        using var listener = directory.Listen("x.sock", OwnerOnly, 1);
        var answering = Task.Run(async () =>
        {
            using var connection = await listener.AcceptAsync(TestContext.Current.CancellationToken);
            try
            {
                // The request comes first: a connection that is closed before it is another mistake.
                await connection.ReceiveAsync(new byte[4096], TestContext.Current.CancellationToken);
                do
                {
                    await connection.SendAsync(answer, TestContext.Current.CancellationToken);
                }
                while (endless);
            }
            catch (SocketException)
            {
                // The client has hung up.
            }
        });
        await foreach (var _ in ControlClient.AskAsync(new ControlAddress(_folder.FullName, "x.sock"), new ControlRequest(ControlRequest.Status), TestContext.Current.CancellationToken))
        {
        }

        await answering;
    }
}
