using System.Diagnostics;
using NixFuseStore.Native;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Cli.Errors;

/// <summary>Turns an exception into the one line that the user sees.</summary>
internal static class ErrorLine
{
    /// <summary>Set to anything to see the whole exception on stderr as well.</summary>
    public const string TraceVariable = "NIXFUSE_TRACE";

    public static string Describe(Exception exception)
    {
        if (Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 })
        {
            Trace.WriteLine(exception);
            Console.Error.WriteLine(exception);
        }

        var text = exception switch
        {
            AggregateException { InnerExceptions.Count: 1 } one => Describe(one.InnerExceptions[0]),
            TypeInitializationException { InnerException: { } inner } => Describe(inner),
            DllNotFoundException missing => SystemLibraries.Describe(missing),
            // Messages of our own exceptions are whole sentences; a bug's message alone says nothing.
            NullReferenceException or InvalidCastException or IndexOutOfRangeException or NotImplementedException
                => $"internal error: {exception.GetType().Name} ({exception.Message}); set {TraceVariable}=1 to see where",
            _ => exception.Message,
        };
        return OneLine(text);
    }

    // Messages may quote what a server, a file or another process said.
    private static string OneLine(string text)
        => PrintableText.Escape(string.Join(' ', text.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)));
}
