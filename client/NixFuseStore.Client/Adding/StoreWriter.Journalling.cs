using System.Collections.Concurrent;
using Google.Protobuf;
using NixFuseStore.Client.Pending;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <content>
/// Small content-addressed paths: Nix adds derivations one by one and waits for each, so they are acknowledged from a journal on local disk
/// and registered behind it, in order and together.
/// </content>
public sealed partial class StoreWriter
{
    /// <summary>How long an orderly end waits for what the journal holds; the rest is registered by the next start.</summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan DrainPause = TimeSpan.FromMilliseconds(10);

    /// <summary>How long paths of a pipeline that has failed wait for the next one.</summary>
    private static readonly TimeSpan RequeuePause = TimeSpan.FromSeconds(1);

    /// <summary>Paths that the server refused behind an acknowledgement; more are not remembered.</summary>
    private const int RefusedMax = 10_000;

    private readonly ConcurrentDictionary<StorePath, string> _refused = [];
    private readonly ByteBudget _pendingBytes;
    private readonly SmallPathCheck _smallPaths;
    private readonly PathJournal? _journal;
    private ITimer? _readingAgain;
    private int _behind;

    /// <summary>What the journal holds; null where there is none.</summary>
    public JournalStatus? Journal => _journal?.Status;

    /// <summary>
    /// Takes up what an earlier process acknowledged and did not get registered: it is valid here when this returns, and on its way to the
    /// server. What cannot be read now is tried again later. To be called once, before anything else.
    /// </summary>
    /// <returns>How many paths there are.</returns>
    public int Recover()
    {
        if (_journal is null)
        {
            return 0;
        }

        var count = TakeUp(_journal.Read());
        _readingAgain = _options.Time.CreateTimer(_ => ReadAgain(), null, PathJournal.RestTime, PathJournal.RestTime);
        return count;
    }

