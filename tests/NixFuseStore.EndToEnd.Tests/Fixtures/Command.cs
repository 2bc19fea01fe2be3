using System.Diagnostics;

namespace NixFuseStore.EndToEnd.Tests.Fixtures;

/// <summary>Runs programs as a user would, with a deadline.</summary>
internal static class Command
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    public static CommandResult Run(string program, params string[] arguments) => Run(program, arguments, environment: null);

    public static CommandResult Run(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment, string? input = null, TimeSpan? deadline = null)
    {
        using var process = Start(program, arguments, environment, input is not null);
        if (input is not null)
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }

        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        var line = program + " " + string.Join(' ', process.StartInfo.ArgumentList);
        if (!process.WaitForExit(deadline ?? Deadline))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{line}: not done after {deadline ?? Deadline}");
        }

        return new CommandResult(line, process.ExitCode, output.GetAwaiter().GetResult(), errors.GetAwaiter().GetResult());
    }

    /// <summary>Starts a program with its output captured; the caller ends and disposes it.</summary>
    public static Process Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null, bool withInput = false)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = withInput,
        };
        // What the caller's shell has set for a server of its own must not reach a test.
        foreach (var name in new[] { "NIXFUSE_SERVER", "NIXFUSE_STORE", "NIXFUSE_TOKEN", "NIX_REMOTE" })
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }
}
