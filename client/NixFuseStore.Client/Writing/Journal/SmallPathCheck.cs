using System.Runtime.InteropServices;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Writing;

/// <summary>
/// Whether a path can be answered before the server has seen it: only if the server cannot but accept it, that is where its name is computed
/// from its content and nothing in its record is open to doubt. Texts (every .drv), plain files and trees by SHA-256 are.
/// </summary>
internal static class SmallPathCheck
{
    private const string DerivationSuffix = ".drv";
    private const int SignaturesMax = 16;

    /// <param name="directory">The store's directory.</param>
    /// <param name="info">What is to be recorded; its hash and size are those of the NAR.</param>
    /// <param name="nar">The whole NAR, parsed before.</param>
    public static bool Allows(StoreDirectory directory, PathInfo info, ReadOnlySpan<byte> nar)
    {
        if (info.ContentAddress is not { Hash.Algorithm: NixHashAlgorithm.Sha256 } address
            || info.References.Contains(info.Path)
            || info.Signatures.Count > SignaturesMax
            || (info.Deriver is { } deriver && !deriver.Name.EndsWith(DerivationSuffix, StringComparison.Ordinal)))
        {
            return false;
        }

        return IsPathOf(directory, info, address) && (address.Method switch
        {
            ContentAddressMethod.Nar => info.NarHash,
            ContentAddressMethod.Text or ContentAddressMethod.Flat => HashOfFile(nar),
            _ => null,
        })?.Equals(address.Hash) == true;
    }

    private static bool IsPathOf(StoreDirectory directory, PathInfo info, ContentAddress address)
    {
        try
        {
            return StorePathComputation.MakeFixed(directory, info.Path.Name, address, info.References) == info.Path;
        }
        catch (ArgumentException)
        {
            // Such an address has no references.
            return false;
        }
    }

    // Null for what is no plain file.
    private static NixHash? HashOfFile(ReadOnlySpan<byte> nar)
    {
        var file = new PlainFile();
        new NarParser(file).Write(nar);
        return file.Hash;
    }

    private sealed class PlainFile : INarVisitor
    {
        private readonly List<byte> _content = [];
        private bool _isPlain;

        public NixHash? Hash => _isPlain ? NixHash.Sha256(CollectionsMarshal.AsSpan(_content)) : null;

        // Files in directories have names.
        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size) => _isPlain = name.IsEmpty && !executable;

        public void FileData(ReadOnlySpan<byte> data) => _content.AddRange(data);

        public void EndFile()
        {
        }

        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
