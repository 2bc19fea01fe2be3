using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using NixFuseStore.Cli.Commands;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Native;
using NixFuseStore.Native.Text;

namespace NixFuseStore.Cli;

/// <summary>
/// Parses the command line and runs one command; the one place where a failure becomes a line on stderr and an exit status.
/// </summary>
internal static class CommandRunner
{
    /// <summary>How long a command may take to end orderly after SIGINT or SIGTERM.</summary>
    private static readonly TimeSpan TerminationTimeout = TimeSpan.FromSeconds(30);

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var root = CreateRoot();
        var parsed = root.Parse(args);
        // "--help" beside a missing argument is no error: the parser then has another action than its own complaint.
        if ((parsed.Errors.Count == 0 || parsed.Action is ParseErrorAction) && UsageErrors.Find(parsed) is { } mistake)
        {
            return await FailAsync(error, mistake, ExitStatus.Usage).ConfigureAwait(false);
        }

        try
        {
            // Help and the version are answered on any machine.
            if (parsed.Action is not HelpAction && parsed.CommandResult.Command != root)
            {
                SystemLibraries.Require();
            }

            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = TerminationTimeout,
                Output = output,
                Error = error,
            }).ConfigureAwait(false);
        }
        catch (UsageException e)
        {
            return await FailAsync(error, e.Message, ExitStatus.Usage).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return await FailAsync(error, "interrupted", ExitStatus.Interrupted).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // the end of the line for every failure: whatever it is, the user gets one line
        catch (Exception e)
#pragma warning restore CA1031
        {
            return await FailAsync(error, ErrorLine.Describe(e), ExitStatus.Failed).ConfigureAwait(false);
        }
    }

    private static RootCommand CreateRoot()
    {
        var root = new RootCommand("A Nix store that lives on the network and behaves like a local one.");
        foreach (var command in CommandList.All())
        {
            root.Subcommands.Add(command);
        }

        return root;
    }

    private static async Task<int> FailAsync(TextWriter error, string line, int status)
    {
        await error.WriteLineAsync("nixfuse: " + PrintableText.Escape(line)).ConfigureAwait(false);
        return status;
    }
}
