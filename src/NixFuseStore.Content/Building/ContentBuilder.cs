using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Content;

/// <summary>
/// Makes the manifest of a file tree from its events: blanks store hashes, cuts the stream, hands every chunk to a sink. Serves one tree.
/// </summary>
/// <remarks>
/// Memory is bounded by the number of entries, never by file sizes. Equal trees give equal manifests, however their data is split.
/// Calls must not overlap; after an exception the builder is of no more use.
/// </remarks>
public sealed class ContentBuilder : INarVisitor
{
    private readonly ChunkingParameters _parameters;
    private readonly HashScanner _scanner;
    private readonly StoreHashTable _hashes = new();
    private readonly ContentStreamBuilder _stream;
    private readonly TreeBuilder _tree = new();
    private readonly Stack<Level> _levels = new();
    private Level _level; // of the directory being filled
    private ulong _fileSize;
    private ulong _fileLeft;
    private bool _inFile;
    private bool _finished;

    /// <summary>Begins a manifest with the current chunking parameters.</summary>
    /// <param name="directory">The store directory, behind which hashes are blanked.</param>
    /// <param name="sink">Gets the chunks, on the calling thread.</param>
    public ContentBuilder(StoreDirectory directory, IChunkSink sink)
        : this(directory, sink, ChunkingParameters.Current)
    {
    }

    /// <summary>Begins a manifest with given chunking parameters.</summary>
    /// <param name="directory">The store directory, behind which hashes are blanked.</param>
    /// <param name="sink">Gets the chunks, on the calling thread.</param>
    /// <param name="parameters">How to cut.</param>
    public ContentBuilder(StoreDirectory directory, IChunkSink sink, ChunkingParameters parameters)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(sink);
        ArgumentNullException.ThrowIfNull(parameters);
        _parameters = parameters;
        _scanner = new HashScanner(directory);
        _stream = new ContentStreamBuilder(_scanner, parameters, sink, _hashes);
    }

    /// <inheritdoc/>
    /// <exception cref="ManifestFormatException">No NAR has such an entry here.</exception>
    public void EnterDirectory(ReadOnlySpan<byte> name)
    {
        if (_levels.Count == NarLimits.DepthMax)
        {
            throw new ManifestFormatException($"The tree has directories nested deeper than {NarLimits.DepthMax}.");
        }

        var number = Add((byte)EntryKind.Directory, name, 0, default);
        _levels.Push(_level);
        _level = new Level(number, LastChild: -1);
    }

    /// <inheritdoc/>
    public void LeaveDirectory()
    {
        Require(_levels.Count > 0 && !_inFile);
        _level = _levels.Pop();
    }

    /// <inheritdoc/>
    /// <exception cref="ManifestFormatException">No NAR has such an entry here.</exception>
    public void BeginFile(ReadOnlySpan<byte> name, bool executable, ulong size)
    {
        if (size > NarLimits.FileBytesMax)
        {
            throw new ManifestFormatException($"The tree has a file of {size} bytes, which no file can have.");
        }

        Add((byte)(executable ? (byte)EntryKind.Regular | ManifestTree.ExecutableFlag : (byte)EntryKind.Regular), name, size, default);
        _stream.BeginFile(size);
        _fileSize = size;
        _fileLeft = size;
        _inFile = true;
    }

    /// <inheritdoc/>
    public void FileData(ReadOnlySpan<byte> data)
    {
        Require(_inFile && (ulong)data.Length <= _fileLeft);
        _fileLeft -= (ulong)data.Length;
        _stream.Append(data);
    }

    /// <inheritdoc/>
    public void EndFile()
    {
        Require(_inFile && _fileLeft == 0);
        _stream.EndFile(_fileSize);
        _inFile = false;
    }

    /// <inheritdoc/>
    /// <exception cref="ManifestFormatException">No NAR has such an entry here.</exception>
    public void Symlink(ReadOnlySpan<byte> name, ReadOnlySpan<byte> target)
    {
        if (!NarLimits.IsTarget(target))
        {
            throw new ManifestFormatException("The tree has a symlink with an impossible target.");
        }

        Add((byte)EntryKind.Symlink, name, 0, target);
    }

    /// <summary>Ends the tree: the last chunks go to the sink, and the manifest is made. To be called once, after the root's last event.</summary>
    public Manifest Finish()
    {
        Require(!_finished && _tree.Count > 0 && _levels.Count == 0 && !_inFile);
        _finished = true;
        _stream.Finish();
        var tree = _tree.Write(_scanner, _hashes);
        var chunks = ChunkList.Write(_stream.Chunks);
        var blanks = BlankList.Write(_stream.Blanks);
        var parsed = ManifestTree.Parse(tree);
        var header = ManifestHeader.Create(_parameters.Id, parsed, _stream.Chunks.Count, _hashes.PackedBytes, tree, chunks, blanks);
        return new Manifest(header, tree, chunks, blanks);
    }

    private int Add(byte kind, ReadOnlySpan<byte> name, ulong size, ReadOnlySpan<byte> target)
    {
        Require(!_inFile && !_finished);
        var isRoot = _tree.Count == 0;
        Require(isRoot || _levels.Count > 0);
        if (isRoot ? !name.IsEmpty : !NarLimits.IsEntryName(name))
        {
            throw new ManifestFormatException("The tree has a name that no file can have.");
        }

        if (_level.LastChild >= 0 && _levels.Count > 0 && _tree.Name(_level.LastChild).SequenceCompareTo(name) >= 0)
        {
            throw new ManifestFormatException("The tree has names out of order.");
        }

        var number = _tree.Add(kind, isRoot ? 0 : _level.Directory, name, size, target);
        _level = _level with { LastChild = number };
        return number;
    }

    private static void Require(bool inOrder)
    {
        if (!inOrder)
        {
            throw new InvalidOperationException("The events of a tree came out of order.");
        }
    }

    /// <summary>A directory being filled, and the child added to it last (-1 for none).</summary>
    private readonly record struct Level(int Directory, int LastChild);
}
