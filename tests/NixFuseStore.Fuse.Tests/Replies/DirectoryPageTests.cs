using System.Globalization;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Replies;
using NixFuseStore.Fuse.Requests;

namespace NixFuseStore.Fuse.Tests.Replies;

public sealed unsafe class DirectoryPageTests
{
    private static readonly FuseEntryOut File = new(0x1122, new FuseAttr { Inode = 0x33, Mode = FuseMode.Regular | 0x124 }, FuseTimeout.Infinite, FuseTimeout.Infinite);

    [Fact]
    public void PlainEntry_IsPackedAndPadded()
    {
        using var page = DirectoryPage.Rent(Request(4096, plus: false));
        Assert.True(page.TryAdd("abc"u8, File, cookie: 9));
        Assert.Equal(
            "3300000000000000" + // inode
            "0900000000000000" + // cookie
            "03000000" + // name length
            "08000000" + // DT_REG
            "6162630000000000", // name, padded to 8
            Hex(page));
    }

    [Fact]
    public void PlusEntry_BeginsWithTheLookupsAnswer()
    {
        using var page = DirectoryPage.Rent(Request(4096, plus: true));
        Assert.True(page.TryAdd("abcdefgh"u8, File, cookie: 9));
        Assert.Equal(128 + 24 + 8, page.BytesWritten);
        Assert.StartsWith("2211000000000000" + "0000000000000000" + "ffffff7f00000000", Hex(page), StringComparison.Ordinal);
        Assert.EndsWith("3300000000000000" + "0900000000000000" + "0800000008000000" + "6162636465666768", Hex(page), StringComparison.Ordinal);
    }

    [Fact]
    public void Dots_HaveNoNodeInPlusListings()
    {
        using var page = DirectoryPage.Rent(Request(4096, plus: true));
        Assert.True(page.TryAddDot("."u8, inode: 5, cookie: 1));
        Assert.Equal(new string('0', 256) + "0500000000000000" + "0100000000000000" + "0100000004000000" + "2e00000000000000", Hex(page));
    }

    [Theory]
    [InlineData(false, 32)]
    [InlineData(true, 160)]
    public void FullPage_TakesNoMore(bool plus, int record)
    {
        for (var room = 0; room < record * 3; room++)
        {
            using var page = DirectoryPage.Rent(Request((uint)room, plus));
            var added = 0;
            while (page.TryAdd("name"u8, File, cookie: 1))
            {
                added++;
            }

            Assert.Equal(room / record, added);
            Assert.Equal(added * record, page.BytesWritten);
        }
    }

    [Fact]
    public void HugeRoom_IsCut()
    {
        using var page = DirectoryPage.Rent(Request(uint.MaxValue, plus: false));
        var name = new byte[255];
        while (page.TryAdd(name, File, cookie: 1))
        {
        }

        Assert.InRange(page.BytesWritten, FuseLimits.ReadBytesMax - 300, FuseLimits.ReadBytesMax);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(256)]
    public void ImpossibleNames_AreRefused(int length)
    {
        using var page = DirectoryPage.Rent(Request(4096, plus: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => page.TryAdd(new byte[length], File, cookie: 1));
    }

    [Fact]
    public void ReusedPage_ShowsNothingOfItsFormerLife()
    {
        using (var former = DirectoryPage.Rent(Request(4096, plus: false)))
        {
            while (former.TryAdd("\u00ff\u00ff\u00ff\u00ff\u00ff"u8, File, cookie: ulong.MaxValue))
            {
            }
        }

        using var page = DirectoryPage.Rent(Request(4096, plus: false));
        Assert.True(page.IsEmpty);
        page.TryAdd("a"u8, default, cookie: 0);
        Assert.Equal("00".PadRight(40, '0') + "00000000" + "6100000000000000", Hex(page).Replace("01000000", "00000000", StringComparison.Ordinal));
    }

    [Fact]
    public void ReturnedPage_CannotBeWritten()
    {
        var page = DirectoryPage.Rent(Request(4096, plus: false));
        page.Dispose();
        page.Dispose();
        Assert.Throws<ObjectDisposedException>(() => page.TryAdd("a"u8, File, cookie: 1));
    }

    [Fact]
    public void ManyPages_AtOnce_AreIndependent()
    {
        var pages = Enumerable.Range(0, 20).Select(_ => DirectoryPage.Rent(Request(4096, plus: false))).ToArray();
        for (var i = 0; i < pages.Length; i++)
        {
            pages[i].TryAdd(System.Text.Encoding.ASCII.GetBytes(i.ToString(CultureInfo.InvariantCulture)), File, cookie: (ulong)i + 1);
        }

        Assert.Equal(20, pages.Select(Hex).Distinct().Count());
        foreach (var page in pages)
        {
            page.Dispose();
        }
    }

    private static ReadDirectoryRequest Request(uint bytes, bool plus) => new(1, 0, bytes, plus, default);

    private static string Hex(DirectoryPage page) => Convert.ToHexStringLower(new ReadOnlySpan<byte>(page.Start, page.BytesWritten));
}
