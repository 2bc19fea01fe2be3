using System.Runtime;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// Gives memory back once a burst of requests is over. The collector by itself keeps what it once had, and so does the C library.
/// </summary>
internal sealed class MemoryTrimmer : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Fewer requests than this in an interval are rest.</summary>
    private const long RestRequestsMax = 20;

    private readonly Func<long> _requests;
    private readonly Timer _timer;
    private long _last;
    private bool _busy = true;

    public MemoryTrimmer(Func<long> requests)
    {
        _requests = requests;
        _timer = new Timer(static self => ((MemoryTrimmer)self!).Look(), this, Interval, Interval);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        try
        {
            Trim();
        }
#pragma warning disable CA1031 // An exception that leaves a timer ends the process, and with it the mount.
        catch (Exception)
#pragma warning restore CA1031
        {
            // Memory that is not given back now is given back later.
        }
    }

    private void Trim()
    {
        var now = _requests();
        var atRest = now - _last <= RestRequestsMax;
        _last = now;
        if (!atRest)
        {
            _busy = true;
        }
        else if (_busy)
        {
            _busy = false;
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            Libc.TrimHeap();
        }
    }
}
