using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon.Adding;

/// <summary>
/// Compares an object with the content address that a client claims for it, while its NAR passes by. Keeps the contents of
/// derivations, which are to be looked into.
/// </summary>
internal sealed class ContentCheck : IDisposable
{
    private readonly StoreDirectory _directory;
    private readonly PathInfo _info;
    private readonly ContentHash? _fileHash;
    private readonly ContentHash? _narHash;
    private readonly HashModulo? _modulo;
    private readonly MemoryStream? _contents;

    /// <summary>Prepares for what the claimed address needs.</summary>
    /// <exception cref="DaemonStoreException">The address cannot be that of this path.</exception>
    internal ContentCheck(StoreDirectory directory, PathInfo info)
    {
        _directory = directory;
        _info = info;
        if (info.ContentAddress is not { } address)
        {
            return;
        }

        RequirePath(address);
        switch (address.Method)
        {
            case ContentAddressMethod.Text or ContentAddressMethod.Flat:
                _fileHash = new ContentHash(address.Hash.Algorithm);
                _contents = IsDerivation ? new MemoryStream() : null;
                Visitor = new SingleFile(AppendContents);
                break;
            case ContentAddressMethod.Nar when info.References.Contains(info.Path):
                _modulo = new HashModulo(info.Path.HashPart);
                break;
            case ContentAddressMethod.Nar:
                _narHash = address.Hash.Algorithm == NixHashAlgorithm.Sha256 ? null : new ContentHash(address.Hash.Algorithm);
                break;
            default:
                throw new DaemonStoreException($"cannot add path '{directory.Print(info.Path)}': Git content addresses are not supported");
        }
    }

    /// <summary>What is to see the tree.</summary>
    internal INarVisitor Visitor { get; } = AnyTree.Instance;

    /// <summary>Contents of a derivation; null for other objects.</summary>
    internal ReadOnlyMemory<byte>? Derivation =>
        _contents is null ? default(ReadOnlyMemory<byte>?) : _contents.GetBuffer().AsMemory(0, (int)_contents.Length);

    private bool IsDerivation => _info.ContentAddress?.Method == ContentAddressMethod.Text && DerivationLibrary.IsDerivation(_info.Path);

    /// <summary>Takes the next bytes of the NAR.</summary>
    internal void Append(ReadOnlySpan<byte> nar)
    {
        _narHash?.Append(nar);
        _modulo?.Append(nar);
    }

    /// <summary>Compares, once the NAR is complete.</summary>
    /// <param name="narHash">The NAR's own hash.</param>
    /// <exception cref="DaemonStoreException">The object has another address.</exception>
    internal void Finish(NixHash narHash)
    {
        if (_info.ContentAddress is not { } address)
        {
            return;
        }

        if (_modulo is not null)
        {
            var (with, without) = _modulo.Finish();
            Require(address.Hash.Equals(with) || address.Hash.Equals(without), address, with);
            return;
        }

        var found = (_fileHash ?? _narHash)?.Finish() ?? narHash;
        Require(found.Equals(address.Hash) && Visitor is not SingleFile { IsExecutable: true }, address, found);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _fileHash?.Dispose();
        _narHash?.Dispose();
        _modulo?.Dispose();
        _contents?.Dispose();
    }

    private void AppendContents(ReadOnlySpan<byte> data)
    {
        _fileHash!.Append(data);
        if (_contents?.Length + data.Length > WireLimits.DerivationBytesMax)
        {
            throw new DaemonStoreException($"'{_directory.Print(_info.Path)}' has more than the {WireLimits.DerivationBytesMax} bytes of a derivation");
        }

        _contents?.Write(data);
    }

    private void RequirePath(ContentAddress address)
    {
        bool refersToItself = _info.References.Contains(_info.Path);
        StorePath computed;
        try
        {
            computed = StorePathComputation.MakeFixed(
                _directory, _info.Path.Name, address, _info.References.Where(reference => reference != _info.Path), refersToItself);
        }
        catch (ArgumentException e)
        {
            throw new DaemonStoreException($"cannot add path '{_directory.Print(_info.Path)}': {e.Message}", e);
        }

        if (computed != _info.Path)
        {
            throw new DaemonStoreException(
                $"cannot add path '{_directory.Print(_info.Path)}': its content address {address} belongs to '{_directory.Print(computed)}'");
        }
    }

    private void Require(bool right, ContentAddress claimed, NixHash found)
    {
        if (!right)
        {
            string reason = found.Equals(claimed.Hash) ? "the file is executable" : $"the content has the hash {found}";
            throw new DaemonStoreException(
                $"ca hash mismatch importing path '{_directory.Print(_info.Path)}': claimed {claimed}, but {reason}");
        }
    }
}
