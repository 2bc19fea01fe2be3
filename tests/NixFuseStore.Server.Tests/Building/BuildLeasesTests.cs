using NixFuseStore.Server.Building;
using Xunit;

namespace NixFuseStore.Server.Tests.Building;

/// <summary>When a lease that has run out lets another host take over: not where the owner had no chance to be heard.</summary>
public sealed class BuildLeasesTests
{
    private static readonly TimeSpan OverALease = BuildLeases.Lease + TimeSpan.FromSeconds(1);

    private readonly TwoClocks _time = new();
    private readonly BuildLeases _leases;

    public BuildLeasesTests() => _leases = new BuildLeases(_time);

    [Fact]
    public void Start_NoTakeOverForALease()
    {
        _time.Pass(BuildLeases.Lease / 2);
        Assert.False(_leases.MayTakeOver);
        _time.Pass(OverALease / 2);
        Assert.True(_leases.MayTakeOver);
    }

    [Fact]
    public async Task DatabaseAwayOrSlow_NoTakeOverForALeaseAfterIt()
    {
        _time.Pass(OverALease);
        _leases.NoteOutage();
        Assert.False(_leases.MayTakeOver);

        _time.Pass(OverALease);
        Assert.True(_leases.MayTakeOver);
        await _leases.AskAsync(() =>
        {
            _time.Pass(OverALease);
            return Task.FromResult(0);
        });
        Assert.False(_leases.MayTakeOver);
    }

    /// <summary>Also where the wall clock is set while the host sleeps, which the other clock does not count.</summary>
    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    public void ClockSet_NoTakeOverForALeaseAfterIt(int seconds)
    {
        _time.Pass(OverALease);
        Assert.True(_leases.MayTakeOver);

        _time.Set(TimeSpan.FromSeconds(seconds));
        Assert.False(_leases.MayTakeOver);

        _time.Pass(OverALease);
        Assert.True(_leases.MayTakeOver);
        _time.Set(TimeSpan.FromSeconds(1));
        Assert.True(_leases.MayTakeOver);
    }

    [Fact]
    public void ClockSetBack_ThoseWhoWaitAreRenewedInTime()
    {
        Assert.True(_leases.IsToRenew(renewed: null));
        var renewed = _leases.Timestamp;
        Assert.False(_leases.IsToRenew(renewed));
        _time.Set(TimeSpan.FromHours(-1));
        _time.Pass(BuildLeases.Lease / 2);
        Assert.True(_leases.IsToRenew(renewed));
    }

    /// <summary>A wall clock that can be set, and one that cannot.</summary>
    private sealed class TwoClocks : TimeProvider
    {
        private DateTimeOffset _wall = DateTimeOffset.UnixEpoch;
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public override DateTimeOffset GetUtcNow() => _wall;

        public void Pass(TimeSpan time)
        {
            _wall += time;
            _ticks += time.Ticks;
        }

        public void Set(TimeSpan by) => _wall += by;
    }
}
