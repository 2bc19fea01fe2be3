using NixFuseStore.Cli.Errors;
using NixFuseStore.Cli.Settings;
using NixFuseStore.Settings;

namespace NixFuseStore.Cli.Tests.Settings;

public sealed class StoreSettingsReaderTests : IDisposable
{
    private const string Token = "nixfuse_0123456789abcdefghijklmnopqrstuvwxyzABCDE-_";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("nixfuse-settings-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("http://a:1", null, "main")]
    [InlineData("http://a:1/", null, "main")]
    [InlineData("http://a:1/team", null, "team")]
    [InlineData("http://a:1/team/", "team", "team")]
    [InlineData("http://a:1", "team", "team")]
    [InlineData("http://a:1/team,https://b/team", null, "team")]
    [InlineData("http://a:1/team,https://b", null, "team")]
    public void PathBehindTheAddress_IsTheStoresName(string server, string? store, string expected)
    {
        var settings = Resolve(server, store);
        Assert.Equal(expected, settings.Store);
        Assert.All(settings.Servers, static address => Assert.Equal("/", address.AbsolutePath));
    }

    [Theory]
    [InlineData("http://a:1/team", "other")]
    [InlineData("http://a:1/team,http://b:1/other", null)]
    [InlineData("http://a:1/team/more", null)]
    [InlineData("http://a:1/team?x=y", null)]
    [InlineData("http://a:1#team", null)]
    public void PathBehindTheAddress_ThatConflicts_IsRefused(string server, string? store) =>
        Assert.Throws<UsageException>(() => Resolve(server, store));

    [Theory]
    [InlineData(Token)]
    [InlineData(Token + "\n")]
    [InlineData(Token + "\r\n")]
    [InlineData("  " + Token + "  \n\n")]
    public void TokenFile_MayEndWithALine(string text) => Assert.Equal(Token, Resolve("http://a:1", null, WriteToken(text)).Token);

    [Theory]
    [InlineData("", "is empty")]
    [InlineData(" \n", "is empty")]
    [InlineData("root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/bin/sh\n", "holds no access token")]
    [InlineData("nixfuse_short", "holds no access token")]
    [InlineData(Token + "x", "holds no access token")]
    [InlineData(Token + "\n" + Token, "more than one line")]
    [InlineData("nixfuse_0123456789abcdefghijklmnopqrstuvwxyzABCDE+/", "other characters")]
    public void TokenFile_OfAnotherForm_IsRefused_AndNothingOfItShown(string text, string expected)
    {
        var file = WriteToken(text);
        var error = Assert.Throws<CliException>(() => Resolve("http://a:1", null, file));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("root:x", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("0123456789", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TokenFile_WithoutEnd_IsRefused() => Assert.Throws<CliException>(() => Resolve("http://a:1", null, "/dev/zero"));

    private StoreSettings Resolve(string server, string? store, string? tokenFile = null) =>
        StoreSettingsReader.Resolve(
            server, store, tokenFile, [], tlsAuthorityFile: null, SettingsFiles.Load(_folder.FullName + "/none", _folder.FullName + "/none").Client);

    private string WriteToken(string text)
    {
        var file = Path.Join(_folder.FullName, "token");
        File.WriteAllText(file, text);
        return file;
    }
}
