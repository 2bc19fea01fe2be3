using System.Security.Cryptography;
using System.Text;

namespace NixFuseStore.Nix;

/// <summary>
/// Computes store paths: base-32 of the SHA-256, folded to 20 bytes, of <c>type:sha256:inner:store directory:name</c>.
/// What type and inner hash are depends on the object.
/// </summary>
public static class StorePathComputation
{
    /// <summary>The general form; <paramref name="type"/> is all that stands before <c>:sha256:</c>.</summary>
    /// <exception cref="FormatException">The name is none that Nix takes.</exception>
    public static StorePath Make(StoreDirectory directory, string type, NixHash inner, string name)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(inner);
        string fingerprint = $"{type}:{NixHash.NameOf(inner.Algorithm)}:{inner.ToHex()}:{directory.Path}:{name}";
        Span<byte> digest = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes(fingerprint), digest);
        Span<byte> folded = stackalloc byte[20];
        folded.Clear();
        for (int i = 0; i < digest.Length; i++)
        {
            folded[i % folded.Length] ^= digest[i];
        }

        return StorePath.Create(folded, name);
    }

    /// <summary>The path of a text (every .drv is one), by the SHA-256 of its contents.</summary>
    public static StorePath MakeText(StoreDirectory directory, string name, NixHash contents, IEnumerable<StorePath> references)
    {
        RequireSha256(contents);
        return Make(directory, WithReferences(directory, "text", references), contents, name);
    }

    /// <summary>
    /// The path of an object by the hash of its contents or NAR. References are possible with SHA-256 of a NAR only and leave the
    /// path itself out; where it refers to itself, <paramref name="refersToItself"/> says so and the hash is modulo itself.
    /// </summary>
    /// <exception cref="ArgumentException">Other addresses cannot have references.</exception>
    public static StorePath MakeFixed(
        StoreDirectory directory,
        string name,
        ContentAddress address,
        IEnumerable<StorePath>? references = null,
        bool refersToItself = false)
    {
        ArgumentNullException.ThrowIfNull(address);
        StorePath[] others = references is null ? [] : [.. references];
        if (address is { Method: ContentAddressMethod.Nar, Hash.Algorithm: NixHashAlgorithm.Sha256 })
        {
            string type = WithReferences(directory, "source", others);
            return Make(directory, refersToItself ? $"{type}:self" : type, address.Hash, name);
        }

        if (address.Method == ContentAddressMethod.Text)
        {
            return refersToItself
                ? throw new ArgumentException("A text cannot refer to itself.", nameof(refersToItself))
                : MakeText(directory, name, address.Hash, others);
        }

        if (others.Length > 0 || refersToItself)
        {
            throw new ArgumentException($"An object addressed by {address} cannot have references.", nameof(references));
        }

        string method = address.Method switch
        {
            ContentAddressMethod.Nar => "r:",
            ContentAddressMethod.Git => "git:",
            _ => "",
        };
        string inner = $"fixed:out:{method}{NixHash.NameOf(address.Hash.Algorithm)}:{address.Hash.ToHex()}:";
        return Make(directory, "output:out", NixHash.Sha256(Encoding.UTF8.GetBytes(inner)), name);
    }

    /// <summary>The path of a derivation's output, by the derivation's hash modulo its inputs.</summary>
    public static StorePath MakeOutput(StoreDirectory directory, string derivationName, string outputName, NixHash modulo)
    {
        RequireSha256(modulo);
        return Make(directory, $"output:{outputName}", modulo, OutputPathName(derivationName, outputName));
    }

    /// <summary>The name part of an output's path: the derivation's, and a dash and the output's unless that is <c>out</c>.</summary>
    public static string OutputPathName(string derivationName, string outputName) =>
        outputName == "out" ? derivationName : $"{derivationName}-{outputName}";

    private static string WithReferences(StoreDirectory directory, string type, IEnumerable<StorePath> references)
    {
        var text = new StringBuilder(type);
        foreach (var reference in references.Order())
        {
            text.Append(':').Append(directory.Print(reference));
        }

        return text.ToString();
    }

    private static void RequireSha256(NixHash hash)
    {
        ArgumentNullException.ThrowIfNull(hash);
        if (hash.Algorithm != NixHashAlgorithm.Sha256)
        {
            throw new ArgumentException("Expected a SHA-256.", nameof(hash));
        }
    }
}
