using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Clients;

/// <summary>Two pipes of a process; who waits for it too long ends the process, and with it the streams.</summary>
/// <param name="input">What the process writes.</param>
/// <param name="output">What it reads.</param>
internal sealed class StreamTransport(Stream input, Stream output) : ITransport
{
    /// <inheritdoc/>
    public bool IsIdle
    {
        set
        {
            // Nobody waits for the other end to have a wish.
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> ReadAsync(Memory<byte> destination)
    {
        try
        {
            return await input.ReadAsync(destination);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new ConnectionEndedException("reading from nix-daemon failed", e);
        }
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await output.WriteAsync(bytes);
            await output.FlushAsync();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw new ConnectionEndedException("writing to nix-daemon failed", e);
        }
    }
}
