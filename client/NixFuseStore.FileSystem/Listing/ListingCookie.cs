using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Listing;

/// <summary>
/// Cookies of the store directory's listing. They are made from names, so that a listing goes on at the right place however many
/// paths were added or removed meanwhile:
/// <code>
/// 0 begin    1 after "."    2 after ".."
/// 3 + p            after every name whose hash part begins with the 6 letters (30 bits) of p
/// 2^30 + 2^29 + n  after the n-th name of <see cref="SharedPrefixNames"/>: one that is followed by another name with the same 6 letters
/// </code>
/// All are below 2^31: programs see them as signed offsets, and 32-bit programs without large-file support take no larger ones. Of a million
/// paths about five hundred are followed by one with the same letters.
/// </summary>
internal static class ListingCookie
{
    public const ulong Begin = 0;
    public const ulong AfterDot = 1;
    public const ulong AfterDotDot = 2;

    public const int PrefixLength = 6;

    private const ulong PrefixFirst = 3;
    private const ulong SharedFirst = (1UL << 30) + (1UL << 29);
    private const ulong SharedEnd = 1UL << 31;
    private const int LetterBits = 5;
    private const ulong LetterMask = 31;

    // In ASCII order too, which is what makes order by value and order by name the same.
    private const string Letters = "0123456789abcdfghijklmnpqrsvwxyz";

    // The greatest base name that begins so, since 'z' is the greatest character a name may have.
    private static readonly string GreatestRest =
        new string('z', StorePath.HashPartLength - PrefixLength) + "-" + new string('z', StorePath.NameLengthMax);

    public static bool SharePrefix(string left, string right)
        => left.AsSpan(0, PrefixLength).SequenceEqual(right.AsSpan(0, PrefixLength));

    /// <summary>The cookie after the last name with this name's prefix.</summary>
    public static ulong AfterPrefixOf(string baseName)
    {
        var value = 0UL;
        foreach (var letter in baseName.AsSpan(0, PrefixLength))
        {
            value = (value << LetterBits) | (uint)Letters.IndexOf(letter, StringComparison.Ordinal);
        }

        return value + PrefixFirst;
    }

    public static ulong AfterShared(int number) => SharedFirst + (uint)number;

    /// <summary>The number of a name with a shared prefix, or -1 where the cookie is none of those.</summary>
    public static int SharedNumber(ulong cookie)
        => cookie is >= SharedFirst and < SharedEnd ? (int)(cookie - SharedFirst) : -1;

    /// <summary>A base name (that need not exist) behind which the listing goes on; null for a cookie that was never given.</summary>
    public static string? NameBehindPrefix(ulong cookie)
    {
        var value = cookie - PrefixFirst;
        if (cookie < PrefixFirst || value >> (PrefixLength * LetterBits) != 0)
        {
            return null;
        }

        return string.Create(StorePath.BaseNameLengthMax, value, static (name, value) =>
        {
            for (var i = PrefixLength - 1; i >= 0; i--)
            {
                name[i] = Letters[(int)(value & LetterMask)];
                value >>= LetterBits;
            }

            GreatestRest.CopyTo(name[PrefixLength..]);
        });
    }
}
