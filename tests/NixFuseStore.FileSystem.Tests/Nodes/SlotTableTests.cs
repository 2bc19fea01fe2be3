using System.Text;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Nodes;

namespace NixFuseStore.FileSystem.Tests.Nodes;

public sealed class SlotTableTests : IDisposable
{
    private static readonly Guid Store = new("6e9f9c8e-0c5b-4c38-8f0d-3d1d7f6c1a11");

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-slots-").FullName;
    private readonly List<string> _notices = [];

    private string File => Path.Join(_directory, "slots");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Slot_IsGivenOnce_AndStaysTheSameAcrossRestarts()
    {
        Slot first, second, otherContent;
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            first = table.GetOrAdd(Key(TestPaths.Hello, "a"), 1);
            second = table.GetOrAdd(Key(TestPaths.Other, "a"), 500);
            otherContent = table.GetOrAdd(Key(TestPaths.Hello, "b"), 1);
            Assert.Equal(first, table.GetOrAdd(Key(TestPaths.Hello, "a"), 1));
        }

        Assert.Equal(3, new HashSet<uint> { first.Number, second.Number, otherContent.Number }.Count);
        using var again = NodeIdTable.Open(File, _notices.Add);
        Assert.Equal(otherContent, again.GetOrAdd(Key(TestPaths.Hello, "b"), 1));
        Assert.Equal(second, again.GetOrAdd(Key(TestPaths.Other, "a"), 500));
        Assert.True(again.TryGetKey(first.Number, out var key));
        Assert.Equal(Key(TestPaths.Hello, "a"), key);
        Assert.False(again.TryGetKey(99, out _));
        Assert.Empty(_notices);
    }

    [Fact]
    public void File_CutAnywhere_LosesItsTail_AndNoLostNumberIsGivenAgain()
    {
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            for (var i = 0; i < 3; i++)
            {
                table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 10);
            }
        }

        var whole = System.IO.File.ReadAllBytes(File);
        for (var length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            using var table = NodeIdTable.Open(File, _notices.Add);
            var kept = table.Count;
            Assert.InRange(kept, 0, 3);
            for (var i = 0; i < kept; i++)
            {
                Assert.Equal((uint)i + 1, table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 10).Number);
            }

            // A record that was lost may be in use. A file without any is one that was just begun, or its machine crashed: no mount is left then.
            var isBegun = length > NodeIdRecord.FileHead.Length || length is > 0 and < 16;
            var next = table.GetOrAdd(Key(TestPaths.Numbered(7), "a"), 10);
            Assert.True(next.Number > 3 || !isBegun, $"cut at {length}: {next}");
            Assert.True(next.FirstInode >= FixedNodes.InodesEnd + 30 || !isBegun, $"cut at {length}: {next}");
        }
    }

    [Fact]
    public void File_WithAnyByteFlipped_NeverGivesANumberANewMeaning()
    {
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            table.GetOrAdd(Key(TestPaths.Hello, "a"), 1);
            table.GetOrAdd(Key(TestPaths.Other, "a"), 1);
        }

        var whole = System.IO.File.ReadAllBytes(File);
        for (var position = 0; position < whole.Length; position++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[position] ^= 0x10;
            System.IO.File.WriteAllBytes(File, damaged);
            _notices.Clear();
            using var table = NodeIdTable.Open(File, _notices.Add);
            Assert.NotEmpty(_notices);
            Assert.True(table.GetOrAdd(Key(TestPaths.Absent, "c"), 1).Number > 2, $"byte {position}");
            Assert.True(!table.TryGetKey(1, out var key) || key == Key(TestPaths.Hello, "a"));
        }
    }

    [Fact]
    public void SlotFile_ThatIsSomethingElse_IsStartedAnew()
    {
        System.IO.File.WriteAllText(File, "something else entirely");
        using var table = NodeIdTable.Open(File, _notices.Add);
        Assert.Equal(0, table.Count);
        Assert.Single(_notices);
        Assert.NotEqual(0u, table.GetOrAdd(Key(TestPaths.Hello, "a"), 1).Number);
    }

    /// <summary>A process that is killed has given numbers whose records it has not written yet.</summary>
    [Fact]
    public void NumbersOfAKilledProcess_AreNotGivenAgain()
    {
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            table.GetOrAdd(Key(TestPaths.Hello, "a"), 10);
        }

        byte[] atTheKill;
        Slot lost;
        using (var killed = NodeIdTable.Open(File, _notices.Add))
        {
            atTheKill = System.IO.File.ReadAllBytes(File);
            lost = killed.GetOrAdd(Key(TestPaths.Other, "a"), 10);
        }

        System.IO.File.WriteAllBytes(File, atTheKill);
        using var next = NodeIdTable.Open(File, _notices.Add);
        var given = next.GetOrAdd(Key(TestPaths.Absent, "a"), 10);
        Assert.True(given.Number > lost.Number, $"{given} after {lost}");
        Assert.True(given.FirstInode >= lost.FirstInode + 10, $"{given} after {lost}");
        Assert.False(next.TryGetKey(lost.Number, out _));
    }

    [Fact]
    public void NumbersOfAProcessThatEnded_AreGoneOnFrom()
    {
        for (uint i = 1; i < 20; i++)
        {
            using var table = NodeIdTable.Open(File, _notices.Add);
            Assert.Equal(i, table.GetOrAdd(Key(TestPaths.Numbered((int)i), "a"), 1).Number);
        }
    }

    [Fact]
    public void Inodes_AreBelow32Bits_AndNoTwoFilesShareOne()
    {
        using var table = NodeIdTable.Open(File, _notices.Add);
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
    public void LargeFile_KeepsItsNewestSlots_AndNoNumberComesBack()
    {
        const int Given = (2 * NodeIdTable.SlotsKept) + 100;
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            for (var i = 0; i < Given; i++)
            {
                table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 1);
            }
        }

        var large = new FileInfo(File).Length;
        using (var table = NodeIdTable.Open(File, _notices.Add))
        {
            Assert.Equal(NodeIdTable.SlotsKept, table.Count);
            Assert.True(table.TryGetKey(Given, out var newest));
            Assert.Equal(TestPaths.Numbered(Given - 1), newest.BaseName);
            Assert.False(table.TryGetKey(1, out _));
            Assert.Equal(Given + 1u, table.GetOrAdd(Key(TestPaths.Numbered(0), "a"), 1).Number);
        }

        Assert.InRange(new FileInfo(File).Length, 1, large * 6 / 10);
        using var again = NodeIdTable.Open(File, _notices.Add);
        Assert.Equal(NodeIdTable.SlotsKept + 1, again.Count);
        Assert.True(again.TryGetKey(Given + 1, out _));
        Assert.Empty(_notices);
    }

    [Fact]
    public void Memory_IsBounded_AndWhatIsInUseStays()
    {
        using var table = NodeIdTable.InMemory();
        table.IsInUse = static slot => slot is 1 or 1000;
        for (var i = 0; i < NodeIdTable.SlotsMax + 5000; i++)
        {
            table.GetOrAdd(Key(TestPaths.Numbered(i), "a"), 1);
        }

        Assert.Equal(NodeIdTable.SlotsMax, table.Count);
        Assert.True(table.TryGetKey(1, out _) && table.TryGetKey(1000, out _));
        Assert.False(table.TryGetKey(2, out _));
    }

    private static NodeIdKey Key(string baseName, string content) => new(Store, baseName, ManifestDigest.Compute(Encoding.UTF8.GetBytes(content)));
}
