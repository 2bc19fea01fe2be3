using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.BinaryCache;

/// <summary>A valid path as the binary cache shows it.</summary>
/// <param name="Path">Its row.</param>
/// <param name="NarInfo">The bytes of its .narinfo file.</param>
/// <param name="Key">The public key that the file was signed with, among others.</param>
internal sealed record ValidPath(StoredPath Path, byte[] NarInfo, string Key);
