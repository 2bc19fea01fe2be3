namespace NixFuseStore.Client.Reading;

/// <summary>
/// What the network to the server does: smallest round trip and largest delivery rate of late, and how well chunks compress.
/// From these comes the window that keeps the link busy. All members may be called from any thread.
/// </summary>
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

    private static readonly TimeSpan RoundTripMemory = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan SampleSpan = TimeSpan.FromMilliseconds(40);

    private readonly Lock _gate = new();
    private double _roundTripSeconds = InitialRoundTrip.TotalSeconds;
    private long _roundTripAt;
    private bool _roundTripMeasured;
    private double _bytesPerSecond = InitialBytesPerSecond;
    private bool _rateMeasured;
    private double _ratio = 0.4;
    private long _spanStart;
    private long _spanBytes;

    public TimeSpan RoundTrip => TimeSpan.FromSeconds(_roundTripSeconds);

    public double BytesPerSecond => _bytesPerSecond;

    /// <summary>Plain bytes that should be under way to keep the link busy: one and a half bandwidth-delay products.</summary>
    public long WindowPlainBytes
    {
        get
        {
            var wire = 1.5 * _bytesPerSecond * Math.Max(_roundTripSeconds, 0.001);
            return Math.Clamp((long)(wire / Math.Max(_ratio, 0.1)), WindowPlainBytesMin, WindowPlainBytesMax);
        }
    }

    /// <summary>The same for the read-ahead policy, with what read-ahead must be good for to pay.</summary>
    public ReadAheadLink ForReadAhead
    {
        get
        {
            var seconds = UsualReadBytes * _ratio / _bytesPerSecond;
            return new ReadAheadLink(WindowPlainBytes, seconds / Math.Max(_roundTripSeconds, 1e-4));
        }
    }

    /// <summary>From the sending of a request to its first byte.</summary>
    public void OnFirstByte(TimeSpan elapsed)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (!_roundTripMeasured || elapsed.TotalSeconds <= _roundTripSeconds || time.GetElapsedTime(_roundTripAt, now) > RoundTripMemory)
            {
                _roundTripMeasured = true;
                _roundTripSeconds = elapsed.TotalSeconds;
                _roundTripAt = now;
            }
        }
    }

    /// <summary>A chunk arrived.</summary>
    /// <param name="wireBytes">Bytes as they travelled.</param>
    /// <param name="plainBytes">Bytes of the chunk.</param>
    public void OnBytes(int wireBytes, int plainBytes)
    {
        lock (_gate)
        {
            _ratio += ((double)wireBytes / Math.Max(plainBytes, 1) - _ratio) * Math.Min(plainBytes / (4.0 * (1 << 20)), 1);
            var now = time.GetTimestamp();
            var elapsed = time.GetElapsedTime(_spanStart, now);
            if (elapsed > 4 * SampleSpan)
            {
                // The link was idle in between: a new span begins with this chunk, whose own transmission was before.
                _spanStart = now;
                _spanBytes = 0;
                return;
            }

            _spanBytes += wireBytes;
            if (elapsed >= SampleSpan)
            {
                AddSample(_spanBytes / elapsed.TotalSeconds);
                _spanStart = now;
                _spanBytes = 0;
            }
        }
    }

    // Most spans are short of data rather than of bandwidth, so a higher rate counts at once and a lower one slowly.
    private void AddSample(double rate)
    {
        if (!_rateMeasured || rate > _bytesPerSecond)
        {
            _bytesPerSecond = rate;
            _rateMeasured = true;
        }
        else
        {
            _bytesPerSecond += (rate - _bytesPerSecond) * 0.05;
        }
    }
}
