using System.Text;
using NixFuseStore.Nix.Archives;
using NixFuseStore.Nix.ContentAddresses;

namespace NixFuseStore.Daemon.Tests.Stores;

/// <summary>NARs of single files.</summary>
internal static class NarFile
{
    internal static byte[] Of(string contents) => Of(Encoding.Latin1.GetBytes(contents));

    internal static byte[] Of(ReadOnlySpan<byte> contents, bool executable = false)
    {
        using var nar = new MemoryStream();
        var writer = new NarWriter(nar);
        writer.BeginFile(default, executable, (ulong)contents.Length);
        writer.FileData(contents);
        writer.EndFile();
        return nar.ToArray();
    }

    internal static byte[] Contents(byte[] nar)
    {
        using var contents = new MemoryStream();
        new NarParser(new SingleFile(contents.Write)).Write(nar);
        return contents.ToArray();
    }
}
