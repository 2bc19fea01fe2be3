using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Push;

/// <summary>
/// One path of a push: read from disk, then waiting until its chunks are on the server, then registered. What is built of it belongs
/// to one stage at a time; only the waits are shared.
/// </summary>
internal sealed class PathWork : RegistrationWork
{
    internal PathWork(long number, PathInfo info, Action<PathWork> ready, Action<Exception> failed)
        : base(number, info) => Waits = new ChunkUploadWaits(() => ready(this), failed);

    /// <summary>What it waits for. A failure ends the whole push.</summary>
    internal ChunkUploadWaits Waits { get; }

    /// <summary>Chunks that the server asked for when it was to be registered, to be read and sent again; null at first.</summary>
    internal HashSet<ChunkId>? ChunksWanted { get; set; }

    /// <summary>How often it was read.</summary>
    internal int Attempts { get; set; }
}
