using NixFuseStore.Client.Checking;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Daemon;

/// <content>What is valid, and its content.</content>
internal sealed partial class MountedStore
{
    /// <inheritdoc/>
    public ValueTask<PathInfo?> FindPathAsync(StorePath path, CancellationToken cancellationToken) =>
        PeekPath(path) is { } known && _reader.HasReferencesAtHand(known) ? new ValueTask<PathInfo?>(known) : FindSlowAsync(path, cancellationToken);

    /// <inheritdoc/>
    public PathInfo? PeekPath(StorePath path)
    {
        try
        {
            return _reader.FindKnown(path)?.Info;
        }
        catch (StoreVerificationException)
        {
            // Asking says so again, to a caller that waits for the answer.
            return null;
        }
    }

    /// <inheritdoc/>
    public bool IsDamaged(StorePath path)
    {
        try
        {
            return _reader.FindKnown(path) is { IsDamaged: true };
        }
        catch (StoreVerificationException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_reader.FilterValidAsync(paths, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_reader.FindByHashPartAsync(hashPart, cancellationToken));

    /// <inheritdoc/>
    public async Task<IReadOnlyCollection<StorePath>> ListValidAsync(CancellationToken cancellationToken) =>
        await StoreErrors.TranslateAsync(_reader.ListValidAsync(cancellationToken)).ConfigureAwait(false);

    /// <inheritdoc/>
    public Task<IReadOnlyCollection<StorePath>> GetReferrersAsync(StorePath path, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_relations.GetReferrersAsync(path, cancellationToken));

    /// <inheritdoc/>
    public Task<IReadOnlyCollection<StorePath>> GetValidDeriversAsync(StorePath path, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(_relations.GetDeriversAsync(path, cancellationToken));

    /// <inheritdoc/>
    public Task<ReadOnlyMemory<byte>?> ReadFileAsync(StorePath path, int bytesMax, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(ReadAsync(path, bytesMax, cancellationToken));

    /// <inheritdoc/>
    public Task WriteNarAsync(StorePath path, Stream destination, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(WriteAsync(path, destination, cancellationToken));

    /// <inheritdoc/>
    public Task<bool> VerifyAsync(bool checkContents, bool repair, Func<string, ValueTask> problem, CancellationToken cancellationToken) =>
        StoreErrors.TranslateAsync(new StoreCheck(_reader, problem).RunAsync(checkContents, repair, cancellationToken));

    private async ValueTask<PathInfo?> FindSlowAsync(StorePath path, CancellationToken cancellationToken)
    {
        var handle = await StoreErrors.TranslateAsync(_reader.FindWithClosureAsync(path, cancellationToken)).ConfigureAwait(false);
        return handle?.Info;
    }

    private async Task<ReadOnlyMemory<byte>?> ReadAsync(StorePath path, int bytesMax, CancellationToken cancellationToken)
    {
        if (await _reader.FindWithClosureAsync(path, cancellationToken).ConfigureAwait(false) is not { } handle)
        {
            return null;
        }

        return await _reader.ReadFileAsync(handle, bytesMax, cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteAsync(StorePath path, Stream destination, CancellationToken cancellationToken)
    {
        var handle = await _reader.FindWithClosureAsync(path, cancellationToken).ConfigureAwait(false)
            ?? throw new StoreClientException($"path '{Directory.Print(path)}' is not valid");
        await _reader.WriteNarAsync(handle, destination, cancellationToken).ConfigureAwait(false);
    }
}
