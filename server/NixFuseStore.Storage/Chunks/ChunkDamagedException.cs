using NixFuseStore.Content;

namespace NixFuseStore.Storage.Chunks;

/// <summary>A chunk cannot be had: its stored bytes are damaged, and counted as missing from now on.</summary>
public sealed class ChunkDamagedException : IOException
{
    /// <summary>Creates the exception.</summary>
    public ChunkDamagedException()
    {
    }

    /// <summary>Creates the exception with a one-line message.</summary>
    public ChunkDamagedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with a one-line message and its cause.</summary>
    public ChunkDamagedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the exception for a chunk.</summary>
    public ChunkDamagedException(ChunkId id)
        : base($"chunk {id} is damaged")
    {
    }
}
