using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Adding;

/// <content>From a NAR that has come to a path that is valid.</content>
public sealed partial class StoreWriter
{
    /// <summary>How often a waiting registration looks whether the server is still to be hoped for.</summary>
    private static readonly TimeSpan HopeInterval = TimeSpan.FromSeconds(1);

    /// <summary>A server that is back is noticed after so long at most: a caller that comes just then is not told that it is away.</summary>
    private static readonly TimeSpan NoticeMax = TimeSpan.FromSeconds(3);

    internal async Task<PathInfo> RegisterAsync(PathImport import, PathInfo info, CancellationToken cancellationToken)
    {
        // 1. Known already: nothing to be done, unless there is a signature that is not, or damage that this content heals.
        var known = _reader.FindKnown(info.Path);
        var heals = known is { IsDamaged: true } && known.Info.NarHash.Equals(info.NarHash);
        if (known is not null && !heals && !info.Signatures.Except(known.Info.Signatures).Any())
        {
            // What a derivation builds is of use for those that need it, and may be new.
            _ = CanJournal(import, info);
            return known.Info;
        }

        // 2. Its place in the order, before anything else is waited for.
        var pipeline = import.Pipeline;
        var work = await pipeline.AnnounceAsync(info, cancellationToken).ConfigureAwait(false);
        try
        {
            import.FinishContent();
            work.Message = import.TryMakeMessage(info);

            // 3. Answered from the journal, if it can be. Whether damage is healed is the server's to say.
            if (!heals && CanJournal(import, info) && await TryJournalAsync(pipeline, work, cancellationToken).ConfigureAwait(false))
            {
                await AnnounceAsync(info.Path, cancellationToken).ConfigureAwait(false);
                return info with { RegistrationTime = _options.Time.GetUtcNow().ToUnixTimeSeconds() };
            }

            await import.SendRestAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // Whatever it is: what refers to this path must not wait for it.
            work.Abandon();
            pipeline.Registrations.Ready(work);
            throw;
        }

        // 4. Else the server's word.
        var sent = ReadyWhenSentAsync(pipeline, import, work);
        var record = await WaitAsync(work, cancellationToken).ConfigureAwait(false);
        var handle = _reader.AdoptRegistered(record, await sent.ConfigureAwait(false));
        await AnnounceAsync(info.Path, cancellationToken).ConfigureAwait(false);
        return handle.Info;
    }

    private ValueTask AnnounceAsync(StorePath path, CancellationToken cancellationToken) =>
        _options.Announce is { } announce ? announce(path, cancellationToken) : default;

    /// <summary>The record that the server is asked to register; null where it cannot be asked, and where it has made the manifest itself.</summary>
    private static async Task<PathRecord?> ReadyWhenSentAsync(ImportPipeline pipeline, PathImport import, ImportWork work)
    {
        PathRecord? record = null;
        try
        {
            await import.Sent.ConfigureAwait(false);
            work.Message ??= import.TryMakeMessage(work.Info);
            record = import.IsCutHere ? work.Message!.Path : null;
        }
#pragma warning disable CA1031 // Whatever it is: who waits is told, and what refers to this path does not wait for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // Tried often enough: what failed here is not tried again.
            work.SetFailed(e);
            work.Abandon();
        }

        pipeline.Registrations.Ready(work);
        return record;
    }

    private async Task<PathRecord> WaitAsync(ImportWork work, CancellationToken cancellationToken)
    {
        long started = _options.Time.GetTimestamp();
        try
        {
            while (true)
            {
                try
                {
                    return await work.Registered.WaitAsync(HopeInterval, _options.Time, cancellationToken).ConfigureAwait(false);
                }
                catch (TimeoutException) when (
                    _reader.AwayFor is { } away && away > _options.Patience && _options.Time.GetElapsedTime(started) > NoticeMax)
                {
                    throw new StoreUnavailableException(
                        $"cannot add {_reader.Directory.Print(work.Info.Path)}: the server has been away for {away.TotalSeconds:0} s; try again when it is back");
                }
                catch (TimeoutException)
                {
                    // It may take as long as it takes, as long as work goes on.
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or StoreUnavailableException)
        {
            work.Abandon();
            throw;
        }
    }
}
