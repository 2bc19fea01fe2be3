using System.Text.Json;
using System.Text.Json.Serialization;
using NixFuseStore.Cli.Control;
using NixFuseStore.Cli.Daemon;
using NixFuseStore.Cli.Errors;

namespace NixFuseStore.Cli.Commands;

/// <summary>What stock Nix has to be told to use a mount as its store, on this host and in containers that are given the mount.</summary>
/// <param name="MountPoint">The mount.</param>
/// <param name="Socket">The daemon's socket.</param>
/// <param name="Store">The store URL, for <c>--store</c>, NIX_REMOTE and nix.conf.</param>
/// <param name="NixConf">Lines of nix.conf.</param>
/// <param name="Environment">Variables that do the same.</param>
/// <param name="Container">Arguments of <c>docker run</c>, by which the mount is a container's /nix.</param>
/// <param name="DaemonVersion">What the daemon called itself when it was asked.</param>
/// <param name="Trusted">Whether it trusts the user who asked, who may then add paths without signatures.</param>
internal sealed record DaemonConfig(
    string MountPoint,
    string Socket,
    string Store,
    IReadOnlyList<string> NixConf,
    IReadOnlyDictionary<string, string> Environment,
    IReadOnlyList<string> Container,
    string DaemonVersion,
    bool Trusted)
{
    /// <summary>Where a container is given the directory of a socket that is not in the mount.</summary>
    private const string SocketDirectoryInside = "/run/nixfuse";

    /// <summary>The volumes among the arguments of a container.</summary>
    public IReadOnlyList<string> Volumes() => [.. Container.Zip(Container.Skip(1)).Where(static pair => pair.First == "--volume").Select(static pair => pair.Second)];

    /// <summary>The configuration of a mount whose daemon answers.</summary>
    /// <exception cref="CliException">It has none, or that does not answer.</exception>
    public static async Task<DaemonConfig> MakeAsync(MountStatus mount, CancellationToken cancellationToken)
    {
        var socket = mount.DaemonSocket
            ?? throw new CliException($"the mount at {mount.MountPoint} has no Nix daemon socket; its log says why");
        var (version, trusted) = await DaemonProbe.AskAsync(socket, mount.StoreDirectory, cancellationToken).ConfigureAwait(false);
        var store = StoreUrl(mount, socket);

        return new DaemonConfig(
            mount.MountPoint,
            socket,
            store,
            [$"store = {store}"],
            new Dictionary<string, string> { ["NIX_REMOTE"] = store },
            ContainerArguments(mount, socket),
            version,
            trusted);
    }

    private static string[] ContainerArguments(MountStatus mount, string socket)
    {
        // The directory that holds store/, where a container expects it.
        var inside = Path.GetDirectoryName(mount.StoreDirectory)!;
        string[] volume = ["--volume", $"{mount.MountPoint}:{inside}:ro"];
        return socket == Path.Join(mount.MountPoint, DaemonSocket.PathInMount)
            ? [.. volume, "--env", $"NIX_REMOTE=unix://{inside}/{DaemonSocket.PathInMount}"]
            : [.. volume, "--env", $"NIX_REMOTE=unix://{SocketDirectoryInside}/{Path.GetFileName(socket)}", "--volume", $"{Path.GetDirectoryName(socket)}:{SocketDirectoryInside}:ro"];
    }

    /// <summary>Nix opens files itself and only asks the daemon for the rest, so the URL says where they are.</summary>
    private static string StoreUrl(MountStatus mount, string socket)
    {
        var url = $"unix://{socket}";
        var inside = Path.GetDirectoryName(mount.StoreDirectory)!;
        if (mount.MountPoint == inside)
        {
            return url;
        }

        return mount.MountPoint.EndsWith(inside, StringComparison.Ordinal)
            ? $"{url}?root={mount.MountPoint[..^inside.Length]}"
            : $"{url}?real={mount.MountPoint}/store&state={mount.MountPoint}/var/nix&log={mount.MountPoint}/var/log/nix";
    }
}

/// <summary>How it is written; generated, since reflection costs start-up time.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.Never)]
[JsonSerializable(typeof(DaemonConfig))]
internal sealed partial class DaemonConfigJson : JsonSerializerContext;
