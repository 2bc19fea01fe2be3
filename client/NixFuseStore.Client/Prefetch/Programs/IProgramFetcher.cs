namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>What <see cref="ProgramReadAhead"/> needs of the reader. Any thread.</summary>
internal interface IProgramFetcher
{
    /// <summary>Bytes of a file, hashes put back, ahead of all read-ahead; not counted as read.</summary>
    ValueTask<byte[]> ReadAsync(StoreFile file, FileRange range, CancellationToken cancellationToken);

    /// <summary>Fetches parts of a file that no caller waits for yet.</summary>
    void Fetch(StoreFile file, List<FileRange> ranges);
}