    private void ReadAgain()
    {
        try
        {
            if (_journal!.HasUnread)
            {
                TakeUp(_journal.Read());
            }
        }
        catch (ObjectDisposedException)
        {
            // The mount ends; the next one reads it.
        }
#pragma warning disable CA1031 // An exception that leaves a timer ends the process, and with it the mount.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _options.Log?.Invoke($"paths that were added before cannot be read from the journal yet: {e.Message}");
        }
    }

    private int TakeUp(IReadOnlyList<RecoveredPath> paths)
    {
        foreach (var (entry, record) in paths)
        {
            try
            {
                var message = NewPath.Parser.ParseFrom(record.Path.Span);
                var pending = PendingPathReader.Read(message);
                var pipeline = Pipeline();
                var work = pipeline.Announce(pending.Handle.Info);
                work.Message = message;
                RegisterBehind(pipeline, work, pending, entry, heldBytes: 0);
            }
            catch (Exception e) when (e is InvalidProtocolBufferException or ManifestFormatException or StoreVerificationException)
            {
                _options.Log?.Invoke($"a path in {entry.Segment.Path} cannot be understood, and is set aside: {e.Message}");
                _ = _journal!.SetAsideAsync(entry, record.Path, e.Message);
            }
        }

        return paths.Count;
    }

    /// <summary>Whether the server could not but accept the path. It is not asked.</summary>
    private bool CanJournal(PathImport import, PathInfo info)
    {
        if (_journal is not { IsOpen: true } || _reader.MayWrite != true || _refused.ContainsKey(info.Path)
            || import.SmallNar is not { } nar || !_smallPaths.Allows(info, nar))
        {
            return false;
        }

        var unknown = info.References.Where(reference => _reader.FindKnown(reference) is null).ToArray();
        if (unknown.Length > 0)
        {
            // This one asks the server; the next that refers to the same need not.
            _ = LearnAsync(unknown);
        }

        return unknown.Length == 0;
    }

    private async Task LearnAsync(StorePath[] paths)
    {
        try
        {
            await _reader.FilterValidAsync(paths, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StoreClientException)
        {
            // Then they stay unknown.
        }
    }

    /// <summary>False where the journal cannot take it.</summary>
    private async Task<bool> TryJournalAsync(ImportPipeline pipeline, ImportWork work, CancellationToken cancellationToken)
    {
        var message = work.Message!;
        if (_reader.LastEvent is { } known)
        {
            message.UnlessRemovedAfter = known;
        }

        var payload = message.ToByteArray();
        await TakeRoomAsync(payload.Length, work.Info.Path, cancellationToken).ConfigureAwait(false);
        JournalEntry entry;
        try
        {
            entry = await _journal!.AppendAsync(payload).ConfigureAwait(false);
        }
        catch (IOException)
        {
            _pendingBytes.Return(payload.Length);
            message.ClearUnlessRemovedAfter();
            return false;
        }

        RegisterBehind(pipeline, work, PendingPathReader.Read(message), entry, payload.Length);
        return true;
    }

    // While the server is away, answers go on until so much waits for it.
    private async Task TakeRoomAsync(int bytes, StorePath path, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(_options.Patience);
        try
        {
            await _pendingBytes.TakeAsync(bytes, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new StoreUnavailableException(
                $"cannot add {_reader.Directory.Print(path)}: {_options.PendingBytesMax} bytes of small paths wait for the server already; try again when it is back", e);
        }
    }

    private void RegisterBehind(ImportPipeline pipeline, ImportWork work, PendingPath pending, JournalEntry entry, int heldBytes)
    {
        Interlocked.Increment(ref _behind);

        // The client's own root ends with its connection, which may be before the path is registered.
        var kept = _options.Keep?.Invoke(work.Info.Path);
        _reader.AddPending(pending);
        work.IsJournalled = true;
        var message = work.Message!;
        pipeline.Registrations.Ready(work);
        _ = FinishBehindAsync(work, message, entry, kept, heldBytes);
    }

    private async Task FinishBehindAsync(ImportWork work, NewPath message, JournalEntry entry, IDisposable? kept, int heldBytes)
    {
        var path = work.Info.Path;
        var registered = false;
        try
        {
            var record = await RegisterJournalledAsync(work, message).ConfigureAwait(false);
            _reader.AdoptRegistered(record, message.Path);
            registered = true;
            _journal!.Complete(entry);
        }
        catch (PathRevokedException e)
        {
            _options.Log?.Invoke($"{_reader.Directory.Print(path)} was added on this host and has been revoked since; it is not registered again: {e.Message}");
            _journal!.Complete(entry);
        }
#pragma warning disable CA1031 // Whatever it is: the path was acknowledged, so it is kept, and the reason told.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // Not meant to happen: all that the server looks at was looked at before. Who adds the path again is told by the server itself.
            _options.Log?.Invoke($"{_reader.Directory.Print(path)} was acknowledged from the journal, but cannot be registered, and is set aside: {e.Message}");
            if (_refused.Count < RefusedMax)
            {
                _refused[path] = e.Message;
            }

            await _journal!.SetAsideAsync(entry, message.ToByteArray(), e.Message).ConfigureAwait(false);
        }

        _reader.RemovePending(path, registered);
        _pendingBytes.Return(heldBytes);
        kept?.Dispose();
        Interlocked.Decrement(ref _behind);
    }

    // A pipeline that has failed is followed by another one.
    private async Task<PathRecord> RegisterJournalledAsync(ImportWork work, NewPath message)
    {
        while (true)
        {
            try
            {
                return await work.Registered.ConfigureAwait(false);
            }
            catch (PipelineFailedException)
            {
                await Task.Delay(RequeuePause, _options.Time).ConfigureAwait(false);
                var pipeline = Pipeline();
                work = pipeline.Announce(work.Info);
                work.Message = message;
                work.IsJournalled = true;
                pipeline.Registrations.Ready(work);
            }
        }
    }

    /// <summary>Waits for what is acknowledged and not registered yet, while the server is there, up to a deadline.</summary>
    private async Task DrainAsync()
    {
        var started = _options.Time.GetTimestamp();
        while (Volatile.Read(ref _behind) > 0 && _reader.AwayFor is null && _options.Time.GetElapsedTime(started) < DrainPatience)
        {
            await Task.Delay(DrainPause, _options.Time).ConfigureAwait(false);
        }
    }
}
