using System.Runtime.InteropServices;

namespace NixFuseStore.Native.Linux;

/// <summary>A system call failed. The message is one line: what was tried, and the system's text for the error number.</summary>
public sealed class LinuxException : IOException
{
    /// <summary>Describes the failure of <paramref name="operation"/>, such as "mount /mnt/nix", with <paramref name="error"/>.</summary>
    public LinuxException(string operation, Errno error)
        : base($"{operation}: {Describe(error)}")
    {
        Error = error;
    }

    /// <summary>The error number.</summary>
    public Errno Error { get; }

    /// <summary>The system's words for an error number, such as "No such file or directory".</summary>
    public static string Describe(Errno error) => Marshal.GetPInvokeErrorMessage((int)error);
}
