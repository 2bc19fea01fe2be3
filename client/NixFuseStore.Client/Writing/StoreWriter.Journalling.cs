using System.Collections.Concurrent;
using Google.Protobuf;
using NixFuseStore.Client.Pushing;
using NixFuseStore.Client.Reading;
using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Writing;

/// <content>
/// Small content-addressed paths: Nix adds derivations one by one and waits for each, so they are answered from a journal on local disk and
/// registered behind it, in order and together.
/// </content>
public sealed partial class StoreWriter
{
    /// <summary>How long an orderly end waits for what the journal holds; the rest is registered by the next start.</summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan DrainPause = TimeSpan.FromMilliseconds(10);

    /// <summary>Paths that the server refused behind an answer; more are not remembered.</summary>
    private const int RefusedMax = 10_000;

    private readonly ConcurrentDictionary<StorePath, string> _refused = [];
    private readonly ByteBudget _pendingBytes;
    private readonly SmallPathCheck _smallPaths;
    private readonly PathJournal? _journal;
    private int _behind;

    /// <summary>
    /// Takes up what an earlier process answered and did not get registered: it is valid here when this returns, and on its way to the
    /// server. To be called once, before anything else.
    /// </summary>
    /// <returns>How many paths there are.</returns>
    /// <exception cref="IOException">The journal cannot be read.</exception>
    public int Recover()
    {
        var records = _journal?.Recover() ?? [];
        foreach (var record in records)
        {
            try
            {
                var message = NewPath.Parser.ParseFrom(record.Span);
                var pending = PendingPathReader.Read(message);
                var pipeline = Pipeline();
                var work = pipeline.Announce(pending.Handle.Info);
                work.Message = message;
                RegisterBehind(pipeline, work, pending, heldBytes: 0);
            }
            catch (Exception e) when (e is InvalidProtocolBufferException or ManifestFormatException or StoreVerificationException)
            {
                _options.Log?.Invoke($"a path in the journal cannot be read, and is dropped: {e.Message}");
                _journal!.Complete();
            }
        }

        return records.Count;
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
        var payload = message.ToByteArray();
        await TakeRoomAsync(payload.Length, work.Info.Path, cancellationToken).ConfigureAwait(false);
        try
        {
            await _journal!.AppendAsync(payload).ConfigureAwait(false);
        }
        catch (IOException)
        {
            _pendingBytes.Return(payload.Length);
            return false;
        }

        RegisterBehind(pipeline, work, PendingPathReader.Read(message), payload.Length);
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

    private void RegisterBehind(ImportPipeline pipeline, ImportWork work, PendingPath pending, int heldBytes)
    {
        Interlocked.Increment(ref _behind);
        _reader.AddPending(pending);
        work.IsJournalled = true;
        var sent = work.Message!.Path;
        pipeline.Registrations.Ready(work);
        _ = FinishBehindAsync(work, sent, heldBytes);
    }

    private async Task FinishBehindAsync(ImportWork work, PathRecord sent, int heldBytes)
    {
        var path = work.Info.Path;
        var registered = false;
        try
        {
            var record = await work.Registered.ConfigureAwait(false);
            _reader.AdoptRegistered(record, sent);
            registered = true;
        }
        catch (StoreClientException e)
        {
            // Not meant to happen: all that the server looks at was looked at before. Whoever adds the path again is told by the server itself.
            _options.Log?.Invoke($"{_reader.Directory.Print(path)} was answered from the journal, but cannot be registered: {e.Message}");
            if (_refused.Count < RefusedMax)
            {
                _refused[path] = e.Message;
            }
        }

        _reader.RemovePending(path, registered);
        _pendingBytes.Return(heldBytes);
        _journal!.Complete();
        Interlocked.Decrement(ref _behind);
    }

    private async Task DrainAsync()
    {
        var deadline = _options.Time.GetTimestamp();
        while (Volatile.Read(ref _behind) > 0 && _reader.AwayFor is null && _options.Time.GetElapsedTime(deadline) < DrainPatience)
        {
            await Task.Delay(DrainPause, _options.Time).ConfigureAwait(false);
        }
    }
}
