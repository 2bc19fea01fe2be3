namespace NixFuseStore.Cli.Errors;

/// <summary>What the process ends with.</summary>
internal static class ExitStatus
{
    /// <summary>All was done.</summary>
    public const int Done = 0;

    /// <summary>Something failed; a line on stderr says what.</summary>
    public const int Failed = 1;

    /// <summary>The command line was not understood.</summary>
    public const int Usage = 2;

    /// <summary>The status shells give a program that SIGINT ended.</summary>
    public const int Interrupted = 130;
}
