using System.Globalization;
using System.Text;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Server.Base;

/// <summary>
/// The server's log: <c>TIME LEVEL: MESSAGE</c>, a line each, in UTC. Never blocks a request (<see cref="LineQueue"/>). Messages hold texts of
/// clients and upstreams, so whatever could move a terminal's cursor or pass for another line is escaped here, once for all. Only unforeseen
/// failures bring their stack along. Dispose it when nothing will be logged any more.
/// </summary>
internal sealed class LineLogger : ILogger, ILoggerProvider, ILoggerFactory
{
    private const string RequestCategory = "Microsoft.AspNetCore.Hosting.Diagnostics";

    private readonly LineQueue _lines;
    private readonly LogLevel _least;
    private readonly LineLogger? _parent;

    /// <param name="output">Where the lines go.</param>
    /// <param name="least">The least severe level that is logged.</param>
    public LineLogger(TextWriter output, LogLevel least)
        : this(new LineQueue(output), least, parent: null)
    {
    }

    private LineLogger(LineQueue lines, LogLevel least, LineLogger? parent) => (_lines, _least, _parent) = (lines, least, parent);

    /// <summary>Whether the web server's own errors are logged. What keeps it from starting is told once, as the command's failure.</summary>
    public bool LogsFramework { get; set; }

    /// <summary>The levels by the names that operators give.</summary>
    /// <exception cref="FormatException">It is none of them.</exception>
    public static LogLevel ParseLevel(string text) => text switch
    {
        "error" => LogLevel.Error,
        "warning" => LogLevel.Warning,
        "info" => LogLevel.Information,
        "debug" => LogLevel.Debug,
        _ => throw new FormatException($"a log level is error, warning, info or debug, not '{text}'"),
    };

    // What the web server says at lower levels is for its developers. Of gRPC calls that fail, their interceptor tells. A logger of requests,
    // whatever its level, would make the web server trace each of them; what fails in one, Kestrel says too.
    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Grpc.", StringComparison.Ordinal) || categoryName == RequestCategory ? Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance
        : categoryName.StartsWith("Microsoft.", StringComparison.Ordinal) ? new LineLogger(_lines, LogLevel.Error, this)
        : this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= _least && logLevel != LogLevel.None && _parent is not { LogsFramework: false };

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var line = new StringBuilder();
        line.Append(DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z '", CultureInfo.InvariantCulture));
        line.Append(logLevel switch
        {
            LogLevel.Error or LogLevel.Critical => "error: ",
            LogLevel.Warning => "warning: ",
            LogLevel.Information => "info: ",
            _ => "debug: ",
        });
        line.Append(PrintableText.Escape(formatter(state, exception)));
        if (exception is not null)
        {
            line.AppendLine().Append(PrintableText.EscapeLines(exception.ToString()));
        }

        _lines.Write(line.ToString());
    }

    /// <summary>Waits until what was logged has been written.</summary>
    public void Flush(TimeSpan timeout) => _lines.Flush(timeout);

    public void Dispose()
    {
        if (_parent is null)
        {
            _lines.Dispose();
        }
    }
}
