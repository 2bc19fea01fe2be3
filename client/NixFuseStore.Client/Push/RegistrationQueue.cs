using System.Threading.Channels;
using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>
/// Registers paths whose chunks are on the server, referenced paths before those that refer to them, several at a time. One loop
/// owns all its state; others only put events into its inbox.
/// </summary>
/// <param name="target">The server.</param>
/// <param name="linger">How long a registration that is not full waits for more paths, unless one of them is urgent.</param>
/// <param name="owner">Decides about outcomes.</param>
internal sealed class RegistrationQueue<TWork>(IPushTarget target, TimeSpan linger, IRegistrationOwner<TWork> owner)
    where TWork : RegistrationWork
{
    /// <summary>Bounds of one registration: paths, bytes of the message, plain bytes of its manifests, bytes that the server has to verify before it can answer.</summary>
    private const int PathsMax = 500;
    private const int MessageBytesMax = 4 << 20;
    private const long SectionBytesMax = 64L << 20;
    private const long NarBytesMax = 128L << 20;

    /// <summary>Registrations under way at once; the server verifies each on one core.</summary>
    private const int CallsMax = 4;

    /// <summary>
    /// Below both bounds a registration waits for the one under way and takes along what comes meanwhile: most of what it costs the server
    /// and its database is the same for one path and for fifty.
    /// </summary>
    private const int FewPaths = 100;
    private const ulong FewNarBytes = 1UL << 20;

    /// <summary>How long paths rest that are to be tried again; twice as long after each further failure that is not the want of a server.</summary>
    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest rest is then 16 s.</summary>
    private const int RetryDoublingsMax = 6;

    /// <summary>How long a registration waits at most for those who were answered together.</summary>
    private static readonly TimeSpan GatheringTime = TimeSpan.FromMilliseconds(2);

    private readonly Channel<Action> _inbox = Channel.CreateUnbounded<Action>();
    private readonly SortedDictionary<long, TWork> _ready = [];

    // How many works of a path have no outcome yet: two clients may add the same path at once.
    private readonly Dictionary<StorePath, int> _unfinished = [];
    private bool _complete;
    private int _calls;

    // How many were answered just now or wait already, if more than one.
    private int? _gathering;

    // Set when an urgent path becomes ready.
    private TaskCompletionSource _urgent = new();

    /// <summary>
    /// A path that will become ready or fail. Whatever refers to it and is announced later waits for it. Any thread, before either.
    /// </summary>
    internal void Expect(TWork work) => _inbox.Writer.TryWrite(() =>
        _unfinished[work.Info.Path] = _unfinished.GetValueOrDefault(work.Info.Path) + 1);

    /// <summary>No more paths will be announced. Any thread.</summary>
    internal void Complete() => _inbox.Writer.TryWrite(() => _complete = true);

    /// <summary>The path's chunks are on the server, and its message is there. Any thread.</summary>
    internal void Ready(TWork work)
    {
        _inbox.Writer.TryWrite(() => _ready.Add(work.Number, work));
        if (work.IsUrgent)
        {
            Volatile.Read(ref _urgent).TrySetResult();
        }
    }

    /// <summary>The path cannot become ready. Any thread.</summary>
    internal void Fail(TWork work, Exception exception) => _inbox.Writer.TryWrite(() =>
    {
        if (owner.Fail(work, exception, together: 1))
        {
            Finish(work);
        }
    });

    /// <summary>Runs until no more paths are announced and every one has its outcome.</summary>
    internal async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            while (!_complete || _unfinished.Count > 0)
            {
                (await _inbox.Reader.ReadAsync(cancellationToken).ConfigureAwait(false))();
                var urgent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                Volatile.Write(ref _urgent, urgent);
                DrainInbox();
                if (_ready.Count is > 0 and < PathsMax && _calls < CallsMax && !_ready.Values.Any(static work => work.IsUrgent))
                {
                    await Task.WhenAny(Task.Delay(linger, cancellationToken), urgent.Task).ConfigureAwait(false);
                    cancellationToken.ThrowIfCancellationRequested();
                    DrainInbox();
                }

                await GatherAsync(cancellationToken).ConfigureAwait(false);
                while (_calls < CallsMax && !MayWaitForCalls() && TakeBatch() is { Count: > 0 } batch)
                {
                    _calls++;
                    _ = RegisterAsync(batch, stopping.Token);
                }
            }
        }
        finally
        {
            await stopping.CancelAsync().ConfigureAwait(false);
        }
    }

    // Those who were answered together are back with their next paths in a moment. Without waiting for them, those who wait now would go
    // without them, and the two halves would keep waiting for each other.
    private async ValueTask GatherAsync(CancellationToken cancellationToken)
    {
        if (_gathering is not { } count)
        {
            return;
        }

        _gathering = null;
        var deadline = Task.Delay(GatheringTime, cancellationToken);
        while (_calls == 0 && _ready.Count < count && !deadline.IsCompleted)
        {
            await Task.WhenAny(_inbox.Reader.WaitToReadAsync(cancellationToken).AsTask(), deadline).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            DrainInbox();
        }
    }

    private void DrainInbox()
    {
        while (_inbox.Reader.TryRead(out var next))
        {
            next();
        }
    }

    private bool MayWaitForCalls() =>
        _calls > 0 && _ready.Count < FewPaths && _ready.Values.Aggregate(0UL, static (sum, work) => sum + work.Info.NarSize) < FewNarBytes;

    // The paths, in their order, that refer only to what is registered or stands before them.
    private List<TWork> TakeBatch()
    {
        var batch = new List<TWork>();
        var taken = new HashSet<StorePath>();
        int messageBytes = 0;
        long sectionBytes = 0;
        ulong narBytes = 0;
        int companionsMax = int.MaxValue;
        foreach (var work in _ready.Values.ToArray())
        {
            if (owner.IsSettled(work))
            {
                _ready.Remove(work.Number);
                Finish(work);
                continue;
            }

            if (work.Info.References.Any(reference => reference != work.Info.Path && _unfinished.ContainsKey(reference) && !taken.Contains(reference)))
            {
                continue;
            }

            messageBytes += work.MessageBytes;
            sectionBytes += work.Message!.Sections.Sum(section => (long)section.PlainLength);
            narBytes += work.Message.Path.NarSize;
            companionsMax = Math.Min(companionsMax, work.CompanionsMax);
            if (batch.Count > 0
                && (batch.Count == PathsMax || batch.Count >= companionsMax || messageBytes > MessageBytesMax || sectionBytes > SectionBytesMax || narBytes > (ulong)NarBytesMax))
            {
                break;
            }

            _ready.Remove(work.Number);
            taken.Add(work.Info.Path);
            batch.Add(work);
        }

        return batch;
    }

    private async Task RegisterAsync(List<TWork> batch, CancellationToken cancellationToken)
    {
        var request = new RegisterPathsRequest { Store = target.StoreName };
        request.Paths.AddRange(batch.Select(work => work.Message));
        ulong narBytes = batch.Aggregate(0UL, (sum, work) => sum + work.Message!.Path.NarSize);
        Action answer;
        try
        {
            var response = await target.RegisterPathsAsync(request, narBytes, cancellationToken).ConfigureAwait(false);
            answer = () => Settle(batch, response);
        }
#pragma warning disable CA1031 // Whatever it is, the owner is told by the loop.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            answer = () => Fail(batch, exception, cancellationToken);
        }

        _inbox.Writer.TryWrite(answer);
    }

    private void Settle(List<TWork> batch, RegisterPathsResponse response)
    {
        _calls--;
        _gathering = batch.Concat(_ready.Values).Count(static work => work.IsUrgent) is > 1 and var count ? count : null;
        for (int i = 0; i < batch.Count; i++)
        {
            if (owner.Settle(batch[i], response.Results[i]))
            {
                Finish(batch[i]);
            }
        }
    }

    private void Fail(List<TWork> batch, Exception exception, CancellationToken cancellationToken)
    {
        _calls--;
        var again = new List<TWork>();
        foreach (var work in batch)
        {
            work.FailedCalls += batch.Count > 1 || exception is StoreUnavailableException ? 0 : 1;
            if (owner.Fail(work, exception, batch.Count))
            {
                Finish(work);
            }
            else
            {
                again.Add(work);
            }
        }

        if (again.Count > 0)
        {
            _ = ReadyLaterAsync(again, cancellationToken);
        }
    }

    private async Task ReadyLaterAsync(List<TWork> again, CancellationToken cancellationToken)
    {
        var pause = RetryPause * Math.Pow(2, Math.Clamp(again.Max(static work => work.FailedCalls) - 1, 0, RetryDoublingsMax));
        await Task.Delay(pause, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        again.ForEach(Ready);
    }

    private void Finish(TWork work)
    {
        work.Message = null;
        var path = work.Info.Path;
        if (--_unfinished[path] == 0)
        {
            _unfinished.Remove(path);
        }
    }
}
