#pragma warning disable CA1416 // Linux only
using NixFuseStore.EndToEnd.Tests.Fixtures;

namespace NixFuseStore.EndToEnd.Tests;

/// <summary>What the client keeps is its user's alone, whatever the umask: cache, journal, node ids, log.</summary>
public sealed class PrivacyTests : EndToEndTest
{
    private const UnixFileMode ForOthers = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    [Theory]
    [InlineData("0000")]
    [InlineData("0022")]
    public void Mount_WhateverTheMask_LeavesNothingOpenToOthers(string mask)
    {
        var server = StartServer();
        var host = NewClient(server, entering: ["sh", "-c", $"umask {mask}; exec \"$@\"", "sh"]);
        var path = RealStore.Default.PathsBySize()[0];
        host.Push(RealStore.Default, path);
        host.Mount();
        foreach (var file in Directory.EnumerateFiles(host.Real(path), "*", SearchOption.AllDirectories).Where(file => new FileInfo(file).LinkTarget is null).Take(20))
        {
            File.ReadAllBytes(file);
        }

        var made = Directory.EnumerateFileSystemEntries(host.CacheDirectory, "*", SearchOption.AllDirectories).Prepend(host.CacheDirectory).ToArray();

        Assert.Contains(made, entry => entry.EndsWith("mount.log", StringComparison.Ordinal));
        Assert.Contains(made, entry => new FileInfo(entry) is { Exists: true, Length: > 4096 });
        Assert.DoesNotContain(made, entry => (File.GetUnixFileMode(entry) & ForOthers) != 0);
    }
}
