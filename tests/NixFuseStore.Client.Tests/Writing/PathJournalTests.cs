using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Client.Writing;

namespace NixFuseStore.Client.Tests.Writing;

public sealed class PathJournalTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-journal-").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string File => Path.Join(_directory, "paths");

    [Fact]
    public async Task Recover_AfterAnEndWithoutWarning_GivesAllInOrder()
    {
        var payloads = Payloads(50);
        await WriteAsync(payloads);

        Assert.Equal(payloads, Recover());
    }

    [Fact]
    public async Task Recover_FileCutAnywhere_GivesTheWholeRecordsBefore()
    {
        var payloads = Payloads(4);
        await WriteAsync(payloads);
        var bytes = await System.IO.File.ReadAllBytesAsync(File, ReaderExtensions.Token);
        var header = bytes.Length - payloads.Sum(payload => payload.Length + 12);
        for (var length = 0; length < bytes.Length; length++)
        {
            await System.IO.File.WriteAllBytesAsync(File, bytes[..length], ReaderExtensions.Token);
            var whole = payloads.TakeWhile((_, i) => header + payloads.Take(i + 1).Sum(payload => payload.Length + 12) <= length);

            Assert.Equal(whole, Recover());
        }
    }

    [Fact]
    public async Task Recover_DamagedRecord_EndsTheFileThere()
    {
        var payloads = Payloads(3);
        await WriteAsync(payloads);
        var bytes = await System.IO.File.ReadAllBytesAsync(File, ReaderExtensions.Token);
        bytes[^(payloads[2].Length + 12 + 1)] ^= 1;
        await System.IO.File.WriteAllBytesAsync(File, bytes, ReaderExtensions.Token);

        Assert.Equal(payloads[..1], Recover());
    }

    [Fact]
    public async Task Recover_FileOfAnotherStore_IsKeptAsideAndSaidSo()
    {
        await WriteAsync(Payloads(1));

        await using var journal = new PathJournal(_directory, "other\n/nix/store", _log.Add);
        Assert.Empty(journal.Recover());

        Assert.True(System.IO.File.Exists(File + ".other"));
        Assert.Single(_log);
    }

    [Fact]
    public async Task Complete_TheLastOne_EmptiesTheFile()
    {
        var payloads = Payloads(10);
        await using (var journal = Open())
        {
            await Task.WhenAll(payloads.Select(payload => journal.AppendAsync(payload)));
            for (var i = 0; i < payloads.Length; i++)
            {
                journal.Complete();
            }

            await journal.AppendAsync(payloads[0]);
        }

        Assert.Equal(payloads[..1], Recover());
    }

    private PathJournal Open() => new(_directory, "main\n/nix/store", _log.Add);

    private async Task WriteAsync(byte[][] payloads)
    {
        await using var journal = Open();
        foreach (var payload in payloads)
        {
            await journal.AppendAsync(payload);
        }
    }

    private byte[][] Recover()
    {
        var journal = Open();
        try
        {
            return [.. journal.Recover().Select(payload => payload.ToArray())];
        }
        finally
        {
            journal.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    private static byte[][] Payloads(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var payload = new byte[1 + random.Next(60)];
            random.NextBytes(payload);
            return payload;
        })];
    }
}
