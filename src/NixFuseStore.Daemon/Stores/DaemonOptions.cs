using NixFuseStore.Nix;

namespace NixFuseStore.Daemon;

/// <summary>How a <see cref="DaemonServer"/> treats its clients.</summary>
public sealed record DaemonOptions
{
    /// <summary>
    /// Whether a client may add paths without signatures, and what else stock Nix allows trusted users only. Asked once per connection. In a
    /// container anyone may be uid 0, which <see cref="DaemonPeer.SharesNamespaces"/> tells. No client is trusted unless this says so.
    /// </summary>
    public Predicate<DaemonPeer> Trusts { get; init; } = static _ => false;

    /// <summary>What clients show as the daemon's version; free text.</summary>
    public string Version { get; init; } = "NixFuseStore";

    /// <summary>Whether paths without a content address need a signature by one of <see cref="TrustedKeys"/>.</summary>
    public bool RequireSignatures { get; init; } = true;

    /// <summary>Keys whose signatures count.</summary>
    public IReadOnlyCollection<NixPublicKey> TrustedKeys { get; init; } = [];

    /// <summary>Connections served at a time. One more costs the longest idle one its place, or is refused with an error where none is idle.</summary>
    public int ConnectionsMax { get; init; } = 1024;

    /// <summary>A client that takes nothing of what it is sent for so long is dropped.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A client that says nothing within a request for so long is dropped. Between requests there is no limit.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>A client must have said who it is within this time.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often connections are looked at, for the times above and for clients that have gone while an operation runs.</summary>
    public TimeSpan WatchInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Registrations of one connection under way at a time.</summary>
    public int RegistrationsMax { get; init; } = 64;

    /// <summary>Where data of unknown size is kept that does not fit into 1 MiB of memory; the files have no names.</summary>
    public string TemporaryDirectory { get; init; } = Path.GetTempPath();

    /// <summary>Bytes of such data at most.</summary>
    public long SpoolBytesMax { get; init; } = 64L << 30;

    /// <summary>Bytes that such data leaves free in the file system of <see cref="TemporaryDirectory"/>, for the cache and for others.</summary>
    public long SpoolBytesLeft { get; init; } = 1L << 30;

    /// <summary>Told, in one line, what an operator should know: unexpected failures. May be called from any thread.</summary>
    public Action<string> Notice { get; init; } = static _ => { };

    /// <summary>Is given a line for every operation that begins and one when it has ended; null for no trace. Called from any thread; must not wait.</summary>
    public Action<string>? Trace { get; init; }

    /// <summary>The clock.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
