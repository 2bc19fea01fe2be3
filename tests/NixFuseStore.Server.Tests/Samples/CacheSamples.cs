using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix;
using NixFuseStore.Testing.Stores;

namespace NixFuseStore.Server.Tests.Samples;

/// <summary>Paths that make it hard to write their NAR out again.</summary>
internal static class CacheSamples
{
    /// <summary>Store hashes in small and in large files and in links, small files that share a chunk, empty ones, and noise that does not compress.</summary>
    public static SamplePath Create(string name, params StorePath[] references)
    {
        var reference = $"/nix/store/{StorePath.Create(RandomNumberGenerator.GetBytes(20), "other").BaseName}";
        var text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"{i * 7919} of them\n"));
        return SamplePath.Create(
            name,
            FakeTree.Directory(
                ("bin", FakeTree.Directory(
                    ("large", FakeTree.File(Encoding.ASCII.GetBytes(text + reference + text), executable: true)),
                    ("link", FakeTree.Link(reference + "/bin/large")),
                    ("small", FakeTree.File("#!" + reference + "/bin/sh\n", executable: true)))),
                ("empty", FakeTree.File("")),
                ("emptier", FakeTree.Directory()),
                ("noise", FakeTree.File(RandomNumberGenerator.GetBytes(700_000))),
                ("text", FakeTree.File(text)),
                ("tiny", FakeTree.Directory([.. Enumerable.Range(0, 200).Select(i => ($"f{i:000}", FakeTree.File(text[..(i * 13)])))]))),
            references);
    }
}
