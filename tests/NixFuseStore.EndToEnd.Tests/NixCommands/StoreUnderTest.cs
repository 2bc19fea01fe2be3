namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>A store that is used through a daemon socket, with its files read from disk.</summary>
/// <param name="Root">The folder in which the store's /nix lies.</param>
/// <param name="Other">Another store of the same make, to copy to; it starts empty.</param>
/// <param name="HttpCache">A binary cache that takes uploads and is the store's upstream; it starts empty. Null where the make has none.</param>
/// <param name="Builds">Whether it builds derivations, where ours refuses.</param>
internal sealed record StoreUnderTest(string Root, StoreUnderTest? Other, string? HttpCache, bool Builds)
{
    /// <summary>Brings a path of the source store in, past the daemon, so that nothing keeps it alive.</summary>
    public required Action<SourceStore, string> Bring { get; init; }

    public string Url => $"unix://{SocketPath}?root={Root}";

    public string SocketPath => Root + "/nix/var/nix/daemon-socket/socket";
}
