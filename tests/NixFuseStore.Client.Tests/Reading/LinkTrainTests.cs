using NixFuseStore.Client.Chunks;


namespace NixFuseStore.Client.Tests.Reading;

public sealed class LinkTrainTests
{
    private readonly Clock _clock = new();

    [Theory]
    [InlineData(12.5e6)]
    [InlineData(125e6)]
    public void OnFrame_SteadyArrivals_TellTheRate(double bytesPerSecond)
    {
        var link = new LinkEstimator(_clock);
        var train = new PacketTrain(link, _clock);
        for (var i = 0; i < 500; i++)
        {
            train.OnFrame(16 << 10, waited: true);
            _clock.Advance((16 << 10) / bytesPerSecond);
        }

        Assert.InRange(link.BytesPerSecond, bytesPerSecond * 0.9, bytesPerSecond * 1.1);
    }

    [Fact]
    public void OnFrame_OneSmallAnswerAfterTheOther_SaysNothing()
    {
        var link = new LinkEstimator(_clock);
        var train = new PacketTrain(link, _clock);
        for (var i = 0; i < 200; i++)
        {
            train.OnFrame(40 << 10, waited: true);
            _clock.Advance(0.012);
        }

        Assert.Equal(LinkEstimator.InitialBytesPerSecond, link.BytesPerSecond);
    }

    [Fact]
    public void Window_GrowsWithRateAndRoundTrip()
    {
        var link = new LinkEstimator(_clock);
        link.OnFirstByte(TimeSpan.FromMilliseconds(10));
        link.OnRate(12.5e6);
        var slow = link.ForReadAhead;
        var other = new LinkEstimator(_clock);
        other.OnFirstByte(TimeSpan.FromMilliseconds(10));
        other.OnRate(125e6);
        var far = other.ForReadAhead;

        Assert.True(far.WindowPlainBytes > 5 * slow.WindowPlainBytes);
        Assert.True(slow.Worth > 5 * far.Worth);
    }

    private sealed class Clock : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => 10_000_000;

        public override long GetTimestamp() => _ticks;

        public void Advance(double seconds) => _ticks += (long)(seconds * 1e7);
    }
}
