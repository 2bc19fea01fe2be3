using NixFuseStore.Client.ReadAhead;


namespace NixFuseStore.Client.Chunks;

/// <summary>
/// What the network to the server does: smallest round trip and delivery rate of late, and how well chunks compress.
/// From these comes the window that keeps the link busy. All members may be called from any thread.
/// </summary>
/// <remarks>
/// A reader that waits for one small answer after the other never fills the link, so bytes over time say nothing about it. What does is a
/// <see cref="PacketTrain"/>: bytes that arrived while the receiver was waiting for them, without a pause between.
/// </remarks>
internal sealed class LinkEstimator(TimeProvider time)
{
    /// <summary>Assumed until something was measured: a neighbouring data centre.</summary>
    public static readonly TimeSpan InitialRoundTrip = TimeSpan.FromMilliseconds(10);

    /// <summary>Assumed until something was measured: 200 Mbit/s.</summary>
    public const double InitialBytesPerSecond = 25e6;

    private const long WindowPlainBytesMin = 256 << 10;
    private const long WindowPlainBytesMax = 8 << 20;

    /// <summary>Plain bytes of what a kernel asks for when a page is missing.</summary>
    private const double UsualReadBytes = 128 << 10;

    /// <summary>What one measurement of the rate counts beside all former ones.</summary>
    private const double RateWeight = 0.25;

    /// <summary>The smallest round trip of so long counts; then a longer one may.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private double _roundTripSeconds = InitialRoundTrip.TotalSeconds;
    private long _roundTripAt;
    private bool _roundTripMeasured;
    private double _bytesPerSecond = InitialBytesPerSecond;
    private bool _rateMeasured;
    private double _ratio = 0.4;

    public TimeSpan RoundTrip => TimeSpan.FromSeconds(_roundTripSeconds);

    public double BytesPerSecond => _bytesPerSecond;

    /// <summary>Plain bytes that should be under way to keep the link busy: one and a half bandwidth-delay products.</summary>
    public long WindowPlainBytes
    {
        get
        {
            var wire = 1.5 * BytesPerSecond * Math.Max(_roundTripSeconds, 0.001);
            return Math.Clamp((long)(wire / Math.Max(_ratio, 0.1)), WindowPlainBytesMin, WindowPlainBytesMax);
        }
    }

    /// <summary>The same for the read-ahead policy, with what read-ahead must be good for to pay.</summary>
    public ReadAheadLink ForReadAhead
    {
        get
        {
            var seconds = UsualReadBytes * _ratio / BytesPerSecond;
            return new ReadAheadLink(WindowPlainBytes, seconds / Math.Max(_roundTripSeconds, 1e-4));
        }
    }

    /// <summary>From the sending of a request to its first byte.</summary>
    public void OnFirstByte(TimeSpan elapsed)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (!_roundTripMeasured || elapsed.TotalSeconds <= _roundTripSeconds || time.GetElapsedTime(_roundTripAt, now) > Memory)
            {
                _roundTripMeasured = true;
                _roundTripSeconds = elapsed.TotalSeconds;
                _roundTripAt = now;
            }
        }
    }

    /// <summary>A chunk was unpacked.</summary>
    public void OnChunk(int wireBytes, int plainBytes)
    {
        lock (_gate)
        {
            _ratio += ((double)wireBytes / Math.Max(plainBytes, 1) - _ratio) * Math.Min(plainBytes / (4.0 * (1 << 20)), 1);
        }
    }

    /// <summary>A train was long enough to tell the rate.</summary>
    public void OnRate(double bytesPerSecond)
    {
        lock (_gate)
        {
            // Receivers that wake late see too much at once, and shapers let bursts pass, so one measurement alone says little.
            _bytesPerSecond = _rateMeasured
                ? _bytesPerSecond + ((Math.Min(bytesPerSecond, 4 * _bytesPerSecond) - _bytesPerSecond) * RateWeight)
                : bytesPerSecond;
            _rateMeasured = true;
        }
    }
}
