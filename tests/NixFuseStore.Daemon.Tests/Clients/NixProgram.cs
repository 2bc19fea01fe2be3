using System.Diagnostics;

namespace NixFuseStore.Daemon.Tests.Clients;

/// <summary>Runs the real Nix of this machine against a socket.</summary>
internal sealed class NixProgram : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly DirectoryInfo _home = Directory.CreateTempSubdirectory("nixfuse-daemon-client-");
    private readonly string _socket;

    internal NixProgram(string socket) => _socket = socket;

    internal static bool IsInstalled => File.Exists("/usr/bin/nix-store");

    /// <summary>Where tests keep files for it.</summary>
    internal string Home => _home.FullName;

    /// <summary>The store that it is to use.</summary>
    internal string Store => $"unix://{_socket}?root={_home.FullName}/root";

    /// <summary>Runs a program, which must succeed, and returns what it prints.</summary>
    internal async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (status, output, errors) = await TryAsync(program, arguments);
        Assert.True(status == 0, $"{program} {string.Join(' ', arguments)} exited with {status}: {errors}");
        return output.TrimEnd('\n');
    }

    /// <summary>Runs a program and returns its exit status, output and errors.</summary>
    internal async Task<(int Status, string Output, string Errors)> TryAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = _home.FullName,
        };
        start.Environment["HOME"] = _home.FullName;
        start.Environment["NIX_REMOTE"] = Store;
        start.Environment["NIX_CONFIG"] = "experimental-features = nix-command ca-derivations\nsubstituters =\n";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        deadline.CancelAfter(Deadline);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(deadline.Token);
            var errors = process.StandardError.ReadToEndAsync(deadline.Token);
            await process.WaitForExitAsync(deadline.Token);
            return (process.ExitCode, await output, await errors);
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }

    public void Dispose() => _home.Delete(recursive: true);
}
