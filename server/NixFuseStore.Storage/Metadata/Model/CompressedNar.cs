namespace NixFuseStore.Storage.Metadata;

/// <summary>A compressed NAR file, known without being there.</summary>
/// <param name="Hash">SHA-256 of the file, 32 bytes.</param>
/// <param name="Size">Bytes of the file.</param>
public sealed record CompressedNar(byte[] Hash, long Size);
