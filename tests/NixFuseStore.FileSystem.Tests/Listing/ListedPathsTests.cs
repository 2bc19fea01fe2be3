using NixFuseStore.Client.Paths;
using NixFuseStore.Content;
using NixFuseStore.FileSystem.Listing;

namespace NixFuseStore.FileSystem.Tests.Listing;

public sealed class ListedPathsTests : IDisposable
{
    private readonly ManualTime _time = new();

    public void Dispose() => _time.Dispose();

    [Fact]
    public void Add_SignedOnes_AreFoundForATime_AndGivenBack()
    {
        using var listed = new ListedPaths(_time);
        listed.Add([Entry(1), Entry(2) with { Content = null }], listed.Moment);
        Assert.True(Has(listed, 1));
        Assert.False(Has(listed, 2));

        _time.Fire();
        Assert.True(Has(listed, 1));
        _time.Fire();

        Assert.False(Has(listed, 1));
        Assert.Equal(0, listed.Count);
        Assert.False(_time.HasTimer);
        listed.Add([Entry(1)], listed.Moment);
        Assert.True(_time.HasTimer);
    }

    [Fact]
    public void Add_MoreThanFit_KeepsTheLatest()
    {
        using var listed = new ListedPaths(_time);
        listed.Add([.. Enumerable.Range(0, 100_000).Select(Entry)], listed.Moment);

        Assert.InRange(listed.Count, 30_000, 65_536);
        Assert.True(Has(listed, 99_999) && Has(listed, 70_000));
        Assert.False(Has(listed, 0));
    }

    [Fact]
    public void Add_ListedBeforeARemoval_LeavesTheRemovedOneOut()
    {
        using var listed = new ListedPaths(_time);
        var before = listed.Moment;
        listed.Forget(TestPaths.Numbered(1));
        listed.Add([Entry(1), Entry(2)], before);
        Assert.False(Has(listed, 1));
        Assert.True(Has(listed, 2));
        Assert.Equal([TestPaths.Numbered(1)], listed.FindRemovedSince(before));
        Assert.Empty(listed.FindRemovedSince(listed.Moment));

        // Listed after it, the path is back.
        listed.Add([Entry(1)], listed.Moment);
        Assert.True(Has(listed, 1));

        // After a gap nothing that was under way is believed.
        before = listed.Moment;
        listed.ForgetAll();
        listed.Add([Entry(2)], before);
        Assert.Equal(0, listed.Count);
    }

    [Fact]
    public void Add_ListedBeforeMoreRemovalsThanAreRemembered_IsNotBelieved()
    {
        using var listed = new ListedPaths(_time);
        var before = listed.Moment;
        for (var i = 0; i < 10_000; i++)
        {
            listed.Forget(TestPaths.Numbered(i));
        }

        listed.Add([Entry(20_000)], before);
        Assert.Equal(0, listed.Count);
    }

    private static ListingEntry Entry(int number) =>
        new(TestPaths.Numbered(number), EntryKind.Regular) { Content = new ListedContent(ManifestDigest.Compute([]), 1, false, 1) };

    private static bool Has(ListedPaths listed, int number) => listed.TryGet(TestPaths.Numbered(number), out _, out _);

    /// <summary>A clock whose only timer fires by hand.</summary>
    private sealed class ManualTime : TimeProvider, IDisposable
    {
        private Timer? _timer;

        public bool HasTimer => _timer is not null;

        public void Fire() => _timer!.Callback();

        public void Dispose() => _timer?.Dispose();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
            _timer = new Timer(this, () => callback(state));

        private sealed class Timer(ManualTime time, Action callback) : ITimer
        {
            public Action Callback => callback;

            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose() => time._timer = null;

            public ValueTask DisposeAsync()
            {
                Dispose();
                return ValueTask.CompletedTask;
            }
        }
    }
}
