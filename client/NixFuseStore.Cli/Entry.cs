namespace NixFuseStore.Cli;

/// <summary>Where the process starts, before anything that costs start-up time.</summary>
internal static class Entry
{
    public static Task<int> RunAsync(string[] args)
        => CommandRunner.RunAsync(args, Console.Out, Console.Error);
}
