using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Requests;

/// <summary>A request in hexadecimal, with what it means.</summary>
/// <param name="Name">The kernel's name for it.</param>
/// <param name="Hex">The bytes, spaces and lines between them, comments after a semicolon.</param>
/// <param name="Call">What the file system sees; null when it never gets there.</param>
/// <param name="Error">What the answer says; null when there is none.</param>
/// <param name="AnswerBytes">Length of the answer's body.</param>
public sealed record RequestVector(string Name, string Hex, string? Call, Errno? Error = Errno.None, int AnswerBytes = 0)
{
    public byte[] Bytes { get; } = Convert.FromHexString(
        string.Concat(Hex.Split('\n').Select(line => line.Split(';')[0])).Replace(" ", "", StringComparison.Ordinal));

    /// <summary>Bytes behind the header that the decoder cannot do without.</summary>
    public bool HasBody => Bytes.Length > 40;

    public override string ToString() => Name;
}
