using System.Security.Cryptography;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Server.Registration;

/// <summary>Hashes the bytes of a NAR.</summary>
internal sealed class HashOutput(IncrementalHash hash) : INarOutput
{
    public void Write(ReadOnlySpan<byte> bytes) => hash.AppendData(bytes);
}
