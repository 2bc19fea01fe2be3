using System.Buffers.Binary;
using System.Runtime.InteropServices;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Keys;

/// <summary>
/// The chunks that the log holds, as 64-bit fingerprints with a "used since last pass" bit: absence is known without a disk read, and
/// the evictor knows what to keep. One thread adds and removes; any number look up and mark meanwhile.
/// </summary>
/// <remarks>
/// Open addressing with linear probing. A slot is 0 when free, 2 when something was removed, else a fingerprint of which bit 0 says
/// "used". Two chunks with one fingerprint (one in 2^62) shadow each other: the log compares whole names, so one of them is missing.
/// A lookup during growth may use the old array; a mark may then be lost, nothing else.
/// </remarks>
internal sealed class KeyTable
{
    private const ulong Free = 0;
    private const ulong Removed = 2;
    private const ulong UsedBit = 1;
    private const int CapacityMin = 1024;

    private ulong[] _slots = new ulong[CapacityMin];
    private int _count;
    private int _filled; // with removed ones

    /// <summary>Chunks in the table.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The name of a chunk in this table.</summary>
    public static ulong Fingerprint(in ChunkId id)
    {
        Span<byte> bytes = stackalloc byte[ChunkId.Size];
        id.CopyTo(bytes);
        return Fingerprint(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
    }

    /// <summary>The same from the first eight bytes of the name.</summary>
    public static ulong Fingerprint(ulong firstBytes)
    {
        var value = firstBytes & ~UsedBit;
        return value <= Removed ? 4 : value;
    }

    public bool Contains(ulong fingerprint) => Find(_slots, fingerprint) >= 0;

    /// <summary>Notes a use; false when the chunk is not there.</summary>
    public bool MarkUsed(ulong fingerprint)
    {
        var slots = Volatile.Read(ref _slots);
        var at = Find(slots, fingerprint);
        if (at < 0)
        {
            return false;
        }

        if ((Volatile.Read(ref slots[at]) & UsedBit) == 0)
        {
            Interlocked.CompareExchange(ref slots[at], fingerprint | UsedBit, fingerprint);
        }

        return true;
    }

    /// <summary>Adds a chunk as not used; false when it was there.</summary>
    public bool Add(ulong fingerprint)
    {
        if (Find(_slots, fingerprint) >= 0)
        {
            return false;
        }

        if (_filled * 10L >= _slots.Length * 7L)
        {
            Rebuild();
        }

        Insert(_slots, fingerprint, ref _filled);
        Volatile.Write(ref _count, _count + 1);
        return true;
    }

    /// <summary>Removes a chunk; false when it was not there.</summary>
    public bool Remove(ulong fingerprint)
    {
        var at = Find(_slots, fingerprint);
        if (at < 0)
        {
            return false;
        }

        Interlocked.Exchange(ref _slots[at], Removed);
        Volatile.Write(ref _count, _count - 1);
        return true;
    }

    /// <summary>Takes away the used bit; returns whether it was set.</summary>
    public bool TakeUsed(ulong fingerprint)
    {
        var at = Find(_slots, fingerprint);
        return at >= 0 && Interlocked.CompareExchange(ref _slots[at], fingerprint, fingerprint | UsedBit) == (fingerprint | UsedBit);
    }

    /// <summary>All fingerprints, with their used bits.</summary>
    public ulong[] Snapshot()
    {
        var all = new ulong[_count];
        var next = 0;
        foreach (var slot in _slots)
        {
            if (slot is not Free and not Removed && next < all.Length)
            {
                all[next++] = slot;
            }
        }

        return all;
    }

    /// <summary>The table's bytes: the slots in use, little-endian.</summary>
    public ReadOnlySpan<byte> ToBytes() => MemoryMarshal.AsBytes(Snapshot().AsSpan());

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <exception cref="InvalidDataException">These are not a table's bytes.</exception>
    public static KeyTable FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % sizeof(ulong) != 0)
        {
            throw new InvalidDataException("the key table is cut off");
        }

        var slots = MemoryMarshal.Cast<byte, ulong>(bytes);
        var table = new KeyTable { _slots = new ulong[CapacityFor(slots.Length)] };
        foreach (var slot in slots)
        {
            if ((slot & ~UsedBit) <= Removed)
            {
                throw new InvalidDataException("the key table holds what is no fingerprint");
            }

            Insert(table._slots, slot, ref table._filled);
        }

        table._count = slots.Length;
        return table;
    }

    private static int Find(ulong[] slots, ulong fingerprint)
    {
        var mask = slots.Length - 1;
        for (var at = Home(fingerprint) & mask; ; at = (at + 1) & mask)
        {
            var slot = Volatile.Read(ref slots[at]);
            if (slot == Free)
            {
                return -1;
            }

            if ((slot & ~UsedBit) == fingerprint)
            {
                return at;
            }
        }
    }

    private static void Insert(ulong[] slots, ulong value, ref int filled)
    {
        var mask = slots.Length - 1;
        var at = Home(value) & mask;
        while (slots[at] is not Free and not Removed)
        {
            at = (at + 1) & mask;
        }

        if (slots[at] == Free)
        {
            filled++;
        }

        Volatile.Write(ref slots[at], value);
    }

    // Fingerprints are bits of a SHA-256 already; the low ones also choose the log's bucket.
    private static int Home(ulong fingerprint) => (int)((fingerprint >> 20) & int.MaxValue);

    private static int CapacityFor(int count)
    {
        var capacity = CapacityMin;
        while (capacity < count * 2L)
        {
            capacity = checked(capacity * 2);
        }

        return capacity;
    }

    private void Rebuild()
    {
        var next = new ulong[CapacityFor(_count + 1)];
        var filled = 0;
        foreach (var slot in _slots)
        {
            if (slot is not Free and not Removed)
            {
                Insert(next, slot, ref filled);
            }
        }

        _filled = filled;
        Volatile.Write(ref _slots, next);
    }
}
