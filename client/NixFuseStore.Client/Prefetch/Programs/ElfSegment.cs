namespace NixFuseStore.Client.Prefetch.Programs;

/// <summary>A loadable part of an ELF file.</summary>
/// <param name="Offset">In the file.</param>
/// <param name="Length">Bytes in the file.</param>
/// <param name="Address">Where it is mapped.</param>
/// <param name="IsWritable">Whether it is mapped writable.</param>
/// <param name="IsExecutable">Whether it is mapped executable.</param>
internal readonly record struct ElfSegment(long Offset, long Length, long Address, bool IsWritable, bool IsExecutable);
