using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <summary>How the content of an import gets to the server. Used by one caller at a time; bytes were found to be those of a NAR before.</summary>
internal abstract class ImportContent : IAsyncDisposable
{
    /// <summary>Ends when the server has the content, once <see cref="SendRestAsync"/> was called; fails as soon as that cannot be any more.</summary>
    internal abstract Task Sent { get; }

    /// <summary>Whether the manifest was made here, so that it needs no signature.</summary>
    internal abstract bool IsCutHere { get; }

    /// <summary>What hears of the tree behind the bytes of <see cref="BeginAsync"/>, before <see cref="WriteAsync"/>; null where the bytes are enough.</summary>
    internal abstract INarVisitor? Tree { get; }

    /// <summary>Takes the first bytes of the NAR; to be called once.</summary>
    internal abstract ValueTask BeginAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken);

    /// <summary>Takes the next bytes of the NAR; waits while too much is under way.</summary>
    internal abstract ValueTask WriteAsync(ReadOnlyMemory<byte> nar, CancellationToken cancellationToken);

    /// <summary>There are no more bytes. To be called once, before <see cref="SendRestAsync"/>.</summary>
    internal abstract void Finish();

    /// <summary>Hands on what is left; waits while too much is under way.</summary>
    internal abstract ValueTask SendRestAsync(CancellationToken cancellationToken);

    /// <summary>What registers the content as a path; null where only the server can say, which it has when <see cref="Sent"/> has ended.</summary>
    internal abstract NewPath? TryMakeMessage(PathInfo info);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
