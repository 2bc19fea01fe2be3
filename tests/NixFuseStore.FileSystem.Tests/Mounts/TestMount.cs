using NixFuseStore.Client.Contracts;
using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.FileSystem.Tests.Mounts;

/// <summary>A store mounted for real in a temporary directory. Skips the test where that is not possible.</summary>
internal sealed class TestMount : IAsyncDisposable
{
    private readonly FuseMount _mount;

    private TestMount(FuseMount mount, StoreFileSystem fileSystem, FuseSession session)
    {
        _mount = mount;
        FileSystem = fileSystem;
        Session = session;
    }

    public string Path => _mount.Path;

    public string Store => System.IO.Path.Join(_mount.Path, "store");

    public StoreFileSystem FileSystem { get; }

    public FuseSession Session { get; }

    public static async Task<TestMount> CreateAsync(IStoreReader reader, StoreFileSystemOptions? options = null)
    {
        if (!File.Exists("/dev/fuse"))
        {
            Assert.Skip("there is no /dev/fuse here");
        }

        var directory = Directory.CreateTempSubdirectory("nixfuse-fs-test-").FullName;
        FuseMount mount;
        try
        {
            mount = FuseMount.Create(directory);
        }
        catch (FuseMountException exception) when (exception.Problem is FuseMountProblem.NotPermitted or FuseMountProblem.NoHelper or FuseMountProblem.NoDevice)
        {
            Directory.Delete(directory);
            Assert.Skip(exception.Message);
            throw;
        }

        var fileSystem = new StoreFileSystem(reader, options ?? new StoreFileSystemOptions { Log = line => TestContext.Current.TestOutputHelper?.WriteLine(line) });
        var session = new FuseSession(mount.Channel, fileSystem);
        fileSystem.StartNotifications(session.Notifier);
        session.Start();
        await session.Connection.WaitAsync(TimeSpan.FromSeconds(60));
        mount.RemountReadOnly();
        mount.SetReadAhead(1024);
        return new TestMount(mount, fileSystem, session);
    }

    /// <summary>Lets go of the kernel's line without unmounting, as a killed process does.</summary>
    public async Task DieAsync()
    {
        await Session.StopAsync(TimeSpan.Zero);
        await FileSystem.DisposeAsync();
        _mount.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        _mount.TryUnmount(lazyWhenBusy: true);
        await Session.StopAsync(TimeSpan.FromSeconds(1));
        await FileSystem.DisposeAsync();
        _mount.Dispose();
        Directory.Delete(_mount.Path);
    }
}
