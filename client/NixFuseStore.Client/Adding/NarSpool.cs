using System.Buffers;
using Microsoft.Win32.SafeHandles;
using NixFuseStore.Client.Push;
using NixFuseStore.Client.Server;
using NixFuseStore.Native.Files;

namespace NixFuseStore.Client.Adding;

/// <summary>
/// The bytes of a NAR until the server has all of them. One writes, another sends what is there meanwhile, and once more from the start
/// where a server went away in between.
/// </summary>
/// <remarks>
/// Bytes lie in segments. Where memory runs out, those that were sent go to a temporary file without a name, in case they are needed
/// again; where nothing was sent, the writer waits. One segment in memory each spool has in any case, so that none waits for another.
/// <code>
///   | in the file | in memory, sent | in memory, to be sent | being filled |
///   0             _moved            _sent                   _moved + _segments.Count
/// </code>
/// </remarks>
/// <param name="memory">Bytes that all spools together may hold in memory.</param>
/// <param name="directory">Where temporary files are made.</param>
/// <param name="bytes">How many bytes will come at most, where that is known.</param>
internal sealed class NarSpool(ByteBudget memory, string directory, ulong? bytes = null) : IDisposable
{
    /// <summary>Bytes of a segment, which is also what is sent at once. Each one wakes a thread or two.</summary>
    internal const int SegmentBytes = 1 << 20;

    /// <summary>The free room is looked at once for so many segments.</summary>
    private const int LookSegments = 16;

    /// <summary>Bytes that temporary files leave free in their file system.</summary>
    private const long BytesLeft = 1L << 30;

    private readonly Lock _gate = new();

    // Guarded by _gate, except for the bytes of segments, which do not change while they are here.
    private readonly List<byte[]> _segments = [];
    private int _moved;
    private int _sent;
    private bool _complete;
    private TaskCompletionSource? _changed;

    // The writer's alone, until the spool is complete.
    private byte[] _filling = ArrayPool<byte>.Shared.Rent((int)Math.Min(SegmentBytes, bytes ?? SegmentBytes));
    private int _filled;
    private long _taken;

    // Holds the segments below _moved, and is there once one is.
    private SafeFileHandle? _file;

    /// <summary>Takes the next bytes; waits while there is no room.</summary>
    /// <exception cref="StoreClientException">The temporary file cannot be written.</exception>
    internal async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            int length = Math.Min(bytes.Length, SegmentBytes - _filled);
            bytes[..length].CopyTo(_filling.AsMemory(_filled));
            _filled += length;
            bytes = bytes[length..];
            if (_filled == SegmentBytes)
            {
                await PublishAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>There are no more bytes.</summary>
    internal void Complete()
    {
        lock (_gate)
        {
            _complete = true;
            Change();
        }
    }

    /// <summary>Sends all bytes from the start as they come. One call at a time.</summary>
    internal async Task SendAsync(Stream destination, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _sent = 0;
        }

        byte[]? read = null;
        try
        {
            for (int number = 0; await WaitForAsync(number, cancellationToken).ConfigureAwait(false); number++)
            {
                var segment = FindInMemory(number);
                if (segment is null)
                {
                    read ??= ArrayPool<byte>.Shared.Rent(SegmentBytes);
                    ReadBack(number, segment = read);
                }

                await destination.WriteAsync(segment.AsMemory(0, SegmentBytes), cancellationToken).ConfigureAwait(false);
                lock (_gate)
                {
                    _sent = number + 1;
                    Change();
                }
            }

            await destination.WriteAsync(_filling.AsMemory(0, _filled), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            if (read is not null)
            {
                ArrayPool<byte>.Shared.Return(read);
            }
        }
    }

    /// <summary>Gives the memory back. To be called when nothing sends or writes any more.</summary>
    public void Dispose()
    {
        _segments.ForEach(static segment => ArrayPool<byte>.Shared.Return(segment));
        _segments.Clear();
        memory.Return(_taken);
        _taken = 0;
        if (_filling.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_filling);
            _filling = [];
        }

        _file?.Dispose();
    }

    // Makes the full segment one that can be sent, and finds memory for the next: more of it, else that of a segment which was sent.
    private async ValueTask PublishAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _segments.Add(_filling);
            _filling = [];
            _filled = 0;
            Change();
        }

        if (memory.TryTake(SegmentBytes))
        {
            _taken += SegmentBytes;
            _filling = ArrayPool<byte>.Shared.Rent(SegmentBytes);
            return;
        }

        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_sent > _moved)
                {
                    _filling = MoveOldest();
                    return;
                }

                changed = NextChange();
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    // Within the lock, so that a sender that begins again finds the segment either here or there.
    private byte[] MoveOldest()
    {
        var oldest = _segments[0];
        RequireRoom();
        try
        {
            _file ??= OpenFile();
            RandomAccess.Write(_file, oldest.AsSpan(0, SegmentBytes), (long)_moved * SegmentBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreClientException($"cannot write a temporary file in {directory}: {e.Message}", e);
        }

        _segments.RemoveAt(0);
        _moved++;
        return oldest;
    }

    // A client may send for ever; the disk is not its own.
    private void RequireRoom()
    {
        if (_moved % LookSegments == 0 && FreeSpace.Of(directory) is { } free && free - (LookSegments * SegmentBytes) < BytesLeft)
        {
            throw new StoreClientException(
                $"there is no room for more of the NAR: {free} bytes are left in {directory}, and {BytesLeft} are to stay free for the cache and others");
        }
    }

    private SafeFileHandle OpenFile()
    {
        Directory.CreateDirectory(directory);
        string path = Path.Join(directory, $"nixfuse-{Path.GetRandomFileName()}");
        var file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite);
        File.Delete(path);
        return file;
    }

    // False where the spool is complete without it.
    private async ValueTask<bool> WaitForAsync(int number, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (number < _moved + _segments.Count)
                {
                    return true;
                }

                if (_complete)
                {
                    return false;
                }

                changed = NextChange();
            }

            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    private byte[]? FindInMemory(int number)
    {
        lock (_gate)
        {
            return number >= _moved ? _segments[number - _moved] : null;
        }
    }

    private void ReadBack(int number, byte[] segment)
    {
        try
        {
            for (int read = 0; read < SegmentBytes;)
            {
                int length = RandomAccess.Read(_file!, segment.AsSpan(read, SegmentBytes - read), ((long)number * SegmentBytes) + read);
                read += length > 0 ? length : throw new EndOfStreamException("it is shorter than what was written");
            }
        }
        catch (IOException e)
        {
            throw new StoreClientException($"cannot read a temporary file in {directory}: {e.Message}", e);
        }
    }

    private Task NextChange() => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    private void Change()
    {
        _changed?.SetResult();
        _changed = null;
    }
}
