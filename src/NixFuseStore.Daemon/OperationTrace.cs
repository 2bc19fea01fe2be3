using System.Globalization;
using NixFuseStore.Daemon.Protocol;

namespace NixFuseStore.Daemon;

/// <summary>
/// Prints an operation of the daemon socket when it begins, and again when it has ended:
/// <code>
/// > daemon 3 QueryPathInfo
/// &lt; daemon 3 QueryPathInfo, 0.84 ms
/// </code>
/// </summary>
internal sealed class OperationTrace : IDisposable
{
    private readonly DaemonOptions _options;
    private readonly string _operation;
    private readonly long _began;

    private OperationTrace(DaemonOptions options, string operation)
    {
        _options = options;
        _operation = operation;
        _began = options.Clock.GetTimestamp();
        options.Trace!($"> {operation}");
    }

    /// <summary>Prints the beginning, where there is a trace; else null.</summary>
    /// <param name="options">Where to print, and the clock.</param>
    /// <param name="connection">Tells connections apart.</param>
    /// <param name="number">The operation's number, which may be none.</param>
    internal static OperationTrace? Begin(DaemonOptions options, int connection, ulong number) => options.Trace is null
        ? null
        : new OperationTrace(options, string.Create(CultureInfo.InvariantCulture, $"daemon {connection} {Name(number)}"));

    private static string Name(ulong number) =>
        number <= int.MaxValue && Enum.IsDefined((Operation)number) ? ((Operation)number).ToString() : $"operation {number}";

    /// <summary>Prints the end.</summary>
    public void Dispose() =>
        _options.Trace!(string.Create(CultureInfo.InvariantCulture, $"< {_operation}, {_options.Clock.GetElapsedTime(_began).TotalMilliseconds:0.00} ms"));
}
