namespace NixFuseStore.Native.Files;

/// <summary>An entry of a directory.</summary>
/// <param name="Name">The bytes of its name, without NUL; not always UTF-8.</param>
/// <param name="Kind">What it is, where the file system says so in listings.</param>
public readonly record struct DirectoryEntry(byte[] Name, FileKind Kind);
