using NixFuseStore.Nix;
using NixFuseStore.Protocol;

namespace NixFuseStore.Client.Push;

/// <summary>What is said where a path is valid on the server with another content.</summary>
internal static class PushConflict
{
    internal static string Describe(PathInfo local, PathRecord? registered)
    {
        string there = registered?.NarHash.Length == 32
            ? new NixHash(NixHashAlgorithm.Sha256, registered.NarHash.Span).ToString()
            : "unknown";
        return $"the server has it with the NAR hash {there}, here it is {local.NarHash}; the registered one stays";
    }
}
