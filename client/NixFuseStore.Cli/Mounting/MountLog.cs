using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Linux;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Cli.Mounting;

/// <summary>
/// What a mount has to say: to standard error, and once it has left the terminal, to a file that never grows beyond a bound. Writing never
/// waits: lines pass through a queue to one thread, so that a pipe which is not read, or a disk that hangs, stops no request.
/// </summary>
internal sealed class MountLog : IAsyncDisposable
{
    /// <summary>Takes bytes; a failure is not told.</summary>
    internal delegate void Sink(ReadOnlySpan<byte> bytes);

    /// <summary>A longer file becomes <c>FILE.old</c>, in place of the one before.</summary>
    internal const long FileBytesMax = 4L << 20;

    private const int LinesMax = 1024;
    private const int LineCharactersMax = 8192;

    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(1);

    private readonly Sink _sink;
    private readonly Action<SafeFileHandle> _redirect;
    private readonly Channel<string> _lines;
    private readonly Thread _writer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private string? _path; // guarded by _gate
    private List<byte[]>? _early = []; // guarded by _gate; null once they are in the file
    private long _fileBytes; // guarded by _gate
    private long _dropped;

    public MountLog()
        : this(static bytes => _ = Libc.WriteToStandardError(bytes), Libc.RedirectStandardStreams)
    {
    }

    /// <summary>With another place than standard error, for tests.</summary>
    /// <param name="sink">Writes to where <paramref name="redirect"/> pointed last.</param>
    /// <param name="redirect">Makes a file the place to write to; the file is closed afterwards.</param>
    internal MountLog(Sink sink, Action<SafeFileHandle> redirect)
    {
        _sink = sink;
        _redirect = redirect;
        _lines = Channel.CreateBounded<string>(
            new BoundedChannelOptions(LinesMax) { SingleReader = true, FullMode = BoundedChannelFullMode.DropWrite },
            _ => Interlocked.Increment(ref _dropped));
        _writer = new Thread(WriteAll) { IsBackground = true, Name = "log" };
        _writer.Start();
    }

    /// <summary>Adds a line, with the time in front. Any thread.</summary>
    public void Write(string line)
    {
        var text = PrintableText.Escape(line.Length > LineCharactersMax ? line[..LineCharactersMax] + "…" : line);
        _lines.Writer.TryWrite(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.UtcNow:yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {text}\n"));
    }

    /// <summary>Points standard output and error at a file from now on, and bounds it. What was written before is written there as well.</summary>
    /// <exception cref="LinuxException">It cannot be opened.</exception>
    /// <exception cref="IOException">The longer one that is there cannot be put aside.</exception>
    public void MoveTo(string path)
    {
        lock (_gate)
        {
            if (LengthOf(path) > FileBytesMax)
            {
                File.Move(path, path + ".old", overwrite: true);
            }

            Open(path);
            _path = path;

            // What was said while the mount began went to the terminal, which is gone when it is asked for.
            foreach (var line in _early ?? [])
            {
                _sink(line);
                _fileBytes += line.Length;
            }

            _early = null;
        }
    }

    /// <summary>Writes what is left, for a second at most.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines.Writer.TryComplete();
        await _ended.Task.WaitAsync(FlushTimeout).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    // Under the lock. On a disk where no file can be made there is no log; the mount goes on without one.
    private void Open(string path)
    {
        using var file = OpenOrDiscard(path);
        _redirect(file);
        _fileBytes = LengthOf(path);
    }

    private static SafeFileHandle OpenOrDiscard(string path)
    {
        try
        {
            return Libc.OpenForAppending(path);
        }
        catch (LinuxException)
        {
            return Libc.OpenForAppending("/dev/null");
        }
    }

    private void WriteAll()
    {
        try
        {
            var reader = _lines.Reader;
            while (reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            {
                while (reader.TryRead(out var line))
                {
                    WriteOne(line);
                    if (Interlocked.Exchange(ref _dropped, 0) is > 0 and var dropped)
                    {
                        WriteOne($"{dropped} lines were dropped: they came faster than they could be written\n");
                    }
                }
            }
        }
        finally
        {
            _ended.TrySetResult();
        }
    }

    private void WriteOne(string line)
    {
        // An error is not told: there is nowhere else to tell it, and the mount goes on. The log lies beside the cache, whose disk may be full.
        var bytes = Encoding.UTF8.GetBytes(line);
        lock (_gate)
        {
            if (_early?.Count < LinesMax)
            {
                _early.Add(bytes);
            }
        }

        _sink(bytes);
        lock (_gate)
        {
            _fileBytes += bytes.Length;
            if (_path is null || _fileBytes <= FileBytesMax)
            {
                return;
            }

            try
            {
                File.Move(_path, _path + ".old", overwrite: true);
                Open(_path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It grows on, and this is tried again after as much.
                _fileBytes = 0;
            }
        }
    }
}
