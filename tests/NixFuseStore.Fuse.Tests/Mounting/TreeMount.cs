using NixFuseStore.Fuse.Mounting;
using NixFuseStore.Fuse.Sessions;
using NixFuseStore.Fuse.Tests.Trees;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Tests.Mounting;

/// <summary>A real mount of a <see cref="TreeFileSystem"/>, gone without a trace afterwards.</summary>
internal sealed class TreeMount : IAsyncDisposable
{
    private readonly FuseMount _mount;

    private TreeMount(FuseMount mount, FuseSession session, TreeFileSystem tree, List<Exception> unexpected)
    {
        _mount = mount;
        Session = session;
        Tree = tree;
        Unexpected = unexpected;
    }

    public string Path => _mount.Path;

    public FuseMount Mount => _mount;

    public FuseSession Session { get; }

    public TreeFileSystem Tree { get; }

    public List<Exception> Unexpected { get; }

    public static async Task<TreeMount> CreateAsync(TreeFileSystem? tree = null, bool remount = true)
    {
        SkipUnlessPossible();
        tree ??= new TreeFileSystem();
        var unexpected = new List<Exception>();
        var path = Directory.CreateTempSubdirectory("fuse-test-").FullName;
        var mount = FuseMount.Create(path, new FuseMountOptions { Source = "tree,test" });
        var options = new FuseSessionOptions
        {
            OnUnexpected = (_, exception) =>
            {
                lock (unexpected)
                {
                    unexpected.Add(exception);
                }
            },
        };
        var session = new FuseSession(mount.Channel, tree, options);
        session.Start();
        await session.Connection.WaitAsync(TimeSpan.FromSeconds(60));
        if (remount)
        {
            mount.RemountReadOnly();
        }

        return new TreeMount(mount, session, tree, unexpected);
    }

    public static void SkipUnlessPossible()
    {
        if (!File.Exists("/dev/fuse"))
        {
            Assert.Skip("/dev/fuse is missing");
        }

        if (Libc.EffectiveUserId != 0)
        {
            Assert.Skip("mounting by mount(2) needs root");
        }
    }

    public string At(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Waits until the session has counted what its client may see a moment earlier.</summary>
    public async Task UntilAsync(Func<FuseSessionStatistics, bool> condition)
    {
        for (var i = 0; i < 6000 && !condition(Session.GetStatistics()); i++)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        Assert.True(condition(Session.GetStatistics()), Session.GetStatistics().ToString());
    }

    public async ValueTask DisposeAsync()
    {
        Assert.True(_mount.TryUnmount(lazyWhenBusy: true));
        await Session.StopAsync(TimeSpan.Zero);
        _mount.Dispose();
        Directory.Delete(Path);
        Assert.Empty(Unexpected);
    }
}
