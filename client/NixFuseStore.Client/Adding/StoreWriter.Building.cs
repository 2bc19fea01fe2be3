using NixFuseStore.Client.Server;
using NixFuseStore.Nix;
using NixFuseStore.Protocol;
using Outcome = NixFuseStore.Protocol.RegisterPathResult.Types.Outcome;

namespace NixFuseStore.Client.Adding;

/// <content>The outputs of a build, which become valid together.</content>
public sealed partial class StoreWriter
{
    private static readonly TimeSpan FinishDeadline = TimeSpan.FromMinutes(2);

    /// <summary>How long the end of a build is tried to be told to a server that is away.</summary>
    private static readonly TimeSpan FinishPatience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan FinishPause = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Ends a build: its outputs, its log and its result are registered in one transaction, or nothing is. The outputs' NARs have been written.
    /// </summary>
    /// <param name="request">The end; store and outputs are filled in here.</param>
    /// <param name="outputs">Referenced ones before those that refer to them.</param>
    /// <param name="cancellationToken">Gives up waiting; the registration may still happen.</param>
    /// <returns>The answer: the build may have been lost to another host.</returns>
    /// <exception cref="StoreClientException">An output cannot be registered, so that none was; or the server is away for too long.</exception>
    public async Task<FinishBuildResponse> FinishBuildAsync(
        FinishBuildRequest request, IReadOnlyList<(PathImport Import, PathInfo Info)> outputs, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(outputs);

        // 1. The content first.
        foreach (var (import, _) in outputs)
        {
            import.FinishContent();
            await import.SendRestAsync(cancellationToken).ConfigureAwait(false);
        }

        request.Store = _connection.StoreName;
        request.StoreId = _reader.StoreId;
        foreach (var (import, info) in outputs)
        {
            await import.Sent.WaitAsync(cancellationToken).ConfigureAwait(false);
            request.Outputs.Add(import.TryMakeMessage(info)
                ?? throw new StoreClientException($"cannot add {_reader.Directory.Print(info.Path)}: its content was not sent"));
        }

        // 2. Then all at once.
        if (_options.Prepare is { } prepare)
        {
            await prepare(cancellationToken).ConfigureAwait(false);
        }

        var response = await FinishAsync(request, cancellationToken).ConfigureAwait(false);
        if (response.Lost)
        {
            return response;
        }

        if (response.Results.FirstOrDefault(static result => !IsValid(result) && result.Outcome != Outcome.HeldBack) is { } failure)
        {
            var path = outputs[response.Results.IndexOf(failure)].Info.Path;
            throw new StoreClientException($"cannot add {_reader.Directory.Print(path)}: {failure.Message}");
        }

        // 3. And seen on this host.
        for (var i = 0; i < outputs.Count; i++)
        {
            _reader.AdoptRegistered(response.Results[i].Path, outputs[i].Import.IsCutHere ? request.Outputs[i].Path : null);
            await AnnounceAsync(outputs[i].Info.Path, cancellationToken).ConfigureAwait(false);
        }

        return response;
    }

    private static bool IsValid(RegisterPathResult result) => result.Outcome is Outcome.Registered or Outcome.AlreadyValid or Outcome.Conflict;

    // The same call any number of times: the server knows an end that it has taken.
    private async Task<FinishBuildResponse> FinishAsync(FinishBuildRequest request, CancellationToken cancellationToken)
    {
        var started = _options.Time.GetTimestamp();
        while (true)
        {
            try
            {
                var response = await _connection.CallAsync(
                    (endpoint, token) => endpoint.Store.FinishBuildAsync(request, FinishDeadline, token), cancellationToken).ConfigureAwait(false);

                // What the outputs refer to may be in this host's journal still.
                var waits = Volatile.Read(ref _behind) > 0 && response.Results.Any(static result => result.Outcome == Outcome.MissingReferences);
                if (!waits || _options.Time.GetElapsedTime(started) > FinishPatience)
                {
                    return response;
                }
            }
            catch (StoreUnavailableException) when (_options.Time.GetElapsedTime(started) < FinishPatience)
            {
                // It is tried until the server is back: only this host has what was built.
            }

            await Task.Delay(FinishPause, _options.Time, cancellationToken).ConfigureAwait(false);
        }
    }
}
