using System.Text;
using NixFuseStore.FileSystem.Nodes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Native.Linux;
using NixFuseStore.Nix;
using NixFuseStore.Testing.Fuse;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests.Requests;

public sealed class BuildLogTests
{
    private const string Name = "23456789abcdfghijklmnpqrsvwxyz-hello-2.10.drv";

    private readonly FakeBuildLogs _logs = new();

    [Fact]
    public async Task Log_IsFoundWhereNixLooks_AndReadInPieces()
    {
        _logs.Texts["01" + Name] = "building hello\n";
        await using var file = NewFileSystem();
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var directory = (await kernel.LookupAsync(await FindAsync(kernel, "var", "log", "nix", "drvs"), "01")).Entry;
        Assert.Equal(0x4000u | 0x16D, directory.Attributes.Mode);

        var log = (await kernel.LookupAsync(directory.Node, Name)).Entry;
        Assert.Equal((0x8000u | 0x124, 15ul), (log.Attributes.Mode, log.Attributes.Size));
        Assert.Equal(log.Node, (await kernel.LookupAsync(directory.Node, Name)).Entry.Node);
        var questions = _logs.Questions;
        Assert.Equal("building", Encoding.ASCII.GetString((await kernel.ReadAsync(log.Node, 0, 8)).Body));
        Assert.Equal(" hello\n", Encoding.ASCII.GetString((await kernel.ReadAsync(log.Node, 8, 4096)).Body));
        Assert.Empty((await kernel.ReadAsync(log.Node, 15, 4096)).Body);
        Assert.Empty((await kernel.ReadAsync(log.Node, ulong.MaxValue, 4096)).Body);
        Assert.Equal(questions, _logs.Questions);
        Assert.Equal(Errno.ENOTDIR, (await kernel.LookupAsync(log.Node, "x")).Error);
    }

    [Fact]
    public async Task AbsentLog_IsAskedForAgain_AndOtherNamesNever()
    {
        await using var file = NewFileSystem();
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var logs = await FindAsync(kernel, "var", "log", "nix", "drvs");
        var directory = (await kernel.LookupAsync(logs, "01")).Entry.Node;

        var absent = (await kernel.LookupAsync(directory, Name)).Entry;
        Assert.Equal((0ul, 0ul, 0u), (absent.Node, absent.EntrySeconds, absent.EntryNanoseconds));
        _logs.Texts["01" + Name] = "late\n";
        Assert.NotEqual(0ul, (await kernel.LookupAsync(directory, Name)).Entry.Node);

        foreach (var (parent, name) in new[] { (directory, Name + ".bz2"), (directory, "x.drv"), (logs, "e0"), (logs, "01" + Name), (logs, "011") })
        {
            var entry = (await kernel.LookupAsync(parent, name)).Entry;
            Assert.Equal((0ul, FuseTimeout.Infinite.Seconds), (entry.Node, entry.EntrySeconds));
        }

        Assert.Equal(2, _logs.Questions);
        Assert.Equal(logs, (await kernel.LookupAsync(directory, "..")).Entry.Node);
        Assert.Equal(2, (await kernel.ReadDirectoryAsync(directory, 0, 4096, plus: false)).Directory.Count);
    }

    [Fact]
    public async Task LogThatWasDroppedFromMemory_IsFetchedAgain()
    {
        var texts = Enumerable.Range(0, 3).Select(number => new string((char)('a' + number), 18 << 20)).ToArray();
        await using var file = NewFileSystem();
        await using var kernel = new FuseTestKernel(file);
        await kernel.InitAsync();
        var directory = await FindAsync(kernel, "var", "log", "nix", "drvs", "00");
        var nodes = new List<ulong>();
        foreach (var (number, text) in texts.Index())
        {
            var name = TestPaths.Numbered(number, "x.drv");
            _logs.Texts[name] = text;
            nodes.Add((await kernel.LookupAsync(directory, name[2..])).Entry.Node);
        }

        foreach (var (number, node) in nodes.Index())
        {
            Assert.Equal(texts[number][..100], Encoding.ASCII.GetString((await kernel.ReadAsync(node, 5 << 20, 100)).Body));
        }

        Assert.True(_logs.Questions > texts.Length);
    }

    private static async Task<ulong> FindAsync(FuseTestKernel kernel, params string[] names)
    {
        var node = FixedNodes.Root;
        foreach (var name in names)
        {
            node = (await kernel.LookupAsync(node, name)).Entry.Node;
            Assert.NotEqual(0ul, node);
        }

        return node;
    }

    private StoreFileSystem NewFileSystem() => new(new FakeStoreReader(), new StoreFileSystemOptions { FindBuildLog = _logs.FindAsync });

    private sealed class FakeBuildLogs
    {
        public Dictionary<string, string> Texts { get; } = [];

        public int Questions { get; private set; }

        public Task<byte[]?> FindAsync(StorePath derivation, CancellationToken cancellationToken)
        {
            Questions++;
            return Task.FromResult(Texts.TryGetValue(derivation.BaseName, out var text) ? Encoding.ASCII.GetBytes(text) : null);
        }
    }
}
