using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using NixFuseStore.Native.Text;
using NixFuseStore.Server.Base;
using NixFuseStore.Settings;

namespace NixFuseStore.Server.Commands;

/// <summary>Parses the command line and runs one command; the one place where a failure becomes a line on stderr and an exit status.</summary>
internal static partial class CommandRunner
{
    public const int ExitDone = 0;
    public const int ExitFailed = 1;
    public const int ExitUsage = 2;

    /// <summary>Set to anything to see where an internal error comes from.</summary>
    private const string TraceVariable = "NIXFUSE_TRACE";

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        var root = new RootCommand("Serves Nix stores to nixfuse clients.")
        {
            ServeCommand.Create(output, error),
            StoreCommand.Create(output),
            TokenCommand.Create(output),
            PathCommand.Create(output),
            BuildCommand.Create(output),
            FsckCommand.Create(output),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            return Fail(error, Explain(parsed), ExitUsage);
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
        catch (Exception e) when (e is ServerException or SettingsException or IOException or UnauthorizedAccessException)
        {
            // MetadataUnavailableException is an IOException.
            return Fail(error, e.Message, ExitFailed);
        }
#pragma warning disable CA1031 // the end of the line for every failure: whatever it is, the operator gets one line
        catch (Exception e)
#pragma warning restore CA1031
        {
            var trace = Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 };
            if (trace)
            {
                await error.WriteLineAsync(e.ToString()).ConfigureAwait(false);
            }

            return Fail(error, $"internal error: {e.Message}{(trace ? "" : $" (set {TraceVariable}=1 to see where)")}", ExitFailed);
        }
    }

    /// <summary>Why the parser refuses the command line, in one sentence of its own for each kind, with the help that is about it.</summary>
    private static string Explain(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var name = NameOf(parsed.CommandResult);
        var hint = $"(see {name} --help)";
        string[] commands = [.. command.Subcommands.Select(sub => sub.Name)];
        if (parsed.UnmatchedTokens is [var token, ..])
        {
            var isOption = token.StartsWith('-') && token.Length > 1;
            var near = Nearest.Find(token, isOption ? command.Options.Select(option => option.Name) : commands);
            var meant = near is null ? "" : $"; did you mean {near}?";
            return isOption ? $"{name} has no option {token}{meant} {hint}"
                : commands.Length == 0 ? $"{name} takes no further argument '{token}' {hint}"
                : $"there is no command '{name} {token}'{(near is null ? $"; there are {string.Join(", ", commands)}" : meant)} {hint}";
        }

        if (commands.Length > 0)
        {
            return $"{name} wants a command: {string.Join(", ", commands)} {hint}";
        }

        // The parser's own sentence, without names of types.
        var message = parsed.Errors[0].Message.TrimEnd('.');
        var type = WrongType().Match(message);
        return (type.Success ? $"{type.Groups["what"].Value} cannot be '{type.Groups["value"].Value}'" : message) + " " + hint;
    }

    private static string NameOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{NameOf(parent)} {result.Command.Name}" : "nixfuse-server";

    private static int Fail(TextWriter error, string line, int status)
    {
        error.WriteLine("nixfuse-server: " + PrintableText.Escape(Spaces().Replace(line, " ")));
        return status;
    }

    [GeneratedRegex(@"^Cannot parse argument '(?<value>.*)' for (option|command) '(?<what>.*)' as expected type", RegexOptions.Singleline)]
    private static partial Regex WrongType();

    [GeneratedRegex(@"[ \t\r\n]+")]
    private static partial Regex Spaces();
}
