using NixFuseStore.Daemon.Clients;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Nix.Realisations;

namespace NixFuseStore.Daemon;

/// <summary>
/// The other end of the worker protocol: a client of stock Nix's <c>nix-daemon --stdio</c>, from 2.8 on. One request at a time. Its waits end
/// with the process behind the streams, which is the caller's to end.
/// </summary>
/// <remarks>nix-protocol: a request is a number and its fields; log messages follow until <c>STDERR_LAST</c>, then the reply's fields.</remarks>
public sealed class WorkerClient : IDisposable
{
    private const int ReadBytes = 16 * 1024;
    private const int VersionTextMinor = 33;
    private const int TrustMinor = 35;
    private const int FeatureMinor = 38;
    private const int StructuredErrorMinor = 26;
    private const int OutputsMinor = 28;
    private const int TimesMinor = 29;
    private const int ProcessorTimesMinor = 37;

    private readonly WireReader _reader;
    private readonly WireWriter _writer;
    private readonly StoreDirectory _directory;
    private int _minor;

    private WorkerClient(StoreDirectory directory, Stream input, Stream output)
    {
        var transport = new StreamTransport(input, output);
        _directory = directory;
        _reader = new WireReader(transport, ReadBytes, "nix-daemon's answer");
        _writer = new WireWriter(transport);
    }

