using NixFuseStore.Testing.Stores;

namespace NixFuseStore.FileSystem.Tests;

/// <summary>Names and trees that the tests share.</summary>
internal static class TestPaths
{
    public const string Hello = "0123456789abcdfghijklmnpqrsvwxyz-hello-2.10";
    public const string Other = "1123456789abcdfghijklmnpqrsvwxyz-other-1";
    public const string Absent = "2123456789abcdfghijklmnpqrsvwxyz-absent";

    public static readonly FakeTree HelloTree = FakeTree.Directory(
        ("bin", FakeTree.Directory(("hello", FakeTree.File("#!/bin/sh\necho hello\n", executable: true)))),
        ("empty", FakeTree.Directory()),
        ("lib", FakeTree.Directory(
            ("libhello.so", FakeTree.Link("libhello.so.1")),
            ("libhello.so.1", FakeTree.File(new byte[300_000])),
            ("self", FakeTree.Link($"/nix/store/{Other}/share")))),
        ("share", FakeTree.Directory(("readme", FakeTree.File($"see /nix/store/{Other}/doc\n")))));

    /// <summary>A well-formed name whose hash part sorts as the number does.</summary>
    public static string Numbered(int number, string name = "path")
    {
        const string Letters = "0123456789abcdfghijklmnpqrsvwxyz";
        var hash = new char[32];
        Array.Fill(hash, '0');
        for (var i = 11; number > 0; i--, number >>= 5)
        {
            hash[i] = Letters[number & 31];
        }

        return $"{new string(hash)}-{name}";
    }
}
