using System.Collections.Concurrent;
using System.Globalization;
using NixFuseStore.Daemon.Logging;
using NixFuseStore.Daemon.Sessions;
using NixFuseStore.Daemon.Wire;
using NixFuseStore.Nix;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Adding;

/// <summary>Takes objects of one request into the store: what a client claims of them is compared with their NARs, then they are registered.</summary>
internal sealed class PathAdder(DaemonSession session)
{
    private readonly DerivationCheck _derivations = new(session.Store, session.Services.Derivations);
    private readonly ConcurrentQueue<string> _warnings = new();

    /// <summary>
    /// Whether an object is to be taken at all: not if it is known to be here, and not if it needs a signature and has none that counts.
    /// One that is here and damaged is taken, and needs no signature: it is the same content.
    /// </summary>
    /// <returns>False for an object that is here.</returns>
    /// <exception cref="DaemonStoreException">It needs a signature.</exception>
    internal async ValueTask<bool> IsWantedAsync(PathInfo info, bool withoutSignature)
    {
        if (session.Store.PeekPath(info.Path) is { } known && !Heals(info, known))
        {
            return false;
        }

        var options = session.Services.Options;
        if (!options.RequireSignatures || info.ContentAddress is not null || (withoutSignature && session.IsTrusted)
            || info.IsSignedByAny(session.Directory, options.TrustedKeys))
        {
            return true;
        }

        // Unsigned, it may still be here already. Only now is that worth a question to the server.
        return await session.Store.FindPathAsync(info.Path, session.Ended) is { } here
            ? Heals(info, here)
            : throw new DaemonStoreException(
                $"cannot add path '{session.Directory.Print(info.Path)}' because it lacks a signature by a trusted key");
    }

    /// <summary>Reads a NAR, which must be what is claimed of it.</summary>
    /// <returns>The import, which the caller disposes.</returns>
    /// <exception cref="DaemonStoreException">It is something else, or no NAR.</exception>
    internal async ValueTask<IPathImport> ReceiveAsync(PathInfo info, WireReader reader)
    {
        using var check = new ContentCheck(session.Directory, info);
        var import = session.Store.BeginImport(info.NarSize > 0 ? info.NarSize : null, check.Visitor);
        try
        {
            await NarIntake.ReadAsync(reader, import, check.Append, session.Ended);
            session.EndNar();
            var (hash, size) = import.Finish();
            RequireEqual(info, "hash", info.NarHash.ToString(), hash.ToString());
            RequireEqual(info, "size", info.NarSize.ToString(CultureInfo.InvariantCulture), size.ToString(CultureInfo.InvariantCulture));
            check.Finish(hash);
            if (check.Derivation is { } contents)
            {
                await _derivations.RequireSoundAsync(info.Path, contents, session.Ended);
            }

            return import;
        }
        catch
        {
            await import.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reads the NAR of an object that is here and drops it; the object is kept alive for this client.</summary>
    internal async ValueTask SkipAsync(PathInfo info, WireReader reader)
    {
        session.TemporaryRoots.Add(info.Path);
        await NarIntake.ReadAsync(reader, AnyTree.Instance);
        session.EndNar();
    }

    /// <summary>Checks a derivation that came as a text.</summary>
    internal ValueTask RequireSoundDerivationAsync(StorePath path, ReadOnlyMemory<byte> contents) =>
        _derivations.RequireSoundAsync(path, contents, session.Ended);

    /// <summary>Registers what has been received, and keeps it alive for this client.</summary>
    /// <returns>What is registered now, by this or by someone else before.</returns>
    internal async Task<PathInfo> RegisterAsync(IPathImport import, PathInfo info)
    {
        session.TemporaryRoots.Add(info.Path);
        var registered = await import.RegisterAsync(Timed(info), session.Ended);
        if (!registered.NarHash.Equals(info.NarHash))
        {
            _warnings.Enqueue(
                $"path '{session.Directory.Print(info.Path)}' is registered already with the NAR hash {registered.NarHash}, which stays; "
                + $"what was sent has {info.NarHash}");
        }

        return registered;
    }

    /// <summary>Tells the client what it should know, when no registration is under way.</summary>
    internal async ValueTask WarnAsync()
    {
        while (_warnings.TryDequeue(out string? warning))
        {
            await session.Log.LineAsync(LogLevel.Warning, $"warning: {warning}");
        }
    }

    private bool Heals(PathInfo sent, PathInfo here) => session.Store.IsDamaged(here.Path) && sent.NarHash.Equals(here.NarHash);

    private PathInfo Timed(PathInfo info) => info.RegistrationTime != 0
        ? info
        : info with { RegistrationTime = session.Services.Options.Clock.GetUtcNow().ToUnixTimeSeconds() };

    private void RequireEqual(PathInfo info, string what, string claimed, string found)
    {
        if (claimed != found)
        {
            throw new DaemonStoreException(
                $"{what} mismatch importing path '{session.Directory.Print(info.Path)}'; specified: {claimed}; got: {found}");
        }
    }
}
