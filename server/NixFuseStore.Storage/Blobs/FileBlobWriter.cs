using Microsoft.Win32.SafeHandles;

namespace NixFuseStore.Storage.Blobs;

/// <summary>Appends to one file. Owns handle and lock.</summary>
internal sealed class FileBlobWriter(FileBlobStore store, string path, SafeFileHandle handle, FileBlobLock writerLock, long length)
    : IBlobWriter
{
    public long Length { get; private set; } = length;

    public ValueTask AppendAsync(IReadOnlyList<ReadOnlyMemory<byte>> buffers, CancellationToken cancellationToken)
    {
        long added = buffers.Sum(buffer => (long)buffer.Length);
        if (!File.Exists(path) || RandomAccess.GetLength(handle) < Length)
        {
            throw new BlobChangedException($"The pack {path} was removed or cut off while it was being written.");
        }

        try
        {
            store.Guard(() =>
            {
                RandomAccess.Write(handle, buffers, Length);
                return 0;
            });
        }
        catch (IOException)
        {
            // What was written of them is cut off again; should even that fail, the next append writes over it, and why it failed
            // is what the first exception tells.
            try
            {
                RandomAccess.SetLength(handle, Length);
            }
            catch (IOException)
            {
                // As above.
            }

            throw;
        }

        Length += added;
        return ValueTask.CompletedTask;
    }

    public ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        store.Guard(() =>
        {
            RandomAccess.FlushToDisk(handle);
            return 0;
        });
        return ValueTask.CompletedTask;
    }

    public async ValueTask SealAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        writerLock.Remove();
        await DisposeAsync().ConfigureAwait(false);
    }

    public ValueTask DisposeAsync()
    {
        handle.Dispose();
        writerLock.Dispose();
        return ValueTask.CompletedTask;
    }

    public override string ToString() => path;
}
