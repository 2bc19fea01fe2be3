using System.Diagnostics;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Fleet;

/// <summary>An execution on another host, whose log becomes that of those who wait here: each line once, however often the store is away in between.</summary>
/// <param name="fleet">The hosts.</param>
/// <param name="log">Where its lines go.</param>
internal sealed class FollowedBuild(IBuildFleet fleet, BuildLog log)
{
    /// <summary>How long a store that is away is waited for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    /// <summary>Waits for its end.</summary>
    /// <returns>The last that was heard of it.</returns>
    /// <exception cref="DaemonStoreException">The store is away for too long.</exception>
    internal async Task<FleetNews> FollowAsync(FleetBuild build, CancellationToken cancellation)
    {
        var lines = new LogLines();
        long heard = 0;
        var silence = Stopwatch.StartNew();
        while (true)
        {
            long skip = heard;
            try
            {
                await foreach (var news in fleet.FollowAsync(build.Number, cancellation).ConfigureAwait(false))
                {
                    // After an interruption it begins anew.
                    int passed = (int)Math.Min(skip, news.Log.Length);
                    skip -= passed;
                    heard += news.Log.Length - passed;
                    silence.Restart();
                    foreach (string line in lines.Take(news.Log.Span[passed..]))
                    {
                        await log.AppendAsync(line).ConfigureAwait(false);
                    }

                    if (news.State != FleetState.Running)
                    {
                        return news;
                    }
                }
            }
            catch (DaemonStoreException) when (silence.Elapsed < s_patience)
            {
                // It comes back, perhaps as another server.
            }

            await Task.Delay(s_pause, cancellation).ConfigureAwait(false);
        }
    }
}
