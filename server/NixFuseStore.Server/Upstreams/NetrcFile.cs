using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Upstreams;

/// <summary>The server's netrc file, read again when it has changed. Calls may overlap.</summary>
internal sealed class NetrcFile(string? path, TimeProvider time, ILogger logger)
{
    private const int BytesMax = 1 << 20;

    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private Netrc _netrc = Netrc.Empty;
    private DateTime _written;
    private long _lookedAt;
    private bool _isFailing;

    /// <summary>What it holds now; nothing where it cannot be read, which the log says once.</summary>
    public Netrc Current
    {
        get
        {
            if (path is null)
            {
                return Netrc.Empty;
            }

            lock (_lock)
            {
                if (_lookedAt == 0 || time.GetElapsedTime(_lookedAt) > LookAgainAfter)
                {
                    _lookedAt = time.GetTimestamp();
                    Read(path);
                }

                return _netrc;
            }
        }
    }

    private void Read(string file)
    {
        try
        {
            var info = new FileInfo(file);
            if (info.LastWriteTimeUtc == _written && !_isFailing)
            {
                return;
            }

            _written = info.LastWriteTimeUtc;
            _netrc = info.Length <= BytesMax ? Netrc.Parse(File.ReadAllText(file)) : throw new IOException($"it has more than {BytesMax} bytes");
            _isFailing = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _netrc = Netrc.Empty;
            if (!_isFailing)
            {
                logger.NetrcUnreadable(file, e.Message);
            }

            _isFailing = true;
        }
    }
}
