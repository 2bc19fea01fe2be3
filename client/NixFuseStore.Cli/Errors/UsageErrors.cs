using System.CommandLine;
using System.CommandLine.Parsing;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Errors;

/// <summary>What is wrong with a command line, in one sentence for each mistake, whichever parser found it.</summary>
internal static class UsageErrors
{
    private const string Program = "nixfuse";

    /// <summary>The sentence for the first mistake that the parser found; null where there is none.</summary>
    public static string? Find(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;

        // 1. Words that nothing takes, and options that the parser took for words: no path and no name begins with a dash.
        if (parsed.UnmatchedTokens is [var unmatched, ..])
        {
            return IsOption(unmatched) ? UnknownOption(command is RootCommand ? "" : command.Name, unmatched, OptionsOf(command))
                : command is RootCommand ? UnknownCommand(unmatched, command.Subcommands.Select(static known => known.Name))
                : OptionBefore(parsed, unmatched) is { } flag ? $"{flag} does not take '{unmatched}'{Hint(command.Name)}"
                : $"{command.Name} takes no further argument '{unmatched}'{Hint(command.Name)}";
        }

        if (parsed.Tokens.TakeWhile(static token => token.Type != TokenType.DoubleDash)
            .FirstOrDefault(static token => token.Type == TokenType.Argument && IsOption(token.Value)) is { } swallowed)
        {
            return UnknownOption(command.Name, swallowed.Value, OptionsOf(command));
        }

        // 2. What lacks, or has the wrong form.
        if (parsed.Errors.Count == 0)
        {
            return null;
        }

        if (command is RootCommand)
        {
            return $"a command is missing{Hint("")}";
        }

        return parsed.Errors[0].SymbolResult switch
        {
            OptionResult { Tokens.Count: 0 } option => WantsValue(command.Name, option.Option.Name),
            OptionResult { Tokens.Count: > 1 } option => $"{option.Option.Name} is given more than once{Hint(command.Name)}",
            OptionResult option => $"{option.Option.Name} does not take '{option.Tokens[0].Value}'{Hint(command.Name)}",
            _ => MissingOperand(command.Name, command.Arguments.FirstOrDefault(argument => Lacks(parsed, argument))?.Name ?? "an argument"),
        };
    }

    public static string UnknownOption(string command, string option, IEnumerable<string> known)
    {
        var name = option.Split('=', 2)[0];
        return $"{(command.Length == 0 ? Program : command)} has no option {name}{Near(name, known)}{Hint(command)}";
    }

    public static string WantsValue(string command, string option) => $"{option} wants a value{Hint(command)}";

    public static string MissingOperand(string command, string operand) => $"{command} wants {operand}{Hint(command)}";

    private static string UnknownCommand(string name, IEnumerable<string> known) => $"there is no command '{name}'{Near(name, known)}{Hint("")}";

    private static string Hint(string command) =>
        command.Length == 0 ? $" (see {Program} --help)" : $" (see {Program} {command} --help)";

    // A flag's value, which the parser takes for an argument of the command.
    private static string? OptionBefore(ParseResult parsed, string word)
    {
        var index = parsed.Tokens.Select(static token => token.Value).ToList().IndexOf(word);
        return index > 0 && parsed.Tokens[index - 1] is { Type: TokenType.Option } option ? option.Value : null;
    }

    private static bool IsOption(string word) => word.Length > 1 && word[0] == '-';

    private static IEnumerable<string> OptionsOf(Command command) => command.Options.Select(static option => option.Name);

    private static bool Lacks(ParseResult parsed, Argument argument) =>
        argument.Arity.MinimumNumberOfValues > (parsed.GetResult(argument)?.Tokens.Count ?? 0);

    private static string Near(string name, IEnumerable<string> known) => Nearest.Find(name, known) is { } near ? $"; near it is {near}" : "";
}
