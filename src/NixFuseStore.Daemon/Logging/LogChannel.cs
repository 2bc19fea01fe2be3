using NixFuseStore.Daemon.Protocol;
using NixFuseStore.Daemon.Wire;

namespace NixFuseStore.Daemon.Logging;

/// <summary>
/// What a client hears between its request and the reply. Used by one caller at a time, and only once the fixed fields of a request
/// have been read; the connection ends each request with <see cref="Last"/> or an error.
/// </summary>
internal sealed class LogChannel(WireWriter writer)
{
    // Messages about activities came with 1.20; before, a line stands for each.
    private const int ActivityMinor = 20;

    // Errors as records came with 1.26.
    private const int StructuredErrorMinor = 26;

    private ulong _activities;

    /// <summary>The connection's protocol version.</summary>
    internal int Minor { get; set; } = ProtocolNumbers.MinorMax;

    /// <summary>Lines above this level are not sent. Nix's own default until the client says.</summary>
    internal LogLevel Verbosity { get; set; } = LogLevel.Info;

    /// <summary>Sends a line now, if the client wants to hear of this level.</summary>
    internal async ValueTask LineAsync(LogLevel level, string line)
    {
        if (level <= Verbosity)
        {
            Begin(LogMessage.Next);
            writer.Text($"{line}\n");
            await writer.FlushAsync();
        }
    }

    /// <summary>Sends that something begins, and returns the id under which it goes on.</summary>
    internal async ValueTask<ulong> StartAsync(LogLevel level, ActivityType type, string text, params LogField[] fields)
    {
        ulong id = ++_activities;
        if (Minor < ActivityMinor)
        {
            await LineAsync(level, $"{text}...");
            return id;
        }

        Begin(LogMessage.StartActivity);
        writer.Number(id);
        writer.Number((ulong)level);
        writer.Number((ulong)type);
        writer.Text(text);
        Fields(fields);
        writer.Number(0); // no parent
        await writer.FlushAsync();
        return id;
    }

    /// <summary>Sends a line that a build printed, or the phase that it sets.</summary>
    internal async ValueTask BuildLineAsync(ulong activity, string line)
    {
        bool isPhase = BuildPhase.TryRead(line, out string? phase);
        if (Minor < ActivityMinor)
        {
            if (!isPhase)
            {
                await LineAsync(LogLevel.Info, line);
            }

            return;
        }

        Begin(LogMessage.Result);
        writer.Number(activity);
        writer.Number((ulong)(isPhase ? ResultType.SetPhase : ResultType.BuildLogLine));
        Fields([phase ?? line]);
        await writer.FlushAsync();
    }

    /// <summary>Writes that an activity is over.</summary>
    internal void Stop(ulong activity)
    {
        if (Minor >= ActivityMinor)
        {
            Begin(LogMessage.StopActivity);
            writer.Number(activity);
        }
    }

    /// <summary>Asks the client for data.</summary>
    internal ValueTask AskForDataAsync(int bytesMax)
    {
        Begin(LogMessage.Read);
        writer.Number((ulong)bytesMax);
        return writer.FlushAsync();
    }

    /// <summary>Sends data to the client within the log.</summary>
    internal ValueTask DataAsync(ReadOnlySpan<byte> data)
    {
        Begin(LogMessage.Write);
        writer.Bytes(data);
        return writer.FlushIfLongAsync();
    }

    /// <summary>Writes that the reply follows.</summary>
    internal void Last() => Begin(LogMessage.Last);

    /// <summary>Writes that there is no reply, and why.</summary>
    /// <param name="message">One line, without <c>error:</c>.</param>
    /// <param name="exitStatus">What old clients exit with; 100 where a build failed.</param>
    internal void Error(string message, int exitStatus = 1)
    {
        Begin(LogMessage.Error);
        if (Minor < StructuredErrorMinor)
        {
            writer.Text($"error: {message}");
            writer.Number((ulong)exitStatus);
            return;
        }

        // Clients insist on this type, and on neither position nor trace where the numbers say that there is none.
        writer.Text("Error");
        writer.Number((ulong)LogLevel.Error);
        writer.Text("Error");
        writer.Text(message);
        writer.Number(0);
        writer.Number(0);
    }

    private void Begin(LogMessage message) => writer.Number((ulong)message);

    private void Fields(ReadOnlySpan<LogField> fields)
    {
        writer.Number((ulong)fields.Length);
        foreach (var field in fields)
        {
            writer.Number(field.Text is null ? 0UL : 1);
            if (field.Text is { } text)
            {
                writer.Text(text);
            }
            else
            {
                writer.Number(field.Number);
            }
        }
    }
}
