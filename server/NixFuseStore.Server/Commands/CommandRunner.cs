using System.CommandLine;
using System.CommandLine.Invocation;
using NixFuseStore.Native.Text;
using NixFuseStore.Server.Hosting;
using NixFuseStore.Settings;
using NixFuseStore.Storage.Metadata;

namespace NixFuseStore.Server.Commands;

/// <summary>Parses the command line and runs one command; the one place where a failure becomes a line on stderr and an exit status.</summary>
internal static class CommandRunner
{
    public const int ExitDone = 0;
    public const int ExitFailed = 1;
    public const int ExitUsage = 2;

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var root = new RootCommand("Serves Nix stores to nixfuse clients.")
        {
            ServeCommand.Create(output, error),
            StoreCommand.Create(output),
            TokenCommand.Create(output),
            PathCommand.Create(output),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            var name = parsed.CommandResult.Command is RootCommand ? "" : " " + parsed.CommandResult.Command.Name;
            var reason = parsed.UnmatchedTokens is [var token, ..] ? $"'{token}' is not understood" : parsed.Errors[0].Message.TrimEnd('.');
            return Fail(error, $"{reason} (see nixfuse-server{name} --help)", ExitUsage);
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
                Output = output,
                Error = error,
            }).ConfigureAwait(false);
        }
        catch (FormatException e)
        {
            return Fail(error, e.Message, ExitUsage);
        }
        catch (Exception e) when (e is ServerException or SettingsException or MetadataUnavailableException)
        {
            return Fail(error, e.Message, ExitFailed);
        }
#pragma warning disable CA1031 // the end of the line for every failure: whatever it is, the operator gets one line
        catch (Exception e)
#pragma warning restore CA1031
        {
            return Fail(error, $"{e.GetType().Name}: {e.Message}", ExitFailed);
        }
    }

    private static int Fail(TextWriter error, string line, int status)
    {
        error.WriteLine("nixfuse-server: " + PrintableText.Escape(line));
        return status;
    }
}
