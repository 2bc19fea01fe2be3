namespace NixFuseStore.EndToEnd.Tests.NixCommands;

/// <summary>A row of the table: one thing that users do with a store, and how to see that it did what it should.</summary>
/// <param name="Title">The command line as users know it, with words of <see cref="SourceStore"/> for paths.</param>
/// <param name="Run">Does it in a store under test; throws where something is not as it should be.</param>
internal sealed record NixCommand(string Title, Action<CommandRun> Run)
{
    /// <summary>The first release that has the command; older ones are not asked.</summary>
    public Version Since { get; init; } = new(2, 8);

    /// <summary>A command that prints the same as it does on the source store.</summary>
    /// <param name="line">The command line, which is the title too.</param>
    /// <param name="comparable">Takes out of its output what differs by right; null for nothing.</param>
    public static NixCommand Same(string line, Func<string, string>? comparable = null) => new(line, run =>
    {
        comparable ??= text => text;
        var expected = comparable(run.AtSource(line).Succeeded());
        Assert.NotEqual("", expected);
        Assert.Equal(expected, comparable(run.AtTarget(line).Succeeded()));
    });

    /// <summary>A command that prints these lines, in any order.</summary>
    public static NixCommand Prints(string line, params string[] words) => new(line, run =>
        Assert.Equal(words.Select(word => run.Source[word]).Order(StringComparer.Ordinal), run.AtTarget(line).Lines().Order(StringComparer.Ordinal)));
}
