using System.Diagnostics;
using NixFuseStore.Builds.Running;
using NixFuseStore.Daemon;

namespace NixFuseStore.Builds.Fleet;

/// <summary>
/// An execution on another host, whose log becomes that of those who wait here: each line once, however often it is followed and the store is away
/// in between. Used by one caller at a time.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="number">The execution.</param>
/// <param name="log">Where its lines go.</param>
internal sealed class FollowedBuild(IBuildFleet fleet, ulong number, BuildLog log)
{
    /// <summary>How long a store that is away is waited for.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    /// <summary>One that was heard for so long was not away.</summary>
    private static readonly TimeSpan s_heard = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(500);

    private readonly LogLines _lines = new();
    private long _heard;

    /// <summary>Its number.</summary>
    internal ulong Number => number;

    /// <summary>Waits for its end.</summary>
    /// <param name="runsOn">Told the host when it runs on one.</param>
    /// <param name="cancellation">Leaves.</param>
    /// <returns>The last that was heard of it.</returns>
    /// <exception cref="DaemonStoreException">The store is away for too long, or refuses this host.</exception>
    internal async Task<FleetNews> FollowAsync(Action<string> runsOn, CancellationToken cancellation)
    {
        var away = Stopwatch.StartNew();
        while (true)
        {
            var followed = Stopwatch.StartNew();
            try
            {
                if (await FollowOnceAsync(runsOn, cancellation).ConfigureAwait(false) is { } last)
                {
                    return last;
                }
            }
            catch (DaemonStoreException e) when (!fleet.IsRefusal(e) && (followed.Elapsed > s_heard || away.Elapsed < s_patience))
            {
                // It comes back, perhaps as another server.
            }

            if (followed.Elapsed > s_heard)
            {
                away.Restart();
            }

            await Task.Delay(s_pause, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<FleetNews?> FollowOnceAsync(Action<string> runsOn, CancellationToken cancellation)
    {
        // Each time it begins anew.
        long skip = _heard;
        await foreach (var news in fleet.FollowAsync(number, cancellation).ConfigureAwait(false))
        {
            if (news.Host is { } host)
            {
                runsOn(host);
            }

            int passed = (int)Math.Min(skip, news.Log.Length);
            skip -= passed;
            _heard += news.Log.Length - passed;
            foreach (string line in _lines.Take(news.Log.Span[passed..]))
            {
                await log.AppendAsync(line).ConfigureAwait(false);
            }

            if (news.State != FleetState.Running)
            {
                return news;
            }
        }

        return null;
    }
}
