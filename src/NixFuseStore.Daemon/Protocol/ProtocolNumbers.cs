namespace NixFuseStore.Daemon.Protocol;

/// <summary>Numbers of the worker protocol, by Nix's names where it has some.</summary>
internal static class ProtocolNumbers
{
    /// <summary>The client's first number, WORKER_MAGIC_1.</summary>
    internal const ulong ClientMagic = 0x6e697863;

    /// <summary>The server's answer, WORKER_MAGIC_2.</summary>
    internal const ulong ServerMagic = 0x6478696f;

    /// <summary>The first byte of every version.</summary>
    internal const ulong Major = 0x100;

    /// <summary>The newest minor version served (Nix 2.24 to 2.35).</summary>
    internal const int MinorMax = 38;

    /// <summary>The oldest one, which Nix 2.34 demands too.</summary>
    internal const int MinorMin = 18;

    /// <summary>Marks the end of an object in an export stream, EXPORT_MAGIC.</summary>
    internal const ulong ExportMagic = 0x4558494e;
}