    /// <summary>Greets the daemon.</summary>
    /// <param name="directory">Its store directory.</param>
    /// <param name="input">What the daemon writes; stays the caller's.</param>
    /// <param name="output">What it reads; stays the caller's.</param>
    /// <exception cref="WorkerClientException">It does not answer, or speaks another protocol.</exception>
    public static async Task<WorkerClient> ConnectAsync(StoreDirectory directory, Stream input, Stream output)
    {
        var client = new WorkerClient(directory, input, output);
        try
        {
            await CallAsync(client.GreetAsync);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Sets what builds are allowed.</summary>
    /// <param name="step">Whose limits.</param>
    /// <param name="cores">What builders are told of how many cores they may use; 0 for all.</param>
    /// <exception cref="WorkerClientException">The daemon failed.</exception>
    public Task SetOptionsAsync(BuildStep step, ulong cores) => CallAsync(async () =>
    {
        ArgumentNullException.ThrowIfNull(step);
        Begin(Operation.SetOptions);
        _writer.Bool(step.KeepFailed);
        _writer.Bool(false); // keepGoing
        _writer.Bool(false); // tryFallback
        _writer.Number((ulong)LogLevel.Info);
        _writer.Number(1); // maxBuildJobs
        _writer.Number(step.Limits.MaxSilentTime);
        _writer.Bool(false); // useBuildHook
        _writer.Number((ulong)LogLevel.Error); // verboseBuild: what builds print is wanted
        _writer.Number(0); // logType
        _writer.Number(0); // printBuildTrace
        _writer.Number(cores);
        _writer.Bool(false); // useSubstitutes
        _writer.Number(2);
        _writer.Text("timeout");
        _writer.Text(Invariant(step.Limits.Timeout));
        _writer.Text("max-build-log-size");
        _writer.Text(Invariant(step.Limits.MaxLogSize));
        await AnswerAsync();
    });

    /// <summary>Builds a derivation whose inputs are valid in the daemon's store.</summary>
    /// <param name="step">What is to be built.</param>
    /// <param name="builderLine">Told each line that the builder prints.</param>
    /// <param name="nixLine">Told what Nix itself has to say.</param>
    /// <exception cref="WorkerClientException">The daemon failed, or refuses; that the builder failed is a result.</exception>
    public async Task<StepResult> BuildDerivationAsync(BuildStep step, Func<string, ValueTask> builderLine, Func<string, ValueTask> nixLine)
    {
        ArgumentNullException.ThrowIfNull(step);
        StepResult? result = null;
        await CallAsync(async () =>
        {
            Begin(Operation.BuildDerivation);
            _writer.Path(_directory, step.Path);
            WriteDerivation(step);

            // Where paths depend on content there is nothing that stock Nix could compare with.
            _writer.Number((ulong)(step.Checks && step.RealisationIds.Count == 0 ? BuildMode.Check : BuildMode.Normal));
            await AnswerAsync(builderLine, nixLine);
            result = await ReadResultAsync();
        });
        return result!;
    }

    /// <summary>What the daemon's store records of a valid path.</summary>
    /// <exception cref="WorkerClientException">It is not valid, or the daemon failed.</exception>
    public async Task<PathInfo> QueryPathInfoAsync(StorePath path)
    {
        PathInfo? info = null;
        await CallAsync(async () =>
        {
            Begin(Operation.QueryPathInfo);
            _writer.Path(_directory, path);
            await AnswerAsync();
            if (!await _reader.ReadBoolAsync())
            {
                throw new WireException($"'{_directory.Print(path)}' is not valid after its build");
            }

            info = await _reader.ReadUnkeyedPathInfoAsync(_directory, path);
        });
        return info!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _writer.Dispose();
    }

    private static string Invariant(ulong number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private async Task GreetAsync()
    {
        _writer.Number(ProtocolNumbers.ClientMagic);
        _writer.Number(ProtocolNumbers.Major | ProtocolNumbers.MinorMax);
        await _writer.FlushAsync();
        if (await _reader.ReadNumberAsync() != ProtocolNumbers.ServerMagic)
        {
            throw new WireException("this is no Nix daemon");
        }

        ulong version = await _reader.ReadNumberAsync();
        _minor = (int)Math.Min(version & 0xff, ProtocolNumbers.MinorMax);
        if ((version & ~0xffUL) != ProtocolNumbers.Major || _minor < OutputsMinor)
        {
            throw new WireException($"it speaks version {version >> 8}.{version & 0xff} of the worker protocol, and 1.{OutputsMinor} is needed (Nix 2.8 or newer)");
        }

        if (_minor >= FeatureMinor)
        {
            _writer.Number(0);
            await _writer.FlushAsync();
            await _reader.ReadTextsAsync();
        }

        // Obsolete: no CPU affinity, and no space to reserve.
        _writer.Number(0);
        _writer.Number(0);
        await _writer.FlushAsync();
        if (_minor >= VersionTextMinor)
        {
            await _reader.ReadTextAsync();
        }

        if (_minor >= TrustMinor)
        {
            await _reader.ReadNumberAsync();
        }

        await AnswerAsync();
    }

    private void Begin(Operation operation)
    {
        _reader.BeginRequest();
        _writer.Number((ulong)operation);
    }

    private void WriteDerivation(BuildStep step)
    {
        var derivation = step.Derivation;
        _writer.Number((ulong)derivation.Outputs.Count);
        foreach (var output in derivation.Outputs)
        {
            _writer.Text(output.Name);
            _writer.Text(output.Path);
            _writer.Text(output.HashAlgorithm);
            _writer.Text(output.Hash);
        }

        _writer.Paths(_directory, step.Inputs);
        _writer.Text(derivation.Platform);
        _writer.Bytes(Derivation.Text.GetBytes(derivation.Builder));
        _writer.Number((ulong)derivation.Arguments.Count);
        foreach (string argument in derivation.Arguments)
        {
            _writer.Bytes(Derivation.Text.GetBytes(argument));
        }

        _writer.Number((ulong)derivation.Environment.Count);
        foreach (var (name, value) in derivation.Environment)
        {
            _writer.Bytes(Derivation.Text.GetBytes(name));
            _writer.Bytes(Derivation.Text.GetBytes(value));
        }
    }

    private async ValueTask<StepResult> ReadResultAsync()
    {
        ulong status = await _reader.ReadNumberAsync();
        string message = await _reader.ReadTextAsync(WireLimits.ContentBytesMax);
        long start = 0, stop = 0;
        if (_minor >= TimesMinor)
        {
            await _reader.ReadNumberAsync(); // times built
            await _reader.ReadNumberAsync(); // whether two builds differed
            start = await _reader.ReadTimeAsync();
            stop = await _reader.ReadTimeAsync();
        }

        for (int i = 0; _minor >= ProcessorTimesMinor && i < 2; i++)
        {
            if (await _reader.ReadBoolAsync())
            {
                await _reader.ReadNumberAsync(); // microseconds, user and system
            }
        }

        var outputs = await ReadOutputsAsync();
        return status <= (ulong)BuildStatus.NoSubstituters
            ? new StepResult((BuildStatus)status, message) { Outputs = outputs, StartTime = start, StopTime = stop }
            : throw new WireException($"{status} is no status of a build");
    }

    private async ValueTask<Dictionary<string, StorePath>> ReadOutputsAsync()
    {
        int count = await _reader.ReadCountAsync();
        var outputs = new Dictionary<string, StorePath>(StringComparer.Ordinal);
        for (int i = 0; i < count; i++)
        {
            string id = await _reader.ReadTextAsync();
            string json = await _reader.ReadTextAsync();
            if (!Realisation.IsId(id) || !Realisation.TryParse(json, out var realisation))
            {
                throw new WireException($"'{id}' is not the id of a derivation's output, or what it came to cannot be read");
            }

            outputs[id[(id.IndexOf('!', StringComparison.Ordinal) + 1)..]] = realisation.OutPath;
        }

        return outputs;
    }

    // Reads the log up to the reply's fields.
    private Task AnswerAsync() => AnswerAsync(static _ => default, static _ => default);

    private async Task AnswerAsync(Func<string, ValueTask> builderLine, Func<string, ValueTask> nixLine)
    {
        await _writer.FlushAsync();
        while (true)
        {
            // A log may be as long as it likes; each message of it is bounded.
            _reader.BeginRequest();
            switch ((LogMessage)await _reader.ReadNumberAsync())
            {
                case LogMessage.Last:
                    return;
                case LogMessage.Next:
                    string said = await ReadLogTextAsync();
                    await nixLine(said.TrimEnd('\n'));
                    break;
                case LogMessage.StartActivity:
                    await SkipNumbersAsync(3); // id, level, type
                    await ReadLogTextAsync();
                    await ReadFieldsAsync();
                    await _reader.ReadNumberAsync(); // parent
                    break;
                case LogMessage.StopActivity:
                    await _reader.ReadNumberAsync();
                    break;
                case LogMessage.Result:
                    await _reader.ReadNumberAsync(); // activity
                    var type = (ResultType)await _reader.ReadNumberAsync();
                    var fields = await ReadFieldsAsync();
                    if (type is ResultType.BuildLogLine or ResultType.PostBuildLogLine or ResultType.SetPhase && fields is [{ Text: { } text }, ..])
                    {
                        await builderLine(type == ResultType.SetPhase ? BuildPhase.LineOf(text) : text);
                    }

                    break;
                case LogMessage.Error:
                    throw new WireException(await ReadErrorAsync());
                default:
                    throw new WireException("its log holds something else than log messages");
            }
        }
    }

    private async ValueTask<List<LogField>> ReadFieldsAsync()
    {
        int count = await _reader.ReadCountAsync();
        var fields = new List<LogField>();
        for (int i = 0; i < count; i++)
        {
            fields.Add(await _reader.ReadNumberAsync() switch
            {
                0 => await _reader.ReadNumberAsync(),
                _ => await ReadLogTextAsync(),
            });
        }

        return fields;
    }

    private async ValueTask<string> ReadLogTextAsync()
    {
        try
        {
            return await _reader.ReadTextAsync(WireLimits.ContentBytesMax);
        }
        catch (WireException e)
        {
            throw new WorkerClientException(e.Message, e) { IsLogTooLong = true };
        }
    }

    private async ValueTask<string> ReadErrorAsync()
    {
        if (_minor < StructuredErrorMinor)
        {
            string plain = await _reader.ReadTextAsync();
            await _reader.ReadNumberAsync(); // exit status
            return plain;
        }

        await _reader.ReadTextAsync(); // "Error"
        await _reader.ReadNumberAsync(); // level
        await _reader.ReadTextAsync(); // name
        string message = await _reader.ReadTextAsync();
        await _reader.ReadNumberAsync(); // whether there is a position, which is never sent
        int traces = await _reader.ReadCountAsync();
        for (int i = 0; i < traces; i++)
        {
            await _reader.ReadNumberAsync();
            await _reader.ReadTextAsync();
        }

        return message;
    }

    private async ValueTask SkipNumbersAsync(int count)
    {
        for (int i = 0; i < count; i++)
        {
            await _reader.ReadNumberAsync();
        }
    }

    private static async Task CallAsync(Func<Task> call)
    {
        try
        {
            await call();
        }
        catch (Exception e) when (e is WireException or ConnectionEndedException)
        {
            throw new WorkerClientException(e.Message, e);
        }
    }
}

/// <summary>Stock Nix's daemon failed, or refuses, and says so in one line.</summary>
public sealed class WorkerClientException(string message, Exception innerException) : Exception(message, innerException)
{
    /// <summary>Whether it is a line of the log that cannot be taken, which is its builder's fault.</summary>
    public bool IsLogTooLong { get; init; }
}
