namespace NixFuseStore.Cli.Commands;

/// <summary>Progress of long work: one line that changes on a terminal, plain lines now and then elsewhere.</summary>
internal sealed class ProgressLine(TextWriter error)
{
    private static readonly TimeSpan PlainInterval = TimeSpan.FromSeconds(5);

    private readonly bool _isTerminal = !Console.IsErrorRedirected && ReferenceEquals(error, Console.Error);
    private long _nextPlain = Environment.TickCount64 + (long)PlainInterval.TotalMilliseconds;
    private int _shown;

    public void Show(string text)
    {
        if (_isTerminal)
        {
            error.Write("\r" + text.PadRight(_shown));
            _shown = text.Length;
        }
        else if (Environment.TickCount64 >= _nextPlain)
        {
            error.WriteLine(text);
            _nextPlain = Environment.TickCount64 + (long)PlainInterval.TotalMilliseconds;
        }
    }

    /// <summary>Leaves the terminal's line clean.</summary>
    public void End()
    {
        if (_isTerminal && _shown > 0)
        {
            error.Write("\r" + new string(' ', _shown) + "\r");
            _shown = 0;
        }
    }
}
