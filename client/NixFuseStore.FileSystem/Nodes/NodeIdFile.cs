using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem.Nodes;

/// <summary>
/// The file of a <see cref="NodeIdTable"/>: a file in memory that outlives the process which writes it, since the process that supervises the
/// mount has it open, too. Little-endian:
/// <code>
/// "nixfuse nodes 3\n"   u64 where the records begin   records (see <see cref="NodeIdRecord"/>), from there to the end
/// </code>
/// Not thread-safe, and written by one process at a time.
/// </summary>
/// <param name="file">Of <see cref="Libc.CreateMemoryFile"/>; stays the caller's.</param>
internal sealed class NodeIdFile(SafeFileHandle file)
{
    private const int HeadBytes = 24;
    private const int StartOffset = 16;

    private static ReadOnlySpan<byte> Mark => "nixfuse nodes 3\n"u8;

    private long _start = HeadBytes;
    private long _end = HeadBytes;

    /// <summary>Bytes of records.</summary>
    public long Length => _end - _start;

    /// <summary>The records; none of a file that is new.</summary>
    /// <exception cref="InvalidDataException">The file is of another version.</exception>
    /// <param name="isNew">Whether nothing was ever written to it.</param>
    public byte[] Read(out bool isNew)
    {
        Span<byte> head = stackalloc byte[HeadBytes];
        var length = RandomAccess.GetLength(file);
        isNew = length == 0;
        if (isNew)
        {
            Mark.CopyTo(head);
            BinaryPrimitives.WriteInt64LittleEndian(head[StartOffset..], HeadBytes);
            RandomAccess.Write(file, head, 0);
            return [];
        }

        if (RandomAccess.Read(file, head, 0) < HeadBytes || !head.StartsWith(Mark)
            || BinaryPrimitives.ReadInt64LittleEndian(head[StartOffset..]) is var start && (start < HeadBytes || start > length))
        {
            throw new InvalidDataException("what is known of the mount's node ids is of another version of nixfuse");
        }

        var records = new byte[length - start];
        for (var read = 0; read < records.Length;)
        {
            read += RandomAccess.Read(file, records.AsSpan(read), start + read) is > 0 and var more ? more : throw new EndOfStreamException();
        }

        (_start, _end) = (start, length);
        return records;
    }

    /// <summary>Drops the last bytes: a record that its writer did not live to write whole, and whose number was never used.</summary>
    public void DropTail(int bytes) => _end -= bytes;

    /// <summary>Appends a record. It is there for the next process when this returns.</summary>
    /// <exception cref="IOException">There is no memory for it; nothing is appended.</exception>
    public void Append(ReadOnlySpan<byte> record)
    {
        RandomAccess.Write(file, record, _end);
        _end += record.Length;
    }

    /// <summary>Puts other records in the place of those that are there, all at once.</summary>
    /// <exception cref="IOException">There is no memory for them; those that are there stay.</exception>
    public void Replace(ReadOnlySpan<byte> records)
    {
        // Behind the old ones; then they are the ones that count, by one write of eight bytes.
        RandomAccess.Write(file, records, _end);
        Span<byte> start = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(start, _end);
        RandomAccess.Write(file, start, StartOffset);
        Libc.PunchHole(file, HeadBytes, _end - HeadBytes);
        (_start, _end) = (_end, _end + records.Length);
    }
}
