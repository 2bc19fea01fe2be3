using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>Whether this host has liblz4, which is no necessity.</summary>
public static class Lz4
{
    private static readonly Lazy<bool> s_available = new(static () => NativeLibrary.TryLoad(Lz4Calls.Library, out _));

    /// <summary>Whether <see cref="Lz4CompressStream"/> and <see cref="Lz4DecompressStream"/> work here.</summary>
    public static bool IsAvailable => s_available.Value;
}
