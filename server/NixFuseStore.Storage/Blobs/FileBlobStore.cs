using System.Runtime.CompilerServices;
using NixFuseStore.Native.Files;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Storage.Blobs;

/// <summary>
/// Objects as files of one directory, in subdirectories by the first two characters of their names. While a process writes an object it
/// holds a lock on the file <c>NAME.lock</c> beside it, which goes with the process, so that no two ever write the same object.
/// </summary>
public sealed class FileBlobStore : IBlobStore
{
    /// <summary>Files kept open for reading.</summary>
    private const int OpenFilesMax = 256;

    private const string LockSuffix = ".lock";
    private const string IdentityFile = "blob-store.id";
    private const int DiskQuotaExceeded = 122; // EDQUOT

    private readonly FileHandleCache _handles = new(OpenFilesMax);

    /// <summary>Opens a blob store in a directory, which is made where it is missing, and narrowed where others may look into it.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="notice">Is told in one line when it was narrowed.</param>
    /// <exception cref="IOException">It cannot be used.</exception>
    public FileBlobStore(string directory, Action<string>? notice = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Root = Path.GetFullPath(directory);
        PrivateFiles.SecureDirectory(Root, notice);
    }

    /// <summary>The directory.</summary>
    public string Root { get; }

    /// <inheritdoc/>
    public string Description => $"blob directory {Root}";

    /// <inheritdoc/>
    public async ValueTask<string?> ReadIdentityAsync(CancellationToken cancellationToken)
    {
        try
        {
            string text = await File.ReadAllTextAsync(Path.Combine(Root, IdentityFile), cancellationToken).ConfigureAwait(false);
            return text.Trim() is { Length: > 0 } identity ? identity : null;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public ValueTask WriteIdentityAsync(string identity, CancellationToken cancellationToken)
    {
        string path = Path.Combine(Root, IdentityFile);
        string temporary = path + ".new";
        Guard(() =>
        {
            using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write))
            {
                RandomAccess.Write(file, System.Text.Encoding.ASCII.GetBytes(identity + "\n"), 0);
                RandomAccess.FlushToDisk(file);
            }

            File.Move(temporary, path, overwrite: true);
            DirectorySync.Flush(Root);
            return 0;
        });
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<IBlobWriter> CreateAsync(string name, CancellationToken cancellationToken)
    {
        string path = GetPath(name);
        string directory = Path.GetDirectoryName(path)!;
        return ValueTask.FromResult(Guard<IBlobWriter>(() =>
        {
            if (!Directory.Exists(directory))
            {
                PrivateFiles.SecureDirectory(directory);
                DirectorySync.Flush(Root);
            }

            var writerLock = FileBlobLock.Take(path + LockSuffix);
            try
            {
                var handle = PrivateFiles.Open(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
                DirectorySync.Flush(directory);
                return new FileBlobWriter(this, path, handle, writerLock, 0);
            }
            catch
            {
                writerLock.Dispose();
                throw;
            }
        }));
    }

    /// <inheritdoc/>
    public ValueTask<IBlobWriter> ResumeAsync(string name, long length, CancellationToken cancellationToken)
    {
        string path = GetPath(name);
        return ValueTask.FromResult(Guard<IBlobWriter>(() =>
        {
            if (!File.Exists(path))
            {
                throw new FileNotFoundException($"There is no pack {path}.", path);
            }

            var writerLock = FileBlobLock.Take(path + LockSuffix);
            try
            {
                var handle = PrivateFiles.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
                if (RandomAccess.GetLength(handle) < length)
                {
                    handle.Dispose();
                    throw new InvalidDataException($"The pack {path} has fewer than the {length} bytes that were made durable.");
                }

                RandomAccess.SetLength(handle, length);
                return new FileBlobWriter(this, path, handle, writerLock, length);
            }
            catch
            {
                writerLock.Dispose();
                throw;
            }
        }));
    }

    /// <inheritdoc/>
    public async ValueTask ReadAsync(string name, long offset, Memory<byte> destination, CancellationToken cancellationToken)
    {
        string path = GetPath(name);
        while (!destination.IsEmpty)
        {
            int read;
            try
            {
                // What is in memory is had at once; the rest is read on another thread, which costs more than the copying does.
                var handle = _handles.Get(path);
                read = Libc.ReadCached(handle, destination.Span, offset);
                if (read == 0)
                {
                    read = await RandomAccess.ReadAsync(handle, destination, offset, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (ObjectDisposedException) when (!_handles.IsDisposed)
            {
                // The cache dropped the handle between handing it out and the read: open it again.
                continue;
            }

            if (read == 0)
            {
                throw new EndOfStreamException($"The pack {path} ends at byte {offset}, before what was asked for.");
            }

            destination = destination[read..];
            offset += read;
        }
    }

    /// <inheritdoc/>
    public ValueTask<long?> GetLengthAsync(string name, CancellationToken cancellationToken)
    {
        var file = new FileInfo(GetPath(name));
        return ValueTask.FromResult(file.Exists ? file.Length : (long?)null);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<string> ListAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string path in Directory.EnumerateFiles(Root, "*", SearchOption.AllDirectories))
        {
            cancellationToken.ThrowIfCancellationRequested();
            string name = Path.GetFileName(path);
            if (IsName(name) && path == GetPath(name))
            {
                yield return name;
            }
        }

        await Task.CompletedTask.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask DeleteAsync(string name, CancellationToken cancellationToken)
    {
        string path = GetPath(name);
        _handles.Remove(path);
        if (Directory.Exists(Path.GetDirectoryName(path)))
        {
            File.Delete(path);
            File.Delete(path + LockSuffix);
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _handles.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Says "full" by its own exception; .NET puts the error number into <see cref="Exception.HResult"/>.</summary>
    internal T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (IOException exception) when (exception.HResult is (int)Errno.ENOSPC or DiskQuotaExceeded)
        {
            throw new BlobStoreFullException($"The {Description} is full: {exception.Message}", exception);
        }
    }

    private static bool IsName(string name) =>
        name.Length is >= 3 and <= 100 && name.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character));

    private string GetPath(string name) => IsName(name)
        ? Path.Combine(Root, name[..2], name)
        : throw new ArgumentException($"'{name}' cannot be the name of a pack.", nameof(name));
}
