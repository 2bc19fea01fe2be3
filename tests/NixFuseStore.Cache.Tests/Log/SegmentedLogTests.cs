using NixFuseStore.Cache.Log;
using Xunit;

namespace NixFuseStore.Cache.Tests.Log;

public sealed class SegmentedLogTests : IDisposable
{
    private const long PageBytes = 64 << 10;
    private const long SegmentBytes = 256 << 10;
    private readonly TemporaryDirectory _directory = new();
    private readonly Random _random = new(CacheTesting.Seed());

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Append_OverManySegmentsAndReopenings_EveryRecordIsWhereItsAddressSays()
    {
        var records = new List<(long Address, byte[] Bytes)>();
        var tail = SegmentedLog.FirstAddress;
        for (var round = 0; round < 12; round++)
        {
            using var log = Open(SegmentedLog.FirstAddress, tail);
            for (var i = 0; i < 40; i++)
            {
                records.Add(Append(log, _random.Next(1, 40_000)));
                if (_random.Next(8) == 0)
                {
                    log.Flush(); // in the middle of pages and sectors
                }
            }

            log.Flush();
            tail = log.TailAddress;
            AssertAll(log, records);
        }

        using var last = Open(SegmentedLog.FirstAddress, tail);
        AssertAll(last, records);
        Assert.True(tail > 8 * SegmentBytes);
    }

    [Fact]
    public void Open_WithTheTailOfAnEarlierFlush_GoesOnFromThere()
    {
        var records = new List<(long Address, byte[] Bytes)>();
        long tail;
        using (var log = Open(SegmentedLog.FirstAddress, SegmentedLog.FirstAddress))
        {
            for (var i = 0; i < 50; i++)
            {
                records.Add(Append(log, 10_000));
            }

            log.Flush();
            tail = log.TailAddress;
            for (var i = 0; i < 100; i++)
            {
                Append(log, 10_000);
            }

            log.Flush();
        }

        using (var log = Open(SegmentedLog.FirstAddress, tail))
        {
            // The files that lie behind are gone; and nothing is written before something is appended.
            Assert.False(File.Exists(Path.Combine(_directory.Path, $"log.{(tail / SegmentBytes) + 1}")));
            Assert.InRange(log.TailAddress, tail, tail + 4095);
            AssertAll(log, records);
            for (var i = 0; i < 100; i++)
            {
                records.Add(Append(log, 9_000));
            }

            log.Flush();
            AssertAll(log, records);
        }
    }

    [Fact]
    public void Truncate_FreesWholeSegments_AndReadsNothingOfThem()
    {
        using var log = Open(SegmentedLog.FirstAddress, SegmentedLog.FirstAddress);
        var records = new List<(long Address, byte[] Bytes)>();
        for (var i = 0; i < 100; i++)
        {
            records.Add(Append(log, 20_000));
        }

        log.Flush();
        log.TruncateUntil(3 * SegmentBytes);
        AssertAll(log, records);
        log.DeleteTruncated();
        for (var i = 0; i < 50; i++)
        {
            records.Add(Append(log, 20_000));
        }

        log.Flush();
        AssertAll(log, records.Where(record => record.Address >= 3 * SegmentBytes));
        Assert.Equal(0, log.Read(records[0].Address, new byte[20_000]));
        Assert.False(File.Exists(Path.Combine(_directory.Path, "log.2")));
        Assert.True(File.Exists(Path.Combine(_directory.Path, "log.3")));
    }

    [Fact]
    public void Flush_AWriteFails_NeverWaitsAndNamesExactlyWhatIsNotThere()
    {
        using var log = Open(SegmentedLog.FirstAddress, SegmentedLog.FirstAddress);
        var before = Enumerable.Range(0, 30).Select(_ => Append(log, 5_000)).ToList();
        log.Flush();
        Assert.Empty(log.Unwritten());

        log.Writes.Fault = () => throw new IOException("injected");
        var lost = Enumerable.Range(0, 200).Select(_ => Append(log, 5_000)).ToList();
        log.Flush();
        Assert.Equal("injected", log.Writes.TakeFailure()?.Message);
        log.Writes.Fault = null;
        var after = Enumerable.Range(0, 30).Select(_ => Append(log, 5_000)).ToList();
        log.Flush();

        Assert.Null(log.Writes.Failure);
        AssertAll(log, before);
        AssertAll(log, after);
        Assert.All(lost, record => Assert.True(log.IsUnwritten(record.Address, record.Address + 5_000)));
        Assert.All(before.Concat(after), record => Assert.False(log.IsUnwritten(record.Address, record.Address + 5_000)));
        log.ForgetUnwritten(log.Unwritten());
        Assert.Empty(log.Unwritten());
    }

    private static void AssertAll(SegmentedLog log, IEnumerable<(long Address, byte[] Bytes)> records)
    {
        foreach (var (address, bytes) in records)
        {
            var found = new byte[bytes.Length];
            Assert.Equal(found.Length, log.Read(address, found));
            Assert.Equal(bytes, found);
        }
    }

    private (long Address, byte[] Bytes) Append(SegmentedLog log, int length)
    {
        var bytes = new byte[length];
        _random.NextBytes(bytes);
        return (log.Append(bytes), bytes);
    }

    private SegmentedLog Open(long begin, long tail) =>
        new(Path.Combine(_directory.Path, "log"), PageBytes, SegmentBytes, begin, tail, fileFault: null);
}
