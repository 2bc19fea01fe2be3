using NixFuseStore.Client.Push;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// Content that goes to the server as the NAR that it is, while it is written. The server blanks and cuts it: where it is on this host, all
/// of that is then done once, and nothing is compressed only to be decompressed. Between hosts it would be too much to send.
/// </summary>
internal sealed class WholeContent : ImportContent
{
    private readonly CancellationTokenSource _stop = new();
    private readonly NarSpool _spool;
    private readonly ulong? _bytes;
    private readonly Action _ended;
    private readonly Task<UploadNarResponse> _answer;
    private Task _sending = Task.CompletedTask;
    private int _released;
    private ulong _written;
    private bool _tooLong;

    /// <param name="target">Tries again where a server went away.</param>
    /// <param name="spool">Becomes this object's.</param>
    /// <param name="bytes">How many bytes were announced; null where none were.</param>
    /// <param name="ended">Called when the NAR is not under way any more.</param>
    internal WholeContent(IPushTarget target, NarSpool spool, ulong? bytes, Action ended)
    {
        _spool = spool;
        _bytes = bytes;
        _ended = ended;
        _answer = Task.Run(() => UploadAsync(target));
    }

    /// <inheritdoc/>
    internal override bool IsCutHere => false;

    /// <inheritdoc/>
    internal override Task Sent => _answer;

    /// <inheritdoc/>
    internal override INarVisitor? Tree => null;

    /// <inheritdoc/>
    internal override ValueTask BeginAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken) => WriteAsync(nar, cancellationToken);

    /// <inheritdoc/>
    internal override ValueTask WriteAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken)
    {
        _written += (ulong)nar.Length;
        _tooLong |= _written > _bytes;

        // More than was announced cannot be sent; nor will it be registered.
        return _tooLong || _answer.IsCompleted ? default : _spool.WriteAsync(nar, cancellationToken);
    }

    /// <inheritdoc/>
    internal override void Finish() => _spool.Complete();

    /// <inheritdoc/>
    internal override ValueTask SendRestAsync(CancellationToken cancellationToken) => default;

    /// <inheritdoc/>
    internal override NewPath? TryMakeMessage(PathInfo info) =>
        _answer.IsCompletedSuccessfully ? NewPathMessage.Complete(_answer.Result.Draft, info) : null;

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await ((Task)_answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ReleaseAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task<UploadNarResponse> UploadAsync(IPushTarget target)
    {
        var answer = await target.UploadNarAsync(SendAsync, _bytes, _stop.Token).ConfigureAwait(false);

        // The server has all of it; the registration may take its time.
        await ReleaseAsync().ConfigureAwait(false);
        return answer;
    }

    private async Task ReleaseAsync()
    {
        if (Interlocked.Exchange(ref _released, 1) == 0)
        {
            // A request that has failed may go on reading for a moment.
            await _sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _spool.Dispose();
            _ended();
        }
    }

    // Requests follow each other, but one that has failed may not have noticed yet.
    private Task SendAsync(Stream destination, CancellationToken cancellationToken) =>
        _sending = SendAsync(_sending, destination, cancellationToken);

    private async Task SendAsync(Task before, Stream destination, CancellationToken cancellationToken)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _spool.SendAsync(destination, cancellationToken).ConfigureAwait(false);
    }
}
