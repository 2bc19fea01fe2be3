namespace NixFuseStore.Cache;

/// <summary>The cache directory is in use by another process; the message names both in one line.</summary>
public sealed class CacheInUseException : IOException
{
    /// <summary>The message names directory and holder.</summary>
    public CacheInUseException(string directory, int? holderProcessId)
        : base($"cache directory {directory} is in use by {(holderProcessId is { } id ? $"process {id}" : "another process")}; "
            + "give this one a directory of its own or share that mount")
    {
        Directory = directory;
        HolderProcessId = holderProcessId;
    }

    /// <summary>The directory.</summary>
    public string Directory { get; }

    /// <summary>Process id of the holder as it sees itself; null when it is not known.</summary>
    public int? HolderProcessId { get; }
}
