using NixFuseStore.Daemon.Adding;
using NixFuseStore.Daemon.Derivations;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Operations;

/// <summary>Adding objects whose path follows from their content.</summary>
internal static class AddOperations
{
    // AddToStore was redesigned; before, everything comes as a NAR and the answer is the path alone.
    private const int MethodMinor = 25;

    internal static async ValueTask AddToStoreAsync(DaemonSession session)
    {
        string name = await session.Reader.ReadTextAsync();
        if (session.Minor < MethodMinor)
        {
            await AddNarOfOldAsync(session, name);
            return;
        }

        string method = await session.Reader.ReadTextAsync();
        var references = await session.Reader.ReadPathsAsync(session.Directory);
        bool repair = await session.Reader.ReadBoolAsync();
        var data = session.OpenFramed();
        AddNarOperations.RequireMayRepair(session, repair);
        var (kind, algorithm) = ParseMethod(method);
        var info = kind == ContentAddressMethod.Nar
            ? await AddTreeAsync(session, name, algorithm, references, data)
            : await AddFileAsync(session, name, kind, algorithm, references, append => CopyAsync(data, append));
        session.Reply().PathInfo(session.Directory, info);
    }

    internal static async ValueTask AddTextToStoreAsync(DaemonSession session)
    {
        string name = await session.Reader.ReadTextAsync();
        byte[] text = (await session.Reader.ReadBytesAsync(WireLimits.ContentBytesMax)).ToArray();
        var references = await session.Reader.ReadPathsAsync(session.Directory);
        var info = await AddFileAsync(session, name, ContentAddressMethod.Text, NixHashAlgorithm.Sha256, references, append =>
        {
            append(text);
            return default;
        });
        session.Reply().Path(session.Directory, info.Path);
    }

    private static async ValueTask AddNarOfOldAsync(DaemonSession session, string name)
    {
        bool isFixed = await session.Reader.ReadBoolAsync();
        bool recursive = await session.Reader.ReadBoolAsync();
        string algorithmName = await session.Reader.ReadTextAsync();
        var data = session.OpenBare();
        var algorithm = isFixed ? ParseAlgorithm(algorithmName) : NixHashAlgorithm.Sha256;
        var info = !isFixed || recursive
            ? await AddTreeAsync(session, name, algorithm, [], data)
            : await AddFileAsync(session, name, ContentAddressMethod.Flat, algorithm, [], async append =>
            {
                await NarIntake.ReadAsync(data, new SingleFile(append));
                session.EndNar();
            });
        session.Reply().Path(session.Directory, info.Path);
    }

    // The size of a file must be known before its NAR begins, so contents are kept aside first.
    private static async ValueTask<PathInfo> AddFileAsync(
        DaemonSession session,
        string name,
        ContentAddressMethod method,
        NixHashAlgorithm algorithm,
        List<StorePath> references,
        Func<FileDataHandler, ValueTask> receive)
    {
        using var contents = OpenSpool(session.Services.Options);
        using var hash = new ContentHash(algorithm);
        await receive(data =>
        {
            hash.Write(data);
            contents.Write(data);
        });
        await session.EndDataAsync();
        var address = new ContentAddress(method, hash.Finish());
        var path = ComputePath(session, name, address, references);
        if (session.Store.PeekPath(path) is { } known && !session.Store.IsDamaged(path))
        {
            session.TemporaryRoots.Add(path);
            return known;
        }

        var adder = new PathAdder(session);
        if (method == ContentAddressMethod.Text && DerivationLibrary.IsDerivation(path))
        {
            await adder.RequireSoundDerivationAsync(path, contents.ToArray(WireLimits.DerivationBytesMax));
        }

        await using var import = session.Store.BeginImport();
        await FileImport.WriteAsync(contents, import, session.Ended);
        return await RegisterAsync(adder, import, path, address, references);
    }

    private static Spool OpenSpool(DaemonOptions options) => new(options.TemporaryDirectory, options.SpoolBytesMax, options.SpoolBytesLeft);

    private static async ValueTask<PathInfo> AddTreeAsync(
        DaemonSession session, string name, NixHashAlgorithm algorithm, List<StorePath> references, WireReader data)
    {
        await using var import = session.Store.BeginImport();
        using var hash = algorithm == NixHashAlgorithm.Sha256 ? null : new ContentHash(algorithm);
        await NarIntake.ReadAsync(data, import, hash is null ? null : hash.Write, session.Ended);
        session.EndNar();
        await session.EndDataAsync();
        var address = new ContentAddress(ContentAddressMethod.Nar, hash?.Finish() ?? import.Finish().NarHash);
        var path = ComputePath(session, name, address, references);
        return await RegisterAsync(new PathAdder(session), import, path, address, references);
    }

    private static async ValueTask<PathInfo> RegisterAsync(
        PathAdder adder, IPathImport import, StorePath path, ContentAddress address, List<StorePath> references)
    {
        var (narHash, narSize) = import.Finish();
        var info = await adder.RegisterAsync(import, new PathInfo
        {
            Path = path,
            NarHash = narHash,
            NarSize = narSize,
            References = references,
            ContentAddress = address,
        });
        await adder.WarnAsync();
        return info;
    }

    private static async ValueTask CopyAsync(WireReader data, FileDataHandler append)
    {
        while (await data.PeekAsync() is { IsEmpty: false } bytes)
        {
            append(bytes.Span);
            data.Advance(bytes.Length);
        }
    }

    private static StorePath ComputePath(DaemonSession session, string name, ContentAddress address, List<StorePath> references)
    {
        try
        {
            return StorePathComputation.MakeFixed(session.Directory, name, address, references);
        }
        catch (Exception e) when (e is FormatException or ArgumentException)
        {
            throw new DaemonStoreException($"cannot add '{name}': {e.Message}", e);
        }
    }

    private static (ContentAddressMethod Method, NixHashAlgorithm Algorithm) ParseMethod(string method) => method switch
    {
        "text:sha256" => (ContentAddressMethod.Text, NixHashAlgorithm.Sha256),
        ['f', 'i', 'x', 'e', 'd', ':', 'r', ':', .. var algorithm] => (ContentAddressMethod.Nar, ParseAlgorithm(algorithm)),
        ['f', 'i', 'x', 'e', 'd', ':', .. var algorithm] => (ContentAddressMethod.Flat, ParseAlgorithm(algorithm)),
        _ => throw new DaemonStoreException($"cannot add by the method '{method}', which this store does not know"),
    };

    private static NixHashAlgorithm ParseAlgorithm(string name) => NixHash.TryParseAlgorithm(name, out var algorithm)
        ? algorithm
        : throw new DaemonStoreException($"cannot add by the hash algorithm '{name}', which this store does not know");
}
