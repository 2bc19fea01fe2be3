using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Adding;

/// <summary>
/// Compares an object with the content address that a client claims for it, while its NAR passes by. Keeps the contents of
/// derivations, which are to be looked into.
/// </summary>
internal sealed class ContentCheck : IDisposable
{
    private readonly StoreDirectory _directory;
    private readonly PathInfo _info;
    private readonly ContentAddressVerifier _verifier;
    private readonly MemoryStream? _contents;

    /// <summary>Prepares for what the claimed address needs.</summary>
    /// <exception cref="DaemonStoreException">The address cannot be that of this path.</exception>
    internal ContentCheck(StoreDirectory directory, PathInfo info)
    {
        _directory = directory;
        _info = info;
        if (info.ContentAddress?.Method == ContentAddressMethod.Text && DerivationLibrary.IsDerivation(info.Path))
        {
            _contents = new MemoryStream();
        }

        try
        {
            _verifier = new ContentAddressVerifier(directory, info, AppendContents);
        }
        catch (ContentAddressException e)
        {
            throw new DaemonStoreException($"cannot add path '{directory.Print(info.Path)}': {e.Message}", e);
        }
    }

    /// <summary>What is to see the tree.</summary>
    internal INarVisitor Visitor => _verifier.Visitor;

    /// <summary>Contents of a derivation; null for other objects.</summary>
    internal ReadOnlyMemory<byte>? Derivation =>
        _contents is null ? default(ReadOnlyMemory<byte>?) : _contents.GetBuffer().AsMemory(0, (int)_contents.Length);

    /// <summary>Takes the next bytes of the NAR.</summary>
    internal void Append(ReadOnlySpan<byte> nar) => _verifier.Nar?.Write(nar);

    /// <summary>Compares, once the NAR is complete.</summary>
    /// <param name="narHash">The NAR's own hash.</param>
    /// <exception cref="DaemonStoreException">The object has another address.</exception>
    internal void Finish(NixHash narHash)
    {
        try
        {
            _verifier.Finish(narHash);
        }
        catch (ContentAddressException e)
        {
            throw new DaemonStoreException($"ca hash mismatch importing path '{_directory.Print(_info.Path)}': {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _verifier.Dispose();
        _contents?.Dispose();
    }

    private void AppendContents(ReadOnlySpan<byte> data)
    {
        if (_contents?.Length + data.Length > WireLimits.DerivationBytesMax)
        {
            throw new DaemonStoreException($"'{_directory.Print(_info.Path)}' has more than the {WireLimits.DerivationBytesMax} bytes of a derivation");
        }

        _contents?.Write(data);
    }
}
