using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.LocalSockets;

namespace NixFuseStore.Cli.Commands;

/// <summary>Talks to a daemon socket as stock Nix would: the handshake and one question.</summary>
internal static class DaemonProbe
{
    private const ulong ClientMagic = 0x6e697863;
    private const ulong ServerMagic = 0x6478696f;
    private const ulong Version = 0x123; // 1.35, the first in which the daemon says whether it trusts the client
    private const ulong Last = 0x616c7473; // STDERR_LAST
    private const ulong IsValidPath = 1;
    private const ulong Trusted = 1;
    private const int TextBytesMax = 4096;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>Connects, says who it is, and asks whether a path is valid that is not.</summary>
    /// <param name="socketPath">The socket.</param>
    /// <param name="storeDirectory">The store's directory, such as <c>/nix/store</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>What the daemon calls itself, and whether it trusts this user.</returns>
    /// <exception cref="CliException">It does not answer as a Nix daemon does.</exception>
    public static async Task<(string Version, bool IsTrusted)> AskAsync(string socketPath, string storeDirectory, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            using var socket = await SocketDirectory.ConnectToPathAsync(socketPath, deadline.Token).ConfigureAwait(false);
            await using var stream = new NetworkStream(socket);
            return await AskAsync(stream, storeDirectory, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new CliException($"the Nix daemon at {socketPath} does not answer within {Deadline.TotalSeconds:0} s", e);
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidDataException or ArgumentException)
        {
            throw new CliException($"the Nix daemon at {socketPath} cannot be used: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static async Task<(string Version, bool IsTrusted)> AskAsync(Stream stream, string storeDirectory, CancellationToken cancellationToken)
    {
        await WriteAsync(stream, cancellationToken, ClientMagic).ConfigureAwait(false);
        await ExpectAsync(stream, ServerMagic, cancellationToken).ConfigureAwait(false);
        _ = await ReadAsync(stream, cancellationToken).ConfigureAwait(false);

        // Our version, no CPU affinity, no reserved space.
        await WriteAsync(stream, cancellationToken, Version, 0, 0).ConfigureAwait(false);
        var version = await ReadTextAsync(stream, cancellationToken).ConfigureAwait(false);
        var trust = await ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        await ExpectAsync(stream, Last, cancellationToken).ConfigureAwait(false);

        await WriteAsync(stream, cancellationToken, IsValidPath).ConfigureAwait(false);
        await WriteTextAsync(stream, $"{storeDirectory}/{new string('0', 32)}-nixfuse-probe", cancellationToken).ConfigureAwait(false);
        await ExpectAsync(stream, Last, cancellationToken).ConfigureAwait(false);
        await ExpectAsync(stream, 0, cancellationToken).ConfigureAwait(false);
        return (version, trust == Trusted);
    }

    private static async Task WriteAsync(Stream stream, CancellationToken cancellationToken, params ulong[] numbers)
    {
        var bytes = new byte[numbers.Length * sizeof(ulong)];
        for (var i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), numbers[i]);
        }

        await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private static async Task WriteTextAsync(Stream stream, string text, CancellationToken cancellationToken)
    {
        var bytes = new byte[sizeof(ulong) + Padded(text.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)text.Length);
        Encoding.ASCII.GetBytes(text, bytes.AsSpan(sizeof(ulong)));
        await stream.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<ulong> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var bytes = new byte[sizeof(ulong)];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    private static async Task<string> ReadTextAsync(Stream stream, CancellationToken cancellationToken)
    {
        var length = await ReadAsync(stream, cancellationToken).ConfigureAwait(false);
        if (length > TextBytesMax)
        {
            throw new InvalidDataException("it does not speak Nix's protocol");
        }

        var bytes = new byte[Padded((int)length)];
        await stream.ReadExactlyAsync(bytes, cancellationToken).ConfigureAwait(false);
        return Encoding.UTF8.GetString(bytes, 0, (int)length);
    }

    private static async Task ExpectAsync(Stream stream, ulong expected, CancellationToken cancellationToken)
    {
        if (await ReadAsync(stream, cancellationToken).ConfigureAwait(false) != expected)
        {
            throw new InvalidDataException("it does not answer as Nix's protocol has it");
        }
    }

    private static int Padded(int length) => (length + 7) & ~7;
}
