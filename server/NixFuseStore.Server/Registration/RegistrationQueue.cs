using System.Diagnostics.CodeAnalysis;
using Grpc.Core;
using NixFuseStore.Protocol;
using NixFuseStore.Server.Access;
using NixFuseStore.Storage.Blobs;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Small registrations of a store that come while another one is under way go on together, as one: what registering takes beside the paths
/// themselves (a dozen questions to the database and two flushes) is then taken once for all of them. Calls may overlap.
/// </summary>
/// <param name="register">Registers paths in one transaction, see <see cref="PathRegistrar.RegisterAsync"/>.</param>
internal sealed class RegistrationQueue(Func<StoreRecord, IReadOnlyList<SubmittedBatch>, CancellationToken, Task<RegisterPathsResponse>> register)
{
    /// <summary>Calls with more paths go alone.</summary>
    private const int CallPathsMax = 500;

    /// <summary>Calls with more content go alone too, in NAR bytes: no call shall wait for the verification of another's.</summary>
    private const ulong CallBytesMax = 1 << 20;

    /// <summary>Calls that go together at most.</summary>
    private const int GroupCallsMax = 64;

    /// <summary>Paths of calls that go together at most, give or take the last call's.</summary>
    private const int GroupPathsMax = 1_000;

    /// <summary>Calls of one principal that may wait for one store; one beyond that is told to come again.</summary>
    internal const int WaitingMax = 1_024;

    private static readonly TimeSpan GatheringTime = TimeSpan.FromMilliseconds(1);

    // Guards the queues in it; an entry is there while its runner runs. Those who may know of different chunks do not go together.
    private readonly Lock _gate = new();
    private readonly Dictionary<(StoreId Store, ChunkScope Scope), Waiting> _waiting = [];

    /// <summary>As <see cref="PathRegistrar.RegisterAsync"/>; who gives up waiting may have registered all the same.</summary>
    public Task<RegisterPathsResponse> RegisterAsync(
        StoreRecord store, Principal principal, IReadOnlyList<NewPath> paths, CancellationToken cancellation)
    {
        ulong bytes = 0;
        for (var i = 0; i < paths.Count && bytes <= CallBytesMax; i++)
        {
            bytes += Math.Min(paths[i].Path?.NarSize ?? 0, CallBytesMax + 1);
        }

        if (paths.Count > CallPathsMax || bytes > CallBytesMax)
        {
            return register(store, [new SubmittedBatch(principal, paths)], cancellation);
        }

        cancellation.ThrowIfCancellationRequested();
        var call = new Call(store, principal, paths, cancellation);
        var key = (store.Id, principal.ReadableChunks);
        lock (_gate)
        {
            if (_waiting.TryGetValue(key, out var waiting))
            {
                if (!waiting.TryAdd(call))
                {
                    throw new RpcException(new Status(StatusCode.Unavailable, $"{WaitingMax} registrations of this caller are waiting already; try again later"));
                }
            }
            else
            {
                _waiting[key] = waiting = new Waiting();
                waiting.TryAdd(call);
                _ = Task.Run(() => RunAsync(key, waiting), CancellationToken.None);
            }
        }

        return call.Done.Task.WaitAsync(cancellation);
    }

