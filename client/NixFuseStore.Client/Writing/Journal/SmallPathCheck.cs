using System.Runtime.InteropServices;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Client.Writing;

/// <summary>
/// Whether a path can be answered before the server has seen it: only if the server cannot but accept it, that is where its name is computed
/// from its content and nothing in its record is open to doubt. Texts, plain files and trees by SHA-256 are; derivations, where their
/// inputs are known. Any thread.
/// </summary>
internal sealed class SmallPathCheck(StoreDirectory directory)
{
    private const int SignaturesMax = 16;

    private readonly KnownDerivations _derivations = new(directory);

    /// <param name="info">What is to be recorded; its hash and size are those of the NAR.</param>
    /// <param name="nar">The whole NAR, parsed before.</param>
    public bool Allows(PathInfo info, ReadOnlySpan<byte> nar)
    {
        if (info.ContentAddress is not { Hash.Algorithm: NixHashAlgorithm.Sha256 } address
            || info.References.Contains(info.Path)
            || info.Signatures.Count > SignaturesMax
            || (info.Deriver is { } deriver && !KnownDerivations.IsNameOf(deriver))
            || !IsPathOf(info, address))
        {
            return false;
        }

        var file = new PlainFile();
        new NarParser(file).Write(nar);
        var hash = address.Method switch
        {
            ContentAddressMethod.Nar => info.NarHash,
            ContentAddressMethod.Text or ContentAddressMethod.Flat => file.Hash,
            _ => null,
        };
        return address.Hash.Equals(hash) && (!KnownDerivations.IsNameOf(info.Path) || _derivations.TryLearn(info, file.Content));
    }

    private bool IsPathOf(PathInfo info, ContentAddress address)
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

    private sealed class PlainFile : INarVisitor
    {
        private readonly List<byte> _content = [];
        private bool _isPlain;

        public ReadOnlySpan<byte> Content => CollectionsMarshal.AsSpan(_content);

        /// <summary>Null for what is no plain file.</summary>
        public NixHash? Hash => _isPlain ? NixHash.Sha256(Content) : null;

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
