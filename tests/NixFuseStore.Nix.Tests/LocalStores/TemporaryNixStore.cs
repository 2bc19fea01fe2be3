using System.Diagnostics;

namespace NixFuseStore.Nix.Tests.LocalStores;

/// <summary>A chroot store that the installed Nix makes in a directory of its own. Skips the test where there is no Nix.</summary>
internal sealed class TemporaryNixStore : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nix-store-").FullName;

    internal string Root => Path.Combine(_directory, "root");

    /// <summary>Runs a Nix program against the store and returns what it printed.</summary>
    internal string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["NIX_REMOTE"] = "";
        start.Environment.Remove("NIX_STATE_DIR");
        start.Environment["HOME"] = _directory;
        start.Environment["NIX_CONFIG"] = "build-users-group =\nsandbox = false";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"The program {program} is not installed (Debian package nix-bin).");
            throw;
        }

        using (process)
        {
            var error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{program} failed: {error.Result}");
            return output.Trim();
        }
    }

    /// <summary>Adds a file and returns its base name.</summary>
    internal StorePath Add(string name, string contents)
    {
        string file = Path.Combine(_directory, name);
        File.WriteAllText(file, contents);
        return StoreDirectory.Default.Parse(Run("nix-store", "--store", Root, "--add", file));
    }

    /// <summary>Registers a text with references, as builders make them; <c>builtins.toFile</c> does it without a build.</summary>
    internal StorePath AddText(string name, string expression) => StoreDirectory.Default.Parse(
        Run("nix-instantiate", "--store", Root, "--eval", "--read-write-mode", "--expr", $"builtins.toFile \"{name}\" \"{expression}\"").Trim('"'));

    public void Dispose()
    {
        using var chmod = Process.Start("chmod", ["-R", "u+w", _directory]);
        chmod.WaitForExit();
        Directory.Delete(_directory, recursive: true);
    }
}
