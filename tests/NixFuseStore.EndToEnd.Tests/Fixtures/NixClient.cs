using System.Diagnostics;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Runs commands of a stock Nix with a home and configuration of their own, whatever the machine's are.</summary>
/// <param name="release">Whose commands.</param>
/// <param name="folder">Holds the home directory, and is where commands run.</param>
/// <param name="host">The words that run a command on another host; null for this machine.</param>
internal sealed class NixClient(NixRelease release, string folder, IReadOnlyList<string>? host = null)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    // No substituters and no registry: nothing here may ask the internet.
    private const string Configuration = """
        experimental-features = nix-command flakes
        build-users-group =
        substituters =
        flake-registry =
        sandbox = false
        """;

    public NixRelease Release => release;

    public string Folder => folder;

    /// <summary>Authorities that its downloads and uploads trust; null for the machine's. A setting for this came only after Nix 2.8.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>Runs a command with a store as its default one.</summary>
    /// <param name="store">A store URL, or the folder of a chroot store.</param>
    /// <param name="command">Program and arguments.</param>
    /// <param name="configuration">Lines of nix.conf, besides those that every command gets.</param>
    /// <param name="inputFile">Its standard input, such as an export stream; null for none.</param>
    /// <param name="outputFile">Where its standard output goes, such as a NAR; null to return it as text.</param>
    public CommandResult Run(
        string store, IEnumerable<string> command, string configuration = "", string? inputFile = null, string? outputFile = null) =>
        Command.Run("sh", Arguments(store, command, configuration, inputFile, outputFile), environment: null, deadline: Deadline);

    /// <summary>Starts a command, whose process is the command itself where the release is the installed one; the caller ends and disposes it.</summary>
    public Process Start(string store, IEnumerable<string> command, string configuration = "") =>
        Command.Start("sh", Arguments(store, command, configuration, inputFile: null, outputFile: null));

    private string[] Arguments(string store, IEnumerable<string> command, string configuration, string? inputFile, string? outputFile)
    {
        string[] environment =
        [
            "HOME=" + Directory.CreateDirectory(Path.Combine(folder, "home")).FullName,
            "PATH=/usr/bin:/bin",
            "NIX_CONF_DIR=/nonexistent",
            "NIX_CONFIG=" + Configuration + "\n" + configuration,
            "NIX_REMOTE=" + store,
            .. CertificateFile is null ? [] : (string[])["NIX_SSL_CERT_FILE=" + CertificateFile],
        ];
        // The shell is the machine's: another release's folder need not hold one.
        var redirect = "cd \"$0\" && exec \"$@\" <" + Quote(inputFile ?? "/dev/null") + (outputFile is null ? "" : " >" + Quote(outputFile));
        return ["-c", redirect, folder, "env", "-i", .. environment, .. host ?? [], .. release.Launcher, .. command];
    }

    private static string Quote(string path) => "'" + path.Replace("'", @"'\''", StringComparison.Ordinal) + "'";
}
