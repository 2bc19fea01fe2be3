using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Nix.ContentAddresses;

/// <summary>
/// Nix's rules about what a content address says of a path and of its content, while the NAR passes by: the tree goes to
/// <see cref="Visitor"/>, the bytes go to <see cref="Nar"/>, then <see cref="Finish"/> decides. A path without a content address passes.
/// Not for several threads at once.
/// </summary>
public sealed class ContentAddressVerifier : IDisposable
{
    private readonly ContentAddress? _address;
    private readonly ContentHash? _fileHash;
    private readonly ContentHash? _narHash;
    private readonly SelfHash? _selfHash;

    /// <summary>Checks the path, and prepares for what its address needs of the content.</summary>
    /// <param name="directory">The store's directory.</param>
    /// <param name="info">The path, its references, its content address.</param>
    /// <param name="fileData">Gets the contents of an object that is a single file by its address; may be null.</param>
    /// <exception cref="ContentAddressException">The address cannot be that of this path.</exception>
    public ContentAddressVerifier(StoreDirectory directory, PathInfo info, FileDataHandler? fileData = null)
    {
        ArgumentNullException.ThrowIfNull(info);
        RequirePath(directory, info);
        _address = info.ContentAddress;
        switch (_address?.Method)
        {
            case ContentAddressMethod.Text or ContentAddressMethod.Flat:
                _fileHash = new ContentHash(_address.Hash.Algorithm);
                Visitor = new SingleFile(data =>
                {
                    _fileHash.Write(data);
                    fileData?.Invoke(data);
                });
                break;
            case ContentAddressMethod.Nar when info.References.Contains(info.Path):
                Nar = _selfHash = new SelfHash(info.Path.HashPart);
                break;
            case ContentAddressMethod.Nar when _address.Hash.Algorithm != NixHashAlgorithm.Sha256:
                Nar = _narHash = new ContentHash(_address.Hash.Algorithm);
                break;
            case ContentAddressMethod.Git:
                throw new ContentAddressException($"the content address {_address} cannot be checked: Git content addresses are not supported");
        }
    }

    /// <summary>What is to see the tree; one that keeps nothing where the tree does not matter.</summary>
    public INarVisitor Visitor { get; } = AnyTree.Instance;

    /// <summary>What is to get the bytes of the NAR; null where they do not matter.</summary>
    public INarOutput? Nar { get; }

    /// <summary>Whether the content must be seen at all: else the NAR's hash decides.</summary>
    public bool NeedsContent => Nar is not null || _fileHash is not null;

    /// <summary>Makes sure that the path follows from its address.</summary>
    /// <exception cref="ContentAddressException">It does not.</exception>
    public static void RequirePath(StoreDirectory directory, PathInfo info)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(info);
        if (info.ContentAddress is not { } address)
        {
            return;
        }

        StorePath computed;
        try
        {
            computed = StorePathComputation.MakeFixed(
                directory, info.Path.Name, address, info.References.Where(reference => reference != info.Path), info.References.Contains(info.Path));
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new ContentAddressException($"the content address {address} cannot be that of this path: {e.Message}", e);
        }

        if (computed != info.Path)
        {
            throw new ContentAddressException($"the content address {address} belongs to '{directory.Print(computed)}'");
        }
    }

    /// <summary>Sees a whole object at once, and decides.</summary>
    /// <param name="narHash">SHA-256 of the NAR.</param>
    /// <param name="write">Sends the tree to a visitor; not called where the NAR's hash decides.</param>
    /// <exception cref="ContentAddressException">The content has another address.</exception>
    public void Verify(NixHash narHash, Action<INarVisitor> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (NeedsContent)
        {
            write(Nar is null ? Visitor : new NarWriter(Nar));
        }

        Finish(narHash);
    }

    /// <summary>Compares, once the content is complete. To be called once.</summary>
    /// <param name="narHash">SHA-256 of the NAR.</param>
    /// <exception cref="ContentAddressException">The content has another address.</exception>
    public void Finish(NixHash narHash)
    {
        ArgumentNullException.ThrowIfNull(narHash);
        if (_address is null)
        {
            return;
        }

        if (_selfHash is not null)
        {
            var (with, without) = _selfHash.Finish();
            Require(_address.Hash.Equals(with) || _address.Hash.Equals(without), with);
            return;
        }

        var found = (_fileHash ?? _narHash)?.Finish() ?? narHash;
        Require(_address.Hash.Equals(found), found);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fileHash?.Dispose();
        _narHash?.Dispose();
        _selfHash?.Dispose();
    }

    private void Require(bool right, NixHash found)
    {
        if (!right)
        {
            throw new ContentAddressException($"the content's hash is {found}, but its content address {_address}");
        }
    }
}
