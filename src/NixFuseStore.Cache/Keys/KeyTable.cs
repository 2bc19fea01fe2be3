using System.Buffers.Binary;
using NixFuseStore.Content;

namespace NixFuseStore.Cache.Keys;

/// <summary>
/// The chunks that the log holds and where: a 64-bit fingerprint with a "used since last pass" bit, and the place. Absence is known without a
/// disk read, presence costs one, and the evictor knows what to keep. One thread adds, moves and removes; any number look up and mark meanwhile.
/// </summary>
/// <remarks>
/// Open addressing with linear probing; two words a slot. The first is 0 when free, 2 when something was removed, else a fingerprint of which
/// bit 0 says "used"; the second is the place. Two chunks with one fingerprint (one in 2^62) shadow each other: the digest tells them apart,
/// so one of them is missing. A lookup during growth may use the old array: it then finds a place that was right a moment ago, and a mark may
/// be lost.
/// </remarks>
internal sealed class KeyTable
{
    private const ulong Free = 0;
    private const ulong Removed = 2;
    private const ulong UsedBit = 1;
    private const int CapacityMin = 1024;

    private ulong[] _slots;
    private int _count;
    private int _filled; // with removed ones

    /// <param name="count">Chunks that will be added, where that is known.</param>
    public KeyTable(int count = 0) => _slots = new ulong[2 * CapacityFor(count)];

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

    /// <summary>Whether these are bits that <see cref="Fingerprint(ulong)"/> returns.</summary>
    public static bool IsFingerprint(ulong value) => value > Removed && (value & UsedBit) == 0;

    public bool Contains(ulong fingerprint) => Find(Volatile.Read(ref _slots), fingerprint) >= 0;

    /// <summary>Where a chunk lies.</summary>
    public bool TryFind(ulong fingerprint, out ChunkPlace place)
    {
        var slots = Volatile.Read(ref _slots);
        while (true)
        {
            var at = Find(slots, fingerprint);
            if (at < 0)
            {
                place = default;
                return false;
            }

            var word = Volatile.Read(ref slots[at + 1]);
            if ((Volatile.Read(ref slots[at]) & ~UsedBit) == fingerprint)
            {
                place = ChunkPlace.FromWord(word);
                return true;
            }
        }
    }

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

    /// <summary>Adds a chunk as not used, or moves the one that is there; false when it was there.</summary>
    public bool Set(ulong fingerprint, in ChunkPlace place)
    {
        var at = Find(_slots, fingerprint);
        if (at >= 0)
        {
            Volatile.Write(ref _slots[at + 1], place.ToWord());
            return false;
        }

        if (_filled * 10L >= _slots.Length / 2 * 7L)
        {
            Rebuild();
        }

        Insert(_slots, fingerprint, place.ToWord(), ref _filled);
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

    /// <summary>All chunks, in no order. On the thread that adds, or where nothing is added.</summary>
    public IEnumerable<KeyEntry> Entries()
    {
        var slots = _slots;
        for (var at = 0; at < slots.Length; at += 2)
        {
            var slot = Volatile.Read(ref slots[at]);
            if (slot is not Free and not Removed)
            {
                yield return new KeyEntry(slot & ~UsedBit, (slot & UsedBit) != 0, ChunkPlace.FromWord(slots[at + 1]));
            }
        }
    }

    /// <summary>The chunks that begin in a part of the log, in their order there. On the thread that adds.</summary>
    public KeyEntry[] EntriesBetween(long from, long until)
    {
        var entries = Entries().Where(entry => entry.Place.Address >= from && entry.Place.Address < until).ToArray();
        Array.Sort(entries, static (a, b) => a.Place.Address.CompareTo(b.Place.Address));
        return entries;
    }

    private static int Find(ulong[] slots, ulong fingerprint)
    {
        var mask = slots.Length - 1;
        for (var at = Home(fingerprint, mask); ; at = (at + 2) & mask)
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

    // The place first: a reader that sees the name sees a place.
    private static void Insert(ulong[] slots, ulong value, ulong place, ref int filled)
    {
        var mask = slots.Length - 1;
        var at = Home(value, mask);
        while (slots[at] is not Free and not Removed)
        {
            at = (at + 2) & mask;
        }

        if (slots[at] == Free)
        {
            filled++;
        }

        Volatile.Write(ref slots[at + 1], place);
        Volatile.Write(ref slots[at], value);
    }

    // Fingerprints are bits of a SHA-256 already.
    private static int Home(ulong fingerprint, int mask) => (int)(fingerprint >> 20 << 1) & mask;

    private static int CapacityFor(int count)
    {
        var capacity = CapacityMin;
        while (capacity < count * 3L / 2)
        {
            capacity = checked(capacity * 2);
        }

        return capacity;
    }

    private void Rebuild()
    {
        var next = new ulong[2 * CapacityFor(_count + 1)];
        var filled = 0;
        for (var at = 0; at < _slots.Length; at += 2)
        {
            var slot = Volatile.Read(ref _slots[at]);
            if (slot is not Free and not Removed)
            {
                Insert(next, slot, _slots[at + 1], ref filled);
            }
        }

        _filled = filled;
        Volatile.Write(ref _slots, next);
    }
}
