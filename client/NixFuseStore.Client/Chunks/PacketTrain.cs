namespace NixFuseStore.Client.Chunks;

/// <summary>
/// Measures the link by what arrives, on all connections together, between two moments at which a receiver had to wait, and so had taken all that was
/// there. A pause of a good part of a round trip is the senders' window, not the link, and begins a new train. Any thread.
/// </summary>
internal sealed class PacketTrain(LinkEstimator link, TimeProvider time)
{
    /// <summary>
    /// Shorter trains prove nothing: shapers let 128 KiB and more pass at full speed after a rest, and the scheduler's whims weigh more.
    /// </summary>
    public const long BytesMin = 176 << 10;

    private readonly Lock _gate = new();
    private long _startedAt;
    private long _lastAt;
    private long _bytes;
    private bool _running;

    /// <summary>A frame is at hand.</summary>
    /// <param name="bytes">Bytes of the frame as it travelled.</param>
    /// <param name="waited">Whether it had to be waited for.</param>
    public void OnFrame(int bytes, bool waited)
    {
        lock (_gate)
        {
            if (!waited)
            {
                _bytes += bytes;
                return;
            }

            var now = time.GetTimestamp();
            var pauseMax = Math.Max(link.RoundTrip.TotalSeconds / 3, 0.001);
            if (!_running || time.GetElapsedTime(_lastAt, now).TotalSeconds > pauseMax)
            {
                Start(now);
            }
            else
            {
                _bytes += bytes;
                if (_bytes >= BytesMin)
                {
                    link.OnRate(_bytes / time.GetElapsedTime(_startedAt, now).TotalSeconds);
                    Start(now);
                }
            }

            _lastAt = now;
        }
    }

    private void Start(long now)
    {
        _running = true;
        _startedAt = now;
        _bytes = 0;
    }
}
