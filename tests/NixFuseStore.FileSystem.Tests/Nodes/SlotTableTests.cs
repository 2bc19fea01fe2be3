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
        uint first, second, otherContent;
        using (var table = SlotTable.Open(File, _notices.Add))
        {
            first = table.GetOrAdd(Key(TestPaths.Hello, "a"));
            second = table.GetOrAdd(Key(TestPaths.Other, "a"));
            otherContent = table.GetOrAdd(Key(TestPaths.Hello, "b"));
            Assert.Equal(first, table.GetOrAdd(Key(TestPaths.Hello, "a")));
        }

        Assert.Equal(3, new HashSet<uint> { first, second, otherContent }.Count);
        using var again = SlotTable.Open(File, _notices.Add);
        Assert.Equal(otherContent, again.GetOrAdd(Key(TestPaths.Hello, "b")));
        Assert.Equal(second, again.GetOrAdd(Key(TestPaths.Other, "a")));
        Assert.True(again.TryGetKey(first, out var key));
        Assert.Equal(Key(TestPaths.Hello, "a"), key);
        Assert.False(again.TryGetKey(99, out _));
        Assert.Empty(_notices);
    }

    [Fact]
    public void File_CutAnywhere_LosesItsTail_AndNoLostNumberIsGivenAgain()
    {
        using (var table = SlotTable.Open(File, _notices.Add))
        {
            for (var i = 0; i < 3; i++)
            {
                table.GetOrAdd(Key(TestPaths.Numbered(i), "a"));
            }
        }

        var whole = System.IO.File.ReadAllBytes(File);
        for (var length = 0; length < whole.Length; length++)
        {
            System.IO.File.WriteAllBytes(File, whole[..length]);
            using var table = SlotTable.Open(File, _notices.Add);
            var kept = table.Count;
            Assert.InRange(kept, 0, 2);
            for (var i = 0; i < kept; i++)
            {
                Assert.Equal((uint)i + 1, table.GetOrAdd(Key(TestPaths.Numbered(i), "a")));
            }

            // A cut in the middle of a record: its number may be in use.
            var isClean = kept * (whole.Length - SlotRecord.FileHead.Length) / 3 + SlotRecord.FileHead.Length == length;
            var next = table.GetOrAdd(Key(TestPaths.Numbered(7), "a"));
            Assert.True(next > kept + (isClean || length <= SlotRecord.FileHead.Length ? 0 : 1), $"cut at {length}: {next} after {kept}");
        }
    }

    [Fact]
    public void File_WithAnyByteFlipped_NeverGivesANumberANewMeaning()
    {
        using (var table = SlotTable.Open(File, _notices.Add))
        {
            table.GetOrAdd(Key(TestPaths.Hello, "a"));
            table.GetOrAdd(Key(TestPaths.Other, "a"));
        }

        var whole = System.IO.File.ReadAllBytes(File);
        for (var position = 0; position < whole.Length; position++)
        {
            var damaged = (byte[])whole.Clone();
            damaged[position] ^= 0x10;
            System.IO.File.WriteAllBytes(File, damaged);
            _notices.Clear();
            using var table = SlotTable.Open(File, _notices.Add);
            Assert.NotEmpty(_notices);
            Assert.True(table.GetOrAdd(Key(TestPaths.Absent, "c")) > 2, $"byte {position}");
            Assert.True(!table.TryGetKey(1, out var key) || key == Key(TestPaths.Hello, "a"));
        }
    }

    [Fact]
    public void SlotFile_ThatIsSomethingElse_IsStartedAnew()
    {
        System.IO.File.WriteAllText(File, "something else entirely");
        using var table = SlotTable.Open(File, _notices.Add);
        Assert.Equal(0, table.Count);
        Assert.Single(_notices);
        Assert.NotEqual(0u, table.GetOrAdd(Key(TestPaths.Hello, "a")));
    }

    private static SlotKey Key(string baseName, string content) => new(Store, baseName, ManifestDigest.Compute(Encoding.UTF8.GetBytes(content)));
}
