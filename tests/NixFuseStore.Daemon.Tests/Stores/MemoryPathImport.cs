using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Daemon.Tests.Stores;

internal sealed class MemoryPathImport : IPathImport
{
    private readonly MemoryDaemonStore _store;
    private readonly MemoryStream _nar = new();
    private readonly NarParser _parser;
    private bool _disposed;

    internal MemoryPathImport(MemoryDaemonStore store, INarVisitor observer)
    {
        _parser = new NarParser(observer);
        _store = store;
        Interlocked.Increment(ref store.OpenImports);
    }

    public bool IsComplete => _parser.IsComplete;

    public ValueTask<int> WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        Assert.False(_disposed);
        int taken = _parser.Write(bytes.Span);
        _nar.Write(bytes.Span[..taken]);
        return ValueTask.FromResult(taken);
    }

    public (NixHash NarHash, ulong NarSize) Finish()
    {
        Assert.True(IsComplete);
        return (NixHash.Sha256(_nar.ToArray()), (ulong)_nar.Length);
    }

    public async Task<PathInfo> RegisterAsync(PathInfo info, CancellationToken cancellationToken)
    {
        // What refers to paths that are on their way waits for them.
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var earlier = info.References.Where(_store.Registrations.ContainsKey).Select(path => _store.Registrations[path]).ToList();
        _store.Registrations[info.Path] = done.Task;
        try
        {
            await _store.Registering(info, cancellationToken);
            await Task.WhenAll(earlier);
            Assert.False(_disposed);
            return Register(info);
        }
        finally
        {
            done.SetResult();
        }
    }

    public ValueTask DisposeAsync()
    {
        if (!_disposed)
        {
            _disposed = true;
            Interlocked.Decrement(ref _store.OpenImports);
        }

        return default;
    }

    private PathInfo Register(PathInfo info)
    {
        if (_store.PeekPath(info.Path) is { } registered)
        {
            _store.Damaged.TryRemove(info.Path, out _);
            return registered;
        }

        foreach (var reference in info.References)
        {
            if (reference != info.Path && _store.PeekPath(reference) is null)
            {
                throw new DaemonStoreException(
                    $"cannot register '{_store.Directory.Print(info.Path)}': its reference '{_store.Directory.Print(reference)}' is not valid");
            }
        }

        _store.Add(info, _nar.ToArray());
        return info;
    }
}
