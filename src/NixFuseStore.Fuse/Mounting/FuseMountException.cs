namespace NixFuseStore.Fuse.Mounting;

/// <summary>Mounting or unmounting failed; the message is one line for the user: what, on what, why, what to do.</summary>
public sealed class FuseMountException : IOException
{
    /// <summary>Says what went wrong.</summary>
    public FuseMountException(FuseMountProblem problem, string message, Exception? cause = null)
        : base(message, cause)
    {
        Problem = problem;
    }

    /// <summary>The kind of problem.</summary>
    public FuseMountProblem Problem { get; }
}
