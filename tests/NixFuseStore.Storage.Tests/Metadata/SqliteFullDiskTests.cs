using System.Diagnostics;
using NixFuseStore.Storage.Metadata;
using NixFuseStore.Storage.Metadata.Sql;

namespace NixFuseStore.Storage.Tests.Metadata;

/// <summary>What a transaction that fails in an unusual place leaves behind.</summary>
public sealed class SqliteFullDiskTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private string? _mounted;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        if (_mounted is not null)
        {
            Run("umount", _mounted);
        }

        _directory.Dispose();
    }

    [Fact]
    public async Task Writes_DiskFullAtTheCommit_FailClearlyAndWorkAgainWithSpace()
    {
        string mount = Mount("2m");
        await using var metadata = await StorageFactory.OpenMetadataAsync($"sqlite:{mount}/metadata.db", Token);
        var store = await metadata.CreateStoreAsync(new NewStore("main", "/nix/store", 1, "k:s", "k:p"), Token);
        string ballast = Path.Combine(mount, "ballast");
        Fill(ballast);

        // Long rows, so that the log has to grow; several times, since the first failure is what spoiled the connection.
        for (int round = 0; round < 3; round++)
        {
            var error = await Assert.ThrowsAsync<MetadataUnavailableException>(
                () => metadata.AddSigningKeyAsync(store!.Id, new string('s', 200_000), $"k-{round}:p", Token));
            Assert.DoesNotContain("nested", error.Message, StringComparison.Ordinal);
        }

        Assert.NotNull(await metadata.FindStoreAsync("main", Token));
        File.Delete(ballast);
        await metadata.AddSigningKeyAsync(store!.Id, new string('s', 200_000), "after:p", Token);
        Assert.Equal(["after:p", "k:p"], (await metadata.GetSigningKeysAsync(store.Id, Token)).Select(key => key.PublicKey));
    }

    [Theory]
    [InlineData("COMMIT")]
    [InlineData("ROLLBACK")]
    public async Task Session_TransactionEndedBehindItsBack_LeavesTheNextOneWhole(string ending)
    {
        // What a full disk or an I/O error does: the database ends the transaction by itself, and then its end fails.
        await using var metadata = await StorageFactory.OpenMetadataAsync($"sqlite:{_directory["metadata.db"]}", Token);
        await metadata.CreateStoreAsync(new NewStore("main", "/nix/store", 1, "k:s", "k:p"), Token);
        await using var dialect = new SqliteDialect(_directory["metadata.db"]);
        for (int round = 0; round < 2; round++)
        {
            await using var session = await dialect.OpenWriteAsync(durable: true, Token);
            await session.ExecuteAsync("UPDATE stores SET created = 5", Token);
            await session.ExecuteAsync(ending, Token);
            if (ending == "ROLLBACK")
            {
                await Assert.ThrowsAnyAsync<Exception>(() => session.CommitAsync(Token));
            }
        }

        await using (var next = await dialect.OpenWriteAsync(durable: true, Token))
        {
            await next.ExecuteAsync("UPDATE stores SET created = 7", Token);
            await next.CommitAsync(Token);
        }

        Assert.Equal(7L, (await metadata.FindStoreAsync("main", Token))!.Created);
    }

    private string Mount(string size)
    {
        Assert.SkipUnless(Environment.UserName == "root", "mounting a small tmpfs takes root");
        string mount = _directory["small"];
        Directory.CreateDirectory(mount);
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", $"size={size}", "tmpfs", mount) == 0, "tmpfs cannot be mounted here");
        return _mounted = mount;
    }

    private static void Fill(string file)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
            {
                stream.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // Full now.
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments))!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
