#pragma warning disable CA1416 // Linux only
using NixFuseStore.Server.Tests.Samples;
using Xunit;

namespace NixFuseStore.Server.Tests.Commands;

/// <summary>What commands do with the storage that they are told of: they make none by looking, take no password, and leave nothing open to others.</summary>
public sealed class StorageCommandTests : IDisposable
{
    private const UnixFileMode ForOthers = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    private readonly string _directory = Directory.CreateTempSubdirectory("nixfuse-storage-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("store", "list")]
    [InlineData("store", "show", "main")]
    [InlineData("store", "set", "main", "--upstream", "http://localhost:1")]
    [InlineData("token", "list")]
    [InlineData("token", "create", "--all-stores", "--rights", "read")]
    [InlineData("token", "revoke", "1")]
    [InlineData("path", "revoke", "main", "i9pmrzmpshapij2kin22pff6fc2adavx-x")]
    public async Task Command_NoDatabaseThere_SaysSoAndMakesNothing(params string[] command)
    {
        var absent = Path.Combine(_directory, "absent");
        foreach (var storage in new[] { new[] { "--data", absent }, ["--metadata", $"sqlite:{absent}/dir/x.db"], ["--metadata", $"sqlite:{_directory}/x.db"] })
        {
            var (status, output, error) = await ServerProcess.RunAsync([.. command, .. storage]);

            Assert.Equal(1, status);
            Assert.Equal("", output);
            Assert.StartsWith("nixfuse-server: there is no database /", error, StringComparison.Ordinal);
            Assert.Single(error.TrimEnd('\n').Split('\n'));
            Assert.Empty(Directory.EnumerateFileSystemEntries(_directory));
        }
    }

    [Fact]
    public async Task Command_EmptyDatabase_StaysEmpty()
    {
        var file = Path.Combine(_directory, "x.db");
        await File.WriteAllBytesAsync(file, [], TestServer.Cancellation);

        var (status, _, error) = await ServerProcess.RunAsync("store", "list", "--metadata", "sqlite:" + file);

        Assert.Equal(1, status);
        Assert.Contains("is empty", error, StringComparison.Ordinal);
        Assert.Equal(0, new FileInfo(file).Length);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("store", "create", "main")]
    public async Task Database_InMissingDirectory_IsNotMade(params string[] command)
    {
        var (status, _, error) = await ServerProcess.RunAsync([.. command, "--metadata", $"sqlite:{_directory}/none/x.db", .. command is ["serve"] ? ["--data", _directory + "/data"] : Array.Empty<string>()]);

        Assert.Equal(1, status);
        Assert.Contains($"the directory {_directory}/none of the database", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory + "/none"));
    }

    [Theory]
    [InlineData("postgres://user:hidden@127.0.0.1:1/db")]
    [InlineData("postgres://user@127.0.0.1:1/db?password=hidden")]
    public async Task Metadata_PasswordOnTheCommandLine_IsRefusedWithWhatToDo(string uri)
    {
        var (status, _, error) = await ServerProcess.RunAsync("store", "list", "--metadata", uri);

        Assert.Equal(2, status);
        Assert.Contains("PGPASSWORD", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metadata_PasswordInTheEnvironment_IsTaken()
    {
        // Nothing listens there: the line about that shows how far it came.
        var (status, _, error) = await ServerProcess.RunAsync(
            ["store", "list"], new() { ["NIXFUSE_METADATA"] = "postgres://user:hidden@127.0.0.1:1/db" });

        Assert.Equal(1, status);
        Assert.Contains("PostgreSQL database db at 127.0.0.1:1", error, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_UsersFile_SaysWhereStorageIs()
    {
        var settings = WriteSettings($"[nixfuse-server]\nmetadata = 'sqlite:{_directory}/x.db'\n");
        Assert.Equal(0, (await ServerProcess.RunAsync(["store", "create", "team"], settings)).Status);
        Assert.True(File.Exists(_directory + "/x.db"));

        Assert.StartsWith("team\t", (await ServerProcess.RunAsync(["store", "list"], settings)).Output, StringComparison.Ordinal);

        // The environment comes before it, the command line before both.
        settings["NIXFUSE_METADATA"] = $"sqlite:{_directory}/y.db";
        Assert.Contains("/y.db", (await ServerProcess.RunAsync(["store", "list"], settings)).Error, StringComparison.Ordinal);
        Assert.Contains("/z.db", (await ServerProcess.RunAsync(["store", "list", "--metadata", $"sqlite:{_directory}/z.db"], settings)).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Settings_Slip_IsOneLineWithFileAndNumber()
    {
        var settings = WriteSettings("[nixfuse-server]\nmetdata = 'sqlite:x'\n");

        var (status, _, error) = await ServerProcess.RunAsync(["store", "list"], settings);

        Assert.Equal(1, status);
        Assert.Equal($"nixfuse-server: {_directory}/nixfuse/config.toml:2: there is no setting metdata in [nixfuse-server]; did you mean metadata?\n", error);
    }

    [Fact]
    public async Task Settings_RelativePath_IsRefused()
    {
        var settings = WriteSettings("[nixfuse-server]\ndata = 'here'\n");

        Assert.Contains("config.toml:2: data in [nixfuse-server] is wrong: 'here' is not an absolute path", (await ServerProcess.RunAsync(["store", "list"], settings)).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000", false)]
    [InlineData("0022", false)]
    [InlineData("0000", true)]
    [InlineData("0022", true)]
    public async Task Serve_WhateverTheMask_NothingIsOpenToOthers(string mask, bool apart)
    {
        var (data, packs, file) = (_directory + "/data", _directory + "/packs", _directory + "/x.db");
        string[] storage = apart ? ["--metadata", "sqlite:" + file, "--blobs", "file:" + packs] : [];
        await using (var server = await ServerProcess.ServeMaskedAsync(mask, data, storage))
        {
            await CommandTests.PushAsync(server.Address, SamplePath.CreateRandom("secret", 3, 300_000));

            var made = Directory.EnumerateFileSystemEntries(_directory, "*", SearchOption.AllDirectories).ToArray();
            var open = made.Where(path => (File.GetUnixFileMode(path) & ForOthers) != 0).ToArray();

            Assert.Contains(made, path => path.Contains("/packs/", StringComparison.Ordinal) && new FileInfo(path) is { Exists: true, Length: > 100_000 });
            Assert.Contains(made, path => path.EndsWith("-wal", StringComparison.Ordinal));
            Assert.Empty(open);
        }
    }

    [Fact]
    public async Task Serve_LaxerOnesThere_AreNarrowedWithALine()
    {
        var (packs, file) = (_directory + "/packs", _directory + "/x.db");
        string[] storage = ["--metadata", "sqlite:" + file, "--blobs", "file:" + packs];
        await using (await ServerProcess.ServeAsync(_directory + "/data", storage))
        {
        }

        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        File.SetUnixFileMode(packs, (UnixFileMode)0b111_101_101);
        var server = await ServerProcess.ServeAsync(_directory + "/data", storage);
        await server.DisposeAsync();
        var log = await server.ErrorAsync();

        Assert.Contains($"the file {file} was open to other users (mode 0644); it is not any more", log, StringComparison.Ordinal);
        Assert.Contains($"the directory {packs} was open to other users (mode 0755); it is not any more", log, StringComparison.Ordinal);
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(file));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(packs));
    }

    private Dictionary<string, string> WriteSettings(string text)
    {
        var file = Directory.CreateDirectory(_directory + "/nixfuse").FullName + "/config.toml";
        File.WriteAllText(file, text);
        return new() { ["XDG_CONFIG_HOME"] = _directory };
    }
}
