#pragma warning disable CA1416 // Linux only

namespace NixFuseStore.Settings.Tests;

/// <summary>What settings files say, which of two wins, and that whatever is wrong in one is a line with file and number.</summary>
public sealed class SettingsFilesTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-settings-").FullName;

    private string UserFile => Path.Combine(_directory, "user.toml");

    private string SystemFile => Path.Combine(_directory, "system.toml");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Load_NoFiles_SayNothing()
    {
        var settings = Load();

        Assert.Null(settings.Client.Servers);
        Assert.Null(settings.Server.Metadata);
    }

    [Fact]
    public void Load_EveryKeyOfThePage_IsKnown()
    {
        // The page is what people copy from.
        var page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "SETTINGS.md"));
        var start = page.IndexOf("```toml", StringComparison.Ordinal) + "```toml".Length;
        Write(UserFile, page[start..page.IndexOf("```", start, StringComparison.Ordinal)], UnixFileMode.UserRead | UnixFileMode.UserWrite);

        var settings = Load();

        Assert.Equal(["alice", "@builders"], settings.Client.Trusted!.Value);
        Assert.Equal("20GiB", settings.Client.CacheSize!.Value);
        Assert.Equal(["https://store.example.org"], settings.Client.Servers!.Value);
        Assert.Equal(["http://127.0.0.1:7420"], settings.Server.Listen!.Value);
        Assert.Equal("…", settings.Server.MetadataPassword!.Value);
        Assert.Equal("info", settings.Server.LogLevel!.Value);
        foreach (var key in ClientSettings.Keys.Concat(ServerSettings.Keys))
        {
            Assert.Contains($"\n{key.Name} = ", page, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Load_BothFiles_UsersOwnWinsKeyByKey()
    {
        Write(SystemFile, "server = 'http://system'\nstore = 'main'\n");
        Write(UserFile, "# mine\nserver = 'http://user'\n");

        var client = Load().Client;

        Assert.Equal(["http://user"], client.Servers!.Value);
        Assert.Equal($"{UserFile}:2", client.Servers.Origin);
        Assert.Equal("main", client.Store!.Value);
        Assert.Equal($"{SystemFile}:2", client.Store.Origin);
    }

    [Theory]
    [InlineData("store = 'a'\nserver = [\n", ":3: this is not TOML: ")]
    [InlineData("store = 'a'\n\ncache-szie = '1GiB'\n", ":3: there is no setting cache-szie; did you mean cache-size?")]
    [InlineData("colour = 'red'\n", ":1: there is no setting colour")]
    [InlineData("store = 'a'\nstore = 'b'\n", ":2: this is not TOML: ")]
    [InlineData("\nstore = 7\n", ":2: store wants a text in quotes")]
    [InlineData("store = ['a']\n", ":1: store wants a text in quotes")]
    [InlineData("trusted = [\n 'a',\n 7]\n", ":3: trusted wants texts in quotes")]
    [InlineData("store.name = 'a'\n", ":1: there is no setting store.name")]
    [InlineData("listen = 'http://x'\n", ":1: listen stands in the wrong place: it belongs into [nixfuse-server]")]
    [InlineData("[nixfuse-server]\ncache-dir = 'x'\n", ":2: cache-dir in [nixfuse-server] stands in the wrong place: it belongs above all tables")]
    [InlineData("[server]\nlisten = 'x'\n", ":1: there is no table [server]")]
    [InlineData("[[nixfuse-server]]\nlisten = 'x'\n", ":1: there is no table [nixfuse-server]")]
    [InlineData("\"a\\u001b[31m\" = 'x'\n", ":1: there is no setting a [31m")]
    public void Load_WrongText_IsOneLineWithFileAndNumber(string text, string line)
    {
        Write(UserFile, text);

        var error = Assert.Throws<SettingsException>(() => Load());

        Assert.StartsWith(UserFile + line, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Theory]
    [InlineData("[nixfuse-server]\nmetadata-password = 'x'\n", 2)]
    [InlineData("[nixfuse-server]\n\nmetadata = 'postgres://u:secret@h/db'\n", 3)]
    [InlineData("[nixfuse-server]\nmetadata = 'postgres://u@h/db?password=x'\n", 2)]
    [InlineData("proxy = 'http://u:secret@proxy:3128'\n", 1)]
    public void Load_SecretThatOthersMayRead_IsRefusedWithTheLineThatMendsIt(string text, int line)
    {
        Write(UserFile, text, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);

        var error = Assert.Throws<SettingsException>(() => Load());

        Assert.StartsWith($"{UserFile}:{line}: ", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"(chmod 600 {UserFile})", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret@", error.Message, StringComparison.Ordinal);

        File.SetUnixFileMode(UserFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Load();
    }

    [Fact]
    public void Load_NoSecrets_MayBeReadByAll()
    {
        Write(UserFile, "proxy = 'http://proxy:3128'\n[nixfuse-server]\nmetadata = 'postgres://u@h:5432/db'\n");

        Assert.Equal("postgres://u@h:5432/db", Load().Server.Metadata!.Value);
    }

    [Fact]
    public void Load_FileThatOthersMayWrite_IsRefused()
    {
        Write(UserFile, "store = 'a'\n", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);

        Assert.Contains("chmod go-w", Assert.Throws<SettingsException>(() => Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_Pipe_IsRefusedAtOnce()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/mkfifo"), "there is no mkfifo here");
        System.Diagnostics.Process.Start("/usr/bin/mkfifo", [UserFile]).WaitForExit();

        Assert.Contains("not a regular file", Assert.Throws<SettingsException>(() => Load()).Message, StringComparison.Ordinal);
    }

    private SettingsFiles Load() => SettingsFiles.Load(UserFile, SystemFile);

    private static void Write(
        string file, string text, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead)
    {
        File.WriteAllText(file, text);
        File.SetUnixFileMode(file, mode);
    }
}
