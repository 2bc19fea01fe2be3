using NixFuseStore.Builds.Running;

namespace NixFuseStore.Builds.Tests;

/// <summary>What a build prints, as those who follow it hear it.</summary>
public sealed class BuildLogTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-builds-");
    private readonly BuildLog _log;

    public BuildLogTests() => _log = new BuildLog(_folder.FullName);

    public void Dispose()
    {
        _log.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>One who looks on reads to the end what has been given up meanwhile.</summary>
    [Fact]
    public async Task Reader_OutlivesTheLog()
    {
        await _log.AppendAsync("one");
        using var reader = _log.OpenReader();
        await _log.AppendAsync("two");
        _log.Complete();
        _log.Dispose();
        var lines = new List<string>();
        await reader.FollowAsync(
            line =>
            {
                lines.Add(line);
                return default;
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(["one", "two"], lines);
    }

    [Fact]
    public async Task Followers_HearEachLineFromTheFirst_WheneverTheyCome()
    {
        var early = FollowAsync();
        await _log.AppendAsync("one");
        await _log.AppendAsync("two\nthree");
        var late = FollowAsync();
        await _log.AppendAsync("");
        await _log.AppendAsync("vier, fünf");
        _log.Complete();
        var last = FollowAsync();

        string[] expected = ["one", "two", "three", "", "vier, fünf"];
        Assert.Equal(expected, await early.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(expected, await late.WaitAsync(Patience, TestContext.Current.CancellationToken));
        Assert.Equal(expected, await last.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task LongLines_ComeWhole()
    {
        string[] lines = [new string('a', 200_000), new string('b', 65_536), "end"];
        foreach (string line in lines)
        {
            await _log.AppendAsync(line);
        }

        _log.Complete();
        Assert.Equal(lines, await FollowAsync());
    }

    [Fact]
    public async Task Text_IsWhatWasPrinted()
    {
        await _log.AppendAsync("one");
        await _log.AppendAsync("two");
        _log.Complete();
        await using var text = _log.OpenText();
        using var reader = new StreamReader(text);
        Assert.Equal("one\ntwo\n", await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Follower_MayLeave()
    {
        using var leaving = new CancellationTokenSource();
        var follower = _log.FollowAsync(static _ => default, leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => follower.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void File_HasNoName() => Assert.Empty(_folder.EnumerateFileSystemInfos());

    private async Task<List<string>> FollowAsync()
    {
        var lines = new List<string>();
        await _log.FollowAsync(
            line =>
            {
                lines.Add(line);
                return default;
            },
            TestContext.Current.CancellationToken);
        return lines;
    }
}
