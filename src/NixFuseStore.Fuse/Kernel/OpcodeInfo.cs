namespace NixFuseStore.Fuse.Kernel;

/// <summary>What is known of a kind of request before looking at one.</summary>
/// <param name="Name">The kernel's name.</param>
/// <param name="Treatment">What happens to it.</param>
/// <param name="ArgumentBytes">Size of the struct behind the header; names and data follow it.</param>
/// <param name="Names">Zero-terminated names behind the struct.</param>
internal readonly record struct OpcodeInfo(string Name, OpcodeTreatment Treatment, int ArgumentBytes = 0, int Names = 0);
