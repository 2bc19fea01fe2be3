using System.Diagnostics;
using System.Globalization;
using NixFuseStore.Client.Roots;
using NixFuseStore.Client.Tests.Fixtures;
using NixFuseStore.Nix;

namespace NixFuseStore.Client.Tests.Roots;

/// <summary>Links of clients in file systems of their own, where the same names are other files.</summary>
public sealed class RootLinkTests : IDisposable
{
    private static readonly StorePath Here = StorePath.ParseBaseName("00000000000000000000000000000000-here");
    private static readonly StorePath There = StorePath.ParseBaseName("11111111111111111111111111111111-there");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-root-");
    private readonly List<Process> _processes = [];

    public RootLinkTests()
    {
        _folder.CreateSubdirectory("data");
        File.CreateSymbolicLink(In("data/result"), StoreDirectory.Default.Print(Here));
        File.CreateSymbolicLink(In("data/shared"), StoreDirectory.Default.Print(Here));
        File.CreateSymbolicLink(In("home"), In("data"));
        File.CreateSymbolicLink(In("elsewhere"), "/usr/bin/env");
        File.WriteAllText(In("file"), StoreDirectory.Default.Print(Here));
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }

        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task LinkOfThisHost_IsSeenFromHere() => Assert.Equal((RootLinkView.Own, Here), await ReadAsync("home/result", default));

    [Fact]
    public async Task LinkBehindAnAbsoluteLink_IsTheClientsOwn_NotTheHosts()
    {
        Assert.Equal((RootLinkView.Client, There), await ReadAsync("home/result", Contain()));
    }

    [Fact]
    public async Task LinkThatIsTheSameFile_IsTheHosts()
    {
        Assert.Equal((RootLinkView.Own, Here), await ReadAsync("data/result", Contain(hides: false)));
    }

    [Theory]
    [InlineData("absent")]
    [InlineData("absent/result")]
    [InlineData("file")]
    [InlineData("file/result")]
    [InlineData("elsewhere")]
    [InlineData("data")]
    public async Task WhatIsNoLinkIntoTheStore_IsNone(string name) => Assert.Equal(RootLinkView.None, (await ReadAsync(name, default)).View);

    [Fact]
    public async Task ProcessThatHasEnded_WhoseIdAnotherHas_IsNotLookedThrough()
    {
        var client = Contain();
        Assert.Equal(RootLinkView.Unknown, (await ReadAsync("home/result", client with { StartTicks = client.StartTicks + 1 })).View);
        Assert.Equal(RootLinkView.Unknown, (await ReadAsync("home/result", client with { StartTicks = 0 })).View);
        Assert.Equal(RootLinkView.Unknown, (await ReadAsync("home/result", client with { ProcessId = int.MaxValue })).View);
    }

    private string In(string name) => Path.Join(_folder.FullName, name);

    private Task<(RootLinkView View, StorePath Target)> ReadAsync(string name, RootClient client) =>
        RootLink.ReadAsync(In(name), client, StoreDirectory.Default, ReaderExtensions.Token);

    /// <summary>A process in a mount namespace of its own, where the folder is another one of the same name.</summary>
    private RootClient Contain(bool hides = true)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/bwrap"), "needs bwrap");
        string[] hidden =
        [
            "--tmpfs", _folder.FullName, "--dir", In("data"), "--symlink", In("data"), In("home"), "--symlink", StoreDirectory.Default.Print(There), In("data/result"),
        ];
        var start = new ProcessStartInfo("/usr/bin/bwrap", ["--dev-bind", "/", "/", .. hides ? hidden : [], "sh", "-c", "echo $$; exec cat"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        var process = Process.Start(start)!;
        _processes.Add(process);
        var id = int.Parse(process.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
        var fields = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/stat")).Split(") ")[^1].Split(' ');
        return new RootClient(new RootOwner(0, "container"), id, ulong.Parse(fields[19], CultureInfo.InvariantCulture));
    }
}
