using NixFuseStore.Cli.Commands;
using NixFuseStore.Cli.Errors;
using NixFuseStore.Nix;

namespace NixFuseStore.Cli.Tests;

public sealed class LocalPathArgumentTests : IDisposable
{
    private const string BaseName = "i9pmrzmpshapij2kin22pff6fc2adavx-hello.txt";

    private readonly string _directory = Directory.CreateTempSubdirectory("path-argument-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("/nix/store/" + BaseName)]
    [InlineData("/nix/store/" + BaseName + "/bin/hello")]
    [InlineData(BaseName)]
    [InlineData("/some/root/nix/store/" + BaseName)]
    [InlineData("/some/root/nix/store/" + BaseName + "/bin")]
    public void Parse_WhatNamesAPath_IsThatPath(string argument) =>
        Assert.Equal(BaseName, LocalPathArgument.Parse(argument, "/some/root", StoreDirectory.Default).BaseName);

    [Theory]
    [InlineData("/nix/store/" + BaseName)]
    [InlineData("/some/root/nix/store/" + BaseName)]
    public void Parse_LinkThatDangles_IsItsTarget(string target)
    {
        string link = Path.Combine(_directory, "result");
        File.CreateSymbolicLink(link, target);
        Assert.Equal(BaseName, LocalPathArgument.Parse(link, "/some/root/", StoreDirectory.Default).BaseName);
    }

    [Theory]
    [InlineData("hello")]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/nix/store")]
    [InlineData("/nix/store/hello")]
    [InlineData("/other/root/nix/store/" + BaseName)]
    public void Parse_AnythingElse_IsWrongUsage(string argument) =>
        Assert.Throws<UsageException>(() => LocalPathArgument.Parse(argument, "/some/root", StoreDirectory.Default));
}
