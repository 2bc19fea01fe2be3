using NixFuseStore.Cache;
using NixFuseStore.Cli.Settings;

namespace NixFuseStore.Cli.Mounting;

/// <summary>Puts the progress of a cache check in words, at most twice a second.</summary>
internal sealed class VerifyProgressLine(Action<string> show) : IProgress<VerifyProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    private long _next;

    public void Report(VerifyProgress value)
    {
        var now = Environment.TickCount64;
        var next = Volatile.Read(ref _next);
        if (now >= next && Interlocked.CompareExchange(ref _next, now + (long)Interval.TotalMilliseconds, next) == next)
        {
            show($"{value.Entries} chunks, {ByteSize.Format(value.Bytes)} of {ByteSize.Format(value.BytesTotal)}, {value.Bad} damaged");
        }
    }
}
