using NixFuseStore.Nix;

namespace NixFuseStore.Client.Adding;

/// <summary>How a <see cref="StoreWriter"/> works: how long it waits, what it may hold, where its journal lies.</summary>
public sealed record StoreWriterOptions
{
    /// <summary>Directory of the journal; null for none, then every path is registered before it is answered.</summary>
    public string? JournalDirectory { get; init; }

    /// <summary>Called before paths are registered, once for all of a call: whatever keeps them alive is to be with the server when the task ends. Null for
    /// nothing.</summary>
    public Func<CancellationToken, ValueTask>? Prepare { get; init; }

    /// <summary>
    /// Called with each path that is acknowledged before it is registered: what it returns keeps the path alive, and is disposed when the
    /// path is registered. Null for nothing.
    /// </summary>
    public Func<StorePath, IDisposable>? Keep { get; init; }

    /// <summary>
    /// Called with each path that became valid, before its registration is answered: whatever showed it as absent is to show it when the
    /// task ends. Null where nothing is shown.
    /// </summary>
    public Func<StorePath, CancellationToken, ValueTask>? Announce { get; init; }

    /// <summary>How long a server may be away before an operation that needs it fails: long enough for one that is started again.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of paths that are in the journal and not registered yet; beyond it, answers wait for the server.</summary>
    public long PendingBytesMax { get; init; } = 64L << 20;

    /// <summary>Plain bytes of chunks held in memory at most, from the reading of a NAR to the end of its upload.</summary>
    public long ChunkBytesHeldMax { get; init; } = 64L << 20;

    /// <summary>
    /// Whether NARs go to the server as they are, to be cut there; null to do so where the server is on this host. A NAR has about three
    /// times the bytes of its compressed chunks, but then nothing is hashed, cut and compressed on one side only to be proven on the other.
    /// </summary>
    public bool? SendsWholeNars { get; init; }

    /// <summary>
    /// Bytes of NARs held in memory at most, from their reading until the server has them, where they are sent as they are; beyond it they lie in temporary files
    /// beside the journal.
    /// </summary>
    public long NarBytesHeldMax { get; init; } = 32L << 20;

    /// <summary>
    /// Level of zstd for chunks. Lower than that of a push: a copy through a socket waits for it, and a core compresses 402 MB/s of
    /// libraries at level 1 (to 42 %), 230 at level 3 (to 40 %) and 94 at level 6.
    /// </summary>
    public int CompressionLevel { get; init; } = 1;

    /// <summary>Told in one line what went wrong behind an answer that was given; any thread.</summary>
    public Action<string>? Log { get; init; }

    /// <summary>Clock and timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
