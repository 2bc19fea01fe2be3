using System.Buffers;
using System.Text;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Native.Streams;

namespace NixFuseStore.Builds.Running;

/// <summary>What a build has printed so far, in a file without a name; any number follow it, each from the first line. One writer.</summary>
internal sealed class BuildLog : IDisposable
{
    private const int ReadBytes = 64 * 1024;

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _file;
    private TaskCompletionSource _news = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _length;
    private bool _isComplete;

    /// <param name="directory">Where the file lies.</param>
    internal BuildLog(string directory)
    {
        string path = Path.Combine(directory, $"log-{Guid.NewGuid():N}");
        _file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, FileOptions.Asynchronous);
        File.Delete(path);
    }

    /// <summary>Adds what may be several lines.</summary>
    internal async ValueTask AppendAsync(string text)
    {
        byte[] line = Encoding.UTF8.GetBytes(text + "\n");
        await RandomAccess.WriteAsync(_file, line, _length).ConfigureAwait(false);
        Advance(line.Length, isComplete: false);
    }

    /// <summary>There is no more to come.</summary>
    internal void Complete() => Advance(0, isComplete: true);

    /// <summary>Tells every line from the first on, until there is no more to come.</summary>
    internal Task FollowAsync(Func<string, ValueTask> line, CancellationToken cancellationToken) => FollowAsync(_file, line, cancellationToken);

    /// <summary>Opens it once more, for one who may read longer than it lasts. The caller disposes what comes back.</summary>
    internal Reader OpenReader() =>
        new(this, File.OpenHandle($"/proc/self/fd/{_file.DangerousGetHandle()}", share: FileShare.ReadWrite, options: FileOptions.Asynchronous));

    private async Task FollowAsync(SafeFileHandle file, Func<string, ValueTask> line, CancellationToken cancellationToken)
    {
        long told = 0;
        byte[] buffer = new byte[ReadBytes];
        var lines = new LogLines();
        while (true)
        {
            Task news;
            long length;
            bool isComplete;
            lock (_gate)
            {
                (news, length, isComplete) = (_news.Task, _length, _isComplete);
            }

            while (told < length)
            {
                int read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(ReadBytes, length - told)), told, cancellationToken)
                    .ConfigureAwait(false);
                told += read;
                foreach (string text in lines.Take(buffer.AsSpan(0, read)))
                {
                    await line(text).ConfigureAwait(false);
                }
            }

            if (isComplete)
            {
                return;
            }

            await news.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Bytes so far.</summary>
    internal long Length => Volatile.Read(ref _length);

    /// <summary>Reads some of what there is; 0 bytes at its end.</summary>
    internal ValueTask<int> ReadAsync(Memory<byte> buffer, long position, CancellationToken cancellationToken) =>
        RandomAccess.ReadAsync(_file, buffer, position, cancellationToken);

    /// <summary>All of it from a position on, once it is complete or nothing is added for the time being. The caller disposes the stream.</summary>
    internal Stream OpenText(long start = 0) => new LogStream(_file, start, Length);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Advance(int bytes, bool isComplete)
    {
        TaskCompletionSource news;
        lock (_gate)
        {
            _length += bytes;
            _isComplete |= isComplete;
            (news, _news) = (_news, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        news.SetResult();
    }

    /// <summary>A log that can be read to its end whenever it is given up.</summary>
    internal sealed class Reader(BuildLog log, SafeFileHandle file) : IDisposable
    {
        /// <inheritdoc cref="BuildLog.FollowAsync(Func{string, ValueTask}, CancellationToken)"/>
        internal Task FollowAsync(Func<string, ValueTask> line, CancellationToken cancellationToken) => log.FollowAsync(file, line, cancellationToken);

        /// <inheritdoc/>
        public void Dispose() => file.Dispose();
    }

    private sealed class LogStream(SafeFileHandle file, long start, long length) : ForwardReadStream
    {
        private long _position = start;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var wanted = buffer[..(int)Math.Min(buffer.Length, length - _position)];
            int read = await RandomAccess.ReadAsync(file, wanted, _position, cancellationToken).ConfigureAwait(false);
            _position += read;
            return read;
        }
    }
}

/// <summary>The lines of a text that comes in pieces.</summary>
internal sealed class LogLines
{
    private readonly ArrayBufferWriter<byte> _rest = new();

    /// <summary>Takes the next piece, and gives the lines that have ended with it, without their line feeds.</summary>
    internal IReadOnlyList<string> Take(ReadOnlySpan<byte> bytes)
    {
        var lines = new List<string>();
        while (bytes.IndexOf((byte)'\n') is >= 0 and var end)
        {
            _rest.Write(bytes[..end]);
            lines.Add(Encoding.UTF8.GetString(_rest.WrittenSpan));
            _rest.ResetWrittenCount();
            bytes = bytes[(end + 1)..];
        }

        _rest.Write(bytes);
        return lines;
    }
}
