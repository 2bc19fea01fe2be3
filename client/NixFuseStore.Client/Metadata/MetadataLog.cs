using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Client.Metadata;

/// <summary>
/// One append-only file of metadata entries, <c>NNNNNNNN.log</c>: eight bytes of magic, then entries (see <see cref="MetadataEntryHeader"/>).
/// A tail that was torn by a crash is cut off when the log is opened for writing. One writer at a time; readers at any time.
/// </summary>
internal sealed class MetadataLog : IDisposable
{
    /// <summary>"NFSMETA" and the version.</summary>
    private static ReadOnlySpan<byte> Magic => "NFSMETA\u0001"u8;

    private readonly SafeFileHandle _file;
    private readonly Action<string>? _fault;

    private MetadataLog(SafeFileHandle file, string path, long number, Action<string>? fault)
    {
        _file = file;
        _fault = fault;
        Path = path;
        Number = number;
    }

    public string Path { get; }

    /// <summary>Logs are numbered in the order of their making.</summary>
    public long Number { get; }

    /// <summary>Bytes, the magic included.</summary>
    public long Length { get; private set; }

    /// <summary>Whether nothing may be appended: the disk failed at its end, or did not show where that is.</summary>
    public bool IsSealed { get; private set; }

    public static string NameOf(long number) => number.ToString("x8", System.Globalization.CultureInfo.InvariantCulture) + ".log";

    /// <exception cref="IOException">The disk is full or fails; no file is left behind.</exception>
    public static MetadataLog Create(string directory, long number, Action<string>? fault)
    {
        var path = System.IO.Path.Combine(directory, NameOf(number));
        var file = File.OpenHandle(path, FileMode.Create, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            RandomAccess.Write(file, Magic, 0);
            return new MetadataLog(file, path, number, fault) { Length = Magic.Length };
        }
        catch
        {
            file.Dispose();
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Opens a log and tells its entries in order; null where the file is no metadata log of this version.</summary>
    /// <remarks>What lies behind a place that the disk does not give is missing in this process, and stays where it is.</remarks>
    /// <exception cref="IOException">It cannot be opened now, which says nothing of what it holds.</exception>
    public static MetadataLog? Open(string path, long number, Action<MetadataLog, MetadataEntryHeader, long> onEntry, Action<string>? fault)
    {
        fault?.Invoke("open");
        var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> magic = stackalloc byte[Magic.Length];
        try
        {
            if (RandomAccess.Read(file, magic, 0) != magic.Length || !magic.SequenceEqual(Magic))
            {
                file.Dispose();
                return null;
            }
        }
        catch
        {
            file.Dispose();
            throw;
        }

        var log = new MetadataLog(file, path, number, fault);
        try
        {
            log.Scan(onEntry);
        }
        catch (IOException)
        {
            log.IsSealed = true;
        }

        return log;
    }

    /// <summary>Appends an entry and returns the payload's position.</summary>
    public long Append(in MetadataKey key, byte[] payload)
    {
        var bytes = new byte[MetadataEntryHeader.Size + payload.Length];
        MetadataEntryHeader.Of(in key, payload).Write(bytes);
        payload.CopyTo(bytes, MetadataEntryHeader.Size);

        // One write for header and payload; a failure leaves Length where it was, so that the next entry overwrites the debris.
        try
        {
            _fault?.Invoke("append");
            RandomAccess.Write(_file, bytes, Length);
        }
        catch (IOException e) when (DiskErrors.IsMedium(e))
        {
            // The same place would fail again and again.
            IsSealed = true;
            throw;
        }

        var position = Length + MetadataEntryHeader.Size;
        Length += bytes.Length;
        return position;
    }

    /// <summary>Reads a payload; null where header or payload no longer are what was written.</summary>
    public byte[]? Read(in MetadataKey key, long position, int length)
    {
        var bytes = new byte[MetadataEntryHeader.Size + length];
        if (ReadFully(bytes, position - MetadataEntryHeader.Size) != bytes.Length
            || !MetadataEntryHeader.TryRead(bytes, out var header)
            || header.Key != key
            || header.Length != length
            || header.PayloadChecksum != MetadataEntryHeader.Checksum(bytes.AsSpan(MetadataEntryHeader.Size)))
        {
            return null;
        }

        return bytes[MetadataEntryHeader.Size..];
    }

    public void Dispose() => _file.Dispose();

    public void Delete()
    {
        _file.Dispose();
        File.Delete(Path);
    }

    private void Scan(Action<MetadataLog, MetadataEntryHeader, long> onEntry)
    {
        var fileLength = RandomAccess.GetLength(_file);
        Span<byte> bytes = stackalloc byte[MetadataEntryHeader.Size];
        Length = Magic.Length;
        while (ReadFully(bytes, Length) == bytes.Length
            && MetadataEntryHeader.TryRead(bytes, out var header)
            && Length + bytes.Length + header.Length <= fileLength)
        {
            onEntry(this, header, Length + bytes.Length);
            Length += bytes.Length + header.Length;
        }

        if (Length < fileLength)
        {
            RandomAccess.SetLength(_file, Length);
        }
    }

    private int ReadFully(Span<byte> bytes, long position)
    {
        _fault?.Invoke("read");
        var total = 0;
        while (total < bytes.Length)
        {
            var read = RandomAccess.Read(_file, bytes[total..], position + total);
            if (read == 0)
            {
                break;
            }

            total += read;
        }

        return total;
    }
}
