using NixFuseStore.FileSystem.Listing;
using NixFuseStore.Nix;

namespace NixFuseStore.FileSystem.Tests.Listing;

public sealed class ListingCookieTests
{
    [Fact]
    public void Cookies_RiseWithNames_AndLeadBackBehindThem()
    {
        var random = new Random(4711);
        var names = Enumerable.Range(0, 2000).Select(_ => StorePath.Create(RandomHash(random), "x").BaseName).Order(StringComparer.Ordinal).ToArray();
        for (var i = 0; i < names.Length; i++)
        {
            var cookie = ListingCookie.AfterPrefixOf(names[i]);
            Assert.InRange(cookie, ListingCookie.AfterDotDot + 1, (ulong)int.MaxValue);
            var position = ListingCookie.NameBehindPrefix(cookie);
            Assert.True(StorePath.TryParseBaseName(position.AsSpan(), out _));
            Assert.True(string.CompareOrdinal(names[i], position) <= 0);
            if (i + 1 < names.Length)
            {
                Assert.True(cookie < ListingCookie.AfterPrefixOf(names[i + 1]));
                Assert.True(string.CompareOrdinal(position, names[i + 1]) < 0);
            }
        }
    }

    [Fact]
    public void EveryCookieThatWasNeverGiven_IsRefused()
    {
        Assert.Null(ListingCookie.NameBehindPrefix(0));
        Assert.Null(ListingCookie.NameBehindPrefix(2));
        Assert.Null(ListingCookie.NameBehindPrefix((1UL << 30) + 3));
        Assert.Null(ListingCookie.NameBehindPrefix(ulong.MaxValue));
        Assert.Equal(-1, ListingCookie.SharedNumber(ulong.MaxValue));
        Assert.Null(new SharedPrefixNames().Find(ListingCookie.SharedNumber(ListingCookie.AfterShared(0))));
    }

    private static byte[] RandomHash(Random random)
    {
        var hash = new byte[20];
        random.NextBytes(hash);
        return hash;
    }
}
