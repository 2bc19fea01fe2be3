using NixFuseStore.Nix;

namespace NixFuseStore.Content;

/// <summary>
/// Finds store hashes: the store directory, a slash, 32 base-32 characters and a dash in a row. Two of them never overlap, because
/// every one has a slash before its characters, and there is none among the characters.
/// </summary>
internal sealed class HashScanner(StoreDirectory directory)
{
    private readonly byte[] _prefix = directory.PrefixBytes;

    /// <summary>Bytes that a match takes, dash included.</summary>
    public int MatchBytes => _prefix.Length + StoreHash.TextBytes + 1;

    /// <summary>Looks for the next hash.</summary>
    /// <param name="content">A piece of one file or link target.</param>
    /// <param name="isEnd">Whether nothing follows the piece; otherwise a match may go on behind it.</param>
    /// <param name="packed">The hash found, packed.</param>
    /// <param name="position">Where its 32 characters begin; -1 where there is none.</param>
    /// <returns>Bytes that need not be looked at again, and that no hash reaches into that is yet to be found.</returns>
    public int Find(ReadOnlySpan<byte> content, bool isEnd, Span<byte> packed, out int position)
    {
        var from = 0;
        while (true)
        {
            var found = content[from..].IndexOf(_prefix);
            if (found < 0)
            {
                position = -1;
                return isEnd ? content.Length : Math.Max(from, content.Length - _prefix.Length + 1);
            }

            from += found;
            if (content.Length - from < MatchBytes)
            {
                position = -1;
                return isEnd ? content.Length : from;
            }

            var text = content.Slice(from + _prefix.Length, StoreHash.TextBytes);
            if (content[from + MatchBytes - 1] == (byte)'-' && StoreHash.TryPack(text, packed))
            {
                position = from + _prefix.Length;
                return from + MatchBytes;
            }

            // The prefix may overlap itself ("/a/a/a/"), so go on right behind its first byte.
            from++;
        }
    }
}
