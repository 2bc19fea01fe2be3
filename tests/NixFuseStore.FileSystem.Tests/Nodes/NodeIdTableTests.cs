using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.FileSystem.Tests.Nodes;

/// <summary>What a node id means, in one process and in those that follow it on the same mount.</summary>
public sealed class NodeIdTableTests : IDisposable
{
    private static readonly Guid Store = new("6e9f9c8e-0c5b-4c38-8f0d-3d1d7f6c1a11");

    private readonly SafeFileHandle _file = Libc.CreateMemoryFile("nixfuse-test");

    public void Dispose() => _file.Dispose();

    [Fact]
    public void Slot_IsGivenOnce_AndStaysTheSameInTheNextProcess()
    {
        // Nothing is closed or disposed: a killed process does neither.
        var table = NodeIdTable.Open(_file);
        var first = table.GetOrAdd(Key(TestPaths.Hello, "a"), 1);
        var second = table.GetOrAdd(Key(TestPaths.Other, "a"), 500);
        var otherContent = table.GetOrAdd(Key(TestPaths.Hello, "b"), 1);
        Assert.Equal(first, table.GetOrAdd(Key(TestPaths.Hello, "a"), 1));
        Assert.Equal(3, new HashSet<uint> { first.Number, second.Number, otherContent.Number }.Count);
        Assert.Empty(table.Inherited);

        var again = NodeIdTable.Open(_file);
        Assert.Equal(otherContent, again.GetOrAdd(Key(TestPaths.Hello, "b"), 1));
        Assert.Equal(second, again.GetOrAdd(Key(TestPaths.Other, "a"), 500));
        Assert.True(again.TryGetKey(first.Number, out var key));
        Assert.Equal(Key(TestPaths.Hello, "a"), key);
        Assert.False(again.TryGetKey(99, out _));
        Assert.Equal([Key(TestPaths.Hello, "a"), Key(TestPaths.Other, "a"), Key(TestPaths.Hello, "b")], again.Inherited);
        var next = again.GetOrAdd(Key(TestPaths.Absent, "a"), 1);
        Assert.True(next.Number > 3 && next.FirstInode >= otherContent.FirstInode + 1, $"{next}");
    }

    /// <summary>A process may be killed within a write: the number that it was about to give was never used.</summary>
    [Fact]
    public void File_CutWithinARecord_LosesThatRecordAlone()
    {
        var table = NodeIdTable.Open(_file);
        for (var i = 0; i < 3; i++)
        {
            table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 10);
        }

        var whole = RandomAccess.GetLength(_file);
        for (var length = whole - 1; length > whole - 60; length--)
        {
            RandomAccess.SetLength(_file, length);
            var next = NodeIdTable.Open(_file);
            Assert.Equal(2, next.Count);
            Assert.Equal(3u, next.GetOrAdd(Key(TestPaths.Numbered(7), "a"), 10).Number);
            RandomAccess.SetLength(_file, length);
        }
    }

    [Fact]
    public void File_OfAnotherVersion_IsRefused()
    {
        RandomAccess.Write(_file, "nixfuse slots 2\n and what follows"u8, 0);
        Assert.Throws<InvalidDataException>(() => NodeIdTable.Open(_file));
    }

    /// <summary>A mount that is used for years: what is not in use any more is forgotten, and its numbers stay taken.</summary>
    [Fact]
    public void File_IsMadeAnew_WhenMostOfItIsForgotten()
    {
        const int Given = (4 * NodeIdTable.SlotsMax) + 100;
        var table = NodeIdTable.Open(_file);
        for (var i = 0; i < Given; i++)
        {
            table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 2);
        }

        Assert.Equal(NodeIdTable.SlotsMax, table.Count);
        var again = NodeIdTable.Open(_file);
        Assert.True(again.TryGetKey(Given, out var newest));
        Assert.Equal(TestPaths.Numbered(Given - 1), newest.BaseName);
        Assert.False(again.TryGetKey(1, out _));
        var next = again.GetOrAdd(Key(TestPaths.Numbered(0), "a"), 1);
        Assert.Equal(Given + 1u, next.Number);
        Assert.Equal(FixedNodes.InodesEnd + (2u * Given), next.FirstInode);

        // What was given back is no memory any more.
        var pages = new FileInfo($"/proc/self/fd/{_file.DangerousGetHandle()}");
        Assert.True(BlocksOf(pages.FullName) < RandomAccess.GetLength(_file) * 2 / 3);
    }

    [Fact]
    public void Inodes_AreBelow32Bits_AndNoTwoFilesShareOne()
    {
        var table = NodeIdTable.Open(_file);
        ulong end = FixedNodes.InodesEnd;
        for (var i = 0; i < 1000; i++)
        {
            var slot = table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), i + 1);
            Assert.True(slot.InodeOf(0) >= end, $"{slot} begins below {end}");
            end = slot.InodeOf(i) + 1;
        }

        Assert.True(end <= uint.MaxValue);

        // When there are none left: node ids, which are larger.
        table.GetOrAdd(Key(TestPaths.Hello, "a"), int.MaxValue);
        table.GetOrAdd(Key(TestPaths.Hello, "b"), int.MaxValue);
        var late = table.GetOrAdd(Key(TestPaths.Hello, "c"), int.MaxValue);
        Assert.Equal(new NodeId(late.Number, 7).Value, late.InodeOf(7));
    }

    [Fact]
    public void Memory_IsBounded_AndWhatIsInUseStays()
    {
        var table = NodeIdTable.InMemory();
        table.IsInUse = static slot => slot is 1 or 1000;
        for (var i = 0; i < NodeIdTable.SlotsMax + 5000; i++)
        {
            table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 1);
        }

        Assert.Equal(NodeIdTable.SlotsMax, table.Count);
        Assert.True(table.TryGetKey(1, out _) && table.TryGetKey(1000, out _));
        Assert.False(table.TryGetKey(2, out _));
    }

    private static long BlocksOf(string path)
    {
        using var stat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("stat", ["-L", "-c", "%b", $"/proc/{Environment.ProcessId}/fd/{Path.GetFileName(path)}"]) { RedirectStandardOutput = true })!;
        return 512 * long.Parse(stat.StandardOutput.ReadToEnd(), System.Globalization.CultureInfo.InvariantCulture);
    }

    private static NodeIdKey Key(string baseName, string content) => new(Store, baseName, ManifestDigest.Compute(Encoding.UTF8.GetBytes(content)));
}
