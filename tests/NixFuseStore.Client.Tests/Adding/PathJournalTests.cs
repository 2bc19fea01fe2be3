using NixFuseStore.Client.Adding;
using NixFuseStore.Client.Tests.Fixtures;

namespace NixFuseStore.Client.Tests.Adding;

public sealed class PathJournalTests : IDisposable
{
    private const string Identity = "0011\nmain\n/nix/store";
    private const int RecordHeaderBytes = 32;

    private readonly string _root = Directory.CreateTempSubdirectory("nixfuse-journal-").FullName;
    private readonly List<string> _log = [];

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Read_AfterAnEndWithoutWarning_GivesAllInOrder()
    {
        var payloads = Payloads(50);
        await WriteAsync(payloads);

        Assert.Equal(payloads, Paths(await ReadAsync()));
        Assert.Empty(_log);
    }

    [Fact]
    public async Task Read_FileCutAtAnyLength_GivesTheWholeRecordsBeforeAndSaysWhatIsUnfinished()
    {
        var payloads = Payloads(4);
        await WriteAsync(payloads);
        var file = Segment();
        var bytes = await File.ReadAllBytesAsync(file, ReaderExtensions.Token);
        var header = bytes.Length - payloads.Sum(payload => payload.Length + RecordHeaderBytes);
        int[] ends = [header, .. payloads.Select((_, i) => header + payloads.Take(i + 1).Sum(payload => payload.Length + RecordHeaderBytes))];
        for (var length = 0; length < bytes.Length; length++)
        {
            _log.Clear();
            await File.WriteAllBytesAsync(file, bytes[..length], ReaderExtensions.Token);

            Assert.Equal(payloads.Take(ends.Skip(1).Count(end => end <= length)), Paths(await ReadAsync()));
            Assert.Equal(ends.Contains(length) || length == 0 ? 0 : 1, _log.Count(line => line.Contains("never acknowledged", StringComparison.Ordinal)));
            Assert.DoesNotContain(_log, line => line.Contains("damaged", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task Read_AnyByteFlipped_GivesAllOtherRecordsNamesTheDamageAndKeepsTheFile()
    {
        var payloads = Payloads(4);
        await WriteAsync(payloads);
        var file = Segment();
        var bytes = await File.ReadAllBytesAsync(file, ReaderExtensions.Token);
        var header = bytes.Length - payloads.Sum(payload => payload.Length + RecordHeaderBytes);
        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (byte flip in (byte[])[1, 0x80])
            {
                _log.Clear();
                byte[] damaged = [.. bytes];
                damaged[at] ^= flip;
                await File.WriteAllBytesAsync(file, damaged, ReaderExtensions.Token);
                var hit = RecordAt(payloads, at - header);

                await using var journal = Open();
                var found = journal.Read();

                Assert.Equal(payloads.Where((_, i) => i != hit), Paths(found));
                Assert.Contains(_log, line => line.Contains(file, StringComparison.Ordinal) && line.Contains("damaged from byte", StringComparison.Ordinal));
                Assert.Equal([file], journal.Status.DamagedFiles);

                foreach (var path in found)
                {
                    journal.Complete(path.Entry);
                }

                Assert.Equal(damaged, await File.ReadAllBytesAsync(file + JournalDirectory.DamagedSuffix, ReaderExtensions.Token));
                File.Delete(file + JournalDirectory.DamagedSuffix);
            }
        }
    }

    [Fact]
    public async Task Read_ManyDamages_GivesEveryRecordThatIsWhole()
    {
        int seed = Environment.TickCount;
        TestContext.Current.AddAttachment("seed", seed.ToString(System.Globalization.CultureInfo.InvariantCulture));
        var random = new Random(seed);
        var payloads = Payloads(40);
        await WriteAsync(payloads);
        var file = Segment();
        var bytes = await File.ReadAllBytesAsync(file, ReaderExtensions.Token);
        var header = bytes.Length - payloads.Sum(payload => payload.Length + RecordHeaderBytes);
        for (var round = 0; round < 200; round++)
        {
            byte[] damaged = [.. bytes];
            var hit = new HashSet<int?>();
            for (var i = 0; i < 8; i++)
            {
                var at = random.Next(header, bytes.Length);
                damaged[at] = (byte)~damaged[at];
                hit.Add(RecordAt(payloads, at - header));
            }

            await File.WriteAllBytesAsync(file, damaged, ReaderExtensions.Token);
            var found = Paths(await ReadAsync());

            // The same byte may be flipped twice.
            Assert.True(payloads.Where((_, i) => !hit.Contains(i)).All(payload => found.Any(path => path.AsSpan().SequenceEqual(payload))), $"seed {seed}");
            Assert.True(found.All(path => payloads.Any(payload => payload.AsSpan().SequenceEqual(path))), $"seed {seed}");
        }
    }

    [Fact]
    public async Task Append_AnyOperationFails_WhatWasAcknowledgedIsThereAfterwards()
    {
        var failures = 0;
        for (var failing = 0; ; failing++)
        {
            var root = Path.Join(_root, $"at-{failing}");
            var files = new FaultyFiles(failing);
            var time = new ManualTime();
            var acknowledged = new List<byte[]>();
            await using (var journal = new PathJournal(root, Identity, _log.Add, time, files))
            {
                journal.Read();
                foreach (var payload in Payloads(12))
                {
                    try
                    {
                        await journal.AppendAsync(payload);
                        acknowledged.Add(payload);
                    }
                    catch (IOException)
                    {
                        Assert.False(journal.IsOpen);
                        Assert.NotNull(journal.Status.Trouble);
                        time.Advance(PathJournal.RestTime);
                        Assert.True(journal.IsOpen);
                    }
                }
            }

            await using var next = new PathJournal(root, Identity, _log.Add, TimeProvider.System);
            var found = Paths(next.Read());
            Assert.All(acknowledged, payload => Assert.Contains(found, path => path.AsSpan().SequenceEqual(payload)));
            if (!files.HasFailed)
            {
                break;
            }

            failures++;
            Assert.InRange(acknowledged.Count, 11, 12);
        }

        Assert.InRange(failures, 20, 100);
    }

    [Theory]
    [InlineData(nameof(JournalFiles.Read))]
    [InlineData(nameof(JournalFiles.Lock))]
    public async Task Read_DiskFails_TouchesNothingAndTriesAgain(string kind)
    {
        var payloads = Payloads(20);
        await WriteAsync(payloads);
        var before = await File.ReadAllBytesAsync(Segment(), ReaderExtensions.Token);
        var files = new FaultyFiles { FailingKind = kind };
        await using var journal = new PathJournal(_root, Identity, _log.Add, TimeProvider.System, files);

        Assert.Empty(journal.Read());
        Assert.True(journal.HasUnread);
        Assert.NotNull(journal.Status.Trouble);
        Assert.Single(_log);
        if (journal.IsOpen)
        {
            // Where the disk serves one file and not another.
            await journal.AppendAsync(new byte[] { 1 });
        }

        Assert.Equal(before, await File.ReadAllBytesAsync(Segment(), ReaderExtensions.Token));
        files.FailingKind = null;
        Assert.Equal(payloads, Paths(journal.Read()));
        Assert.False(journal.HasUnread);
        Assert.Null(journal.Status.Trouble);
    }

    [Fact]
    public async Task Read_JournalOfAnotherStore_IsLeftAloneNamedAndThereWhenItComesBack()
    {
        var payloads = Payloads(3);
        await WriteAsync(payloads);
        await using (var other = new PathJournal(_root, "4711\nmain\n/nix/store", _log.Add, TimeProvider.System))
        {
            Assert.Empty(other.Read());
            await other.AppendAsync(new byte[] { 1 });
            Assert.Single(other.Status.OtherStores);
            Assert.Single(_log);
        }

        Assert.Equal(payloads, Paths(await ReadAsync()));
    }

    [Fact]
    public async Task Read_SegmentOfAnotherVersion_IsLeftAloneAndNamed()
    {
        await WriteAsync(Payloads(2));
        var file = Segment();
        var bytes = await File.ReadAllBytesAsync(file, ReaderExtensions.Token);
        var salt = Convert.FromHexString(Path.GetFileName(file).AsSpan(11, 16));
        bytes[8] = 3;
        var header = JournalFormat.EncodeHeader(Identity, salt).Length;
        System.Security.Cryptography.HMACSHA256.HashData(salt, bytes.AsSpan(0, header - 8))[..8].CopyTo(bytes, header - 8);
        await File.WriteAllBytesAsync(file, bytes, ReaderExtensions.Token);

        Assert.Empty(await ReadAsync());

        Assert.Contains("version 3", Assert.Single(_log), StringComparison.Ordinal);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file, ReaderExtensions.Token));
    }

    [Fact]
    public async Task Append_WhileAnotherProcessUsesIt_FailsAndIsSaid()
    {
        await using var first = Open();
        first.Read();
        await first.AppendAsync(new byte[] { 1 });
        await using var second = Open();

        second.Read();

        Assert.False(second.IsOpen);
        Assert.Single(_log);
    }

    [Fact]
    public async Task Complete_AllOfIt_LeavesNoSegmentBehind()
    {
        var payloads = Payloads(10);
        await using (var journal = Open())
        {
            journal.Read();
            var entries = await Task.WhenAll(payloads.Select(payload => journal.AppendAsync(payload)));
            Assert.Equal(10, journal.Status.Waiting);
            Assert.All(entries, journal.Complete);
            Assert.Equal(0, journal.Status.Waiting);
        }

        Assert.Empty(Segments());
    }

    [Fact]
    public async Task Append_SegmentThatIsDone_IsReplacedWhenItIsLong()
    {
        await using var journal = Open();
        journal.Read();
        for (var i = 0; i < 40; i++)
        {
            journal.Complete(await journal.AppendAsync(new byte[100_000]));
            Assert.InRange(Segments().Sum(path => new FileInfo(path).Length), 0, 1_200_000);
        }
    }

    [Fact]
    public async Task SetAside_PathThatWasRefused_IsFoundWithItsReasonUntilItIsCompleted()
    {
        await using (var journal = Open())
        {
            journal.Read();
            var entry = await journal.AppendAsync(new byte[] { 7, 8 });
            await journal.SetAsideAsync(entry, new byte[] { 7, 8 }, "the server refuses it: no");
            Assert.Equal((0, 1), (journal.Status.Waiting, journal.Status.SetAside));
        }

        Assert.EndsWith(JournalDirectory.SetAsideSuffix, Segment(), StringComparison.Ordinal);
        await using (var journal = Open())
        {
            var found = Assert.Single(journal.Read());
            Assert.Equal((JournalRecordKind.SetAside, "the server refuses it: no"), (found.Record.Kind, found.Record.Reason));
            Assert.Equal([7, 8], found.Record.Path.ToArray());

            // Refused again, it stays where it is.
            await journal.SetAsideAsync(found.Entry, found.Record.Path, "again");
            Assert.Equal((0, 1), (journal.Status.Waiting, journal.Status.SetAside));
            journal.Complete(found.Entry);
        }

        Assert.Empty(Segments());
    }

    private PathJournal Open() => new(_root, Identity, _log.Add, TimeProvider.System);

    private string[] Segments() => [.. Directory.EnumerateFiles(_root, "*-*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private string Segment() => Segments()[0];

    private async Task WriteAsync(byte[][] payloads)
    {
        await using var journal = Open();
        journal.Read();
        foreach (var payload in payloads)
        {
            await journal.AppendAsync(payload);
        }
    }

    private async Task<IReadOnlyList<RecoveredPath>> ReadAsync()
    {
        await using var journal = Open();
        return journal.Read();
    }

    private static byte[][] Paths(IReadOnlyList<RecoveredPath> recovered) => [.. recovered.Select(path => path.Record.Path.ToArray())];

    private static int? RecordAt(byte[][] payloads, int offset)
    {
        for (var i = 0; i < payloads.Length && offset >= 0; i++)
        {
            offset -= payloads[i].Length + RecordHeaderBytes;
            if (offset < 0)
            {
                return i;
            }
        }

        return null;
    }

    // Each is another one.
    private static byte[][] Payloads(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var payload = new byte[2 + random.Next(60)];
            random.NextBytes(payload);
            payload[0] = (byte)i;
            payload[1] = 0xff;
            return payload;
        })];
    }
}
