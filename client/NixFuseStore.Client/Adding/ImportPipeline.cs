using System.Collections.Concurrent;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// The stages behind all imports of a writer: chunks are asked about, compressed and uploaded, then paths are registered, those that are
/// asked for while a call is under way together in the next. Runs until it is disposed, or until one of its loops ends by an error that none
/// of its parts expects: then all that is in it fails, and the next import gets a new one.
/// </summary>
internal sealed class ImportPipeline : IAsyncDisposable
{
    private const int WorkersMax = 4;

    /// <summary>
    /// How long paths that were answered from the journal wait for more of them. Nix adds derivations one by one, a few hundred a second;
    /// other hosts see them within a second.
    /// </summary>
    private static readonly TimeSpan JournalLinger = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// NARs on their way as they are at once. Each keeps a connection for as long as its sender takes; more of them are cut here.
    /// </summary>
    private const int WholeMax = 8;

    /// <summary>Registrations under way or waiting, of callers who wait for their answer; more of them wait before they take their place.</summary>
    private const int RegistrationsMax = 4096;

    private readonly CancellationTokenSource _stop = new();
    private readonly ByteBudget _places = new(RegistrationsMax);
    private readonly ConcurrentDictionary<ImportWork, byte> _unfinished = [];
    private readonly Action<string>? _log;
    private readonly List<Task> _loops = [];
    private readonly IPushTarget _target;
    private readonly StoreDirectory _directory;
    private readonly ByteBudget _spoolMemory;
    private readonly string _spoolDirectory;

    // None where NARs are cut here.
    private int _wholeLeft;
    private long _number;

    internal ImportPipeline(ServerConnection connection, StoreReader reader, StoreWriterOptions options)
    {
        var target = new CheckedPushTarget(new ServerPushTarget(connection));
        var progress = new PushProgress();
        _target = new RetryingPushTarget(target, options.Patience, progress, options.Time);
        _directory = reader.Directory;
        _log = options.Log;
        _spoolMemory = new ByteBudget(options.NarBytesHeldMax);
        _spoolDirectory = options.JournalDirectory ?? Path.GetTempPath();
        _wholeLeft = options.SendsWholeNars ?? connection.IsLoopback ? WholeMax : 0;
        Ledger = new ChunkUploadTracker(forgetsSettled: true);
        Sender = new ChunkSender(_target, Ledger, progress, new PushOptions
        {
            Workers = Math.Clamp(Environment.ProcessorCount, 1, WorkersMax),
            ChunkBytesHeldMax = options.ChunkBytesHeldMax,
            CompressionLevel = options.CompressionLevel,
        });
        var prepared = new PreparedPushTarget(target, reader.StoreId, options.Prepare);
        Registrations = new RegistrationQueue<ImportWork>(prepared, JournalLinger, new ImportRegistrations(_directory, options.Patience, options.Time));
        foreach (var loop in Sender.Loops().Append(Registrations.RunAsync))
        {
            _loops.Add(Task.Run(() => RunAsync(loop)));
        }
    }

    /// <summary>Cancelled when the pipeline has ended, in whichever way.</summary>
    internal CancellationToken Ended => _stop.Token;

    /// <summary>Whether it has ended by an error.</summary>
    internal bool HasFailed { get; private set; }

    internal ChunkUploadTracker Ledger { get; }

    internal ChunkSender Sender { get; }

    internal RegistrationQueue<ImportWork> Registrations { get; }

    /// <summary>The way to the server for a NAR that has begun.</summary>
    /// <param name="parameters">How the store's content is cut.</param>
    /// <param name="narBytes">Bytes of the NAR, where the sender announced them.</param>
    internal ImportContent OpenContent(ChunkingParameters parameters, ulong? narBytes)
    {
        if (Interlocked.Decrement(ref _wholeLeft) < 0)
        {
            Interlocked.Increment(ref _wholeLeft);
            return OpenCutContent(parameters);
        }

        return new WholeContent(_target, new NarSpool(_spoolMemory, _spoolDirectory, narBytes), narBytes, () => Interlocked.Increment(ref _wholeLeft));
    }

    internal CutContent OpenCutContent(ChunkingParameters parameters) => new(this, _directory, parameters);

    /// <summary>
    /// The next path in the order of additions; whatever refers to it and is announced later waits for it. Waits, in order, while too many
    /// others do.
    /// </summary>
    internal async ValueTask<ImportWork> AnnounceAsync(PathInfo info, CancellationToken cancellationToken)
    {
        await _places.TakeAsync(1, cancellationToken).ConfigureAwait(false);
        var work = Announce(info);
        _ = ReturnPlaceAsync(work);
        return work;
    }

    /// <summary>The same for a path that was acknowledged before, and needs no place: the journal bounds them.</summary>
    internal ImportWork Announce(PathInfo info)
    {
        var work = new ImportWork(Interlocked.Increment(ref _number), info);
        _unfinished.TryAdd(work, 0);
        if (HasFailed)
        {
            work.SetFailed(Failed(info.Path, null));
        }

        _ = work.Registered.ContinueWith(
            _ => _unfinished.TryRemove(work, out byte _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        Registrations.Expect(work);
        return work;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        foreach (var loop in _loops)
        {
            await loop.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        // Not disposed: who comes just now still looks at it.
    }

    private async Task ReturnPlaceAsync(ImportWork work)
    {
        await ((Task)work.Registered).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _places.Return(1);
    }

    private PipelineFailedException Failed(StorePath path, Exception? cause) =>
        new($"cannot add {_directory.Print(path)}: adding failed inside this program; try again", cause);

    private async Task RunAsync(Func<CancellationToken, Task> loop)
    {
        try
        {
            await loop(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // The end of all loops.
        }
#pragma warning disable CA1031 // Whatever it is: those who wait are told, and those who come get another pipeline.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _log?.Invoke($"adding paths failed inside this program, and begins afresh: {e.Message}");
            HasFailed = true;
            await _stop.CancelAsync().ConfigureAwait(false);
            foreach (var work in _unfinished.Keys)
            {
                work.SetFailed(Failed(work.Info.Path, e));
            }
        }
    }
}

/// <summary>The pipeline with all that was in it has ended by an error of this program.</summary>
internal sealed class PipelineFailedException(string message, Exception? innerException) : StoreClientException(message, innerException);
