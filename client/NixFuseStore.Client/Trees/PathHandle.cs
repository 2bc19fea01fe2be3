using System.Text;
using NixFuseStore.Content;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Trees;

/// <summary>
/// A valid path with a verified record. A handle stands for (path, manifest digest) and so for the same bytes for ever: a path that was
/// removed and registered again with other content gets another handle. Handles stay usable after the path was removed, as far as the
/// bytes can still be had.
/// </summary>
public sealed partial class PathHandle
{
    private volatile ManifestTree? _tree;

    /// <summary>A handle of a record that was verified.</summary>
    /// <param name="info">The record's fields.</param>
    /// <param name="header">The manifest header that the record carries.</param>
    public PathHandle(PathInfo info, ManifestHeader header)
    {
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(header);
        Info = info;
        Header = header;
        Digest = header.Digest;
        BaseName = Encoding.ASCII.GetBytes(info.Path.BaseName);
    }

    /// <summary>The path.</summary>
    public StorePath Path => Info.Path;

    /// <summary>The base name as bytes.</summary>
    public ReadOnlyMemory<byte> BaseName { get; }

    /// <summary>The verified fields of the path: NAR hash and size, references, deriver, signatures. Signatures may come to it later.</summary>
    public PathInfo Info { get; internal set; }

    /// <summary>Digest of the manifest.</summary>
    public ManifestDigest Digest { get; }

    /// <summary>The verified manifest header: kind, size and executable bit of the root, and the digests of the sections.</summary>
    public ManifestHeader Header { get; }

    /// <summary>The tree while it is in memory, else null; the reader brings it back.</summary>
    public ManifestTree? Tree
    {
        get
        {
            Touch();
            return _tree;
        }

        internal set => _tree = value;
    }

    /// <summary>A number that the file system gives this handle once; 0 before. This project only carries it.</summary>
    public uint Slot { get; set; }

    /// <summary>The inode number that the file system shows for the path itself, the entries of its tree following; given with <see cref="Slot"/>.</summary>
    public uint FirstInode { get; set; }

    /// <summary>The file system needs just this handle, since the kernel knows files of the path: it is not forgotten meanwhile.</summary>
    public bool IsHeld { get; set; }

    /// <summary>The server has said that it cannot give all of the content. What of it is on this host is read all the same.</summary>
    public bool IsDamaged { get; internal set; }

    /// <summary>True once the store no longer holds the path (with this content).</summary>
    public bool IsRemoved { get; internal set; }
}
