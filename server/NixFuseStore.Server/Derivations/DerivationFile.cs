using NixFuseStore.Content;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.Derivations;
using NixFuseStore.Server.Base;

namespace NixFuseStore.Server.Derivations;

/// <summary>Reads .drv files out of their manifests.</summary>
internal static class DerivationFile
{
    /// <summary>Longer derivations are not taken; the longest of nixpkgs have some hundred KiB.</summary>
    public const int BytesMax = 16 << 20;

    private const string Extension = ".drv";

    /// <summary>Whether the path is that of a derivation, which alone its name decides in Nix.</summary>
    public static bool IsNameOf(StorePath path) => path.BaseName.EndsWith(Extension, StringComparison.Ordinal);

    /// <summary>The derivation's own name.</summary>
    public static string NameOf(StorePath path) => path.Name[..^Extension.Length];

    /// <summary>Puts the file together and reads it.</summary>
    /// <exception cref="RejectedRequestException">It is no file, too long, or holds no derivation.</exception>
    public static Derivation Read(Manifest manifest, IChunkSource source, CancellationToken cancellation)
    {
        if (manifest.Header.RootKind != EntryKind.Regular || manifest.Header.RootSize > BytesMax)
        {
            throw new RejectedRequestException($"a derivation is a file of at most {BytesMax} bytes, and this is none");
        }

        var contents = new Contents((int)manifest.Header.RootSize);
        ContentAssembler.Write(manifest, source, contents, cancellation);
        try
        {
            return Derivation.Parse(contents.Bytes);
        }
        catch (FormatException e)
        {
            throw new RejectedRequestException(e.Message.TrimEnd('.'));
        }
    }

    private sealed class Contents(int length) : INarVisitor
    {
        private readonly byte[] _bytes = new byte[length];
        private int _written;

        public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _written);

        public void FileData(ReadOnlySpan<byte> data)
        {
            data.CopyTo(_bytes.AsSpan(_written));
            _written += data.Length;
        }

        public void EnterDirectory(ReadOnlySpan<byte> name)
        {
        }

        public void LeaveDirectory()
        {
        }

        public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
        {
        }

        public void EndFile()
        {
        }

        public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
        {
        }
    }
}
