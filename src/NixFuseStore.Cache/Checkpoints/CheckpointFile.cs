using System.Buffers.Binary;
using System.Security.Cryptography;
using NixFuseStore.Cache.Keys;

namespace NixFuseStore.Cache.Checkpoints;

/// <summary>
/// The file that a restart recovers from. It is written beside the one before and takes its place by rename, so that one of the two is always
/// there, whole.
/// </summary>
/// <remarks>
/// <code>
/// u64 version | u64 page, segment, chunk bytes | u64 begin, tail address | u64 count
/// count times: u64 fingerprint, with the used bit | u64 place
/// SHA-256 of all that
/// </code>
/// Little-endian, as all files of one machine.
/// </remarks>
internal static class CheckpointFile
{
    /// <summary>In the cache's directory.</summary>
    public const string Name = "checkpoint";

    /// <summary>The one that is being written.</summary>
    public const string NextName = "checkpoint.next";

    /// <summary>"NFSCHNK" and the version, raised with every change of the format.</summary>
    private const ulong Version = 0x024B_4E48_4353_464E;
    private const int HeadBytes = 7 * sizeof(ulong);
    private const int EntryBytes = 2 * sizeof(ulong);
    private const int BufferBytes = 64 << 10;

    /// <summary>Bytes of the file for so many chunks.</summary>
    public static long FileBytes(long count) => HeadBytes + (count * EntryBytes) + SHA256.HashSizeInBytes;

    /// <summary>Writes a checkpoint and brings it to the disk. From then on it is the one to recover from.</summary>
    /// <returns>Its bytes.</returns>
    /// <exception cref="IOException">The disk is full or fails. The one before stays.</exception>
    public static long Write(string directory, in Checkpoint checkpoint, KeyTable keys)
    {
        var next = Path.Combine(directory, NextName);
        try
        {
            var bytes = WriteFile(next, in checkpoint, keys);
            File.Move(next, Path.Combine(directory, Name), overwrite: true);
            return bytes;
        }
        catch (IOException)
        {
            // What a full disk took of it would only take space.
            File.Delete(next);
            throw;
        }
    }

    /// <summary>Reads the checkpoint; null where there is none.</summary>
    /// <param name="directory">The cache's.</param>
    /// <param name="fault">For tests: runs before the file is read, with its path; what it throws is the disk's failure.</param>
    /// <exception cref="InvalidDataException">It is damaged, or another version wrote it.</exception>
    /// <exception cref="IOException">It cannot be read now, which says nothing of what it holds.</exception>
    public static (Checkpoint Checkpoint, KeyTable Keys)? TryRead(string directory, Action<string>? fault)
    {
        var path = Path.Combine(directory, Name);
        try
        {
            fault?.Invoke(path);
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return Read(stream);
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static long WriteFile(string path, in Checkpoint checkpoint, KeyTable keys)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferBytes];
        WriteHead(buffer, in checkpoint, keys.Count);
        var filled = HeadBytes;
        long position = 0;
        foreach (var entry in keys.Entries())
        {
            if (filled + EntryBytes > buffer.Length)
            {
                Append();
            }

            BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(filled), entry.Fingerprint | (entry.IsUsed ? 1u : 0));
            BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(filled + sizeof(ulong)), entry.Place.ToWord());
            filled += EntryBytes;
        }

        Append();
        filled = sum.GetHashAndReset(buffer);
        RandomAccess.Write(file, buffer.AsSpan(0, filled), position);
        RandomAccess.FlushToDisk(file);
        return position + filled;

        void Append()
        {
            sum.AppendData(buffer, 0, filled);
            RandomAccess.Write(file, buffer.AsSpan(0, filled), position);
            position += filled;
            filled = 0;
        }
    }

    private static (Checkpoint Checkpoint, KeyTable Keys) Read(FileStream stream)
    {
        // 1. The head, which says how long the rest is.
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferBytes];
        if (stream.ReadAtLeast(buffer.AsSpan(0, HeadBytes), HeadBytes, throwOnEndOfStream: false) < HeadBytes || Word(buffer, 0) != Version)
        {
            throw new InvalidDataException("another version made it");
        }

        sum.AppendData(buffer, 0, HeadBytes);
        var checkpoint = new Checkpoint((long)Word(buffer, 1), (long)Word(buffer, 2), (long)Word(buffer, 3), (long)Word(buffer, 4), (long)Word(buffer, 5));
        var count = Word(buffer, 6);
        if (count > int.MaxValue || FileBytes((long)count) != stream.Length)
        {
            throw new InvalidDataException("its checkpoint is cut off");
        }

        // 2. The chunks.
        var keys = new KeyTable((int)count);
        for (var left = (long)count * EntryBytes; left > 0;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(left, BufferBytes));
            stream.ReadExactly(part);
            sum.AppendData(part);
            left -= part.Length;
            for (var i = 0; i < part.Length / sizeof(ulong); i += 2)
            {
                Adopt(keys, Word(part, i), Word(part, i + 1));
            }
        }

        // 3. All of it as it was written?
        var expected = buffer.AsSpan(0, SHA256.HashSizeInBytes);
        stream.ReadExactly(expected);
        return sum.GetHashAndReset().AsSpan().SequenceEqual(expected) && keys.Count == (int)count
            ? (checkpoint, keys)
            : throw new InvalidDataException("its checkpoint is damaged");
    }

    private static void Adopt(KeyTable keys, ulong name, ulong place)
    {
        var fingerprint = name & ~1ul;
        if (!KeyTable.IsFingerprint(fingerprint))
        {
            throw new InvalidDataException("its checkpoint holds what is no fingerprint");
        }

        keys.Set(fingerprint, ChunkPlace.FromWord(place));
        if (fingerprint != name)
        {
            keys.MarkUsed(fingerprint);
        }
    }

    private static void WriteHead(Span<byte> buffer, in Checkpoint checkpoint, int count)
    {
        ReadOnlySpan<ulong> words =
        [
            Version, (ulong)checkpoint.PageBytes, (ulong)checkpoint.SegmentBytes, (ulong)checkpoint.ChunkBytesMax,
            (ulong)checkpoint.BeginAddress, (ulong)checkpoint.TailAddress, (ulong)count,
        ];
        for (var i = 0; i < words.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(buffer[(i * sizeof(ulong))..], words[i]);
        }
    }

    private static ulong Word(ReadOnlySpan<byte> bytes, int i) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[(i * sizeof(ulong))..]);
}

/// <summary>What a checkpoint says besides the chunks.</summary>
/// <param name="PageBytes">A page of the log.</param>
/// <param name="SegmentBytes">A file of the log.</param>
/// <param name="ChunkBytesMax">Most plain bytes of a chunk.</param>
/// <param name="BeginAddress">First byte of the log that is not given up.</param>
/// <param name="TailAddress">End of the log.</param>
internal readonly record struct Checkpoint(long PageBytes, long SegmentBytes, long ChunkBytesMax, long BeginAddress, long TailAddress);
