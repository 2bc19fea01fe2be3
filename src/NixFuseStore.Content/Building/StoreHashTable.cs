using System.Runtime.InteropServices;

namespace NixFuseStore.Content;

/// <summary>The distinct store hashes of a manifest under construction, numbered as they come.</summary>
internal sealed class StoreHashTable
{
    private readonly Dictionary<PackedStoreHash, int> _numbers = [];
    private readonly List<PackedStoreHash> _hashes = [];

    /// <summary>Gives a hash its number; false where the table is full and the hash is none of its.</summary>
    public bool TryNumber(ReadOnlySpan<byte> packed, out int number)
    {
        var hash = PackedStoreHash.Read(packed);
        if (_numbers.TryGetValue(hash, out number))
        {
            return true;
        }

        if (_hashes.Count == ManifestHeader.HashesMax)
        {
            return false;
        }

        number = _hashes.Count;
        _hashes.Add(hash);
        _numbers.Add(hash, number);
        return true;
    }

    public ReadOnlySpan<byte> PackedBytes => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_hashes));
}
