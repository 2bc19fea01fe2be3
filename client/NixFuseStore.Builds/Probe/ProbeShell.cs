using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace NixFuseStore.Builds.Probe;

/// <summary>The host's shell with the libraries that it loads: the one program that a sandbox without inputs can be given.</summary>
/// <param name="SandboxPaths">As in nix.conf, <c>TARGET=SOURCE</c>.</param>
internal sealed partial record ProbeShell(IReadOnlyList<string> SandboxPaths)
{
    /// <summary>The shell's path, on the host and in the sandbox.</summary>
    internal const string Path = "/bin/sh";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Asks the dynamic loader what the shell loads.</summary>
    /// <returns>Null where it cannot be told, as on a host without that shell.</returns>
    internal static async Task<ProbeShell?> FindAsync(CancellationToken cancellation)
    {
        // The loader lists the libraries and starts nothing; a shell that is not loaded dynamically does nothing and says nothing.
        var start = new ProcessStartInfo(Path, ["-c", ":"]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["LD_TRACE_LOADED_OBJECTS"] = "1";
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(s_patience);
        try
        {
            using var process = Process.Start(start)!;
            process.StandardInput.Close();
            string listed = await process.StandardOutput.ReadToEndAsync(patience.Token).ConfigureAwait(false);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(false);
            string[] paths = [Path, .. Parse(listed)];
            return paths.All(static path => File.Exists(path) && !path.Contains(' ', StringComparison.Ordinal))
                ? new ProbeShell([.. paths.Select(static path => $"{path}={RealPath(path)}")])
                : null;
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            return null;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>The paths in what the loader says: <c>NAME =&gt; PATH (ADDRESS)</c>, and the loader's own.</summary>
    internal static IEnumerable<string> Parse(string listed) => Loaded().Matches(listed).Select(static match => match.Groups["path"].Value);

    [GeneratedRegex(@"^\s*(\S+ => )?(?<path>/\S+) \(0x", RegexOptions.Multiline)]
    private static partial Regex Loaded();

    // Also where a folder above is a link, as /lib is to /usr/lib.
    private static string RealPath(string path)
    {
        string folder = System.IO.Path.GetDirectoryName(path)!;
        string real = folder == "/" ? folder : RealPath(folder);
        string joined = System.IO.Path.Join(real, System.IO.Path.GetFileName(path));
        var target = new FileInfo(joined).ResolveLinkTarget(returnFinalTarget: false);
        return target is null ? joined : RealPath(System.IO.Path.GetFullPath(target.FullName));
    }
}
