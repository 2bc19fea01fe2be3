using FASTER.core;
using NixFuseStore.Cache.Devices;

namespace NixFuseStore.Cache.Checkpoints;

/// <summary>
/// Where FASTER leaves its checkpoints. One that it has written counts only once it was published, when everything it needs is on the
/// disk; until then the one before stays.
/// </summary>
/// <remarks>
/// <code>
/// checkpoint-TOKEN/index   hash index, blocks with sums
/// checkpoint-TOKEN/index.meta, log.meta   FASTER's own metadata, with SHA-256
/// checkpoint-TOKEN/keys    the key table, with SHA-256
/// current                  TOKEN of the published one; replaced by rename
/// </code>
/// </remarks>
internal sealed class CheckpointStore(string directory, DiskLanes lanes) : ICheckpointManager
{
    private const string Prefix = "checkpoint-";
    private readonly List<BlockDevice> _open = [];

    /// <summary>Blocks of index files that did not match their sum.</summary>
    public int Mismatches => _open.Sum(device => device.Mismatches);

    /// <summary>A read of an index file that the disk failed; null where it failed none.</summary>
    public Exception? TakeReadFailure() => _open.Select(static device => device.TakeReadFailure()).FirstOrDefault(static failure => failure is not null);

    /// <summary>Bytes of all checkpoints.</summary>
    public long SizeBytes { get; private set; }

    private string CurrentPath => Path.Combine(directory, "current");

    /// <summary>The published checkpoint; null when there is none.</summary>
    /// <exception cref="InvalidDataException">The pointer is damaged.</exception>
    public Guid? Current()
    {
        if (SummedFile.TryRead(CurrentPath, lanes.FileFault) is not { } content)
        {
            return null;
        }

        return content.Length == 16 ? new Guid(content) : throw new InvalidDataException($"{CurrentPath} is damaged");
    }

    /// <summary>Path of the key table that belongs to a checkpoint.</summary>
    public string KeysPath(Guid token) => Path.Combine(DirectoryOf(token), "keys");

    /// <summary>Makes a complete checkpoint the one to recover from, and deletes all others.</summary>
    public void Publish(Guid token)
    {
        CloseIndexes();
        var next = CurrentPath + ".next";
        SummedFile.Write(next, token.ToByteArray());
        File.Move(next, CurrentPath, overwrite: true);
        DeleteAllBut(token);
    }

    /// <summary>Deletes every checkpoint but one.</summary>
    public void DeleteAllBut(Guid? token)
    {
        foreach (var path in Directory.EnumerateDirectories(directory, Prefix + "*"))
        {
            if (token is null || path != DirectoryOf(token.Value))
            {
                Directory.Delete(path, recursive: true);
            }
        }

        Measure();
    }

    public void InitializeIndexCheckpoint(Guid indexToken) => Directory.CreateDirectory(DirectoryOf(indexToken));

    public void InitializeLogCheckpoint(Guid logToken) => Directory.CreateDirectory(DirectoryOf(logToken));

    public void CommitIndexCheckpoint(Guid indexToken, byte[] commitMetadata)
    {
        foreach (var device in _open)
        {
            device.FlushToDisk();
        }

        SummedFile.Write(Path.Combine(DirectoryOf(indexToken), "index.meta"), commitMetadata);
    }

    public void CommitLogCheckpoint(Guid logToken, byte[] commitMetadata) =>
        SummedFile.Write(Path.Combine(DirectoryOf(logToken), "log.meta"), commitMetadata);

    public byte[] GetIndexCheckpointMetadata(Guid indexToken) => SummedFile.Read(Path.Combine(DirectoryOf(indexToken), "index.meta"));

    public byte[] GetLogCheckpointMetadata(Guid logToken, DeltaLog deltaLog, bool scanDelta, long recoverTo) =>
        SummedFile.Read(Path.Combine(DirectoryOf(logToken), "log.meta"));

    public IEnumerable<Guid> GetIndexCheckpointTokens() => Current() is { } token ? [token] : [];

    public IEnumerable<Guid> GetLogCheckpointTokens() => GetIndexCheckpointTokens();

    public IDevice GetIndexDevice(Guid indexToken)
    {
        var device = new BlockDevice(Path.Combine(DirectoryOf(indexToken), "index"), lanes, isSingleFile: true);
        device.Initialize(-1);
        _open.Add(device);
        return device;
    }

    public IDevice GetSnapshotLogDevice(Guid token) => throw new NotSupportedException("checkpoints are fold-over");

    public IDevice GetSnapshotObjectLogDevice(Guid token) => throw new NotSupportedException("checkpoints are fold-over");

    /// <summary>FASTER looks whether there is one: it finds an empty file that is not there.</summary>
    public IDevice GetDeltaLogDevice(Guid token) =>
        new BlockDevice(Path.Combine(DirectoryOf(token), "delta"), lanes, isSingleFile: true);

    public void CommitLogIncrementalCheckpoint(Guid logToken, long version, byte[] commitMetadata, DeltaLog deltaLog) =>
        throw new NotSupportedException("checkpoints are fold-over");

    public void CheckpointVersionShift(long oldVersion, long newVersion)
    {
    }

    public void Purge(Guid token) => throw new NotSupportedException("checkpoints are deleted when another is published");

    public void PurgeAll() => throw new NotSupportedException("checkpoints are deleted when another is published");

    public void OnRecovery(Guid indexToken, Guid logToken)
    {
    }

    public void Dispose() => CloseIndexes();

    private void CloseIndexes()
    {
        foreach (var device in _open)
        {
            device.Dispose();
        }

        _open.Clear();
    }

    private void Measure()
    {
        long sum = 0;
        foreach (var path in Directory.EnumerateDirectories(directory, Prefix + "*"))
        {
            foreach (var file in new DirectoryInfo(path).EnumerateFiles())
            {
                sum += file.Length;
            }
        }

        SizeBytes = sum;
    }

    private string DirectoryOf(Guid token) => Path.Combine(directory, Prefix + token.ToString("N"));
}
