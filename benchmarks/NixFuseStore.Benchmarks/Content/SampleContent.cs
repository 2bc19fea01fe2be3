using System.Text;

namespace NixFuseStore.Benchmarks.Content;

/// <summary>Fixed inputs: what compiled code looks like to a scanner, and text that is full of store paths.</summary>
internal static class SampleContent
{
    public const int Bytes = 16 << 20;

    public static byte[] Noise()
    {
        var bytes = new byte[Bytes];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A program of this very machine over and over: the mixture of code, zeros and strings that stores hold.</summary>
    public static byte[] Program()
    {
        var program = File.ReadAllBytes(typeof(object).Assembly.Location);
        var bytes = new byte[Bytes];
        for (var at = 0; at < Bytes; at += program.Length)
        {
            program.AsSpan(0, Math.Min(program.Length, Bytes - at)).CopyTo(bytes.AsSpan(at));
        }

        return bytes;
    }

    /// <summary>A store path every hundred bytes, as in the scripts of a shell or in a closure's list.</summary>
    public static byte[] Paths()
    {
        var text = new StringBuilder(Bytes + 200);
        for (var line = 0; text.Length < Bytes; line++)
        {
            text.Append("export PATH=$PATH:/nix/store/").Append("0123456789abcdfghijklmnpqrsvwxyz", line % 32, 32 - (line % 32))
                .Append("0123456789abcdfghijklmnpqrsvwxyz", 0, line % 32).Append("-coreutils-9.1/bin # and some words\n");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, Bytes));
    }
}
