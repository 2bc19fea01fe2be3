namespace NixFuseStore.Daemon.Wire;

/// <summary>Bounds on what one request may make this process hold.</summary>
internal static class WireLimits
{
    /// <summary>Bytes of a store path: directory, slash, base name. Store directories of more than 700 bytes do not exist.</summary>
    internal const int PathBytesMax = 1024;

    /// <summary>Bytes of a name, a hash, a setting, a realisation (which names those it depends on) or a symlink's path.</summary>
    internal const int TextBytesMax = 1024 * 1024;

    /// <summary>Bytes of a text to be stored that is sent as one string. The largest derivations of Nixpkgs have about 1 MiB.</summary>
    internal const int ContentBytesMax = 64 * 1024 * 1024;

    /// <summary>Bytes of a derivation that is read to be looked into.</summary>
    internal const int DerivationBytesMax = 16 * 1024 * 1024;

    /// <summary>Elements of a list. The largest that stock Nix sends names all paths of a store.</summary>
    internal const int ListCountMax = 4 * 1024 * 1024;

    /// <summary>Bytes of all strings of a request, with 32 for each, outside of framed data.</summary>
    internal const int RequestBytesMax = 256 * 1024 * 1024;

    /// <summary>What a string costs of <see cref="RequestBytesMax"/> besides its bytes: about an object's header and a reference.</summary>
    internal const int StringOverheadBytes = 32;
}
