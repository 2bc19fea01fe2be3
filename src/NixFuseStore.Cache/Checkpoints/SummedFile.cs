using System.Security.Cryptography;

namespace NixFuseStore.Cache.Checkpoints;

/// <summary>Small files that are read whole: the bytes, then their SHA-256.</summary>
internal static class SummedFile
{
    private const int SumBytes = SHA256.HashSizeInBytes;

    /// <summary>Bytes of the file for so many bytes of content.</summary>
    public static long FileBytes(long contentBytes) => contentBytes + SumBytes;

    /// <summary>Writes and brings the file to the disk.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        using var handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        RandomAccess.Write(handle, content, 0);
        Span<byte> sum = stackalloc byte[SumBytes];
        SHA256.HashData(content, sum);
        RandomAccess.Write(handle, sum, content.Length);
        RandomAccess.FlushToDisk(handle);
    }

    /// <summary>Reads the content; null where there is no such file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    /// <exception cref="IOException">It cannot be read now, which says nothing of what it holds.</exception>
    public static byte[]? TryRead(string path, Action<string>? fault)
    {
        try
        {
            fault?.Invoke(path);
            return Read(path);
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Reads the content.</summary>
    /// <exception cref="InvalidDataException">The file is damaged.</exception>
    public static byte[] Read(string path)
    {
        var file = File.ReadAllBytes(path);
        if (file.Length < SumBytes)
        {
            throw new InvalidDataException($"{path} is cut off");
        }

        var content = file.AsSpan(0, file.Length - SumBytes);
        Span<byte> sum = stackalloc byte[SumBytes];
        SHA256.HashData(content, sum);
        return sum.SequenceEqual(file.AsSpan(content.Length)) ? content.ToArray() : throw new InvalidDataException($"{path} is damaged");
    }
}
