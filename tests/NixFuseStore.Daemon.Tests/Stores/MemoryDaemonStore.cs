using System.Collections.Concurrent;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;
using NixFuseStore.Nix.Derivations;

namespace NixFuseStore.Daemon.Tests.Stores;

/// <summary>A store in memory, for conversations that need no files.</summary>
internal sealed class MemoryDaemonStore : IDaemonStore
{
    private readonly ConcurrentDictionary<StorePath, (PathInfo Info, byte[] Nar)> _paths = new();
    private readonly ConcurrentDictionary<string, string> _realisations = new();
    private readonly ConcurrentDictionary<StorePath, byte[]> _logs = new();

    public StoreDirectory Directory => StoreDirectory.Default;

    /// <summary>Imports begun and not disposed.</summary>
    public int OpenImports;

    /// <summary>Registrations under way, and those that were.</summary>
    public ConcurrentDictionary<StorePath, Task> Registrations { get; } = new();

    /// <summary>What can be "fetched".</summary>
    public ConcurrentDictionary<StorePath, SubstitutablePath> Substitutes { get; } = new();

    /// <summary>Those of each connection that there was.</summary>
    public ConcurrentQueue<MemoryTemporaryRoots> TemporaryRoots { get; } = new();

    public ConcurrentQueue<(string Link, StorePath Target)> Roots { get; } = new();

    public ConcurrentQueue<(string Link, DaemonPeer Peer)> IndirectRoots { get; } = new();

    /// <summary>Those of the paths whose content is not whole; adding heals them.</summary>
    public ConcurrentDictionary<StorePath, bool> Damaged { get; } = new();

    public ConcurrentDictionary<StorePath, byte[]> Logs => _logs;

    public IReadOnlyCollection<StorePath> Paths => [.. _paths.Keys.Order()];

    /// <summary>Awaited within each registration; tests hold it up or make it fail.</summary>
    public Func<PathInfo, CancellationToken, Task> Registering { get; set; } = (_, _) => Task.CompletedTask;

    /// <summary>Awaited within each question; tests hold it up or make it fail.</summary>
    public Func<CancellationToken, Task>? Asked { get; set; }

    public void Add(PathInfo info, byte[] nar) => _paths[info.Path] = (info, nar);

    public bool IsDamaged(StorePath path) => Damaged.ContainsKey(path);

    public PathInfo Get(StorePath path) => _paths[path].Info;

    public byte[] GetNar(StorePath path) => _paths[path].Nar;

    public async ValueTask<PathInfo?> FindPathAsync(StorePath path, CancellationToken cancellationToken)
    {
        if (Asked is { } asked)
        {
            await asked(cancellationToken);
        }

        return _paths.TryGetValue(path, out var found) ? found.Info : null;
    }

    public PathInfo? PeekPath(StorePath path) => _paths.TryGetValue(path, out var found) ? found.Info : null;

