using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Compression;

/// <summary>Whether this host has libbz2, which is no necessity: bzip2 is what old binary caches use.</summary>
public static class Bzip2
{
    private static readonly Lazy<bool> s_available = new(static () => NativeLibrary.TryLoad(Bzip2Calls.Library, out _));

    /// <summary>Whether <see cref="Bzip2CompressStream"/> and <see cref="Bzip2DecompressStream"/> work here.</summary>
    public static bool IsAvailable => s_available.Value;
}
