using NixFuseStore.Builds.Fleet;
using NixFuseStore.Daemon;
using NixFuseStore.Nix;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Builds.Outputs;

/// <summary>
/// Takes outputs from the disk of a cell into the store. What stock Nix says of them is compared with the very bytes that are sent: hash, size,
/// references, content address.
/// </summary>
internal sealed class OutputImport(IDaemonStore store)
{
    private const int MessageCharactersMax = 400;

    /// <summary>Reads the outputs of one build and compares them, referenced ones before those that refer to them; nothing is registered here.</summary>
    /// <param name="build">What was built.</param>
    /// <param name="outputs">What stock Nix says of its outputs.</param>
    /// <param name="inputs">All that the outputs may refer to beside each other.</param>
    /// <param name="pathOf">Where an output lies on disk; nothing can change it any more.</param>
    /// <param name="register">Registers them all.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="DaemonStoreException">They are not what stock Nix says, or cannot be registered.</exception>
    internal async Task<T> ImportAsync<T>(
        BuildStep build,
        IReadOnlyCollection<PathInfo> outputs,
        IReadOnlyDictionary<StorePath, PathInfo> inputs,
        Func<StorePath, string> pathOf,
        Func<IReadOnlyList<BuiltOutput>, Task<T>> register,
        CancellationToken cancellation)
    {
        StorePath[] candidates = [.. inputs.Keys, .. outputs.Select(static output => output.Path)];
        var imported = new List<BuiltOutput>();
        try
        {
            // What came to the same as one of the inputs is valid, and lies nowhere else.
            foreach (var output in InOrder([.. outputs.Where(output => !inputs.ContainsKey(output.Path))]))
            {
                var info = new PathInfo
                {
                    Path = output.Path,
                    NarHash = output.NarHash,
                    NarSize = output.NarSize,
                    References = output.References,
                    Deriver = build.IsRegistered ? build.Path : null,
                    ContentAddress = output.ContentAddress,
                    Ultimate = true,
                };
                imported.Add(new BuiltOutput(await ImportAsync(info, candidates, pathOf(output.Path), cancellation).ConfigureAwait(false), info));
            }

            return await register(imported).ConfigureAwait(false);
        }
        finally
        {
            foreach (var output in imported)
            {
                await output.Import.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private async Task<IPathImport> ImportAsync(PathInfo info, IReadOnlyCollection<StorePath> candidates, string file, CancellationToken cancellation)
    {
        using var address = Verifier(info);
        var scanner = new ReferenceScanner(candidates);
        var import = store.BeginImport(info.NarSize, address.Visitor);
        try
        {
            // 1. The bytes, once.
            try
            {
                await Task.Run(() => FileTreeWalker.Walk(file, new NarWriter(new Splitter(scanner, address.Nar, import, cancellation)), cancellation), cancellation)
                    .ConfigureAwait(false);
            }
            catch (FileTreeException e)
            {
                throw new DaemonStoreException($"the output '{store.Directory.Print(info.Path)}' was not registered: {Shorten(e.Message)}", e);
            }

            // 2. The comparison.
            var (hash, size) = import.Finish();
            Require(info, "NAR hash", info.NarHash.ToString(), hash.ToString());
            Require(info, "NAR size", $"{info.NarSize}", $"{size}");
            Require(info, "references", Print(info.References), Print(scanner.Found));
            try
            {
                address.Finish(hash);
            }
            catch (ContentAddressException e)
            {
                throw new DaemonStoreException($"the output '{store.Directory.Print(info.Path)}' was not registered: {e.Message}", e);
            }

            return import;
        }
        catch
        {
            await import.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    // A path within an output may be as long as its builder likes.
    private static string Shorten(string message) =>
        message.Length <= MessageCharactersMax ? message : string.Concat(message.AsSpan(0, MessageCharactersMax / 2), " … ", message.AsSpan(message.Length - (MessageCharactersMax / 2)));

    private ContentAddressVerifier Verifier(PathInfo info)
    {
        try
        {
            return new ContentAddressVerifier(store.Directory, info);
        }
        catch (ContentAddressException e)
        {
            throw new DaemonStoreException($"the output '{store.Directory.Print(info.Path)}' was not registered: {e.Message}", e);
        }
    }

    private static IEnumerable<PathInfo> InOrder(IReadOnlyCollection<PathInfo> outputs)
    {
        // Stock Nix has refused outputs that refer to each other in a circle.
        var rest = outputs.ToDictionary(static output => output.Path);
        while (rest.Count > 0)
        {
            var next = rest.Values.First(output => output.References.All(reference => reference == output.Path || !rest.ContainsKey(reference)));
            rest.Remove(next.Path);
            yield return next;
        }
    }

    private string Print(IEnumerable<StorePath> paths) => string.Join(' ', paths.Order().Select(store.Directory.Print));

    private void Require(PathInfo info, string what, string said, string found)
    {
        if (said != found)
        {
            throw new DaemonStoreException(
                $"the output '{store.Directory.Print(info.Path)}' was not registered: its {what} should be '{said}', and is '{found}'");
        }
    }

    /// <summary>The bytes of one NAR, to all who want them. On a thread that may wait.</summary>
    private sealed class Splitter(ReferenceScanner scanner, INarOutput? address, IPathImport import, CancellationToken cancellation) : INarOutput
    {
        public void Write(ReadOnlySpan<byte> bytes)
        {
            scanner.Write(bytes);
            address?.Write(bytes);
            import.WriteAsync(bytes.ToArray(), cancellation).AsTask().GetAwaiter().GetResult();
        }
    }
}