    private async Task RunAsync((StoreId Store, ChunkScope Scope) key, Waiting waiting)
    {
        var last = 1;
        while (true)
        {
            // Those who were answered together are back with their next call in a moment. Without waiting for them, the first
            // would go alone, and the others would wait for that.
            if (last > 1)
            {
                await Task.Delay(GatheringTime).ConfigureAwait(false);
            }

            var group = new List<Call>();
            var paths = 0;
            lock (_gate)
            {
                while (group.Count < GroupCallsMax && paths < GroupPathsMax && waiting.TryTake(out var call))
                {
                    // What its caller no longer waits for is not begun.
                    if (call.Cancellation.IsCancellationRequested)
                    {
                        call.Done.TrySetCanceled(call.Cancellation);
                    }
                    else
                    {
                        group.Add(call);
                        paths += call.Paths.Count;
                    }
                }

                if (group.Count == 0)
                {
                    _waiting.Remove(key);
                    return;
                }
            }

            last = group.Count;
            if (group.Count == 1 || !await TryRunTogetherAsync(group).ConfigureAwait(false))
            {
                foreach (var call in group)
                {
                    await RunAloneAsync(call).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>False where it failed for a reason that may be one call's alone: then each shall have its own failure.</summary>
    private async Task<bool> TryRunTogetherAsync(List<Call> group)
    {
        using var abandoned = new Abandonment(group);
        try
        {
            SubmittedBatch[] batches = [.. group.Select(static call => new SubmittedBatch(call.Principal, call.Paths))];
            var all = await register(group[0].Store, batches, abandoned.Token).ConfigureAwait(false);
            var first = 0;
            foreach (var call in group)
            {
                var response = new RegisterPathsResponse();
                response.Results.AddRange(all.Results.Skip(first).Take(call.Paths.Count));
                first += call.Paths.Count;
                call.Done.TrySetResult(response);
            }

            return true;
        }
        catch (Exception e) when (e is MetadataUnavailableException or BlobStoreFullException)
        {
            group.ForEach(call => call.Done.TrySetException(e));
            return true;
        }
#pragma warning disable CA1031 // each call runs again by itself, and the one to blame gets the exception
        catch (Exception)
#pragma warning restore CA1031
        {
            return false;
        }
    }

    private async Task RunAloneAsync(Call call)
    {
        try
        {
            call.Done.TrySetResult(await register(call.Store, [new SubmittedBatch(call.Principal, call.Paths)], call.Cancellation).ConfigureAwait(false));
        }
#pragma warning disable CA1031 // the exception is the caller's
        catch (Exception e)
#pragma warning restore CA1031
        {
            call.Done.TrySetException(e);
        }
    }

    /// <summary>Cancelled when none of a group's callers waits any more.</summary>
    private sealed class Abandonment : IDisposable
    {
        private readonly CancellationTokenSource _source = new();
        private readonly List<CancellationTokenRegistration> _registrations = [];
        private int _waiting;

        public Abandonment(List<Call> group)
        {
            _waiting = group.Count;
            foreach (var call in group)
            {
                _registrations.Add(call.Cancellation.Register(static state => ((Abandonment)state!).Leave(), this));
            }
        }

        public CancellationToken Token => _source.Token;

        public void Dispose()
        {
            // Waits for a callback that is just running.
            _registrations.ForEach(static registration => registration.Dispose());
            _source.Dispose();
        }

        private void Leave()
        {
            if (Interlocked.Decrement(ref _waiting) == 0)
            {
                _source.Cancel();
            }
        }
    }

    /// <summary>Calls that wait, and how many of each principal.</summary>
    private sealed class Waiting
    {
        private readonly Queue<Call> _calls = new();
        private readonly Dictionary<string, int> _byPrincipal = new(StringComparer.Ordinal);

        /// <summary>False where too many of the same principal wait.</summary>
        public bool TryAdd(Call call)
        {
            var count = _byPrincipal.GetValueOrDefault(call.Principal.Name);
            if (count >= WaitingMax)
            {
                return false;
            }

            _byPrincipal[call.Principal.Name] = count + 1;
            _calls.Enqueue(call);
            return true;
        }

        public bool TryTake([NotNullWhen(true)] out Call? call)
        {
            if (!_calls.TryDequeue(out call))
            {
                return false;
            }

            if (--_byPrincipal[call.Principal.Name] == 0)
            {
                _byPrincipal.Remove(call.Principal.Name);
            }

            return true;
        }
    }

    private sealed record Call(StoreRecord Store, Principal Principal, IReadOnlyList<NewPath> Paths, CancellationToken Cancellation)
    {
        public TaskCompletionSource<RegisterPathsResponse> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
