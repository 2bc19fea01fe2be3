using System.Globalization;

namespace NixFuseStore.Server.Base;

/// <summary>
/// Lines on their way to a log that may be slow or stuck: a pipe that is not read blocks those that write into it. A thread of its own
/// writes; callers never wait. What does not fit in the queue is dropped and counted, and the log says how much that was.
/// Calls may overlap. Dispose it when nothing will be written any more.
/// </summary>
internal sealed class LineQueue : IDisposable
{
    /// <summary>Lines that wait at most.</summary>
    public const int LinesMax = 4096;

    /// <summary>Characters that wait at most.</summary>
    public const int CharactersMax = 1 << 20;

    /// <summary>How long the end waits for a log that does not take its last lines.</summary>
    private static readonly TimeSpan LastLinesTimeout = TimeSpan.FromSeconds(1);

    private readonly TextWriter _output;

    // _lock guards all that follows, and is pulsed when any of it changes.
    private readonly object _lock = new();
    private readonly Queue<string> _lines = new();
    private Thread? _writer;
    private int _characters;
    private long _dropped;
    private bool _isWriting;
    private bool _isDisposed;

    /// <param name="output">Where the lines go; written to by one thread at a time. Not disposed.</param>
    public LineQueue(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        _output = output;
    }

    /// <summary>Lines that were dropped and have not been told of yet.</summary>
    public long Dropped
    {
        get
        {
            lock (_lock)
            {
                return _dropped;
            }
        }
    }

    /// <summary>Takes a line, or drops it where too many wait. Returns at once.</summary>
    public void Write(string line)
    {
        ArgumentNullException.ThrowIfNull(line);
        lock (_lock)
        {
            if (_isDisposed || _lines.Count >= LinesMax || _characters + line.Length > CharactersMax)
            {
                _dropped++;
                return;
            }

            _lines.Enqueue(line);
            _characters += line.Length;
            if (_writer is null)
            {
                // Not a thread of the pool: a write that blocks would take one away. In the background: it never keeps the process.
                _writer = new Thread(WriteAll) { IsBackground = true, Name = "log" };
                _writer.Start();
            }

            Monitor.PulseAll(_lock);
        }
    }

    /// <summary>Waits until what was queued has been written.</summary>
    /// <returns>False where that took longer than allowed.</returns>
    public bool Flush(TimeSpan timeout)
    {
        var deadline = Environment.TickCount64 + (long)timeout.TotalMilliseconds;
        lock (_lock)
        {
            while (_lines.Count > 0 || _isWriting)
            {
                var left = deadline - Environment.TickCount64;
                if (left <= 0 || !Monitor.Wait(_lock, (int)left))
                {
                    return _lines.Count == 0 && !_isWriting;
                }
            }

            return true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush(LastLinesTimeout);
        lock (_lock)
        {
            _isDisposed = true;
            Monitor.PulseAll(_lock);
        }
    }

    private void WriteAll()
    {
        while (true)
        {
            string[] lines;
            lock (_lock)
            {
                _isWriting = false;
                Monitor.PulseAll(_lock);
                while (_lines.Count == 0)
                {
                    if (_isDisposed)
                    {
                        return;
                    }

                    Monitor.Wait(_lock);
                }

                lines = _dropped == 0 ? [.. _lines] : [.. _lines, Describe(_dropped)];
                _lines.Clear();
                (_characters, _dropped, _isWriting) = (0, 0, true);
            }

            try
            {
                foreach (var line in lines)
                {
                    _output.WriteLine(line);
                }

                _output.Flush();
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                // The log has gone (a closed pipe, a full disk); there is nowhere to say so, and the program goes on.
            }
        }
    }

    private static string Describe(long dropped) => string.Create(
        CultureInfo.InvariantCulture, $"{dropped} log lines dropped here, because the log was not read or written fast enough");
}
