using Microsoft.Extensions.Logging;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Server.Hosting;

/// <summary>Writes each log message as one line: for a service manager, which adds the time. Only unforeseen failures bring their stack along.</summary>
internal sealed class LineLogger(TextWriter output, LogLevel least) : ILogger, ILoggerProvider, ILoggerFactory
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("Microsoft.", StringComparison.Ordinal) ? new LineLogger(output, LogLevel.Error) : this;

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= least;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel))
        {
            return;
        }

        var severity = logLevel switch { LogLevel.Error or LogLevel.Critical => "error: ", LogLevel.Warning => "warning: ", _ => "" };
        var line = $"nixfuse-server: {severity}{PrintableText.Escape(formatter(state, exception))}";
        lock (_lock)
        {
            output.WriteLine(exception is null ? line : line + Environment.NewLine + PrintableText.EscapeLines(exception.ToString()));
            output.Flush();
        }
    }

    public void Dispose()
    {
    }
}