    public ValueTask<IReadOnlyCollection<StorePath>> FilterValidAsync(
        IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => new([.. paths.Where(_paths.ContainsKey)]);

    public ValueTask<StorePath?> FindByHashPartAsync(string hashPart, CancellationToken cancellationToken) =>
        new(_paths.Keys.Where(path => path.HashPart == hashPart).Select(path => (StorePath?)path).FirstOrDefault());

    public Task<IReadOnlyCollection<StorePath>> ListValidAsync(CancellationToken cancellationToken) => Task.FromResult(Paths);

    public Task<IReadOnlyCollection<StorePath>> GetReferrersAsync(StorePath path, CancellationToken cancellationToken) =>
        Result(_paths.Values.Where(found => found.Info.References.Contains(path)).Select(found => found.Info.Path));

    public Task<IReadOnlyCollection<StorePath>> GetValidDeriversAsync(StorePath path, CancellationToken cancellationToken) =>
        Result(_paths.Values
            .Where(found => found.Info.Path.BaseName.EndsWith(".drv", StringComparison.Ordinal))
            .Where(found => Derivation.Parse(NarFile.Contents(found.Nar)).Outputs.Any(output => output.Path == Directory.Print(path)))
            .Select(found => found.Info.Path));

    public Task<ReadOnlyMemory<byte>?> ReadFileAsync(StorePath path, int bytesMax, CancellationToken cancellationToken) =>
        Task.FromResult<ReadOnlyMemory<byte>?>(_paths.TryGetValue(path, out var found) ? NarFile.Contents(found.Nar) : null);

    public async Task WriteNarAsync(StorePath path, Stream destination, CancellationToken cancellationToken)
    {
        if (!_paths.TryGetValue(path, out var found))
        {
            throw new DaemonStoreException($"path '{Directory.Print(path)}' is not valid");
        }

        await destination.WriteAsync(found.Nar, cancellationToken);
    }

    public async Task<bool> VerifyAsync(bool checkContents, bool repair, Func<string, ValueTask> problem, CancellationToken cancellationToken)
    {
        await problem("path '/nix/store/x' is broken");
        return !repair;
    }

    public IPathImport BeginImport(ulong? narBytes, INarVisitor? observer) => new MemoryPathImport(this, observer ?? AnyTree.Instance);

    public Task AddSignaturesAsync(StorePath path, IReadOnlyCollection<NixSignature> signatures, CancellationToken cancellationToken)
    {
        var (info, nar) = _paths[path];
        _paths[path] = (info with { Signatures = [.. info.Signatures, .. signatures] }, nar);
        return Task.CompletedTask;
    }

    public async Task AddBuildLogAsync(StorePath derivation, Stream log, bool failed, CancellationToken cancellationToken)
    {
        using var text = new MemoryStream();
        await log.CopyToAsync(text, cancellationToken);
        _logs[derivation] = text.ToArray();
    }

    public Task<IReadOnlyCollection<SubstitutablePath>> FindSubstitutableAsync(
        IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken) => Task.FromResult<IReadOnlyCollection<SubstitutablePath>>(
        [.. paths.Where(Substitutes.ContainsKey).Select(path => Substitutes[path])]);

    public Task<IReadOnlyCollection<StorePath>> SubstituteAsync(IReadOnlyCollection<StorePath> paths, CancellationToken cancellationToken)
    {
        foreach (var path in paths.Where(Substitutes.ContainsKey))
        {
            byte[] nar = NarFile.Of("substituted");
            Add(new PathInfo { Path = path, NarHash = NixHash.Sha256(nar), NarSize = (ulong)nar.Length }, nar);
        }

        return Result(paths.Where(_paths.ContainsKey));
    }

    /// <summary>Whether a later realisation takes the place of the first, as it may where that is not valid.</summary>
    internal bool ReplacesRealisations { get; set; }

    public Task<string> AddRealisationAsync(string id, string json, CancellationToken cancellationToken) =>
        Task.FromResult(ReplacesRealisations ? _realisations[id] = json : _realisations.GetOrAdd(id, json));

    public Task<string?> FindRealisationAsync(string id, CancellationToken cancellationToken) =>
        Task.FromResult(_realisations.GetValueOrDefault(id));

    public ITemporaryRoots OpenTemporaryRoots()
    {
        var roots = new MemoryTemporaryRoots();
        TemporaryRoots.Enqueue(roots);
        return roots;
    }

    public Task<string?> AddIndirectRootAsync(string link, DaemonPeer peer, CancellationToken cancellationToken)
    {
        if (link.StartsWith("/elsewhere/", StringComparison.Ordinal))
        {
            return Task.FromResult<string?>("it cannot be seen");
        }

        IndirectRoots.Enqueue((link, peer));
        return Task.FromResult<string?>(null);
    }

    public Task AddPermanentRootAsync(StorePath path, string link, DaemonPeer peer, CancellationToken cancellationToken)
    {
        Roots.Enqueue((link, path));
        return Task.CompletedTask;
    }

    public Task<IReadOnlyCollection<(string Link, StorePath Target)>> FindRootsAsync(CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyCollection<(string, StorePath)>>(
            [.. Roots, .. KeptForNow().Select(path => ("{temp:1}", path))]);

    public Task<IReadOnlyCollection<StorePath>> ListByLivenessAsync(bool live, CancellationToken cancellationToken)
    {
        var kept = Roots.Select(root => root.Target).Concat(KeptForNow()).ToHashSet();
        return Result(Paths.Where(path => kept.Contains(path) == live));
    }

    private IEnumerable<StorePath> KeptForNow() => TemporaryRoots.Where(roots => !roots.IsReleased).SelectMany(roots => roots.Paths).Distinct();

    private static Task<IReadOnlyCollection<StorePath>> Result(IEnumerable<StorePath> paths) =>
        Task.FromResult<IReadOnlyCollection<StorePath>>([.. paths.Order()]);
}
